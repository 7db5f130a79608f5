"""What ends a model: the last layer's activation and width, by the model's kind."""

from __future__ import annotations

from typing import Any

from ...core.layer import Layer
from ..facts import Head
from ..facts.case import NO_LOSS


def heads_of(model: Any, widths: list[int | None]) -> list[Head | None]:
    """What ends each output; None where it is not known.

    Args:
        model: unpad's or Keras's.
        widths: features of each output.
    """
    metrics, (loss, logits) = tuple(_metrics(model)), _loss(model)
    if isinstance(model, Layer):
        last = list(getattr(model, "last_layers", []))
        if len(last) != len(widths):
            return [None] * len(widths)
        return [
            None
            if x is None
            else Head(x.tail, w, type(x).__name__ == "Dense", metrics, loss, logits)
            for x, w in zip(last, widths, strict=True)
        ]
    layers = getattr(model, "layers", None)
    if not layers or len(widths) != 1:
        return [None] * len(widths)
    activation = getattr(getattr(layers[-1], "activation", None), "__name__", None)
    width = getattr(layers[-1], "units", widths[0])
    return [Head(activation, width, _linear(layers[-1]), metrics, loss, logits)]


def _linear(layer: Any) -> bool:
    return type(layer).__name__ == "Dense"


def _loss(model: Any) -> tuple[str | None, bool]:
    """The name of the loss, and whether it takes scores; of one output."""
    compiled = getattr(model, "_compiled", None)
    loss = getattr(compiled, "loss", getattr(model, "loss", None))
    if compiled is not None and loss is None:
        return NO_LOSS, False
    if isinstance(loss, (list, tuple, dict)) or loss is None:
        return None, False
    function = getattr(loss, "__name__", None)
    name = loss if isinstance(loss, str) else str(function or type(loss).__name__)
    logits = getattr(loss, "from_logits", None)
    if logits is None:
        logits = getattr(loss, "_fn_kwargs", {}).get("from_logits", False)
    return name.lower().replace("_", ""), bool(logits)


def _metrics(model: Any) -> list[str]:
    """Names of the metrics that it was compiled with, as far as they matter here."""
    found = getattr(getattr(model, "_compiled", None), "metrics", None)
    parts = found if isinstance(found, (list, tuple)) else [found]
    names = [str(getattr(part, "name", part)).lower() for part in parts]
    return ["accuracy" for name in names if "acc" in name]
