"""Optimisers beside Keras's numbers: batches that add up, constraints, state, mistakes."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import spellings
from unpad.core.weight import Weight
from unpad.optimizers import rules
from unpad.optimizers.constrained import obeying
from unpad.weights import constraints

from ..messages import says

NAMES = sorted(keras.optimizers._BY_NAME)
every = pytest.mark.parametrize("name", NAMES)


def weights(*sizes):
    return [torch.nn.Parameter(torch.randn(s, dtype=torch.float64)) for s in sizes or (3, 4)]


def pull(parameters, seed):
    """Gives the weights gradients that depend on the seed and on where they are."""
    torch.manual_seed(seed)
    for p in parameters:
        p.grad = torch.randn_like(p) + 0.1 * p.detach()


def train(optimizer, parameters, updates):
    for update in updates:
        pull(parameters, update)
        optimizer.step()


# --- several batches, one update ------------------------------------------------------------------


@every
@given(sizes=st.lists(st.integers(0, 5), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_batches_that_make_one_update_are_one_large_batch(name, sizes, seed):
    """However unequal they are: each counts by its steps, one of none not at all."""
    torch.manual_seed(seed)
    x = torch.randn(sum(sizes), 3, dtype=torch.float64)
    start = torch.randn(3, dtype=torch.float64)
    make = getattr(keras.optimizers, keras.optimizers._BY_NAME[name].__name__)

    def mean_loss(w, rows):
        return (rows @ w).square().sum() / max(1, len(rows))

    whole, parts = (torch.nn.Parameter(start.clone()) for _ in range(2))
    at_once = make(0.1).bind([whole])
    in_turn = make(0.1, gradient_accumulation_steps=len(sizes)).bind([parts])
    for _ in range(2):
        at_once.zero_grad()
        mean_loss(whole, x).backward()
        at_once.step()
        for rows in x.split(sizes):
            in_turn.zero_grad()
            mean_loss(parts, rows).backward()
            in_turn.step(weight=len(rows))
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)
    assert in_turn.iterations == at_once.iterations == 2


def test_weights_stay_until_there_are_enough_batches():
    (w,) = weights(3)
    before = w.detach().clone()
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3).bind([w])
    for call in range(3):
        assert torch.equal(w, before), call
        assert optimizer.iterations == 0
        w.grad = torch.full_like(w, float(call))
        optimizer.step()
    torch.testing.assert_close(w.detach(), before - 0.1)
    assert optimizer.iterations == 1


# --- constraints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", "adam", torch.optim.Adam, lambda w: torch.optim.SGD(w, 0.5), "instance",
     lambda w: keras.optimizers.Adam(0.5).bind(w)],
)  # fmt: skip
def test_constraints_hold_after_every_update(optimizer):
    w, free = weights((5, 3), (5, 3))
    if optimizer == "instance":
        optimizer = torch.optim.Adagrad([w, free], 0.5)
    made = keras.optimizers.maker(optimizer)([w, free])
    assert obeying(made, [(w, constraints.MaxNorm(0.5, axis=1))]) is made
    for update in range(3):
        pull([w, free], update)
        made.step()
        assert float(w.detach().norm(dim=1).max()) < 0.5 + 1e-6
    assert float(free.detach().norm(dim=1).max()) > 1


def test_a_constraint_is_applied_once_an_update():
    calls = []
    (w,) = weights(3)
    noted = [(w, lambda w: calls.append(1) or w)]
    instance = torch.optim.SGD([w], 0.1)
    for make in (keras.optimizers.maker(instance), keras.optimizers.maker(instance)):
        made = obeying(make([w]), noted)
    train(made, [w], range(2))
    assert len(calls) == 2
    calls.clear()
    rule = keras.optimizers.SGD(gradient_accumulation_steps=2).bind([w])
    train(obeying(rule, noted), [w], range(4))
    assert len(calls) == 2
    w.grad = None
    made.step()
    assert len(calls) == 2


def test_constraints_that_come_later_and_in_copies():
    (w,) = weights((5, 3))
    rule, torchs = keras.optimizers.SGD(0.5).bind([w]), torch.optim.SGD([w], 0.5)
    asked = [(w, constraints.NonNeg())]
    for optimizer in (rule, torchs):
        assert obeying(obeying(optimizer, asked), asked) is optimizer
        train(optimizer, [w], range(2))
        assert bool((w >= 0).all())
    again = copy.deepcopy(rule)
    (copied,) = again.param_groups[0]["params"]
    train(again, [copied], range(2))
    assert bool((copied >= 0).all())
    for optimizer in (rule, torchs):
        train(obeying(optimizer, []), [w], range(4))
        assert not bool((w >= 0).all())


class Looks(constraints.NonNeg):
    """Notes how many rows it is shown."""

    def __init__(self):
        self.rows = []

    def __call__(self, w):
        self.rows.append(len(w))
        return super().__call__(w)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # torch's own, once
@pytest.mark.parametrize(
    ("make", "few"),
    [
        (lambda w: torch.optim.SparseAdam(w, 0.5), True),
        (lambda w: torch.optim.Adagrad(w, 0.5), True),
        (lambda w: torch.optim.SGD(w, 0.5), True),
        (lambda w: torch.optim.SGD(w, 0.5, momentum=0.9), False),
    ],
)
def test_only_the_rows_that_an_update_touched(make, few):
    """Where the rest stays as it was, and only then: the weights are those of looking at all."""
    start = torch.randn(9, 3)
    tables, looked = [], []
    for constraint in (Looks(), lambda w: w.clamp_min(0)):
        table = torch.nn.Embedding(9, 3, sparse=True, _weight=start.clone())
        optimizer = keras.optimizers.maker(make)(table.parameters())
        obeying(optimizer, [(table.weight, constraint)])
        looked.append(constraint)
        for update, rows in enumerate([[0, 1], [1, 1, 4], [8], [2, 3]]):
            optimizer.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            if update == 2:
                with torch.no_grad():
                    table.weight[5] = -1.0
            optimizer.step()
        tables.append(table.weight.detach().clone())
    assert torch.equal(*tables)
    # The first time and after the table was set from outside, all rows.
    assert looked[0].rows == ([9, 2, 9, 2] if few else [9, 9, 9, 9])


# --- state ----------------------------------------------------------------------------------------

OPTIONS = {"use_ema": True, "gradient_accumulation_steps": 2, "weight_decay": 0.1, "clipnorm": 1.0}


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "all"])
@every
def test_state_goes_on_where_it_was(name, options):
    """Saved in the middle, or copied: the same weights to the bit, whichever goes on."""
    make = keras.optimizers._BY_NAME[name]
    params = weights()
    optimizer = make(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), **options).bind(
        params
    )
    train(optimizer, params, range(5))
    copied = copy.deepcopy(optimizer)
    pickled = pickle.loads(pickle.dumps(optimizer))
    loaded_params = [torch.nn.Parameter(p.detach().clone()) for p in params]
    loaded = make(optimizer.around.schedule, **options).bind(loaded_params)
    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert loaded.iterations == optimizer.iterations == (2 if options else 5)
    results = []
    for one in (optimizer, copied, pickled, loaded):
        ps = one.param_groups[0]["params"]
        train(one, ps, range(5, 9))
        one.finalize_variable_values()
        results.append(ps)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_torch_s_adam_can_take_over_and_hand_back():
    params, others = weights(), weights()
    torchs = torch.optim.Adam(params, 0.1)
    train(torchs, params, range(3))
    ours = rules.AdamKeras(others, lr=0.1)
    ours.load_state_dict(torchs.state_dict())
    step = ours.state_dict()["state"][0]["step"]
    assert (type(step), step) == (int, 3)
    train(ours, others, range(2))
    torchs.load_state_dict(ours.state_dict())
    assert float(torchs.state_dict()["state"][0]["step"]) == 5
    train(torchs, params, range(1))


@pytest.mark.parametrize("name", ["adam", "adamax", "nadam"])
def test_a_weight_that_was_frozen_counts_for_itself(name):
    """Its first update is a first one, though the others have made many."""
    early, late = weights(2, 2)
    optimizer = keras.optimizers.maker(name)([early, late])
    train(optimizer, [early], range(10))
    alone = torch.nn.Parameter(late.detach().clone())
    pull([early, late], 3)
    alone.grad = late.grad.clone()
    optimizer.step()
    keras.optimizers.maker(name)([alone]).step()
    torch.testing.assert_close(late, alone)


def test_torch_s_hooks_and_schedulers_work():
    (w,) = weights(3)
    optimizer, seen = keras.optimizers.Adam(0.1).bind([w]), []
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    train(optimizer, [w], range(2))
    scheduler.step()
    assert seen == ["before", "after"] * 2
    assert optimizer.learning_rate == 0.05

    def closure():
        w.grad = torch.ones_like(w)
        assert torch.is_grad_enabled()
        return 3.0

    assert optimizer.step(closure) == 3.0


def test_gradients_are_left_as_they_were():
    (w,) = weights(3)
    w.grad = torch.full_like(w, 9.0)
    for clip in ("clipnorm", "clipvalue", "global_clipnorm"):
        keras.optimizers.Adam(**{clip: 1.0}).bind([w]).step()
        assert torch.equal(w.grad, torch.full_like(w, 9.0))
    optimizer = keras.optimizers.SGD().bind([w])
    optimizer.zero_grad(set_to_none=False)
    assert torch.equal(w.grad, torch.zeros_like(w))
    optimizer.zero_grad()
    assert w.grad is None


@every
def test_nothing_to_move_is_legal(name):
    """No gradient anywhere, and a weight without entries."""
    params = weights(3, 0)
    optimizer = keras.optimizers._BY_NAME[name](global_clipnorm=1.0).bind(params)
    before = params[0].detach().clone()
    optimizer.step()
    assert torch.equal(params[0], before)
    train(optimizer, params, range(2))
    assert not torch.equal(params[0], before)


def test_fit_with_everything():
    model = keras.Sequential([keras.layers.LSTM(4), keras.layers.Dense(1)])
    x, y = [np.ones((n, 2)) for n in (1, 3, 2, 4)], np.arange(4.0)
    optimizer = keras.optimizers.Nadam(
        keras.optimizers.schedules.CosineDecay(0.1, 40), global_clipnorm=1.0, weight_decay=0.01
    )
    model.compile(optimizer, "mse")
    losses = model.fit(x, y, batch_size=2, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert optimizer.iterations == model.optimizer.iterations == 40
    assert optimizer.learning_rate == pytest.approx(0.0, abs=1e-9)


# --- spellings and mistakes -----------------------------------------------------------------------


def test_older_spellings_say_the_better_once(monkeypatch):
    monkeypatch.setattr(spellings, "_told", set())
    with pytest.warns(FutureWarning) as told:
        optimizer = keras.optimizers.Adam(lr=0.1, decay=0.5)
    assert [str(w.message) for w in told] == [
        "Adam: lr= is how Keras 2 spelt it; write learning_rate=0.1.",
        "Adam: decay= is how Keras 2 spelt it; write "
        "learning_rate=schedules.InverseTimeDecay(0.1, 1, 0.5).",
    ]
    assert told[0].filename == __file__
    spellings._told.clear()
    with pytest.warns(FutureWarning) as told_of_w:
        keras.optimizers.AdamW(lr=0.1)
    assert told_of_w[0].filename == __file__
    spellings._told.add("optimizer decay")
    step = optimizer.bind(weights())
    rates = []
    for _ in range(3):
        rates.append(optimizer.learning_rate)
        step.step()
    assert rates == [0.1, 0.1 / 1.5, 0.1 / 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert keras.optimizers.SGD(lr=0.2, decay=0.0).learning_rate == 0.2
    assert keras.optimizers.SGD(np.float32(0.5)).learning_rate == 0.5


def sparse_step():
    table = torch.nn.Embedding(9, 3, sparse=True)
    table(torch.tensor([1])).sum().backward()
    keras.optimizers.Adam().bind(table.parameters()).step()


MISTAKES = [
    (
        lambda: keras.optimizers.Adam("fast"),
        "Adam: expected learning_rate as a finite number from 0, a schedule or a callable of "
        "the step, got "
        "'fast'.",
    ),
    (
        lambda: keras.optimizers.SGD(-0.1),
        "SGD: expected learning_rate as a finite number from 0, a schedule or a callable of "
        "the step, got -0.1.",
    ),
    (
        lambda: keras.optimizers.Adam(clipnorm=1.0, clipvalue=0.5),
        "Adam: expected one of clipnorm, clipvalue and global_clipnorm, got clipnorm=1.0 and "
        "clipvalue=0.5. They exclude each other: keep one.",
    ),
    (
        lambda: keras.optimizers.Adam(clipnorm=0),
        "Adam: expected clipnorm as a finite positive number or None, got 0.",
    ),
    (
        lambda: keras.optimizers.Adam(weight_decay=-1),
        "Adam: expected weight_decay as a finite number from 0 or None, got -1.",
    ),
    (
        lambda: keras.optimizers.Adam(use_ema=True, ema_momentum=2),
        "Adam: expected ema_momentum as a number from 0 to 1, got 2.",
    ),
    (
        lambda: keras.optimizers.Adam(ema_overwrite_frequency=1.5),
        "Adam: expected ema_overwrite_frequency as a positive integer or None, got 1.5.",
    ),
    (
        lambda: keras.optimizers.Adam(gradient_accumulation_steps=1),
        "Adam: expected gradient_accumulation_steps as an integer from 2 or None, got 1.",
    ),
    (
        lambda: keras.optimizers.Adam(loss_scale_factor=0),
        "Adam: expected loss_scale_factor as a finite positive number or None, got 0.",
    ),
    (
        lambda: keras.optimizers.SGD(momentum=2),
        "SGD: expected momentum as a number from 0 to 1, got 2.",
    ),
    (
        lambda: keras.optimizers.Lion(beta_1=0.0),
        "Lion: expected beta_1 as a number above 0 and at most 1, got 0.0.",
    ),
    (
        lambda: keras.optimizers.Ftrl(learning_rate_power=1.0),
        "Ftrl: expected learning_rate_power as a finite number at most 0, got 1.0.",
    ),
    (
        lambda: keras.optimizers.Adagrad(initial_accumulator_value=-1),
        "Adagrad: expected initial_accumulator_value as a finite number from 0, got -1.",
    ),
    (
        lambda: keras.optimizers.get("adan"),
        "compile: unknown optimizer 'adan'; did you mean 'adam' or 'nadam' or 'adamw'? Known are: "
        "adadelta, adafactor, adagrad, adam, adamax, adamw, ftrl, lamb, lion, muon, nadam, "
        "rmsprop, schedulefreeadamw, sgd.",
    ),
    (
        lambda: keras.optimizers.get(3),
        "compile: expected an optimizer's name, an optimizer or a callable, got 3.",
    ),
    (
        sparse_step,
        "Adam: a weight of shape (9, 3) has a sparse gradient. Leave out sparse=True, or give "
        "compile torch.optim.SparseAdam.",
    ),
    (
        lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 0, 0.5),
        "ExponentialDecay: expected decay_steps as a finite positive number, got 0.",
    ),
    (
        lambda: keras.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
        "PiecewiseConstantDecay: expected one value more than boundaries, got 2 boundaries and 2 "
        "values.",
    ),
    (
        lambda: keras.optimizers.schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
        "PiecewiseConstantDecay: expected boundaries that rise, got [2, 1].",
    ),
    (
        lambda: keras.optimizers.schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5),
        "CosineDecayRestarts: expected t_mul as a finite number from 1, got 0.5.",
    ),
]


@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_mistakes(mistake, text):
    with says(text):
        mistake()


def test_a_rate_is_a_number_with_the_ways_of_a_variable():
    sgd = keras.optimizers.SGD(0.5)
    assert sgd.learning_rate.value == sgd.learning_rate.numpy() == 0.5
    assert sgd.learning_rate.assign(0.25) == sgd.learning_rate == 0.25
    bound = sgd.bind([torch.nn.Parameter(torch.ones(1))])
    bound.learning_rate.assign(0.125)
    assert bound.param_groups[0]["lr"] == bound.learning_rate.value == sgd.learning_rate == 0.125
    assert type(pickle.loads(pickle.dumps(bound.learning_rate))) is float
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    with pytest.raises(TypeError, match="the learning rate follows"):
        keras.optimizers.SGD(decay).learning_rate.assign(1)


@pytest.mark.parametrize("kind", ["SGD", "AdamW", "Muon", "Lamb"])
def test_spared_weights_do_not_decay(kind):
    """By themselves, or by a part of their names; the others shrink as before."""
    made = [Weight(torch.ones(2, 2), name=name) for name in ("kernel", "bias", "gamma")]
    optimizer = getattr(keras.optimizers, kind)(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=made[2:], var_names=["bia"])
    optimizer.apply([np.zeros((2, 2))] * 3, made)
    shrunk = [bool((w < 1).all()) for w in made]
    assert shrunk == [True, False, False]
    with says(f"{kind}.exclude_from_weight_decay: it moves its weights already. Say it before fit"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])
    with says("SGD.exclude_from_weight_decay: expected var_names as a list of names, or parts of"):
        keras.optimizers.SGD().exclude_from_weight_decay(var_names="bias")


def test_a_rate_that_follows_a_schedule_cannot_be_set():
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9))
    text = (
        "the learning rate follows CosineDecay(initial_learning_rate=0.1, decay_steps=9, "
        "alpha=0.0, warmup_target=None, warmup_steps=0) and cannot be set. Give the optimizer a "
        "number as learning_rate=."
    )
    with says(f"Adam: {text}", TypeError):
        optimizer.learning_rate = 0.1
    with says(f"Adam: {text}", TypeError):
        optimizer.bind(weights()).learning_rate = 0.1


def test_what_keras_lacks_is_a_type_error():
    with pytest.raises(TypeError, match="betas"):
        keras.optimizers.Adam(betas=(0.9, 0.99))


def test_configs_make_the_same_again():
    for name in NAMES:
        optimizer = keras.optimizers._BY_NAME[name](0.5, clipnorm=2.0)
        again = type(optimizer)(**optimizer.get_config())
        assert again.get_config() == optimizer.get_config()
        assert repr(again) == f"{type(optimizer).__name__}(learning_rate=0.5)"


# --- those that came later ------------------------------------------------------------------------


def test_schedule_free_against_the_paper():
    """Defazio et al. (2024): gradients at y, Adam's steps at z, the average of all z in x."""
    (w,) = weights((3, 2))
    y = w.detach().double()
    z, x, square = y.clone(), y.clone(), torch.zeros_like(y)
    made = keras.optimizers.ScheduleFreeAdamW(0.1, 0.9, 0.99, 1e-3, warmup_steps=3).bind([w])
    for t in range(1, 6):
        grad = torch.cos(t * torch.arange(6.0)).view(3, 2)
        w.grad = grad.to(w.dtype)
        made.step()
        square = 0.99 * square + 0.01 * grad.double() ** 2
        root = (square / (1 - 0.99**t)).sqrt() + 1e-3
        z = z - 0.1 * min(1, t / 3) * grad / root
        x = (1 - 1 / t) * x + z / t
        y = 0.1 * z + 0.9 * x
        torch.testing.assert_close(w.detach().double(), y, rtol=2e-5, atol=1e-6)


