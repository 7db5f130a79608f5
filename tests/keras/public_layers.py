"""Programs that show what unpad obeys of a layer's, a model's and a callback's public names."""

import functools
import tempfile

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

L = keras.layers
X = [[[1.0, 0.0]], [[0.0, 2.0], [3.0, 1.0]]]
Y = [[[1.0]], [[0.0], [2.0]]]
R = Ragged.from_list(X)


class Scale(L.Layer):
    """x times a weight of ones, as Keras writes it."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(input_shape[-1],), initializer="ones", name="scale", regularizer="l2"
        )
        self.built = True

    def call(self, inputs):
        return inputs * self.scale * self.factor


def layer_of_ones_own():
    layer = Scale(2.0, name="twice")
    assert layer(R).values.tolist() == [[2, 0], [0, 4], [6, 2]]
    assert layer.built and [w.shape for w in layer.weights] == [(2,)]


def layer_build():
    layer = Scale()
    layer.build((None, None, 5))
    assert layer.built and layer.scale.shape == (5,)


def layer_config():
    class Mine(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": 5.0}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "factor": config["factor"] + 1})

    assert Scale(4.0, name="x").get_config()["factor"] == 4.0
    model = keras.Sequential([keras.Input((None, 2)), Mine()])
    assert keras.Sequential.from_config(model.get_config()).layers[0].factor == 6.0


def layer_add_variable():
    class Shift(L.Layer):
        def build(self, input_shape):
            self.shift = self.add_variable((input_shape[-1],), "ones", name="shift")
            self.fixed = self.add_variable((1,), "ones", trainable=False, name="fixed")

        def call(self, inputs):
            return inputs + self.shift + self.fixed

    layer = Shift()
    assert layer(R).values.tolist() == [[3, 2], [2, 4], [5, 3]]
    assert [w.requires_grad for w in layer.weights] == [True, False]


def layer_name():
    model = keras.Sequential([keras.Input((None, 2)), Scale(name="first")])
    model.layers[0].name = "second"
    assert model.get_layer("second") is model.layers[0]


def layer_dtype():
    layer = L.Dense(2)
    layer.dtype = torch.float64
    assert layer(R).dtype == torch.float64
    with pytest.raises(ValueError, match="dtype is what its weights were made with"):
        layer.dtype = torch.float32


def layer_trainable():
    layer = L.Dense(1)
    model = keras.Sequential([keras.Input((None, 2)), Scale(), layer])
    model.compile("sgd", "mse")
    layer.trainable = False
    before, scale = layer.get_weights(), model.layers[0].get_weights()
    model.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, layer.get_weights(), before))
    assert not np.array_equal(model.layers[0].get_weights()[0], scale[0])


def layer_activity_regularizer():
    layer = Scale()
    layer.activity_regularizer = "l1"
    layer(R)
    assert [round(x.item(), 4) for x in layer.losses] == [0.02, round(0.01 * 7 / 2, 4)]
    layer.activity_regularizer = None
    layer(R)
    assert len(layer.losses) == 1


def layer_add_loss():
    class Costly(Scale):
        def call(self, inputs):
            self.add_loss(torch.tensor(3.0))
            return inputs

    model = keras.Sequential([keras.Input((None, 2)), Costly(), L.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    plain = keras.Sequential([keras.Input((None, 2)), L.Dense(1, use_bias=False)])
    plain.set_weights([model.get_weights()[1]])
    plain.compile("sgd", "mse")
    penalty = 3 + 0.01 * 2  # and that of the weights of ones
    apart = model.evaluate(X, Y, verbose=0) - plain.evaluate(X, Y, verbose=0)
    assert abs(apart - penalty) < 1e-5


def layer_masks():
    """A layer for grids gets the grid and its mask; what `compute_mask` says are the steps."""

    class Halve(L.Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            self.seen = mask
            return inputs * mask[..., None]

        def compute_mask(self, inputs, mask=None):
            return mask & (torch.arange(mask.shape[1]) < 1)

    layer = Halve()
    assert layer(R).lengths.tolist() == [1, 1]
    assert layer.seen.tolist() == [[True, False], [True, True]]


def layer_supports_masking():
    layer = Scale()
    layer.supports_masking = True
    assert layer(R).lengths.tolist() == [1, 2]
    with pytest.raises(ValueError, match="would drop the steps"):
        layer.supports_masking = False


def layer_dtype_policy():
    """A policy is obeyed as the constructor's dtype is, until there are weights."""
    layer = Scale()
    layer.dtype_policy = "mixed_bfloat16"
    assert layer(R).dtype == torch.bfloat16
    assert layer.scale.dtype == torch.float32
    with pytest.raises(ValueError, match="dtype is what its weights were made with"):
        layer.dtype_policy = "float64"


