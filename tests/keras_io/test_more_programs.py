"""Programs of ours after the patterns of keras.io's examples, run as scripts."""

import numpy as np
import pytest

import unpad

from .test_programs import run

BLOCK = """
import keras
import numpy as np
from keras import layers, ops

class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.dropout1(self.att(inputs, inputs))
        out1 = self.layernorm1(inputs + attn_output)
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1)))

class Places(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        maxlen = ops.shape(x)[-1]
        positions = ops.arange(start=0, stop=maxlen, step=1)
        return self.token_emb(x) + self.pos_emb(positions)
"""

CLASSIFIED = (
    BLOCK
    + """
rng = np.random.default_rng(0)
x = rng.integers(2, 20, (32, 10))
x[np.arange(32), rng.integers(0, 10, 32)] = np.where(np.arange(32) % 2, 1, 20)
y = np.arange(32) % 2
inputs = layers.Input(shape=(10,))
h = TransformerBlock(8, 2, 8)(Places(10, 21, 8)(inputs))
h = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(h))
outputs = layers.Dense(2, activation="softmax")(layers.Dense(8, activation="relu")(h))
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(
    keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=8, epochs=6, validation_split=0.25, verbose=0).history
losses = history["loss"]
found = losses[-1] < losses[0]
"""
)

TAGGED = (
    BLOCK
    + """
import tensorflow as tf

rng = np.random.default_rng(0)
lines = []
for _ in range(24):
    n = int(rng.integers(1, 7))
    ids = rng.integers(2, 12, n)
    lines.append("\\t".join([str(n), *map(str, ids), *map(str, ids % 3 + 1)]))

def fields(line):
    record = tf.strings.split(line, sep="\\t")
    n = tf.strings.to_number(record[0], out_type=tf.int32)
    tokens = record[1 : n + 1]
    tags = record[n + 1 :]
    return (tf.strings.to_number(tokens, out_type=tf.int64),
            tf.strings.to_number(tags, out_type=tf.int64))

train = tf.data.Dataset.from_tensor_slices(lines).map(fields).padded_batch(8)

class Tagger(keras.Model):
    def __init__(self, tags, words, maxlen=12, size=16):
        super().__init__()
        self.placed = Places(maxlen, words, size)
        self.block = TransformerBlock(size, 2, 16)
        self.dropout1 = layers.Dropout(0.1)
        self.ff = layers.Dense(16, activation="relu")
        self.dropout2 = layers.Dropout(0.1)
        self.final = layers.Dense(tags, activation="softmax")

    def call(self, inputs, training=False):
        x = self.block(self.placed(inputs))
        x = self.ff(self.dropout1(x, training=training))
        return self.final(self.dropout2(x, training=training))

class RealStepsLoss(keras.losses.Loss):
    def __init__(self, name="real_steps_loss"):
        super().__init__(name=name)

    def call(self, y_true, y_pred):
        each = keras.losses.SparseCategoricalCrossentropy(from_logits=False, reduction=None)
        loss = each(y_true, y_pred)
        mask = ops.cast((y_true > 0), dtype="float32")
        return ops.sum(loss * mask) / ops.sum(mask)

model = Tagger(tags=4, words=12)
tf.config.run_functions_eagerly(True)
model.compile(optimizer="adam", loss=RealStepsLoss())
losses = model.fit(train, epochs=8, verbose=0).history["loss"]
sample = keras.ops.reshape(ops.convert_to_tensor([3, 4, 5]), [1, -1])
prediction = ops.argmax(model.predict(sample, verbose=0), axis=-1)[0]
found = losses[-1] < losses[0], tuple(prediction.shape), model.count_params() > 0
"""
)

