"""The door for numbers: every kind of array comes in right, or is refused with who and what."""

import decimal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Layout, Ragged
from unpad.ragged.numbers import as_constant, as_dtype, as_integers, as_tensor

from ..messages import says

L = keras.layers

# --- every kind of array --------------------------------------------------------------------------

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g"]
LAYOUTS = {
    "as it is": lambda a: a,
    "backwards": lambda a: a[::-1],
    "one backwards": lambda a: a[:1][::-1],
    "every other": lambda a: a[::2],
    "transposed": lambda a: np.stack([a, a]).T[:, 0],
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "broadcast": lambda a: np.broadcast_to(a[:1], (4,)),
    "none": lambda a: a[:0][::-1],
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype) if a.dtype.char != "g" else a,
    "a number": lambda a: a[1],
    "a list of numbers": list,
}


@pytest.mark.parametrize("way", LAYOUTS)
@pytest.mark.parametrize("kind", DTYPES)
def test_arrays_of_every_type_and_stride(kind, way):
    given_ = LAYOUTS[way](np.array([0, 1, 1, 0]).astype(kind))
    read = as_tensor(given_, "test")
    assert read.tolist() == np.asarray(given_).astype("f8").tolist()
    assert (read + 1).sum() >= 0  # torch computes with it


@pytest.mark.parametrize("kind", DTYPES)
def test_arithmetic_takes_arrays_of_every_type(kind):
    r = Ragged.from_list([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])])
    w = np.array([0, 1]).astype(kind)[::-1]
    assert (r * w).values.tolist() == [[1, 0], [3, 0], [5, 0]]
    assert (w * r).values.tolist() == [[1, 0], [3, 0], [5, 0]]


@pytest.mark.parametrize("kind", ["i1", "u1", "u2", "u4", "u8", ">i4", "i8"])
def test_lengths_and_indices_are_integers_of_any_width(kind):
    n = np.array([1, 2, 0]).astype(kind)
    x = np.arange(6.0).reshape(3, 2)
    assert Layout.from_lengths(n[::-1]).lengths.tolist() == [0, 2, 1]
    r = Ragged.from_padded(x, lengths=n)
    assert r.lengths.tolist() == [1, 2, 0]
    assert r[n].lengths.tolist() == [2, 0, 1]
    assert Ragged.from_padded(np.zeros((1, 300)), lengths=np.array([200], "u1")).steps == 200


@pytest.mark.parametrize("kind", [torch.uint16, torch.uint32, torch.uint64])
def test_tensors_of_wide_unsigned_integers_are_computed_with(kind):
    ids = torch.tensor([3, 1], dtype=torch.int64).to(kind)
    r = Ragged(ids, torch.tensor([0, 2]))
    assert r.sum().tolist() == [4]
    assert r.dtype == torch.int64


def numbers():
    return Ragged.from_list([[1.0, 2.0], [3.0]])


NOT_NUMBERS = {
    "complex array": (np.array([1j]), "got complex numbers. Give both parts as features: np"),
    "complex tensor": (torch.tensor([1j]), "got complex numbers. Give both parts as features: t"),
    "too large": (np.array([2**63], "u8"), "got 9223372036854775808, which int64 cannot hold"),
    "too large a tensor": (
        torch.from_numpy(np.array([2**63], "u8")),
        "got 9223372036854775808, which int64 cannot hold",
    ),
    "too large a number": ([2**70], "expected numbers, got 1180591620717411303424 in a list"),
    "longdouble beyond float64": (
        np.array([np.longdouble(10) ** 400]),
        "got a number that float64 cannot hold",
    ),
    "text": (np.array(["a"]), "expected numbers, got an array of <U1"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "expected numbers, got an array of datetime64"),
    "objects": ([decimal.Decimal(1)], "expected numbers, got Decimal('1') in a list"),
    "a string": ("abc", "expected numbers, got 'abc'"),
    "None": (None, "expected numbers, got None"),
    "a dict": ({"a": 1}, "expected a list, got a dict, whose order says nothing"),
    "a set": ({1, 2}, "expected a list, got a set, whose order says nothing"),
    "unequal lists": ([[1, 2], [3]], "expected numbers in lists of equal length"),
    "unequal tensors": ([torch.ones(1), torch.ones(2)], "expected numbers in lists of equal"),
    "a function": (len, "expected an array or a tensor of numbers, got builtin_function"),
    "a Ragged": (numbers(), "expected an array or a tensor of numbers, got Ragged"),
    "sparse": (torch.eye(2).to_sparse(), "got a sparse tensor (coo). Give x.to_dense()"),
    "meta": (torch.ones(1, device="meta"), "got a tensor on the device meta, which has no numbers"),
    "nested": (
        torch.nested.nested_tensor([torch.ones(1)], layout=torch.jagged),
        "got a nested tensor. Ragged.from_nested(x) reads it",
    ),
    "masked": (
        np.ma.masked_array([1, 2], [False, True]),
        "got a masked array, and 1 of its numbers are masked",
    ),
}


