"""The weights of a model that are to be trained, of each kind of model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def weights_of(model: Any) -> list[tuple[str, Tensor, bool]]:
    """Name and value of each weight that is to be trained, and whether it is an embedding's."""
    theirs = getattr(model, "trainable_variables", None)
    if theirs is not None and not hasattr(model, "open_inputs"):
        return [(v.path, _value(v.value), v.path.endswith("embeddings")) for v in theirs]
    tables = [m for m in model.modules() if type(m).__name__ == "Embedding"]
    embeds = {id(p) for table in tables for p in table.parameters(False)}
    return [
        (name, p.detach(), id(p) in embeds)
        for name, p in model.named_parameters()
        if p.requires_grad
    ]


def _value(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu().float().clone()
    return torch.from_numpy(np.array(value, dtype="f4"))
