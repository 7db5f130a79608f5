"""Programs of ours after the patterns of Keras's own examples, run as scripts."""

import unpad

TEXTS = """
import tensorflow as tf
import keras
from keras import layers
import re, string

raw = keras.utils.text_dataset_from_directory(
    folder, batch_size=4, validation_split=0.25, subset="training", seed=7, verbose=False)
held_out = keras.utils.text_dataset_from_directory(
    folder, batch_size=4, validation_split=0.25, subset="validation", seed=7, verbose=False)

def standardized(text):
    text = tf.strings.regex_replace(tf.strings.lower(text), "<br />", " ")
    return tf.strings.regex_replace(text, f"[{re.escape(string.punctuation)}]", "")

vectorize = keras.layers.TextVectorization(
    standardize=standardized, max_tokens=50, output_mode="int", output_sequence_length=8)
vectorize.adapt(raw.map(lambda x, y: x))

def as_ids(text, label):
    return vectorize(text), label

train = raw.map(as_ids).cache().prefetch(buffer_size=10)
valid = held_out.map(as_ids).cache().prefetch(buffer_size=10)

inputs = keras.Input(shape=(None,), dtype="int64")
x = layers.Embedding(50, 8)(inputs)
x = layers.Dropout(0.5)(x)
x = layers.Conv1D(8, 3, padding="same", activation="relu")(x)
x = layers.GlobalMaxPooling1D()(x)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
model = keras.Model(inputs, predictions)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(train, validation_data=valid, epochs=2, verbose=0).history
found = sorted(history)
"""

SERIES = """
import keras
import numpy as np

data = np.sin(np.arange(200) / 5)[:, None].astype("float32")
train = keras.utils.timeseries_dataset_from_array(
    data[:-12], data[12:, 0], sequence_length=12, sampling_rate=2, batch_size=16)
for batch in train:
    inputs, targets = batch
    break
inputs = keras.layers.Input(shape=(inputs.shape[1], inputs.shape[2]))
outputs = keras.layers.Dense(1)(keras.layers.LSTM(8)(inputs))
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=0, patience=3)
losses = model.fit(train, epochs=3, callbacks=[stop], verbose=0).history["loss"]
found = losses[-1] < losses[0]
"""

LOOP = """
import tensorflow as tf
from tensorflow import keras

x = [[1, 2, 3], [4, 5], [6]] * 4
y = [0, 1, 0] * 4
dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(buffer_size=12, seed=1).batch(4)
model = keras.Sequential([
    keras.layers.Embedding(10, 8, mask_zero=True), keras.layers.LSTM(8), keras.layers.Dense(2)])
optimizer = keras.optimizers.Adam(learning_rate=0.05)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = keras.metrics.SparseCategoricalAccuracy()

@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
    grads = tape.gradient(loss, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    accuracy.update_state(y, logits)
    return loss

for epoch in range(15):
    accuracy.reset_state()
    for step, (x_batch, y_batch) in enumerate(dataset):
        loss = train_step(x_batch, y_batch)
found = float(accuracy.result())
"""


def run(program, **names):
    names["__name__"] = "program"
    with unpad.as_keras():
        exec(program, names)
    return names["found"]


def test_texts_of_folders_are_classified(tmp_path):
    for kind, word in {"neg": "awful", "pos": "lovely"}.items():
        (tmp_path / kind).mkdir()
        for i in range(6):
            (tmp_path / kind / f"{i}.txt").write_text(f"A {word},<br />film number {i}!")
    assert run(TEXTS, folder=tmp_path) == [
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
        "waiting",
    ]


def test_a_series_is_forecast():
    unpad.utils.set_random_seed(0)
    assert run(SERIES)


def test_a_training_loop_of_ones_own():
    unpad.utils.set_random_seed(0)
    assert run(LOOP) == 1.0