GENERATED = """
import os
import keras
from keras import layers, ops
import numpy as np
import string
import tensorflow
import tensorflow.data as tf_data
import tensorflow.strings as tf_strings

def causal_mask(batch_size, n_dest, n_src, dtype):
    i = ops.arange(n_dest)[:, None]
    j = ops.arange(n_src)
    mask = ops.cast(i >= j - n_src + n_dest, dtype)
    mask = ops.reshape(mask, [1, n_dest, n_src])
    mult = ops.concatenate(
        [ops.expand_dims(batch_size, -1), ops.convert_to_tensor([1, 1])], 0)
    return ops.tile(mask, mult)

class Decoder(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.att = layers.MultiHeadAttention(2, width)
        self.norm = layers.LayerNormalization()

    def call(self, inputs):
        shape = ops.shape(inputs)
        mask = causal_mask(shape[0], shape[1], shape[1], "bool")
        return self.norm(inputs + self.att(inputs, inputs, attention_mask=mask))

class Generator(keras.callbacks.Callback):
    def __init__(self, start, words):
        self.start, self.words, self.texts = start, words, []

    def sample_from(self, logits):
        logits, indices = ops.top_k(logits, k=3, sorted=True)
        preds = ops.softmax(ops.expand_dims(logits, 0))[0]
        preds = np.asarray(preds).astype("float32")
        return np.random.choice(np.asarray(indices).astype("int32"), p=preds)

    def on_epoch_end(self, epoch, logs=None):
        tokens = list(self.start)
        while len(tokens) < 6:
            x = np.array([tokens + [0] * (6 - len(tokens))])
            y, _ = self.model.predict(x, verbose=0)
            tokens.append(self.sample_from(y[0][len(tokens) - 1]))
        self.texts.append(" ".join(self.words[t] for t in tokens))

def standardize(text):
    lowered = tf_strings.lower(text)
    clean = tf_strings.regex_replace(lowered, "<br />", " ")
    return tf_strings.regex_replace(clean, f"([{string.punctuation}])", r" \\\\1")

text_ds = tf_data.TextLineDataset(files).shuffle(buffer_size=16).batch(4)
vectorize = layers.TextVectorization(
    standardize=standardize, max_tokens=29, output_mode="int", output_sequence_length=7)
vectorize.adapt(text_ds)
words = vectorize.get_vocabulary()

def shifted(text):
    tokens = vectorize(tensorflow.expand_dims(text, -1))
    return tokens[:, :-1], tokens[:, 1:]

text_ds = text_ds.map(shifted, num_parallel_calls=tf_data.AUTOTUNE).prefetch(tf_data.AUTOTUNE)
inputs = layers.Input(shape=(6,), dtype="int32")
h = Decoder(8)(layers.Embedding(len(words), 8)(inputs))
model = keras.Model(inputs=inputs, outputs=[layers.Dense(len(words))(h), h])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss=[loss, None])
write = Generator([words.index("the")], words)
model.fit(text_ds, verbose=0, epochs=2, callbacks=[write])
found = [text.startswith("the ") for text in write.texts]
"""

