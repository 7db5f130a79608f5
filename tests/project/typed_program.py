# pyright: standard, reportUnnecessaryTypeIgnoreComment=true
"""A user's program, for type checkers alone: what they find in it is what people see in editors.

Each `assert_type` says what pyright must find; each line with an `ignore` must be an error. It is
not run: `make check` and test_types.py read it.
"""

from typing import Any, assert_type

import numpy as np
import torch

import unpad as keras
from unpad import Ragged
from unpad.activations import softmax
from unpad.callbacks import EarlyStopping, ModelCheckpoint
from unpad.constraints import MaxNorm
from unpad.initializers import RandomUniform
from unpad.layers import LSTM, Dense, Embedding
from unpad.losses import SparseCategoricalCrossentropy
from unpad.metrics import F1Score
from unpad.optimizers import Adam
from unpad.regularizers import L2

# --- the type -------------------------------------------------------------------------------------

r = Ragged.from_list([[1.0, 2.0], [], [3.0]])
assert_type(r * 2, Ragged)
assert_type(2 * r - r / r, Ragged)
assert_type(-r, Ragged)
assert_type(r > 0, Ragged)
assert_type(r[1:], Ragged)
assert_type(r.lengths, torch.Tensor)
assert_type(r.map(torch.tanh), Ragged)
assert_type(len(r), int)
assert_type(r[0], torch.Tensor | np.ndarray)
print(r.mean().shape)
print(r.lenghts)  # pyright: ignore[reportAttributeAccessIssue]
Ragged.from_padded(np.zeros((2, 3)), length=[1, 2])  # pyright: ignore[reportCallIssue]

# --- layers ---------------------------------------------------------------------------------------

dense = Dense(4, activation="relu", kernel_initializer=RandomUniform(), kernel_regularizer=L2(0.1))
assert_type(dense(r), Ragged)
assert_type(dense(torch.ones(2, 3)), torch.Tensor)
assert_type(keras.layers.GlobalAveragePooling1D()(r), torch.Tensor)
assert_type(keras.layers.Dropout(0.5)(r, training=True), Ragged)
assert_type(keras.layers.Conv1D(4, 3, padding="same")(r), Ragged)
Dense("4")  # pyright: ignore[reportArgumentType]
Dense(4, kernal_constraint=MaxNorm())  # pyright: ignore[reportCallIssue]
LSTM(8, return_sequence=True)  # pyright: ignore[reportCallIssue]
Embedding(10)  # pyright: ignore[reportCallIssue]
EarlyStopping(patience="3")  # pyright: ignore[reportArgumentType]
Adam(beta_3=0.9)  # pyright: ignore[reportCallIssue]
F1Score(mean="macro")  # pyright: ignore[reportCallIssue]
SparseCategoricalCrossentropy(from_logit=True)  # pyright: ignore[reportCallIssue]

# --- a graph --------------------------------------------------------------------------------------

x = keras.Input((None,), dtype="int64")
h = Embedding(10, 4, mask_zero=True)(x)
h = keras.layers.Bidirectional(LSTM(8, return_sequences=True))(h)
assert_type(dense(x).shape, tuple[int | None, ...])
y = Dense(3, activation=softmax)(h * 2 + 1)
model = keras.Model(x, y, name="tagger")
keras.Model(inputs=[x], outputs=[y])
keras.Model(x, output=y)
keras.Model(x, y, nmae="tagger")  # pyright: ignore[reportCallIssue]
model.compile(Adam(1e-3), SparseCategoricalCrossentropy(), metrics=["accuracy", F1Score("macro")])
model.compile("adam", lossfunction="mse")  # pyright: ignore[reportCallIssue]
history = model.fit(
    [[1, 2], [3]], [[0, 1], [2]], epochs=2, callbacks=[EarlyStopping(), ModelCheckpoint("m.pt")]
)
assert_type(history.history["loss"][0], float)
model.fit([[1, 2], [3]], [[0, 1], [2]], epoch=2)  # pyright: ignore[reportCallIssue]

# --- what it gives --------------------------------------------------------------------------------

sequential = keras.Sequential([keras.Input((None, 2)), Dense(1)], name="one")
assert_type(sequential.predict(np.zeros((2, 3, 2))), np.ndarray)
assert_type(sequential.predict(torch.zeros(2, 3, 2)), torch.Tensor)
assert_type(sequential.evaluate(r, r), float | list[float] | dict[str, float])
print(sequential.predict([np.zeros((3, 2))])[0].shape)


class Tagger(keras.Model):
    def __init__(self, units: int = 8) -> None:
        super().__init__(name="tagger")
        self.words = Embedding(10, 4, mask_zero=True)
        self.lstm = LSTM(units, return_sequences=True)
        self.tags = Dense(3)

    def call(self, ids: Any, training: bool = False) -> Any:
        return self.tags(self.lstm(self.words(ids)))


Tagger(units=4).compile("adam", "mse")
Tagger(4, 5)  # pyright: ignore[reportCallIssue]


class Scale(keras.layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs: Ragged) -> Ragged:
        return inputs * self.scale


Scale(name="scale")(r)
Scale(nmae="scale")  # pyright: ignore[reportCallIssue]


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.stop_training = True
