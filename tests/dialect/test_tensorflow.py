"""TensorFlow's functions as scripts of Keras use them."""

import numpy as np
import pytest
import torch

import unpad


@pytest.fixture
def tf():
    with unpad.as_keras():
        import tensorflow

        yield tensorflow


def test_numbers(tf):
    x = tf.constant([[1.0, 4.0], [9.0, 16.0]])
    assert tf.reduce_sum(tf.sqrt(x), axis=1).tolist() == [3.0, 7.0]
    assert tf.concat([x, tf.ones_like(x)], axis=0).shape == (4, 2)
    assert tf.concat(values=[x, x], axis=-1).shape == (2, 4)
    assert tf.cast(tf.argmax(x), tf.int32).tolist() == [1, 1]
    assert tf.transpose(x, perm=[1, 0])[0].tolist() == [1.0, 9.0]
    assert tf.range(1, 7, 2).tolist() == [1, 3, 5]
    assert [p.tolist() for p in tf.split(tf.range(5), [2, 3])] == [[0, 1], [2, 3, 4]]
    assert tf.gather(x, [1]).tolist() == [[9.0, 16.0]]
    assert tf.one_hot([1], 3).tolist() == [[0.0, 1.0, 0.0]]
    assert tf.shape(x) == (2, 2)
    assert tf.math.reduce_max(tf.nn.relu(-x)).item() == 0
    assert tf.where(x > 5.0, x, 0.0).sum().item() == 25.0
    assert tf.function(len)([1]) == tf.function(jit_compile=True)(len)([1]) == 1


def test_ragged_is_taken_where_ops_take_it(tf):
    x = unpad.Ragged.from_list([np.ones((2, 1)), np.ones((1, 1))])
    assert tf.exp(x).lengths.tolist() == [2, 1]
    assert tf.reduce_sum(x, axis=1).tolist() == [[2.0], [1.0]]


def test_strings(tf):
    texts = np.array(["A  b!", "C"])
    clean = tf.strings.regex_replace(tf.strings.lower(texts), "[^a-z ]", "")
    assert tf.strings.split(clean) == [["a", "b"], ["c"]]
    assert tf.strings.join(["a", "b"], separator="-") == "a-b"
    assert (tf.strings.length("ä"), tf.strings.length("ä", unit="UTF8_CHAR")) == (2, 1)
    assert tf.strings.strip([" a "]) == ["a"]


def test_the_usual_loop_of_ones_own(tf):
    model = unpad.Sequential([unpad.Input((2,)), unpad.layers.Dense(1)])
    optimizer, mse = unpad.optimizers.SGD(0.1), unpad.losses.MeanSquaredError()
    x, y, losses = torch.ones(3, 2), torch.zeros(3, 1), []
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = mse(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        losses.append(loss.detach().item())
    assert losses[0] > losses[1] > losses[2]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(seen := torch.tensor(2.0))
        square = seen * seen
    assert [tape.gradient(square, seen).item(), tape.gradient(square, [seen])[0].item()] == [4, 4]


def test_a_script_s_data(tf, tmp_path):
    (tmp_path / "lines.txt").write_text("the cat\nthe dog sat\n")
    lines = tf.data.TextLineDataset(str(tmp_path / "lines.txt"))
    words = unpad.layers.TextVectorization()
    words.adapt(lines)
    ids = lines.map(words).batch(2).prefetch(tf.data.AUTOTUNE)
    assert next(iter(ids)).lengths.tolist() == [2, 3]


@pytest.mark.parametrize("name", ["audio", "reduce_men", "strings.ngrams", "data.TFRecordDataset"])
def test_what_is_not_here_is_refused_by_name(tf, name):
    home, _, last = name.rpartition(".")
    found = getattr(tf, home) if home else tf
    with pytest.raises(AttributeError, match=last):
        getattr(found, last)


def test_the_machine_is_asked_for(tf):
    import keras

    assert tf.__version__ == keras.__version__ == unpad.__version__
    (cpu,) = tf.config.list_physical_devices("CPU")
    assert (cpu.name, cpu.device_type) == ("/physical_device:CPU:0", "CPU")
    assert len(tf.config.list_physical_devices("GPU")) == torch.cuda.device_count()
    tf.config.run_functions_eagerly(True)
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")
    assert tf.executing_eagerly()
    tf.config.experimental.set_memory_growth(cpu, True)
    with pytest.raises(ValueError, match="set_memory_growth: enable=False is not supported"):
        tf.config.experimental.set_memory_growth(cpu, False)


def test_older_words(tf):
    x = tf.constant([1.0, 2.0])
    assert tf.reshape(x, shape=[1, -1]).shape == (1, 2)
    assert tf.keras.layers.experimental.preprocessing.StringLookup is unpad.layers.StringLookup
    loss = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.NONE)
    assert loss(x[:, None], x[:, None] + 2).tolist() == [4.0, 4.0]
    assert tf.keras.losses.Reduction.AUTO == tf.keras.losses.Reduction.SUM_OVER_BATCH_SIZE
