"""Where unpad's numbers are not Keras's, on purpose: each pinned by a smallest batch.

`found` runs both libraries; what stands in `theirs` and `ours` is what test_mask_table.py expects
and what docs/coming-from-keras.md prints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import torch
from keras.src import backend

import unpad
from unpad import Ragged


class Difference(NamedTuple):
    """One difference.

    Args:
        layer: whose.
        batch: what is computed, in words.
        theirs: Keras's numbers, or the error's type.
        ours: unpad's.
        why: in words.
        found: runs both.
    """

    layer: str
    batch: str
    theirs: Any
    ours: Any
    why: str
    found: Callable[[], tuple[Any, Any]]


def on_both(
    make: Callable[[Any], Any], steps: list[Any], padding: list[Any], pick: Any = None
) -> tuple[Any, Any]:
    """A layer of both libraries on one sequence, padded on the right and masked in Keras."""
    x = torch.tensor([steps + padding], dtype=torch.float32)
    mask = torch.arange(x.shape[1])[None] < len(steps)
    ours = make(unpad)(Ragged.from_padded(x, mask=mask))
    backend.set_keras_mask(x, mask)
    theirs = make(keras)(x)
    kept = slice(len(ours[0]) if isinstance(ours, Ragged) else None)
    return rounded(theirs[0, kept]), rounded(ours[0])


def rounded(x: torch.Tensor) -> list[Any]:
    """All numbers, with three digits after the point; "NaN" for what is none."""
    numbers = (x.detach().double().round(decimals=3) + 0.0).flatten().tolist()
    return ["NaN" if n != n else n for n in numbers]


def _mask_of(layer: Any, x: torch.Tensor, mask: torch.Tensor, **options: Any) -> Any:
    backend.set_keras_mask(x, mask)
    return layer(x, **options)


# --- by hand -------------------------------------------------------------------------------------


def global_average_of_nothing() -> tuple[Any, Any]:
    x, mask = torch.zeros(1, 2, 1), torch.zeros(1, 2, dtype=torch.bool)
    ours = unpad.layers.GlobalAveragePooling1D()(Ragged.from_padded(x, mask=mask))
    return rounded(_mask_of(keras.layers.GlobalAveragePooling1D(), x, mask)), rounded(ours)


def average_at_an_end() -> tuple[Any, Any]:
    x = torch.tensor([[[1.0], [2.0], [6.0], [8.0]]])
    return tuple(rounded(k.layers.AveragePooling1D(3, 2, "same")(x)) for k in (keras, unpad))


def over_axis_1(name: str) -> Callable[[], tuple[Any, Any]]:
    """A normalisation over axis 1 of (1, 2, 2)."""

    def found() -> tuple[Any, Any]:
        x = torch.tensor([[[1.0, 2.0], [5.0, 10.0]]])
        layers = (getattr(k.layers, name)(axis=1, epsilon=0) for k in (keras, unpad))
        return tuple(rounded(layer(x)) for layer in layers)

    return found


def softmax(features: int) -> tuple[Any, Any]:
    """Of two steps of zeros, of which the second is padding."""
    x, mask = torch.zeros(1, 2, features), torch.tensor([[True, False]])
    ours = unpad.layers.Softmax()(Ragged.from_padded(x, mask=mask))
    try:
        theirs = rounded(_mask_of(keras.layers.Softmax(), x, mask)[0, 0])
    except ValueError as error:
        theirs = type(error).__name__
    return theirs, rounded(ours.values)


def sparsemax() -> tuple[Any, Any]:
    x = torch.tensor([[0.5, 0.3, 0.1]])
    return tuple(rounded(k.activations.sparsemax(x)) for k in (keras, unpad))


def predicted_padding() -> tuple[Any, Any]:
    """What `predict` gives for [7, 0]: both layers have the same weights."""
    models = []
    for k in (keras, unpad):
        model = k.Sequential([
            k.Input((2,), dtype="int64"), k.layers.Embedding(9, 1, mask_zero=True),
            k.layers.SimpleRNN(1, None, return_sequences=True),
        ])  # fmt: skip
        model.set_weights([np.full((9, 1), 0.25), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)])
        models.append(model)
    ids = np.array([[7, 0]])
    return tuple(rounded(torch.as_tensor(m.predict(ids, verbose=0))) for m in models)


def _walk(k: Any, **options: Any) -> Any:
    """A running sum: a SimpleRNN whose weights are all 1."""
    ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
    return k.layers.SimpleRNN(1, None, **ones, **options)


def backwards() -> tuple[Any, Any]:
    return on_both(
        lambda k: _walk(k, go_backwards=True, return_sequences=True), [[1], [2]], [[9], [9]]
    )


def from_a_state() -> tuple[Any, Any]:
    x, mask = torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([[True, True, False]])
    state = torch.zeros(1, 1)
    ours = _walk(unpad)(Ragged.from_padded(x, mask=mask), initial_state=[state])
    return rounded(_mask_of(_walk(keras), x, mask, initial_state=[state])), rounded(ours)


def nothing_from_a_state() -> tuple[Any, Any]:
    x, mask = torch.zeros(1, 2, 1), torch.zeros(1, 2, dtype=torch.bool)
    state = torch.tensor([[0.5]])
    ours = _walk(unpad)(Ragged.from_padded(x, mask=mask), initial_state=[state])
    return rounded(_walk(keras)(x, mask=mask, initial_state=[state])), rounded(ours)


def position_of_a_query() -> tuple[Any, Any]:
    """Two steps padded on the left look at [3, 4], each up to its own position."""
    query = torch.zeros(1, 3, 1)
    mask, value = torch.tensor([[False, True, True]]), torch.tensor([[[3.0], [4.0]]])
    ours = unpad.layers.Attention()(
        [Ragged.from_padded(query, mask=mask), Ragged.from_padded(value, lengths=[2])],
        use_causal_mask=True,
    )
    backend.set_keras_mask(query, mask)
    theirs = keras.layers.Attention()([query, value], use_causal_mask=True)
    return rounded(theirs[:, 1:]), rounded(ours.values)


def batch_of_matrices() -> tuple[Any, Any]:
    x, mask = torch.ones(1, 2, 2, 1), torch.tensor([[True, False]])
    ours = unpad.layers.BatchNormalization(epsilon=0)(Ragged.from_padded(x, mask=mask))
    try:
        theirs = rounded(_mask_of(keras.layers.BatchNormalization(epsilon=0), x, mask))
    except ValueError as error:
        theirs = type(error).__name__
    return theirs, rounded(ours.values)


def embedding_of_each_step() -> tuple[Any, Any]:
    ids = torch.tensor([[1, 2]])
    layers = [k.layers.TimeDistributed(k.layers.Embedding(3, 1, "ones")) for k in (keras, unpad)]
    ours = layers[1](Ragged.from_padded(ids, lengths=[2]))
    try:
        theirs = rounded(layers[0](ids))
    except ValueError as error:
        theirs = type(error).__name__
    return theirs, rounded(ours.values)


def slope_of_zeros() -> tuple[Any, Any]:
    found = []
    for k in (keras, unpad):
        x = torch.zeros(1, 2, requires_grad=True)
        found.append(torch.autograd.grad(k.layers.UnitNormalization()(x).sum(), x)[0])
    return tuple("finite" if bool(g.isfinite().all()) else "NaN" for g in found)


def penalties() -> tuple[Any, Any]:
    found = []
    for k in (keras, unpad):
        layer = _walk(k, activity_regularizer="l2")
        layer(torch.ones(1, 2, 1))
        found.append(len(layer.losses))
    return tuple(found)


def padding_s_row() -> tuple[Any, Any]:
    """The gradient of an embedding's row 0 under Flatten, of ids [1, 0]."""
    found = []
    for k in (keras, unpad):
        model = k.Sequential([
            k.Input((2,), dtype="int64"), k.layers.Embedding(2, 1, mask_zero=k is unpad),
            k.layers.Flatten(),
        ])  # fmt: skip
        model(torch.tensor([[1, 0]])).sum().backward()
        (table,) = model.weights
        found.append(getattr(table, "value", table).grad)
    return tuple(map(rounded, found))


