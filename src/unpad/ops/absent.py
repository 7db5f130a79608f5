"""Functions of Keras's ops that are not taken, and why."""

from __future__ import annotations

_IMAGES = "Images are out of scope."

NOT_HERE = {
    "conv_transpose": "Use layers.Conv1DTranspose.",
    "depth_to_space": _IMAGES,
    "fold": _IMAGES,
    "image": _IMAGES,
    "psnr": _IMAGES,
    "rearrange": "Use einops.rearrange on x.values, or reshape and transpose.",
    "space_to_depth": _IMAGES,
    "unfold": f"{_IMAGES} Windows over time: extract_sequences.",
}
