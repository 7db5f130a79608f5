"""One policy of precision: a layer's, all layers' and torch's autocast, on any path."""

import contextlib

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels
from unpad.core.layer import Layer
from unpad.core.precision import DTypePolicy, dtype_policy, set_dtype_policy
from unpad.core.structure import flat
from unpad.core.symbol import specs_of

from ..cases import BY_DAY, recurrent
from ..messages import says

HALVES = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}
HALVES |= {"bfloat16": torch.bfloat16}
#: By how much a value of about 1 may differ: a few roundings of the type.
NEAR = {torch.bfloat16: 3e-2, torch.float16: 4e-3, torch.float64: 1e-5}


@contextlib.contextmanager
def policy(name):
    """Within this block layers are made with this policy."""
    before = dtype_policy()
    set_dtype_policy(name)
    try:
        yield
    finally:
        set_dtype_policy(before)


def parts(outputs):
    """Every tensor of what a layer gave."""
    if isinstance(outputs, (list, tuple)):
        return [t for part in outputs for t in parts(part)]
    if isinstance(outputs, dict):
        return parts(list(outputs.values()))
    return parts(outputs.values) if isinstance(outputs, Ragged) else [outputs]


def floats(outputs):
    return [t for t in parts(outputs) if t.is_floating_point()]


def small(inputs):
    """The inputs brought to about 1, where a half type's steps are known, and to float32."""
    return [x.map(scaled) if isinstance(x, Ragged) else scaled(x) for x in inputs]


def scaled(values):
    return torch.cos(values).float() if values.is_floating_point() else values


def run(case, layer, inputs):
    torch.manual_seed(1)
    return case.run(layer, inputs)


def pair(case, name):
    """The layer as it is and under a policy, with the same weights, and inputs that both hold."""
    compute = HALVES.get(name, torch.float64)
    inputs = [
        x.to(dtype=compute).to(dtype=torch.float32) if floats(x) else x for x in small(case.batch())
    ]

    def made():
        torch.manual_seed(0)
        layer = case.make(keras)
        layer.train(case.training)
        run(case, layer, inputs)
        return layer

    with policy(name):
        other = made()
    plain = made()
    plain.load_state_dict(other.state_dict())
    return plain, other, inputs


@pytest.mark.parametrize("name", [*HALVES, "float64"])
@pytest.mark.parametrize("case", BY_DAY.values(), ids=BY_DAY)
def test_a_policy(case, name):
    """Outputs and weights have its types, and the numbers are those of float32 to its precision."""
    plain, other, inputs = pair(case, name)
    compute = HALVES.get(name, torch.float64)
    expected, found = run(case, plain, inputs), run(case, other, inputs)
    if not holds_torch(other):
        kept = torch.float32 if name.startswith("mixed") else compute
        assert {w.dtype for w in other.parameters() if w.is_floating_point()} <= {kept}
        assert {t.dtype for t in floats(found)} <= {compute}
    for a, b in zip(floats(expected), floats(found), strict=True):
        close(b, a.to(compute), NEAR[compute])


def holds_torch(layer):
    """Whether a person's torch module is inside, which has the type that it was made with."""
    named = ("Grid", "Varlen", "TorchModule")
    weighed = (m for m in layer.modules() if [*m.parameters(recurse=False)])
    ours = all(type(m).__module__.startswith("unpad") for m in weighed)
    return not ours or any(type(m).__name__ in named for m in layer.modules())


def close(a, b, near):
    torch.testing.assert_close(a.double(), b.double(), atol=near, rtol=near, equal_nan=True)


# Vectors of ids are made where ids are read, which autocast has nothing to do with.
COMPUTED = {name: case for name, case in BY_DAY.items() if case.layer != "IntegerLookup"}