TRANSLATED = """
import random, re, string
import numpy as np
import tensorflow as tf
import tensorflow.data as tf_data
import keras
from keras import layers, ops

random.seed(0)
colours = ["red", "blue", "green"]
pairs = [(f"{c} {n}", f"[start] {n} {c[::-1]} [end]") for c in colours for n in ("cat", "dog")] * 4
strip = string.punctuation.replace("[", "").replace("]", "")

def standardize(text):
    return tf.strings.regex_replace(tf.strings.lower(text), "[%s]" % re.escape(strip), "")

source = layers.TextVectorization(max_tokens=20, output_mode="int", output_sequence_length=4)
target = layers.TextVectorization(
    max_tokens=20, output_mode="int", output_sequence_length=5, standardize=standardize)
source.adapt([p[0] for p in pairs])
target.adapt([p[1] for p in pairs])

def form(eng, spa):
    eng, spa = source(eng), target(spa)
    return {"encoder_inputs": eng, "decoder_inputs": spa[:, :-1]}, spa[:, 1:]

dataset = tf_data.Dataset.from_tensor_slices(tuple(map(list, zip(*pairs)))).batch(8).map(form)
dataset = dataset.cache().shuffle(16).prefetch(4)

class Embedded(layers.Layer):
    def __init__(self, size, width, **kwargs):
        super().__init__(**kwargs)
        self.tokens, self.places = layers.Embedding(size, width), layers.Embedding(8, width)

    def call(self, inputs):
        return self.tokens(inputs) + self.places(ops.arange(0, ops.shape(inputs)[-1], 1))

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else ops.not_equal(inputs, 0)

class Decoder(layers.Layer):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.own = layers.MultiHeadAttention(2, width)
        self.other = layers.MultiHeadAttention(2, width)
        self.norm = layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, encoder_outputs, mask=None):
        n = ops.shape(inputs)[1]
        causal = ops.cast(ops.arange(n)[:, None] >= ops.arange(n), "int32")[None]
        padding = None
        if mask is not None:
            padding = ops.minimum(ops.cast(mask[:, None, :], "int32"), causal)
        h = inputs + self.own(inputs, inputs, attention_mask=causal)
        h = h + self.other(query=h, value=encoder_outputs, key=encoder_outputs,
                           attention_mask=padding)
        return self.norm(h)

encoder_inputs = keras.Input(shape=(None,), dtype="int64", name="encoder_inputs")
encoded = layers.Dense(16)(Embedded(20, 16)(encoder_inputs))
decoder_inputs = keras.Input(shape=(None,), dtype="int64", name="decoder_inputs")
states = keras.Input(shape=(None, 16), name="decoder_state_inputs")
h = Decoder(16)(Embedded(20, 16)(decoder_inputs), states)
decoder = keras.Model([decoder_inputs, states], layers.Dense(20, activation="softmax")(h))
model = keras.Model([encoder_inputs, decoder_inputs], decoder([decoder_inputs, encoded]))
model.compile(
    keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(dataset, epochs=25, verbose=0)
words = target.get_vocabulary()

def decode(sentence):
    tokens, text = source([sentence]), "[start]"
    for i in range(4):
        so_far = target([text])[:, :-1]
        predictions = model([tokens, so_far])
        word = words[ops.convert_to_numpy(ops.argmax(predictions[0, i, :])).item(0)]
        text += " " + word
        if word == "[end]":
            break
    return text

found = decode("red dog"), decode("blue cat")
"""

ADDITION = """
import keras
from keras import layers
import numpy as np

chars = "0123456789+ "
code = {c: i for i, c in enumerate(chars)}
rng = np.random.default_rng(0)
x = np.zeros((64, 3, len(chars)), dtype=bool)
y = np.zeros((64, 2, len(chars)), dtype=bool)
for i in range(64):
    a, b = rng.integers(0, 5, 2)
    for j, c in enumerate(f"{a}+{b}"[::-1]):
        x[i, j, code[c]] = 1
    for j, c in enumerate(str(a + b).ljust(2)):
        y[i, j, code[c]] = 1
model = keras.Sequential()
model.add(layers.Input((3, len(chars))))
model.add(layers.LSTM(16))
model.add(layers.RepeatVector(2))
model.add(layers.LSTM(16, return_sequences=True))
model.add(layers.Dense(len(chars), activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
for epoch in range(2):
    history = model.fit(x, y, batch_size=32, epochs=1, validation_data=(x, y), verbose=0)
preds = np.argmax(model.predict(x[:1], verbose=0), axis=-1)
found = preds.shape == (1, 2) and history.history["val_accuracy"][0] > 0
"""

ANOMALIES = """
import keras
from keras import layers
import numpy as np

values = np.sin(np.arange(120) / 3)
x = np.stack([values[i : i + 8, None] for i in range(100)])
model = keras.Sequential([
    layers.Input(shape=(x.shape[1], x.shape[2])),
    layers.Conv1D(filters=8, kernel_size=3, padding="same", strides=2, activation="relu"),
    layers.Dropout(rate=0.1),
    layers.Conv1DTranspose(filters=8, kernel_size=3, padding="same", strides=2, activation="relu"),
    layers.Conv1DTranspose(filters=1, kernel_size=3, padding="same"),
])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
model.fit(x, x, epochs=8, batch_size=32, validation_split=0.1, verbose=0, callbacks=[
    keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")])
errors = np.mean(np.abs(model.predict(x, verbose=0) - x), axis=1)
strange = np.mean(np.abs(model.predict(3 * x[:5], verbose=0) - 3 * x[:5]), axis=1)
found = bool((strange.max() > errors.max()))
"""

