"""What Keras lets a person set on a layer, or override in one, is obeyed or refused."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch

import unpad as keras
from tests.messages import says
from unpad import Ragged
from unpad.testing import check_layer
from unpad.testing.laws import LawBroken

L = keras.layers


def steps(*lengths, features=3):
    values = torch.arange(sum(lengths) * features, dtype=torch.float32).reshape(-1, features)
    return Ragged.from_list(list((values / 10).split(lengths)))


# --- trainable -----------------------------------------------------------------------------------


def test_trainable_is_obeyed_before_and_after_building_and_twice():
    x, y = [np.ones((2, 3), "float32")], np.zeros((1, 2))
    for when in ("before", "after"):
        inner, head = L.LSTM(2), L.Dense(2)
        model = keras.Sequential([inner, head])
        if when == "after":
            model(steps(2))
        inner.trainable = False
        inner.trainable = False
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)
        kept = inner.get_weights()
        moved = head.get_weights()
        model.fit(x, y, verbose=0)
        assert all(map(np.array_equal, inner.get_weights(), kept))
        assert not all(map(np.array_equal, head.get_weights(), moved))
        assert [id(w) for w in model.trainable_weights] == [id(w) for w in head.weights]
        assert [id(w) for w in model.non_trainable_variables] == [id(w) for w in inner.variables]
        lines = []
        model.summary(print_fn=lines.append)
        assert "6 of them trained" in lines[0]
        inner.trainable = True
        assert len(model.trainable_variables) == 5


def test_trainable_of_a_model_is_that_of_all_inside():
    inside = keras.Sequential([L.Dense(2), L.BatchNormalization()])
    model = keras.Sequential([inside, torch.nn.Linear(2, 2), L.Dense(1)])
    model(torch.ones(2, 3))
    model.trainable = False
    assert not inside.layers[1].trainable and not model.trainable_weights
    inside.trainable = True
    assert len(model.trainable_weights) == 4 and not model.layers[-1].trainable
    model.trainable = True
    assert len(model.trainable_weights) == 8


def test_what_is_made_or_added_later_follows():
    model = keras.Sequential([L.Dense(2)], trainable=False)
    model.add(L.Dense(1))
    model(torch.ones(1, 3))
    assert not model.trainable_weights and len(model.weights) == 4
    assert not copy.deepcopy(model).trainable_weights
    again = pickle.loads(pickle.dumps(model))
    again.trainable = True
    assert len(again.trainable_weights) == 4


def test_weights_that_are_never_trained_stay_so():
    class Counted(keras.Layer):
        def build(self, spec):
            self.w = self.add_weight("w", (1,), "ones")
            self.n = self.add_weight("n", (1,), "ones", trainable=False)
            self.ids = self.add_weight("ids", (2,), dtype="int32")

        def call(self, x):
            return x * self.w

    layer = Counted()
    assert layer(torch.ones(2, 3)).dtype == torch.float32
    layer.trainable = False
    layer.trainable = True
    assert [w is layer.w for w in layer.trainable_weights] == [True]
    assert layer.ids.dtype == torch.int32 and layer.ids.tolist() == [0, 0]


def test_trainable_is_a_flag():
    with pytest.raises(ValueError, match="Dense: expected trainable"):
        L.Dense(1).trainable = "False"


# --- training ------------------------------------------------------------------------------------


class Told(keras.Layer):
    """Notes what it is told, and hands it on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.told = []
        self.drop = L.Dropout(0.5)

    def call(self, x, training):
        self.told.append(training)
        return self.drop(x, training=training)


def test_training_is_what_the_caller_passes_else_the_outer_call_else_the_mode():
    layer = Told()
    model = keras.Sequential([keras.Input((None, 3)), layer])
    told = model.layers[0].told
    del told[:]
    model.train()
    model(steps(2))
    model.eval()
    model(steps(2))
    model(steps(2), training=True)
    layer(steps(2), training=True)
    assert told == [True, False, True, True]
    assert not model.training and not layer.training and not layer.drop.training