@pytest.mark.parametrize("case", COMPUTED.values(), ids=COMPUTED)
def test_autocast_is_a_policy(case):
    """Torch's autocast gives what mixed_bfloat16 gives: the same type, the numbers to rounding."""
    plain, other, inputs = pair(case, "mixed_bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        found = run(case, plain, inputs)
    expected = run(case, other, inputs)
    for a, b in zip(floats(expected), floats(found), strict=True):
        assert a.dtype == b.dtype
        close(a, b, NEAR[torch.bfloat16])


WALKS = {case.name: case for case in recurrent.CASES if case.name in BY_DAY}


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("case", WALKS.values(), ids=WALKS)
def test_without_the_library(case, name):
    """The reference of the kernels gives the same types, and the same numbers to rounding."""
    _, other, inputs = pair(case, name)
    expected = run(case, other, inputs)
    with kernels.force("reference"):
        found = run(case, other, inputs)
    for a, b in zip(floats(expected), floats(found), strict=True):
        assert a.dtype == b.dtype
        close(a, b, NEAR[a.dtype])


@pytest.mark.parametrize("case", BY_DAY.values(), ids=BY_DAY)
def test_alone_as_in_company_and_gradients(case):
    """A sequence's outputs do not depend on its batch, and every gradient is a finite number."""
    _, layer, inputs = pair(case, "mixed_bfloat16")
    if any(not isinstance(x, Ragged) for x in inputs) or case.training:
        inputs = small(case.batch())
    outputs = run(case, layer, inputs)
    losses = [
        t.float().nan_to_num(posinf=0, neginf=0).square().mean()
        for t in floats(outputs)
        if t.requires_grad
    ]
    if losses:
        sum(losses).backward()
    for weight in layer.parameters():
        assert weight.grad is None or bool(weight.grad.isfinite().all())
    if case.training or not all(isinstance(x, Ragged) for x in inputs):
        return
    for i in range(len(inputs[0])):
        alone = run(case, layer, [x[i : i + 1] for x in inputs])
        for a, b in zip(floats(alone), of_sequence(outputs, i), strict=True):
            close(a, b, NEAR[a.dtype])


def of_sequence(outputs, i):
    if isinstance(outputs, (list, tuple)):
        return [t for part in outputs for t in of_sequence(part, i)]
    return floats(outputs[i : i + 1])


# --- what is said of it ---------------------------------------------------------------------------


def test_what_is_given_comes_before_what_is_set():
    with policy("mixed_bfloat16"):
        layer, own = keras.layers.Dense(2), keras.layers.Dense(2, dtype="float32")
    assert (layer.compute_dtype, layer.variable_dtype) == (torch.bfloat16, torch.float32)
    assert (layer.dtype_policy.name, own.dtype_policy.name) == ("mixed_bfloat16", "float32")
    assert keras.layers.Dense(2).dtype_policy.name == "float32"
    x = torch.ones(1, 3, dtype=torch.bfloat16)
    assert (layer(x).dtype, own(x).dtype) == (torch.bfloat16, torch.float32)


def test_a_policy_is_set_before_the_weights_are_made():
    layer = keras.layers.Dense(2)
    layer.dtype_policy = "float64"
    assert layer(torch.ones(1, 3)).dtype == torch.float64
    layer.dtype_policy = DTypePolicy("float64")
    with says(
        "Dense: dtype is what its weights were made with, and they are there. Make a new layer, or "
        "give it other numbers: set_weights."
    ):
        layer.dtype = "mixed_bfloat16"
    other = keras.layers.Dense(2)
    other(torch.ones(1, 3))
    other.dtype_policy = "mixed_float16"  # weights of the same type
    assert other(torch.ones(1, 3)).dtype == torch.float16


def test_what_is_no_policy_is_refused():
    what = "one of torch's types or its name, as 'float32', or a policy, as 'mixed_bfloat16'"
    with says(f"Dense: expected dtype as {what}, got 'mixed_float8'."):
        keras.layers.Dense(2, dtype="mixed_float8")
    with says(f"set_dtype_policy: expected policy as {what}, got 'int40'."):
        set_dtype_policy("int40")


def test_a_layer_of_ones_own_computes_in_the_policys_type():
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(name="w", shape=(shape[-1], 2))

        def call(self, x):
            seen.append(x.dtype)
            return x @ self.w

    seen = []
    layer = Scale(dtype="mixed_bfloat16")
    out = layer(torch.ones(2, 3))
    assert (layer.w.dtype, seen[-1], out.dtype) == (torch.float32, torch.bfloat16, torch.bfloat16)


def test_statistics_of_half_types_are_float32():
    layer = keras.layers.BatchNormalization(dtype="bfloat16")
    for _ in range(400):
        layer(torch.full((4, 2), 3.0), training=True)
    assert layer.moving_mean.dtype == torch.float32
    torch.testing.assert_close(layer.moving_mean, torch.full((2,), 3 * (1 - 0.99**400)))


# --- specs ----------------------------------------------------------------------------------------

# One case of each kind of layer: which type comes out hangs on the kind alone.
KINDS = {case.layer: case for case in reversed(COMPUTED.values())}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", [None, "float32", "mixed_bfloat16"])
@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS)
def test_a_spec_says_the_type_that_comes_out(case, name, dtype, monkeypatch):
    """Behind a layer of another type too: what is drawn into a graph is what is computed."""
    calls = []
    plain = Layer.__call__

    def noted(self, *inputs, **options):
        outputs = plain(self, *inputs, **options)
        if self is layer:
            calls.append((inputs, options, outputs))
        return outputs

    layer = case.make(keras)
    layer.train(case.training)
    if name is not None:
        layer.dtype = name
    inputs = [x.to(dtype=dtype) if floats(x) else x for x in small(case.batch())]
    monkeypatch.setattr(Layer, "__call__", noted)
    run(case, layer, inputs)
    inputs, options, outputs = calls[-1]
    options = {key: specs_of(value) for key, value in options.items() if key != "training"}
    specs = flat([layer.spec_for(*map(specs_of, inputs), **options)])
    said = [spec.dtype for spec in specs if spec.dtype.is_floating_point]
    assert said == [t.dtype for t in floats(outputs)]


