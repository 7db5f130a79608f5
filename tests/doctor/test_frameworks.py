"""Transformers' models and files in ONNX are asked the same questions."""

import os
import re

import numpy as np
import pytest
import torch
from torch import nn

from unpad.doctor import probe

from .modules import ForwardsOnly, LastSlot

os.environ.setdefault("HF_HUB_OFFLINE", "1")
RNG = np.random.default_rng(0)
IDS = [RNG.integers(1, 50, int(n)) for n in (17, 9, 13, 6, 11)]
SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.mark.parametrize("name", ["BertModel", "DistilBertModel", "GPT2Model"])
def test_models_of_transformers_with_random_weights(name):
    transformers = pytest.importorskip("transformers")
    settings = {
        "BertModel": lambda: transformers.BertConfig(**SMALL, intermediate_size=32),
        "DistilBertModel": lambda: transformers.DistilBertConfig(
            vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=32
        ),
        "GPT2Model": lambda: transformers.GPT2Config(
            vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=64
        ),
    }
    net = getattr(transformers, name)(settings[name]())
    causal = name == "GPT2Model"
    report = probe(net, IDS, causal=causal)
    assert report == [], report
    assert sum(a.could for a in report.asked) >= 5
    if not causal:
        assert probe(net, IDS, causal=True).kinds == ["future"]
        assert probe(net, IDS, told="none").kinds == ["padding"]


class MaskedMean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, ids, attention_mask):
        weights = attention_mask[..., None].to(torch.float32)
        return self.out((self.embed(ids) * weights).sum(1) / weights.sum(1))


def exported(module, given, path):
    names = ["ids", "attention_mask"][: len(given)]
    axes = {name: {0: "batch", 1: "time"} for name in names}
    torch.onnx.export(
        module.eval(), given, str(path), dynamo=False, input_names=names, output_names=["out"],
        dynamic_axes={**axes, "out": {0: "batch"}},
    )  # fmt: skip
    return path


@pytest.mark.filterwarnings("ignore")
def test_files_in_onnx(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    ids = torch.ones(2, 5, dtype=torch.int64)
    sound = exported(MaskedMean(), (ids, torch.ones_like(ids)), tmp_path / "sound.onnx")
    report = probe(sound, IDS)
    assert report == [] and sum(a.could for a in report.asked) >= 5
    assert probe(runtime.InferenceSession(str(sound)), IDS) == []
    faulty = exported(LastSlot(), (ids,), tmp_path / "faulty.onnx")
    report = probe(str(faulty), IDS)
    assert report.kinds == ["padding"]
    # The last slot is taken by a Gather or a Slice, and what comes before it is the same.
    assert report["padding"].where.layer is not None
    assert re.search(r"First at (Gather|Slice|Squeeze)", report["padding"].shown), report
    assert probe(runtime.InferenceSession(faulty.read_bytes()), IDS)["padding"].where.layer
    report = probe(tmp_path / "absent.onnx", IDS)
    assert report == [] and "cannot be run" in report.asked[0].answer


@pytest.mark.filterwarnings("ignore")
def test_a_file_in_onnx_of_two_inputs_and_two_outputs(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")

    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.wide = torch.nn.Embedding(50, 6), torch.nn.Linear(3, 6)

        def forward(self, words, numbers):
            h = torch.tanh(self.embed(words) + self.wide(numbers))
            return h, h.mean(1)

    given = torch.ones(2, 5, dtype=torch.int64), torch.randn(2, 5, 3)
    axes = {0: "batch", 1: "time"}
    path = tmp_path / "two.onnx"
    torch.onnx.export(
        Two().eval(), given, path, input_names=["words", "numbers"], output_names=["tags", "kind"],
        dynamic_axes={"words": axes, "numbers": axes, "tags": axes, "kind": {0: "batch"}},
        dynamo=False,
    )  # fmt: skip
    torch.manual_seed(0)
    samples = {"words": IDS, "numbers": [torch.randn(len(s), 3) for s in IDS]}
    report = probe(path, samples)
    assert report.kinds == ["padding"]
    assert "output 'kind' moves" in report["padding"].shown
    assert "First at ReduceMean" in report["padding"].shown
    assert "it needs numbers too" in probe(path, IDS).asked[0].answer


def test_both_conventions_of_each_name():
    """A key padding mask and an attention mask, each True at real steps or at padding."""

    class Named(ForwardsOnly):
        def __init__(self, real):
            super().__init__()
            self.real = real

        def attended(self, x, mask):
            hidden = ~mask.bool() if self.real else mask.bool()
            return self.narrow(self.encoder(self.embed(x), src_key_padding_mask=hidden))

    class KeyPadding(Named):
        def forward(self, x, key_padding_mask):
            return self.attended(x, key_padding_mask)

    class Attention(Named):
        def forward(self, x, attention_mask):
            return self.attended(x, attention_mask)

    for kind in (KeyPadding, Attention):
        for real in (True, False):
            assert probe(kind(real), IDS) == [], (kind, real)
