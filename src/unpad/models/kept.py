"""A model in files: whole, its weights, another program's graph; what it was compiled with."""

from __future__ import annotations

from typing import Any

from ..formats import keras_file, model_file, weights_file
from . import exporting
from .asked import Asked


class Kept(Asked):
    """A layer that is written into files, and takes what they hold."""

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
    ) -> None:
        """Writes the whole model into a file: `keras.models.load_model` makes the same of it.

        What it is made of, its weights, what it is trained with and what the optimiser has
        gathered. The file is there whole or not at all.

        Args:
            filepath: ends in ".keras", Keras 3's format, which Keras reads, or in ".safetensors".
            overwrite: False raises a FileExistsError where there is a file.
            include_optimizer: whether what it is trained with is part of it.
            save_format: Keras 2's "keras", which the name's ending says now.

        Raises:
            TypeError: a part of it cannot be written: a lambda, a torch module.
            ValueError: the model is not built, or its name says another format.
            OSError: the file cannot be written.
        """
        model_file.save_model(self, filepath, overwrite, include_optimizer, save_format)

    def export(
        self,
        filepath: Any,
        format: str | None = None,
        verbose: bool | None = None,
        input_signature: Any = None,
        *,
        padding: str = "post",
        mask: bool = False,
        opset: int | None = None,
    ) -> None:
        """Writes what the model predicts for other programs: ONNX, or torch's graph.

        An ONNX file takes what a runtime's caller has: a grid (batch, time, *feature) by the name
        of each input, and beside it int64 "lengths" (batch,), "NAME_lengths" where several inputs
        are sequences; any batch but none, any time, lengths of 0 too. What comes out stands in the
        slots that it came in by, 0 where no step is; an output of other lengths has these beside
        it, as "NAME_lengths". See `docs/export.md`.

        Args:
            filepath: ends in ".onnx" or ".pt2", which `torch.export.load` reads.
            format: "onnx" or "torch"; by default the ending's.
            verbose: whether a line tells where it was written.
            input_signature: a batch to make the graph with, Ragged or tensors, or a list of them;
                by default ones of the types that the model takes.
            padding: "post" or "pre", the side on which an ONNX file's grids are padded.
            mask: whether an ONNX file takes "mask" (batch, time), True where a step is, instead of
                lengths; then any slot may be empty.
            opset: version of ONNX's operators; 18 by default.

        Raises:
            ValueError: a layer cannot be exported; the text says which, and why.
            ImportError: onnx is not installed.
            OSError: the file cannot be written; what was there is as it was.
        """
        wanted = exporting.Wanted(padding, mask, opset)
        exporting.export(self, filepath, format, verbose, input_signature, wanted)

    def get_compile_config(self) -> dict[str, Any]:
        """What was given to `compile`, as data; nothing of a torch optimiser."""
        return keras_file.compile_config(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as `get_compile_config` says.

        Args:
            config: what it gave.
        """
        keras_file.compile_from(self, config)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the weights, and what the optimiser has gathered, into a file; see docs/files.md.

        The file is there whole or not at all: after an error what was there is as it was.

        Args:
            filepath: ends in ".weights.h5", Keras 3's format, which Keras reads, or in
                ".safetensors".
            overwrite: False raises a FileExistsError where there is a file.

        Raises:
            ValueError: the model is not built.
            OSError: the file cannot be written.
        """
        weights_file.save_weights(self, filepath, overwrite)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False
    ) -> None:
        """Takes the weights of a file: all or, after an error, none. Nothing in it is executed.

        Args:
            filepath: what `save_weights` wrote, here or in Keras; or older Keras's ".h5".
            skip_mismatch: whether weights that do not fit stay as they are, and a warning tells
                which.
            by_name: of older Keras's ".h5": takes the weights of layers whose names the file has,
                and leaves the others as they are; else layers with weights are met in order.

        Raises:
            unpad.saving.FileError: the file is damaged, of another kind, or of another model.
            ValueError: the model is not built.
        """
        weights_file.load_weights(self, filepath, skip_mismatch, by_name)
