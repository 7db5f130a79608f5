"""What TensorBoard reads: numbers, how weights are spread, the graph."""

import copy
import json
import sys

import numpy as np
import pytest

import unpad as keras
from unpad.callbacks import BackupAndRestore, LambdaCallback, TensorBoard

from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences()
accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder, run="train"):
    found = accumulator.EventAccumulator(str(folder / run))
    found.Reload()
    return found


def numbers(folder, tag, run="train"):
    return {event.step: event.value for event in read(folder, run).Scalars(tag)}


def fit(model, *callbacks, **options):
    options = {"epochs": 3, "batch_size": 6, "validation_data": (X, Y), "verbose": 0, **options}
    return model.fit(X, Y, callbacks=list(callbacks), **options)


def test_numbers_are_those_of_the_history(tmp_path):
    history = fit(tagger(), TensorBoard(tmp_path)).history
    for name in ("loss", "accuracy"):
        for run, key in (("train", name), ("validation", f"val_{name}")):
            found = numbers(tmp_path, f"epoch_{name}", run)
            assert list(found) == [0, 1, 2]
            assert list(found.values()) == pytest.approx(history[key])
    rates = numbers(tmp_path, "epoch_learning_rate")
    assert list(rates.values()) == pytest.approx([1e-3] * 3)
    tags = read(tmp_path).Tags()
    assert tags["histograms"] == tags["images"] == []
    assert not [tag for tag in tags["scalars"] if tag.startswith("batch")]


@pytest.mark.parametrize(("update_freq", "steps"), [("batch", 8), (3, 2)])
def test_numbers_of_batches(tmp_path, update_freq, steps):
    seen = {}
    note = LambdaCallback(on_train_batch_end=lambda i, logs: seen.update({len(seen): logs["loss"]}))
    fit(tagger(), note, TensorBoard(tmp_path, update_freq=update_freq), epochs=2)
    found = numbers(tmp_path, "batch_loss")
    assert len(found) == steps
    for step, loss in found.items():
        assert loss == pytest.approx(seen[step - 1])


def test_steps_a_second(tmp_path):
    fit(tagger(), TensorBoard(tmp_path, write_steps_per_second=True))
    assert all(rate > 0 for rate in numbers(tmp_path, "epoch_steps_per_second").values())


def test_weights_are_written_every_so_many_epochs(tmp_path):
    model = tagger()
    pytest.importorskip("PIL")
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_images=True))
    found = read(tmp_path)
    names = [name for name, _ in model.named_parameters()]
    assert found.Tags()["histograms"] == [f"{name}/histogram" for name in names]
    assert found.Tags()["images"] == [f"{name}/image" for name in names]
    last = found.Histograms(f"{names[0]}/histogram")[-1]
    assert last.step == 2
    weight = next(model.parameters()).detach().numpy()
    assert last.histogram_value.num == weight.size
    assert last.histogram_value.sum == pytest.approx(float(weight.sum()), abs=1e-4)


def test_the_graph_is_one_that_tensorboard_draws(tmp_path):
    from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

    layers = keras.layers
    inputs = keras.Input((None, 3), name="steps")
    shared = layers.LSTM(4, return_sequences=True, name="walk")(inputs)
    both = layers.Concatenate(name="both")([shared, layers.Dense(2, name="beside")(inputs)])
    drawn = keras.Model(inputs, layers.Dense(1, name="out")(both))
    stacked = keras.Sequential([layers.Dense(2), layers.Dense(1)])
    nodes = {}
    for name, model in (("drawn", drawn), ("stacked", stacked)):
        model.compile("sgd", "mse")
        steps = [np.ones((n, 3)) for n in (2, 3)]
        model.fit(
            steps, [s[:, :1] for s in steps], callbacks=TensorBoard(tmp_path / name), verbose=0
        )
        (event,) = read(tmp_path / name).Tensors("keras")
        graph = keras_model_to_graph_def(json.loads(event.tensor_proto.string_val[0]))
        nodes[name] = {node.name.partition("/")[2]: list(node.input) for node in graph.node}
    reads = {name: [i.partition("/")[2] for i in found] for name, found in nodes["drawn"].items()}
    assert reads == {
        "steps": [], "walk": ["steps"], "beside": ["steps"], "both": ["walk", "beside"],
        "out": ["both"],
    }  # fmt: skip
    assert nodes["stacked"] == {"0 Dense": [], "1 Dense": ["Sequential/0 Dense"]}
    text = read(tmp_path / "drawn").Tensors("model/text_summary")[0].tensor_proto.string_val[0]
    assert b"walk" in text


def test_a_model_of_ones_own_is_shown_in_words(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.function = lambda x: x

        def call(self, x):
            return self.function(self.dense(x))

    model = Own()
    model.compile("sgd", "mse")
    model.fit([np.ones((2, 3))], [np.ones((2, 1))], callbacks=TensorBoard(tmp_path), verbose=0)
    assert read(tmp_path).Tags()["tensors"] == ["model/text_summary"]


def test_evaluate_writes_too_and_one_callback_serves_twice(tmp_path):
    model, watch = tagger(), TensorBoard(tmp_path)
    fit(model, watch)
    loss = model.evaluate(X, Y, callbacks=watch, verbose=0)[0]
    (found,) = numbers(tmp_path, "evaluation_loss_vs_iterations", "validation").values()
    assert found == pytest.approx(loss)
    copy.deepcopy(watch)
    fit(model, watch, epochs=4, initial_epoch=3)
    assert list(numbers(tmp_path, "epoch_loss")) == [0, 1, 2, 3]


def test_a_run_that_was_killed_goes_on(tmp_path):
    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    watch = {"update_freq": 2}
    fit(tagger(), TensorBoard(tmp_path / "whole", **watch))
    backup = BackupAndRestore(tmp_path / "state")
    halt = LambdaCallback(on_epoch_begin=stop)
    with pytest.raises(KeyboardInterrupt):
        fit(tagger(), TensorBoard(tmp_path / "cut", **watch), halt, backup)
    fit(tagger(), TensorBoard(tmp_path / "cut", **watch), LambdaCallback(), backup)
    for tag in ("epoch_loss", "batch_loss"):
        assert numbers(tmp_path / "cut", tag) == numbers(tmp_path / "whole", tag)


def test_what_is_wrong_is_said(monkeypatch, tmp_path):
    with says(
        "TensorBoard: expected update_freq as 'epoch', 'batch' or a positive number of batches"
    ):
        TensorBoard(update_freq=0)
    with says(
        "TensorBoard: profile_batch is not supported. Put fit into a block: with torch.profiler"
    ):
        TensorBoard(profile_batch=(2, 4))
    with says(
        "TensorBoard: embeddings_freq and embeddings_metadata are not supported. torch.utils"
    ):
        TensorBoard(embeddings_freq=1)
    TensorBoard("logs", 0, True, False, False, "epoch", 0, 0, None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with says(
        "TensorBoard needs tensorboard: pip install unpad[tensorboard]. As a table: CSV",
        ImportError,
    ):
        fit(tagger(), TensorBoard(tmp_path))
