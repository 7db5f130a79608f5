"""`python -m unpad script.py` runs a Keras script; `doctor` says what is wrong with one."""

from __future__ import annotations

import sys

from .command import doctor
from .command.files import convert, show
from .dialect import run_script

_USAGE = """usage: python -m unpad SCRIPT [ARGUMENT ...]
       python -m unpad doctor SCRIPT | MODULE:FUNCTION [OPTION ...]
       python -m unpad show FILE
       python -m unpad convert FROM TO

Runs a Keras script as it is: its `import keras` and `import tensorflow as tf` give unpad.
doctor says what is wrong with a model and its data: python -m unpad doctor --help.
show prints the model in a file, convert writes it into another: .keras,
.safetensors, or for other programs .onnx."""


def main(arguments: list[str]) -> int:
    """Runs the script that is named first; without one, says how it is called."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if arguments else 2
    if arguments[0] == "doctor":
        return doctor(arguments[1:])
    if arguments[0] in ("show", "convert"):
        return {"show": show, "convert": convert}[arguments[0]](arguments[1:])
    run_script(arguments[0], arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
