"""What scripts of TensorFlow's Keras name, and Keras 3 writes as a word."""

from __future__ import annotations


class Reduction:
    """The kinds of a loss's reduction, as words: `reduction="none"`.

    Example:
        >>> Reduction.NONE, Reduction.AUTO
        ('none', 'sum_over_batch_size')
    """

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"
