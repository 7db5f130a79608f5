"""fit, evaluate, predict: the same numbers from every form, batch size and side of padding."""

import os
import signal
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
import torch
import torchmetrics
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged
from unpad.data import Batch, Loader, loader

from ..messages import says
from ..taggers import TAGS, classifier, padded, sentences, tagger

X, Y = sentences()


def trained(x, y, **options):
    """History, weights and predictions of the tagger, trained on this."""
    model = tagger()
    options = {"batch_size": 5, "epochs": 2, "verbose": 0, **options}
    history = model.fit(x, y, validation_data=(x, y), **options)
    return history.history, model.get_weights(), model.predict(x, verbose=0)


def rows_of(prediction, mask=None):
    """Predictions as one list of rows a sequence."""
    if isinstance(prediction, pa.Array):
        prediction = Ragged.from_arrow(prediction)
    if mask is None:
        return [np.asarray(p) for p in prediction]
    return [row[keep] for row, keep in zip(prediction, mask, strict=True)]


@pytest.mark.parametrize("form", ["right", "left", "holes", "ragged", "tensors", "arrow", "object"])
def test_every_form_gives_the_same_weights_and_numbers(form):
    want_history, want_weights, want = trained(X, Y)
    mask = None
    if form in ("right", "left", "holes"):
        x, mask = padded(X, form, 0, dtype=int)
        # Labels at padded steps may be anything.
        y, _ = padded(Y, form, {"right": -1, "left": np.nan, "holes": 99}[form])
    elif form == "ragged":
        x, y = Ragged.from_list(X), Ragged.from_list(Y)
    elif form == "tensors":
        x, y = [torch.from_numpy(s) for s in X], [torch.from_numpy(s) for s in Y]
    elif form == "arrow":
        x, y = pa.array([s.tolist() for s in X]), pa.array([s.tolist() for s in Y])
    else:
        x, y = np.array(X, dtype=object), np.array(Y, dtype=object)
    history, weights, prediction = trained(x, y)
    assert history == want_history
    assert all((a == b).all() for a, b in zip(weights, want_weights, strict=True))
    for a, b in zip(rows_of(prediction, mask), rows_of(want), strict=True):
        np.testing.assert_array_equal(a, b)


def test_law_2_what_is_padded_changes_nothing_bit_for_bit():
    x, mask = padded(X, "holes", 0, dtype=int)
    results = []
    for fill in (0, -1, 10**6, np.nan):
        y, _ = padded(Y, "holes", fill)
        weight = np.where(mask, 0.5, fill if fill != fill else abs(fill))
        results.append(trained(x, y, sample_weight=weight))
    for other in results[1:]:
        assert other[0] == results[0][0]
        assert all((a == b).all() for a, b in zip(other[1], results[0][1], strict=True))


def test_law_4_one_denominator_for_any_batch_size():
    model = tagger(metrics=["accuracy", keras.losses.SparseCategoricalCrossentropy().per_step])
    found = [
        model.evaluate(X, Y, batch_size=size, verbose=0, return_dict=True)
        for size in (1, 2, 7, 100, None)
    ]
    for other in found[1:]:
        for name, value in other.items():
            assert value == pytest.approx(found[0][name], rel=1e-6)
    # The loss, the same function as a metric, and the mean over all steps by hand.
    assert found[0]["per_step"] == pytest.approx(found[0]["loss"], rel=1e-5)
    p = np.concatenate(model.predict(X, verbose=0))
    true = np.concatenate(Y)
    assert found[0]["loss"] == pytest.approx(
        float(-np.log(p[np.arange(len(p)), true]).mean()), rel=1e-5
    )
    assert found[0]["accuracy"] == pytest.approx(float((p.argmax(1) == true).mean()))


def test_law_4_the_epoch_s_loss_is_the_mean_over_its_steps():
    model = tagger(optimizer=keras.optimizers.SGD(0.0))
    loss, _ = model.evaluate(X, Y, verbose=0)
    for size in (1, 4, 24):
        history = model.fit(X, Y, batch_size=size, verbose=0)
        assert history.history["loss"][0] == pytest.approx(loss, rel=1e-6)


