"""Groups: labels that a source tells, sources on both sides of a split, and what is silent."""

import re

import numpy as np
import pytest
import torch

from unpad.doctor import examine

N = 240


def sentences(seed=0, n=N):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 30, rng.integers(5, 19)) for _ in range(n)]


def by_site(sites=8, seed=0, sure=1.0):
    rng = np.random.default_rng(seed)
    site = rng.integers(0, sites, N)
    return site, np.where(rng.random(N) < sure, site % 2, rng.integers(0, 2, N))


def tags_of(site):
    """Labels of steps, one class at each place for the most part."""
    rng = np.random.default_rng(1)
    return [
        np.where(rng.random(len(s)) < 0.85, g % 3, rng.integers(0, 3, len(s)))
        for s, g in zip(sentences(), site, strict=True)
    ]


SITE, CLASS = by_site()
TELLS = {
    "classes": (SITE, CLASS),
    "mostly": by_site(sure=0.8),
    "names": ([f"hospital {g}" for g in SITE], CLASS),
    "a tensor": (torch.tensor(SITE), CLASS),
    "fractions that name them": (SITE / 10, CLASS),
    "labels of steps": (SITE, tags_of(SITE)),
    "many small ones": (np.arange(N) // 4, np.arange(N) // 4 % 2),
}


@pytest.mark.parametrize(("groups", "y"), TELLS.values(), ids=TELLS)
def test_labels_that_a_group_tells_are_a_note(groups, y):
    report = examine(sentences(), y, groups=groups)
    assert report.kinds == ["group tells"], report
    evidence = report["group tells"].evidence
    assert evidence["by group"] - evidence["by nothing"] > 0.3
    assert abs(evidence["by chance"] - evidence["by nothing"]) < 0.12


RNG = np.random.default_rng(5)
SILENT = {
    "labels of their own": (RNG.integers(0, 8, N), RNG.integers(0, 2, N)),
    "many groups of two": (np.arange(N) // 2, RNG.integers(0, 2, N)),
    "a group each": (np.arange(N), RNG.integers(0, 2, N)),
    "one group": (np.zeros(N, int), RNG.integers(0, 2, N)),
    "somewhat other shares": (SITE, (RNG.random(N) < 0.4 + 0.2 * (SITE % 2)).astype(int)),
    "a rare class": (SITE, (RNG.random(N) < 0.04).astype(int)),
    "numbers to be told": (SITE, RNG.normal(SITE % 2, 0.1, N)),
    "labels of steps": (SITE, [s % 3 for s in sentences()]),
    "no labels": (SITE, None),
}


@pytest.mark.parametrize(("groups", "y"), SILENT.values(), ids=SILENT)
def test_groups_that_tell_nothing_are_silent(groups, y):
    assert examine(sentences(), y, groups=groups) == []


def test_groups_drawn_at_random_are_silent():
    x = sentences()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        groups = rng.integers(0, rng.integers(2, 60), N)
        y = rng.integers(0, rng.integers(2, 6), N)
        assert examine(x, y, groups=groups, only={"groups"}) == []


def test_a_group_on_both_sides_is_told_and_how_many_would_be_by_chance():
    speakers = np.random.default_rng(3).integers(0, 30, N)
    x, held = sentences(), slice(180, None)
    report = examine(
        x[:180], groups=speakers[:180],
        validation=(x[held], None), validation_groups=speakers[held],
    )  # fmt: skip
    assert report.kinds == ["shared groups"]
    found = report["shared groups"]
    both = np.isin(speakers[held], speakers[:180])
    assert found.evidence["share"] == pytest.approx(both.mean())
    assert found.where.sequence == int(both.argmax())
    # As splits at random in fact have it.
    draws = []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(N)
        draws.append(np.isin(speakers[order[held]], speakers[order[:180]]).mean())
    assert found.evidence["at random"] == pytest.approx(np.mean(draws), abs=0.01)


def test_a_share_of_the_last_is_split_with_its_groups():
    speakers = np.random.default_rng(3).integers(0, 30, N)
    assert examine(sentences(), groups=speakers, validation_split=0.25).kinds == ["shared groups"]
    assert examine(sentences(), groups=np.arange(N) // 10, validation_split=0.25) == []
    # Of the training part alone it is asked what groups tell.
    y = np.where(np.arange(N) < 180, SITE % 2, np.random.default_rng(0).integers(0, 2, N))
    found = examine(sentences(), y, groups=SITE, validation_split=0.25, only={"groups"})
    assert found["group tells"].evidence["by group"] == 1


def test_one_series_in_windows_is_mended_by_splitting_by_series():
    series = [np.random.default_rng(i).integers(1, 500, 60) for i in range(30)]
    windows = [s[i : i + 20] for s in series for i in range(0, 40, 5)]
    of = np.repeat(np.arange(30), 8)
    order = np.random.default_rng(0).permutation(len(windows))
    x, of = [windows[i] for i in order], of[order]
    report = examine(
        x[:180], groups=of[:180], validation=(x[180:], None), validation_groups=of[180:]
    )
    assert [f.kind for f in report.roots] == ["shared groups"]
    assert {f.kind for f in report.findings} == {"shared groups", "overlap"}


X = sentences()
REFUSED = [
    (
        {"groups": SITE[:-1]},
        "examine: groups: expected one for each of 240 sequences, got 239.",
    ),
    (
        {"groups": np.zeros((240, 2))},
        "examine: groups: expected one for each of 240 sequences, got an array of shape (240, 2).",
    ),
    (
        {"groups": ["a", None, *"b" * 238]},
        "examine: groups: expected one for each sequence, sequence 1 has None. What belongs to no "
        "other gets a name of its own.",
    ),
    (
        {"validation": (X, None), "validation_groups": SITE},
        "examine: validation_groups goes with groups and with validation=(x, y).",
    ),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_is_no_group_for_each_sequence_is_refused(options, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        examine(X, **options)
    assert str(error.value) == said