def layer_stores():
    """What a layer puts into a store is what it is given back."""

    class Doubled(Scale):
        def save_own_variables(self, store):
            store["half"] = self.scale.numpy() / 2

        def load_own_variables(self, store):
            self.scale.assign(store["half"] * 2)

    model, again = (keras.Sequential([keras.Input((None, 2)), Doubled()]) for _ in range(2))
    model.layers[0].scale.assign([3.0, 4.0])
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/m.weights.h5")
        again.load_weights(f"{folder}/m.weights.h5")
    assert again.layers[0].scale.numpy().tolist() == [3.0, 4.0]


def layer_output_shape():
    """A shape that a layer says is compared with what it gives; a wrong one is an error."""

    class Says(Scale):
        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 7)

    assert Says().compute_output_shape((None, None, 2)) == (None, None, 7)
    with pytest.raises(ValueError, match="compute_output_shape says"):
        Says()(R)


def method(kind, name):
    """A method that people call and nothing else does: an override is what they get."""
    made = keras.Sequential([keras.Input((None, 2)), L.Dense(1)]) if kind == "Model" else Scale()
    base = type(made)

    def mine(self, *args, **kwargs):
        return "mine", args, kwargs

    own = type("Own", (base,), {name: mine})
    made = own([keras.Input((None, 2)), L.Dense(1)]) if kind == "Model" else own()
    assert callable(getattr(base, name))
    assert getattr(made, name)(1, a=2) == ("mine", (1,), {"a": 2})


# --- models ---------------------------------------------------------------------------------------