def test_muon_moves_along_orthogonal_matrices():
    """A matrix moves by one whose singular values are near 1; a table by AdamW."""
    matrix = keras.layers.Dense(5, use_bias=False)
    matrix.build((None, 8))
    table = keras.layers.Embedding(6, 4)
    table.build(())
    params = [matrix.kernel, table.embeddings]
    before = [p.detach().clone() for p in params]
    optimizer = keras.optimizers.Muon(
        1.0, weight_decay=None, adam_weight_decay=None, rms_rate=None, exclude_layers=None
    )
    made = optimizer.bind(params)
    pull(params, 0)
    made.step()
    size = torch.linalg.svdvals(matrix.kernel.detach() - before[0])
    assert float(size.min()) > 0.6 and float(size.max()) < 1.3
    moved = (table.embeddings.detach() - before[1]).abs()
    torch.testing.assert_close(moved, torch.ones_like(moved), rtol=1e-3, atol=1e-3)


def test_a_rate_of_nothing_is_asked_at_each_update():
    rate = [0.1]
    (w,) = weights(2)
    before = w.detach().clone()
    made = keras.optimizers.SGD(lambda: rate[0]).bind([w])
    for _ in range(2):
        w.grad = torch.ones_like(w)
        made.step()
        rate[0] = 0.2
    torch.testing.assert_close(w.detach(), before - 0.3)


