"""Arguments, their order and their defaults are Keras's; what is missing is in a table here.

Where a test here fails because Keras or unpad has a new argument: support it, or write it down.
"""

import inspect

import keras
import pytest
from keras.src import activations as keras_activations
from keras.src import initializers as keras_initializers

import unpad

_ANY_LAYER = {"autocast", "activity_regularizer"}
_ANY_OPTIMIZER = {
    "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
    "gradient_accumulation_steps",
}  # fmt: skip

#: Arguments that only Keras has: giving one here is a TypeError.
LACKING = {
    "layers.Activation": _ANY_LAYER,
    "layers.Bidirectional": _ANY_LAYER,
    "layers.Dense": {"autocast", "lora_rank", "lora_alpha", "quantization_config"},
    "layers.Dropout": _ANY_LAYER,
    "layers.Embedding": _ANY_LAYER | {"lora_rank", "lora_alpha", "quantization_config"},
    "layers.GRU": {"autocast", "use_cudnn", "cell", "zero_output_for_mask"},
    "layers.LSTM": {"autocast", "use_cudnn", "cell", "zero_output_for_mask"},
    "layers.Masking": _ANY_LAYER,
    "layers.SimpleRNN": {"autocast", "cell", "zero_output_for_mask"},
    "layers.TimeDistributed": _ANY_LAYER,
    "losses.BinaryCrossentropy": {"axis", "dtype"},
    "losses.CategoricalCrossentropy": {"axis", "dtype"},
    "losses.MeanAbsoluteError": {"dtype"},
    "losses.MeanSquaredError": {"dtype"},
    "losses.SparseCategoricalCrossentropy": {"axis", "dtype"},
    "optimizers.Adam": _ANY_OPTIMIZER,
    "optimizers.AdamW": _ANY_OPTIMIZER,
    "optimizers.RMSprop": _ANY_OPTIMIZER,
    "optimizers.SGD": _ANY_OPTIMIZER,
    "initializers.Constant": set(),
    "initializers.GlorotNormal": {"input_axes", "output_axes"},
    "initializers.GlorotUniform": {"input_axes", "output_axes"},
    "initializers.HeNormal": {"input_axes", "output_axes"},
    "initializers.HeUniform": {"input_axes", "output_axes"},
    "initializers.Identity": set(),
    "initializers.LecunNormal": {"input_axes", "output_axes"},
    "initializers.LecunUniform": {"input_axes", "output_axes"},
    "initializers.Ones": set(),
    "initializers.Orthogonal": set(),
    "initializers.RandomNormal": set(),
    "initializers.RandomUniform": set(),
    "initializers.TruncatedNormal": set(),
    "initializers.VarianceScaling": {"input_axes", "output_axes"},
    "initializers.Zeros": set(),
    "Input": {"batch_size", "sparse", "ragged", "batch_shape", "tensor", "optional"},
    "Sequential.compile": {
        "loss_weights", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile",
        "auto_scale_loss",
    },
    "Sequential.fit": {"steps_per_epoch", "validation_steps", "validation_freq"},
    "Sequential.evaluate": {"steps", "callbacks"},
    "Sequential.predict": {"steps", "callbacks"},
    "Sequential.train_on_batch": set(),
    "Sequential.test_on_batch": set(),
    "Sequential.predict_on_batch": set(),
}  # fmt: skip

#: Arguments that only unpad has.
ADDED = {
    "Sequential.fit": {"batch_steps", "bucket_by_length"},
    "Sequential.predict": {"fill"},
}

#: Arguments of a base class that the layer fills itself: giving one is a TypeError too.
FILLED = {
    "layers.GRU": {"unsupported"},
    "layers.LSTM": {"unsupported"},
    "layers.SimpleRNN": {"unsupported", "recurrent_activation"},
}

#: Arguments with a default in Keras that have none here: what makes them optional there, tensor=
#: and data sets, is lacking.
WITHOUT_DEFAULT = {"Input": {"shape"}, "Sequential.fit": {"x"}, "Sequential.evaluate": {"x"}}

_DENSE = {
    "kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2",
    "kernel_constraint": "non_neg", "bias_constraint": "non_neg",
}  # fmt: skip
_CLIP = {"clipnorm": 1.0, "clipvalue": 1.0, "global_clipnorm": 1.0}

_RECURRENT = {
    **_DENSE, "recurrent_regularizer": "l2", "recurrent_constraint": "non_neg", "unroll": True,
}  # fmt: skip

#: Arguments that both have and unpad refuses, with a value that Keras takes.
REFUSED = {
    "layers.Dense": _DENSE,
    "layers.GRU": _RECURRENT,
    "layers.LSTM": _RECURRENT,
    "layers.SimpleRNN": _RECURRENT,
    "layers.Embedding": {"embeddings_regularizer": "l2", "embeddings_constraint": "non_neg"},
    "layers.Dropout": {"noise_shape": (1, None, 1)},
    "optimizers.SGD": {**_CLIP, "weight_decay": 0.1},
    "optimizers.Adam": {**_CLIP, "amsgrad": True},
    "optimizers.AdamW": {**_CLIP, "amsgrad": True},
    "optimizers.RMSprop": {**_CLIP, "weight_decay": 0.1},
}  # fmt: skip

