"""`python -m unpad show FILE` and `convert FROM TO`: what is in a model's file, and in another."""

from __future__ import annotations

import sys
from pathlib import Path

from ..formats.exported import FORMATS
from ..formats.weights_file import arrays_alone
from ..models import load_model
from ..models.card import describe

_USAGE = """usage: python -m unpad show FILE
       python -m unpad convert FROM TO

A file is a whole model's: .keras, .safetensors or Keras 1's and 2's .h5; show takes files of
weights and of a training's state too. Nothing in a file is executed. What is written may also be
.onnx, for other programs (docs/export.md), or .pt2, torch's graph."""


def show(arguments: list[str]) -> int:
    """Prints the layers of a model in a file, what becomes of lengths, how it is trained, its size.

    Of weights alone, and of a training's state, the arrays with their types and shapes.

    Args:
        arguments: the path.

    Returns:
        What the process ends with: 0, or 2 where it is no such file.
    """
    if len(arguments) != 1:
        print(_USAGE)
        return 2
    path = Path(arguments[0])
    try:
        arrays = arrays_alone(path)
        model = None if arrays else load_model(path)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    size = path.stat().st_size
    if model is None:
        width = max(map(len, arrays))
        for name, array in arrays.items():
            print(f"{name:{width}}  {array.dtype}  {array.shape}")
        count = sum(array.size for array in arrays.values())
        print(f"no model: {count:,} numbers, {size:,} bytes in the file")
        return 0
    model.summary()
    print(f"{model.count_params():,} numbers in weights, {size:,} bytes in the file")
    if model.trained_on:
        print(f"trained on {describe(model.trained_on)}")
    if not model.compiled:
        print("not compiled")
        return 0
    config = model.get_compile_config()
    optimizer = config["optimizer"]["class_name"]
    updates = getattr(model.optimizer, "iterations", 0)
    print(f"trained by {optimizer}, {updates:,} updates so far; loss: {config['loss']}")
    return 0


def convert(arguments: list[str]) -> int:
    """Writes the model of a file into another, whose ending says the format.

    Args:
        arguments: the paths.

    Returns:
        What the process ends with: 0, or 2 where one cannot be read or written.
    """
    if len(arguments) != 2:
        print(_USAGE)
        return 2
    try:
        model = load_model(arguments[0])
        write = model.export if Path(arguments[1]).suffix in FORMATS else model.save
        write(arguments[1])
    except (ImportError, OSError, ValueError, TypeError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0
