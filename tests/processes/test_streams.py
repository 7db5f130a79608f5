"""Every process reads the same stream and works on its share of each batch."""

import numpy as np
import pytest

from . import cases, programs

KINDS = ["function", "generator", "loader", "PyDataset", "table"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    found = tmp_path_factory.mktemp("table")
    x, y = cases.sequences()
    for i in range(2):
        columns = {"words": x[i::2], "tags": y[i::2]}
        parquet.write_table(pyarrow.table(columns), found / f"{i}.parquet", row_group_size=5)
    return str(found)


@pytest.mark.parametrize("kind", KINDS)
def test_two_are_as_one(pair, folder, kind):
    weights, history, scores, lengths, values = programs.streamed(kind, folder)
    for found in pair.run(programs.streamed, kind, folder):
        for a, b in zip(found[0], weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
        assert list(found[1]) == list(history)
        for name in history:
            np.testing.assert_allclose(found[1][name], history[name], rtol=1e-5)
        np.testing.assert_allclose(found[2], scores, rtol=1e-5)
        assert found[3] == lengths
        np.testing.assert_allclose(found[4], values, rtol=0, atol=1e-5)


def test_streams_that_differ(pair):
    ends = (
        "Every process reads the same and takes its share: draw it from a seed, and leave out "
        "samplers that divide it. What was learnt before stands."
    )
    for found in pair.run(programs.other_batches):
        assert found == [
            f"fit: batch 2 of epoch 1: shorter(): rank 1 has no more than rank 0. {ends}",
            f"fit: batch 0 of epoch 1: others(): rank 1 was given another than rank 0. {ends}",
        ]


def test_data_that_differ(pair):
    for text in pair.run(programs.other_data):
        assert text == (
            "ValueError: fit: rank 1 has sequences=25, rank 0 has 26. Every process is given the "
            "same, and takes its share of it: make the data from a seed, and leave out samplers "
            "that divide it."
        )
