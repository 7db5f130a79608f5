"""The zoo: every example runs, at --small, and finds its own figures good enough."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import unpad as keras

from ..examples import TIMES

EXAMPLES = Path(__file__).parents[2] / "examples"
NOWHERE = EXAMPLES / "no such folder"
CORPORA = Path(os.environ.get("UNPAD_TEST_DATA", EXAMPLES.parents[1] / "shared" / "data"))
# What says nothing by itself, what has a test of its own, and what needs more than tests install.
OTHERS = {"corpora", "ray_train", "stress"}
PROGRAMS = sorted(p.stem for p in EXAMPLES.glob("*.py") if p.stem not in OTHERS)
TEXTS = {p: (EXAMPLES / f"{p}.py").read_text() for p in PROGRAMS}
ON_CORPORA = [p for p in PROGRAMS if '"--data"' in TEXTS[p]]
WITH_A_FALLBACK = [p for p in ON_CORPORA if p != "crf_tagger"]  # which needs trees
# Keras makes arrays of its variables in numpy 1's way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def small(run, name, *options):
    """What a program prints at its small size."""
    return run(EXAMPLES / f"{name}.py", "--small", *options, corpora=CORPORA)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_reaches_its_figures(run, name):
    if name in ON_CORPORA and not CORPORA.is_dir():
        pytest.skip(f"no corpora in {CORPORA}")
    shown = small(run, name, *(["--data", str(CORPORA)] if name in ON_CORPORA else []))
    assert re.search(r"\d\.\d", shown)


@pytest.mark.skipif(CORPORA.is_dir() and TIMES == 1, reason="by day on the corpora alone")
@pytest.mark.parametrize("name", WITH_A_FALLBACK)
def test_without_corpora_it_reads_pythons_own_library(run, name):
    shown = small(run, name, "--data", str(NOWHERE))
    assert re.search(r"lines of Python|Python's docstrings", shown)


@pytest.mark.parametrize("name", WITH_A_FALLBACK)
def test_a_program_that_has_learnt_nothing_ends_in_an_error(run, name, monkeypatch):
    for kind in (keras.Model, keras.Sequential):
        monkeypatch.setattr(kind, "fit", lambda self, *args, **options: None)
    with pytest.raises(SystemExit) as ended:
        small(run, name, "--data", str(NOWHERE))
    assert re.search(r"\d", str(ended.value))  # a text: the shell sees 1


def test_corpora_hold_out_what_is_not_learnt(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import corpora

    for read in (corpora.sentences, corpora.texts):
        corpus = read(NOWHERE)
        learnt = {str(example[0]) for example in corpus.train}
        assert len(learnt) == len(corpus.train) > 1000
        assert len(corpus.test) > 300
        assert not any(str(example[0]) in learnt for example in corpus.test)
        kinds = [{str(example[1]) for example in part} for part in (corpus.train, corpus.test)]
        assert read is corpora.sentences or kinds[0] == kinds[1]
    words, tags = corpora.sentences(NOWHERE).train[0]
    assert len(words) == len(tags) > 2


def test_what_a_word_is_in_a_line_of_python(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import corpora

    path = tmp_path / "it.py"
    path.write_text("class A:\n    def f(self):\n        return self.g(x=1).h + 'a'\n")
    found = [dict(zip(words, tags, strict=True)) for words, tags in corpora._lines(path)]
    assert found[0] == {"class": "KEYWORD", "A": "DEFINED", ":": "OP"}
    assert found[1]["f"] == "DEFINED" and found[1]["self"] == "VARIABLE"
    assert found[2]["self"] == "VARIABLE" and found[2]["g"] == "CALL"
    assert found[2]["x"] == "ARGUMENT" and found[2]["h"] == "ATTRIBUTE"
    assert found[2]["1"] == "NUMBER" and found[2]["'a'"] == "STRING"