def test_dropout_of_ones_own_layer_is_on_in_fit_and_off_in_evaluate():
    seen = []

    class Noisy(keras.Layer):
        def call(self, x, training=False):
            seen.append(training)
            return x

    model = keras.Sequential([Noisy(), L.LSTM(1)])
    model.compile("sgd", "mse")
    x, y = [np.ones((2, 3), "float32")] * 2, np.zeros((2, 1))
    model.fit(x, y, verbose=0)
    assert seen[-1] is True
    del seen[:]
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    assert seen == [False, False]


def test_a_layer_keeps_its_own_mode():
    model = keras.Sequential([L.Dense(2), L.BatchNormalization()])
    model(torch.ones(2, 3))
    model.train()
    model.layers[1].eval()
    model(torch.ones(2, 3), training=False)
    assert model.training and not model.layers[1].training


def test_call_of_a_subclass_is_what_runs():
    class Twice(L.Dense):
        def call(self, x):
            return super().call(x) * 2

    layer = Twice(2, activation="softmax")
    x = torch.ones(1, 3)
    assert torch.allclose(layer(x).sum(), torch.tensor(2.0))
    assert layer.tail is None  # the loss may not leave off what is doubled


# --- masks ---------------------------------------------------------------------------------------


class Share(keras.Layer):
    """Each step's share of its sequence, written for grids and masks."""

    supports_masking = True

    def call(self, x, mask=None):
        real = mask[..., None].to(x.dtype)
        return x / (x * real).sum(1, keepdim=True).clamp_min(1e-9)


class Mean(keras.Layer):
    def call(self, x, mask=None):
        real = mask[..., None].to(x.dtype)
        return (x * real).sum(1) / real.sum(1).clamp_min(1)


def test_a_layer_for_grids_gets_the_grid_and_its_mask():
    x = steps(2, 0, 3)
    out = Share()(x)
    assert out.lengths.tolist() == [2, 0, 3]
    assert torch.allclose(out.sum()[0], torch.ones(3))
    assert torch.allclose(Mean()(x), x.mean())
    model = keras.Sequential([keras.Input((None, 3), ragged=True), Share(), Mean()])
    assert model.output.shape == (None, 3)


def test_a_feature_count_like_a_length_is_no_time():
    for lengths in ((3, 1), (4, 2), (2, 3)):
        assert Mean()(steps(*lengths)).shape == (2, 3)


@pytest.mark.parametrize("make", [Share, Mean])
def test_the_laws_hold_for_one_that_heeds_its_mask(make):
    check_layer(make)


class Wrapped(keras.Layer):
    """Hands its mask on to a layer inside, as layers of Keras's do."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = L.LSTM(2, return_sequences=True)

    def call(self, x, mask=None):
        return self.inner(x, mask=mask)


def test_a_mask_that_is_handed_on_says_the_same_steps():
    layer, x = Wrapped(), steps(2, 0, 3)
    assert layer(x).lengths.tolist() == [2, 0, 3]
    torch.testing.assert_close(layer(x).values, layer.inner(x).values)
    check_layer(Wrapped)


def test_one_that_reads_padding_is_told():
    class Careless(keras.Layer):
        def call(self, x, mask=None):
            return x - x.mean(1, keepdim=True)

    with pytest.raises(LawBroken, match="law 1"):
        check_layer(Careless)


def test_compute_mask_says_which_slots_are_steps():
    class Ids(keras.Layer):
        """Opens the door for ids, as Keras's documentation writes it."""

        def build(self, spec):
            self.table = self.add_weight("table", (10, 2))

        def call(self, ids):
            return self.table[ids.long()]

        def compute_mask(self, ids, mask=None):
            return ids != 0

    class First(keras.Layer):
        def call(self, x):
            return x[:, :2]

        def compute_mask(self, x, mask=None):
            return None if mask is None else mask[:, :2]

    ids = torch.tensor([[3, 5, 0], [7, 0, 0]])
    layer = Ids()
    assert layer(ids).lengths.tolist() == [2, 1]
    assert First()(steps(3, 1)).lengths.tolist() == [2, 1]
    model = keras.Sequential([Ids(), L.LSTM(2, return_sequences=True), L.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(ids.numpy(), np.zeros((2, 3, 1)), verbose=0)
    assert np.isfinite(model.predict(ids.numpy(), verbose=0)).all()


def test_a_mask_that_would_lose_the_steps_is_refused():
    class Lost(keras.Layer):
        def call(self, x):
            return x * 2

        def compute_mask(self, x, mask=None):
            return None

    with pytest.raises(ValueError, match=r"Lost: .*compute_mask gives None for a grid of steps"):
        Lost()(steps(2, 1))


def test_a_model_has_no_mask_to_compute():
    with pytest.raises(TypeError, match=r"^Masked: nothing calls compute_mask of a model here"):

        class Masked(keras.Model):
            def compute_mask(self, inputs, mask=None):
                return None


def test_a_mask_beside_a_grid_says_its_steps_to_any_layer():
    grid, mask = torch.ones(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]])
    layer = L.LSTM(2)
    assert torch.equal(layer(grid, mask=mask), layer(Ragged.from_padded(grid, mask=mask)))
    with pytest.raises(ValueError, match=r"^LSTM: got mask=, but a missing step does not exist"):
        layer(steps(2, 1, features=4), mask=mask)
    with pytest.raises(ValueError, match=r"^LSTM: .*expected mask as"):
        layer(grid, mask=mask[:1])
    assert layer(grid, mask=None).shape == (2, 2)