ROADS = """
import keras
from keras import layers, ops
import numpy as np
import tensorflow as tf

series = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")

def as_dataset(array, shuffle=True):
    inputs = keras.utils.timeseries_dataset_from_array(
        np.expand_dims(array[:-2], axis=-1), None, sequence_length=4, shuffle=False, batch_size=8)
    targets = keras.utils.timeseries_dataset_from_array(
        array[5:], None, sequence_length=1, shuffle=False, batch_size=8)
    dataset = tf.data.Dataset.zip((inputs, targets))
    return (dataset.shuffle(100) if shuffle else dataset).prefetch(16).cache()

class Neighbours(layers.Layer):
    def __init__(self, near, width, **kwargs):
        super().__init__(**kwargs)
        self.near, self.width = near, width
        self.activation = layers.Activation("relu")
        self.weight = self.add_weight(
            shape=(1, width), initializer="glorot_uniform", trainable=True)

    def call(self, features):  # (nodes, batch, time, 1)
        gathered = ops.take(features, self.near, axis=0)
        return self.activation(ops.matmul(gathered, self.weight))

class OverTime(layers.Layer):
    def __init__(self, near, width, units, **kwargs):
        super().__init__(**kwargs)
        self.graph_conv = Neighbours(near, width)
        self.lstm = layers.LSTM(units, activation="relu")
        self.dense = layers.Dense(1)

    def call(self, inputs):
        inputs = ops.transpose(inputs, [2, 0, 1, 3])
        out = self.graph_conv(inputs)
        shape = ops.shape(out)
        nodes, batch, time, width = shape[0], shape[1], shape[2], shape[3]
        out = ops.reshape(out, (batch * nodes, time, width))
        out = self.dense(self.lstm(out))
        out = ops.reshape(out, (nodes, batch, 1))
        return ops.transpose(out, [1, 2, 0])

inputs = layers.Input((4, 3, 1))
model = keras.models.Model(inputs, OverTime([1, 2, 0], 4, 6)(inputs))
model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.01),
              loss=keras.losses.MeanSquaredError())
losses = model.fit(as_dataset(series), epochs=3, verbose=0).history["loss"]
x, y = next(as_dataset(series, False).as_numpy_iterator())
found = losses[-1] < losses[0], model.predict(x, verbose=0).shape == y.shape
"""

MASKED = """
import keras
from keras import layers
import numpy as np
import torch

class Masked(keras.Model):
    def train_step(self, inputs):
        features, labels, sample_weight = inputs
        predictions = self(features, training=True)
        loss = loss_fn(labels, predictions)
        loss = (loss * sample_weight).sum() / sample_weight.sum()
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([w.grad for w in weights], weights)
        loss_tracker.update_state(loss)
        return {"loss": loss_tracker.result()}

    @property
    def metrics(self):
        return [loss_tracker]

loss_fn = keras.losses.SparseCategoricalCrossentropy(reduction=None)
loss_tracker = keras.metrics.Mean(name="loss")
ids = np.random.default_rng(0).integers(2, 9, (32, 6))
hidden = np.random.default_rng(1).random((32, 6)) < 0.3
x = np.where(hidden, 1, ids)
inputs = layers.Input((6,), dtype="int64")
word = layers.Embedding(9, 16, name="word_embedding")(inputs)
att = layers.MultiHeadAttention(2, 8, name="attention")(word, word, word)
h = layers.LayerNormalization()(word + att)
model = Masked(inputs, layers.Dense(9, activation="softmax", name="words")(h), name="masked")
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01))
losses = model.fit(x, ids, sample_weight=hidden.astype("float32"), epochs=5, verbose=0)
losses = losses.history["loss"]
model.save(path)
again = keras.models.load_model(path, custom_objects={"Masked": Masked})
same = np.allclose(model.predict(x, verbose=0), again.predict(x, verbose=0))
pretrained = keras.Model(again.input, again.get_layer("attention").output)
found = losses[-1] < losses[0], same, pretrained.predict(x, verbose=0).shape
"""