@pytest.mark.parametrize("what", NOT_NUMBERS)
def test_what_is_no_number_is_refused(what):
    odd, text = NOT_NUMBERS[what]
    with says(f"fit: y: {text}"):
        as_tensor(odd, "fit: y")


@pytest.mark.parametrize("what", ["complex tensor", "sparse", "meta", "nested"])
def test_values_are_numbers_too(what):
    odd, text = NOT_NUMBERS[what]
    with says(f"Ragged: values: {text}"):
        Ragged(odd, torch.tensor([0, len(odd) if not odd.is_nested else 1]))


def test_a_mask_that_masks_nothing_is_no_mask():
    assert as_tensor(np.ma.masked_array([1, 2]), "x").tolist() == [1, 2]
    assert as_tensor(np.ma.masked_array([1, 2], [False, False]), "x").tolist() == [1, 2]


def test_floats_of_python_have_torchs_default_type_and_arrays_their_own():
    assert as_tensor(1.5, "x").dtype == torch.float32
    assert as_tensor([[1.5]], "x").dtype == torch.float32
    assert as_tensor(np.array([1.5]), "x").dtype == torch.float64
    assert as_tensor(np.float64(1.5), "x").dtype == torch.float64
    assert as_tensor([1, 2], "x").dtype == torch.int64
    assert as_tensor(True, "x").dtype == torch.bool


def test_a_list_of_tensors_keeps_the_way_of_the_gradient():
    parts = [torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)]
    as_tensor(parts, "x").sum().backward()
    assert parts[0].grad is not None


def test_types_have_three_names():
    for name in (torch.float16, "float16", np.float16, np.dtype("f2")):
        assert as_dtype(name, "x") == torch.float16
    with says("x: expected a type, as 'float32', got 'float99'."):
        as_dtype("float99", "x")
    with says("x: expected a type of real numbers, got 'complex64'."):
        as_dtype("complex64", "x")
    assert as_dtype("complex64", "x", real=False) == torch.complex64
    assert Ragged.from_list([[1, 2]], dtype="float32").dtype == torch.float32
    assert Ragged.from_list([[1, 2]]).astype(np.int8).dtype == torch.int8
    with says("Ragged.astype: expected a type, as 'float32', got None."):
        numbers().astype(None)


@pytest.mark.parametrize(
    ("who", "call"),
    [
        ("zeros", lambda: keras.ops.zeros(2, "float99")),
        ("arange", lambda: keras.ops.arange(2, dtype="float99")),
        ("saturate_cast", lambda: keras.ops.saturate_cast([1.0], "float99")),
        ("ops", lambda: keras.ops.array([1.0], "float99")),
        ("random", lambda: keras.random.normal((2,), dtype="float99")),
        ("constant", lambda: keras.backend.constant(1.0, "float99")),
        ("Dense: dtype", lambda: keras.layers.Dense(1).add_weight("w", (1,), dtype="float99")),
    ],
)
def test_who_was_given_no_type(who, call):
    with says(f"{who}: expected a type, as 'float32', got 'float99'."):
        call()