# --- add_loss ------------------------------------------------------------------------------------


class Penalised(keras.Layer):
    def call(self, x):
        self.add_loss(torch.tensor(2.0))
        self.add_loss([0.5])
        return x


def test_add_loss_counts_once_a_forward():
    model = keras.Sequential([keras.Input((None, 3)), Penalised(), L.LSTM(1)])
    model.compile("sgd", "mse")
    x, y = [np.ones((n, 3), "float32") for n in (1, 2, 4)], np.zeros((3, 1))
    plain = float((model.predict(x, verbose=0) ** 2).mean())
    for size in (1, 2, 3):
        assert model.evaluate(x, y, batch_size=size, verbose=0) == pytest.approx(plain + 2.5)
    model(steps(2))
    model(steps(2))
    assert [float(v) for v in model.losses] == [2.0, 0.5]
    alone = Penalised()
    alone(steps(1))
    alone(steps(1))
    assert len(alone.losses) == 2


def test_add_loss_of_a_model_and_of_a_layer_that_is_shared():
    class Both(keras.Model):
        def __init__(self):
            super().__init__()
            self.part = Penalised()
            self.head = L.Dense(1)

        def call(self, x):
            self.add_loss(torch.tensor(1.0))
            return self.head(self.part(self.part(x)))

    model = Both()
    model(steps(2, 1))
    model(steps(2, 1))
    assert sum(float(v) for v in model.losses) == pytest.approx(1 + 2 * 2.5)


def test_add_loss_refuses_what_is_no_number():
    layer = Penalised()
    with says("Penalised: add_loss: expected one number, got (3,). A mean over the sequences: "
              "add_loss(x.mean())."):  # fmt: skip
        layer.add_loss(torch.ones(3))
    with pytest.raises(ValueError, match="got a function"):
        layer.add_loss(lambda: 1)


def test_a_penalty_on_activities_within_each_step_is_one_number_for_any_batch():
    inner = L.Dense(2, activity_regularizer="l2", bias_initializer="ones")
    model = keras.Sequential([keras.Input((None, 4)), L.TimeDistributed(inner), L.LSTM(1)])
    model.compile("sgd", "mse")
    x, y = [np.ones((n, 4), "float32") * n for n in (1, 2, 5)], np.zeros((3, 1))
    values = [model.evaluate(x, y, batch_size=n, verbose=0) for n in (1, 2, 3, None)]
    assert values == pytest.approx([values[0]] * 4)


# --- attributes ----------------------------------------------------------------------------------


def test_an_activation_that_is_set_later_is_obeyed():
    layer = L.Dense(2, activation="softmax")
    x = torch.ones(1, 3)
    layer(x)
    layer.activation = None
    assert torch.allclose(layer(x), x @ layer.kernel + layer.bias)
    layer.activation = "relu"
    assert (layer(x) >= 0).all() and layer.tail == "relu"
    walk = L.LSTM(2)
    walk(x[None])
    walk.activation = None
    assert torch.isfinite(walk(x[None])).all()


