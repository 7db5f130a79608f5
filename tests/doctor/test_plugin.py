"""The fixture, in a project of its own."""

import subprocess
import sys

TESTS = """
import torch

def test_sound(padding_proof):
    padding_proof(lambda x: x.cumsum(1), [torch.arange(5.0), torch.arange(3.0)])

def test_faulty(padding_proof):
    padding_proof(lambda x: x.flip(1), [torch.arange(5.0), torch.arange(3.0)])
"""


def test_the_fixture_passes_sound_models_and_fails_others(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["unpad.testing.pytest_plugin"]\n')
    (tmp_path / "test_models.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "BrokenLaw" in done.stdout and "padding" in done.stdout
    assert "raise BrokenLaw" not in done.stdout  # the test's own line, and the report