#: What a constructor cannot do without.
NEEDED = {
    "layers.Activation": ["tanh"], "layers.Dense": [3], "layers.Dropout": [0.5],
    "layers.Embedding": [9, 4], "layers.GRU": [3], "layers.LSTM": [3], "layers.SimpleRNN": [3],
}  # fmt: skip

#: Names that only Keras knows.
ACTIVATIONS_LACKING = {
    "celu", "glu", "hard_shrink", "hard_silu", "hard_swish", "hard_tanh", "log_sigmoid",
    "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink",
    "threshold",
}  # fmt: skip
INITIALIZERS_LACKING = {"one", "zero", "stft", "initializer"}
# Known to Keras by the class's name too, as kernel_initializer="GlorotUniform".
INITIALIZER_CLASSES_LACKING = {
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "OrthogonalInitializer", "RandomNormal", "RandomUniform", "STFT", "STFTInitializer",
    "TruncatedNormal", "VarianceScaling", "Zeros",
}  # fmt: skip

everything = pytest.mark.parametrize("path", sorted(LACKING))


def find(module, path):
    """The class or function at this dotted path."""
    for name in path.split("."):
        module = getattr(module, name)
    return module


def arguments(function):
    """Names and defaults in order; what **kwargs hands to the base classes follows."""
    found = {}
    constructors = [function]
    if inspect.isclass(function):
        constructors = [c.__init__ for c in function.__mro__ if "__init__" in vars(c)]
    for constructor in constructors:
        parameters = inspect.signature(constructor).parameters
        for name, parameter in parameters.items():
            if name != "self" and parameter.kind not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            ):
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
    both = [n for n in theirs if n in ours and n not in WITHOUT_DEFAULT.get(path, ())]
    assert {n: ours[n] for n in both} == {n: theirs[n] for n in both}

    for name in WITHOUT_DEFAULT.get(path, ()):
        assert ours[name] is inspect.Parameter.empty


@everything
def test_arguments(path):
    """What only Keras has, and what only unpad has, is in the tables above and nothing else."""
    ours, theirs = arguments(find(unpad, path)), arguments(find(keras, path))
    assert set(theirs) - set(ours) == LACKING[path]
    assert set(ours) - set(theirs) == ADDED.get(path, set()) | FILLED.get(path, set())


@everything
def test_order(path):
    """Given by place, arguments mean the same; those that unpad adds come last."""
    ours, theirs = own_arguments(find(unpad, path)), own_arguments(find(keras, path))
    kept = [name for name in theirs if name in ours]
    assert ours == kept + [name for name in ours if name not in kept]


def test_tables_cover_everything():
    """Each public layer, loss, optimizer and initialiser that Keras has too is compared."""
    for room in ("layers", "losses", "optimizers", "initializers"):
        public = vars(find(unpad, room))
        classes = {n for n, v in public.items() if inspect.isclass(v) and n[0] != "_"}
        shared = {
            f"{room}.{n}" for n in classes if inspect.isclass(getattr(find(keras, room), n, None))
        }
        bases = {"layers.Layer", "losses.Loss", "optimizers.Optimizer", "initializers.Initializer"}
        assert shared - bases == {path for path in LACKING if path.startswith(room)}


refusals = [(path, name, value) for path, table in REFUSED.items() for name, value in table.items()]


@pytest.mark.parametrize(("path", "name", "value"), refusals)
def test_refused(path, name, value):
    """What is not supported raises and is not ignored; Keras takes the same argument."""
    needed = NEEDED.get(path, [])
    find(keras, path)(*needed, **{name: value})
    with pytest.raises(ValueError, match=f"{name}=.* is not supported"):
        find(unpad, path)(*needed, **{name: value})


def test_bidirectional_weights_refused():
    """Pinned: Bidirectional(weights=...) is refused; the text says what to use."""
    with pytest.raises(ValueError, match=r"weights= is not supported: use set_weights"):
        unpad.layers.Bidirectional(unpad.layers.LSTM(3), weights=[[0.0]])


@pytest.mark.parametrize(
    "path", [p for p in LACKING if p.split(".")[0] in ("layers", "losses", "optimizers")]
)
def test_lacking_raises(path):
    """What unpad lacks is an error, never swallowed by **kwargs."""
    needed = NEEDED.get(path, [unpad.layers.LSTM(3)] if path.startswith("layers.") else [])
    for name in LACKING[path] | FILLED.get(path, set()):
        with pytest.raises(TypeError, match=name):
            find(unpad, path)(*([] if path == "layers.Masking" else needed), **{name: None})


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
            found = unpad.activations.name_of(found)
        elif name.endswith("initializer"):
            found, want = type(found).__name__, want["class_name"]
        else:
            assert want == values[name], name
        assert found == want, name


def test_names_of_activations():
    """Keras knows every activation that unpad does, and only the listed ones beyond."""
    ours, theirs = set(unpad.activations._BY_NAME), set(keras_activations.ALL_OBJECTS_DICT)
    assert theirs - ours == ACTIVATIONS_LACKING
    assert ours <= theirs


def test_names_of_initializers():
    """Keras knows every initialiser that unpad does, and only the listed ones beyond."""
    ours, theirs = set(unpad.initializers._BY_NAME), set(keras_initializers.ALL_OBJECTS_DICT)
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
    make = unpad.optimizers.get(name)
    assert type(make.__self__) is ours