# --- read once and whole --------------------------------------------------------------------------

PARTS = [[1, 2, 3], [], [4]]
ONCE = {
    "generator": lambda: (part for part in PARTS),
    "map": lambda: map(list, PARTS),
    "iterator": lambda: iter(PARTS),
    "generators within": lambda: ((n for n in part) for part in PARTS),
    "ranges": lambda: (range(1, 4), range(0), range(4, 5)),
    "values of a dict": lambda: dict(enumerate(PARTS)).values(),
    "tuples": lambda: tuple(map(tuple, PARTS)),
    "array of objects": lambda: np.array([np.array(p, int) for p in PARTS], dtype=object),
}


@pytest.mark.parametrize("way", ONCE)
def test_iterators_are_read_once_and_whole(way):
    assert [p.tolist() for p in Ragged.from_list(ONCE[way]()).to_list()] == PARTS


def test_zip_gives_steps_of_two():
    assert Ragged.from_list(zip([1, 2], [3, 4], strict=True)).values.tolist() == [1, 3, 2, 4]
    r = Ragged.from_list([zip([1.0, 2.0], [3.0, 4.0], strict=True)])
    assert r.values.tolist() == [[1, 3], [2, 4]]


def test_documents_may_be_read_once_too():
    documents = (((word for word in s) for s in d) for d in [[[1, 2], [3]], [], [[4]]])
    r = Ragged.from_list(documents, levels=2)
    assert [[s.tolist() for s in d] for d in r.to_list()] == [[[1, 2], [3]], [], [[4]]]


def test_fit_and_predict_take_them():
    model = keras.Sequential([keras.Input((None,)), L.Embedding(9, 2), L.LSTM(2), L.Dense(1)])
    model.compile("sgd", "mse")
    wanted = model.predict([[1, 2, 3], [4]], verbose=0)
    sequences = Ragged.from_list(map(list, [[1, 2, 3], [4]]))
    assert np.array_equal(model.predict(sequences, verbose=0), wanted)
    # What fit, evaluate and predict go through gives batches, as in Keras.
    assert np.array_equal(model.predict(iter([[[1, 2, 3], [4]]]), verbose=0), wanted)
    with says("predict: batch 0: Input: expected (batch, time), got (batch)."):
        model.predict(map(list, [[1, 2, 3], [4]]), verbose=0)


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        ({1: [2]}, "Ragged.from_list: expected a list, got a dict"),
        (5, "Ragged.from_list: expected sequences of numbers, got 5."),
        ([1, 2], "Ragged.from_list: expected sequence 0 as an array (time, *feature), got the"),
        ([[1], {2}], "Ragged.from_list: sequence 1: expected a list, got a set"),
        ([[1j]], "Ragged.from_list: sequence 0: got complex numbers."),
        ([[[1, 2], [3]]], "Ragged.from_list: expected sequence 0 as an array (time, *feature) of"),
    ],
)
def test_lists_of_something_else_are_refused(odd, text):
    with says(text):
        Ragged.from_list(odd)


def test_documents_as_nested_lists_are_told_how():
    words = keras.Input((None, None))
    h = L.TimeDistributed(L.GRU(3))(L.Embedding(10, 4, mask_zero=True)(words))
    model = keras.Model(words, L.GRU(2)(h))
    for documents in ([[[1, 2, 3], [4]], [[5]], []], [[[1, 2], [3, 4]], [[5, 6]]]):
        with pytest.raises(ValueError, match=r"Ragged\.from_list\(x, levels=2\)"):
            model.predict(documents, verbose=0)
        read = Ragged.from_list(documents, levels=2)
        assert model.predict(read, verbose=0).shape == (len(documents), 2)


# --- masked arrays --------------------------------------------------------------------------------