def test_a_penalty_that_is_set_later_is_obeyed():
    layer = L.Dense(1, kernel_initializer="ones", use_bias=False)
    layer(torch.ones(1, 3))
    layer.kernel_regularizer = keras.regularizers.L2(0.5)
    assert float(layer.losses[0].detach()) == 1.5
    layer.kernel_regularizer = None
    assert layer.losses == []
    layer.kernel_constraint = "non_neg"
    assert len(layer.constrained()) == 1


def test_what_comes_too_late_is_refused():
    layer = L.Dense(1)
    layer(torch.ones(1, 3))
    for name, value in (("units", 3), ("use_bias", False), ("kernel_initializer", "ones")):
        with pytest.raises(ValueError, match=f"^Dense: {name} is what its weights were made with"):
            setattr(layer, name, value)


def test_a_weight_takes_over_no_attribute():
    class Own(keras.Layer):
        def __init__(self):
            super().__init__()
            self.rate = 3

        def build(self, spec):
            self.r = self.add_weight(name="rate", shape=(1,))
            self.c = self.add_weight(name="call", shape=(1,))

        def call(self, x):
            return x * self.rate

    layer = Own()
    assert layer(torch.ones(1, 2)).tolist() == [[3.0, 3.0]]
    assert len(layer.weights) == 2 and layer.rate == 3


def test_a_name_of_unpads_is_not_taken_silently():
    class Own(keras.Layer):
        def __init__(self):
            super().__init__()
            self.tail = L.Dense(2)

    with pytest.raises(ValueError, match=r"^Own: 'tail' is what unpad's Layer calls something"):
        Own()


# --- graphs --------------------------------------------------------------------------------------


class Encoder(keras.Model):
    def __init__(self, units=2):
        x = keras.Input((None, 3), name="x")
        super().__init__(inputs=x, outputs=L.Dense(units, activation="softmax")(x))
        self.units = units

    def length(self):
        return self.units


def test_a_class_of_ones_own_can_be_a_graph():
    model = Encoder(2)
    assert isinstance(model, Encoder) and model.length() == 2
    assert [layer.name for layer in model.layers] == ["x", "dense"]
    x = steps(2, 1)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x).values, model(x).values)
        assert isinstance(other, Encoder)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, Ragged.from_list([[0, 1], [1]]), verbose=0)
    assert model.get_config()["units"] == 2


def test_a_graph_with_a_call_of_its_own_is_refused():
    class Torn(keras.Model):
        def __init__(self):
            x = keras.Input((3,))
            super().__init__(x, L.Dense(1)(x))

        def call(self, x):
            return x

    with pytest.raises(ValueError, match=r"^Torn: has a call of its own, and inputs and outputs"):
        Torn()


def test_outputs_by_name_stay_so():
    x = keras.Input((3,), name="x")
    inner = keras.Model({"x": x}, {"a": L.Dense(1)(x), "b": L.Dense(2)(x)})
    assert list(inner.output) == ["a", "b"] and list(inner.input) == ["x"]
    given = inner({"x": x})
    assert list(given) == ["a", "b"] and given["b"].shape == (None, 2)
    outer = keras.Model(x, L.Concatenate()([given["a"], given["b"]]))
    assert outer(torch.ones(2, 3)).shape == (2, 3)
    assert list(inner(torch.ones(2, 3))) == ["a", "b"]


def test_build_takes_a_shape():
    dense = L.Dense(2)
    dense.build((None, 4))
    assert dense.built and dense.kernel.shape == (4, 2)
    both = L.Concatenate()
    both.build([(None, 4), (None, 3)])
    model = keras.Sequential([L.Dense(2), L.Dense(1)])
    model.build(input_shape=(None, 4))
    assert len(model.weights) == 4


def test_a_model_without_an_input_has_no_shape():
    model = keras.Sequential()
    assert not hasattr(model, "input_shape") and not hasattr(model, "output")
    with pytest.raises(AttributeError, match="there is no one input: the layer stands in a graph"):
        L.Dense(2).input_shape  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        L.Dense(2).nope  # noqa: B018


