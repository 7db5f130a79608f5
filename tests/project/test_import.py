"""What `import unpad` costs, and what it leaves for those who ask for it."""

import subprocess
import sys

import pytest

import unpad

HEAVY = (
    "torchmetrics",
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
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_takes_less_than_torch():
    """At most .8 s of processor time on top of torch's; of three runs the quickest counts."""
    program = (
        "import time, torch; start = time.process_time(); import unpad; "
        "print(time.process_time() - start)"
    )
    assert min(float(in_a_fresh_python(program)[0]) for _ in range(3)) < 0.8


@pytest.mark.parametrize(
    "use",
    [
        "pass",
        "m = unpad.Sequential([unpad.layers.Dense(1)]); m.compile('adam', 'mse'); "
        "m.fit([[[1.0]], []], [[[2.0]], []], verbose=0); m.predict([[[1.0]]], verbose=0)",
    ],
    ids=["imported", "trained"],
)
def test_it_imports_nothing_heavy(use):
    program = f"import sys, unpad; {use}; print(*(set({HEAVY}) & set(sys.modules)))"
    assert in_a_fresh_python(program) == []


def test_metrics_come_when_they_are_asked_for():
    program = (
        "import sys, unpad; before = 'torchmetrics' in sys.modules; "
        "m = unpad.Sequential([unpad.layers.Dense(1)]); m.compile('adam', 'mse', metrics=['mae']); "
        "import torchmetrics; "
        "print(before, issubclass(unpad.metrics.Metric, torchmetrics.Metric))"
    )
    assert in_a_fresh_python(program) == ["False", "True"]


def test_everything_public_is_there():
    """Each name of the list, whether it is imported at once or when it is asked for."""
    program = "from unpad import *; import unpad; print(*sorted(set(unpad.__all__) - set(vars())))"
    assert in_a_fresh_python(program) == []


@pytest.mark.parametrize(
    "home", ["activations", "callbacks", "constraints", "initializers", "regularizers"]
)
def test_keras_s_homes_are_files(home):
    """Modules of their own, so that type checkers and editors find them."""
    module = getattr(unpad, home)
    assert module.__name__ == f"unpad.{home}"
    assert module.__all__ == [*dict.fromkeys(module.__all__)]
    assert all(hasattr(module, name) for name in module.__all__)
