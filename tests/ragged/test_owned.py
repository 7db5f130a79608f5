"""What a batch rests on is its own: nobody outside changes it, and it carries no mode."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Layout, Ragged
from unpad.ragged.own import Own

from ..messages import says

L = keras.layers
# Every public property of a layout that is a tensor; one that is added is tested too.
VIEWS = [
    name
    for name, member in vars(Layout).items()
    if isinstance(member, property)
    and isinstance(
        getattr(Layout(torch.tensor([0, 2, 3]), torch.tensor([1, 3, 0]), 4), name), torch.Tensor
    )
]


def holed():
    return Layout(torch.tensor([0, 2, 2, 5]), torch.tensor([0, 3, 1, 2, 3]), 4)


def facts(layout):
    found = {name: getattr(layout, name) for name in VIEWS}
    return {name: None if t is None else t.tolist() for name, t in found.items()}


@pytest.mark.parametrize("holder", ["layout", "ragged"])
@pytest.mark.parametrize("name", VIEWS)
def test_what_a_caller_is_handed_is_his_own(name, holder):
    layout = holed()
    ragged = Ragged(torch.arange(5.0), layout)
    before = facts(holed())
    held = getattr(layout if holder == "layout" or not hasattr(ragged, name) else ragged, name)
    held.fill_(1) if held.dtype == torch.bool else held.fill_(10**9)
    assert facts(layout) == before
    assert ragged.sum().tolist() == [1.0, 0.0, 9.0]


def test_what_it_was_made_from_stays_the_callers():
    offsets, slots = torch.tensor([0, 2, 3]), torch.tensor([1, 3, 0])
    ragged = Ragged(torch.ones(3, 2), Layout(offsets, slots, 4))
    straight = Ragged(torch.ones(3, 2), offsets)
    offsets[1], slots[0] = -(10**9), 10**9
    for batch in (ragged, straight):
        assert batch.lengths.tolist() == [2, 1]
        assert L.LSTM(4)(batch).shape == (2, 4)
    assert ragged.to_padded().shape == (2, 4, 2)


def test_an_array_that_offsets_share_memory_with_does_not_reach_them():
    array = np.array([0, 2, 3])
    ragged = Ragged(torch.ones(3), torch.from_numpy(array))
    array[1] = 7
    assert ragged.lengths.tolist() == [2, 1]


def test_the_grid_of_a_shape_is_the_same_for_the_next_who_asks():
    ones = torch.ones(2, 3)
    Ragged.from_padded(ones, lengths=3).offsets[1] = 0
    Layout.full(2, 3).lengths[:] = 0
    Layout.full(2, 3).mask[:] = False
    assert Ragged.from_padded(ones, lengths=3).lengths.tolist() == [3, 3]
    assert Layout.full(2, 3).mask.all()


def test_offsets_handed_to_other_types_are_copies():
    ragged = Ragged(torch.arange(3.0), torch.tensor([0, 2, 3]))
    ragged.to_nested().offsets()[1] = 0
    assert ragged.lengths.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((2.0, 7), "Layout.full: expected batch as an integer from 0, got 2.0."),
        ((2, -3), "Layout.full: expected time as an integer from 0, got -3."),
        ((True, 3), "Layout.full: expected batch as an integer from 0, got True."),
        (("2", 3), "Layout.full: expected batch as an integer from 0, got '2'."),
    ],
)
def test_a_grid_has_whole_sizes(sizes, text):
    with says(text):
        Layout.full(*sizes)
    assert Layout.full(np.int64(2), 7).offsets.dtype == torch.int64


def test_a_width_is_a_whole_number():
    with says("Layout: expected width as an integer from 0, got 2.5."):
        Layout(torch.tensor([0, 2]), width=2.5)


def test_offsets_that_fall_further_than_their_type_counts_are_refused():
    with says("Layout: offsets never fall, but offset 2 is"):
        Layout(torch.tensor([0, 2**63 - 1, -(2**63)]))


def test_a_layout_is_immutable():
    with says("Layout is immutable", AttributeError):
        holed().own = Own(torch.tensor([0]), None, None)
    with pytest.raises(AttributeError):
        holed().offsets = torch.tensor([0])


# --- no mode --------------------------------------------------------------------------------------


def test_nothing_that_follows_from_a_layout_carries_a_mode():
    with torch.inference_mode():
        made = torch.tensor([0, 2, 5]) + 0
        layouts = [Layout(made), Layout.full(3, 11), holed(), Layout.from_lengths([3, 1])]
        layouts += [layout.take(torch.tensor([1, 0]))[0] for layout in layouts]
        for layout in layouts:
            facts(layout)
            layout.derived("plan", lambda own: own.lengths.argsort())
    for layout in layouts:
        held = [v for v in vars(layout.own).values() if isinstance(v, torch.Tensor)]
        held.append(layout.derived("plan", lambda own: pytest.fail("made twice")))
        assert len(held) > 4
        assert not any(tensor.is_inference() for tensor in held)


DENSE = {
    "LSTM": lambda: L.LSTM(4),
    "GRU": lambda: L.GRU(4, return_sequences=True),
    "Bidirectional": lambda: L.Bidirectional(L.SimpleRNN(4)),
    "Conv1D": lambda: L.Conv1D(4, 3, padding="same"),
    "Conv1DTranspose": lambda: L.Conv1DTranspose(4, 3, strides=2),
    "MaxPooling1D": lambda: L.MaxPooling1D(2),
    "UpSampling1D": lambda: L.UpSampling1D(2),
    "BatchNormalization": lambda: L.BatchNormalization(),
    "AttentionPooling1D": lambda: L.AttentionPooling1D(),
    "TransformerEncoder": lambda: L.TransformerEncoder(8, 1),
}


@pytest.mark.parametrize("name", DENSE)
def test_predict_before_fit(name):
    # A shape of its own: the first to ask for a grid's layout is predict.
    time = 31 + list(DENSE).index(name)
    model = keras.Sequential([keras.Input((time, 3)), DENSE[name](), L.Flatten(), L.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((6, time, 3), "float32")
    before = model.predict(x, verbose=0)
    model.fit(x, np.zeros((6, 1)), epochs=1, batch_size=3, verbose=0)
    assert not np.array_equal(model.predict(x, verbose=0), before)


def test_what_two_layouts_imply_goes_with_either():
    grid, batch = Layout.full(2, 9), Layout.from_lengths([1, 2])
    made = []

    def make(own):
        made.append(own)
        return own.batch

    for _ in range(2):
        assert grid.derived("pairs", make, beside=batch) == 2
    assert len(made) == 1
    assert len(grid.own._beside) >= 1
    kept = len(grid.own._beside)
    del batch
    assert len(grid.own._beside) == kept - 1