def test_a_model_stands_not_in_itself():
    model = keras.Sequential([L.Dense(1)])
    with says("Sequential: a model cannot stand in itself."):
        model.add(model)
    outer = keras.Sequential([model])
    with says("Sequential: a model cannot stand in itself."):
        model.add(outer)


def test_states_are_forgotten_under_the_older_name():
    model = keras.Sequential([L.LSTM(2, stateful=True)])
    model(steps(2))
    model.reset_states()
    assert model.layers[0].states is None


# --- passes --------------------------------------------------------------------------------------


def test_a_class_of_ones_own_runs_one_forward_a_batch():
    ran = []

    class Tagger(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = L.Embedding(9, 4, mask_zero=True)
            self.tags = L.Dense(2)

        def call(self, ids):
            ran.append(len(ids))
            return self.tags(self.words(ids) * 2)

    model = Tagger()
    model.compile("sgd", "mse")
    grid = np.array([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    model.train_on_batch(grid, np.zeros((3, 3, 2)))
    for width in (3, 5, 7):
        del ran[:]
        wide = np.pad(grid, ((0, 0), (0, width - 3)))
        model.train_on_batch(wide, np.zeros((3, width, 2)))
        model.predict(wide, batch_size=3, verbose=0)
        model.evaluate(wide, np.zeros((3, width, 2)), batch_size=3, verbose=0)
        assert ran == [3, 3, 3]


def test_a_layer_inside_another_need_not_take_batches():
    class Weigh(keras.Layer):
        """Takes a matrix whose first axis is features."""

        def build(self, spec):
            self.w = self.add_weight("w", (spec[-1],), "ones")

        def call(self, matrix):
            return (matrix * self.w).sum()

    class Outer(keras.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Weigh()

        def build(self, spec):
            self.matrix = self.add_weight("matrix", (3, 5), "ones")

        def call(self, x):
            return x * self.inner(self.matrix)

    assert Outer()(torch.ones(2, 3)).tolist() == [[15.0] * 3] * 2
    assert Outer()(steps(2, 1)).lengths.tolist() == [2, 1]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_hooks_of_layers_inside_run(kind):
    layer = L.RNN(L.LSTMCell(2)) if kind == "RNN" else getattr(L, kind)(2)
    both = L.Bidirectional(layer)
    x = steps(2, 1)
    want = both(x)
    ran = []
    both.backward_layer.register_forward_hook(lambda module, args, out: ran.append(out.shape))
    assert torch.allclose(both(x), want)
    assert ran == [(2, 2)]


def test_hooks_of_a_cell_run_at_each_step():
    layer = L.RNN(L.LSTMCell(2))
    x = steps(2, 1)
    want = layer(x)
    ran = []
    layer.cell.register_forward_hook(lambda module, args, out: ran.append(len(args[0])))
    assert torch.allclose(layer(x), want, atol=1e-6)
    assert ran == [2, 1]


@pytest.mark.parametrize("built", [True, False])
def test_an_activation_is_taken_off_and_put_on(built):
    layer = L.Dense(2, activation="relu", kernel_initializer="ones")
    if built:
        layer(torch.ones(1, 3))
    layer.activation = None
    assert layer(-torch.ones(1, 3)).tolist() == [[-3, -3]]
    layer.activation = "relu"
    assert layer(-torch.ones(1, 3)).tolist() == [[0, 0]]


def test_a_shape_of_ones_own_may_be_asked_of_the_layer():
    class Twice(L.Layer):
        def call(self, inputs):
            return inputs * 2

        def compute_output_shape(self, input_shape):
            return super().compute_output_shape(input_shape)

    layer = Twice()
    assert tuple(layer.compute_output_shape((None, 3))) == (None, 3)
    assert layer(torch.ones(2, 3)).sum() == 12


def test_shapes_of_a_model_of_named_outputs_are_named():
    steps = keras.Input((None, 2))
    model = keras.Model(steps, {"a": L.LSTM(2)(steps), "b": L.LSTM(3)(steps)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert {n: tuple(s) for n, s in model.output_shape.items()} == {
            "a": (None, 2),
            "b": (None, 3),
        }
        assert model.output_mask == {"a": None, "b": None}


def test_what_is_no_module_is_no_layer():
    with pytest.raises(ValueError, match=r"^TorchModule: expected a torch module, got 3"):
        L.TorchModule(3)


def test_options_that_are_handed_on_have_no_name_of_their_own():
    class Scaled(L.Layer):
        def __init__(self, factor, *more, **options):
            super().__init__(*more, **options)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

    config = Scaled(2.0, name="scaled").get_config()
    assert config == {"name": "scaled", "trainable": True, "dtype": None, "factor": 2.0}
    assert Scaled.from_config(config).get_config() == config


def masked_by_array():
    class Told(L.Layer):
        def call(self, inputs, mask=None):
            return inputs

        def compute_mask(self, inputs, mask=None):
            return np.array([[1, 0], [1, 1]], "uint8")[::-1]

    return Told()(torch.ones(2, 2, 3)).lengths.tolist()


def assigned(value):
    state = keras.Variable(torch.zeros(2))
    return state.assign(value).tolist(), state.assign_add(value).tolist()


def test_what_a_layer_is_told_in_arrays_comes_in_by_the_one_door():
    backwards = np.array([1.0, 2.0])[::-1]
    assert assigned(backwards) == ([2, 1], [4, 2])
    assert L.Rescaling(backwards)(torch.ones(1, 2)).tolist() == [[2, 1]]
    ids = np.array([[1, 2]])
    assert torch.equal(L.Hashing(5)(ids[:, ::-1]), L.Hashing(5)(ids).flip(1))
    assert masked_by_array() == [2, 1]


@pytest.mark.parametrize("odd", [np.ones(2, "complex64"), "a", None, torch.ones(2).to_sparse()])
def test_what_a_layer_is_told_that_is_no_numbers(odd):
    with pytest.raises(ValueError, match=r"^variable\.assign: (got|expected) "):
        assigned(odd)
    with pytest.raises(ValueError, match=r"^Rescaling: scale: (got|expected) "):
        L.Rescaling(odd)(torch.ones(1, 2))


class Stack(keras.Model):
    """Its layers go into a list and a dict that are attributes already."""

    def __init__(self):
        super().__init__()
        self.blocks, self.named = [], {}
        for _ in range(2):
            self.blocks.append(keras.layers.Dense(2))
        self.named["end"] = keras.layers.Dense(1)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.named["end"](x)


def test_layers_put_into_a_list_later_are_the_layer_s():
    model = Stack()
    model.compile("sgd", "mse")
    model.fit(torch.ones(4, 3), torch.ones(4, 1), verbose=0)
    assert len(model.layers) == 3 and len(model.weights) == 6
    assert "blocks.1.kernel" in model.state_dict()
    twin = copy.deepcopy(model)
    twin.blocks[0].set_weights([w * 0 for w in twin.blocks[0].get_weights()])
    assert not torch.equal(twin(torch.ones(1, 3)), model(torch.ones(1, 3)))
    assert twin.blocks[0] is twin.layers[0] and twin.blocks[0] is not model.blocks[0]
    assert pickle.loads(pickle.dumps(model)).named["end"].built
    del model.blocks[1]
    assert len(model.layers) == 2


def test_a_list_of_other_things_stays_one():
    layer = keras.layers.Dense(1)
    layer.seen = []
    layer.seen.append("word")
    layer.seen += [keras.layers.Dense(2)]
    assert layer.seen[0] == "word" and not list(layer.children())
    layer.frozen, layer.trainable = [], False
    layer.frozen.append(keras.layers.Dense(1))
    assert not layer.frozen[0].trainable


@pytest.mark.parametrize("name", ["call", "forward"])
def test_what_is_set_on_a_layer_runs_in_its_place(name):
    layer = L.Dense(2, "softmax")
    setattr(layer, name, lambda inputs: inputs.map(lambda v: v[:, :2] * 0 + 0.5))
    model = keras.Sequential([keras.Input((None, 3)), layer])
    model.compile("sgd", "categorical_crossentropy")
    x = steps(2, 1)
    assert layer(x).values.tolist() == [[0.5, 0.5]] * 3
    found = model.evaluate(x, x.map(lambda v: v[:, :2] * 0 + torch.tensor([1.0, 0.0])), verbose=0)
    assert found == pytest.approx(np.log(2))
