"""What an argument may be: each check takes what is at the border, and words what is beyond it."""

import math

import numpy as np
import pytest
import torch

from unpad import arguments as A

from ..messages import says

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("check", "taken"),
    [
        (lambda v: A.positive("X", "n", v), [1, 7, np.int64(3), torch.tensor(2), np.array(4)]),
        (lambda v: A.integer("X", "n", v, -1, 2), [-1, 0, 2]),
        (lambda v: A.integer("X", "n", v, or_none=True), [None, -5]),
        (lambda v: A.number("X", "n", v), [-1, 0.5, np.float32(0.5), torch.tensor(0.25)]),
        (lambda v: A.number("X", "n", v, 0), [0, 0.0, 1e30]),
        (lambda v: A.number("X", "n", v, above=0), [1e-30]),
        (lambda v: A.number("X", "n", v, infinite=True), [INF, -INF, 0]),
        (lambda v: A.number("X", "n", v, 0, below=1), [0, 0.999]),
        (lambda v: A.share("X", "n", v), [0, 1, 0.5]),
        (lambda v: A.share("X", "n", v, or_none=True), [None]),
        (lambda v: A.flag("X", "n", v), [True, False, 1, 0, np.bool_(True)]),
        (lambda v: A.word("X", "n", v, ["a", None]), ["a", None]),
        (lambda v: A.function("X", "n", v), [len, torch.nn.ReLU]),
        (lambda v: A.text("X", "n", v), ["", "a"]),
        (lambda v: A.seed("X", "seed", v), [None, 0, -1, 2**64 - 1]),
        (lambda v: A.axes("X", "n", v), [-1, [0, 1], (2,)]),
        (lambda v: A.sizes("X", "n", v), [(3,), ()]),
        (lambda v: A.sizes("X", "n", v, unknown=True), [(None, 3)]),
    ],
)
def test_what_is_at_the_border_is_taken_as_it_is(check, taken):
    for value in taken:
        assert check(value) == value
        assert type(check(value)) in (int, float, bool, type(value))


@pytest.mark.parametrize(
    ("check", "value", "text"),
    [
        (A.positive, 0, "X: expected n as a positive integer, got 0."),
        (A.positive, True, "X: expected n as a positive integer, got True."),
        (A.positive, 2.0, "X: expected n as a positive integer, got 2.0."),
        (A.positive, None, "X: expected n as a positive integer, got None."),
        (
            A.positive,
            np.ones(3),
            "X: expected n as a positive integer, got an array of shape (3,).",
        ),
        (A.integer, "3", "X: expected n as an integer, got '3'."),
        (A.number, NAN, "X: expected n as a finite number, got nan."),
        (A.number, INF, "X: expected n as a finite number, got inf."),
        (A.number, "1", "X: expected n as a finite number, got '1'."),
        (A.number, 1j, "X: expected n as a finite number, got 1j."),
        (A.share, NAN, "X: expected n as a number from 0 to 1, got nan."),
        (A.share, False, "X: expected n as a number from 0 to 1, got False."),
        (A.flag, "False", "X: expected n as True or False, got 'False'."),
        (A.flag, 2, "X: expected n as True or False, got 2."),
        (A.function, "a", "X: expected n as a callable, got 'a'."),
        (A.text, 3, "X: expected n as a string, got 3."),
        (A.axes, 1.0, "X: expected n as an integer or a list of different integers, got 1.0."),
        (
            A.axes,
            [1, 1],
            "X: expected n as an integer or a list of different integers, got [1, 1].",
        ),
        (
            A.sizes,
            (2, 0),
            "X: expected n as a positive integer or a tuple of them, got (2, 0).",
        ),
    ],
)
def test_what_is_beyond_it_is_named(check, value, text):
    with says(text):
        check("X", "n", value)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({"low": 0}, "a finite number from 0"),
        ({"above": 0}, "a finite positive number"),
        ({"above": 0, "infinite": True}, "a positive number"),
        ({"low": 0, "below": 1}, "a number from 0 and below 1"),
        ({"above": 0, "high": 1}, "a number above 0 and at most 1"),
        ({"low": 1, "or_none": True}, "a finite number from 1 or None"),
    ],
)
def test_bounds_are_words(bounds, text):
    with says(f"X: expected n as {text}, got -1."):
        A.number("X", "n", -1, **bounds)


def test_words_and_seeds():
    with says("X: unknown mode 'maxx'; did you mean 'max'? Known are: max, min."):
        A.word("X", "mode", "maxx", ["min", "max"])
    with says("X: expected mode as 'min' or 'max', got ['min']."):
        A.word("X", "mode", ["min"], ["min", "max"])
    with says("X: expected seed as an integer from"):
        A.seed("X", "seed", 2**64)


def test_what_came_is_shown_shortly():
    with says("X: expected n as a finite number, got list [0, 1, 2"):
        A.number("X", "n", list(range(1000)))
