"""Full backward hooks of a layer, whose inputs and outputs may be Ragged, unknown to torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.hooks import BackwardHook

from ..ragged import Ragged
from ..ragged.levels import innermost
from .structure import arranged, flat


def with_backward_hooks(layer: Any, run: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
    """What `run` gives; in the backward pass the layer's hooks get the gradients of the values.

    As torch's own for a module of tensors: a Ragged stands there by its values, (steps, *feature).

    Args:
        layer: whose hooks are called.
        run: the call of the module, without hooks of the backward pass.
        inputs: of the layer.
        options: further arguments.
    """
    full, _ = layer._get_backward_hooks()
    hook = BackwardHook(layer, full, layer._get_backward_pre_hooks())
    given = _exchanged([*inputs], hook.setup_input_hook)
    # Torch would call them once more, for the tensors among inputs and outputs.
    kept = layer._backward_hooks, layer._backward_pre_hooks
    layer._backward_hooks, layer._backward_pre_hooks = OrderedDict(), OrderedDict()
    try:
        outputs = run(*given, **options)
    finally:
        layer._backward_hooks, layer._backward_pre_hooks = kept
    return _exchanged([outputs], hook.setup_output_hook)[0]


def _exchanged(tree: list[Any], function: Callable[[Any], Any]) -> list[Any]:
    """The same batches on the tensors that the function makes of all their values together."""
    parts = flat(tree)
    places = [i for i, part in enumerate(parts) if isinstance(part, (Ragged, Tensor))]
    tensors = function(tuple(innermost(parts[i]) for i in places))
    for i, values in zip(places, tensors, strict=True):
        parts[i] = _on(parts[i], values)
    if isinstance(tree[0], dict):
        return [dict(zip(tree[0], parts, strict=True))]
    return arranged(iter(parts), tree)


def _on(batch: Any, values: Tensor) -> Any:
    return batch.with_values(_on(batch.values, values)) if isinstance(batch, Ragged) else values
