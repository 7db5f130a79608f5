"""Models drawn as graphs: checked when drawn, run, trained with several inputs and outputs."""

import copy
import operator
import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.testing import check_layer, coded

from ..messages import says

L = keras.layers


def ids(lengths, count=9):
    return coded(lengths, (), torch.int64).map(lambda v: v % (count - 1) + 1)


def two_in_two_out():
    """Words and capitals in; a tag a step and a class a sequence out."""
    words = keras.Input((None,), name="words")
    caps = keras.Input((None,), name="caps")
    h = L.Embedding(9, 4, mask_zero=True)(words) + 0.5 * L.Embedding(4, 4, mask_zero=True)(caps)
    h = L.LSTM(5, return_sequences=True)(h)
    tags = L.Dense(3, "softmax", name="tags")(h)
    kind = L.Dense(1, "sigmoid", name="kind")(h[:, -1])
    return keras.Model([words, caps], [tags, kind])


LENGTHS = [3, 1, 4, 2]
WORDS = ids(LENGTHS).to_padded().numpy()
CAPS = (ids(LENGTHS) * 0 + 2).to_padded().numpy()
TAGS = np.where(WORDS > 0, WORDS % 3, 0)
KIND = np.array([0, 1, 1, 0])


# --- the graph -----------------------------------------------------------------------------------


def test_a_graph_is_its_layers():
    x = keras.Input((None, 3))
    lstm, dense = L.LSTM(4, return_sequences=True), L.Dense(2)
    model = keras.Model(x, dense(lstm(x) * 2 + 1))
    batch = coded([3, 0, 2], (3,), torch.float32)
    assert torch.equal(model(batch).values, dense(lstm(batch) * 2 + 1).values)
    assert [layer.name for layer in model.layers] == ["input_0", "lstm", "dense"]
    assert len(list(model.parameters())) == 5


def translator():
    source, target = keras.Input((None, 3), name="source"), keras.Input((None, 4), name="target")
    _, *states = L.LSTM(5, return_state=True)(source)
    h, *_ = L.LSTM(5, return_sequences=True, return_state=True)(target, initial_state=states)
    return keras.Model([source, target], L.Dense(4)(h))


def test_inputs_stand_among_the_layers_as_in_keras():
    """The restored translator of keras.io takes its layers by their places, counting inputs."""
    model = translator()
    names = ["source", "target", "lstm", "lstm_1", "dense"]
    for each in (model, copy.deepcopy(model), keras.Model.from_config(model.get_config())):
        assert [layer.name for layer in each.layers] == names
        assert [isinstance(x, L.InputLayer) for x in each.layers] == [True, True, *[False] * 3]
        assert each.layers[0] is each.layers[0] is each.get_layer("source")
        assert each.get_layer(index=1).output is each.inputs[1]
        assert each.layers[2].name == "lstm" and len(each.layers[2].output) == 3
    source, target = model.layers[:2]
    assert source.get_weights() == [] and source.count_params() == 0 and source.built
    assert target.batch_shape == (None, None, 4) and L.LSTM(2)(target.output).shape == (None, 2)
    *_, state, cell = model.layers[2].output
    encoder = keras.Model(model.layers[0].output, [state, cell])
    assert [tuple(s.shape) for s in encoder(coded([2, 0], (3,), torch.float32))] == [(2, 5)] * 2
    assert [layer.name for layer in encoder.layers] == ["source", "lstm"]
    assert model.layers[0] is source


def test_an_unnamed_input_is_called_as_no_other_is():
    named, unnamed = keras.Input((3,), name="input_1"), keras.Input((3,))
    model = keras.Model([named, unnamed], L.Add()([named, unnamed]))
    assert model.input_names == ["input_1", "input_2"]


def test_an_input_that_waits_stands_beside_the_layer_it_is_read_with():
    first, late = keras.Input((3,), name="first"), keras.Input((2,), name="late")
    h = L.Dense(2, name="b")(L.Dense(4, name="a")(first))
    model = keras.Model([late, first], L.Add(name="sum")([h, late]))
    assert [layer.name for layer in model.layers] == ["first", "a", "b", "late", "sum"]
    chain = keras.Sequential([model.layers[0], L.Dense(1, name="d")])
    assert chain.built and [layer.name for layer in chain.layers] == ["d"]


def test_a_graph_keeps_the_laws():
    def make():
        x = keras.Input((None, 3), ragged=True)
        h = L.Bidirectional(L.LSTM(2, return_sequences=True))(x)
        return keras.Model(x, L.Dense(2)(torch.tanh(h) * h[:, 0] + h))

    check_layer(make)


