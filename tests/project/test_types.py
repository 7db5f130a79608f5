"""What type checkers and editors know of a user's program; see typed_program.py."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_program.py")


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright comes with unpad[check]")
def test_a_user_s_program_is_typed():
    """No error where none is said to be, and every error that is said to be."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, str(PROGRAM)], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    said = [(e["range"]["start"]["line"] + 1, e["message"]) for e in found["generalDiagnostics"]]
    assert said == []
