"""Any model is asked whether it keeps the laws: sound ones pass, faulty ones are named by line."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from unpad import Ragged, Sequential, layers
from unpad.doctor import BrokenLaw, assert_padding_proof, probe
from unpad.doctor.probes.laws import THRESHOLD

from . import modules
from .modules import FAULTY, SOUND

RNG = np.random.default_rng(0)
IDS = [RNG.integers(1, 50, int(n)) for n in RNG.integers(5, 40, 12)]
STEPS = [RNG.normal(size=(int(n), 8)) for n in (9, 4, 6, 7)]


def grid(sequences=IDS, side="post"):
    width = max(map(len, sequences))
    found = np.zeros((len(sequences), width), int)
    for row, s in zip(found, sequences, strict=True):
        row[slice(0, len(s)) if side == "post" else slice(width - len(s), width)] = s
    return found


# --- PyTorch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", SOUND, ids=lambda m: m.__name__)
@pytest.mark.parametrize("given", [IDS, grid()], ids=["list", "grid"])
def test_sound_modules_pass(module, given):
    report = assert_padding_proof(module(), given)
    assert report == []
    numbers = [a.number for a in report.asked if a.number is not None]
    assert len(numbers) >= 3 and max(numbers) < THRESHOLD / 10


@pytest.mark.parametrize(
    ("module", "kind", "call", "code"), FAULTY, ids=[m.__name__ for m, *_ in FAULTY]
)
def test_faulty_modules_are_named_by_law_and_line(module, kind, call, code):
    report = probe(module(), IDS)
    (root,) = report.roots
    assert root.kind == kind
    if call is not None:
        assert root.where.file == modules.__file__ and code in root.where.code
        assert f"First at {call}" in root.shown
        assert root.evidence["difference over spread"] > 10 * root.evidence["threshold"]
    assert root.cure and root.code
    with pytest.raises(BrokenLaw, match=kind):
        assert_padding_proof(module(), IDS)


def test_shares_of_the_gradient_are_evidence():
    found = {m: probe(m(), IDS)[0].evidence for m in (modules.LastSlot, modules.BatchSecond)}
    last, axes = found.values()
    assert last["gradient on padding"] > 0.3 and last["gradient on other sequences"] < 1e-6
    assert axes["gradient on other sequences"] > 0.2


def test_the_future_is_asked_of_causal_models():
    assert "future" not in probe(modules.NoKeyMask(), IDS)
    report = probe(modules.NoKeyMask(), IDS, causal=True)
    assert set(report.kinds) == {"padding", "future"}
    assert report["future"].evidence["gradient on later steps"] > 0.05
    assert probe(modules.ForwardsOnly(), IDS, causal=True) == []
    for module in (modules.Packed(), modules.PackedSorted()):  # the latter's outputs are trimmed
        assert probe(module, IDS, causal=True).kinds == ["future"]
    (finding,) = probe(modules.Packed(), IDS, causal=True)
    assert finding.kind == "future" and "self.walk" in finding.where.code


def test_batch_norm_is_asked_as_in_training_when_that_is_wanted():
    net = nn.Sequential(nn.Embedding(50, 8), TimeLast(nn.BatchNorm1d(8)))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    assert probe(net, IDS) == []
    report = probe(net, IDS, training=True)
    assert report.roots[0].kind == "batch mates"
    assert report.roots[0].where.layer == "1.inner"
    assert all(bool((v == before[k]).all()) for k, v in net.state_dict().items())
    assert net.training and net[1].inner.training


class TimeLast(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize("told", [None, "packed"])
def test_a_bare_lstm_takes_both_and_is_asked_as_it_is_said(told):
    net = nn.LSTM(8, 5, batch_first=True, bidirectional=True)
    assert probe(net, STEPS, told=told).kinds == ([] if told else ["padding"])


def test_torchs_own_attention_is_given_its_mask():
    assert probe(nn.MultiheadAttention(8, 2, batch_first=True), STEPS) == []
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    assert probe(layer, STEPS) == []
    assert probe(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), STEPS) == []
    assert probe(layer, STEPS, told="none").kinds == ["padding"]


def test_lengths_that_change_are_followed():
    class Strided(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.conv, self.norm = nn.Conv1d(1, 8, 5, stride=3), norm

        def forward(self, x):
            return self.norm(self.conv(x[:, None])).transpose(1, 2)

    waves = [RNG.normal(size=int(n)) for n in (900, 700, 333)]
    assert probe(Strided(nn.Identity()), waves) == []
    (finding,) = probe(Strided(nn.GroupNorm(8, 8)), waves)
    assert finding.kind == "padding" and finding.where.layer == "norm"


def test_what_a_model_needs_and_nobody_can_guess_is_said():
    class Decoder(nn.Module):
        def forward(self, x, memory):
            return x

    report = probe(Decoder(), IDS)
    assert report == [] and not any(a.could for a in report.asked)
    assert "it needs memory too. Give a function of the grid" in report.asked[0].answer
    with pytest.raises(BrokenLaw, match="Could not be asked"):
        assert_padding_proof(Decoder(), IDS)


def test_rounding_is_no_broken_law():
    class Offset(nn.Module):
        def __init__(self):
            super().__init__()
            self.walk = nn.GRU(8, 8, batch_first=True)

        def forward(self, x):
            return self.walk(x)[0] * 1e-3 + 10

    assert probe(Offset(), STEPS) == []
    assert probe(nn.GRU(8, 8, batch_first=True).to(torch.bfloat16), STEPS) == []


# --- functions, unpad ----------------------------------------------------------------------------


def test_functions_of_arrays_and_of_tensors():
    means = [lambda x: x.mean(1), lambda x: x.to(torch.float32).mean(1)]
    for mean in means:
        (finding,) = probe(mean, IDS)
        assert finding.kind == "padding"
    assert "x.to(torch.float32).mean(1)" in probe(means[1], IDS)[0].where.code

    def masked(x, mask):
        return (x * mask).sum(1) / mask.sum(1)

    assert probe(masked, IDS) == []
    (finding,) = probe(lambda x, lengths: x.sum(1) / lengths, IDS)
    assert finding.kind == "padding content" and finding.severity == "warning"
    assert probe(lambda x: x[:, ::-1], IDS).kinds == ["padding"]
    assert probe(lambda x: x * 2.0, grid(side="pre"), side="pre") == []


def test_models_of_unpad_keep_them_with_a_door_or_a_list():
    body = [layers.Bidirectional(layers.LSTM(5, return_sequences=True)), layers.Dense(3)]
    door = Sequential([layers.Embedding(50, 8, mask_zero=True), *body])
    report = assert_padding_proof(door, grid())
    assert [a.name for a in report.asked if a.number is not None][-1] == "amount of padding"
    none = Sequential([layers.Embedding(50, 8), *body])
    assert probe(none, IDS) == []
    (finding,) = probe(none, grid())
    assert finding.kind == "padding" and "mask_zero=True" in finding.code
    strided = [layers.Embedding(50, 8, mask_zero=True), layers.Conv1D(8, 3, strides=2)]
    assert probe(Sequential(strided), IDS) == []
    assert probe(layers.LSTM(4), Ragged.from_list(STEPS)) == []


# --- how it is asked -----------------------------------------------------------------------------


def test_one_sequence_is_enough_and_none_is_an_error():
    assert probe(modules.Mean(), [IDS[0]]).kinds == ["padding"]
    with pytest.raises(ValueError, match="expected sequences with steps, got none"):
        probe(modules.Mean(), [])
    with pytest.raises(ValueError, match="expected a list of sequences, a Ragged or a padded"):
        probe(modules.Mean(), "words")
    with pytest.raises(ValueError, match="side: expected 'post' or 'pre', got 'left'"):
        probe(modules.Mean(), IDS, side="left")


def test_it_leaves_everything_as_it_was():
    net = modules.Packed().train()
    weights, drops = [p.clone() for p in net.parameters()], modules.AlwaysDropout()
    state = torch.get_rng_state()
    probe(drops, IDS)
    probe(net, IDS)
    assert bool((torch.get_rng_state() == state).all()) and net.training
    assert all(bool((a == b).all()) for a, b in zip(weights, net.parameters(), strict=True))
    assert all(p.grad is None for p in net.parameters())


def test_the_same_seed_gives_the_same_numbers():
    net = modules.NoKeyMask()
    assert probe(net, IDS, seed=3).findings == probe(net, IDS, seed=3).findings


def test_ten_million_weights_take_less_than_a_second():
    net = nn.Sequential(
        nn.Embedding(8_000, 512),
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(512, 8, 1024, batch_first=True),
            3,
            enable_nested_tensor=False,
        ),
    )
    assert sum(p.numel() for p in net.parameters()) > 10e6
    start = time.process_time()
    assert probe(net, IDS).kinds == ["padding"]
    assert time.process_time() - start < 1
