"""Arguments, their order and their defaults are Keras's; what is missing is in a table here.

Where a test here fails because Keras or unpad has a new argument: support it, or write it down.
"""

import inspect

import keras
import pytest
import torch
from keras.src import activations as keras_activations
from keras.src import initializers as keras_initializers

import unpad

ROOMS = (
    "layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers",
    "regularizers", "constraints", "callbacks",
)  # fmt: skip

# Keras's own base classes, whose arguments nobody gives.
BASES = {"layers.Layer", "metrics.Metric", "initializers.Initializer"}

#: Arguments that only Keras has, by the room and by the class: giving one here is a TypeError.
LACKING_IN_ROOM = {"layers": {"autocast"}}
_LORA = {"lora_rank", "lora_alpha", "quantization_config"}
LACKING = {
    "layers.AveragePooling1D": {"pool_dimensions", "pool_mode"},
    "layers.AvgPool1D": {"pool_dimensions", "pool_mode"},
    "layers.Conv1D": {"lora_rank", "lora_alpha", "rank"},
    "layers.Conv1DTranspose": {"rank"},
    "layers.Convolution1D": {"lora_rank", "lora_alpha", "rank"},
    "layers.Convolution1DTranspose": {"rank"},
    "layers.Dense": _LORA,
    "layers.Discretization": set(),
    "layers.DepthwiseConv1D": {"rank"},
    "layers.EinsumDense": _LORA | {"gptq_unpacked_column_size"},
    "layers.Embedding": _LORA,
    "layers.GlobalAveragePooling1D": {"pool_dimensions"},
    "layers.GlobalAvgPool1D": {"pool_dimensions"},
    "layers.GlobalMaxPool1D": {"pool_dimensions"},
    "layers.GlobalMaxPooling1D": {"pool_dimensions"},
    "layers.GRU": {"cell"},
    "layers.InputLayer": {
        "activity_regularizer", "trainable",
    },
    "layers.LSTM": {"cell"},
    "layers.MaxPool1D": {"pool_dimensions", "pool_mode"},
    "layers.MaxPooling1D": {"pool_dimensions", "pool_mode"},
    "layers.Pipeline": set(),
    "layers.ReversibleEmbedding": _LORA,
    "layers.SeparableConv1D": {"rank"},
    "layers.SeparableConvolution1D": {"rank"},
    "layers.SimpleRNN": {"cell"},
    "layers.SpatialDropout1D": set(),
    "layers.TorchModuleWrapper": {"output_shape"},
    "metrics.CategoricalCrossentropy": {"axis"},
    "metrics.SparseCategoricalCrossentropy": {"axis"},
    "callbacks.ReduceLROnPlateau": {"baseline"},
    "Input": {"tensor"},
    "Sequential.compile": set(),
    "Sequential.fit": set(),
    "Sequential.evaluate": set(),
    "Sequential.predict": set(),
    "Sequential.train_on_batch": set(),
    "Sequential.test_on_batch": set(),
    "Sequential.predict_on_batch": set(),
}  # fmt: skip

#: Arguments that only unpad has.
ADDED_IN_ROOM = {"optimizers": {"lr", "decay"}}
#: Their rate is that of the optimizers within.
OF_OPTIMIZERS = {"optimizers.MultiOptimizer", "optimizers.OptimizerMap"}
_IGNORES = {"ignore_class"}
_LOGITS = {"from_logits"}
ADDED = {
    "layers.Discretization": {"activity_regularizer", "trainable"},
    "layers.Flatten": {"length"},
    "layers.GRU": {"implementation"},
    "layers.LSTM": {"implementation"},
    "layers.LayerNormalization": {"rms_scaling"},
    "layers.Pipeline": {"activity_regularizer", "dtype", "trainable"},
    "layers.RepeatVector": {"like"},
    "layers.SpatialDropout1D": {"activity_regularizer", "noise_shape", "trainable"},
    "metrics.Accuracy": _IGNORES,
    "metrics.CategoricalAccuracy": _IGNORES,
    "metrics.F1Score": _IGNORES,
    "metrics.FBetaScore": _IGNORES,
    "metrics.FalseNegatives": _LOGITS,
    "metrics.FalsePositives": _LOGITS,
    "metrics.MeanMetricWrapper": _IGNORES,
    "metrics.Precision": _LOGITS,
    "metrics.Recall": _LOGITS,
    "metrics.SparseCategoricalAccuracy": _IGNORES,
    "metrics.SparseTopKCategoricalAccuracy": _IGNORES,
    "metrics.TopKCategoricalAccuracy": _IGNORES,
    "metrics.TrueNegatives": _LOGITS,
    "metrics.TruePositives": _LOGITS,
    "Sequential.fit": {
        "backup",
        "batch_steps",
        "bucket_by_length",
        "columns",
        "initial_state",
        "sampler",
    },
    "Sequential.evaluate": {"columns"},
    "Sequential.predict": {"fill", "columns"},
}

