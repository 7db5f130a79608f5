"""The type's words against a loop over sequences in plain torch: forward, backward, empties."""

import html.parser
import io
import operator

import numpy as np
import pytest
import rich.console
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad import Layout, Ragged
from unpad.ragged.elementwise import Elementwise
from unpad.testing import coded

from ..messages import says
from ..strategies import batches

# --- one row a sequence ---------------------------------------------------------------------------

ROWS = {
    "any": (lambda r: r.any(), lambda s: (s != 0).any(0), False),
    "all": (lambda r: r.all(), lambda s: (s != 0).all(0), True),
    "argmax": (lambda r: r.argmax(), lambda s: s.argmax(0), -1),
    "argmin": (lambda r: r.argmin(), lambda s: s.argmin(0), -1),
    "var": (lambda r: r.var(), lambda s: s.var(0, correction=0), 0),
    "std": (lambda r: r.std(), lambda s: s.std(0, correction=0), 0),
    "var of a sample": (
        lambda r: r.var(correction=1),
        lambda s: s.var(0) if len(s) > 1 else torch.zeros(s.shape[1:]).double(),
        0,
    ),
}


def mixed(ragged):
    """Values that rise and fall, with zeros and equal ones among them."""
    return ragged.map(lambda v: (v * 7.3).sin().mul(3).round())


@pytest.mark.parametrize("name", ROWS)
@given(ragged=batches())
def test_rows_are_those_of_each_sequence(name, ragged):
    ours, of_one, of_none = ROWS[name]
    ragged = mixed(ragged)
    got = ours(ragged)
    assert got.shape == (ragged.batch, *ragged.feature)
    for row, rows in zip(got, ragged, strict=True):
        want = of_one(rows) if len(rows) else torch.full(ragged.feature, of_none)
        torch.testing.assert_close(row, want.to(row.dtype))


def test_of_several_the_first_and_of_nan_the_place():
    r = Ragged.from_list([[1.0, 5.0, 5.0], [float("nan"), 9.0], [], [7.0, float("nan")]])
    assert r.argmax().tolist() == [1, 0, -1, 1]
    assert r.argmin().tolist() == [0, 0, -1, 1]
    flags = Ragged.from_list([[False, True], [False], []])
    assert (flags.max().tolist(), flags.min().tolist()) == ([True, False, False], [False] * 3)
    assert flags.argmax().tolist() == [1, 0, -1]


# --- from step to step ----------------------------------------------------------------------------

STEPS = {
    "cumsum": (lambda r: r.cumsum(), lambda s: s.cumsum(0)),
    "diff": (lambda r: r.diff(), lambda s: s.diff(dim=0)),
    "shift": (lambda r: r.shift(), lambda s: moved(s, 1, 0)),
    "shift by 3": (lambda r: r.shift(3, fill=-2), lambda s: moved(s, 3, -2)),
    "shift ahead": (lambda r: r.shift(-2, fill=9), lambda s: moved(s, -2, 9)),
    "shift by nothing": (lambda r: r.shift(0), lambda s: s),
    "softmax": (lambda r: r.softmax(), lambda s: s.softmax(0) if len(s) else s),
    "reversed": (lambda r: r.reversed(), lambda s: s.flip(0)),
}


def moved(steps, by, fill):
    rows = [steps[t - by] if 0 <= t - by < len(steps) else None for t in range(len(steps))]
    empty = torch.full(steps.shape[1:], float(fill), dtype=steps.dtype)
    return torch.stack([empty if row is None else row for row in rows]) if rows else steps


@pytest.mark.parametrize("name", STEPS)
@given(ragged=batches())
def test_steps_are_those_of_each_sequence(name, ragged):
    ours, of_one = STEPS[name]
    got = ours(ragged)
    assert got.batch == ragged.batch
    for mine, steps in zip(got, ragged, strict=True):
        torch.testing.assert_close(mine, of_one(steps))