class Line(keras.Model):
    """Two features a step to one number, by a kernel of ones: 1, 2 and 4 for 1, 0 and 2."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(1, use_bias=False, kernel_initializer="ones")

    def call(self, inputs):
        return self.dense(inputs)


def compiled(kind, **options):
    made = kind()
    made.compile(**{"optimizer": "sgd", "loss": "mse", "metrics": ["mae"], **options})
    return made


def model_call():
    assert [p.tolist() for p in Line().predict(X, verbose=0)] == [[[1]], [[2], [4]]]


def model_compile():
    class Mine(Line):
        def compile(self, factor, **kwargs):
            super().compile(**kwargs)
            self.factor = factor

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.factor * super().compute_loss(x, y, y_pred, sample_weight)

    made = compiled(Mine, factor=3.0)
    assert made.compiled
    assert abs(made.evaluate(X, Y, verbose=0)[0] - 3 * (0 + 4 + 4) / 3) < 1e-5


def model_steps():
    class Mine(Line):
        def train_step(self, data):
            return {"trained": 1.0}

        def test_step(self, data):
            return {"tested": 2.0}

        def predict_step(self, data):
            return super().predict_step(data) * 0 + 7

    made = compiled(Mine)
    assert made.fit(X, Y, verbose=0, validation_data=(X, Y)).history == {
        "trained": [1.0],
        "val_tested": [2.0],
    }
    assert made.evaluate(X, Y, verbose=0, return_dict=True) == {"tested": 2.0}
    assert [p.tolist() for p in made.predict(X, verbose=0)] == [[[7]], [[7], [7]]]


def model_metrics():
    class Mine(Line):
        def __init__(self):
            super().__init__()
            self.tracker = keras.metrics.Mean(name="tracked")

        @property
        def metrics(self):
            return [self.tracker]

        def train_step(self, data):
            self.tracker.update_state(5.0)
            return {m.name: m.result() for m in self.metrics}

        def reset_metrics(self):
            super().reset_metrics()
            self.resets = getattr(self, "resets", 0) + 1

    made = compiled(Mine, metrics=None)
    assert made.fit(X, Y, epochs=2, verbose=0).history["tracked"] == [5.0, 5.0]
    made.reset_metrics()
    assert float(made.tracker.result()) == 0


def model_compute_metrics():
    class Mine(Line):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "more": 4.0}

    logs = compiled(Mine).evaluate(X, Y, verbose=0, return_dict=True)
    assert logs["more"] == 4.0 and abs(logs["mae"] - 4 / 3) < 1e-6


def model_metrics_result():
    class Mine(Line):
        def get_metrics_result(self):
            return {**super().get_metrics_result(), "more": 4.0}

        def test_step(self, data):
            super().test_step(data)
            return self.get_metrics_result()

    assert compiled(Mine).evaluate(X, Y, verbose=0, return_dict=True)["more"] == 4.0


def model_optimizer():
    made = compiled(Line)
    made.fit(X, Y, verbose=0)
    made.optimizer = torch.optim.SGD(made.parameters(), 0.0)
    before = made.get_weights()
    made.fit(X, Y, verbose=0)
    assert np.array_equal(made.get_weights()[0], before[0])


def model_ways():
    """What tells Keras how fast to go is kept, and changes no number."""
    losses = []
    for ways in ({}, {"run_eagerly": True, "steps_per_execution": 2, "jit_compile": False}):
        keras.utils.set_random_seed(0)
        made = Line()
        made.compile("sgd", "mse", **ways)
        losses.append(made.fit(X, Y, batch_size=1, epochs=2, verbose=0).history["loss"])
        assert {name: getattr(made, name) for name in ways} == ways
    assert losses[0] == losses[1]
    made.run_eagerly = False
    made.fit(X, Y, verbose=0)


def model_stop_training():
    class Mine(Line):
        def train_step(self, data):
            self.stop_training = True
            return super().train_step(data)

    assert len(compiled(Mine).fit(X, Y, epochs=5, verbose=0).epoch) == 1


def model_layers():
    class Mine(Line):
        def __init__(self):
            super().__init__()
            self.layers = [L.Dense(3), L.Dense(1)]

        def call(self, inputs):
            for layer in (self.layers[-2], self.layers[-1]):
                inputs = layer(inputs)
            return inputs

    made = Mine()
    made(R)
    assert [w.shape for w in made.weights][-2:] == [(3, 1), (1,)]


# --- callbacks ------------------------------------------------------------------------------------


HOOKS = [
    f"on_{what}_{when}"
    for what in (
        "batch",
        "train_batch",
        "test_batch",
        "predict_batch",
        "epoch",
        "train",
        "test",
        "predict",
    )
    for when in ("begin", "end")
]


@functools.cache
def heard():
    """What a callback that defines every hook was told in fit, evaluate and predict."""
    told = []

    def hook(name):
        return lambda self, *given: told.append((name, given))

    own = type("Own", (keras.callbacks.Callback,), {name: hook(name) for name in HOOKS})
    made = compiled(Line)
    made.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[own()])
    made.predict(X, verbose=0, callbacks=[own()])
    # The older name is what Keras's own on_train_batch_... call.
    older = type("Older", (keras.callbacks.Callback,), {n: hook(n) for n in HOOKS[:2]})
    made.fit(X, Y, verbose=0, callbacks=[older()])
    return told


def hook(name):
    """It is called, with a number where it counts something, and always with a dict of logs."""
    given = [args for called, args in heard() if called == name]
    counts = "batch" in name or "epoch" in name
    assert given and all(len(args) == 1 + counts and isinstance(args[-1], dict) for args in given)


def callback_params():
    seen = []

    class Own(keras.callbacks.Callback):
        def set_params(self, params):
            super().set_params(params)
            seen.append(sorted(params))

        def set_model(self, model):
            super().set_model(model)
            seen.append(model)

        def on_train_begin(self, logs):
            seen.append((self.model is made, self.params["epochs"], self.params["steps"]))

    made = compiled(Line)
    made.fit(X, Y, epochs=2, batch_size=1, verbose=0, callbacks=[Own()])
    assert made in seen and ["epochs", "steps", "verbose"] in seen and seen[-1] == (True, 2, 2)