#: Options of its kind that the layer has not: giving one is a TypeError too.
HAS_NOT = {
    "layers.SimpleRNN": {"recurrent_activation"},
    "layers.SimpleRNNCell": {"recurrent_activation"},
}

#: Arguments whose default is another here: without tensor= and data sets Keras's optional ones are
#: needed, a sequence can take the place of a number of steps, and texts are Ragged by themselves.
OTHER_DEFAULT = {
    "Sequential.fit": {"x"},
    "Sequential.evaluate": {"x"},
    "layers.RepeatVector": {"n"},
    "layers.StringLookup": {"vocabulary_dtype"},
    "layers.TextVectorization": {"ragged"},
}

#: Arguments that both have and unpad refuses, with a value that Keras takes.
REFUSED = {
    "layers.AdditiveAttention": {"score_mode": "concat"},
    "layers.CategoryEncoding": {"sparse": True},
    "layers.GroupQueryAttention": {"flash_attention": True},
    "layers.Lambda": {"mask": abs},
    "layers.MultiHeadAttention": {"flash_attention": True, "attention_axes": (1, 2)},
}  # fmt: skip

#: What a constructor cannot do without.
NEEDED = {
    "layers.Activation": ["tanh"], "layers.AlphaDropout": [0.5], "layers.AveragePooling1D": [2],
    "layers.AvgPool1D": [2], "layers.Bidirectional": [unpad.layers.LSTM(3)],
    "layers.CategoryEncoding": [4], "layers.Conv1D": [3, 2], "layers.Conv1DTranspose": [3, 2],
    "layers.Convolution1D": [3, 2], "layers.Convolution1DTranspose": [3, 2],
    "layers.Dense": [3], "layers.DepthwiseConv1D": [2], "layers.Dot": [1],
    "layers.Dropout": [0.5], "layers.EinsumDense": ["abc,cd->abd", (None, 3)],
    "layers.Embedding": [9, 4], "layers.GRU": [3], "layers.GRUCell": [3],
    "layers.GaussianDropout": [0.5], "layers.GaussianNoise": [0.5],
    "layers.GroupQueryAttention": [3, 4, 2], "layers.LSTM": [3], "layers.LSTMCell": [3],
    "layers.Lambda": [abs], "layers.MultiHeadAttention": [2, 3], "layers.Permute": [(1,)],
    "layers.RNN": [unpad.layers.LSTMCell(3)], "layers.RepeatVector": [3],
    "layers.Reshape": [(2,)], "layers.SeparableConv1D": [3, 2],
    "layers.SeparableConvolution1D": [3, 2], "layers.SimpleRNN": [3],
    "layers.SimpleRNNCell": [3], "layers.SpatialDropout1D": [0.5],
    "layers.StackedRNNCells": [[unpad.layers.LSTMCell(3)]],
    "layers.TimeDistributed": [unpad.layers.Dense(3)],
    "layers.AdaptiveAveragePooling1D": [2], "layers.AdaptiveMaxPooling1D": [2],
    "layers.Discretization": [[0.5]], "layers.HashedCrossing": [3], "layers.Hashing": [3],
    "layers.Pipeline": [[]], "layers.Rescaling": [2.0], "layers.ReversibleEmbedding": [9, 4],
    "layers.SpectralNormalization": [unpad.layers.Dense(3)],
    "layers.TorchModuleWrapper": [torch.nn.Linear(2, 3)],
    "layers.Wrapper": [unpad.layers.Dense(3)],
}  # fmt: skip