def test_law_7_the_same_seed_gives_the_same_bits():
    first, second = trained(X, Y), trained(X, Y)
    assert first[0] == second[0]
    assert all((a == b).all() for a, b in zip(first[1], second[1], strict=True))


def test_law_7_the_same_bits_for_any_number_of_threads():
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            results.append(trained(X * 20, Y * 20, batch_size=64))
        finally:
            torch.set_num_threads(1)
    for other in results[1:]:
        assert other[0] == results[0][0]
        assert all((a == b).all() for a, b in zip(other[1], results[0][1], strict=True))


def test_torch_s_threads_are_kept_off_the_cores_and_given_back():
    seen = []

    class Ask(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append((torch.get_num_threads(), keras.kernels.threads.threads()))

    def awake():
        now = keras.kernels.library.stay_awake(0)
        keras.kernels.library.stay_awake(now)
        return now

    def own(model):
        model.fit(X, Y, batch_size=24, callbacks=Ask(), verbose=0)

    torch.set_num_threads(2)
    try:
        own(tagger())
        model = keras.Sequential([*tagger().layers[:2], torch.nn.Linear(10, TAGS)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        own(model)  # a module of the user's own may need torch's threads
        assert torch.get_num_threads() == 2
        with keras.kernels.own_threads(), keras.kernels.own_threads():
            assert (torch.get_num_threads(), keras.kernels.threads.threads()) == (1, 2)
            assert awake() in (0, 1000)
        assert keras.kernels.threads.threads() == 2
        assert awake() in (0, 200)
    finally:
        torch.set_num_threads(1)
    assert seen == [(1, 2), (2, 2)]


def test_it_learns():
    model = tagger(units=12, optimizer=keras.optimizers.Adam(0.02))
    history = model.fit(X, Y, batch_size=4, epochs=20, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    right = [p.argmax(-1) == y for p, y in zip(model.predict(X, verbose=0), Y, strict=True)]
    assert np.concatenate(right).mean() > 0.95


# --- weights --------------------------------------------------------------------------------------


def test_weights_go_to_sequences_or_to_steps_by_their_axis():
    model = tagger(optimizer=keras.optimizers.SGD(0.0))
    # Square on purpose: as many sequences as slots.
    x, y = sentences(9, 9)
    grid, mask = padded(x, "right", 0, dtype=int)
    labels, _ = padded(y, "right", -1)
    per_step = -np.log(
        model.predict(grid, verbose=0)[mask][np.arange(mask.sum()), labels[mask].astype(int)]
    )
    of = np.arange(9.0)
    by_sequence = model.evaluate(grid, labels, sample_weight=of, verbose=0)[0]
    rows = np.repeat(of, mask.sum(1))
    assert by_sequence == pytest.approx((per_step * rows).sum() / mask.sum(), rel=1e-5)
    by_step = np.tile(of, (9, 1))
    got = model.evaluate(grid, labels, sample_weight=by_step, verbose=0)[0]
    assert got == pytest.approx((per_step * by_step[mask]).sum() / mask.sum(), rel=1e-5)
    as_list = [w[m] for w, m in zip(by_step, mask, strict=True)]
    assert model.evaluate(x, y, sample_weight=as_list, verbose=0)[0] == pytest.approx(got)


def test_class_weights_weigh_the_steps_of_a_class():
    model = tagger(optimizer=keras.optimizers.SGD(0.0))
    factors = {0: 3.0, 2: 0.5}
    weight = [np.array([factors.get(int(t), 1.0) for t in tags]) for tags in Y]
    want = model.evaluate(X, Y, sample_weight=weight, verbose=0)[0]
    assert model.train_on_batch(X, Y, class_weight=factors)[0] == pytest.approx(want, rel=1e-6)
    twice = model.train_on_batch(
        X, Y, class_weight=factors, sample_weight=np.full(len(X), 2.0), return_dict=True
    )
    assert twice["loss"] == pytest.approx(2 * want, rel=1e-6)


def test_ignored_classes_count_nowhere():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    model = tagger(loss=loss)
    some = [np.where(np.arange(len(t)) % 2, t, -1) for t in Y]
    kept = [np.arange(len(t)) % 2 == 1 for t in Y]
    got = model.evaluate(X, some, verbose=0, return_dict=True)
    p = model.predict(X, verbose=0)
    pairs = [(q[k], t[k]) for q, t, k in zip(p, Y, kept, strict=True)]
    each = np.concatenate([-np.log(q[np.arange(len(t)), t]) for q, t in pairs])
    right = np.concatenate([q.argmax(-1) == t for q, t in pairs])
    assert got["loss"] == pytest.approx(float(each.mean()), rel=1e-5)
    assert got["accuracy"] == pytest.approx(float(right.mean()))
    nothing = model.evaluate(X, [np.full(len(t), -1) for t in Y], verbose=0, return_dict=True)
    assert nothing["loss"] == 0


# --- one value a sequence, numbers, callables -----------------------------------------------------


def readings(n=12):
    rng = np.random.default_rng(2)
    x = [rng.normal(size=(length, 3)) for length in [0, 1, *rng.integers(0, 6, n - 2)]]
    return x, np.array([float(s.sum() > 0) for s in x])


def test_one_value_a_sequence():
    x, y = readings()
    model = classifier(metrics=["accuracy", torchmetrics.classification.BinaryAUROC()])
    history = model.fit(x, y, epochs=3, verbose=0, validation_split=0.25)
    assert sorted(history.history) == [
        "accuracy", "binaryauroc", "loss", "val_accuracy", "val_binaryauroc", "val_loss",
    ]  # fmt: skip
    assert model.predict(x, verbose=0).shape == (12, 1)
    as_column = model.evaluate(x, y[:, None], verbose=0)
    assert as_column == model.evaluate(x, y.tolist(), verbose=0)


def test_one_hot_labels():
    one_hot = [np.eye(TAGS)[t] for t in Y]
    model = tagger(loss="categorical_crossentropy")
    sparse = tagger().evaluate(X, Y, verbose=0)
    assert model.evaluate(X, one_hot, verbose=0) == pytest.approx(sparse)


@pytest.mark.parametrize("loss", ["mse", "mae", torch.nn.MSELoss(), torch.nn.L1Loss()])
def test_numbers_to_predict(loss):
    x, _ = readings()
    y = [s.sum(1) for s in x]
    model = keras.Sequential(
        [
            keras.Input(shape=(None, 3)),
            keras.layers.LSTM(4, return_sequences=True),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["mse", "mae"])
    y_column = [t[:, None] for t in y] if callable(loss) else y
    history = model.fit(x, y_column, epochs=30, batch_size=4, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    name = "mse" if "mse" in str(loss).lower() else "mae"
    assert history["loss"][-1] == pytest.approx(history[name][-1], rel=1e-4)


def test_a_callable_loss_gets_values():
    seen = []

    def loss(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape))
        return -y_pred.gather(1, y_true[:, None]).log()

    model = tagger(loss=loss)
    want = tagger().evaluate(X, Y, verbose=0)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(want, rel=1e-5)
    steps = sum(len(s) for s in X)
    assert seen == [((steps,), (steps, TAGS))]


def test_a_loss_of_one_number_cannot_be_weighed():
    def average(y_true, y_pred):
        return y_pred.mean()

    model = tagger(loss=average)
    with says("loss 'average' gives one number for the whole batch, so that sample_weight has"):
        model.evaluate(X, Y, sample_weight=np.ones(len(X)), verbose=0)


@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd", "adam", "adamw", "rmsprop", "Adam",
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        torch.optim.Adagrad,
        lambda weights: torch.optim.NAdam(weights, 1e-2),
    ],
)  # fmt: skip
def test_optimizers_by_name_instance_and_of_torch(optimizer):
    model = tagger(optimizer=optimizer)
    before = model.get_weights()
    losses = model.fit(X, Y, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_an_instance_of_torch_s_own_and_its_learning_rate():
    model = tagger(compiled=False)
    model.compile(torch.optim.SGD(model.parameters(), 0.0), "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    adam = keras.optimizers.Adam(0.5)
    model.compile(adam, "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    adam.learning_rate = 0.25
    assert model.optimizer.param_groups[0]["lr"] == 0.25


# --- batches --------------------------------------------------------------------------------------


class Watch(keras.callbacks.Callback):
    def __init__(self):
        self.batches, self.epochs, self.ends = [], [], 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)
        self.model.stop_training = epoch == 3

    def on_train_end(self, logs=None):
        self.ends += 1


def test_callbacks_watch_and_stop():
    watch = Watch()
    history = tagger().fit(
        X, Y, batch_size=10, epochs=9, initial_epoch=2, callbacks=[watch], verbose=0
    )
    assert watch.epochs == history.epoch == [2, 3]
    assert [b for b, _ in watch.batches] == [0, 1, 2] * 2
    assert watch.batches[2][1] == pytest.approx(history.history["loss"][0])
    assert watch.ends == 1


def test_an_evaluation_within_an_epoch_leaves_its_log_alone():
    class Ask(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X[:3], Y[:3], verbose=0)

    want = tagger().fit(X, Y, batch_size=4, verbose=0).history
    assert tagger().fit(X, Y, batch_size=4, callbacks=Ask(), verbose=0).history == want


def test_stateful_models_keep_the_order():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input(shape=(None, 3)), keras.layers.LSTM(4, stateful=True), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x, y = readings()
    with says("fit: a stateful layer carries its states from batch to batch, row by row: fit with"):
        model.fit(x, y, verbose=0)
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    model.reset_state()
    first = model.predict(x, batch_size=4, verbose=0)
    assert (model.predict(x, batch_size=4, verbose=0) != first).any()
    model.reset_state()
    assert (model.predict(x, batch_size=4, verbose=0) == first).all()


def sizes_of_batches(**options):
    """Sequences and steps of each batch that the model sees."""
    model, seen = tagger(), []
    model.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].lengths.tolist()))
    model.fit(X, Y, verbose=0, **options)
    return seen


@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    size=st.integers(1, 5),
    together=st.sampled_from([1, 100, 1 << 18]),
    levels=st.booleans(),
)
def test_batches_that_are_gathered_together_are_those_that_are_gathered_one_by_one(
    lengths, size, together, levels
):
    n, steps = len(lengths), sum(lengths)
    grid = torch.arange(n * 7.0).reshape(n, 7)
    holes = torch.rand(n, 7).argsort(1) < torch.tensor(lengths)[:, None]
    one = Ragged.from_padded(grid, mask=holes)
    words = Ragged.from_list([torch.arange(i % 3 + 1.0) for i in range(steps)] or [[0.0]])
    two = Ragged(words[:steps], one.offsets) if levels else one
    data = Batch([one, two], [one, None, grid], [None, grid[:, 0], one], one.lengths, steps)
    drawn = list(torch.randperm(n).split(size))
    with mock.patch.object(loader, "_TOGETHER", together):
        batches = list(Loader(data, torch.device("cpu")).batches(drawn))
    for batch, sequences in zip(batches, drawn, strict=True):
        expected = data.take(sequences, torch.device("cpu"))
        assert batch.steps == expected.steps
        for parts in ("inputs", "targets", "weights"):
            for got, want in zip(getattr(batch, parts), getattr(expected, parts), strict=True):
                if not isinstance(want, Ragged):
                    assert got is want is None or torch.equal(got, want)
                    continue
                assert got.layout.steps == want.layout.steps
                slots = got.layout.slots, want.layout.slots
                assert slots[0] is slots[1] is None or torch.equal(*slots)
                got, want = (r.values if r.levels > 1 else r for r in (got, want))
                assert torch.equal(got.offsets, want.offsets)
                assert torch.equal(got.values, want.values)


def test_batches_by_steps():
    seen = sizes_of_batches(batch_steps=12)
    assert sum(map(sum, seen)) == sum(map(len, X))
    assert sum(map(len, seen)) == len(X)
    assert all(sum(lengths) <= 12 or len(lengths) == 1 for lengths in seen)
    assert all(len(n) == 1 for n in sizes_of_batches(batch_steps=1) if sum(n) > 1)


def test_batches_by_length_and_in_order():
    seen = sizes_of_batches(bucket_by_length=True, batch_size=4)
    spread = np.mean([max(n) - min(n) for n in seen])
    random = np.mean([max(n) - min(n) for n in sizes_of_batches(batch_size=4)])
    assert spread < random / 2
    in_order = sizes_of_batches(shuffle=False, batch_size=4)
    assert [n for batch in in_order for n in batch] == [len(s) for s in X]
    assert sizes_of_batches(batch_size=4) != in_order


def test_the_split_takes_the_last_part():
    model = tagger(optimizer=keras.optimizers.SGD(0.0))
    history = model.fit(X, Y, validation_split=0.25, verbose=0).history
    want = model.evaluate(X[18:], Y[18:], verbose=0)
    assert [history["val_loss"][0], history["val_accuracy"][0]] == pytest.approx(want)


def test_a_batch_of_empty_sequences_moves_nothing():
    model = tagger()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    assert model.train_on_batch([[], []], [[], []]) == [0, 0]
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_on_batch():
    model = tagger()
    loss, accuracy = model.test_on_batch(X, Y)
    assert model.train_on_batch(X, Y) == pytest.approx([loss, accuracy])
    assert model.test_on_batch(X, Y)[0] < loss
    got = model.predict_on_batch(X)
    want = model.predict(X, verbose=0)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_model_s_mode_is_as_before():
    model = tagger().eval()
    model.fit(X, Y, verbose=0)
    assert not model.training
    model.train()
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert model.training


# --- predictions ----------------------------------------------------------------------------------


def test_predictions_come_in_the_caller_s_form():
    model = tagger()
    rows = model.predict(X, verbose=0)
    assert [len(r) for r in rows] == [len(s) for s in X]
    assert isinstance(rows[0], np.ndarray)
    grid, mask = padded(X, "holes", 0, dtype=int)
    out = model.predict(grid, verbose=0)
    assert out.shape == (*grid.shape, TAGS)
    assert (out[~mask] == 0).all()
    assert np.isnan(model.predict(grid, verbose=0, fill=np.nan)[~mask]).all()
    np.testing.assert_allclose(out[mask].sum(-1), 1, rtol=1e-5)
    assert isinstance(model.predict(torch.from_numpy(grid), verbose=0), torch.Tensor)
    ragged = Ragged.from_list([torch.from_numpy(s) for s in X])
    assert isinstance(model.predict(ragged, verbose=0), Ragged)
    assert isinstance(model.predict(pa.array([[1, 2], []]), verbose=0), pa.Array)


@pytest.mark.parametrize("size", [1, 3, 100, None])
def test_a_prediction_does_not_depend_on_the_batch(size):
    model = tagger()
    want = model.predict(X, verbose=0)
    for a, b in zip(model.predict(X, batch_size=size, verbose=0), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_predictions_of_nothing():
    model = tagger()
    assert model.predict([], verbose=0) == []
    assert model.predict(np.zeros((0, 5), int), verbose=0).shape == (0, 5, TAGS)
    assert model.predict(np.zeros((2, 5), int), verbose=0).tolist() == [[[0] * TAGS] * 5] * 2


def test_missing_steps_in_a_list_have_no_prediction():
    model = tagger()
    got = model.predict([[3, 0, 4]], verbose=0)
    np.testing.assert_allclose(got[0], model.predict([[3, 4]], verbose=0)[0], rtol=1e-5)
    model.fit([[3, 0, 4]], [[1, -5, 2]], verbose=0)


# --- what a person sees ---------------------------------------------------------------------------


def test_a_line_an_epoch(capsys):
    model = tagger()
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2  ")
    words = lines[0].split()
    assert "steps/s" in words
    assert [w for w in words if w in ("loss", "accuracy", "val_loss", "val_accuracy")] == [
        "loss", "accuracy", "val_loss", "val_accuracy",
    ]  # fmt: skip
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("unpad.training.progress._SECONDS", 0.0)
    tagger().fit(X, Y, batch_size=4, verbose=1)
    out = capsys.readouterr().out
    assert "steps/s" in out
    assert "left" in out
    assert "accuracy" in out


@pytest.fixture
def listening():
    """Ctrl-C as in a terminal: a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_ctrl_c_leaves_a_usable_model_and_history():
    class Press(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if len(self.model.history.epoch) == 1 and batch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    model = tagger()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=4, epochs=5, callbacks=Press(), verbose=0)
    assert model.history.epoch == [0]
    assert np.isfinite(model.evaluate(X, Y, verbose=0)[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(X, Y, verbose=0)
