"""RepeatVector: one row a sequence, repeated n times or for each step of another sequence."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Positive
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.symbol import Symbol, is_symbolic
from ...ragged import Ragged
from ...ragged.batch import rows_of
from ...ragged.reductions import spread


class RepeatVector(Layer):
    """Repeats one row a sequence: n times, or once for each step of another sequence.

    Shapes: with n, dense (batch, feature) to dense (batch, n, feature), as Keras. With `like`,
    dense (batch, *feature) to Ragged (batch, steps*, *feature) of the other's lengths, in its
    grid: what a decoder begins with. An empty sequence gets no step. `like` a dense batch
    (batch, time, ...) gives dense (batch, time, *feature).

    Args:
        n: how often; or give `like`.
        like: whose lengths the output has: a symbol of the graph, a layer before this one or its
            name, or "input" for the model's input. At call it is the sequence itself:
            `layer(rows, like=ragged)`.

    Raises:
        ValueError: the input is a sequence already; neither n nor `like` is given, or both; the
            numbers of rows and sequences differ.

    Example:
        >>> rows = torch.tensor([[1.], [2.]])
        >>> RepeatVector(like="input")(rows, like=Ragged.from_list([[5, 6, 7], [8]])).lengths
        tensor([3, 1])
        >>> RepeatVector(3)(rows).shape
        torch.Size([2, 3, 1])
    """

    takes = "one"

    not_in_keras = {"like": None}

    def __init__(
        self, n: Positive | None = None, like: Any = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        if n is not None and like is not None:
            raise ValueError(f"{self.who}: expected n or like, got both.")
        if not (like is None or isinstance(like, (str, Symbol, torch.nn.Module))):
            raise ValueError(
                f"{self.who}: expected like as a symbol, a layer or the name of one, got "
                f"{type(like).__name__}. A sequence is given at call: layer(rows, like=sequence)."
            )
        self.n = n
        # Not by setattr: torch would register a layer here as one inside of this layer.
        self.__dict__["like"] = like

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.like is None or isinstance(self.like, str):
            return config
        # Of a graph the call says which sequence it is.
        return {**config, "like": getattr(self.like, "name", None) or "a sequence"}

    def __call__(self, *inputs: Any, like: Any = None, **options: Any) -> Any:
        """Repeats the rows; see `Layer.__call__`.

        Args:
            inputs: the rows.
            like: the sequence whose lengths the output has.
            options: as for any layer.
        """
        if like is None and isinstance(self.like, Symbol) and any(map(is_symbolic, inputs)):
            like = self.like
        return super().__call__(*inputs, **options, **({} if like is None else {"like": like}))

    def build(self, spec: Spec, like: Spec | None = None) -> None:
        pass

    def output_spec(self, spec: Spec, like: Spec | None = None) -> Spec:
        if spec.ragged:
            raise ValueError(
                f"{self.who}: expected one row a sequence, got {spec}, which is a sequence "
                "already. Reduce it first, as LSTM(return_sequences=False) or "
                "GlobalAveragePooling1D does."
            )
        if self.n is not None:
            if like is not None:
                raise ValueError(f"{self.who}: built with n={self.n}, but called with like=.")
            if len(spec.shape) != 1:
                raise ValueError(f"{self.who}: expected (batch, feature), got {spec}.")
            return Spec((self.n, *spec.shape), dtype=spec.dtype)
        if like is None:
            raise ValueError(self._missing())
        if like.ragged:
            return Spec(spec.shape, True, spec.dtype, like.lengths, like.width)
        if not like.shape:
            raise ValueError(
                f"{self.who}: expected like as sequences (batch, steps*, ...), got {like}."
            )
        return Spec((like.shape[0], *spec.shape), dtype=spec.dtype, lengths=like.lengths)

    def _missing(self) -> str:
        if self.like is None:
            return (
                f"{self.who}: how often is not known. RepeatVector(n) repeats n times; "
                "RepeatVector(like=sequence) once for each step of another sequence."
            )
        return (
            f"{self.who}: like={self.like!r} is found by the model that the layer stands in. "
            "Called by itself: layer(rows, like=sequence)."
        )

    def forward(self, inputs: Tensor, like: Ragged | Tensor | None = None) -> Ragged | Tensor:
        """Each sequence's row, once for each step."""
        if self.n is not None:
            rows = inputs.unsqueeze(1).expand(-1, self.n, *(-1,) * (inputs.ndim - 1))
            return rows.clone(memory_format=torch.contiguous_format)
        if like is None:
            raise ValueError(self._missing())
        if rows_of(like) != inputs.shape[0]:
            raise ValueError(
                f"{self.who}: got {inputs.shape[0]} rows, but like= has {rows_of(like)} sequences."
            )
        if isinstance(like, Ragged):
            return like.with_values(spread(inputs, like.layout))
        return inputs[:, None].repeat(1, like.shape[1], *(1,) * (inputs.ndim - 1))