#: Names that only Keras knows: its function of this name needs two numbers.
ACTIVATIONS_LACKING = {"threshold"}
INITIALIZERS_LACKING = {"stft", "initializer"}
# Known to Keras by the class's name too, as kernel_initializer="GlorotUniform".
INITIALIZER_CLASSES_LACKING = {"Initializer", "STFT", "STFTInitializer"}


def find(module, path):
    """The class or function at this dotted path."""
    for name in path.split("."):
        module = getattr(module, name)
    return module


def shared(room):
    """Each public class of a room that Keras has too."""
    ours, theirs = find(unpad, room), find(keras, room)
    names = (n for n, v in vars(ours).items() if inspect.isclass(v) and n[0] != "_")
    return {f"{room}.{n}" for n in names if inspect.isclass(getattr(theirs, n, None))} - BASES


PATHS = sorted(
    {path for room in ROOMS for path in shared(room)} | {p for p in LACKING if p[0].isupper()}
)


def lacking(path):
    own = LACKING.get(path, set())
    room = path.rpartition(".")[0]
    untyped = ("layers.SpatialDropout1D", "layers.Discretization", "layers.Pipeline")
    return own if path in untyped else own | LACKING_IN_ROOM.get(room, set())


def added(path):
    own = ADDED.get(path, set())
    if path in OF_OPTIMIZERS:
        return own
    return own | ADDED_IN_ROOM.get(path.rpartition(".")[0], set())


everything = pytest.mark.parametrize("path", PATHS)


def arguments(function):
    """Names and defaults in order; what **kwargs hands to the base classes follows."""
    found = {}
    constructors = [function]
    if inspect.isclass(function):
        constructors = [c.__init__ for c in function.__mro__ if "__init__" in vars(c)]
    for place, constructor in enumerate(constructors):
        parameters = inspect.signature(constructor).parameters
        for name, parameter in parameters.items():
            no_names = [parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL]
            if place:  # a subclass makes it of its own arguments
                no_names.append(parameter.POSITIONAL_ONLY)
            if name != "self" and parameter.kind not in no_names:
                found.setdefault(name, parameter.default)
        if all(p.kind != p.VAR_KEYWORD for p in parameters.values()):
            break
    return found


def own_arguments(function):
    """Names that can be given by place, in order."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD and p.name != "self"]


@everything
def test_defaults(path):
    """Every argument that both have has the same default."""
    ours, theirs = arguments(find(unpad, path)), arguments(find(keras, path))
    both = [n for n in theirs if n in ours and n not in OTHER_DEFAULT.get(path, ())]
    assert {n: ours[n] for n in both} == {n: theirs[n] for n in both}
    for name in OTHER_DEFAULT.get(path, ()):
        assert ours[name] != theirs[name]


@everything
def test_arguments(path):
    """What only Keras has, and what only unpad has, is in the tables above and nothing else."""
    ours, theirs = arguments(find(unpad, path)), arguments(find(keras, path))
    assert set(theirs) - set(ours) == lacking(path)
    assert set(ours) - set(theirs) == added(path)


@everything
def test_order(path):
    """Given by place, arguments mean the same; those that unpad adds come last."""
    ours, theirs = own_arguments(find(unpad, path)), own_arguments(find(keras, path))
    kept = [name for name in theirs if name in ours]
    assert ours == kept + [name for name in ours if name not in kept]


def test_the_tables_name_what_is_there():
    """A table's row whose class is gone, or never was, is a mistake."""
    for table in (LACKING, ADDED, HAS_NOT, OTHER_DEFAULT, REFUSED, NEEDED):
        assert sorted(set(table) - set(PATHS)) == []


