"""What a model is exported with: a batch of its inputs' types, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..arguments import flag, wrong
from ..core.trial import ones_like
from ..formats.exported import FORMATS, Wanted, write_onnx, write_torch
from ..formats.weights_file import check_built, path_of
from ..layers import Embedding, Spec, TokenAndPositionEmbedding
from ..ragged import Layout, Ragged

_LENGTHS = (2, 3, 1)


class _Inputs(NamedTuple):
    names: list[str]
    batch: list[Any]


def export(
    model: Any,
    filepath: Any,
    format: str | None,
    verbose: bool | None,
    input_signature: Any,
    wanted: Wanted,
) -> None:
    """See `Model.export`."""
    path = path_of("export", filepath)
    known = [*FORMATS.values()]
    kind = FORMATS.get(path.suffix) if format is None else format
    if format is not None and format not in known:
        raise wrong("export", "format", f"one of {', '.join(map(repr, known))}", format)
    if kind is None:
        raise wrong("export", "filepath", "a path that ends in '.onnx' or '.pt2'", filepath)
    if wanted.padding not in ("post", "pre"):
        raise wrong("export", "padding", "'post' or 'pre'", wanted.padding)
    told = flag("export", "verbose", bool(verbose) if verbose is None else verbose)
    wanted = wanted._replace(mask=bool(flag("export", "mask", wanted.mask)))
    given = _given(model, input_signature)
    if kind == "torch":
        if wanted != Wanted():
            raise ValueError(
                "export: padding, mask and opset are ONNX's; torch's graph takes a Ragged as it is."
            )
        write_torch(model, path, given.batch, "export")
    else:
        names = getattr(model, "output_names", None)
        write_onnx(model, path, given.batch, given.names, names, wanted, "export")
    if told:
        print(f"{model.who} is written to {path}.")


def _given(model: Any, signature: Any) -> _Inputs:
    """The inputs to make a graph with: those given, or ones of the types that the model takes."""
    names = getattr(model, "input_names", None)
    if signature is not None:
        batch = list(signature) if isinstance(signature, (list, tuple)) else [signature]
        if not all(isinstance(x, (Ragged, Tensor)) for x in batch):
            what = "a batch of inputs, Ragged or tensors, or a list of them"
            raise wrong("export", "input_signature", what, signature)
        if any(isinstance(x, Ragged) and isinstance(x.values, Ragged) for x in batch):
            raise _levels(model)
        return _Inputs(names or _numbered(len(batch)), batch)
    check_built("export", model)
    specs = _specs(model)
    if specs is None:
        raise ValueError(
            f"export: what {model.who} takes is not known. Give a batch of it: "
            "export(filepath, input_signature=x), a Ragged for sequences."
        )
    layout = Layout.from_lengths(_LENGTHS)
    batch = [_ones(model, spec, layout) for spec in specs]
    sequences = _opened(model, batch)
    batch = [
        _ones(model, _as_sequences(spec), layout) if opened else x
        for spec, x, opened in zip(specs, batch, sequences, strict=True)
    ]
    return _Inputs(names or _numbered(len(batch)), _with_ids(model, batch))


def _levels(model: Any) -> ValueError:
    return ValueError(
        f"export: {model.who} takes sequences of sequences, and a graph's grid has one axis of "
        "time. Export the layer that reads the inner sequences by itself (model.get_layer(name)"
        ".export), and the model of what it gives for each by itself."
    )


def _numbered(count: int) -> list[str]:
    return ["input"] if count == 1 else [f"input_{i}" for i in range(count)]


def _specs(model: Any) -> list[Spec] | None:
    """The types of the inputs, where the model knows them."""
    try:
        return [symbol.spec for symbol in model.inputs]
    except AttributeError:
        known = getattr(model, "_built_for", None)
        return None if known is None else [known]


def _as_sequences(spec: Spec) -> Spec:
    return Spec(spec.shape[1:], True, spec.dtype)


def _ones(model: Any, spec: Spec, layout: Layout) -> Any:
    """A batch of ones; what has any time is sequences."""
    if not spec.ragged and spec.shape and spec.shape[0] is None:
        spec = _as_sequences(spec)
    if spec.levels > 1 or (spec.ragged and None in spec.shape):
        raise _levels(model)
    if None in spec.shape:
        raise ValueError(
            f"export: {model.who} takes {spec}, and which sizes are to be written is not known. "
            "Give a batch: export(filepath, input_signature=x)."
        )
    return ones_like(spec, layout) if spec.ragged else torch.ones(
        len(_LENGTHS), *(n or 1 for n in spec.shape), dtype=spec.dtype
    )  # fmt: skip


def _opened(model: Any, batch: Sequence[Any]) -> list[bool]:
    """Of each grid whether the model takes padding off it, so that it is sequences."""
    if not any(isinstance(x, Tensor) and x.ndim > 1 for x in batch):
        return [False] * len(batch)
    with torch.no_grad():
        pairs = model.open_inputs(list(batch))
    return [
        isinstance(x, Tensor) and isinstance(y, Ragged)
        for x, (_, y) in zip(batch, pairs, strict=True)
    ]


def _with_ids(model: Any, batch: list[Any]) -> list[Any]:
    """What an Embedding is the first to read holds integers, whatever its Input says."""
    return [
        x.to(dtype=torch.int64) if x.dtype.is_floating_point and _reads_ids(model, i) else x
        for i, x in enumerate(batch)
    ]


def _reads_ids(layer: Any, place: int) -> bool:
    """Whether a layer looks its input of this place up in a table, before anything else."""
    if isinstance(layer, (Embedding, TokenAndPositionEmbedding)):
        return True
    readers = layer.readers(place) if getattr(layer, "is_drawn", False) else []
    return any(_reads_ids(reader, 0) for reader in readers)