LABELLED = """
import keras
from keras import layers
import numpy as np
import tensorflow as tf

texts = ["cats and dogs", "a dog sits", "stars and moons", "a moon shines"] * 8
terms = [["animals", "pairs"], ["animals"], ["sky", "pairs"], ["sky"]] * 8
lookup = keras.layers.StringLookup(output_mode="multi_hot")
lookup.adapt(tf.ragged.constant(terms))
vocab = lookup.get_vocabulary()
labels = lookup(tf.ragged.constant(terms)).numpy()

def at_most(text, label):
    words = tf.strings.split(text, sep=" ")
    missing = 4 - tf.shape(words)[0]
    if missing > 0:
        padded = tf.pad([text], [[0, missing]], constant_values=" <pad>")
        text = tf.strings.reduce_join(padded, separator="")
    return tf.expand_dims(text, -1), label

data = tf.data.Dataset.from_tensor_slices((texts, labels)).map(at_most).batch(8)
vectorize = layers.TextVectorization(max_tokens=40, ngrams=2, output_mode="tf_idf")
with tf.device("/CPU:0"):
    vectorize.adapt(data.map(lambda text, label: text))
train = data.map(lambda text, label: (vectorize(text), label)).prefetch(2)
model = keras.Sequential(
    [layers.Dense(16, activation="relu"), layers.Dense(lookup.vocabulary_size(), "sigmoid")])
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02),
              metrics=["binary_accuracy"])
history = model.fit(train, epochs=15, verbose=0)
text_batch, label_batch = next(iter(data))
best = np.argsort(-np.asarray(model.predict(vectorize(text_batch), verbose=0)[0]))[:2]
found = {vocab[i] for i in best}, str(text_batch.numpy()[0, 0])
"""

SAMPLED = """
import keras
from keras import ops, layers
import numpy as np

class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon

class Encoder(layers.Layer):
    def __init__(self, latent, name="encoder", **kwargs):
        super().__init__(name=name, **kwargs)
        self.walk = layers.GRU(8)
        self.mean, self.log_var = layers.Dense(latent), layers.Dense(latent)
        self.sampling = Sampling()

    def call(self, inputs):
        h = self.walk(inputs)
        mean, log_var = self.mean(h), self.log_var(h)
        return mean, log_var, self.sampling((mean, log_var))

class Autoencoder(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = Encoder(3), layers.Dense(4)

    def call(self, inputs):
        mean, log_var, z = self.encoder(inputs)
        kl = -0.5 * ops.mean(log_var - ops.square(mean) - ops.exp(log_var) + 1)
        self.add_loss(kl)
        return self.decoder(z)

x = np.random.default_rng(0).normal(size=(32, 5, 4)).astype("float32")
model = Autoencoder()
model.compile(keras.optimizers.Adam(learning_rate=0.01), loss="mse")
losses = model.fit(x, x.mean(1), epochs=5, batch_size=16, verbose=0).history["loss"]
found = losses[-1] < losses[0]
"""

WATCHED = """
import keras
from keras import layers
import numpy as np

class EarlyStoppingAtMinLoss(keras.callbacks.Callback):
    def __init__(self, patience=0):
        super().__init__()
        self.patience, self.best_weights, self.stopped = patience, None, 0

    def on_train_begin(self, logs=None):
        self.wait, self.best = 0, np.inf

    def on_epoch_end(self, epoch, logs=None):
        current = logs.get("loss")
        if np.less(current, self.best):
            self.best, self.wait, self.best_weights = current, 0, self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped = epoch
            self.model.stop_training = True
            self.model.set_weights(self.best_weights)

class Recall(keras.metrics.Metric):
    def __init__(self, name="true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.found = self.add_weight(shape=(), name="ctp", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = keras.ops.logical_and(keras.ops.greater(y_pred, 0.5), keras.ops.equal(y_true, 1))
        self.found.assign_add(keras.ops.sum(keras.ops.cast(hits, "float32")))

    def result(self):
        return self.found.value

    def reset_state(self):
        self.found.assign(0.0)

seen = []
x = np.random.default_rng(0).normal(size=(32, 4, 2)).astype("float32")
y = (x.sum((1, 2)) > 0).astype("float32")[:, None]
model = keras.Sequential([layers.GRU(4), layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.SGD(learning_rate=50.0), "binary_crossentropy",
              metrics=[Recall()])
schedule = keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.9)
log = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: seen.append(float(model.optimizer.learning_rate)))
stop = EarlyStoppingAtMinLoss(patience=1)
history = model.fit(x, y, epochs=30, verbose=0, callbacks=[stop, schedule, log]).history
best = min(history["loss"]) == stop.best
found = stop.stopped > 0, len(seen) == stop.stopped + 1, round(seen[0], 3), best
"""

