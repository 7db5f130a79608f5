"""Models and ways to train them that must give the same in one process and in several."""

import numpy as np
import torch

import unpad as keras
from unpad import losses, metrics, optimizers

from .pair import this

L = keras.layers
WORDS, TAGS = 12, 3


def sequences(n=26, seed=0):
    """Ids and tags, lists; some empty, long ones and short ones together."""
    rng = np.random.default_rng(seed)
    lengths = [0, 1, 0, *rng.integers(0, 9, n - 3)]
    x = [rng.integers(1, WORDS, k) for k in lengths]
    return x, [ids % TAGS for ids in x]


def ragged(n=26, seed=0):
    x, y = sequences(n, seed)
    return keras.Ragged.from_list(x), keras.Ragged.from_list(y)


def tagger(*more, tail="softmax", **options):
    return keras.Sequential([
        L.Embedding(WORDS, 4),
        *more,
        L.GRU(3, return_sequences=True),
        L.Dense(TAGS, activation=tail, **options),
    ])  # fmt: skip


def compiled(model, optimizer=None, loss="sparse_categorical_crossentropy", **options):
    model.compile(optimizer or optimizers.Adam(0.02), loss, **options)
    return model


def _classifier():
    return keras.Sequential([L.Embedding(WORDS, 4), L.LSTM(3), L.Dense(1, activation="sigmoid")])


def _two_outputs():
    words = keras.Input(shape=(None,))
    h = L.GRU(3, return_sequences=True)(L.Embedding(WORDS, 4)(words))
    tags = L.Dense(TAGS, activation="softmax", name="tags")(h)
    kind = L.Dense(1, activation="sigmoid", name="kind")(L.GlobalAveragePooling1D()(h))
    return keras.Model(words, {"tags": tags, "kind": kind})


class Beside(L.Layer):
    """Steps, and what belongs to their sequences where it is there."""

    def call(self, steps, rows=None):
        return steps if rows is None else steps + rows

    def compute_output_shape(self, steps):
        return steps


def _optional():
    words, rows = keras.Input(shape=(None,)), keras.Input(shape=(4,), optional=True)
    h = Beside()(L.Embedding(WORDS, 4, mask_zero=True)(words), rows)
    return keras.Model([words, rows], L.Dense(TAGS, activation="softmax")(h))


class Adds(L.Layer):
    """Adds to the loss what belongs to each sequence."""

    def call(self, x):
        self.add_loss(0.3 * x.sum().square().mean())
        return x


class OwnLoss(keras.Sequential):
    """A loss of its own: the compiled one, twice, and a mean over the steps."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        given = super().compute_loss(x, y, y_pred, sample_weight, training)
        return 2 * given + y_pred.values.square().mean()


class Untouched(keras.Sequential):
    """Has a weight that no loss reaches."""

    def build(self, spec):
        super().build(spec)
        self.unused = torch.nn.Parameter(torch.ones(3))


class Backwards:
    """A sampler of one's own."""

    def epoch(self, epoch):
        return list(torch.arange(26).flip(0).split(6))


def _bits(y):
    return [float(len(ids) % 2) for ids in y]


def _steps(x, seed=3):
    rng = np.random.default_rng(seed)
    return keras.Ragged.from_list([rng.random(len(ids)) for ids in x])


def _l2(loss="sparse_categorical_crossentropy", **options):
    return compiled(
        keras.Sequential([
            L.Embedding(WORDS, 4, embeddings_regularizer="l2"),
            L.TimeDistributed(L.Dense(4, activity_regularizer=keras.regularizers.L2(0.1))),
            L.GRU(3, return_sequences=True, activity_regularizer="l1"),
            L.Dense(TAGS, activation="softmax", kernel_regularizer="l1"),
        ]),
        loss=loss, **options,
    )  # fmt: skip


def _named(loss, **options):
    return lambda: compiled(tagger(), loss=loss, **options)


def _own_function(y_true, y_pred):
    """A number for the whole batch."""
    return (y_pred - y_true).square().mean()


def _moved_by(optimizer):
    return lambda: compiled(tagger(), optimizer())


_SUM = losses.SparseCategoricalCrossentropy(reduction="sum")
_CROSS = losses.SparseCategoricalCrossentropy

