"""A layer in one configuration: what the laws, the parity with Keras and the benchmark run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from unpad import Ragged
from unpad.testing import coded

LENGTHS = (3, 0, 5, 1, 3)
# Of a second sequence that needs not have the first one's lengths: what attention looks at.
OTHER = (2, 4, 0, 1, 5)


@dataclass(frozen=True)
class Case:
    """A configuration of a layer, written once for unpad and for Keras.

    Args:
        name: begins with the layer's class: "Conv1D same, stride 2".
        make: gives a fresh layer from a library, unpad or keras: `lambda k: k.layers.Dense(4)`.
        inputs: what the layer is called with, each a word and a feature shape: ("steps", (3,)),
            ("other", (3,)) for a sequence of other lengths, ("ids", 9) for ids from 1 to 8,
            ("rows", (3,)) for one row a sequence.
        call: how it is called with its inputs, where `layer(*inputs)` is not how; the same for
            both libraries.
        keras: what Keras is compared on: "alone", each sequence by itself without padding;
            "masked", the padded batch with its mask; None where Keras has no such layer or another
            meaning.
        why: where `keras` is None, why.
        shortest: sequences below are not given to Keras, which fails on them or has no value.
        training: run in training mode, where statistics are over the batch.
        tolerance: of the laws.
        parity: relative tolerance of the comparison with Keras.
        lengths: of the sequences.
    """

    name: str
    make: Callable[[Any], Any]
    inputs: tuple[tuple[str, Any], ...] = (("steps", (3,)),)
    call: Callable[[Any, list[Any]], Any] | None = None
    keras: str | None = "alone"
    why: str = ""
    shortest: int = 1
    training: bool = False
    tolerance: float = 1e-9
    parity: float = 1e-8
    lengths: tuple[int, ...] = LENGTHS

    @property
    def layer(self) -> str:
        """The class that is under test."""
        return self.name.split()[0].split("(")[0]

    def batch(
        self, lengths: tuple[int, ...] | None = None, other: tuple[int, ...] = OTHER
    ) -> list[Any]:
        """The inputs, value-coded, of these lengths; `other` those of a second sequence."""
        lengths = self.lengths if lengths is None else tuple(lengths)
        other = tuple(other[i % len(other)] for i in range(len(lengths)))
        return [
            _input(i, kind, what, other if kind == "other" else lengths)
            for i, (kind, what) in enumerate(self.inputs)
        ]

    def run(self, layer: Any, inputs: list[Any]) -> Any:
        """Calls the layer with its inputs."""
        if self.call is not None:
            return self.call(layer, inputs)
        return layer(inputs) if getattr(layer, "takes", "any") == "several" else layer(*inputs)


def _input(place: int, kind: str, what: Any, lengths: tuple[int, ...]) -> Any:
    if kind == "ids":
        return coded(lengths, (), torch.int64).map(lambda v: (v + v // 10) % (what - 1) + 1)
    if kind == "rows":
        return coded([1] * len(lengths), what).values
    steps = coded(lengths, what)
    # A second input of the same lengths must not hold the same numbers.
    steps = steps if not place else steps.map(lambda v: torch.cos(3 * v + place))
    assert kind in ("steps", "other"), kind
    return steps


def ragged_only(inputs: list[Any]) -> list[Ragged]:
    """The inputs that are sequences."""
    return [x for x in inputs if isinstance(x, Ragged)]
