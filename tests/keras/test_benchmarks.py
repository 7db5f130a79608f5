"""The benchmarks know every layer."""

import importlib
from pathlib import Path


def test_every_layer_is_compared_or_left_out_for_a_reason(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    contenders = importlib.import_module("layer_contenders")
    assert contenders.lacking() == []
    assert all(contenders.LEFT_OUT.values())