STREAMED = """
import keras
from keras import layers
import numpy as np

class Rows(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return int(np.ceil(len(self.x) / self.batch_size))

    def __getitem__(self, idx):
        part = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
        return self.x[part], self.y[part]

x = np.random.default_rng(0).normal(size=(24, 6, 2)).astype("float32")
y = {"score": x.mean((1, 2))[:, None], "label": (x.mean((1, 2)) > 0).astype("int32")}
inputs = keras.Input(shape=(None, 2), name="series")
h = layers.Bidirectional(layers.LSTM(4))(inputs)
model = keras.Model(inputs, {"score": layers.Dense(1, name="score")(h),
                             "label": layers.Dense(2, name="label")(h)})
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-2),
    loss={"score": keras.losses.MeanSquaredError(),
          "label": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
    metrics={"score": [keras.metrics.MeanAbsoluteError()],
             "label": [keras.metrics.SparseCategoricalAccuracy()]},
    loss_weights={"score": 2.0, "label": 1.0})
rows = Rows(x, y["score"], 8)
one = keras.Model(inputs, model.output["score"])
one.compile("sgd", "mse")
streamed = one.fit(rows, epochs=1, verbose=0).history["loss"]
model.fit(x, y, epochs=2, batch_size=8, class_weight=None, verbose=0)
names = sorted(model.evaluate(x, y, verbose=0, return_dict=True))
found = len(streamed), names[0], keras.Model.from_config(model.get_config()).count_params()
same = found[2] == model.count_params()
found = (*found[:2], same)
"""


@pytest.mark.parametrize(
    ("program", "want"),
    [
        pytest.param(CLASSIFIED, True, id="a transformer block over places"),
        pytest.param(TAGGED, (True, (3,), True), id="names told by a transformer over lines"),
        pytest.param(TRANSLATED, ("[start] dog der [end]", "[start] cat eulb [end]"), id="seq2seq"),
        pytest.param(ADDITION, True, id="one-hot letters of True and False"),
        pytest.param(ANOMALIES, True, id="a series' windows rebuilt"),
        pytest.param(ROADS, (True, True), id="a graph of roads over time"),
        pytest.param(LABELLED, ({"animals", "pairs"}, "cats and dogs <pad>"), id="several labels"),
        pytest.param(SAMPLED, True, id="a sampling layer and add_loss"),
        pytest.param(WATCHED, (True, True, 45.0, True), id="callbacks and a metric of one's own"),
        pytest.param(STREAMED, (1, "label_loss", True), id="a PyDataset, several outputs"),
    ],
)
def test_programs(program, want):
    unpad.utils.set_random_seed(0)
    np.random.seed(0)
    assert run(program) == want


def test_text_is_generated_as_training_goes_on(tmp_path):
    (tmp_path / "a.txt").write_text("The cat sat,<br />on the mat.\n" * 8)
    (tmp_path / "b.txt").write_text("The dog ran on the grass!\n" * 8)
    assert run(GENERATED, files=[str(tmp_path / n) for n in ("a.txt", "b.txt")]) == [True, True]


def test_masked_words_are_told_and_the_model_comes_back(tmp_path):
    unpad.utils.set_random_seed(0)
    assert run(MASKED, path=str(tmp_path / "masked.keras")) == (True, True, (32, 6, 16))