@pytest.mark.parametrize("name", STEPS)
def test_a_sequence_is_the_same_alone_and_in_company(name):
    ours, _ = STEPS[name]
    ragged = mixed(coded([5, 0, 700, 3], (3,), torch.float32)) / 3
    together = ours(ragged)
    for i in range(ragged.batch):
        assert torch.equal(ours(ragged[i : i + 1])[0], together[i])


@pytest.mark.parametrize("name", [*STEPS, "var", "std", "var of a sample", "where", "matmul"])
def test_gradients(name):
    layout = coded([3, 0, 1, 2], (2,)).layout
    calls = {
        "where": lambda r: r.where(r > 0, r * 2),
        "matmul": lambda r: r @ torch.arange(6.0, dtype=torch.float64).reshape(2, 3),
    }
    ours = calls.get(name) or (STEPS | ROWS)[name][0]

    def function(values):
        out = ours(Ragged(values, layout))
        return out.values if isinstance(out, Ragged) else out

    generator = torch.Generator().manual_seed(0)
    values = torch.randn(6, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, values)


@pytest.mark.parametrize("name", [*STEPS, *ROWS])
@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_has_no_gradient_and_no_nan(name, lengths):
    ragged = coded(lengths, (2,))
    values = ragged.values.clone().requires_grad_()
    out = (STEPS | ROWS)[name][0](ragged.with_values(values))
    total = out.values if isinstance(out, Ragged) else out
    if total.requires_grad:
        total.sum().backward()
    assert bool(total.isfinite().all())


def test_a_sequence_of_equal_steps_has_no_deviation_and_no_gradient():
    r = Ragged.from_list([torch.ones(3, requires_grad=True), torch.ones(1)])
    values = r.values.detach().requires_grad_()
    deviation = r.with_values(values).std()
    deviation.sum().backward()
    assert deviation.tolist() == [0, 0]
    assert values.grad.tolist() == [0] * 4


def test_differences_of_flags_and_sums_of_integers():
    flags = Ragged.from_list([[True, False, False], [True]])
    assert flags.diff().values.tolist() == [True, False]
    assert flags.cumsum().values.tolist() == [1, 1, 1, 1]
    small = Ragged.from_list([torch.full((3,), 100, dtype=torch.int8)])
    assert small.cumsum().values.tolist() == [100, 200, 300]


# --- products, choices, joins ---------------------------------------------------------------------


@given(batches(feature=st.just((3,))))
def test_each_step_times_a_matrix_or_a_vector(ragged):
    matrix = torch.arange(12.0).reshape(3, 4)
    for right in (matrix, matrix.double(), matrix[:, 0], matrix.numpy()[:, ::-1]):
        got = ragged @ right
        plain = torch.from_numpy(right.copy()) if isinstance(right, np.ndarray) else right
        for mine, steps in zip(got, ragged, strict=True):
            torch.testing.assert_close(mine, steps @ plain.double())
    torch.testing.assert_close(
        torch.matmul(ragged, matrix.double()).values, (ragged @ matrix).values
    )


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (
            torch.ones(4, 2),
            "Ragged @ tensor: steps are of (3,): expected a matrix (3, n) or a vector",
        ),
        (torch.ones(2, 3, 4), "Ragged @ tensor: steps are of (3,): expected a matrix (3, n) or a"),
        (torch.tensor(1.0), "Ragged @ tensor: steps are of (3,): expected a matrix (3, n) or a v"),
    ],
)
def test_products_that_fit_nothing_are_refused(right, text):
    with says(text):
        coded([2, 1], (3,)) @ right


def test_products_of_what_cannot_be_paired():
    r = coded([2, 1], (3,))
    with says("Ragged @ Ragged: which steps meet which is not said.", TypeError):
        r @ r
    with says("tensor @ Ragged: each step is a row. Write ragged @ matrix.T.", TypeError):
        torch.ones(2, 3) @ r
    with says("Ragged @ tensor: steps are of (): one number a step has no axis to multiply"):
        coded([2]) @ torch.ones(2)


