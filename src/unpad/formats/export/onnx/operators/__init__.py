"""What each of torch's operators is in ONNX's: a function each, by torch's name.

A function gets the graph that is written, torch's tensor of what comes out (its type and shape),
and the operator's own arguments: tensors as Values, sizes as numbers or torch's symbols. It gives
the name of what comes out, or the names. What it cannot write raises a NotImplementedError that
says what.
"""

from __future__ import annotations

from . import elementwise, indexing, products, reductions, shapes, walks

TRANSLATIONS = {
    **elementwise.TRANSLATIONS,
    **indexing.TRANSLATIONS,
    **products.TRANSLATIONS,
    **reductions.TRANSLATIONS,
    **shapes.TRANSLATIONS,
    **walks.TRANSLATIONS,
}

__all__ = ["TRANSLATIONS"]
