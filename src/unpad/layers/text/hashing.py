"""Hashing and HashedCrossing: ids of words and numbers without a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...arguments import Positive
from ...core.layer import Layer
from ...core.options import WithoutType
from ...core.precision import policy_of
from ...core.spec import Spec
from ...core.symbol import is_symbolic
from ...errors import look_up, refuse
from ...ragged import Ragged
from ...ragged.batch import values_of, with_values_of
from ...ragged.numbers import to_tensor
from .category_encoding import encode
from .fingerprint import fingerprint
from .siphash import bucket, salt_of
from .strings import are_bytes, arranged, as_array, as_texts, spec_of_ids, strings_of, uneven

_OF_IDS = (torch.int32, torch.int64)
_MODES = {mode: mode for mode in ("int", "one_hot", "multi_hot", "count")}


class _Hashed(Layer):
    """A layer whose ids are hashes; as ids or as vectors."""

    one_level = False
    takes_texts = True
    num_bins: int
    output_mode: str

    def _weights_dtype(self) -> torch.dtype | None:
        return None

    @property
    def _of_ids(self) -> torch.dtype:
        # A policy for all layers, as mixed_bfloat16, is about floats.
        return self.dtype if self.dtype in _OF_IDS else torch.int64

    def _encoded(self, ids: Ragged | Tensor) -> Ragged | Tensor:
        """The ids, or vectors of them."""
        if self.output_mode == "int":
            return ids.to(dtype=self._of_ids)
        ids = ids if isinstance(ids, Ragged) or ids.ndim else ids[None]
        dtype = self.compute_dtype
        return encode(ids, self.output_mode, self.num_bins, dtype)

    def _spec(self, spec: Spec) -> Spec:
        spec = spec.with_dtype(torch.int64)
        if self.output_mode == "int":
            return spec.with_dtype(self._of_ids)
        spec = spec.with_dtype(self.compute_dtype)
        if self.output_mode == "one_hot":
            kept = spec.shape[:-1] if spec.shape and spec.shape[-1] == 1 else spec.shape
            return spec.with_shape((*kept, self.num_bins))
        if spec.ragged and not spec.shape:
            return spec.rows((self.num_bins,))
        return spec.with_last(self.num_bins)


class Hashing(_Hashed):
    """An id for each word or whole number: its hash, in one of `num_bins` bins.

    Strings as StringLookup takes them, before training or behind an Input of strings; numbers
    anywhere. The same word has the same id on every machine; different words may share one.

    Shapes: ids where the words or numbers are; Ragged (batch, steps*) stays so. "one_hot" gives
    each a vector, "multi_hot" and "count" each sequence or last axis. Empty sequences stay empty,
    or give zeros.

    Args:
        num_bins: how many ids there are.
        mask_value: a word or number that has id 0 to itself.
        salt: a number, or two, that make other hashes (SipHash, by which nobody can choose words
            that share an id).
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: refused: vectors are dense.
        dtype: see `Layer`; of the ids, integers, where output_mode is "int".

    Raises:
        ValueError: what comes is neither strings nor numbers.

    Example:
        >>> Hashing(3)([["A", "B"], [], ["C"]]).to_list()
        [tensor([1, 0]), tensor([], dtype=torch.int64), tensor([1])]
    """

    takes = "one"

    def __init__(
        self,
        num_bins: Positive,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Unpack[WithoutType],
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        refuse(self.who, sparse=sparse)
        self.num_bins, self.mask_value, self.sparse = num_bins, mask_value, False
        self.output_mode = look_up(self.who, "output_mode", output_mode, _MODES)
        asked = policy_of(dtype)
        if self.output_mode == "int" and asked is not None and asked.variable not in _OF_IDS:
            raise arguments.wrong(self.who, "dtype", "int32 or int64 for ids", dtype)
        self.salt = salt_of(self.who, salt)
        self._reads_texts = False

    def reads_texts(self) -> None:
        self._reads_texts = True

    def output_spec(self, spec: Spec) -> Any:
        return (
            spec_of_ids(spec, super().output_spec(spec)) if self._reads(spec) else self._spec(spec)
        )

    def _reads(self, batch: Spec | Ragged | Tensor) -> bool:
        """Whether a batch, or one of this spec, is of texts."""
        ragged = batch.ragged if isinstance(batch, Spec) else isinstance(batch, Ragged)
        return self._reads_texts and ragged and batch.dtype is torch.uint8

    def __call__(self, inputs: Any) -> Any:
        """The ids of strings or numbers, or vectors of them."""
        if isinstance(inputs, (Ragged, Tensor)) or is_symbolic(inputs):
            return super().__call__(inputs)
        if not hasattr(inputs, "to_pylist") and not isinstance(inputs, (str, bytes)):
            array = None if uneven(inputs) else as_array(inputs, self.who)
            if array is not None and array.dtype.kind in "iufb":
                return super().__call__(to_tensor(array, self.who))
            if array is not None and array.size == 0 and array.ndim != 1:
                return super().__call__(to_tensor(array, self.who))
            inputs = array if array is not None and array.ndim != 1 else inputs
        return self._of_words(inputs)

    def _of_words(self, texts: Any) -> Ragged | Tensor:
        words, arrangement = strings_of(texts, self.who)
        return self._encoded(arranged([self._bin(word, word) for word in words], arrangement))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The ids of numbers, or of the texts that flow through a model; or vectors of them."""
        if isinstance(inputs, Ragged) and self._reads(inputs):
            return self._of_words(as_texts(inputs)).to(inputs.device)
        values = values_of(inputs)
        flat = values.to(torch.int64).flatten().tolist()
        bins = {n: self._bin(str(n), n) for n in set(flat)}
        ids = torch.tensor([bins[n] for n in flat], dtype=torch.int64, device=values.device)
        return self._encoded(with_values_of(inputs, ids.reshape(values.shape)))

    def _bin(self, word: str, value: Any) -> int:
        masked = int(self.mask_value is not None and self.num_bins > 1)
        if masked and value == self.mask_value:
            return 0
        return masked + bucket(word.encode(), self.num_bins - masked, self.salt)


