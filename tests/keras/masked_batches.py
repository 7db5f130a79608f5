"""Value-coded batches, and the masks that they are compared under."""

import numpy as np

BATCH, TIME = 4, 6  # unequal, so that no test can mix up the two axes


def _mask(*rows):
    return np.array([[c == "x" for c in row] for row in rows])


#: (BATCH, TIME) each, True where a step is real. No sequence is empty here: what Keras makes of an
#: empty one is a test of its own.
MASKS = {
    "full": _mask("xxxxxx", "xxxxxx", "xxxxxx", "xxxxxx"),
    "right": _mask("xxx...", "xxxxxx", "x.....", "xxxx.."),
    "left": _mask("...xxx", "xxxxxx", ".....x", "..xxxx"),
    "holes": _mask("x.xx.x", ".x..x.", "xxx..x", "..x..."),
    "ones": _mask("x.....", "..x...", ".....x", "x....."),
}


def coded(batch=BATCH, time=TIME, feature=3):
    """(batch, time, feature) sines of sequence * 100 + step * 10 + feature: no two are alike."""
    sequence, step, place = np.ogrid[:batch, :time, :feature]
    return np.sin(sequence * 100.0 + step * 10.0 + place)


def coded_like(shape, scale=1.0):
    """Weights or coefficients of this shape, no two alike and of either sign."""
    return scale * np.sin(1.0 + 0.7 * np.arange(np.prod(shape, dtype=int))).reshape(shape)


def ids(mask, vocabulary=9):
    """(batch, time) ids from 1 on at real steps, 0 elsewhere."""
    sequence, step = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return np.where(mask, 1 + (sequence * 5 + step * 3) % (vocabulary - 1), 0)


#: MASKS["right"], where sequence 2 is empty.
EMPTY_ROW = MASKS["right"] & np.array([[True], [True], [False], [True]])

#: Masks of three batches that follow one another.
RUNS = {
    "full": [MASKS["full"]] * 3,
    "right": [MASKS["right"], MASKS["right"][::-1].copy(), MASKS["right"][[2, 0, 1, 3]]],
    "left": [MASKS["left"], MASKS["ones"], MASKS["left"][::-1].copy()],
    "mixed": [MASKS["holes"], MASKS["right"], MASKS["left"]],
    "an empty sequence": [MASKS["right"], EMPTY_ROW, MASKS["holes"]],
}
#: Their values.
BATCHES = [coded(), 0.5 - coded(), coded()[::-1].copy()]
