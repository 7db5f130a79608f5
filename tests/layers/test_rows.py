"""Gradients of tables by rows: the bits that whole gradients give, and only where nobody looks."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import unpad as keras
from unpad import kernels, layers
from unpad.layers import Embedding
from unpad.optimizers import update
from unpad.optimizers.rules import AdamKeras

SETS = ["avx512", "avx2", "portable"]


@pytest.fixture(autouse=True)
def _any_table(monkeypatch):
    monkeypatch.setattr(update, "_WORTH", 0)


@pytest.fixture(params=SETS)
def instruction_set(request):
    try:
        kernels.library.force_instruction_set(request.param)
    except ValueError:
        yield None  # this machine lacks it: the best it has is tested again
    else:
        yield request.param
    kernels.library.force_instruction_set(None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("width", [1, 5, 300, 1100])
@pytest.mark.parametrize("threads", [1, 3])
def test_rows_move_as_by_the_whole_gradient(instruction_set, dtype, width, threads, monkeypatch):
    monkeypatch.setattr(kernels.adam, "threads", lambda: threads)
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(400, width, generator=generator, dtype=dtype)
    by_rows = whole.clone()
    states = [[torch.zeros_like(whole) for _ in range(2)] for _ in range(2)]
    for t in range(1, 30):
        ids = torch.randint(0, 400, (60 if t % 5 else 0,), generator=generator)
        ids[: len(ids) // 3] = 7  # often the same
        gradients = torch.randn(len(ids), width, generator=generator, dtype=dtype)
        step = kernels.adam.Rates(
            t=t,
            learning_rate=0.1 / t,
            betas=(0.9, 0.999),
            epsilon=1e-7,
            weight_decay=0.01 * (t > 20),
        )
        dense = torch.ops.aten.embedding_dense_backward(gradients, ids, 400, -1, False)
        kernels.adam.step([whole], [dense], *([s] for s in states[0]), step)
        sparse = torch.sparse_coo_tensor(ids[None], gradients, whole.shape, check_invariants=True)
        kernels.adam.step([by_rows], [sparse], *([s] for s in states[1]), step)
        assert torch.equal(whole, by_rows)
    assert all(map(torch.equal, *states))


def network(optimizer, shared=False, **embedding):
    keras.utils.set_random_seed(0)
    words = keras.Input((6,))
    table = Embedding(50, 8, mask_zero=True, **embedding)
    rows_of = [layers.Flatten()(table(words))]
    if shared:
        rows_of.append(layers.GlobalAveragePooling1D()(table(words)))
    x = layers.Concatenate()(rows_of) if shared else rows_of[0]
    model = keras.Model(words, layers.Dense(3, activation="softmax")(x))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def data():
    random = np.random.default_rng(0)
    x = random.integers(0, 20, (60, 6))
    return x, random.integers(0, 3, 60)


@pytest.fixture
def seen(monkeypatch):
    """The steps at which a sparse gradient has met Adam's kernel."""
    calls = []
    step = kernels.adam.step

    def noted(weights, gradients, *rest):
        if any(g.is_sparse for g in gradients):
            calls.append(gradients)
        step(weights, gradients, *rest)

    monkeypatch.setattr(kernels.adam, "step", noted)
    return calls


SCHEDULE = keras.optimizers.schedules.CosineDecay(0.05, 40)


@pytest.mark.parametrize(
    ("make", "embedding"),
    [
        (lambda: "adam", {}),
        (lambda: keras.optimizers.Adam(SCHEDULE), {}),
        (lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1), {}),
        (lambda: keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=3), {}),
        (lambda: "adam", {"embeddings_constraint": "non_neg"}),
    ],
)
def test_fit_gives_the_same_bits(make, embedding, seen, monkeypatch):
    weights = []
    for worth in (0, 1 << 40):
        monkeypatch.setattr(update, "_WORTH", worth)
        model = network(make(), **embedding)
        model.fit(*data(), batch_size=8, epochs=5, verbose=0)
        weights.append(model.get_weights())
        state = model.optimizer.state_dict()["state"]
        weights[-1] += [v for entry in state.values() for v in entry.values()]
        assert len(seen) == 40
    for by_rows, whole in zip(*weights, strict=True):
        assert np.array_equal(by_rows, whole)


def test_a_table_that_is_read_twice_gets_both_gradients(seen, monkeypatch):
    losses = []
    for worth in (0, 1 << 40):
        monkeypatch.setattr(update, "_WORTH", worth)
        model = network("adam", shared=True)
        losses.append(model.fit(*data(), batch_size=8, epochs=5, verbose=0).history["loss"])
    assert len(seen) == 40
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_a_penalty_makes_the_gradient_whole_again(seen):
    model = network("adam", embeddings_regularizer="l2")
    model.fit(*data(), batch_size=8, verbose=0)
    assert not seen


class Watcher(keras.callbacks.Callback):
    def __init__(self):
        self.sparse = []

    def on_train_batch_end(self, batch, logs=None):
        (table,) = [w for w in self.model.layers if isinstance(w, keras.layers.Embedding)]
        self.sparse.append(table.embeddings.grad.is_sparse)


class AtEpochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        grad = next(iter(self.model.parameters())).grad
        self.sparse = [grad.is_sparse]


@pytest.mark.parametrize("watcher", [Watcher, AtEpochs])
def test_a_callback_sees_whole_gradients(watcher, seen):
    watcher = watcher()
    model = network("adam")
    model.fit(*data(), batch_size=8, verbose=0, callbacks=[watcher])
    assert watcher.sparse and not any(watcher.sparse)
    assert bool(seen) == isinstance(watcher, AtEpochs)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(clipnorm=1.0),
        keras.optimizers.Adam(gradient_accumulation_steps=2),
        keras.optimizers.Adam(amsgrad=True),
        "sgd",
        torch.optim.Adam,
    ],
)
def test_other_updates_get_whole_gradients(optimizer, seen):
    network(optimizer).fit(*data(), batch_size=8, verbose=0)
    assert not seen


def test_hooks_get_whole_gradients(seen):
    model = network("adam")
    found = []
    table = next(p for p in model.parameters() if p.shape == (50, 8))
    table.register_hook(lambda grad: found.append(grad.is_sparse))
    model.fit(*data(), batch_size=8, verbose=0)
    assert found and not any(found) and not seen


def test_a_loop_of_one_s_own_gets_whole_gradients():
    model = network("adam")
    x, y = data()
    F.cross_entropy(model(torch.tensor(x)), torch.tensor(y)).backward()
    assert not any(p.grad.is_sparse for p in model.parameters())


def test_a_sparse_gradient_of_somebody_s_own_is_still_refused():
    table = torch.nn.Parameter(torch.zeros(3, 2))
    F.embedding(torch.tensor([1]), table, sparse=True).sum().backward()
    with pytest.raises(ValueError, match="sparse gradient"):
        AdamKeras([table]).step()