def masked():
    return np.ma.masked_array([[1, 2, 3], [4, 5, 6]], [[0, 1, 0], [1, 1, 1]])


def test_a_masked_array_says_itself_which_steps_are_there():
    r = Ragged.from_padded(masked())
    assert r.values.tolist() == [1, 3]
    assert r.lengths.tolist() == [2, 0]
    assert r.to_padded(-1).tolist() == [[1, -1, 3], [-1, -1, -1]]
    whole = Ragged.from_padded(np.ma.masked_array(np.ones((2, 2))))
    assert whole.lengths.tolist() == [2, 2]
    assert Ragged.from_list([masked()[0], [7]]).values.tolist() == [1, 3, 7]


def test_a_mask_that_tears_a_step_is_refused():
    torn = np.ma.masked_array(np.ones((1, 2, 2)), [[[0, 0], [0, 1]]])
    with says("Ragged.from_padded: of the features at [0, 1] some are masked and others not."):
        Ragged.from_padded(torn)
    with says("Ragged.from_padded: say which steps are real with exactly one of"):
        Ragged.from_padded(masked(), lengths=[1, 1])
    with says("Layout: got a masked array, and 1 of its numbers are masked."):
        Layout.from_lengths(np.ma.masked_array([1, 2], [False, True]))


def test_models_and_layers_read_the_mask():
    model = keras.Sequential([keras.Input((None, 1)), L.LSTM(2)])
    x = np.ma.masked_array(np.arange(6.0).reshape(1, 6, 1), [[[0], [0], [1], [0], [1], [1]]])
    wanted = model.predict([np.array([[0.0], [1.0], [3.0]])], verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-6)
    np.testing.assert_allclose(model(x).detach().numpy(), wanted, rtol=1e-6)


# --- constants, options, indices ------------------------------------------------------------------


@given(
    st.sampled_from([torch.bool, torch.uint8, torch.int8, torch.int64, torch.float16]),
    st.one_of(st.integers(-300, 300), st.floats(), st.booleans()),
)
def test_a_constant_is_what_the_type_makes_of_it_or_refused(dtype, value):
    try:
        stored = torch.full((), as_constant(value, dtype, "x", "fill"), dtype=dtype).item()
    except ValueError as error:
        refused = str(error)
    else:
        assert float(stored) == pytest.approx(float(value), rel=1e-3, abs=1e-7, nan_ok=True)
        return
    assert refused.startswith(f"x: fill={value!r} is no number that {dtype} can hold")
    assert dtype == torch.bool or isinstance(value, float) or abs(value) > 127 or value < 0


REFUSED = {
    "a fraction among integers": (
        lambda r: r.astype("int64").to_padded(0.5),
        "Ragged.to_padded: fill=0.5 is no number that torch.int64 can hold.",
    ),
    "NaN among integers": (
        lambda r: r.astype("int64").max(empty=float("nan")),
        "Ragged.max: empty=nan is no number that torch.int64 can hold.",
    ),
    "a fraction for an empty sequence": (
        lambda r: r.astype("int64").first(empty=0.5),
        "Ragged.first: empty=0.5 is no number that torch.int64 can hold.",
    ),
    "too large a fill": (
        lambda r: r.astype("float16").to_padded(1e6),
        "Ragged.to_padded: fill=1000000.0 is no number that torch.float16 can hold.",
    ),
    "a fill of words": (
        lambda r: r.to_padded("0"),
        "Ragged.to_padded: expected fill as one number",
    ),
    "no fill": (
        lambda r: r.to_padded(None),
        "Ragged.to_padded: expected fill as one number, got N",
    ),
    "empty of two": (
        lambda r: r.min(empty=[1, 2]),
        "Ragged.min: expected empty as one number, got [1, 2].",
    ),
    "a fractional length": (
        lambda r: r.to_padded(length=2.5),
        "Ragged.to_padded: expected length as an integer from 0 or None, got 2.5.",
    ),
    "flags as lengths": (
        lambda r: Ragged.from_padded(np.ones((2, 2)), lengths=np.array([True, False])),
        "Ragged.from_padded: expected lengths as (2,) integers, got (2,) of torch.bool.",
    ),
    "fractions as lengths": (
        lambda r: Ragged.from_padded(np.ones((2, 2)), lengths=[1.0, 2.0]),
        "Ragged.from_padded: expected lengths as (2,) integers, got (2,) of torch.float32.",
    ),
    "padding that the type cannot hold": (
        lambda r: Ragged.from_padded(np.ones((2, 2), int), padding=float("nan")),
        "Ragged.from_padded: padding=nan is no number that torch.int64 can hold.",
    ),
    "more steps than are counted": (
        lambda r: Layout.from_lengths([2**62] * 3),
        "Layout: the lengths sum up to more steps than int64 counts.",
    ),
    "an imaginary factor": (
        lambda r: r * 1j,
        "Ragged * number: expected the other as one number, got 1j.",
    ),
    "values of a list": (
        lambda r: r.with_values([1, 2, 3]),
        "Ragged: expected values as (3, *feature), one for each step, got list.",
    ),
    "a map over nothing": (
        lambda r: r.map(None),
        "Ragged.map: expected a function or a module, got NoneType.",
    ),
    "flags that are numbers": (
        lambda r: r.keep([1, 0, 1]),
        "Ragged.keep: expected (3,) bool, one for each step, got (3,) of torch.int64.",
    ),
    "a gradient through numpy": (
        lambda r: r.with_values(r.values.clone().requires_grad_()).map(np.exp),
        "Ragged.map: no gradient flows through numpy's exp. Give torch's, or map over",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_options_that_cannot_be_are_refused(what):
    call, text = REFUSED[what]
    with says(text):
        call(numbers())


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (True, "Ragged: expected an int, a slice or (n,) integers, got True."),
        (None, "Ragged: expected an int, a slice or (n,) integers, got None."),
        ("a", "Ragged: expected an int, a slice or (n,) integers, got 'a'."),
        (1.5, "Ragged: expected an int, a slice or (n,) integers, got 1.5."),
        (slice(0.5, None), "Ragged: a slice of sequences has whole bounds, got 0.5:None."),
        ((slice(None), slice(0.5, None)), "Ragged: a slice of time has whole bounds, got 0.5."),
        ((slice(None), slice(None, None, 2)), "Ragged: time is sliced in steps of 1, got 2."),
        ((slice(None), 0.5), "Ragged: time is indexed by an int or a slice, got [:, 0.5]."),
        ((slice(None), True), "Ragged: time is indexed by an int or a slice, got [:, True]."),
        ((..., 5), "Ragged: [..., 5] chooses nothing of the features, (2,)."),
        ((..., "a"), "Ragged: [..., a] chooses nothing of the features, (2,)."),
        ((slice(None), 0, 7), "Ragged: [:, 0, 7] chooses nothing of the features, (2,)."),
        ((slice(None), 0, 0, 0), "Ragged: [:, 0, 0, 0] chooses nothing of the features, (2,)."),
        ((..., 0, 0), "Ragged: [..., 0, 0] reaches beyond the features, (2,)."),
        ([[0, 1]], "Ragged: expected an int, a slice or (n,) integers, got (1, 2) of torch.int64."),
        ([0, "a"], "Ragged: an index: expected numbers, got an array of <U21."),
        (np.array([1j]), "Ragged: an index: got complex numbers."),
    ],
)
def test_an_index_of_something_else_is_refused(index, text):
    r = Ragged.from_list([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0]]])
    with says(text, IndexError):
        r[index]


def test_indices_of_features():
    r = Ragged.from_list([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]])
    assert r[..., 0].values.tolist() == [1, 3, 5]
    assert r[:, 1:, ..., 1].values.tolist() == [6]
    assert r[:, :, [1, 0]].values.tolist() == [[2, 1], [4, 3], [6, 5]]
    assert r[..., None].feature == (2, 1)
    assert r[...].values.tolist() == r.values.tolist()


# --- sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int8, torch.int32, torch.int64])
def test_integers_and_flags_are_summed_as_int64(kind):
    r = Ragged.from_list([torch.ones(300, dtype=kind) * 1, torch.zeros(0, dtype=kind)])
    r = r.with_values((r.values * (1 if kind == torch.bool else 100)).to(kind))
    wanted = 300 if kind == torch.bool else 30000
    assert r.sum().tolist() == [wanted, 0]
    assert r.sum().dtype == torch.int64
    assert r.cumsum()[0][-1] == wanted
    assert r.max().tolist() == [wanted / 300, 0]
    assert r.mean().tolist() == [wanted / 300, 0]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(kind):
    r = Ragged.from_list([torch.full((1000,), 60000.0, dtype=kind), torch.zeros(0, dtype=kind)])
    assert r.mean().tolist() == [r.values[0].item(), 0]
    assert r.mean().dtype == kind
    ones = Ragged.from_list([torch.ones(4096, dtype=kind)])
    assert ones.sum().tolist() == [4096]
    assert ones.softmax().values[0] == torch.tensor(1 / 4096, dtype=kind)
    assert r.var().tolist() == [0, 0]


def test_bfloat16_from_numpy_comes_back_as_float32():
    r = Ragged.from_list([np.array([1.0, 2.0])]).to(torch.bfloat16)
    assert r[0].dtype == np.float32
    assert r.to_padded().tolist() == [[1, 2]]


# --- formats that lie -----------------------------------------------------------------------------


def packed(data, sizes, unsorted=None):
    order = None if unsorted is None else torch.argsort(unsorted)
    return torch.nn.utils.rnn.PackedSequence(data, torch.tensor(sizes), order, unsorted)


@pytest.mark.parametrize(
    ("sizes", "unsorted"),
    [
        ([2, 2], None),
        ([1, 2], None),
        ([3], None),
        ([2, -1], None),
        ([2, 1], [0, 0]),
        ([2, 1], [5, 1]),
    ],
)
def test_a_packed_sequence_that_lies_is_refused(sizes, unsorted):
    order = None if unsorted is None else torch.tensor(unsorted)
    with says("Ragged.from_packed: expected "):
        Ragged.from_packed(packed(torch.ones(4 if sizes == [3] else 3), sizes, order))
    with says("Ragged.from_packed: expected a PackedSequence, got list."):
        Ragged.from_packed([1, 2])


@pytest.mark.parametrize(
    ("offsets", "lengths"),
    [([0, 2, 9], None), ([0, 2, 1], None), ([0, 2, 3], [2, 7]), ([0, 2, 3], [-1, 1])],
)
def test_a_nested_tensor_that_lies_is_refused(offsets, lengths):
    made = torch.nested.nested_tensor_from_jagged(
        torch.ones(3, 2), torch.tensor(offsets), None if lengths is None else torch.tensor(lengths)
    )
    with pytest.raises(ValueError, match=r"^(Ragged|Layout)"):
        Ragged.from_nested(made)


# --- what others are handed by callers ------------------------------------------------------------


def test_a_layer_of_ones_own_gets_floats_in_the_type_of_the_weights():
    class Doubled(keras.Layer):
        def __init__(self):
            super().__init__()
            self.inner = L.Dense(2)

        def call(self, x):
            seen.append(x.dtype)
            return self.inner(x) * 2

    seen: list[torch.dtype] = []
    layer = Doubled()
    layer(np.ones((2, 3)))
    assert set(seen) == {torch.float32}
    seen.clear()
    layer.double()(np.ones((2, 3), "float32"))
    assert set(seen) == {torch.float64}


def test_one_weight_for_all_is_a_number():
    loss = keras.losses.MeanSquaredError()
    for true, pred in (
        (torch.ones(2, 1), torch.zeros(2, 1)),
        (Ragged.from_list([[[1.0]], [[1.0]]]), Ragged.from_list([[[0.0]], [[0.0]]])),
    ):
        assert float(loss(true, pred, sample_weight=2.5)) == pytest.approx(2.5)


@pytest.mark.parametrize("odd", [np.array([1j]), "a", {"a": 1}, [[1], [2, 3]]])
def test_losses_and_metrics_say_who_and_what(odd):
    with pytest.raises(ValueError, match=r"^(\w+: )?(expected )?y_true"):
        keras.losses.MeanSquaredError()(odd, torch.ones(1, 1))
    with pytest.raises(ValueError, match=r"^\w+: (expected )?y_true"):
        keras.metrics.MeanSquaredError().update_state(odd, torch.ones(1, 1))
    with pytest.raises(ValueError, match=r"^(\w+: )?(expected )?y_pred"):
        keras.losses.MeanSquaredError()(torch.ones(1, 1), odd)


def test_integers_where_they_are_asked_for():
    assert as_integers([], "x", "n").dtype == torch.int64
    with says("x: expected places as integers, got (1,) of torch.float32."):
        as_integers([0.5], "x", "places as integers")


# --- other doors that read by this one ------------------------------------------------------------


def test_small_tools_read_once_and_whole_too():
    pad = keras.utils.pad_sequences
    assert pad(part for part in [[1], [2, 3]]).tolist() == [[0, 1], [2, 3]]
    assert pad(map(iter, [[1], [2, 3]]), padding="post").tolist() == [[1, 0], [2, 3]]
    assert pad([np.ma.masked_array([1, 2], [1, 0]), [3, 4]]).tolist() == [[0, 2], [3, 4]]
    assert keras.utils.to_categorical(iter([0, 1])).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: keras.utils.normalize(["a"]),
            "normalize: x: expected numbers, got an array of <U1",
        ),
        (lambda: keras.utils.normalize([1j]), "normalize: x: got complex numbers."),
        (lambda: keras.utils.to_categorical([1j]), "to_categorical: x: got complex numbers."),
        (lambda: keras.utils.pad_sequences({1: [2]}), "pad_sequences: expected a list, got a dict"),
        (lambda: keras.backend.constant("a"), "constant: expected numbers, got 'a'."),
        (
            lambda: keras.backend.constant([[1], [2, 3]]),
            "constant: expected numbers in lists of equal",
        ),
        (
            lambda: keras.backend.set_value(torch.ones(2), "a"),
            "set_value: expected numbers, got 'a'.",
        ),
        (
            lambda: L.Dense(1)(torch.ones(2, 2) * 1j),
            "Dense: got complex numbers, but its weights are",
        ),
        (
            lambda: L.Dense(1)(np.ones((2, 2)) * 1j),
            "Dense: got complex numbers. Give both parts as",
        ),
        (
            lambda: keras.data.Sampler([1.5, 2.5]),
            "Sampler: lengths: expected integers, got (2,) of",
        ),
    ],
)
def test_other_doors_say_who_and_what(call, text):
    with says(text):
        call()


def test_one_loss_in_a_list_of_its_own_is_that_loss():
    x = keras.Input((3,))
    model = keras.Model(x, {"a": L.Dense(1, name="a")(x), "b": L.Dense(1, name="b")(x)})
    y = {"a": np.ones((4, 1)), "b": np.ones((4, 1))}
    model.compile("sgd", {"a": "mse", "b": ["mse"]})
    listed = model.evaluate(np.ones((4, 3)), y, verbose=0)
    model.compile("sgd", {"a": "mse", "b": "mse"})
    assert listed == model.evaluate(np.ones((4, 3)), y, verbose=0)
    with says("compile: loss: expected one loss for output 'b', got 2."):
        model.compile("sgd", {"a": "mse", "b": ["mse", "mae"]})


def test_a_deviation_whose_square_float16_cannot_hold():
    steps = Ragged.from_list([torch.tensor([6e4, 0.0, 6e4], dtype=torch.float16)])
    assert steps.std().tolist() == [28288.0]