def test_an_optimizer_by_its_configuration():
    made = keras.optimizers.get({"class_name": "sgd", "config": {"momentum": 0.5}})
    assert isinstance(made, keras.optimizers.SGD)
    assert made.momentum == 0.5
    again = keras.optimizers.get(keras.optimizers.serialize(made))
    assert again.get_config() == made.get_config()
    assert keras.optimizers.get(None) is None
    assert isinstance(keras.optimizers.get("Muon"), keras.optimizers.Muon)


def test_gradients_that_are_missing():
    w, other = weights((2,), (2,))
    optimizer = keras.optimizers.SGD(1.0)
    with pytest.raises(ValueError, match=r"^SGD\.apply: none of 2 weights has a gradient\. "):
        optimizer.apply([None, None], [w, other])
    before = other.detach().clone()
    with pytest.warns(UserWarning, match=r"^SGD\.apply: 1 of 2 weights has no gradient and stays"):
        optimizer.apply([None, torch.ones_like(other)], [w, other])
    torch.testing.assert_close(other.detach(), before - 1)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_of_weights_that_are_not_contiguous(amsgrad):
    """A transposed weight, its gradient in the usual order: the numbers of a contiguous one."""
    base, grad = torch.arange(6.0).view(3, 2), torch.cos(torch.arange(6.0)).view(2, 3)
    turned = torch.nn.Parameter(base.clone().T)
    plain = torch.nn.Parameter(base.T.contiguous())
    assert not turned.is_contiguous()
    for w in (turned, plain):
        made = keras.optimizers.Adam(0.1, amsgrad=amsgrad).bind([w])
        for t in range(3):
            w.grad = grad * (t + 1)
            made.step()
    torch.testing.assert_close(turned.detach(), plain.detach(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("make", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_a_state_is_read_by_torch_with_weights_only(make):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(make(0.01), "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    file = io.BytesIO()
    torch.save(model.optimizer.state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True)["param_groups"][0]["lr"] == 0.01