def test_one_layer_twice_has_one_set_of_weights():
    a, b = keras.Input((None, 3)), keras.Input((None, 3))
    shared = L.LSTM(4)
    model = keras.Model([a, b], shared(a) - shared(b))
    x, y = coded([2, 3], (3,), torch.float32), coded([1, 4], (3,), torch.float32)
    assert torch.equal(model([x, y]), shared(x) - shared(y))
    assert len(list(model.parameters())) == 3
    assert torch.equal(model(x, y), model([x, y]))


def test_a_model_is_a_layer():
    x = keras.Input((None, 3))
    inner = keras.Model(x, L.Dense(4, "relu")(x))
    outer_x = keras.Input((None, 3))
    outer = keras.Model(outer_x, L.LSTM(2)(inner(inner.layers[1](outer_x)[..., :3])))
    batch = coded([3, 1], (3,), torch.float32)
    assert outer(batch).shape == (2, 2)
    sequential = keras.Sequential([keras.Input((None, 3)), inner, L.LSTM(2)])
    assert sequential(batch).shape == (2, 2)


def test_inside_of_a_sequential_is_reached():
    model = keras.Sequential(
        [keras.Input((None,)), L.Embedding(9, 4, mask_zero=True), L.LSTM(3, name="state"),
         L.Dense(1, name="output")]
    )  # fmt: skip
    state = keras.Model(model.input, model.get_layer("state").output)
    assert state(WORDS).shape == (4, 3)
    assert torch.equal(model.get_layer("output")(state(WORDS)), model(WORDS))


@pytest.mark.parametrize("copied", ["deepcopy", "pickle", "state_dict"])
def test_copies(copied):
    model = two_in_two_out()
    want = model([WORDS, CAPS])
    if copied == "deepcopy":
        other = copy.deepcopy(model)
    elif copied == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        other = keras.Model.from_config(model.get_config())
        assert not torch.equal(other([WORDS, CAPS])[1], want[1])
        other.load_state_dict(model.state_dict())
    got = other([WORDS, CAPS])
    assert torch.equal(got[0].values, want[0].values)
    assert torch.equal(got[1], want[1])
    assert [s.name for s in other.inputs] == ["words", "caps"]


BINARY = ["add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge", "eq", "ne"]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("right", ["ragged", "row", "number", "features", "grid"])
def test_operators_on_symbols_are_those_on_batches(name, right):
    function = getattr(operator, name)
    a = keras.Input((None, 3), ragged=True)
    x = coded([2, 0, 3], (3,)).map(lambda v: v.float().abs() + 1)
    others = {
        "ragged": (keras.Input((None, 3), ragged=True), x * 2),
        "row": (keras.Input((3,)), x.mean()),
        "grid": (keras.Input((3, 3)), x.to_padded(fill=7)),
    }
    if right in others:
        symbol, other = others[right]
        graph = keras.Model([a, symbol], function(a, symbol))
        got, want = graph([x, other]), function(x, other)
    else:
        other = 2.0 if right == "number" else torch.tensor([1.0, 2.0, 3.0])
        got, want = keras.Model(a, function(a, other))(x), function(x, other)
    assert torch.equal(got.values, want.values)
    assert got.dtype == want.dtype


def test_indexing_and_functions_of_symbols():
    a = keras.Input((None, 3), ragged=True)
    x = coded([2, 0, 3], (3,), torch.float32)
    for make in (
        lambda v: v[:, -1], lambda v: v[:, 1:], lambda v: v[..., :2], lambda v: v[:, :, 0],
        torch.tanh, lambda v: torch.nn.functional.gelu(-v), abs,
    ):  # fmt: skip
        symbol = make(a)
        got, want = keras.Model(a, symbol)(x), make(x)
        assert torch.equal(*(v.values if isinstance(v, Ragged) else v for v in (got, want)))
        assert symbol.spec.ragged == isinstance(want, Ragged)
        assert symbol.spec.shape == tuple(want.feature if symbol.spec.ragged else want.shape[1:])


def test_what_was_made_from_the_same_input_is_known_to_have_its_lengths():
    words = keras.Input((None,), name="words")
    h = L.Embedding(9, 4, mask_zero=True)(words)
    assert h.spec.lengths.root == "words"
    assert (L.LSTM(3, return_sequences=True)(h) * 2).spec.lengths.root == "words"
    assert h[:, 1:].spec.lengths is None


