"""What a docstring has to say, as far as that can be asked of it without reading."""

import importlib
import inspect
import pkgutil
import re

import pytest

import unpad

#: Rooms that people meet by name, each held to all of this.
ROOMS = ["activations", "callbacks", "constraints", "data", "initializers", "layers", "losses"]
ROOMS += ["metrics", "mixed_precision", "optimizers", "optimizers.schedules", "random"]
ROOMS += ["regularizers", "testing", "tree", "models", "ops", "backend", "kernels", "doctor"]
ROOMS += ["saving", "utils", "preprocessing", "config", "dtype_policies", "scaling"]
#: Of Keras's spelling, where the object is told by whoever asks: who, for the errors.
INNER = {"get", "serialize", "deserialize", "model_from_config", "model_from_json"}
#: Layers that say nothing of steps: bases, values, and what hands on what it is given.
NO_STEPS = {"ActivityRegularization", "BatchNormalization", "GRUCell", "HashedCrossing", "Input"}
NO_STEPS |= {"InputLayer", "LSTMCell", "Layer", "MGUCell", "Pipeline", "SimpleRNNCell", "Spec"}
NO_STEPS |= {"SpectralNormalization", "StackedRNNCells", "TokenWise", "Wrapper"}


def public():
    """Every class and function of these rooms that is unpad's, once."""
    seen = {}
    for room in ROOMS:
        module = importlib.import_module(f"unpad.{room}")
        for name in module.__all__:
            value = getattr(module, name)
            ours = getattr(value, "__module__", "").startswith("unpad")
            if (inspect.isclass(value) or inspect.isfunction(value)) and ours:
                seen.setdefault(id(value), (f"{room}.{name}", value))
    return dict(seen.values())


PUBLIC = public()
each = pytest.mark.parametrize("value", PUBLIC.values(), ids=PUBLIC)


def described(doc):
    """The arguments that a docstring's Args describe, or a neighbour's that has the others."""
    found = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", doc, re.S | re.M)
    if found is None:
        return set()
    lines = re.findall(r"^    ([\w*, ]+):", found.group(1), re.M)
    names = {name.strip().lstrip("*") for line in lines for name in line.split(",")}
    if (other := re.search(r"^    The others: see `(\w+)`", found.group(1), re.M)) is not None:
        names |= described(inspect.getdoc(getattr(unpad.layers, other.group(1))) or "")
    return names


@each
def test_every_argument_is_described(value):
    """Of a class those of its own constructor; `Args: those of `GRU`` hands on to a neighbour."""
    if value.__name__ in INNER or (inspect.isclass(value) and "__init__" not in vars(value)):
        return
    doc = inspect.getdoc(value) or ""
    if (other := re.search(r"^Args: those of `(\w+)`", doc, re.M)) is not None:
        doc = inspect.getdoc(getattr(unpad.layers, other.group(1)))
    function = value.__init__ if inspect.isclass(value) else value
    parameters = [*inspect.signature(function).parameters.values()]
    handed_on = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = {p.name for p in parameters if p.kind not in handed_on and p.name != "self"}
    assert {name for name in named if name[0] != "_"} - described(doc) == set()


@each
def test_the_first_line_is_a_sentence(value):
    doc = inspect.getdoc(value) or ""
    first = doc.partition("\n\n")[0].strip()
    assert first and first[-1] in ".:", first


LAYERS = {n: v for n, v in PUBLIC.items() if n.startswith("layers.") and inspect.isclass(v)}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_layer_says_what_empty_sequences_give(layer):
    assert layer.__name__ in NO_STEPS or "mpty" in inspect.getdoc(layer)
    assert not (layer.__name__ in NO_STEPS and "mpty sequences" in inspect.getdoc(layer))


#: Classes whose methods people call or define, each held to it as well.
BY_METHOD = [unpad.Ragged, unpad.Layout, unpad.callbacks.Callback]
METHODS = {
    f"{kind.__name__}.{name}": method
    for kind in BY_METHOD
    for name, method in inspect.getmembers(kind, inspect.isroutine)
    if name[0] != "_" and getattr(method, "__module__", "").startswith("unpad")
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_argument_of_a_method_is_described(method):
    parameters = inspect.signature(getattr(method, "__func__", method)).parameters.values()
    handed_on = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = {p.name for p in parameters if p.kind not in handed_on} - {"self", "cls"}
    doc = inspect.getdoc(method) or ""
    assert {name for name in named if name[0] != "_"} - described(doc) == set()


DECLARED = {n: v for n, v in PUBLIC.items() if n.startswith(("ops.", "backend."))}


@pytest.mark.parametrize("function", DECLARED.values(), ids=DECLARED)
def test_a_function_of_batches_says_what_it_makes_of_a_ragged(function):
    declared = getattr(function, "kind", None)
    assert declared is None or re.search("Ragged|equence", inspect.getdoc(function) or "")


def test_the_rooms_are_those_that_there_are():
    names = {m.name for m in pkgutil.iter_modules(unpad.__path__)}
    assert {room.partition(".")[0] for room in ROOMS} <= names
