"""Bidirectional: one layer walks each sequence from its start, another from its own end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.precision import go_by_inside
from ...core.spec import Spec, Specs
from ...core.structure import arranged, flat, in_order, mapped
from ...ragged import Ragged
from ...ragged.batch import values_of
from ...serialization import as_data
from ..basic.torch_module import weights_dtype_of
from .cell import Cell
from .recurrent import Recurrent, as_ragged, check_steps, own_cell, remembers, walks_plainly
from .walk import walk

_MERGE = ("concat", "sum", "mul", "ave", None)
# What both directions have in common.
_SHARED = ("return_sequences", "return_state", "stateful")
# What cells have in common that are walked in one call.
_ALIKE = (
    "operator", "units", "activation", "recurrent_activation", "use_bias", "recurrent_dropout"
)  # fmt: skip

Batch = Ragged | Tensor


class Bidirectional(Layer):
    """Walks each sequence both ways; the backward direction starts at the sequence's own end.

    Shapes: as the wrapped layer's, with `merge_mode` "concat" twice the units. With merge_mode
    None the output is a list of both. With `return_state`, the states of the forward layer, then
    those of the backward layer, follow. With `return_sequences` what the backward layer gives for
    a step stands at that step. An empty sequence gives both initial states.

    Any layer can be wrapped that has `return_sequences` and `go_backwards`, with which it walks
    each sequence from its own end and gives its outputs in the order walked: LSTM, GRU, SimpleRNN,
    RNN(cell), or one of your own, made again from its `get_config`.

    Args:
        layer: a fresh copy of it walks forward, another backward.
        merge_mode: "concat", "sum", "mul", "ave" or None.
        weights: the first values of the forward layer's weights, then the backward layer's.
        backward_layer: another layer for the way back; it must have go_backwards the other way.

    Raises:
        ValueError: the layer cannot walk both ways, or the two do not go together.

    Example:
        >>> from unpad.layers import GRU
        >>> Bidirectional(GRU(4))(Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])).shape
        torch.Size([2, 8])
    """

    @property
    def takes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the layer takes that it wraps."""
        return getattr(self.forward_layer, "takes", "one")

    @property
    def pairs_steps(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As the layer that it wraps."""
        return self.forward_layer.pairs_steps

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        for given in (layer, backward_layer):
            if given is not None and not _walks(given):
                raise ValueError(
                    f"{self.who}: expected a recurrent layer (LSTM, GRU, SimpleRNN), got "
                    f"{type(given).__name__}. A layer of your own needs return_sequences and "
                    "go_backwards; a cell goes into RNN(cell)."
                )
        if merge_mode not in _MERGE:
            options = ", ".join(repr(m) for m in _MERGE)
            raise ValueError(
                f"{self.who}: expected merge_mode as one of {options}, got {merge_mode!r}."
            )
        self.merge_mode = merge_mode
        self.first_weights = weights
        ahead: Any = layer
        self.forward_layer: Any = _fresh(ahead, ahead.go_backwards, self.who)
        self.backward_layer: Any = backward_layer
        if backward_layer is None:
            self.backward_layer = _fresh(ahead, not ahead.go_backwards, self.who)
        go_by_inside(self, self.forward_layer)
        self._check_pair()
        self.return_sequences, self.return_state, self.stateful = (
            getattr(self.forward_layer, option, False) for option in _SHARED
        )

    def _check_pair(self) -> None:
        ahead, behind = self.forward_layer, self.backward_layer
        if ahead.go_backwards == behind.go_backwards:
            raise ValueError(
                f"{self.who}: both layers have go_backwards={ahead.go_backwards}; the backward "
                f"layer needs go_backwards={not ahead.go_backwards}."
            )
        for option in _SHARED:
            if getattr(ahead, option, False) != getattr(behind, option, False):
                raise ValueError(
                    f"{self.who}: both layers need the same {option}, got "
                    f"{getattr(ahead, option, False)} and {getattr(behind, option, False)}."
                )

    def get_config(self) -> dict[str, Any]:
        ahead, behind = (as_data(x) for x in self._pair)
        return {
            **super().get_config(), "layer": ahead, "backward_layer": behind, "weights": None
        }  # fmt: skip

    @property
    def layer(self) -> Layer:
        """The forward layer, as it was given."""
        return self.forward_layer

    def build(self, spec: Spec, initial_state: Any = None) -> None:
        self.forward_layer.ensure_built(spec)
        self.backward_layer.ensure_built(spec)
        if self.first_weights is not None:
            self.set_weights(list(self.first_weights))

    def output_spec(self, spec: Any, initial_state: Any = None) -> Specs:
        ways = zip(self._pair, self._halves(initial_state), strict=True)
        given = [_parted(x, x.output_spec(spec, **_from(half))) for x, half in ways]
        (a, ahead), (b, behind) = given
        outputs = [a, b] if self.merge_mode is None else [self._leaf_by_leaf(self._spec, a, b)]
        outputs += ahead + behind
        return outputs if len(outputs) > 1 else outputs[0]

    def _spec(self, a: Spec, b: Spec) -> Spec:
        """What comes of the outputs of both directions."""
        if self.merge_mode == "concat":
            return a.with_last(a.shape[-1] + b.shape[-1])  # pyright: ignore[reportOperatorIssue]
        if a.shape != b.shape:
            raise ValueError(
                f"{self.who}: merge_mode {self.merge_mode!r} needs both directions of one size, "
                f"got {a.shape[-1]} and {b.shape[-1]} units."
            )
        return a

    def _leaf_by_leaf(self, function: Any, a: Any, b: Any) -> Any:
        """A function of the outputs of both directions that stand at one place."""
        others = in_order(b, a)
        if others is None:
            raise ValueError(
                f"{self.who}: both directions must give outputs in one arrangement to be merged; "
                "merge_mode=None gives both."
            )
        return arranged(map(function, flat(a), others), a)

    @property
    def _pair(self) -> list[Any]:
        # Where torch keeps them: by their names it looks for them everywhere else first.
        return [self._modules["forward_layer"], self._modules["backward_layer"]]

    def _in_one_call(self, pair: list[Any]) -> list[Cell] | None:
        """The cells of both directions, where one call of the operator walks both."""
        ahead, behind = own_cell(pair[0]), own_cell(pair[1])
        if ahead is None or behind is None:
            return None
        if self.training and (ahead.dropout or behind.dropout):
            return None  # each direction draws its own dropout of the inputs
        alike = all(getattr(ahead, name) == getattr(behind, name) for name in _ALIKE)
        return [ahead, behind] if alike else None

    def _weights_dtype(self) -> torch.dtype | None:
        return weights_dtype_of(self.forward_layer)

    def reset_state(self, rows: Any = None) -> None:
        """Forgets the states of these rows of the batch, or of all, in both directions."""
        for layer in self._pair:
            if hasattr(layer, "reset_state"):
                layer.reset_state(rows)

    def reset_states(self, rows: Any = None) -> None:
        """The older name of `reset_state`."""
        self.reset_state(rows)

    def forward(self, inputs: Any, initial_state: Sequence[Tensor] | None = None) -> Any:
        """Walks every sequence both ways.

        Args:
            inputs: Ragged (batch, steps*, feature), or dense (batch, time, feature); what the
                wrapped layer takes.
            initial_state: the forward layer's states, then the backward layer's, each (batch,
                units).

        Raises:
            ValueError: they are not as many, or not of this batch.
        """
        pair, halves = self._pair, self._halves(initial_state)
        cells = self._in_one_call(pair)
        if cells is not None:
            outputs, states = self._walk_both(pair, cells, inputs, halves)
        else:
            ways = [self._one_way(x, inputs, h) for x, h in zip(pair, halves, strict=True)]
            outputs = self._merge(*(output for output, _ in ways))
            states = [state for _, ends in ways for state in ends]
        result = [*outputs, *(states if self.return_state else [])]
        return result if len(result) > 1 else result[0]

    def _halves(self, states: Any) -> list[Any]:
        """The states of the forward layer, and those of the backward layer."""
        if states is None:
            return [None, None]
        if not isinstance(self.forward_layer, Recurrent):
            return [states[: len(states) // 2], states[len(states) // 2 :]]
        states, count = flat(states), self.forward_layer.state_count
        return [states[:count], states[count:]]

    def _walk_both(
        self, pair: list[Any], cells: list[Cell], inputs: Batch, halves: list[Any]
    ) -> tuple[list[Any], list[Tensor]]:
        sequences, rebuild = as_ragged(inputs)
        batch, count = sequences.batch, cells[0].cell_states
        starts = [
            layer.start(half, sequences.values, batch)
            for layer, half in zip(pair, halves, strict=True)
        ]
        both = None
        if starts != [None, None]:
            both = [
                state
                for cell, start in zip(cells, starts, strict=True)
                for state in (start or cell.get_initial_state(batch))
            ]
        wanted = self.return_state or not self.return_sequences or any(map(remembers, pair))
        joined, states = walk(cells, [x.go_backwards for x in pair], sequences, both, wanted)
        ends = [states[:count], states[count:]]
        if wanted:
            for layer, mine in zip(pair, ends, strict=True):
                layer.remember(mine)
        if not self.return_sequences:
            return self._merge(*(mine[0] for mine in ends)), states
        if self.merge_mode == "concat":
            # The operator has already written both side by side.
            return [rebuild(sequences.with_values(joined))], states
        parts = (sequences.with_values(v) for v in joined.split(cells[0].units, 1))
        return self._merge(*map(rebuild, parts)), states

    def _one_way(self, layer: Any, inputs: Any, start: Any) -> tuple[Any, list[Any]]:
        """The output of one direction, each step's at that step, and its states."""
        if walks_plainly(layer):
            check_steps(flat(inputs), self.who)
            sequences, rebuild = as_ragged(inputs)
            outputs, last, states = layer.walk(sequences, start)
            return mapped(rebuild, outputs) if self.return_sequences else last, states
        output, states = _parted(layer, layer(inputs, **_from(start)))
        if self.return_sequences and layer.go_backwards:
            output = mapped(_turned, output)
        return output, states

    def _merge(self, a: Any, b: Any) -> list[Any]:
        if self.merge_mode is None:
            return [a, b]
        return [self._leaf_by_leaf(self._merged, a, b)]

    def _merged(self, a: Batch, b: Batch) -> Batch:
        if self.merge_mode == "mul":
            return a * b
        if self.merge_mode == "sum":
            return a + b
        if self.merge_mode == "ave":
            return (a + b) / 2
        joined = torch.cat([values_of(a), values_of(b)], -1)
        return a.with_values(joined) if isinstance(a, Ragged) else joined


def _walks(layer: Any) -> bool:
    options = ("go_backwards", "return_sequences")
    return isinstance(layer, Layer) and all(hasattr(layer, option) for option in options)


def _fresh(layer: Any, go_backwards: bool, who: str) -> Any:
    """A new layer with the same options and no weights."""
    kind = type(layer)
    fresh = kind.from_config({**layer.get_config(), "go_backwards": go_backwards})
    wanted = {"go_backwards": go_backwards}
    wanted |= {option: getattr(layer, option, False) for option in _SHARED}
    for option, value in wanted.items():
        if getattr(fresh, option, False) != value:
            raise ValueError(
                f"{who}: {kind.__name__} made again from its get_config has lost "
                f"{option}={value}; give it a get_config with all of its options."
            )
    return fresh


def _from(states: Any) -> dict[str, Any]:
    """The option of a call that hands states on, where there are some."""
    return {} if states is None else {"initial_state": states}


def _parted(layer: Any, given: Any) -> tuple[Any, list[Any]]:
    """What a layer gives, or the specs of it: the output and the final states."""
    if not getattr(layer, "return_state", False):
        return given, []
    output, *states = given
    return output, states


def _turned(output: Batch) -> Batch:
    return output.reversed() if isinstance(output, Ragged) else output.flip(1)