def test_an_input_that_leads_nowhere_is_taken_as_in_keras_and_told():
    a, b = keras.Input((None, 3), name="a"), keras.Input((1,), dtype="string", name="b")
    lstm = L.LSTM(2)
    text = "Functional: Input 'b' leads to no output: what is given there changes nothing."
    with pytest.warns(UserWarning, match=text) as seen:
        model = keras.Model({"a": a, "b": b}, lstm(a))
    assert seen[0].filename == __file__
    assert [layer.name for layer in model.layers] == ["a", "b", "lstm"]
    x = coded([2, 3], (3,), torch.float32)
    given = {"a": x, "b": np.array(["one", "two"])}
    np.testing.assert_array_equal(model.predict(given, verbose=0), lstm(x).detach())
    model.compile("sgd", "mse")
    model.fit(given, np.zeros((2, 2), "float32"), verbose=0)
    with pytest.warns(UserWarning, match=text):
        again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert model.summary(print_fn=lambda text: None) is None
    np.testing.assert_allclose(again.predict(given, verbose=0), model.predict(given, verbose=0))


def test_what_was_computed_from_weights_is_a_constant_and_told():
    """keras.io's recommendations embed places outside the graph; Keras holds them fast too."""
    x = keras.Input((3, 4))
    places = L.Embedding(3, 4)(torch.arange(3))
    with pytest.warns(UserWarning, match="computed from weights: it stays as it is") as seen:
        model = keras.Model(x, L.Dense(1)(L.Flatten()(x + places)))
    assert seen[0].filename == __file__ and len(model.trainable_weights) == 2
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 3, 4), "float32"), np.ones((8, 1)), batch_size=2, epochs=2, verbose=0)
    want = model.layers[-1](model.layers[-2](torch.ones(1, 3, 4) + places))
    assert torch.equal(model(torch.ones(1, 3, 4)), want)


@pytest.mark.parametrize("shape", [(4, 3), (None, 3)])
def test_a_batch_in_a_list_of_one_is_the_batch(shape):
    """As keras.io's classifier of brain waves asks; a list of sequences stays one."""
    x = keras.Input(shape)
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(x)))
    batch = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    want = model.predict(batch, verbose=0)
    for form in (batch, torch.from_numpy(batch)):
        np.testing.assert_array_equal(np.asarray(model.predict([form], verbose=0)), want)
    np.testing.assert_allclose(model.predict([batch[0]], verbose=0), want[:1], rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit([batch], np.zeros((5, 2)), verbose=0)
    assert model.evaluate([batch], np.zeros((5, 2)), verbose=0) > 0


# --- what is refused when it is drawn -------------------------------------------------------------


def test_refusals():
    a, b = keras.Input((None, 3), name="a"), keras.Input((None, 3), name="b")
    h = L.LSTM(2)(a)
    with says("Functional: an output needs Input 'a', which is not among the inputs. Add it: "
              "Model(inputs=[...], outputs=...)."):  # fmt: skip
        keras.Model(b, h)
    with says("Functional: expected outputs as symbols, which keras.Input(...) and layers called "
              "on it give, got Dense."):  # fmt: skip
        keras.Model(a, L.Dense(2))
    with says("Model: expected inputs and outputs, as Model(inputs=x, outputs=y)", TypeError):
        keras.Model()
    with says("Functional: expected 2 inputs ('a', 'b'), got 1."):
        keras.Model([a, b], h + L.LSTM(2)(b))(coded([1], (3,)))
    with says("linear: got a weight of a torch module, which this model would not train."):
        torch.nn.Linear(2, 2)(h)
    with says("LSTM: expected sequences of feature vectors"):
        L.LSTM(2)(h)
    with says("add: fails on inputs (batch, 2), (batch, 3)"):
        h + L.LSTM(3)(b)
    with says("<Symbol (batch, 2)> has no value yet", TypeError):
        bool(h)


def test_a_function_that_mixes_steps_is_refused_when_it_is_drawn():
    words = keras.Input((None,))
    h = L.Embedding(9, 4, mask_zero=True)(words)
    with says("flip: fails on inputs (batch, steps*, 4): torch function 'flip' got a Ragged"):
        torch.flip(h, [1])


# --- training ------------------------------------------------------------------------------------


def test_two_inputs_and_two_outputs_are_trained():
    model = two_in_two_out()
    model.compile(
        "adam",
        loss={"tags": "sparse_categorical_crossentropy", "kind": "binary_crossentropy"},
        loss_weights={"kind": 0.5},
        metrics={"tags": ["accuracy"], "kind": "accuracy"},
    )
    x, y = {"words": WORDS, "caps": CAPS}, {"tags": TAGS, "kind": KIND}
    history = model.fit(x, y, epochs=3, verbose=0, batch_size=3, validation_data=(x, y))
    names = ["loss", "tags_loss", "kind_loss", "tags_accuracy", "kind_accuracy"]
    assert list(history.history) == names + [f"val_{n}" for n in names]
    logs = model.evaluate([WORDS, CAPS], [TAGS, KIND], verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["tags_loss"] + 0.5 * logs["kind_loss"])
    for size in (1, 2, 4):
        again = model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)
        assert again == pytest.approx(logs)
    tags, kind = model.predict([WORDS, CAPS], verbose=0)
    assert tags.shape == (4, 4, 3)
    assert kind.shape == (4, 1)
    assert np.array_equal(tags[WORDS == 0], np.zeros_like(tags[WORDS == 0]))


