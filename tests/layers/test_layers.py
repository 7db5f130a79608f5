"""What each layer gives, refuses and draws, apart from the laws and the parity with Keras."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.layers import Spec
from unpad.testing import coded

from ..messages import says

L = keras.layers


def test_embedding_opens_the_door():
    layer = L.Embedding(10, 4, mask_zero=True)
    out = layer(np.array([[0, 0, 3], [0, 0, 0], [1, 0, 2]]))
    assert out.lengths.tolist() == [1, 0, 2]
    assert out.mask.tolist() == [[False, False, True], [False] * 3, [True, False, True]]
    assert torch.equal(out.values, layer.embeddings[[3, 1, 2]])
    assert isinstance(L.Embedding(10, 4)(torch.tensor([[0, 3]])), torch.Tensor)


@pytest.mark.parametrize(
    ("layer", "missing"), [(L.Masking(7.0), 7.0), (L.Embedding(9, 2, mask_zero=True), 0)]
)
def test_a_door_looks_again_where_the_values_have_changed(layer, missing):
    values = torch.tensor([1, 2, 3]) if missing == 0 else torch.ones(3, 1)
    opened = layer.open(Ragged(values, torch.tensor([0, 2, 3])))
    assert layer.open(opened) is opened
    opened.values[1] = missing
    assert layer(opened).lengths.tolist() == [1, 1]
    other = L.Masking(1.0).open(opened.to(torch.float32))  # another value is another question
    assert other.lengths.tolist() == ([1, 1] if missing == 0 else [1, 0])


def test_fit_looks_for_missing_steps_once(monkeypatch):
    asked = []
    keep = Ragged.keep
    monkeypatch.setattr(Ragged, "keep", lambda self, kept: asked.append(kept) or keep(self, kept))
    model = keras.Sequential([L.Masking(0.0), L.LSTM(2), L.Dense(1)])
    model.compile("sgd", "mse")
    x = Ragged.from_list([torch.ones(n, 1) for n in (1, 3, 2, 2)])
    model.fit(x, torch.ones(4, 1), epochs=3, batch_size=2, verbose=0)
    assert len(asked) == 1  # at the door, and of no batch


def test_row_0_of_the_embedding_is_never_moved():
    layer = L.Embedding(5, 2, mask_zero=True)
    layer(torch.tensor([[1, 0, 0], [2, 3, 0]])).values.sum().backward()
    assert layer.embeddings.grad[[0, 4]].abs().sum() == 0
    assert layer.embeddings.grad[1:4].abs().sum() > 0


def test_ids_may_come_as_whole_floats():
    layer = L.Embedding(5, 2, mask_zero=True)
    assert layer(torch.tensor([[1.0, 0.0]])).lengths.tolist() == [1]


def test_embedding_takes_first_weights():
    table = np.arange(6.0).reshape(3, 2).astype("float32")
    for weights in (table, [table]):
        layer = L.Embedding(3, 2, weights=weights)
        assert layer(torch.tensor([[2]])).tolist() == [[[4, 5]]]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_masking_opens_the_door(value):
    x = np.full((2, 3, 2), value, dtype="float32")
    x[0, 1] = [5, value]  # one feature differs: a step
    x[1, 0] = [1, 2]
    out = L.Masking(value)(x)
    assert out.lengths.tolist() == [1, 1]
    assert out.mask.tolist() == [[False, True, False], [True, False, False]]


def test_lstm_takes_and_gives_states():
    ragged = coded([3, 0, 2], (4,), torch.float32)
    layer = L.LSTM(5, return_sequences=True, return_state=True)
    outputs, h, c = layer(ragged)
    assert torch.equal(outputs.last()[0], h[0])
    assert h[1].tolist() == [0] * 5
    first, second = ragged[:1].keep(torch.tensor([True, True, False])), ragged[:1]
    second = second.keep(torch.tensor([False, False, True]))
    _, h1, c1 = layer(first)
    _, h2, c2 = layer(second, initial_state=[h1, c1])
    torch.testing.assert_close(h2, h[:1])
    torch.testing.assert_close(c2, c[:1])
    with pytest.raises(ValueError, match=r"expected initial_state as 2 tensors \(batch, 5\)"):
        layer(ragged, initial_state=[h1])


def test_an_empty_sequence_gives_its_initial_state():
    layer = L.LSTM(2)
    state = [torch.ones(1, 2), torch.ones(1, 2)]
    assert layer(coded([0], (3,)), initial_state=state).tolist() == [[1, 1]]


def test_dense_batches_flow_as_in_keras():
    x = torch.randn(2, 5, 3)
    layer = L.Bidirectional(L.LSTM(4, return_sequences=True))
    dense = layer(x)
    assert dense.shape == (2, 5, 8)
    ragged = layer(Ragged.from_padded(x, lengths=5))
    assert torch.equal(dense.flatten(0, 1), ragged.values)
    assert L.TimeDistributed(L.Dense(2))(x).shape == (2, 5, 2)


def test_the_backward_direction_starts_at_each_sequence_s_own_end():
    ragged = coded([4, 2], (3,), torch.float32)
    layer = L.Bidirectional(L.LSTM(2, return_sequences=True))
    out = layer(ragged)
    alone = layer.backward_layer(ragged[1:].with_values(ragged[1]))
    torch.testing.assert_close(out[1][:, 2:], alone.values.flip(0))


@pytest.mark.parametrize(("option", "size"), [("dropout", 3), ("recurrent_dropout", 4)])
def test_recurrent_layers_draw_once_a_sequence(option, size):
    layer = L.LSTM(4, return_sequences=True, **{option: 0.5}).train()
    steps = torch.ones(6, 3)
    ragged = Ragged(steps, torch.tensor([0, 3, 6]))
    layer(ragged)
    torch.manual_seed(1)
    first = layer(ragged)
    torch.manual_seed(1)
    assert torch.equal(layer(ragged).values, first.values)
    assert not torch.equal(first[0], first[1])  # two sequences, two draws
    layer.eval()
    assert torch.equal(layer(ragged)[0], layer(ragged)[1])


@pytest.mark.parametrize("kind", [L.LSTM, L.GRU, L.SimpleRNN])
def test_a_stateful_layer_goes_on_where_it_ended(kind):
    whole = coded([6, 4, 2], (3,), torch.float32)
    layer = kind(4, return_sequences=True, stateful=True)
    want = layer(whole)
    layer.reset_state()
    early = whole.positions < 2
    first, second = layer(whole.keep(early)), layer(whole.keep(~early))
    for w, a, b in zip(want, first, second, strict=True):
        torch.testing.assert_close(torch.cat([a, b]), w)
    # Row 1 starts anew, the others go on.
    layer.reset_state()
    layer(whole.keep(early))
    layer.reset_state(rows=[1])
    mixed = layer(whole.keep(~early))
    torch.testing.assert_close(mixed[0], want[0][2:])
    fresh = kind.from_config(layer.get_config() | {"stateful": False})
    fresh(whole)
    fresh.load_state_dict(layer.state_dict())
    torch.testing.assert_close(mixed[1], fresh(whole.keep(~early))[1])
    with says(f"{kind.__name__}: stateful, and the batch before had 3 sequences, this one 2."):
        layer(whole[:2])


def test_a_seed_makes_a_stream_of_its_own():
    x = torch.ones(50, 4)
    draws = []
    for _ in range(2):
        layer = L.Dropout(0.5, seed=3).train()
        torch.manual_seed(len(draws))
        draws.append((layer(x), layer(x)))
    assert torch.equal(draws[0][0], draws[1][0])
    assert not torch.equal(draws[0][0], draws[0][1])


def test_dropout_of_everything_and_nothing():
    x = torch.ones(4, 4)
    assert L.Dropout(1.0, seed=1).train()(x).sum() == 0
    assert L.Dropout(0.0).train()(x) is x


def test_a_layer_s_config_makes_a_fresh_one():
    for layer in (
        L.LSTM(3, "relu", return_sequences=True, seed=4, name="walk"),
        L.Dense(3, "tanh", use_bias=False),
        L.Bidirectional(L.LSTM(3), merge_mode="sum"),
        L.Embedding(5, 2, mask_zero=True),
        L.TimeDistributed(L.Dense(2)),
        L.Dropout(0.3, seed=1),
        L.Masking(-1.0),
        L.Activation("relu"),
    ):
        config = layer.get_config()
        fresh = type(layer).from_config(config)
        assert type(fresh) is type(layer)
        assert fresh.name == layer.name
        again = fresh.get_config()
        simple = {k: v for k, v in config.items() if isinstance(v, (int, float, str, bool))}
        assert {k: again[k] for k in simple} == simple


def test_weights_go_in_and_out_in_keras_s_order():
    layer = L.Bidirectional(L.LSTM(2))
    layer(coded([2], (3,)))
    shapes = [w.shape for w in layer.get_weights()]
    assert shapes == [(3, 8), (2, 8), (8,)] * 2
    doubled = [w * 2 for w in layer.get_weights()]
    layer.set_weights(doubled)
    assert all((a == b).all() for a, b in zip(layer.get_weights(), doubled, strict=True))
    with pytest.raises(ValueError, match="expected 6 weights, got 1"):
        layer.set_weights(doubled[:1])
    with pytest.raises(ValueError, match=r"expected weight 1 as \(2, 8\), got \(8,\)"):
        layer.set_weights([doubled[0], doubled[2], *doubled[2:]])


def test_layers_are_torch_modules():
    layer = L.LSTM(2, name="walk", trainable=False)
    layer(coded([2], (3,)))
    assert sorted(layer.state_dict()) == ["bias", "kernel", "recurrent_kernel"]
    assert not any(p.requires_grad for p in layer.parameters())
    bias = layer.bias.detach()
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]  # Keras's unit forget bias


def test_inputs_are_cast_to_the_weights_type():
    layer = L.Dense(2, dtype="float64")
    assert layer(torch.ones(1, 3)).dtype == torch.float64
    assert L.Dense(2)(np.ones((1, 3))).dtype == torch.float32


REFUSED = [
    (lambda: L.Dense(0), "Dense: expected units as a positive integer, got 0."),
    (lambda: L.Dense(2.5), "Dense: expected units as a positive integer, got 2.5."),
    (
        lambda: L.Dense(2, "rellu"),
        "Dense: unknown activation 'rellu'; did you mean 'relu' or 'relu6' or 'elu'? Known are: ",
    ),
    (
        lambda: L.LSTM(2, kernel_initializer="glorot"),
        "LSTM: unknown initializer 'glorot'; did you mean",
    ),
    (lambda: L.LSTM(2, use_cudnn=3), "LSTM: expected use_cudnn as True, False or 'auto', got 3."),
    (
        lambda: L.Dense(2, kernel_regularizer="l3", name="out"),
        "Dense 'out': unknown regularizer 'l3'; ",
    ),
    (lambda: L.Dropout(1.5), "Dropout: expected rate as a number from 0 to 1, got 1.5."),
    (
        lambda: L.Bidirectional(L.Dense(2)),
        "Bidirectional: expected a recurrent layer (LSTM, GRU, SimpleRNN), got Dense.",
    ),
    (
        lambda: L.Bidirectional(L.LSTM(2), merge_mode="cat"),
        "Bidirectional: expected merge_mode as one of 'concat', 'sum', 'mul', 'ave', None, got "
        "'cat'.",
    ),
    (
        lambda: L.Bidirectional(L.LSTM(2), backward_layer=L.LSTM(2)),
        "Bidirectional: both layers have go_backwards=False; the backward layer needs "
        "go_backwards=True.",
    ),
    (
        lambda: L.TimeDistributed(torch.relu),
        "TimeDistributed: expected a layer or a torch module, got builtin_function_or_method. For "
        "a function of a tensor use Activation(function).",
    ),
    (
        lambda: L.Dense(2)("abc"),
        "Dense: expected a Ragged or a tensor, got str. Sequences of different lengths: "
        "Ragged.from_list(...).",
    ),
    (
        lambda: L.Embedding(3, 2)(torch.tensor([[1, 7]])),
        "Embedding: id 7 in sequence 0, step 1, but input_dim is 3. Ids must be below input_dim: "
        "build with input_dim=8 or map rare words to one id.",
    ),
    (
        lambda: L.Embedding(3, 2, name="words")(Ragged.from_list([[1], [2, -1]])),
        "Embedding 'words': id -1 in sequence 1, step 1, negative. Ids start at 0. If it marks "
        "padding: use 0 for padding and mask_zero=True, or Ragged.from_padded(x, padding=-1).",
    ),
    (
        lambda: L.Embedding(3, 2)(torch.tensor([[1, 0.5]])),
        "Embedding: the id in sequence 0, step 1 is 0.5. Ids are integers: numbers that are not "
        "ids go into the model without Embedding; missing steps are 0 with mask_zero=True.",
    ),
]


@pytest.mark.parametrize(("make", "text"), REFUSED)
def test_refusals_say_what_to_do(make, text):
    with says(text, (ValueError, TypeError)):
        make()


@pytest.mark.parametrize(
    ("layer", "spec", "text"),
    [
        (
            L.LSTM(2),
            Spec((), True),
            "LSTM: expected sequences of feature vectors, (batch, steps*, feature), got (batch, "
            "steps*). Ids go through Embedding first; one number a step needs x[..., None] and "
            "Input(shape=(None, 1)).",
        ),
        (
            L.Dense(2),
            Spec((None,)),
            "Dense: expected a feature axis of a known size, got (batch, time). Ids go through "
            "Embedding first; a sequence of numbers needs a feature axis: x[..., None] and "
            "Input(shape=(None, 1)).",
        ),
        (
            L.Masking(),
            Spec((None,)),
            "Masking: expected (batch, time, feature), got (batch, time). For ids use "
            "Embedding(mask_zero=True); for one number a step x[..., None].",
        ),
        (
            L.Activation("softmax"),
            Spec((), True),
            "Activation: softmax is over a step's features, but a step is one number here. Over "
            "each sequence's steps: ragged.softmax().",
        ),
        (
            L.TimeDistributed(torch.nn.Flatten(0)),
            Spec((3,), True),
            "TimeDistributed: Flatten gives (9,) for 3 steps; it must give one row for each step. "
            "For one row a sequence use a layer that reduces, as LSTM(return_sequences=False).",
        ),
        (
            L.TimeDistributed(torch.nn.Linear(5, 2)),
            Spec((3,), True),
            "TimeDistributed: Linear fails on a batch of shape (3, 3): ",
        ),
        (
            L.Bidirectional(
                L.LSTM(2), merge_mode="sum", backward_layer=L.LSTM(3, go_backwards=True)
            ),
            Spec((3,), True),
            "Bidirectional: merge_mode 'sum' needs both directions of one size, got 2 and 3 units.",
        ),
    ],
)
def test_law_3_refused_when_built(layer, spec, text):
    with says(text):
        layer.ensure_built(spec)
    assert not layer.built
