"""The recurrent cells that the operators know, and the shapes that go with each."""

from __future__ import annotations

# Blocks of `hidden` columns in the kernels, in Keras's order: i, f, g (cell), o; z, r, h; h.
GATES: dict[str, int] = {
    "lstm": 4,
    "gru": 3,  # reset_after: the reset gate acts on h U, as cuDNN has it and Keras by default
    "gru_reset_before": 3,  # the reset gate acts on h, as Cho et al. (2014) had it
    "simple_rnn": 1,
}
