"""What a model does in its own way: steps, loss and metrics that a subclass overrides."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says
from ..taggers import TAGS, VOCABULARY, sentences, tagger

L = keras.layers
X, Y = sentences()
LOSS = "sparse_categorical_crossentropy"


class Tagger(keras.Model):
    def __init__(self):
        super().__init__()
        self.words = L.Embedding(VOCABULARY, 4, mask_zero=True)
        self.tags = L.Dense(TAGS, activation="softmax")

    def call(self, inputs):
        return self.tags(self.words(inputs))


def compiled(kind, loss=LOSS, rate=0.1, **options):
    keras.utils.set_random_seed(1)
    model = kind()
    model(Ragged.from_list(X))
    model.compile(keras.optimizers.SGD(rate), loss, **options)
    return model


def same(a, b, tolerance=0.0):
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(v, w, rtol=0, atol=tolerance)


# --- steps ---------------------------------------------------------------------------------------


def test_a_training_step_of_ones_own_is_called_with_what_keras_gives_it():
    seen = []

    class Own(Tagger):
        def train_step(self, data):
            x, y = data
            seen.append((x, y))
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            loss.backward()
            weights = list(self.parameters())
            with torch.no_grad():
                self.optimizer.apply([w.grad for w in weights], weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    plain, own = (compiled(kind, metrics=["accuracy"]) for kind in (Tagger, Own))
    logs = [m.fit(X, Y, batch_size=6, epochs=2, verbose=0).history for m in (plain, own)]
    assert len(seen) == 8
    assert all(isinstance(part, Ragged) for pair in seen for part in pair)
    same(plain, own, 1e-6)
    assert logs[1]["accuracy"] == pytest.approx(logs[0]["accuracy"])
    assert list(logs[1]) == ["loss", "accuracy"]


def test_data_have_weights_only_where_some_were_given():
    sizes = []

    class Own(Tagger):
        def train_step(self, data):
            sizes.append(len(data))
            return super().train_step(data)

    own, plain = compiled(Own), compiled(Tagger)
    weight = np.arange(len(X), dtype=float)
    for model in (own, plain):
        model.fit(X, Y, verbose=0)
        model.fit(X, Y, sample_weight=weight, verbose=0)
    assert sizes == [2, 3]
    same(own, plain, 1e-6)


def test_logs_of_a_step_are_the_epoch_s():
    class Own(Tagger):
        def train_step(self, data):
            return {**super().train_step(data), "rows": len(data[0]), "more": {"one": 1}}

    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(dict(logs))
    )
    history = compiled(Own).fit(X, Y, batch_size=20, verbose=0, callbacks=watch).history
    assert [h["rows"] for h in seen] == [20, 4]
    assert history["rows"] == [4]
    assert history["one"] == [1]


def test_a_step_must_give_logs():
    class Own(Tagger):
        def train_step(self, data):
            return None

    with says("train_step: expected it to give a dict of logs, as {'loss': loss}, got NoneType."):
        compiled(Own).fit(X, Y, verbose=0)


def test_steps_of_evaluation_and_prediction():
    class Own(Tagger):
        def test_step(self, data):
            return {**super().test_step(data), "tested": 1.0}

        def predict_step(self, data):
            return self(data[0]) * 2

    own, plain = compiled(Own), compiled(Tagger)
    found = own.evaluate(X, Y, batch_size=5, verbose=0, return_dict=True)
    assert found.pop("tested") == 1
    loss = plain.evaluate(X, Y, verbose=0)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    history = own.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert "val_tested" in history
    for a, b in zip(own.predict(X, verbose=0), own(Ragged.from_list(X)), strict=True):
        np.testing.assert_allclose(a, 2 * b.detach().numpy(), rtol=1e-6)


def test_a_step_can_be_put_on_one_model():
    model = compiled(Tagger)
    calls = []
    step = model.train_step
    model.train_step = lambda data: calls.append(1) or step(data)
    model.fit(X, Y, batch_size=12, verbose=0)
    assert len(calls) == 2


def test_on_batch_obeys_too():
    class Own(Tagger):
        def train_step(self, data):
            return {"mine": 1.0}

        def test_step(self, data):
            return {"mine": 2.0}

    own = compiled(Own)
    before = own.get_weights()
    assert own.train_on_batch(X, Y) == 1 and own.test_on_batch(X, Y) == 2
    for a, b in zip(before, own.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_nothing_calls_is_refused_when_the_class_is_made():
    with says(
        "Own.make_train_function: a Model is never asked for it. Override train_step, which is "
        "called for every batch.",
        TypeError,
    ):

        class Own(Tagger):
            def make_train_function(self, force=False):
                return None


# --- loss and metrics ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 5, 24])
def test_a_loss_of_ones_own_adds_to_the_compiled_one(size):
    class Own(Tagger):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            return loss + 0.5 if training else loss + 1

    own, plain = compiled(Own), compiled(Tagger)
    logs = [m.fit(X, Y, batch_size=size, verbose=0).history["loss"][0] for m in (own, plain)]
    assert logs[0] == pytest.approx(logs[1] + 0.5, rel=1e-5)
    same(own, plain, 1e-6)
    wanted = plain.evaluate(X, Y, verbose=0) + 1
    assert own.evaluate(X, Y, batch_size=size, verbose=0) == pytest.approx(wanted, rel=1e-5)


def test_a_loss_without_training_among_its_arguments():
    class Own(Tagger):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return ((y_pred.values - torch.nn.functional.one_hot(y.values, TAGS)) ** 2).mean()

    own = compiled(Own, loss=None)
    first = own.evaluate(X, Y, batch_size=3, verbose=0)
    assert first == pytest.approx(own.evaluate(X, Y, verbose=0), rel=1e-5)
    own.fit(X, Y, epochs=3, verbose=0)
    assert own.evaluate(X, Y, verbose=0) < first


def test_a_loss_must_be_one_number():
    class Own(Tagger):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return y_pred.values

    with says("compute_loss: expected a tensor of one number, got (24, 4)."):
        compiled(Own, loss=None).fit([np.arange(1, 9)] * 3, [np.zeros(8, int)] * 3, verbose=0)


def test_metrics_of_ones_own():
    class Own(Tagger):
        def __init__(self):
            super().__init__()
            self.mine = keras.metrics.Mean(name="mine")

        @property
        def metrics(self):
            return [self.mine]

        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            self.mine.update_state(float(len(x)))
            return super().compute_loss(x, y, y_pred, sample_weight, training)

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {"mine": self.mine.result(), "last": len(x)}

    history = compiled(Own).fit(X, Y, batch_size=16, epochs=2, verbose=0).history
    assert history == {"mine": [12.0, 12.0], "last": [8, 8]}


def test_a_model_s_own_metric_is_in_the_logs():
    class Own(Tagger):
        def __init__(self):
            super().__init__()
            self.steps = keras.metrics.Mean(name="steps")

        def call(self, inputs):
            out = super().call(inputs)
            if self.built:
                self.steps.update_state(float(out.layout.steps))
            return out

    own = compiled(Own)
    own.predict(X, verbose=0)
    total = sum(map(len, X))
    assert own.fit(X, Y, batch_size=24, epochs=2, verbose=0).history["steps"] == [total, total]


def test_a_loss_of_a_model_without_a_compiled_one_needs_no_targets():
    class Own(Tagger):
        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            assert y is None
            return (y_pred.values**2).mean()

    own = compiled(Own, loss=None)
    assert len(own.fit(X, epochs=2, verbose=0).history["loss"]) == 2


def test_a_loop_of_ones_own_has_the_same_methods():
    own, plain = compiled(Tagger, metrics=["accuracy"]), compiled(Tagger, metrics=["accuracy"])
    x, y = Ragged.from_list(X), Ragged.from_list(Y)
    for _ in range(2):
        own.reset_metrics()
        logs = own.train_step((x, y))
    history = plain.fit(X, Y, batch_size=24, epochs=2, shuffle=False, verbose=0).history
    same(own, plain, 1e-6)
    assert logs["loss"] == pytest.approx(history["loss"][-1], rel=1e-5)
    assert logs["accuracy"] == pytest.approx(history["accuracy"][-1])
    assert own.metrics_names == ["loss", "accuracy"]


def test_the_loss_is_computed_from_the_logits_where_a_step_has_run_the_model():
    """Probabilities of exactly 0 and 1 have lost what the logits know."""

    class Own(keras.Sequential):
        def train_step(self, data):
            return super().train_step(data)

    def sure(kind):
        layers = [keras.Input((None, 2)), L.Dense(2, activation="softmax", use_bias=False)]
        model = kind(layers)
        model.set_weights([np.eye(2, dtype="float32") * 300])
        model.compile(keras.optimizers.SGD(0.0), LOSS)
        return model.fit([np.eye(2)], [np.array([1, 0])], verbose=0).history["loss"][0]

    assert sure(Own) == sure(keras.Sequential) == pytest.approx(300, rel=1e-3)


# --- hooks of modules ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["model", "last", "inner", "first"])
def test_forward_hooks_run_in_fit_and_change_nothing(where):
    plain, watched = tagger(), tagger()
    last = watched.layers[-1]
    module = {
        "model": watched, "last": last, "inner": last.layer, "first": watched.layers[0]
    }[where]  # fmt: skip
    seen = []
    module.register_forward_hook(lambda m, args, out: seen.append(out))
    logs = [m.fit(X, Y, batch_size=6, verbose=0).history for m in (plain, watched)]
    assert len(seen) == 4
    if where in ("model", "last"):
        for out in seen:
            np.testing.assert_allclose(out.values.detach().sum(-1), 1, rtol=1e-5)
    assert logs[0] == logs[1]
    same(plain, watched)
    watched.evaluate(X, Y, batch_size=6, verbose=0)
    assert len(seen) == 8


def test_a_hook_that_changes_the_output_changes_the_loss():
    model = tagger()
    uniform = lambda m, args, out: out * 0 + 1 / TAGS  # noqa: E731
    model.layers[-1].register_forward_hook(uniform)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(np.log(TAGS), rel=1e-5)


def test_a_hook_on_a_model_that_ends_in_a_crf():
    def crf():
        keras.utils.set_random_seed(2)
        model = keras.Sequential(
            [keras.Input((None,)), L.Embedding(VOCABULARY, 4, mask_zero=True), L.Dense(TAGS),
             L.CRF()]
        )  # fmt: skip
        model.compile("sgd", "crf", metrics=["accuracy"])
        return model

    plain, watched = crf(), crf()
    seen = []
    watched.register_forward_hook(lambda m, args, out: seen.append(out))
    logs = [m.fit(X, Y, verbose=0).history for m in (plain, watched)]
    assert logs[0] == logs[1]
    assert set(seen[0].values.unique().tolist()) == {0.0, 1.0}
    other = crf()
    other.layers[-1].register_forward_hook(lambda m, args, out: out + 0)
    with says("fit: crf needs what the CRF gives as it gave it, but a hook or a step of your own"):
        other.fit(X, Y, verbose=0)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # the model's inputs are ids
@pytest.mark.parametrize("where", ["model", "last", "lstm"])
def test_full_backward_hooks_get_the_gradients_of_the_values(where):
    plain, watched = tagger(), tagger()
    module = {"model": watched, "last": watched.layers[-1], "lstm": watched.layers[1]}[where]
    seen = []
    module.register_full_backward_hook(lambda m, inputs, outputs: seen.append((inputs, outputs)))
    before = []
    module.register_full_backward_pre_hook(lambda m, outputs: before.append(outputs))
    logs = [m.fit(X, Y, batch_size=24, verbose=0).history["loss"] for m in (plain, watched)]
    assert logs[0] == pytest.approx(logs[1], rel=1e-5)
    same(plain, watched, 1e-4)
    ((inputs, outputs),) = seen
    steps = sum(map(len, X))
    assert outputs[0].shape == (steps, 10 if where == "lstm" else TAGS)
    assert torch.equal(before[0][0], outputs[0])
    if where == "model":
        assert inputs == (None,)  # ids have no gradient
    else:
        assert inputs[0].shape == (steps, 6 if where == "lstm" else 10)


def test_a_full_backward_hook_on_tags_is_refused():
    model = keras.Sequential(
        [keras.Input((None,)), L.Embedding(VOCABULARY, 4, mask_zero=True), L.Dense(TAGS), L.CRF()]
    )
    model.compile("sgd", "crf")
    model.register_full_backward_hook(lambda *_: None)
    with says(
        "fit: a full backward hook waits for the gradient of what the CRF gives, which are tags "
        "and have none. Hang it on the layer before the CRF."
    ):
        model.fit(X, Y, verbose=0)


def test_nothing_is_left_on_a_watched_model():
    import copy

    model = tagger()
    model.layers[-1].register_forward_hook(lambda m, args, out: None)
    copies = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: copies.append(copy.deepcopy(model))
    )
    model.fit(X, Y, batch_size=12, verbose=0, callbacks=watch)
    for one in (model, *copies):
        assert not any("forward" in vars(m) for m in one.modules())
