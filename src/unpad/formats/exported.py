"""`export`: a model written for other programs, as ONNX or as torch's graph."""

from __future__ import annotations

import io
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.export import ExportedProgram

from ..arguments import wrong
from ..layers import Layer
from .export.graph import graph
from .writing import write_whole

FORMATS = {".onnx": "onnx", ".pt2": "torch"}


class Wanted(NamedTuple):
    """What an ONNX file is to be like.

    Args:
        padding: "post" or "pre", the side on which its grids are padded.
        mask: whether a mask says which slots are steps, instead of lengths.
        opset: of ONNX's operators; None for the oldest that has all.
    """

    padding: str = "post"
    mask: bool = False
    opset: int | None = None


def write_torch(model: Any, path: Path, inputs: Sequence[Any], who: str) -> None:
    """Writes torch's graph, which `torch.export.load` reads.

    Args:
        model: a layer or a model.
        path: of the file.
        inputs: a batch to make the graph with.
        who: shown in errors.

    Raises:
        ValueError: a layer gives no graph; the text says which, and why.
        OSError: the file cannot be written.
    """
    program = _traced(model, inputs, who, graph)

    # Into memory first: where a disk is full torch's own writer of archives ends the process.
    archive = io.BytesIO()
    torch.export.save(program, archive)

    def write(to: Path) -> None:
        to.write_bytes(archive.getbuffer())

    write_whole(path, write, archive.getbuffer().nbytes, who)


def write_onnx(
    model: Any,
    path: Path,
    inputs: Sequence[Any],
    input_names: Sequence[str],
    output_names: Sequence[str] | None,
    wanted: Wanted,
    who: str,
) -> None:
    """Writes a model as ONNX.

    Args:
        model: a layer or a model.
        path: of the file.
        inputs: a batch to make the graph with, Ragged or tensors.
        input_names: of the inputs.
        output_names: of the outputs, or None.
        wanted: what it is to be like.
        who: shown in errors.

    Raises:
        ImportError: onnx is not installed; the text says how to.
        ValueError: a layer cannot be written; the text says which, and why.
        OSError: the file cannot be written.
    """
    data = onnx_of(model, inputs, input_names, output_names, wanted, who).SerializeToString()

    def write(to: Path) -> None:
        to.write_bytes(data)

    write_whole(path, write, len(data), who)


def onnx_of(
    model: Any,
    inputs: Sequence[Any],
    input_names: Sequence[str],
    output_names: Sequence[str] | None,
    wanted: Wanted,
    who: str,
) -> Any:
    """A model as onnx's ModelProto; see `write_onnx`."""
    try:
        import onnx

        from .export.onnx import model as written
    except ImportError:
        raise ImportError(
            f"{who}: onnx is not installed: pip install 'unpad[onnx]', or pip install onnx."
        ) from None
    newest = onnx.defs.onnx_opset_version()
    opset = written.OLDEST if wanted.opset is None else wanted.opset
    if type(opset) is not int or not written.OLDEST <= opset <= newest:
        what = f"a whole number from {written.OLDEST} to {newest}, which the installed onnx knows"
        raise wrong(who, "opset", what, opset)
    _refuse_state(model, who)
    first_slots = wanted.padding == "post" and not wanted.mask
    program = _traced(model, inputs, who, graph if first_slots else written.program_of)
    try:
        return written.to_onnx(
            program, input_names, output_names, wanted.padding, wanted.mask, opset
        )
    except written.Untranslatable as error:
        layer = _layer_of(model, error.node)
        raise ValueError(f"{who}: {layer} cannot be written as ONNX: {error.why}.") from None
    except NotImplementedError as error:
        raise ValueError(f"{who}: {model.who} cannot be written as ONNX: {error}.") from None


def _refuse_state(model: Any, who: str) -> None:
    """A graph has nowhere to keep what a layer carries from batch to batch."""
    for module in model.modules():
        whole = getattr(module, "is_model", False)
        if isinstance(module, Layer) and getattr(module, "stateful", False) and not whole:
            raise ValueError(
                f"{who}: {module.who} is stateful, and an ONNX graph keeps no state from batch to "
                "batch. Give the states as inputs and outputs: initial_state= and "
                "return_state=True."
            )


def _traced(model: Any, inputs: Sequence[Any], who: str, trace: Any) -> ExportedProgram:
    try:
        return trace(model, *inputs)
    except Exception as error:
        if not _while_traced(error):
            raise
        layer = _raised_in(error) or model
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{who}: {layer.who} gives no graph, since it looks at the numbers themselves, in "
            f"Python: {first[:200]}"
        ) from error


def _while_traced(error: BaseException) -> bool:
    """Whether torch's export raised an error, or what ran in it; else it is the model's own."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(f.f_globals.get("__name__", "").startswith("torch.export") for f, _ in frames)


def _raised_in(error: BaseException) -> Any:
    """The innermost layer at work when an error was raised."""
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner = frame.f_locals.get("self")
        if isinstance(owner, Layer):
            found = owner
    return found


def _layer_of(model: Any, node: torch.fx.Node) -> str:
    """The innermost layer that a node stands for, as errors show it."""
    found = model
    for path, _ in node.meta.get("nn_module_stack", {}).values():
        part: Any = model
        for name in path.split(".")[1:]:
            part = getattr(part, name, None)
        if isinstance(part, Layer):
            found = part
    return found.who
