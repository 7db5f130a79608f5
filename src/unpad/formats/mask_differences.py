"""What a model that Keras saved gives otherwise here, since Keras lets a mask go: said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.layer import Layer
from ..spellings import warn_once

#: Layers that in Keras 3 take padding for steps, or hand the sequences on without their mask. The
#: table in docs/coming-from-keras.md says of each by how much; a test compares.
LETS_GO = {
    "AdaptiveAveragePooling1D", "AdaptiveMaxPooling1D", "AveragePooling1D", "CategoryEncoding",
    "Conv1D", "Conv1DTranspose", "Cropping1D", "DepthwiseConv1D", "Discretization", "Dot",
    "EinsumDense", "Flatten", "GlobalMaxPooling1D", "GroupNormalization", "Lambda",
    "MaxPooling1D", "Permute", "RMSNormalization", "Reshape", "ReversibleEmbedding",
    "SeparableConv1D", "UpSampling1D", "ZeroPadding1D",
}  # fmt: skip


def tell_differences(model: Any, path: Path, who: str) -> None:
    """Warns, once for a model's layers, where padded sequences give other numbers than in Keras."""
    layers = [m for m in model.modules() if isinstance(m, Layer)]
    masks = [m.name for m in layers if _masks(m)]
    losing = [m.name for m in layers if type(m).__name__ in LETS_GO]
    if not masks or not losing:
        return
    names = ", ".join(repr(name) for name in losing)
    warn_once(
        f"mask differences {masks} {losing}",
        f"{who}: {path}: {masks[0]!r} masks, and in Keras the mask is lost at {names}, so "
        "that padding counts as steps from there on. Here it never does: a padded sequence gives "
        "what it gives alone. docs/files.md says what differs.",
    )


def _masks(layer: Layer) -> bool:
    kind = type(layer).__name__
    return kind == "Masking" or (kind == "Embedding" and bool(getattr(layer, "mask_zero", False)))
