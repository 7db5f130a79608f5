"""What comes out of calling a layer, for type checkers and editors; nothing of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from torch import Tensor

from ..ragged import Ragged
from .symbol import Symbol


class Keeps:
    """A layer that gives a Ragged for a Ragged, and a tensor for a tensor."""

    if TYPE_CHECKING:

        @overload
        def __call__(
            self, inputs: Ragged, /, *more: Any, training: bool | None = None, **options: Any
        ) -> Ragged: ...
        @overload
        def __call__(
            self, inputs: Tensor, /, *more: Any, training: bool | None = None, **options: Any
        ) -> Tensor: ...
        @overload
        def __call__(
            self, inputs: Symbol, /, *more: Any, training: bool | None = None, **options: Any
        ) -> Symbol: ...
        @overload
        def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any: ...
        def __call__(self, *inputs: Any, **options: Any) -> Any: ...


class Reduces:
    """A layer that gives a row for each sequence of a Ragged."""

    if TYPE_CHECKING:

        @overload
        def __call__(
            self,
            inputs: Ragged | Tensor,
            /,
            *more: Any,
            training: bool | None = None,
            **options: Any,
        ) -> Tensor: ...
        @overload
        def __call__(
            self, inputs: Symbol, /, *more: Any, training: bool | None = None, **options: Any
        ) -> Symbol: ...
        @overload
        def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any: ...
        def __call__(self, *inputs: Any, **options: Any) -> Any: ...
