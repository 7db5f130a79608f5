"""A built layer asks its spec about every call of a new kind, and only about those."""

import pytest
import torch

import unpad as keras
from tests.cases import CASES
from tests.messages import says
from unpad import Ragged

L = keras.layers


def resized(inputs, size):
    """The inputs, every one's last axis of another size; None where one has no feature axis."""
    found = []
    for x in inputs:
        values = x.values if isinstance(x, Ragged) else x
        if not values.is_floating_point() or values.ndim < 2:
            return None
        other = torch.ones(*values.shape[:-1], size, dtype=values.dtype)
        found.append(x.with_values(other) if isinstance(x, Ragged) else other)
    return found


def weighted():
    for case in CASES.values():
        inputs = case.batch()
        if resized(inputs, 5) is None:
            continue
        layer = case.make(keras).double()
        case.run(layer, inputs)
        own = [*layer.parameters(), *layer.buffers()]
        sizes = {x.feature[-1] if isinstance(x, Ragged) else x.shape[-1] for x in inputs}
        if any(sizes & {*w.shape} for w in own):
            yield case.name


@pytest.mark.parametrize("name", sorted(weighted()))
def test_a_built_layer_takes_no_other_number_of_features(name):
    """Else the kernels would read past the weights, or torch broadcast."""
    case = CASES[name]
    inputs = case.batch()
    layer = case.make(keras).double()
    case.run(layer, inputs)
    width = inputs[0].shape[-1] if not isinstance(inputs[0], Ragged) else inputs[0].feature[-1]
    for size in {1, width + 2, width - 1} - {width}:
        with pytest.raises(ValueError, match=r"^\w+: "):
            case.run(layer, resized(inputs, size))


def test_what_lies_behind_a_kernel_is_not_read():
    dense = L.Dense(1, use_bias=False)
    dense(torch.ones(1, 3))
    with says("Dense: built for 3 features, got (1, 5)."):
        dense(torch.ones(1, 5))
    with says("Dense: built for 3 features, got (1, 2)."):
        dense(torch.ones(1, 2))
    with says("Dense: built for 3 features, got (batch, steps*, 5)."):
        dense(Ragged.from_list([torch.ones(2, 5)]))


def test_layers_behind_others_are_asked_too():
    each = L.TimeDistributed(L.Dense(2))
    each(torch.ones(1, 2, 3))
    with says("Dense: built for 3 features, got (batch, 5)."):
        each(torch.ones(1, 2, 5))
    flat = keras.Sequential([L.Flatten(), L.Dense(2)])
    flat(torch.ones(1, 2, 3))
    with says("Dense: built for 6 features, got (batch, 9)."):
        flat(torch.ones(1, 3, 3))
    x = keras.Input((None, 3))
    model = keras.Model(x, L.LSTM(2)(x))
    with pytest.raises(ValueError, match=r"^Input: expected \(batch, time, 3\), got \(1, 2, 5\)"):
        model(torch.ones(1, 2, 5))


def test_a_statistic_over_time_is_not_that_of_sequences():
    layer = L.BatchNormalization(axis=1)
    layer(torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match="BatchNormalization: axis=1 is over time"):
        layer(Ragged.from_list([torch.ones(2, 3)]))


def test_weights_of_ones_own_layer_are_not_broadcast():
    class Scale(keras.Layer):
        def build(self, spec):
            self.scale = self.add_weight("scale", (spec[-1],), "ones")

        def forward(self, inputs):
            return inputs * self.scale

    layer = Scale()
    layer(torch.ones(2, 3))
    with says("Scale: built for 3 features, got (2, 1)."):
        layer(torch.ones(2, 1))
    assert layer(torch.ones(2, 7, 3)).shape == (2, 7, 3)


def test_a_gain_of_one_number_takes_any_size():
    class Gain(keras.Layer):
        def build(self, spec):
            self.gain = self.add_weight("gain", (), "ones")

        def forward(self, inputs):
            return inputs * self.gain

    layer = Gain()
    layer(torch.ones(2, 3))
    assert layer(torch.ones(2, 1)).shape == (2, 1)


def test_a_kind_is_asked_once():
    asked = []

    class Watched(L.Dense):
        def output_spec(self, spec):
            asked.append(spec)
            return super().output_spec(spec)

    layer = Watched(2)
    for length in (2, 5, 1, 5):
        layer(Ragged.from_list([torch.ones(length, 3)]))
        layer(torch.ones(length, 3))
    assert len(asked) == 2
    layer(torch.ones(2, 3).double())
    layer(torch.ones(4, 2, 3))
    assert len(asked) == 4


def test_a_layer_built_in_inference_mode_can_be_trained():
    for layer in (L.Dense(2), L.LSTM(2), L.Bidirectional(L.GRU(2)), L.BatchNormalization()):
        x = Ragged.from_list([torch.ones(2, 3), torch.ones(1, 3)])
        with torch.inference_mode():
            layer(x)
        out = layer(x)
        out = out.values if isinstance(out, Ragged) else out
        out.sum().backward()
        assert all(w.grad is not None for w in layer.parameters())


FORMS = {
    "a sparse tensor (coo)": lambda x: x.to_sparse(),
    "a sparse tensor (csr)": lambda x: x.flatten(0, -2).to_sparse_csr(),
    "a nested tensor": lambda x: torch.nested.nested_tensor(list(x)),
    "a quantized tensor": lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8),
}


@pytest.mark.filterwarnings("ignore")  # torch calls some of these forms new, others old
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Dense(2),
        lambda: L.Activation("relu"),
        lambda: L.LayerNormalization(),
        lambda: keras.Sequential([keras.Input((3,)), L.Dense(2)]),
    ],
)
def test_a_tensor_of_another_form_is_refused_by_the_layer_that_gets_it(make, built, form):
    layer = make()
    if built:
        layer(torch.ones(2, 3))
    with pytest.raises(ValueError, match=f"^{layer.who}: got ") as refused:
        layer(FORMS[form](torch.ones(2, 3)))
    assert form in str(refused.value)
    assert layer(torch.ones(2, 3)).shape[0] == 2


def test_a_tensor_without_axes_is_no_batch():
    wants = "expected a batch of sequences or rows, got a tensor without axes, tensor(3.)."
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    for layer in (keras.layers.Dense(2, name="dense"), keras.layers.CategoryEncoding(4), model):
        with says(f"{layer.who}: {wants}", TypeError):
            layer(torch.tensor(3.0))


def test_a_layer_of_ones_own_may_compute_with_a_sparse_matrix():
    class Neighbours(keras.layers.Layer):
        def call(self, inputs, links):
            return torch.sparse.mm(links, inputs) if links.is_sparse else links @ inputs

        def output_spec(self, inputs, links):
            return inputs

    assert Neighbours()(torch.ones(3, 2), torch.eye(3).to_sparse()).sum() == 6
