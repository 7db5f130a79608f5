"""Every layer that unpad exports, in its main configurations, through every law."""

import inspect

import pytest
from hypothesis import given

import unpad
from unpad.core.layer import Layer
from unpad.testing import check_layer

from ..cases import BY_DAY, CASES, RAN
from ..examples import draws
from ..strategies import lengths

# What others are made of, and what is not run on sequences.
BASES = {"InputLayer", "Layer", "TokenWise", "Recurrent", "Spec"}
# They take strings, and are run before there is a batch.
OF_STRINGS = {"StringLookup", "TextVectorization", "HashedCrossing"}


@pytest.mark.parametrize("name", CASES)
def test_every_layer_keeps_the_laws(name):
    case = CASES[name]
    RAN["laws"] += 1
    check_layer(
        lambda: case.make(unpad), batch=case.batch(), call=case.run, training=case.training,
        tolerance=case.tolerance,
    )  # fmt: skip


@pytest.mark.parametrize("name", BY_DAY)
@given(sizes=lengths)
@draws(5)
def test_on_any_lengths(name, sizes):
    case = CASES[name]
    RAN["laws"] += 1
    check_layer(
        lambda: case.make(unpad), batch=case.batch(tuple(sizes)), call=case.run,
        training=case.training, tolerance=case.tolerance, gradients=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted({case.layer for case in CASES.values()}))
def test_every_layer_has_an_example(name):
    """Which tests/project/test_docs.py runs."""
    assert ">>>" in inspect.getdoc(getattr(unpad.layers, name))


def test_every_layer_is_a_case():
    """A new layer without a case does not land."""
    covered = {case.layer for case in CASES.values()}
    exported = {
        getattr(unpad.layers, name).__name__ for name in unpad.layers.__all__
        if inspect.isclass(getattr(unpad.layers, name))
        and issubclass(getattr(unpad.layers, name), Layer)
    }  # fmt: skip
    assert sorted(exported - covered - BASES - OF_STRINGS) == []