# --- models and wrappers --------------------------------------------------------------------------

L = keras.layers
ONES = torch.ones(2, 3, 8)


class Own(keras.Model):
    """A class of one's own, whose last layer has a policy of its own."""

    def __init__(self, **options):
        super().__init__(**options)
        self.walk, self.end = L.LSTM(3), L.Dense(2, dtype="float32")

    def call(self, x):
        return [self.walk(x), self.end(self.walk(x))]


def test_a_models_policy_is_that_of_the_layers_that_were_given_none():
    """In a Sequential, a graph, a class of one's own; given to the constructor or set later."""
    half, own = torch.bfloat16, "mixed_bfloat16"
    layers = [L.Dense(2), L.Dense(2, dtype="float32")]
    model = keras.Sequential(layers, dtype=own)
    assert [layer.dtype_policy.name for layer in model.layers] == [own, "float32"]
    assert model(ONES).dtype == torch.float32
    x = keras.Input((None, 8))
    assert keras.Model(x, L.Dense(2)(L.LSTM(3)(x)), dtype=own)(ONES).dtype == half
    assert [t.dtype for t in Own(dtype=own)(ONES)] == [half, torch.float32]
    later = keras.Sequential([L.Dense(2)])
    assert later(ONES).dtype == torch.float32
    later.dtype_policy = own
    assert later(ONES).dtype == half
    with policy(own):
        assert keras.Sequential([L.Dense(2)], dtype="float32")(ONES).dtype == torch.float32
        assert keras.Sequential([L.Dense(2)])(ONES).dtype == half
    weights = keras.Sequential([keras.Input((None, 8)), L.Dense(2)], dtype="bfloat16").weights
    assert {w.dtype for w in weights} == {half}
    with says(
        "Dense: dtype is what its weights were made with, and they are there. Make a new layer, or "
        "give it other numbers: set_weights."
    ):
        keras.Model(x, L.Dense(2)(x), dtype="bfloat16")


WRAPPERS = {
    "TimeDistributed": lambda inner, **options: L.TimeDistributed(L.Dense(3, **inner), **options),
    "Bidirectional": lambda inner, **options: L.Bidirectional(L.LSTM(3, **inner), **options),
    "SpectralNormalization": lambda inner, **options: L.SpectralNormalization(
        L.Dense(3, **inner), **options
    ),
    "RNN": lambda inner, **options: L.RNN(L.LSTMCell(3, **inner), **options),
    "Wrapper": lambda inner, **options: L.Wrapper(L.Dense(3, **inner), **options),
}


