"""Identity: a layer that does nothing."""

from __future__ import annotations

from typing import Any

from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.spec import Specs


class Identity(Keeps, Layer):
    """What comes in goes out: a place in a model where nothing is to be done.

    Shapes stay as they are: a Ragged, a dense batch, or a list of them. Empty sequences stay
    empty.

    Example:
        >>> Identity()(Ragged.from_list([[1., 2.], [3.]])).lengths
        tensor([2, 1])
    """

    def output_spec(self, spec: Any) -> Specs:
        return spec

    def forward(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs
