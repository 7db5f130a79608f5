"""Bad input: one clear error, before any weight moves, text by text."""

import numpy as np
import pytest

import unpad as keras
from unpad import Ragged

from ..messages import says
from ..taggers import TAGS, classifier, tagger

X = [[1, 2, 3], [4], [5, 6]]
Y = [[0, 1, 2], [3], [0, 1]]
GRID = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 0, 0]])

FIT = [
    # --- counts and lengths
    (X, Y[:2], {}, "fit: x has 3 sequences, y has 2. Each sequence needs its target."),
    (
        X,
        [[0, 1, 2], [3], [0, 1, 2]],
        {},
        "fit: y: sequence 2 has 2 steps in x, but 3 in y. Each step needs one.",
    ),
    (
        GRID,
        [[0, 1], [3], [0, 1]],
        {},
        "fit: y: sequence 0 has 3 steps in x, but 2 in y. Each step needs one.",
    ),
    (GRID, np.zeros((3, 5)), {}, "fit: y: has 5 slots in time, x has 4."),
    (
        X,
        np.zeros((3, 4)),
        {},
        "fit: y: a padded array beside sequences without padding: which of its slots belong to "
        "which step is not known. Give y as a list, or as Ragged.from_padded(y, lengths=...).",
    ),
    (
        X,
        [0, 1, 2],
        {},
        "fit: y: got one value a sequence, (3,), but the model gives one for each step. Give y for "
        "each step, or let the last recurrent layer give one a sequence: return_sequences=False.",
    ),
    (X, None, {}, "fit: y is missing. For an autoencoder give x twice."),
    # --- ids
    (
        [[1, 2], [3, 77]],
        [[0, 0], [0, 0]],
        {},
        "Embedding: id 77 in sequence 1, step 1, but input_dim is 12. Ids must be below input_dim: "
        "build with input_dim=78 or map rare words to one id.",
    ),
    (
        np.array([[0, 0, 5], [0, 99, 1]]),
        np.zeros((2, 3)),
        {},
        "Embedding: id 99 in sequence 1, step 0 (slot 1 of the grid), but input_dim is 12.",
    ),
    (
        [[1, 2.5]],
        [[0, 0]],
        {},
        "Embedding: the id in sequence 0, step 1 is 2.5. Ids are integers:",
    ),
    ([[1, -2]], [[0, 0]], {}, "Embedding: id -2 in sequence 0, step 1, negative. Ids start at 0."),
    # --- labels
    (
        X,
        [[0, 1, 2], [4], [0, 1]],
        {},
        "sparse_categorical_crossentropy: label 4 in sequence 1, step 0, but the model has 4 "
        "classes. Labels go from 0 to 3: give the last layer 5 units.",
    ),
    (
        X,
        [[0, 1, 2], [3], [0, -1]],
        {},
        "sparse_categorical_crossentropy: label -1 in sequence 2, step 1, but the model has 4 "
        "classes. If it marks steps that do not count: ignore_class=-1.",
    ),
    (
        X,
        [[0, 1, 2], [0.5], [0, 1]],
        {},
        "sparse_categorical_crossentropy: the label in sequence 1, step 0 is 0.5; expected "
        "integers. For numbers to predict use mse.",
    ),
    (
        X,
        [np.eye(TAGS)[t] for t in Y],
        {},
        "sparse_categorical_crossentropy: got one-hot labels; expected one integer a step. For "
        "one-hot labels use categorical_crossentropy, or give y.argmax(-1).",
    ),
    (
        X,
        [[0, 1, 2], [np.nan], [0, 1]],
        {},
        "fit: y: nan in sequence 1, step 0. Leave steps without a label out of x, or weigh them 0.",
    ),
    # --- no sequences
    ([], [], {}, "fit: x has no sequences."),
    (
        np.zeros((2, 4), int),
        np.zeros((2, 4)),
        {},
        "fit: x has no steps: every sequence is empty or masked throughout.",
    ),
    (
        np.array([[1, 2], None], dtype=object),
        Y[:2],
        {},
        "fit: x: expected sequence 1 as an array (time, *feature) of numbers, got NoneType None.",
    ),
    (
        np.array(["a", "b"]),
        Y[:2],
        {},
        "fit: x: got texts, as 'a', and a model takes numbers. They become ids before: ids = "
        "layer(texts) of a TextVectorization, then fit(ids, ...); batch by batch ",
    ),
    ({"a": 1}, Y, {}, "fit: x: a dict needs a model whose inputs have names: Model(inputs, ...)."),
    (np.float64(3), Y, {}, "fit: x: expected a batch, got the single number 3.0."),
    # --- the Input's shape
    (
        np.zeros((3, 4, 2)),
        Y,
        {},
        "Input: expected (batch, time), got (batch, 4, 2).",
    ),
    (
        [np.zeros((3, 2)), np.zeros((1, 2))],
        Y[:2],
        {},
        "Input: expected (batch, time), got sequences whose steps have shape (2,).",
    ),
    # --- weights and options
    (X, Y, {"sample_weight": [1, 2]}, "fit: sample_weight: x has 3 sequences, sample_weight has 2"),
    (
        X,
        Y,
        {"sample_weight": [1, -2, 1]},
        "fit: sample_weight: -2.0 in sequence 1 is negative.",
    ),
    (
        X,
        Y,
        {"sample_weight": [[1, 1, 1], [1, 1], [1, 1]]},
        "fit: sample_weight: sequence 1 has 1 steps in x, but 2 in sample_weight.",
    ),
    (X, Y, {"sample_weight": [1, np.inf, 1]}, "fit: sample_weight: inf in sequence 1."),
    (X, Y, {"class_weight": {7: 1.0}}, "fit: class_weight has class 7, but the model has 4"),
    (X, Y, {"validation_split": 1.5}, "fit: expected validation_split as a number from 0 and "),
    (X, Y, {"validation_data": 3}, "fit: expected validation_data as (x, y) or (x, y, sample_"),
    (
        X,
        Y,
        {"validation_data": (X, Y[:1])},
        "fit: validation_data: x has 3 sequences, y has 1. Each sequence needs its target.",
    ),
    (X, Y, {"batch_size": 0}, "fit: expected batch_size as a positive integer or None, got 0."),
    (X, Y, {"batch_size": 4, "batch_steps": 9}, "fit: give batch_size= (sequences) or batch_s"),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y", "options", "text"), FIT)
def test_fit_refuses_before_any_weight_moves(x, y, options, text):
    model = tagger()
    before = model.get_weights()
    with says(text):
        model.fit(x, y, verbose=0, **options)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert model.history is None


SENSORS = [
    (
        [np.array([[1.0, 2, 3]]), np.array([[1.0, np.inf, 3]])],
        [0, 1],
        "fit: x: inf in sequence 1, step 0, feature 1. Missing steps that hold NaN: "
        "Masking(mask_value=nan).",
    ),
    (
        [np.ones((2, 3)), np.ones((1, 3))],
        [[0, 1], [1]],
        "fit: y: got one value for each step of sequences of different lengths, but the model "
        "gives (batch, 1), one for each sequence.",
    ),
    (
        [np.ones((2, 3)), np.ones((1, 3))],
        [0, 2],
        "binary_crossentropy: label 2 in sequence 1; expected 0 or 1. For more classes use "
        "sparse_categorical_crossentropy.",
    ),
    (
        [np.ones((2, 3)), np.ones((1, 3))],
        np.zeros((2, 4)),
        "binary_crossentropy: expected targets of shape (1,) for each sequence, as the model "
        "gives, got (4,).",
    ),
    (
        np.zeros((2, 4, 5)),
        [0, 1],
        "Input: expected (batch, time, 3), got (batch, 4, 5).",
    ),
]


@pytest.mark.parametrize(("x", "y", "text"), SENSORS)
def test_sensor_readings_that_are_wrong(x, y, text):
    with says(text):
        classifier().fit(x, y, verbose=0)


def test_integer_labels_given_to_the_loss_for_one_hot():
    with says(
        "categorical_crossentropy: got one integer a step; expected one-hot labels of 4 classes. "
        "For integer labels use sparse_categorical_crossentropy."
    ):
        tagger(loss="categorical_crossentropy").fit(X, Y, verbose=0)
    with says("categorical_crossentropy: expected labels of 4 classes, as the model gives, got 3."):
        tagger(loss="categorical_crossentropy").fit(
            X, [np.eye(3)[:n] for n in (3, 1, 2)], verbose=0
        )
    halves = [np.full((n, TAGS), -0.5) for n in (3, 1, 2)]
    with says(
        "categorical_crossentropy: expected labels from 0 to 1, got -0.5 in sequence 0, step"
    ):
        tagger(loss="categorical_crossentropy").fit(X, halves, verbose=0)


def test_fixed_lengths_are_kept():
    model = keras.Sequential(
        [keras.Input(shape=(2,)), keras.layers.Embedding(9, 2, mask_zero=True)]
    )
    with says(
        "Input: expected at most 2 steps, but sequence 0 has 3. For any length: shape=(None, ...)."
    ):
        model.predict(X, verbose=0)
    assert [len(p) for p in model.predict([[1], [2, 3]], verbose=0)] == [1, 2]


def test_holes_at_other_places():
    x = Ragged.from_padded(GRID, padding=0)
    y = Ragged.from_padded(np.array([[1, 0, 2, 3], [1, 0, 0, 0], [1, 1, 0, 0]]), padding=0)
    with says("fit: y: sequence 0 has its holes at other places in x."):
        tagger().fit(x, y, verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_not_compiled(method):
    with says(
        f"{method}: the model is not compiled. First: model.compile(optimizer=..., loss=...).",
        RuntimeError,
    ):
        getattr(tagger(compiled=False), method)(X, Y)


COMPILE = [
    (
        {"optimizer": "adm"},
        "compile: unknown optimizer 'adm'; did you mean 'adam' or 'nadam' or 'adamw'? Known",
    ),
    (
        {"loss": "sparse_crossentropy"},
        "compile: unknown loss 'sparse_crossentropy'; did you mean 'b",
    ),
    ({"metrics": ["acuracy"]}, "compile: unknown metric 'acuracy'; did you mean 'accuracy' or "),
    ({"loss": 3}, "compile: expected a loss's name or callable, got 3."),
    ({"metrics": [3]}, "compile: expected a metric's name, a torchmetrics metric or a callable"),
    ({"optimizer": 3}, "compile: expected an optimizer's name, an optimizer or a callable, got 3."),
    (
        {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        "compile: SparseCategoricalCrossentropy(from_logits=True), but the model ends in softmax, "
        "whose outputs are probabilities. Leave from_logits out; unpad works from the logits by "
        "itself.",
    ),
]


@pytest.mark.parametrize(("options", "text"), COMPILE)
def test_compile_refuses_names_it_does_not_know(options, text):
    with says(text):
        tagger(**options)


def test_training_without_a_loss_or_an_optimizer():
    model = tagger(loss=None)
    with says("fit: there is no loss: model.compile(loss='sparse_categorical_crossentropy'), say."):
        model.fit(X, Y, verbose=0)
    model = tagger(optimizer=None)
    with says("fit: compile was given optimizer=None, so that nothing moves the weights."):
        model.fit(X, Y, verbose=0)


def test_a_cross_entropy_of_what_is_no_probability():
    model = keras.Sequential([keras.Input(shape=(3,)), keras.layers.Dense(4)])
    with says(
        "compile: sparse_categorical_crossentropy needs probabilities, but the model ends in "
        "'linear'. End it in softmax, or use SparseCategoricalCrossentropy(from_logits=True)."
    ):
        model.compile("adam", "sparse_categorical_crossentropy")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert model.train_on_batch(np.ones((2, 3)), [0, 1]) > 0


def test_one_output_for_a_loss_of_classes():
    with says(
        "sparse_categorical_crossentropy: expected one output for each class, got (batch, 1). For "
        "one output that says yes or no use binary_crossentropy."
    ):
        classifier(loss="sparse_categorical_crossentropy").fit([np.ones((2, 3))], [0], verbose=0)


def test_options_that_are_not_supported_say_so():
    with says("StringLookup: expected salt as an integer or two, got 'x'"):
        keras.layers.StringLookup(salt="x")
