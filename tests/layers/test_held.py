"""Modules of torch's among the layers: each sequence as alone, or refused with the ways out."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import unpad as keras
from unpad import Ragged
from unpad.testing import check_layer

L = keras.layers


def steps(*lengths, features=4):
    torch.manual_seed(1)
    return Ragged.from_list([torch.randn(n, features) for n in lengths])


def encoder(**options):
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, **options)


def attention():
    torch.manual_seed(0)
    return nn.MultiheadAttention(4, 2, batch_first=True)


ENCODER = {"mask": "src_key_padding_mask", "real": False}
ATTENTION = {
    "mask": "key_padding_mask",
    "real": False,
    "inputs": ("query", "key", "value"),
    "arguments": {"need_weights": False},
}

# --- rows ----------------------------------------------------------------------------------------

TOKEN_WISE = {
    "Linear": lambda: nn.Linear(4, 2),
    "LayerNorm": lambda: nn.LayerNorm(4),
    "BatchNorm1d": lambda: nn.BatchNorm1d(4),
    "Dropout": lambda: nn.Dropout(0.5),
    "MLP": lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2)),
}


@pytest.mark.parametrize("name", TOKEN_WISE)
def test_modules_of_single_steps_pass(name):
    model = keras.Sequential([keras.Input((None, 4)), TOKEN_WISE[name](), L.Dense(1)])
    model.compile("sgd", "mse")
    x = steps(3, 1, 5)
    model.fit(x, Ragged.from_list([torch.zeros(n, 1) for n in (3, 1, 5)]), verbose=0)
    together = model.predict(x, verbose=0)
    for i in range(3):
        alone = model.predict(x[i : i + 1], verbose=0)
        torch.testing.assert_close(alone[0], together[i], atol=1e-6, rtol=0)
    assert model.predict(np.ones((2, 4, 4), "float32"), verbose=0).shape == (2, 4, 1)
    assert L.TimeDistributed(TOKEN_WISE[name]())(x).lengths.tolist() == [3, 1, 5]


class MeanOfRows(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


MIXING = {
    "softmax over rows": lambda: nn.Softmax(dim=0),
    "cumsum of rows": lambda: nn.Sequential(nn.Linear(4, 4), Cumsum()),
    "mean of rows": MeanOfRows,
    "TransformerEncoderLayer": encoder,
}


class Cumsum(nn.Module):
    def forward(self, x):
        return x.cumsum(0)


WAYS = {
    "Sequential": lambda module: keras.Sequential([keras.Input((None, 4)), module]),
    "masked": lambda module: keras.Sequential([keras.Input((None, 4)), L.Masking(0.0), module]),
    "TorchModule": lambda module: L.TorchModule(module)(steps(2, 1)),
    "TimeDistributed": lambda module: L.TimeDistributed(module)(steps(2, 1)),
}


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("way", WAYS)
def test_modules_that_look_from_row_to_row_are_told_when_built(name, way):
    with pytest.raises(ValueError, match=r"looks from one row at others.*layers\.Grid\(.*Varlen"):
        WAYS[way](MIXING[name]())


@pytest.mark.parametrize(
    ("make", "instead"),
    [
        (lambda: nn.Conv1d(4, 4, 3), "Conv1D"),
        (lambda: nn.LSTM(4, 4), "LSTM"),
        (lambda: nn.MultiheadAttention(4, 2), "MultiHeadAttention"),
    ],
)
def test_modules_of_sequences_are_refused_in_our_words(make, instead):
    with pytest.raises(ValueError, match=rf"On real steps: layers\.{instead};.*layers\.Grid"):
        keras.Sequential([keras.Input((None, 4)), make()])


@pytest.mark.parametrize("options", [{}, {"dtype": "int64"}])
def test_ids_go_to_a_table_of_torchs(options):
    table = nn.Embedding(9, 3)
    model = keras.Sequential([keras.Input((None,), **options), table])
    given = model.predict([[1, 2], [3]], verbose=0)
    np.testing.assert_array_equal(given[1], table.weight[3:4].detach().numpy())
    assert given[0].shape == (2, 3)


def test_a_module_is_tried_once_and_left_as_it_was():
    ran = []

    class Watched(nn.Linear):
        def forward(self, x):
            ran.append(len(x))
            return super().forward(x)

    module = Watched(4, 2)
    module.train()
    layer = L.TorchModule(module)
    x = steps(2, 1)
    state = torch.get_rng_state()
    layer(x)
    assert module.training and torch.equal(state, torch.get_rng_state())
    del ran[:]
    layer(steps(5))
    layer(steps(1, 1))
    assert ran == [5, 2]


# --- Grid ----------------------------------------------------------------------------------------

GRIDS = {
    "TransformerEncoder": lambda: L.Grid(nn.TransformerEncoder(encoder(), 2), **ENCODER),
    "TransformerEncoderLayer": lambda: L.Grid(encoder(), **ENCODER),
    "MultiheadAttention": lambda: L.Grid(attention(), **ATTENTION),
    "Conv1d": lambda: L.Grid(nn.Conv1d(4, 6, 3, padding="same"), channels_first=True),
    "LSTM": lambda: L.Grid(nn.LSTM(4, 3, batch_first=True)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_laws_hold_on_a_grid(name):
    check_layer(GRIDS[name], feature=(4,))


@pytest.mark.parametrize("name", GRIDS)
def test_a_model_with_a_grid_in_it_is_trained(name):
    layer = GRIDS[name]()
    model = keras.Sequential([keras.Input((None, 4)), layer, L.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    x = steps(3, 0, 1, 5)
    y = Ragged.from_list([torch.zeros(n, 1) for n in (3, 0, 1, 5)])
    before = [w.clone() for w in layer.parameters()]
    model.fit(x, y, batch_size=2, verbose=0)
    assert any(not torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))
    together = model.predict(x, verbose=0)
    grid = model.predict(x.to_padded(), verbose=0)
    for i in range(4):
        alone = model.predict(x[i : i + 1], verbose=0)
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=0)
    assert grid.shape == (4, 5, 1)


class Pool(nn.Module):
    def forward(self, x, mask):
        real = mask[..., None].to(x.dtype)
        return (x * real).sum(1) / real.sum(1)


def test_a_row_a_sequence_comes_back_as_one():
    layer = L.Grid(Pool(), mask="mask")
    x = steps(3, 0, 1)
    out = layer(x)
    assert out.shape == (3, 4) and out[1].tolist() == [0.0] * 4
    torch.testing.assert_close(out, x.mean())
    check_layer(lambda: L.Grid(Pool(), mask="mask"), feature=(4,))


def test_nothing_at_all_has_the_shape_of_something():
    layer = GRIDS["Conv1d"]()
    layer(steps(2))
    assert layer(steps(2)[:0]).feature == (6,)
    assert layer(Ragged.from_list([torch.zeros(0, 4)])).values.shape == (0, 6)


REFUSED = [
    (lambda: L.Grid(encoder()), "reads padding: tell it which slots are steps"),
    (lambda: L.Grid(encoder(), mask="src_key_padding_mask"), "does True in its mask mean a step"),
    (lambda: L.Grid(nn.LSTM(4, 3, batch_first=True, bidirectional=True)), "off by"),
    (
        lambda: L.Grid(
            nn.Sequential(
                nn.Conv1d(4, 4, 3, padding="same"), nn.ReLU(), nn.Conv1d(4, 4, 3, padding="same")
            ),
            channels_first=True,
        ),
        "alone than in company",
    ),
    (lambda: L.Grid(nn.Conv1d(4, 4, 2), channels_first=True), "gives 3 steps for 4"),
    (lambda: L.Grid(nn.LSTM(4, 3)), "Grid"),
    (lambda: L.Grid(nn.Linear(3, 3)), "Linear fails on sequences"),
    (lambda: L.Grid(attention(), take="nope", **ATTENTION), "gives no output 'nope'"),
    (lambda: L.Varlen(nn.Linear(4, 4)), "Linear fails on sequences"),
]


@pytest.mark.parametrize(("make", "text"), REFUSED)
def test_what_a_grid_cannot_do_is_told_when_it_is_built(make, text):
    with pytest.raises(ValueError, match=r"^(Grid|Varlen): ") as error:
        keras.Sequential([keras.Input((None, 4)), L.Masking(0.0), make()])
    assert text in str(error.value)


def test_statistics_that_would_count_padding_are_refused():
    with pytest.raises(ValueError, match=r"^Grid: Sequential holds a BatchNorm1d, whose statistic"):
        L.Grid(nn.Sequential(nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4)), channels_first=True)
    with pytest.raises(ValueError, match=r"^Grid: expected a torch module or a layer, got int"):
        L.Grid(3)


def test_a_block_of_keras_kind_stands_in_a_grid():
    class Block(keras.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = L.Dense(3)

        def call(self, x, mask=None):
            real = mask[..., None].to(x.dtype)
            return self.inner(x - (x * real).sum(1, keepdim=True) / real.sum(1, keepdim=True))

    layer = L.Grid(Block(), mask="mask")
    x = steps(3, 1)
    out = layer(x)
    assert len(layer.weights) == 2 and out.feature == (3,)
    torch.testing.assert_close(layer(x[:1]).values, out[0])


def test_a_grid_is_copied_and_pickled():
    x = steps(3, 1)
    layer = GRIDS["TransformerEncoderLayer"]()
    want = layer(x).values
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(other(x).values, want)
    assert layer.get_config()["mask"] == "src_key_padding_mask"


# --- Varlen --------------------------------------------------------------------------------------


class Centred(nn.Module):
    """Each step without its sequence's mean, and a linear map: a kernel of offsets."""

    def __init__(self, lead=False):
        super().__init__()
        torch.manual_seed(0)
        self.map, self.lead = nn.Linear(4, 3), lead

    def forward(self, x, cu_seqlens=None, max_seqlen=None):
        assert cu_seqlens.dtype == torch.int32 and isinstance(max_seqlen, int)
        x = x[0] if self.lead else x
        parts = x.tensor_split(cu_seqlens[1:-1].long().cpu())
        out = self.map(torch.cat([p - p.mean(0) for p in parts]))
        return out[None] if self.lead else out


@pytest.mark.parametrize("lead", [False, True])
def test_the_laws_hold_for_offsets(lead):
    check_layer(lambda: L.Varlen(Centred(lead), lead=lead), feature=(4,))


def test_offsets_of_several_names():
    class Cross(nn.Module):
        def forward(self, q, k, cu_q, cu_k, max_q, max_k):
            assert torch.equal(cu_q, cu_k) and max_q == max_k
            return q + k

    layer = L.Varlen(Cross(), ("cu_q", "cu_k"), ("max_q", "max_k"), inputs=("q", "k"))
    x = steps(2, 0, 1)
    assert torch.equal(layer(x).values, 2 * x.values)
    assert layer(torch.ones(2, 3, 4)).shape == (2, 3, 4)


def test_a_module_that_heeds_no_offsets_is_told():
    class Heedless(nn.Module):
        def forward(self, x, cu_seqlens, max_seqlen):
            return x.cumsum(0)

    with pytest.raises(ValueError, match=r"^Varlen: Heedless gives other numbers.*cu_seqlens"):
        L.Varlen(Heedless())(steps(2, 1))
