"""What processes see, print, write and draw; what is refused; loops of one's own."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.ranks import join

from ..messages import says
from . import cases, programs


def test_evaluate(pair):
    alone = programs.evaluated()
    for found in pair.run(programs.evaluated):
        for theirs, mine in zip(found[:3], alone[:3], strict=True):
            assert list(theirs) == list(mine)
            np.testing.assert_allclose(list(theirs.values()), list(mine.values()), rtol=1e-6)


def test_a_metric_by_itself_asks_all(pair):
    alone = programs.asked_without_a_fit()
    for found in pair.run(programs.asked_without_a_fit):
        assert found == tuple(map(pytest.approx, alone))


def test_a_metric_by_itself_asks_all_where_one_has_seen_nothing(pair):
    alone = programs.asked_where_one_has_seen_nothing()
    for found in pair.run(programs.asked_where_one_has_seen_nothing):
        assert found == tuple(map(pytest.approx, alone))


def test_predictions_come_back_in_order_everywhere(pair):
    alone = programs.predicted()
    for found in pair.run(programs.predicted):
        for theirs, mine in zip(found, alone, strict=True):
            assert [len(p) for p in theirs] == [len(p) for p in mine]
            flat = (np.concatenate([np.ravel(p) for p in ps]) for ps in (theirs, mine))
            np.testing.assert_allclose(*flat, atol=1e-6)


def test_callbacks_logs_and_files(pair, tmp_path):
    first, second = pair.run(programs.watched, str(tmp_path))
    assert first[0] == second[0]  # told the same, batch by batch
    assert first[1].startswith("Epoch 1/5  ")
    assert "early stopping" in first[1]
    assert second[1] == ""
    assert first[2] == ["a.state.safetensors", "best.pt", "log.csv"]
    assert second[2] == []
    assert (first[3], second[3]) == (1, 1)  # one said stop, both did


@pytest.mark.parametrize("seed", [None, 5])
def test_dropout_differs_by_process_and_comes_again(pair, seed):
    first, second = pair.run(programs.dropped, seed)
    for mine in (first, second):
        assert mine[0] == mine[1]
    assert first[0][0] == second[0][0]  # the weights
    assert first[0][1] != second[0][1]  # what was dropped
    assert first[0][2] == second[0][2]  # torch's own stream


def test_a_fit_goes_on_in_the_same_bits(pair, tmp_path):
    assert pair.run(programs.resumed, str(tmp_path)) == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_two_is_refused_by_one(pair, tmp_path):
    pair.run(programs.state_of_two, str(tmp_path))
    x, y = cases.ragged()
    with pytest.raises(ValueError, match=r"is of a fit with processes=2, this one has processes=1"):
        programs.tagger().fit(x, y, batch_size=3, verbose=0, backup=str(tmp_path))


REFUSED = {
    "stateful": "fit: a stateful layer carries its states from batch to batch, row by row, and "
    "rows are shared anew among 2 processes. Leave stateful out, or use one.",
    "train_step": "fit: OwnStep.train_step is the model's own, and how what it gives adds up over "
    "2 processes is not known. Override compute_loss, or write the loop with torch's "
    "DistributedDataParallel: see docs/scale.md.",
    "compute_loss": "fit: OwnLoss.compute_loss is the model's own: over 2 processes it is taken as "
    "a mean over the steps, which it is not with reduction='sum'. Give compile the loss, and add "
    "to it by add_loss.",
    "sparse": "fit: a weight of shape (12, 4) has a sparse gradient, which 2 processes cannot add "
    "up. Leave out sparse=True.",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(pair, what):
    assert pair.run(programs.refused, what) == [f"ValueError: {REFUSED[what]}"] * 2


@pytest.mark.parametrize("program", [programs.on_batches, programs.first_only])
def test_two_are_as_one(pair, program):
    alone = program()
    for found in pair.run(program):
        for theirs, mine in zip(found, alone, strict=True):
            flat = ([np.ravel(p) for p in ps] for ps in (theirs, mine))
            for a, b in zip(*flat, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_loops_of_ones_own(pair):
    for difference in pair.run(programs.own_loop):
        assert difference < 1e-6


def test_a_loop_of_ones_own_on_shards_of_the_weights(pair):
    for difference, (mine, whole), refused in pair.run(programs.sharded_loop):
        assert difference < 1e-6
        assert mine < 0.6 * whole
        assert refused == (
            "fit: the model's weights are shards (fully_shard), and fit wants them whole in each "
            "of the 2 processes. Leave it out, or write the loop: see docs/scale.md."
        )


def test_joining_says_how_long(pair):
    with says("join: expected seconds as a finite positive number, got 0."):
        join(0)
    join()  # there is nobody to join
    for text in pair.run(join, 3):
        assert text == (
            "ValueError: join: the processes have joined already. Say it before the first fit, or "
            "give torch.distributed.init_process_group its timeout=."
        )


def test_a_ragged_goes_through_torchs_trees():
    x = keras.Ragged.from_list([torch.ones(2, 3), torch.ones(1, 3)])
    leaves, spec = torch.utils._pytree.tree_flatten(x)
    again = torch.utils._pytree.tree_unflatten(leaves, spec)
    assert again.layout.agrees(x.layout)
