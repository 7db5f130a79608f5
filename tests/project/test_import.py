"""What `import unpad` costs, and what it leaves for those who ask for it."""

import os
import subprocess
import sys

import pytest

import unpad

HEAVY = (
    "torchmetrics",
    "torch._dynamo",
    "sympy",
    "h5py",
    "safetensors",
    "matplotlib",
    "pyarrow",
    "transformers",
    "pandas",
    "scipy",
    "sklearn",
)


def in_a_fresh_python(program):
    """What a program prints, run by a Python that has imported nothing of ours."""
    # As where it is installed: what is imported once is compiled, and stays so.
    told = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=told)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_takes_less_than_torch():
    """At most .8 s of processor time on top of torch's; of three runs the quickest counts."""
    program = (
        "import time, torch; start = time.process_time(); import unpad; "
        "print(time.process_time() - start)"
    )
    assert any(float(in_a_fresh_python(program)[0]) < 0.8 for _ in range(3))


def test_what_is_heavy_comes_when_it_is_asked_for():
    """None with `import unpad` or a fit with metrics; every public name."""
    heavy = f"print(*(set({HEAVY}) & set(sys.modules)), sep=',')"
    program = f"""
import sys, unpad
{heavy}
def trained(**options):
    m = unpad.Sequential([unpad.layers.Dense(1)]); m.compile('adam', 'mse', **options)
    m.fit([[[1.0]], []], [[[1.0]], []], verbose=0); m.predict([[[1.0]]], verbose=0)
trained()
{heavy}
trained(metrics=['mae', 'accuracy', unpad.metrics.AUC(from_logits=True)])
{heavy}
from unpad import *
print(*sorted(set(unpad.__all__) - set(vars())), sep=',')
"""
    assert in_a_fresh_python(program) == ["", "", "", ""]


@pytest.mark.parametrize(
    "home", ["activations", "callbacks", "constraints", "initializers", "regularizers"]
)
def test_keras_s_homes_are_files(home):
    """Modules of their own, so that type checkers and editors find them."""
    module = getattr(unpad, home)
    assert module.__name__ == f"unpad.{home}"
    assert module.__all__ == [*dict.fromkeys(module.__all__)]
    assert all(hasattr(module, name) for name in module.__all__)
