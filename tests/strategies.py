"""Really ragged batches, for hypothesis: empty batches, empty sequences, single steps."""

import numpy as np
from hypothesis import strategies as st

from unpad import Ragged
from unpad.testing import coded

lengths = st.lists(st.integers(0, 6), min_size=0, max_size=6)
features = st.sampled_from([(), (1,), (3,), (2, 2)])
sides = st.sampled_from(["left", "right", "holes"])


@st.composite
def batches(draw, feature=features) -> Ragged:
    """A value-coded batch."""
    return coded(draw(lengths), draw(feature))


@st.composite
def masks(draw) -> np.ndarray:
    """A (batch, time) mask with holes anywhere."""
    batch, time = draw(st.integers(0, 5)), draw(st.integers(0, 6))
    cells = draw(st.lists(st.booleans(), min_size=batch * time, max_size=batch * time))
    return np.array(cells, dtype=bool).reshape(batch, time)
