"""InputLayer: what an input is among a graph's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...arguments import wrong
from ...core.input import Input
from ...core.layer import Layer
from ...core.symbol import Symbol


class InputLayer(Layer):
    """An input among `model.layers` of a graph: it computes nothing and learns nothing.

    At the beginning of a Sequential it stands for its Input.

    Args:
        shape: as in `Input`, as are the others.
        batch_size: of the batches, as `shape` shows it.
        dtype: of the values.
        sparse: refused: batches are dense or Ragged.
        ragged: whether sequences come without padding.
        batch_shape: the batch's size and the shape.
        input_tensor: the symbol that it gives, instead of all these.
        optional: whether None may stand in its place.
        name: shown in summaries and errors.

    Example:
        >>> import unpad as keras
        >>> x = keras.Input((None, 3), name="steps")
        >>> model = keras.Model(x, keras.layers.LSTM(2)(x))
        >>> [layer.name for layer in model.layers]
        ['steps', 'lstm']
        >>> model.layers[0].output is x
        True
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Symbol | None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if input_tensor is None:
            input_tensor = Input(
                shape, batch_size, dtype, ragged, batch_shape, name,
                sparse=sparse, optional=optional,
            )  # fmt: skip
        elif not isinstance(input_tensor, Symbol):
            raise wrong(self.who, "input_tensor", "a symbol", input_tensor)
        self._symbol = input_tensor
        self.built = True

    @property
    def input(self) -> Symbol:
        """The symbol that it stands for."""
        return self._symbol

    @property
    def output(self) -> Symbol:
        """The symbol that it stands for."""
        return self._symbol

    @property
    def entry(self) -> Input:
        """The symbol as an Input, which one in the middle of another graph becomes."""
        symbol = self._symbol
        return symbol if isinstance(symbol, Input) else Input.like(symbol)

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """Keras's shape, the batch in front."""
        return self._symbol.shape

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {**self.entry.get_config(), "name": self.name}


__all__ = ["InputLayer"]