refusals = [(path, name, value) for path, table in REFUSED.items() for name, value in table.items()]


@pytest.mark.parametrize(("path", "name", "value"), refusals)
def test_refused(path, name, value):
    """What is not supported raises and is not ignored; Keras takes the same argument."""
    needed = NEEDED.get(path, [])
    find(keras, path)(*needed, **{name: value})
    with pytest.raises(ValueError, match=f"{name}=.* is not supported"):
        find(unpad, path)(*needed, **{name: value})


# What MeanMetricWrapper does not know itself goes to its function, as in Keras.
LACKS = [p for p in PATHS if p.split(".")[0] in ROOMS and lacking(p)]


@pytest.mark.parametrize("path", LACKS)
def test_lacking_raises(path):
    """What unpad lacks is an error, never swallowed by **kwargs."""
    for name in lacking(path) | HAS_NOT.get(path, set()):
        with pytest.raises(TypeError, match=name):
            find(unpad, path)(*NEEDED.get(path, []), **{name: None})


@pytest.mark.parametrize("path", ["layers.GRU", "layers.LSTM", "layers.SimpleRNN"])
def test_recurrent_options_are_kept(path):
    """Given by place and not at its default, each option is Keras's option of that name."""
    theirs = inspect.signature(find(keras, path)).parameters
    values = {
        "units": 3, "activation": "relu", "recurrent_activation": "softsign", "use_bias": False,
        "kernel_initializer": "ones", "recurrent_initializer": "zeros", "bias_initializer": "ones",
        "unit_forget_bias": False, "dropout": 0.1, "recurrent_dropout": 0.2, "seed": 5,
        "return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True,
        "reset_after": False,
    }  # fmt: skip
    by_place = [
        values.get(n, p.default) for n, p in theirs.items() if n not in ("use_cudnn", "kwargs")
    ]
    ours, theirs = (find(m, path)(*by_place) for m in (unpad, keras))
    config, expected = ours.get_config(), theirs.get_config()
    for name in sorted(values.keys() & expected.keys()):
        found, want = config[name], expected[name]
        if name.endswith("activation"):
            assert found == values[name], name  # as given
        elif name.endswith("initializer"):
            found, want = unpad.initializers.get(found), want["class_name"]
            found = type(found).__name__
        else:
            assert want == values[name], name
        assert found == want, name


def test_names_of_activations():
    """Keras knows every activation that unpad does but Keras 2's, and only the listed beyond."""
    ours, theirs = set(unpad.weights.activations._BY_NAME), set(keras_activations.ALL_OBJECTS_DICT)
    ours.remove("hard_sigmoid_of_keras_2")
    assert theirs - ours == ACTIVATIONS_LACKING
    assert ours <= theirs


def test_names_of_initializers():
    """Keras knows every initialiser that unpad does, and only the listed ones beyond."""
    ours, theirs = (
        set(unpad.weights.initializers._BY_NAME),
        set(keras_initializers.ALL_OBJECTS_DICT),
    )
    assert theirs - ours == INITIALIZERS_LACKING | INITIALIZER_CLASSES_LACKING
    assert ours <= theirs


@pytest.mark.parametrize(
    "name",
    ["sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mse",
     "mean_squared_error", "mae", "mean_absolute_error"],
)  # fmt: skip
def test_names_of_losses(name):
    """A loss's name stands for the same loss."""
    theirs = keras.losses.get(name)
    # Keras gives the function; the class that wraps it has the same name in the other style.
    assert unpad.losses.get(name).name == theirs.__name__


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "Adam", "RMSprop"])
def test_names_of_optimizers(name):
    """An optimizer's name stands for the same optimizer, in any case."""
    (ours,) = [
        c for c in (unpad.optimizers.SGD, unpad.optimizers.Adam, unpad.optimizers.AdamW,
                    unpad.optimizers.RMSprop)
        if c.__name__ == type(keras.optimizers.get(name)).__name__
    ]  # fmt: skip
    assert type(unpad.optimizers.get(name)) is ours