#: Makes the compiled model; what `fit` is given beside x and y.
CASES = {
    "mean": (_named(_CROSS()), {}),
    "sum": (_named(_SUM), {}),
    "weights' mean": (
        _named(_CROSS(reduction="mean_with_sample_weight")),
        {"sample_weight": "steps"},
    ),
    "sequences' mean": (_named(_CROSS(reduction="mean_over_sequences")), {}),
    "ignored class": (_named(_CROSS(ignore_class=1)), {}),
    "function": (_named(_own_function), {"y": "one-hot"}),
    "weights of steps": (_named(_CROSS()), {"sample_weight": "steps"}),
    "weights of sequences": (_named(_CROSS()), {"sample_weight": "sequences"}),
    "weights of classes": (_named(_CROSS()), {"class_weight": {0: 3.0, 1: 0.5}}),
    "collected": (_moved_by(lambda: optimizers.Adam(gradient_accumulation_steps=2)), {}),
    "collected sum": (
        lambda: _l2(_SUM, optimizer=optimizers.SGD(0.01, gradient_accumulation_steps=2)),
        {},
    ),
    "clipped norm": (_moved_by(lambda: optimizers.SGD(0.1, clipnorm=0.01)), {}),
    "clipped value": (_moved_by(lambda: optimizers.SGD(0.1, clipvalue=0.001)), {}),
    "clipped together": (_moved_by(lambda: optimizers.SGD(0.1, global_clipnorm=0.01)), {}),
    "averages": (_moved_by(lambda: optimizers.AdamW(use_ema=True, weight_decay=0.1)), {}),
    "schedule": (
        _moved_by(lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))),
        {},
    ),
    "torch's": (_moved_by(lambda: lambda p: torch.optim.Adagrad(p, 0.1)), {}),
    "penalties": (_l2, {}),
    "penalties alone on sums": (lambda: _l2(_SUM), {}),
    "add_loss": (lambda: compiled(tagger(Adds())), {}),
    "add_loss alone": (lambda: compiled(tagger(Adds()), loss=None), {"y": None}),
    "own loss": (
        lambda: compiled(OwnLoss([L.Embedding(WORDS, 4), L.Dense(TAGS, activation="softmax")])),
        {},
    ),
    "untouched": (
        lambda: compiled(
            Untouched([L.Embedding(WORDS, 4), L.Dense(TAGS, activation="softmax")]),
            optimizers.AdamW(0.1, weight_decay=0.5),
        ),
        {},
    ),
    "frozen": (lambda: _frozen(), {}),
    "batch statistics": (
        lambda: compiled(tagger(L.BatchNormalization(), L.Dense(4), L.BatchNormalization())),
        {},
    ),
    "crf": (
        lambda: compiled(
            keras.Sequential([L.Embedding(WORDS, 4), L.Dense(TAGS), L.CRF()]), loss="crf"
        ),
        {},
    ),
    "classes": (lambda: compiled(_classifier(), loss="binary_crossentropy"), {"y": "kinds"}),
    "two outputs": (
        lambda: compiled(
            _two_outputs(),
            loss={"tags": "sparse_categorical_crossentropy", "kind": "binary_crossentropy"},
            loss_weights={"tags": 1.0, "kind": 0.3},
        ),
        {"y": "both"},
    ),
    "collected terms": (
        lambda: compiled(
            _two_outputs(),
            optimizers.SGD(0.1, gradient_accumulation_steps=2),
            loss={"tags": "sparse_categorical_crossentropy", "kind": "binary_crossentropy"},
        ),
        {"y": "both"},
    ),
    "collected penalties": (
        lambda: _l2(optimizer=optimizers.SGD(0.1, gradient_accumulation_steps=2)),
        {},
    ),
    "dense": (
        lambda: compiled(
            keras.Sequential([L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dense(1)]),
            loss="mse",
        ),
        {"x": "table", "y": "numbers"},
    ),
    "not there": (lambda: compiled(_optional()), {"x": "words alone"}),
    "by length": (_named(_CROSS()), {"bucket_by_length": True}),
    "in order": (_named(_CROSS()), {"shuffle": False}),
    "by steps": (_named(_CROSS()), {"batch_steps": 16}),
    "own sampler": (_named(_CROSS()), {"sampler": "own"}),
    "our sampler": (_named(_CROSS()), {"sampler": "ours"}),
    "one a batch": (_named(_CROSS()), {"batch_size": 2}),
    "some steps": (_named(_CROSS()), {"steps_per_epoch": 2}),
    "validated": (
        lambda: compiled(
            tagger(),
            metrics=["accuracy", metrics.F1Score(average="macro", name="f1")],
            weighted_metrics=["sparse_categorical_crossentropy"],
        ),
        {"validation_split": 0.3, "validation_batch_size": 3},
    ),
}


def _frozen():
    model = compiled(tagger())
    model.layers[1].trainable = False
    return model


def _given(name, x, y):
    samples = np.arange(len(x)) % 3 + 0.5
    table = np.random.default_rng(5).normal(size=(len(x), 3))
    return {
        "steps": lambda: _steps(x),
        "sequences": lambda: samples,
        "one-hot": lambda: keras.Ragged.from_list([np.eye(TAGS)[ids] for ids in y]),
        "kinds": lambda: np.array(_bits(y)),
        "both": lambda: {"tags": keras.Ragged.from_list(y), "kind": np.array(_bits(y))},
        "table": lambda: table,
        "words alone": lambda: [keras.Ragged.from_list(x), None],
        "numbers": lambda: table.sum(1, keepdims=True),
        "own": Backwards,
        "ours": lambda: keras.data.Sampler([len(s) for s in x], batch_size=6, seed=3),
    }[name]()


def fitted(name, dtype="float64", epochs=2):
    """Weights and history after some epochs, as arrays: what the law compares."""
    make, options = CASES[name]
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        keras.utils.set_random_seed(2)
        x, y = sequences()
        options = {k: _given(v, x, y) if isinstance(v, str) else v for k, v in options.items()}
        inputs = options.pop("x", keras.Ragged.from_list(x))
        targets = options.pop("y", keras.Ragged.from_list(y))
        world = this().world
        if "batch_steps" in options:
            options["batch_steps"] //= world
        elif "sampler" not in options:
            options["batch_size"] = options.get("batch_size", 6) // world
        model = make()
        history = model.fit(inputs, targets, epochs=epochs, verbose=0, **options)
    finally:
        torch.set_default_dtype(before)
    return model.get_weights(), history.history