@pytest.mark.parametrize("make", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapper_goes_by_the_layer_inside(make):
    """Where it was given no policy; else what comes out of it has its own."""
    inside = make({"dtype": "mixed_bfloat16"})
    assert (inside.dtype_policy.name, inside(ONES).dtype) == ("mixed_bfloat16", torch.bfloat16)
    again = type(inside).from_config(inside.get_config())
    assert again(ONES).dtype == torch.bfloat16
    assert make({"dtype": "mixed_bfloat16"}, dtype="float32")(ONES).dtype == torch.float32
    assert make({}, dtype="mixed_bfloat16")(ONES).dtype == torch.bfloat16
    assert make({})(ONES).dtype == torch.float32


def test_what_it_means_is_told():
    """`summary` and `kernels.info` say in which type products really run."""
    model = keras.Sequential(
        [keras.Input((None, 8)), L.LSTM(3, dtype="mixed_bfloat16"), L.Dense(2)]
    )
    lines = []
    model.summary(print_fn=lines.append)
    products = "bfloat16" if kernels.library.rounds() else "float32"
    assert lines[0].endswith(
        f"mixed_bfloat16: weights float32, values between layers float32, products {products}, "
        "outputs bfloat16"
    )
    row = next(line for line in lines[0].splitlines() if "lstm" in line)
    assert row.split()[-1] == "mixed_bfloat16"
    assert kernels.info()["products"]["cpu"] == {
        "bfloat16": products, "float16": "float32", "float32": "float32", "float64": "float64"
    }  # fmt: skip
    plain = []
    keras.Sequential([keras.Input((None, 8)), L.LSTM(3)]).summary(print_fn=plain.append)
    assert "float32" not in plain[0]
    assert "to train, mixed_bfloat16" in said_of("bfloat16")


def said_of(name):
    lines = []
    with policy(name):
        keras.Sequential([keras.Input((8,)), L.Dense(2)]).summary(print_fn=lines.append)
    return lines[0]


@pytest.mark.parametrize("name", [*HALVES, "float16", "float64"])
def test_ids_stay_what_they_are(name):
    """No policy rounds them on their way to an Embedding, which bfloat16 would from 257 on."""

    class Words(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = L.Embedding(70000, 2)

        def call(self, x):
            seen.append(x)
            return self.words(x)

    class Held(L.Layer):
        def __init__(self):
            super().__init__()
            self.words = L.Embedding(70000, 2)

        def build(self, shape):
            self.w = self.add_weight(name="w", shape=())

        def call(self, x):
            seen.append(x)
            return self.words(x)

    seen = []
    ids = torch.tensor([[257, 65537]])
    with policy(name):
        x = keras.Input((None,))
        layer = L.Embedding(70000, 2)
        models = [Words(), Held(), keras.Sequential([layer]), keras.Model(x, layer(x))]
    for model in models:
        expected = layer if model not in models[:2] else model.words
        torch.testing.assert_close(model(ids), expected(ids), atol=0, rtol=0)
    assert all(torch.equal(x.long(), ids) for x in seen if len(x) == 1)
    with policy(name):
        ends = keras.Sequential([layer, L.Activation("softmax")])
    expected = layer(ids)
    torch.testing.assert_close(ends.early(ids).to(expected.dtype), expected, atol=0, rtol=0)


# --- between layers -------------------------------------------------------------------------------


def sequential():
    return keras.Sequential([L.LSTM(4, return_sequences=True), L.Dropout(0.0), L.Dense(3)])


def graph():
    x = keras.Input((None, 8))
    h = L.Conv1D(4, 3, padding="same")(x)
    return keras.Model(x, L.Dense(3)(L.LayerNormalization()(h * 2) + h))


def nested():
    inner = keras.Sequential([L.Dense(4), L.GRU(4, return_sequences=True)])
    return keras.Sequential([inner, L.TimeDistributed(L.Dense(3))])


def block():
    return keras.Sequential([L.TransformerEncoder(8, 2), L.Bidirectional(L.SimpleRNN(4))])


@pytest.mark.parametrize("make", [sequential, graph, nested, block])
def test_between_layers_of_ours_nothing_is_rounded(make):
    """On a CPU a model gives float32's numbers, rounded once, and gets its very gradients."""
    torch.manual_seed(0)
    with policy("mixed_bfloat16"):
        model = make()
        model(ONES)
    plain = make()
    plain(ONES)
    plain.set_weights(model.get_weights())
    x = torch.randn(2, 3, 8)
    with kernels.force("torch"):  # whose products no processor rounds
        found, expected = model(x), plain(x)
        assert torch.equal(found, expected.to(torch.bfloat16))
        for out in (found, expected):
            out.float().sum().backward()
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_float16_overflows_between_layers_as_it_does_on_a_gpu():
    scaled = L.Rescaling(1e6, dtype="mixed_float16"), L.Rescaling(1e-6, dtype="mixed_float16")
    assert keras.Sequential([*scaled])(ONES).isinf().all()


def test_what_a_person_sees_has_the_policys_type():
    """Outputs of a graph's middle, of a layer called by itself, and in a class of one's own."""

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = [L.Dense(4), L.Dense(2)]

        def call(self, x):
            h = self.parts[0](x)
            seen.append(h.dtype)
            return self.parts[1](h)

    seen, half = [], torch.bfloat16
    with policy("mixed_bfloat16"):
        x = keras.Input((None, 8))
        h = L.Dense(4)(x)
        y = L.Dense(2)(h)
        several, middle = keras.Model(x, [h, y]), keras.Model(x, h)
        held = keras.Sequential([Mine(), L.Dense(2)])
        noticed = keras.Sequential([L.Dense(4), torch.nn.Identity(), L.Dense(2)])
    assert [t.dtype for t in several(ONES)] == [half, half]
    assert torch.equal(several(ONES)[0], middle(ONES))
    assert several.layers[1](ONES).dtype == half
    assert held(ONES).dtype == half
    assert noticed(ONES).dtype == half
    assert set(seen) == {half}


def test_what_has_no_type_of_its_own_goes_by_what_it_gets():
    """Behind a layer of a policy stands one of none: what comes out has the policy's type still."""
    x = keras.Input((None, 8))
    h = L.Dense(4, dtype="mixed_bfloat16")(x)
    for y in (L.Dropout(0.5)(h), h * 2, L.Add()([h, h])):
        model = keras.Model(x, y)
        assert model(ONES).dtype == model.output_spec(x.spec).dtype == torch.bfloat16
    chain = keras.Sequential([L.Dense(4, dtype="mixed_bfloat16"), L.Dropout(0.5)])
    assert chain(ONES).dtype == torch.bfloat16