@given(batches(feature=st.just((2,))))
def test_where_chooses_number_by_number(ragged):
    rows = torch.arange(ragged.batch * 2.0, dtype=torch.float64).reshape(-1, 2)
    chosen = ragged.where(ragged > 100, rows)
    also = torch.where(ragged > 100, ragged, rows)
    for i, steps in enumerate(ragged):
        want = torch.where(steps > 100, steps, rows[i])
        assert torch.equal(chosen[i], want)
        assert torch.equal(also[i], want)


def test_one_number_a_step_goes_to_all_of_its_features():
    for lengths in ([3, 1], [2, 1], [1, 1], [0, 2]):  # as many steps as features, sequences, ...
        h, w = coded(lengths, (len(lengths),)), coded(lengths) + 1
        for product in (h * w, w * h):
            for mine, steps, weights in zip(product, h, w, strict=True):
                assert torch.equal(mine, steps * weights[:, None])
        deep = coded(lengths, (2, 3))
        assert torch.equal((deep - w).values, deep.values - w.values[:, None, None])
    with says("Ragged * Ragged: steps of (4,) and of (3,) do not go together."):
        coded([2, 1], (4,)) * coded([2, 1], (3,))


def test_bounds_are_paired_with_sequences_and_not_with_steps():
    r = Ragged.from_list([torch.tensor([0.0, 10, 20]), torch.tensor([]), torch.tensor([200.0])])
    low = torch.tensor([1.0, 2.0, 1000.0])
    for clipped in (r.clip(min=low), torch.clamp(r, min=low), torch.clamp(r, low)):
        assert clipped[0].tolist() == [1, 10, 20]
        assert clipped[2].tolist() == [1000]


def test_options_of_torchs_functions_are_obeyed_or_refused():
    r = Ragged.from_list([[1.0, 2.0], [-7.0]])
    row = torch.tensor(10.0)
    assert row.add(r, alpha=2).values.tolist() == [12, 14, -4]
    assert torch.sub(r, 1, alpha=3).values.tolist() == [-2, -1, -10]
    assert torch.div(r, 2, rounding_mode="floor").values.tolist() == [0, 1, -4]
    assert row.div(r, rounding_mode="trunc").values.tolist() == [10, 5, -1]
    assert r.round(decimals=0).values.tolist() == [1, 2, -7]
    with says("torch.relu: a Ragged is immutable, so that inplace= is nothing.", TypeError):
        torch.nn.functional.relu(r, inplace=True)
    with says("torch.exp: a Ragged is immutable, so that out= is nothing.", TypeError):
        torch.exp(r, out=torch.ones(3))
    with pytest.raises(TypeError, match="torch function 'add_' got a Ragged"):
        torch.ones(3).add_(r)


def test_a_comparison_has_no_truth():
    r = coded([2, 1])
    with says("Ragged: the truth of many numbers is not one.", TypeError):
        bool(r == r)
    with says("Ragged: the truth of many numbers is not one.", TypeError):
        assert r
    assert (r == r).values.all()
    assert (r != None) is True  # noqa: E711


def test_every_method_of_single_numbers_is_torchs_function():
    r = coded([2, 0, 1], (3,)).map(lambda v: v / 1000 + 0.1)
    names = [n for n, f in vars(Elementwise).items() if callable(f) and not n.startswith("_")]
    assert len(names) > 50
    for name in names:
        function = getattr(torch, name)
        for others in ((), (0.2,), (r * 2,), (r * 2, 0.5), (r > 0.2, r)):
            inner = [o.values if isinstance(o, Ragged) else o for o in others]
            try:
                wanted = getattr(torch.Tensor, name)(r.values, *inner)
            except (TypeError, RuntimeError):
                continue
            if not isinstance(wanted, torch.Tensor):
                continue
            got = getattr(r, name)(*others).values
            torch.testing.assert_close(got, wanted, rtol=0, atol=0, equal_nan=True)
            assert function.__name__ == name
            break
        else:
            pytest.fail(f"{name} was never called")


