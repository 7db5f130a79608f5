"""IntegerLookup: whole numbers to ids by a vocabulary, and back."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from ... import arguments
from ...arguments import Count, Positive
from ...core.options import WithoutName
from ...core.spec import Spec
from ...core.symbol import is_symbolic
from ...data.source.door import accept
from ...ragged import Ragged
from ...ragged.batch import values_of
from .index_lookup import IndexLookup
from .siphash import bucket
from .strings import Arrangement, as_array, uneven


class IntegerLookup(IndexLookup):
    """The id of each whole number in a vocabulary, which is given or learned by `adapt`.

    As StringLookup, of numbers: it takes a Ragged, tensors, arrays and lists, and stands in a model
    too. Unknown numbers share `num_oov_indices` ids as `oov_method` says.

    Shapes: ids where the numbers are; vectors as CategoryEncoding gives them. Empty sequences stay
    empty, or give zeros.

    Args:
        max_tokens: the largest size of the vocabulary, the special ones included.
        num_oov_indices: how many ids there are for unknown numbers; 0 makes them an error.
        mask_token: the number that stands for a missing one.
        oov_token: what `invert` gives for the id of an unknown number.
        vocabulary: numbers, or the path of a file with a number a line.
        vocabulary_dtype: "int64" or "int32".
        idf_weights: of the vocabulary's numbers, for "tf_idf"; the unknown get their mean.
        invert: from ids to numbers.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        sparse: refused: vectors are dense.
        pad_to_max_tokens: whether vectors have the size max_tokens, though numbers are fewer.
        oov_method: how unknown numbers share their ids: "floormod", by what is left of a division,
            or "farmhash", by the fingerprint of their digits, which spreads regular numbers.
        salt: with "farmhash" a number, or two, that make other hashes (SipHash).
        name: shown in summaries and errors.

    Raises:
        ValueError: there is no vocabulary yet; a number is unknown and `num_oov_indices` is 0.

    Example:
        >>> layer = IntegerLookup(vocabulary=[12, 7])
        >>> layer(Ragged.from_list([[7, 12, 3], []])).to_list()[0].tolist()
        [2, 1, 0]
    """

    takes = "one"

    def __init__(
        self,
        max_tokens: Positive | None = None,
        num_oov_indices: Count = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        self.oov_method = arguments.word(
            "IntegerLookup", "oov_method", oov_method, ["floormod", "farmhash"]
        )
        if salt is not None and oov_method != "farmhash":
            raise ValueError("IntegerLookup: salt goes with oov_method='farmhash'.")
        if vocabulary_dtype not in ("int64", "int32"):
            raise ValueError(
                f"IntegerLookup: expected vocabulary_dtype 'int64' or 'int32', got "
                f"{vocabulary_dtype!r}."
            )
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, pad_to_max_tokens, sparse, salt, name=name, **kwargs,
        )  # fmt: skip
        self.vocabulary_dtype = vocabulary_dtype

    # --- what is a number, and not a word --------------------------------------------------------

    def _tokens_of(self, inputs: Any) -> tuple[list[Any], Arrangement]:
        """Every number in order, and how they were arranged."""
        if hasattr(inputs, "to_pylist"):
            inputs = Ragged.from_arrow(inputs)
        if _are_sequences(inputs):
            inputs, _ = accept(inputs, self.who)
        if isinstance(inputs, Ragged):
            return values_of(inputs).flatten().tolist(), inputs.layout
        array = as_array(inputs.detach().cpu() if isinstance(inputs, Tensor) else inputs, self.who)
        if array.dtype.kind not in "iufb" and array.size:
            raise ValueError(f"{self.who}: expected whole numbers, got {array.dtype}.")
        return [int(n) for n in array.reshape(-1)], array.shape

    def _lines(self, text: str) -> Any:
        return [int(line) for line in text.split()]

    def _bucket(self, token: Any) -> int:
        if self.oov_method == "floormod":
            return token % self.num_oov_indices
        return bucket(str(token).encode(), self.num_oov_indices, self.salt)

    def _rank(self, token: Any) -> Any:
        return token

    def output_spec(self, spec: Spec) -> Spec:
        if self.output_mode == "int":
            return spec.with_dtype(torch.int64)
        depth = self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()
        spec = spec.with_dtype(self.compute_dtype)
        if self.output_mode == "one_hot":
            kept = spec.shape[:-1] if spec.shape and spec.shape[-1] == 1 else spec.shape
            return spec.with_shape((*kept, depth))
        return spec.rows((depth,)) if spec.ragged and not spec.shape else spec.with_last(depth or 1)

    def __call__(self, inputs: Any) -> Any:
        """The ids of numbers, or with `invert` the numbers of ids."""
        self._check_learned()
        return super().__call__(inputs) if is_symbolic(inputs) else self._asked(inputs)

    def _words_of(self, inputs: Any) -> Any:
        found = super()._words_of(inputs)
        kind = torch.int64 if self.vocabulary_dtype == "int64" else torch.int32
        if isinstance(inputs, Ragged):
            flat = [n for part in found for n in part]
            return inputs.with_values(torch.tensor(flat, dtype=kind))
        return torch.tensor(np.asarray(found).astype("int64"), dtype=kind)


IndexLookup.of_dtype |= {"int64": IntegerLookup, "int32": IntegerLookup}


def _are_sequences(inputs: Any) -> bool:
    """Whether these are sequences of different lengths, and no grid."""
    if isinstance(inputs, Tensor):
        return inputs.is_nested
    if isinstance(inputs, (list, tuple)):
        return uneven(inputs) is not None
    if hasattr(inputs, "to_pylist"):
        return True
    array = hasattr(inputs, "__array__") and not isinstance(inputs, Ragged)
    return array and np.asarray(inputs).dtype == object