def test_every_output_has_its_weights():
    model = two_in_two_out()
    loss = ["sparse_categorical_crossentropy", "binary_crossentropy"]
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    weights = [np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])]
    part = model.evaluate(
        [WORDS, CAPS], [TAGS, KIND], sample_weight=weights, verbose=0, return_dict=True
    )
    tags = model.evaluate([WORDS[:1], CAPS[:1]], [TAGS[:1], KIND[:1]], verbose=0, return_dict=True)
    kind = model.evaluate(
        [WORDS[1:2], CAPS[1:2]], [TAGS[1:2], KIND[1:2]], verbose=0, return_dict=True
    )
    # The mean is over all real steps, 10, and all sequences, 4, as Keras has it.
    assert part["tags_loss"] == pytest.approx(tags["tags_loss"] * 3 / 10)
    assert part["kind_loss"] == pytest.approx(kind["kind_loss"] / 4)
    assert part["tags_accuracy"] == pytest.approx(tags["tags_accuracy"])


def test_outputs_by_name_come_back_by_name():
    x = keras.Input((None, 3))
    h = L.LSTM(2, return_sequences=True)(x)
    model = keras.Model({"x": x}, {"steps": h, "last": h[:, -1]})
    found = model.predict({"x": coded([2, 1], (3,), torch.float32)}, verbose=0)
    assert list(found) == ["steps", "last"]
    assert found["steps"].lengths.tolist() == [2, 1]
    model.compile("sgd", {"last": "mse"})
    model.fit({"x": coded([2, 1], (3,))}, {"last": np.zeros((2, 2))}, verbose=0)


def test_one_output_of_several_can_be_trained_alone():
    model = two_in_two_out()
    model.compile("sgd", {"tags": "sparse_categorical_crossentropy"})
    before = model.get_layer("kind").kernel.clone()
    history = model.fit([WORDS, CAPS], {"tags": TAGS}, verbose=0)
    assert list(history.history) == ["loss", "tags_loss"]
    assert torch.equal(model.get_layer("kind").kernel, before)


def test_the_mistakes_are_named():
    model = two_in_two_out()
    losses = ["sparse_categorical_crossentropy", "binary_crossentropy"]
    with says("compile: loss: unknown output 'tag'; did you mean 'tags'? Known are: kind, tags."):
        model.compile("sgd", {"tag": "mse"})
    with says("compile: loss: the model has 2 outputs ('tags', 'kind'): expected a list of as "
              "many, or a dict by name, got 3 parts."):  # fmt: skip
        model.compile("sgd", ["mse", "mse", "mse"])
    with says("compile: BinaryCrossentropy(from_logits=True), but the model ends in sigmoid"):
        model.compile("sgd", [losses[0], keras.losses.BinaryCrossentropy(from_logits=True)])
    with says("compile: loss_weights: expected a number for each output, got ['accuracy']. Metrics "
              "are given by name: metrics=[...]."):  # fmt: skip
        model.compile("sgd", losses, [["accuracy"], None])
    model.compile("sgd", losses)
    with says("fit: x: the model has 2 inputs ('words', 'caps'): expected a list of as many, or a "
              "dict by name, got ndarray."):  # fmt: skip
        model.fit(WORDS, [TAGS, KIND])
    with says("fit: x: unknown input 'word'; did you mean 'words'? Known are: caps, words."):
        model.fit({"word": WORDS, "caps": CAPS}, [TAGS, KIND])
    with says("fit: x: input 'caps' is missing."):
        model.fit({"words": WORDS}, [TAGS, KIND])
    with says("fit: input 'caps' has 3 sequences, input 'words' has 4. Each sequence needs all "
              "inputs."):  # fmt: skip
        model.fit([WORDS, CAPS[:3]], [TAGS, KIND])
    with says("fit: y of output 'kind' is missing."):
        model.fit([WORDS, CAPS], {"tags": TAGS})
    shorter = CAPS.copy()
    shorter[2, 2:] = 0
    with says("fit: input 'words' and input 'caps' are combined step by step, but sequence 2 has 4 "
              "steps against 2."):  # fmt: skip
        model.fit([WORDS, shorter], [TAGS, KIND])
    with says("fit: class_weight needs a model of one output; use sample_weight."):
        model.fit([WORDS, CAPS], [TAGS, KIND], class_weight={0: 1.0})