@given(batches(feature=st.just((2,))))
def test_features_are_joined_step_by_step(ragged):
    double = ragged * 2
    for joined in (
        Ragged.concatenate([ragged, double], axis=-1),
        Ragged.concatenate((r for r in (ragged, double)), axis=2),
        torch.cat([ragged, double], dim=2),
        torch.concat([ragged, double], -1),
    ):
        assert torch.equal(joined.values, torch.cat([ragged.values, double.values], 1))
    for stacked in (Ragged.stack([ragged, double]), torch.stack([ragged, double], -1)):
        assert torch.equal(stacked.values, torch.stack([ragged.values, double.values], -1))
    assert Ragged.stack([ragged, double], axis=2).feature == (2, 2)
    assert torch.equal(
        torch.cat([ragged, double]).values, torch.cat([ragged.values, double.values])
    )


JOINS = {
    "over time": (
        lambda r: Ragged.concatenate([r, r], axis=1),
        "Ragged.concatenate: axis 1 is time. Features are joined from axis 2 on; over time: layers",
    ),
    "over no axis": (
        lambda r: Ragged.concatenate([r, r], axis=3),
        "Ragged.concatenate: there is no axis 3: the grid has 3.",
    ),
    "other layouts": (
        lambda r: Ragged.concatenate([r, r[::-1]], axis=-1),
        "Ragged.concatenate: batch 1 has another layout than the first: sequence 0 has 2 steps",
    ),
    "stacks of sequences": (
        lambda r: Ragged.stack([r, r], axis=0),
        "Ragged.stack: axis 0 is the batch. Features are joined from axis 2 on",
    ),
    "stacks of other features": (
        lambda r: Ragged.stack([r, r[..., 0]]),
        "Ragged.stack: batch 1 has steps of shape (), the first has (3,).",
    ),
    "with a tensor": (
        lambda r: torch.cat([r, torch.ones(3, 3)], -1),
        "Ragged.concatenate: expected batch 1 as a Ragged, got Tensor.",
    ),
    "of one": (
        lambda r: Ragged.concatenate(r),
        "Ragged.concatenate: expected a list of Ragged, got",
    ),
    "of none": (lambda r: Ragged.stack([]), "Ragged.stack: got no batch."),
}


@pytest.mark.parametrize("what", JOINS)
def test_what_cannot_be_joined_is_refused(what):
    call, text = JOINS[what]
    with says(text):
        call(coded([2, 1], (3,)))


def test_words_reach_the_inner_of_two_levels():
    r = Ragged.from_list([[[1.0, -2.0], [3.0]], [], [[4.0]]], levels=2)
    assert r.abs().merge_levels().values.tolist() == [1, 2, 3, 4]
    assert r.cumsum().merge_levels().values.tolist() == [1, -1, 3, 4]
    assert r.shift().merge_levels().values.tolist() == [0, 1, 0, 0]
    assert r.any().values.tolist() == [True, True, True]
    assert r.argmax().values.tolist() == [0, 0, 0]
    assert r.clip(max=2).merge_levels().values.tolist() == [1, -2, 2, 2]
    # A number for each inner sequence goes to its steps.
    assert (r * r.sum()).merge_levels().values.tolist() == [-1, 2, 9, 16]


# --- the names of others --------------------------------------------------------------------------


@given(batches())
def test_views_under_the_names_of_other_libraries(ragged):
    assert ragged.cu_seqlens.dtype == torch.int32
    assert ragged.cu_seqlens.tolist() == ragged.offsets.tolist()
    assert type(ragged.max_seqlen) is int
    assert ragged.max_seqlen == max(ragged.lengths.tolist(), default=0)
    assert (ragged.seq_idx.dtype, tuple(ragged.seq_idx.shape)) == (torch.int32, (1, ragged.steps))
    assert ragged.seq_idx[0].tolist() == ragged.sequence_ids.tolist()
    assert ragged.position_ids.dtype == torch.int64
    assert ragged.position_ids.tolist() == [ragged.positions.tolist()]