def after_an_operator() -> tuple[Any, Any]:
    x, mask = torch.tensor([[[1.0], [3.0], [0.0], [0.0]]]), torch.tensor([[1, 1, 0, 0]]).bool()
    ours = unpad.layers.GlobalAveragePooling1D()(Ragged.from_padded(x, mask=mask) * 2)
    backend.set_keras_mask(x, mask)
    return rounded(keras.layers.GlobalAveragePooling1D()(x * 2)), rounded(ours)


def sums_of_three(k: Any) -> Any:
    """A Conv1D that adds up three steps."""
    return k.layers.Conv1D(1, 3, padding="same", kernel_initializer="ones")


def last_step(x: Any) -> Any:
    """What people write to get a sequence's last step."""
    return x[:, -1]


_ENDS = "a sequence's end is its own: beyond it is nothing"
_COUNTED = "padding is no step: it is not counted"

DIFFERENCES = [
    Difference(
        "Conv1D", "sums of 3, 'same', of 1 2 3, then 9 9", [3, 6, 14], [3, 6, 5], _ENDS,
        lambda: on_both(sums_of_three, [[1], [2], [3]], [[9], [9]]),
    ),
    Difference(
        "MaxPooling1D", "'same', of 1 2 3, then 9", [2, 9], [2, 3], _ENDS,
        lambda: on_both(
            lambda k: k.layers.MaxPooling1D(2, padding="same"), [[1], [2], [3]], [[9]]
        ),
    ),
    Difference(
        "AveragePooling1D", "of 3, stride 2, 'same', of 1 2 6 8, without padding", [3, 7.333],
        [3, 7], "a window is divided by the steps that it holds; Keras on torch counts the last "
        "one twice, on TensorFlow and JAX it does not", average_at_an_end,
    ),
    Difference(
        "GlobalMaxPooling1D", "of -3 -2, then 0", [0], [-2], _COUNTED,
        lambda: on_both(lambda k: k.layers.GlobalMaxPooling1D(), [[-3], [-2]], [[0]]),
    ),
    Difference(
        "GlobalAveragePooling1D", "of an empty sequence", ["NaN"], [0],
        "an empty sequence is legal, and its gradient 0", global_average_of_nothing,
    ),
    Difference(
        "an operator", "the mean of `h * 2`, of 1 3, then 0 0", [2], [4],
        "no operator can lose what is not beside the values", after_an_operator,
    ),
    Difference(
        "Dot", "over time, of 1 1 1 with itself, then 1", [4], [3], _COUNTED,
        lambda: on_both(
            lambda k: lambda x: k.layers.Dot(axes=1)([x, x]), [[1], [1], [1]], [[1]]
        ),
    ),
    Difference(
        "Lambda", "`x[:, -1]`, of 1 2, then 9", [9], [2], "a sequence's last step is its own",
        lambda: on_both(lambda k: k.layers.Lambda(last_step), [[1], [2]], [[9]]),
    ),
    Difference(
        "GroupNormalization", "of 1 3, then 0 0", [0, 1.633], [-1, 1], _COUNTED,
        lambda: on_both(
            lambda k: k.layers.GroupNormalization(1, epsilon=0), [[1], [3]], [[0], [0]]
        ),
    ),
    Difference(
        "LayerNormalization", "axis=1, of [[1, 2], [5, 10]], without padding", [-1, 1, -1, 1],
        [-1, -1, 1, 1], "over the axis that is named; on torch Keras takes the last",
        over_axis_1("LayerNormalization"),
    ),
    Difference(
        "RMSNormalization", "the same", [0.632, 1.265, 0.632, 1.265],
        [0.277, 0.277, 1.387, 1.387], "the same", over_axis_1("RMSNormalization"),
    ),
    Difference(
        "BatchNormalization", "in training, a step that is a matrix of 1 1, with a mask",
        "ValueError", [0, 0], "Keras's mask has an axis less than the inputs", batch_of_matrices,
    ),
    Difference(
        "UnitNormalization", "the gradient at a step of zeros", "NaN", "finite",
        "one step must not end a training", slope_of_zeros,
    ),
    Difference(
        "Softmax", "of a masked sequence, of the step 0 0 0, then another", "ValueError",
        [0.333, 0.333, 0.333], "it is over the features of each real step", lambda: softmax(3),
    ),
    Difference(
        "Softmax", "of the step 0 0, then another", [1, 0], [0.5, 0.5],
        "the same; as many slots as features, so that Keras lays the mask over the features",
        lambda: softmax(2),
    ),
    Difference(
        "sparsemax", "of 0.5 0.3 0.1", [0.1, 0, 0], [0.533, 0.333, 0.133],
        "the nearest probabilities: they sum to 1", sparsemax,
    ),
    Difference(
        "SimpleRNN, GRU, LSTM", "`predict` of ids 7 0, a running sum", [0.25, 0.25], [0.25, 0],
        "a step that was not there has no prediction: its slot holds `fill`", predicted_padding,
    ),
    Difference(
        "go_backwards", "running sums of 1 2, then 9 9", [0, 0], [2, 3],
        "Keras flips the outputs and not the mask, which then names the slots of padding",
        backwards,
    ),
    Difference(
        "initial_state", "the sum of 1 2, then 9, from 0", [12], [3],
        "beside an initial state Keras forgets the mask that the tensor carries", from_a_state,
    ),
    Difference(
        "initial_state", "of an empty sequence, from 0.5", [0], [0.5],
        "the output is the state after the last step; in Keras it is 0 beside a state of 0.5",
        nothing_from_a_state,
    ),
    Difference(
        "Attention, causal", "two steps, padded on the left, over 3 4", [3.5, 3.5], [3, 3.5],
        "a position is the place within the sequence, whatever side was padded",
        position_of_a_query,
    ),
    Difference(
        "TimeDistributed(Embedding)", "of ids 1 2", "ValueError", [1, 1],
        "a step may be a single id", embedding_of_each_step,
    ),
    Difference(
        "Flatten", "the gradient of an embedding's rows, of ids 1 0", [1, 1], [0, 1],
        "padding moves no weight", padding_s_row,
    ),
    Difference(
        "SimpleRNN(activity_regularizer)", "the number of its penalties", 0, 1,
        "Keras takes the argument and forgets it", penalties,
    ),
]  # fmt: skip
