"""A script of Keras's, run as it is."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .hook import as_keras


def run_script(path: str | Path, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Runs a Python file whose `import keras` and `import tensorflow` give unpad.

    Args:
        path: of the file.
        arguments: what it finds in sys.argv.

    Returns:
        The names that it has made.
    """
    argv, where = sys.argv, list(sys.path)
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        with as_keras():
            return runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, where
