"""Input: the shape of what a model is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import arguments
from ..arguments import Positive
from ..errors import refuse, unknown
from ..ragged import Ragged
from ..ragged.numbers import as_dtype, type_name
from ..serialization import read
from ..signatures import checked
from .spec import Lengths, Spec, spec_of
from .symbol import Symbol
from .taking import Taking
from .written import is_ours


class Input(Symbol):
    """The shape of one sample, without the batch; None is any size, as of time.

    Sequences may come as a padded array or as a Ragged; the shape is that of the array. It is the
    symbol that a graph begins with: `keras.layers.LSTM(8)(Input((None, 5)))`.

    Args:
        shape: as (None,) for ids, (None, 5) for sequences of 5 features, (5,) for rows.
        batch_size: of the batches, as `shape` and summaries show it; a batch of another size works.
        dtype: of the values; by default torch's default. "string" for texts, which layers such as
            TextVectorization take: shape (1,) or () for one a row, (3,) for three, (None,) for
            sequences of them. They flow as sequences of their bytes.
        ragged: whether sequences come without padding, as lists or a Ragged; the time axis is the
            first of `shape`. Layers are then checked for sequences from the start.
        batch_shape: the batch's size and the shape, in Keras's other spelling.
        name: shown in errors.
        sparse: refused: batches are dense or Ragged.
        optional: whether None may stand in its place when the model is called.

    Example:
        >>> Input(shape=(None, 5)).spec
        Spec(shape=(None, 5), ragged=False, dtype=torch.float32)
    """

    @checked
    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: Positive | None = None,
        dtype: Any = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        *,
        sparse: bool | None = None,
        optional: bool = False,
    ) -> None:
        refuse("Input", sparse=sparse)
        ragged = bool(ragged)
        if batch_shape is not None:
            arguments.sizes("Input", "batch_shape", batch_shape, unknown=True, least=1)
            if (
                shape is not None
                or batch_size is not None
                or not isinstance(batch_shape, (tuple, list))
            ):
                raise ValueError(
                    f"Input: batch_shape is the whole shape, with the batch, got {batch_shape} "
                    "beside shape or batch_size."
                )
            batch_size, *shape = batch_shape
        known = isinstance(shape, (tuple, list))
        # A size that numpy has counted is one too.
        given = [int(n) if isinstance(n, np.integer) else n for n in shape or ()] if known else []
        sizes: tuple[int | None, ...] = tuple(given)
        if not known or not all(n is None or (type(n) is int and n > 0) for n in sizes):
            what = "a tuple of sizes, as (None,) for ids, or batch_shape with the batch"
            raise arguments.wrong("Input", "shape", what, shape)
        self.holds_texts = dtype in ("string", str)
        if self.holds_texts and sizes[1:]:
            what = "(1,) or () for one text a row, (3,) for three, (None,) for sequences of texts"
            raise arguments.wrong("Input", "shape", what, shape)
        if ragged and not sizes:
            raise ValueError("Input: ragged=True needs a time axis, as Input((None, 5)).")
        if self.holds_texts:
            of_texts = sizes == (None,)
            spec = Spec(
                () if of_texts else sizes, True, torch.uint8, Lengths(name or f"input {id(self)}"),
                levels=1 + of_texts,
            )  # fmt: skip
        else:
            kept = sizes[1:] if ragged else sizes
            known_dtype = arguments.dtype("Input", "dtype", dtype)
            kind = as_dtype(known_dtype, "Input: dtype") or torch.get_default_dtype()
            lengths = Lengths(name or f"input {id(self)}") if sizes else None
            spec = Spec(kept, ragged, kind, lengths, sizes[0] if ragged else None)
        super().__init__(spec, None, name)
        self._sizes, self.batch_size, self.optional = sizes, batch_size, optional

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Keras's shape: the batch, as `batch_size` says it, the time of sequences, features."""
        return (self.batch_size, *(self._sizes if self.holds_texts else super().shape[1:]))

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The shape of one sample, as it was given."""
        return self._sizes

    def get_config(self) -> dict[str, Any]:
        """What it was made with, as Keras writes its InputLayer."""
        dtype = "string" if self.holds_texts else type_name(self.spec.dtype)
        ragged = self.spec.ragged and not self.holds_texts
        return {
            "batch_shape": [self.batch_size, *self._sizes], "dtype": dtype, "sparse": False,
            "ragged": ragged, "name": self.name, "optional": self.optional,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Input:
        """The symbol of these arguments.

        Raises:
            ValueError: one of them is not what it may be.
        """
        config = {**read(config)}
        shape = config.pop("batch_shape", None)
        if shape is not None:
            if not isinstance(shape, (list, tuple)):
                raise arguments.wrong("Input", "batch_shape", "a list of sizes", shape)
            config["batch_shape"] = tuple(shape)
        known = ("shape", "dtype", "ragged", "name", "batch_size", "batch_shape", "sparse",
                 "optional")  # fmt: skip
        for name in config.keys() - known:
            raise unknown("Input: config", "argument", name, known)
        return cls(**config)

    @staticmethod
    def like(symbol: Symbol) -> Input:
        """An input of the same type as a symbol in the middle of a graph."""
        spec = symbol.spec
        shape = (None, *spec.shape) if spec.ragged else spec.shape
        return Input(shape, None, spec.dtype, spec.ragged, name=symbol.name)

    def again(self) -> Input:
        """A new symbol of the same shape."""
        if self.holds_texts:
            return Input(
                self._sizes, self.batch_size, "string", name=self.name, optional=self.optional
            )
        return Input(
            self._sizes, self.batch_size, self.spec.dtype, self.spec.ragged,
            name=self.name, optional=self.optional,
        )  # fmt: skip

    def check_spec(self, spec: Spec | None) -> None:
        """Raises a ValueError where a batch of this spec is not what the input says."""
        if spec is None:
            if not self.optional:
                raise ValueError(f"{self.who}: it is not optional, got None.")
            return
        if self.holds_texts:
            want = (True, torch.uint8, self.spec.levels, self.spec.shape)
            if (spec.ragged, spec.dtype, spec.levels, spec.shape) != want:
                raise ValueError(f"{self.who}: expected texts, got {spec}.")
            return
        want = self._sizes[spec.levels :] if spec.ragged else self._sizes
        fits = len(want) == len(spec.shape) and all(
            None in (w, g) or w == g for w, g in zip(want, spec.shape, strict=True)
        )
        if not fits or (self.spec.ragged and not spec.ragged) or (spec.ragged and not self._sizes):
            raise ValueError(f"{self.who}: expected {self.spec}, got {spec}.")

    def check_reader(self, layer: Any) -> None:
        if self.holds_texts and is_ours(type(layer)) and not (layer.takes_texts or layer.is_model):
            raise ValueError(
                f"{layer.who}: {self.who} is of texts, and it takes numbers. Put a layer between "
                "that makes ids of them: TextVectorization, StringLookup, Hashing."
            )
        if self.holds_texts and isinstance(layer, Taking):
            layer.reads_texts()

    @property
    def who(self) -> str:
        """How it is called in an error."""
        return f"Input {self.name!r}" if self.name else "Input"

    def check(self, given: Ragged | Tensor) -> None:
        """Raises a ValueError where the data have another shape."""
        if self.holds_texts:
            self.check_spec(spec_of(given))
            return
        want = self._sizes
        if isinstance(given, Ragged):
            if len(want) < given.levels or tuple(given.feature) != want[given.levels :]:
                raise ValueError(
                    f"{self.who}: expected {self.spec}, got sequences whose steps have shape "
                    f"{tuple(given.feature)}."
                    + " Documents of sentences: Ragged.from_list(x, levels=2)."
                    * (want[:2] == (None, None) and given.levels == 1)
                )
            if want[0] is not None and given.layout.longest > want[0]:
                first = int(given.lengths.argmax())
                raise ValueError(
                    f"{self.who}: expected at most {want[0]} steps, but sequence {first} has "
                    f"{given.layout.longest}. For any length: shape=(None, ...)."
                )
            return
        if self.spec.ragged:
            raise ValueError(
                f"{self.who}: expected sequences without padding (ragged=True), got a grid "
                f"{tuple(given.shape)}. Say which of its slots are steps: Ragged.from_padded(x, "
                "lengths=...)."
            )
        got = tuple(given.shape[1:])
        if len(got) != len(want) or any(w not in (None, g) for w, g in zip(want, got, strict=True)):
            shown = ", ".join(["batch", *(str(n) for n in got)])
            raise ValueError(f"{self.who}: expected {self.spec}, got ({shown}).")

    def rows(self, given: Any) -> Any:
        """Lists of as many floats as a row of this input has, as an array of rows.

        A table has vectors in columns of lists, which do not say that all are as long. What is no
        such list, or has another length, is given back.
        """
        size = self._sizes[0] if len(self._sizes) == 1 else None
        if size is None or not isinstance(given, Ragged) or given.levels != 1 or given.feature:
            return given
        if not given.dtype.is_floating_point or not bool((given.lengths == size).all()):
            return given
        return given.values.reshape(-1, size)

    def __repr__(self) -> str:
        return f"Input(shape={self._sizes})"
