"""Bidirectional: one layer walks each sequence from its start, another from its own end."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ragged import Ragged
from .layer import Layer
from .recurrent import Recurrent, as_ragged, walk
from .spec import Spec, Specs

_MERGE = ("concat", "sum", "mul", "ave", None)


class Bidirectional(Layer):
    """Walks each sequence both ways; the backward direction starts at the sequence's own end.

    Shapes: as the wrapped layer's, with `merge_mode` "concat" twice the units. With merge_mode
    None the output is a list of both. With `return_state`, h and c of the forward layer, then of
    the backward layer, follow. An empty sequence gives both initial states.

    Args:
        layer: an LSTM, GRU or SimpleRNN; a fresh copy of it walks forward, another backward.
        merge_mode: "concat", "sum", "mul", "ave" or None.
        backward_layer: another layer for the way back; it must have go_backwards the other way.

    Raises:
        ValueError: the layer cannot walk both ways, or the two do not go together.
    """

    takes = "one"

    def __init__(
        self,
        layer: Recurrent,
        merge_mode: str | None = "concat",
        weights: None = None,
        backward_layer: Recurrent | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for given in (layer, backward_layer):
            if given is not None and not isinstance(given, Recurrent):
                raise ValueError(
                    f"{self.who}: expected a recurrent layer (LSTM, GRU, SimpleRNN), got "
                    f"{type(given).__name__}."
                )
        if weights is not None:
            raise ValueError(f"{self.who}: weights= is not supported: use set_weights after build.")
        if merge_mode not in _MERGE:
            options = ", ".join(repr(m) for m in _MERGE)
            raise ValueError(
                f"{self.who}: expected merge_mode as one of {options}, got {merge_mode!r}."
            )
        self.merge_mode = merge_mode
        self.forward_layer = _fresh(layer, go_backwards=layer.go_backwards)
        if backward_layer is None:
            backward_layer = _fresh(layer, go_backwards=not layer.go_backwards)
        self.backward_layer = backward_layer
        self._check_pair()

    def _check_pair(self) -> None:
        ahead, behind = self.forward_layer, self.backward_layer
        if ahead.go_backwards == behind.go_backwards:
            raise ValueError(
                f"{self.who}: both layers have go_backwards={ahead.go_backwards}; the backward "
                f"layer needs go_backwards={not ahead.go_backwards}."
            )
        for option in ("return_sequences", "return_state", "stateful"):
            if getattr(ahead, option) != getattr(behind, option):
                raise ValueError(
                    f"{self.who}: both layers need the same {option}, got "
                    f"{getattr(ahead, option)} and {getattr(behind, option)}."
                )

    def get_config(self) -> dict[str, Any]:
        ahead, behind = self.forward_layer, self.backward_layer
        return {
            "layer": _fresh(ahead, ahead.go_backwards),
            "backward_layer": _fresh(behind, behind.go_backwards),
            "merge_mode": self.merge_mode,
            "name": self.given_name,
            "trainable": self.trainable,
            "dtype": self.dtype,
        }

    def build(self, spec: Spec) -> None:
        self.forward_layer.ensure_built(spec)
        self.backward_layer.ensure_built(spec)

    def output_spec(self, spec: Spec, initial_state: Any = None) -> Specs:
        ahead, behind = (_as_list(x.output_spec(spec)) for x in self._pair)
        a, b = ahead[0], behind[0]
        if self.merge_mode is None:
            outputs = [a, b]
        elif self.merge_mode == "concat":
            outputs = [a.with_last(self.forward_layer.units + self.backward_layer.units)]
        elif a.shape != b.shape:
            raise ValueError(
                f"{self.who}: merge_mode {self.merge_mode!r} needs both directions of one size, "
                f"got {self.forward_layer.units} and {self.backward_layer.units} units."
            )
        else:
            outputs = [a]
        outputs += ahead[1:] + behind[1:]
        return outputs if len(outputs) > 1 else outputs[0]

    @property
    def _pair(self) -> list[Recurrent]:
        return [self.forward_layer, self.backward_layer]

    @property
    def _in_one_call(self) -> bool:
        ahead, behind = self._pair
        if ahead.cell != behind.cell or (self.training and (ahead.dropout or behind.dropout)):
            return False  # each direction draws its own dropout of the inputs
        alike = ("units", "activation", "recurrent_activation", "use_bias", "recurrent_dropout")
        return all(getattr(ahead, option) == getattr(behind, option) for option in alike)

    def _weights_dtype(self) -> torch.dtype | None:
        return self.forward_layer._weights_dtype()

    def reset_state(self, rows: Any = None) -> None:
        """Forgets the states of these rows of the batch, or of all, in both directions."""
        for layer in self._pair:
            layer.reset_state(rows)

    def forward(self, inputs: Ragged | Tensor, initial_state: list[Tensor] | None = None) -> Any:
        """Walks every sequence both ways.

        Args:
            inputs: Ragged (batch, steps*, feature), or dense (batch, time, feature).
            initial_state: the forward layer's states, then the backward layer's, each (batch,
                units).
        """
        sequences, rebuild = as_ragged(inputs)
        pair = self._pair
        count = pair[0].cell_states
        halves = [None, None]
        if initial_state is not None:
            halves = [initial_state[:count], initial_state[count:]]
        batch = sequences.batch
        starts = [layer.start(half, batch) for layer, half in zip(pair, halves, strict=True)]
        joined = None
        if self._in_one_call:
            joined, states = walk(pair, sequences, self._both(starts, batch))
            outputs = list(joined.split(pair[0].units, 1))
            ends = [states[:count], states[count:]]
        else:
            walked = [walk([x], sequences, s) for x, s in zip(pair, starts, strict=True)]
            outputs, ends = [w[0] for w in walked], [w[1] for w in walked]
        for layer, states in zip(pair, ends, strict=True):
            layer.remember(states)
        if pair[0].return_sequences:
            merged = self._merge(outputs, joined)
            result: list[Any] = [rebuild(sequences.with_values(v)) for v in merged]
        else:
            result = self._merge([states[0] for states in ends], None)
        if pair[0].return_state:
            result += [state for states in ends for state in states]
        return result if len(result) > 1 else result[0]

    def _both(self, starts: list[list[Tensor] | None], batch: int) -> list[Tensor] | None:
        """The states of both directions in turn; zeros for one that has none, if the other has."""
        if starts[0] is None and starts[1] is None:
            return None
        layer = self.forward_layer
        zeros = layer.kernel.new_zeros(batch, layer.units)
        return [s for half in starts for s in (half or [zeros] * layer.cell_states)]

    def _merge(self, both: Any, joined: Tensor | None) -> list[Tensor]:
        a, b = both
        if self.merge_mode is None:
            return [a, b]
        if self.merge_mode == "concat":
            # The operator has already written both side by side.
            return [torch.cat([a, b], -1) if joined is None else joined]
        if self.merge_mode == "mul":
            return [a * b]
        return [a + b if self.merge_mode == "sum" else (a + b) / 2]


def _fresh(layer: Recurrent, go_backwards: bool) -> Recurrent:
    """A new layer with the same options and no weights."""
    return type(layer)(**{**layer.get_config(), "go_backwards": go_backwards})


def _as_list(specs: Spec | list[Spec]) -> list[Spec]:
    return specs if isinstance(specs, list) else [specs]