class HashedCrossing(_Hashed):
    """An id for each combination of features: a hash of all of them, in one of `num_bins` bins.

    Takes a list of features, each numbers or strings, one for each row: (batch,) or (batch, 1);
    in a model strings come in by an Input of them.

    Args:
        num_bins: how many ids there are.
        output_mode: "int" or "one_hot".
        sparse: refused: vectors are dense.
        dtype: see `Layer`; of the ids, integers, where output_mode is "int".

    Raises:
        ValueError: fewer than two features, or of different shapes.

    Example:
        >>> HashedCrossing(5)([np.array(["A", "B"]), np.array([101, 101])]).tolist()
        [1, 4]
    """

    takes = "several"

    def __init__(
        self,
        num_bins: Positive,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Unpack[WithoutType],
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        refuse(self.who, sparse=sparse)
        self.num_bins, self.sparse = num_bins, False
        modes = {mode: mode for mode in ("int", "one_hot")}
        self.output_mode = look_up(self.who, "output_mode", output_mode, modes)

    def output_spec(self, specs: Sequence[Spec]) -> Spec:
        # Of sequences, those of texts' bytes alone are one value a row.
        rows = [s for s in specs if not s.ragged or (s.levels == 1 and s.dtype is torch.uint8)]
        self._check([spec.shape if spec in rows else (None, *spec.shape) for spec in specs])
        return self._spec(specs[0].rows(specs[0].shape))

    def _check(self, shapes: list[Any]) -> None:
        if len(shapes) < 2 or len(set(shapes)) > 1 or shapes[0] not in ((), (1,)):
            raise ValueError(
                f"{self.who}: expected two features or more, each (batch,) or (batch, 1), got "
                f"{', '.join(str(('batch', *shape)) for shape in shapes)}."
            )

    def __call__(self, inputs: Any) -> Any:
        """The ids of combinations, or vectors of them."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"{self.who}: expected a list of features, got one.")
        if is_symbolic(inputs):
            return super().__call__(list(inputs))
        return self.forward(inputs)

    def forward(self, inputs: Sequence[Any]) -> Ragged | Tensor:
        """The ids of combinations, or vectors of them."""
        given = [as_texts(x) if are_bytes(x) else x for x in inputs]
        arrays = [
            x.numpy(force=True) if isinstance(x, Tensor) else as_array(x, self.who) for x in given
        ]
        device = next((x.device for x in inputs if isinstance(x, (Ragged, Tensor))), None)
        self._check([array.shape[1:] for array in arrays])
        columns = [self._codes(array.reshape(-1).tolist()) for array in arrays]
        ids = []
        for codes in zip(*columns, strict=True):
            code = _KEY
            for other in codes:
                code = _joined(code, other)
            ids.append(code % self.num_bins)
        found = torch.tensor(ids, dtype=torch.int64, device=device)
        return self._encoded(found.reshape(arrays[0].shape))

    def _codes(self, column: list[Any]) -> list[int]:
        if column and all(isinstance(x, int) for x in column):
            return [x & _BITS for x in column]
        words, _ = strings_of(column, self.who)
        return [fingerprint(word.encode()) for word in words]


_BITS = (1 << 64) - 1
_KEY, _FACTOR = 0xDECAFCAFFE, 0xC6A4A7935BD1E995


def _joined(a: int, b: int) -> int:
    """Two hashes as one (Murmur's way, as TensorFlow has it)."""
    code = a ^ _FACTOR
    part = b * _FACTOR & _BITS
    code ^= (part ^ part >> 47) * _FACTOR & _BITS
    code = code * _FACTOR & _BITS
    code = (code ^ code >> 47) * _FACTOR & _BITS
    return code ^ code >> 47