def test_more_steps_than_int32_counts_have_no_cu_seqlens():
    many = Ragged(torch.zeros(1, 1).expand(2**31, 1), Layout(torch.tensor([0, 2**31])))
    with says("Ragged.cu_seqlens: int32 does not count 2147483648 steps."):
        assert many.cu_seqlens is None


# --- in a notebook --------------------------------------------------------------------------------


class Read(html.parser.HTMLParser):
    """Tags that are closed as they were opened, and the bars among them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.bars, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "rect":
            self.bars.append(int(dict(attrs)["height"]))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@given(batches())
def test_a_notebook_shows_a_bar_for_each_sequence(ragged):
    page = Read(ragged._repr_html_())
    assert page.open == []
    assert len(page.bars) == ragged.batch
    longest = ragged.max_seqlen or 1
    for bar, n in zip(page.bars, ragged.lengths.tolist(), strict=True):
        assert bar == max(1, round(40 * n / longest))
    assert repr(ragged).splitlines()[0] in page.text


def test_many_sequences_share_bars():
    page = Read(coded([1, 2, 3] * 1000)._repr_html_())
    assert 60 <= len(page.bars) <= 120
    assert set(page.bars) == {40}
    assert "sequences 0 to 24: 1 to 3 steps" in page.text


NUMPYS = {
    "asarray": lambda r: np.asarray(r),
    "array": lambda r: np.array(r, dtype="float32"),
    "exp": lambda r: np.exp(r),
    "isnan": lambda r: np.isnan(r),
    "mean": lambda r: np.mean(r),
    "stack": lambda r: np.stack([r, r]),
    "concatenate": lambda r: np.concatenate([r, r]),
    "where": lambda r: np.where(r),
    "allclose": lambda r: np.allclose(r, r),
    "add.reduce": lambda r: np.add.reduce(r),
}


@pytest.mark.parametrize("name", NUMPYS)
@pytest.mark.parametrize("lengths", [[2, 1], [2, 2]])
def test_numpy_is_told_the_way_out(name, lengths):
    """Of equal lengths too: what works must not hang on what else is in the batch."""
    ragged = Ragged.from_list([np.ones(n, "float32") for n in lengths])
    with pytest.raises((TypeError, ValueError), match="Ragged") as refused:
        NUMPYS[name](ragged)
    assert "ragged." in str(refused.value)


OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]


@pytest.mark.parametrize("name", OPERATORS)
def test_numpy_on_the_left_of_an_operator_is_paired_as_a_tensor_is(name):
    ragged = Ragged.from_list([np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[2.0, 2.0]])])
    left, function = np.array([2.0, 3.0]), getattr(operator, name)
    found = function(left, ragged)
    assert torch.equal(found.values, function(torch.tensor(left), ragged.values))
    scalar = function(np.float64(2), ragged)
    assert torch.equal(scalar.values, function(torch.tensor(2.0), ragged.values).to(scalar.dtype))


def test_what_is_in_a_ragged_is_not_asked_of_numpy():
    with pytest.raises(TypeError, match=r"^Ragged: .*\.any\(\)"):
        1.0 in Ragged.from_list([[1.0], [2.0, 3.0]])  # noqa: B015


def test_features_are_not_chosen_by_half_numbers():
    steps = Ragged.from_list([[[1.0, 2.0]]])
    with pytest.raises(IndexError, match=r"^Ragged: \[\.\.\., \[0\.5\]\] chooses nothing"):
        steps[..., [0.5]]


@pytest.mark.parametrize(
    ("lengths", "blocks"),
    [([8, 4, 0, 1], "█▄.▁"), ([0, 0], ".."), ([], ""), ([2] * 119 + [4], "▄" * 59 + "█")],
)
def test_on_a_terminal_the_lengths_are_a_strip(lengths, blocks):
    ragged = coded(lengths, (2,))
    written = io.StringIO()
    rich.console.Console(file=written, width=120).print(ragged)
    head, strip, *rest = written.getvalue().splitlines()
    assert strip.strip() == blocks
    assert [head, *rest] == repr(ragged).splitlines()
    assert repr(ragged).isascii()
