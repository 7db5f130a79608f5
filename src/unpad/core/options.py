"""What layers' constructors take beside their own arguments, for type checkers and editors.

A layer that has one of these as an argument of its own takes the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from ..arguments import Precision


class _Told(TypedDict, total=False):
    # What older Keras's first layers were told of a model's input; see `older.shape_in`.
    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None
    input_length: Any


class ToldOptions(_Told, total=False):
    """What a layer is told of a model's input, beside the options of every layer."""

    input_dim: int | None


class _Shared(_Told, total=False):
    trainable: bool


class _Named(_Shared, total=False):
    name: str | None


class _Typed(_Shared, total=False):
    dtype: Precision


class _Penalised(_Shared, total=False):
    activity_regularizer: Any


class _Sized(_Shared, total=False):
    input_dim: int | None


class LayerOptions(_Named, _Typed, _Penalised, _Sized, total=False):
    """See `Layer`."""


class WithoutName(_Typed, _Penalised, _Sized, total=False):
    """The options of a layer that has a name of its own."""


class WithoutNameAndType(_Penalised, _Sized, total=False):
    """The options of a layer that has a name and a dtype of its own."""


class WithoutType(_Named, _Penalised, _Sized, total=False):
    """The options of every layer but the type."""


class WithoutPenalty(_Named, _Typed, _Sized, total=False):
    """The options of a layer that has an activity_regularizer of its own."""


class WithoutSize(_Named, _Typed, _Penalised, total=False):
    """The options of a layer that has an input_dim of its own."""
