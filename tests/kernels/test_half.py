"""Models of half precision: built, trained, asked, read and set; and first weights of any kind."""

import numpy as np
import pytest
import torch

import unpad as keras

L = keras.layers
HALVES = ["bfloat16", "float16"]
LAYERS = {
    "Dense": lambda dtype: [L.Dense(3, dtype=dtype), L.GlobalAveragePooling1D()],
    "LSTM": lambda dtype: [L.LSTM(3, dtype=dtype)],
    "GRU": lambda dtype: [L.GRU(3, dtype=dtype)],
    "SimpleRNN": lambda dtype: [L.SimpleRNN(3, dtype=dtype)],
    "Bidirectional": lambda dtype: [L.Bidirectional(L.LSTM(3, dtype=dtype))],
    "Conv1D": lambda dtype: [L.Conv1D(3, 2, dtype=dtype), L.GlobalMaxPooling1D()],
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_model_of_half_precision_trains_predicts_and_gives_its_weights(kind, dtype):
    layers = [*LAYERS[kind](dtype), L.Dense(1, dtype=dtype)]
    model = keras.Sequential([keras.Input((None, 4)), *layers])
    model.compile("adam", "mse")
    x = [np.random.rand(n, 4).astype("float32") for n in (2, 3, 5)]
    before = model.get_weights()
    model.fit(x, np.ones((3, 1), "float32"), epochs=2, verbose=0)
    assert all(w.dtype == getattr(torch, dtype) for w in model.weights)
    # numpy has no bfloat16.
    shown = np.float32 if dtype == "bfloat16" else np.float16
    after = model.get_weights()
    assert {w.dtype for w in after} == {np.dtype(shown)}
    assert any((a != b).any() for a, b in zip(after, before, strict=True))
    model.set_weights(after)
    assert all((a == b).all() for a, b in zip(after, model.get_weights(), strict=True))
    assert model.predict(x, verbose=0).dtype == shown
    assert np.isfinite(model.evaluate(x, np.ones((3, 1), "float32"), verbose=0))


@pytest.mark.parametrize("dtype", HALVES)
def test_predictions_of_half_precision_come_as_lists_and_arrow(dtype):
    model = keras.Sequential(
        [keras.Input((None, 4)), L.LSTM(3, return_sequences=True, dtype=dtype)]
    )
    lists = model.predict([np.random.rand(n, 4) for n in (1, 0, 2)], verbose=0)
    assert [np.shape(p) for p in lists] == [(1, 3), (0, 3), (2, 3)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["orthogonal", "glorot_uniform", "he_normal", "truncated_normal"])
def test_half_precision_is_drawn_in_float32(name, dtype):
    make = keras.initializers.get({"class_name": name, "config": {"seed": 3}})
    assert torch.equal(make((4, 8), dtype), make((4, 8), torch.float32).to(dtype))


def test_first_weights_do_not_depend_on_the_number_of_threads():
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        try:
            layer = L.LSTM(150, kernel_initializer="orthogonal", seed=1)
            keras.utils.set_random_seed(0)
            layer(torch.ones(1, 2, 300))
        finally:
            torch.set_num_threads(before)
        found.append(layer.get_weights())
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(other, found[0], strict=True))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 3), (2, 4, 5, 3)])
def test_autocast_chooses_the_type_of_a_dense_layer_of_any_grid(shape):
    layer = keras.layers.Dense(2)
    layer(torch.ones(2, 3))
    x = torch.ones(shape if len(shape) > 1 else (1, *shape))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert layer(x).dtype == torch.float32
