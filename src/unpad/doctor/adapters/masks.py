"""What a model masks, told from its layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from ...core.operation import Operation
from ...layers import Embedding, Flatten, Lambda, Layer, Masking, Permute, Reshape
from ..facts import Masks

# In these a person may see to padding by hand.
_BY_HAND = (Flatten, Lambda, Masking, Operation, Permute, Reshape)


def masks_of(model: Any) -> Masks | None:
    """What the model masks; None without a model.

    A layer is known by its class: unpad's, or Keras's by its name. A torch module of somebody's own
    may mask by hand.
    """
    if model is None:
        return None
    layers = list(_layers(model))
    masking = [layer for layer in layers if _is(layer, Masking)]
    embeddings = [layer for layer in layers if _is(layer, Embedding)]
    return Masks(
        float(masking[0].mask_value) if masking else None,
        bool(embeddings),
        any(layer.mask_zero for layer in embeddings),
        not layers or any(_is(layer, kind) for layer in layers for kind in _BY_HAND),
    )


def _is(layer: Any, kind: type) -> bool:
    return isinstance(layer, kind) or (
        not isinstance(layer, Layer) and type(layer).__name__ == kind.__name__
    )


def _layers(model: Any) -> Iterator[Any]:
    if hasattr(model, "_flatten_layers"):  # Keras's own, on any backend
        yield from model._flatten_layers(include_self=False)
    elif isinstance(model, nn.Module):
        yield from (module for module in model.modules() if isinstance(module, Layer))