def test_an_input_that_is_read_as_a_grid_too():
    """Token and position embeddings: the positions' grid is read at the real steps."""
    words = keras.Input((4,), name="words")
    slots = keras.Input((4,), name="slots")
    h = L.Embedding(9, 3, mask_zero=True)(words) + L.Embedding(4, 3)(slots)
    model = keras.Model([words, slots], L.Dense(3, "softmax")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    grid = np.broadcast_to(np.arange(4), (4, 4)).copy()
    model.fit([WORDS, grid], TAGS, verbose=0)
    table, rows = model.layers[2], model.layers[3]
    assert rows.embeddings.shape == (4, 3)
    want = table(WORDS) + rows(torch.from_numpy(grid))
    got = keras.Model(model.inputs, h)([WORDS, grid])
    assert torch.equal(got.values, (table(WORDS) + rows(torch.from_numpy(grid))).values)
    assert got.layout.agrees(want.layout)


def test_an_input_with_a_door_and_another_reader():
    """The ids go through mask_zero and, as numbers, into another layer: both see what they need."""
    words = keras.Input((4,), name="words")
    h = L.Embedding(9, 3, mask_zero=True)(words)
    counted = L.Dense(2)(words)
    model = keras.Model(words, [L.Dense(3, "softmax", name="tags")(h), counted])
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
    model.fit(WORDS, [TAGS, np.zeros((4, 2))], verbose=0)


# --- classes of one's own ------------------------------------------------------------------------


class Tagger(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.words = L.Embedding(9, 4, mask_zero=True)
        self.walks = [L.LSTM(3, return_sequences=True) for _ in range(depth)]
        self.tags = torch.nn.Linear(3, 3)

    def call(self, inputs):
        h = self.words(inputs)
        for walk in self.walks:
            h = walk(h)
        return h.map(self.tags)


def test_a_class_of_ones_own_is_built_and_trained():
    model = Tagger()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics="acc")
    before = model.fit(WORDS, TAGS, epochs=1, verbose=0).history["loss"][0]
    assert len(list(model.parameters())) == 9
    after = model.fit(WORDS, TAGS, epochs=30, verbose=0).history["loss"][-1]
    assert after < before
    assert model.predict(WORDS, verbose=0).shape == (4, 4, 3)
    with says("fit: y: sequence 0 has 3 steps in x, but 2 in y. Each step needs one."):
        model.fit(ids(LENGTHS), ids([2, 1, 4, 2]))


def test_a_class_with_several_inputs_takes_a_tuple():
    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.walk = L.LSTM(3)

        def forward(self, inputs):
            question, answer = inputs
            return (self.walk(question) * self.walk(answer))[:, :1]

    model = Pair()
    model.compile("sgd", "mse")
    x = coded([2, 3], (3,), torch.float32), coded([4, 1], (3,), torch.float32)
    model.fit(x, np.zeros((2, 1)), verbose=0)
    assert model.predict(x, verbose=0).shape == (2, 1)


class Block(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = L.Dense(units)

    def forward(self, inputs):
        return torch.relu(self.inner(inputs)) + 1


def test_layers_that_a_layer_makes_are_built_with_it():
    x = keras.Input((None, 3), ragged=True)
    model = keras.Model(x, Block(4)(x))
    assert len(list(model.parameters())) == 2
    assert model.output.shape == (None, None, 4)
    check_layer(lambda: Block(2))


class Scale(keras.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=True)

    def call(self, inputs):
        return inputs * self.w


def test_a_layer_in_keras_s_words():
    x = keras.Input((None, 3))
    model = keras.Model(x, Scale()(L.Masking()(x)))
    assert len(list(model.parameters())) == 1
    check_layer(Scale)
