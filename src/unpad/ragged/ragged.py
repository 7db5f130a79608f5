"""The one value that a batch of sequences is: `Ragged(values, layout)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .arithmetic import Arithmetic
from .choosing import Choosing
from .elementwise import Elementwise
from .fitting import fits, refuse_others, shape_of
from .in_and_out import InAndOut
from .in_time import InTime
from .layout import Layout
from .levels import merge_levels
from .numbers import as_dtype, as_values, to_numpy, to_tensor
from .parts import Parts
from .reducing import Reducing
from .views import Views

if TYPE_CHECKING:
    from .sequences import Output


class Ragged(Views, InAndOut, Choosing, Arithmetic, Elementwise, Reducing, InTime):
    """A batch of sequences of different lengths: their real steps end to end, and where each ends.

    A step that is missing does not exist here: there is no padding, and no mask that could be
    lost. Mask, lengths, positions and sequence ids are views of the layout.

    A Ragged is immutable and valid by construction. Made from numpy, it hands numpy back wherever
    it hands data to the caller (`to_padded`, `to_list`, `r[i]`, the reductions, while no gradient
    is asked for); `values` is always a tensor.

    Args:
        values: (steps, *feature), every real step of every sequence, end to end; or a Ragged
            whose sequences are the steps: documents of sentences.
        layout: a Layout, or the (batch + 1,) int64 offsets of one.

    Raises:
        ValueError: values and layout do not fit together, or the values are no numbers that the
            library computes with: complex, sparse, nested.

    Example:
        >>> r = Ragged(torch.tensor([1., 2., 3.]), torch.tensor([0, 2, 2, 3]))
        >>> r.lengths, r.sum()
        (tensor([2, 0, 1]), tensor([3., 0., 3.]))
    """

    __slots__ = ("_layout", "_numpy", "_read_by", "_values", "_without")

    def __init__(self, values: Any, layout: Layout | Tensor) -> None:
        if not isinstance(values, (Tensor, Ragged)):
            raise ValueError(
                f"Ragged: expected values as a tensor, got {type(values).__name__}. "
                "Lists of arrays: Ragged.from_list; padded arrays: Ragged.from_padded."
            )
        if isinstance(values, Tensor):
            values = as_values(values, "Ragged: values")
        if not isinstance(layout, Layout):
            layout = Layout(layout)
        refuse_others(values, layout)
        self._fill_in(values, layout, False)

    def _fill_in(self, values: Any, layout: Layout, numpy: bool, read_by: Any = None) -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_numpy", numpy)
        object.__setattr__(self, "_read_by", read_by)

    @classmethod
    def _trusted(
        cls, values: Any, layout: Layout, numpy: bool = False, read_by: Any = None
    ) -> Ragged:
        """Skips the checks: for values that were made on a checked layout.

        Args:
            values: as in the constructor.
            layout: a Layout.
            numpy: whether data is handed back as numpy.
            read_by: the ids that the values were read by, and the values' version then, for a layer
                that can use it (`layers.basic.shared_rows`).
        """
        ragged = cls.__new__(cls)
        ragged._fill_in(values, layout, numpy, read_by)
        return ragged

    @classmethod
    def _of(cls, parts: Parts) -> Ragged:
        values = parts.values
        if isinstance(values, Parts):
            values = cls._of(values)
        return cls._trusted(values, parts.layout, parts.numpy)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"Ragged is immutable; to change its values: ragged.with_values(...). (set {name!r})"
        )

    def __reduce__(self) -> tuple:
        return Ragged._trusted, (self._values, self._layout, self._numpy)

    # --- other values, the same sequences --------------------------------------------------------

    def with_values(self, values: Any, layout: Layout | None = None) -> Ragged:
        """Other values on the same layout.

        Args:
            values: (steps, *feature), a row for each step.
            layout: another one with as many steps; by default this one.

        Raises:
            ValueError: the values have another number of steps.
        """
        layout = self._layout if layout is None else layout
        if not fits(values, layout):
            raise ValueError(
                f"Ragged: expected values as ({layout.steps}, *feature), one for each step, got "
                f"{shape_of(values)}."
            )
        return Ragged._trusted(values, layout, self._numpy)

    def map(self, function: Callable[[Any], Any]) -> Ragged:
        """A token-wise function or module applied to the values: (steps, *feature) to (steps, *).

        The function is called once, on the steps of all sequences end to end, and must treat each
        row by itself: what comes out of a row may depend on that row alone. A mean, a softmax or a
        running sum over rows, or attention, would look from one sequence into another, and no
        number of rows tells: `layers.TorchModule(module)` tries a module on random rows, together
        and alone, when it is built. Over a sequence's own steps: `sum`, `softmax`, `cumsum`, ... of
        the Ragged, or a layer.

        Of sequences of sequences the function gets the inner Ragged: `documents.map(model)` runs a
        model on every sentence.

        Args:
            function: anything that takes the values and gives one row for each; a torch module, a
                lambda, a function of numpy's (which no gradient flows through).

        Raises:
            ValueError: the result has not one row for each step, or a function of numpy's is given
                values that need a gradient.

        Example:
            >>> Ragged.from_list([[1., 2.], [3.]]).map(torch.exp).lengths
            tensor([2, 1])
        """
        values = self._values
        if not callable(function):
            raise ValueError(
                f"Ragged.map: expected a function or a module, got {type(function).__name__}."
            )
        if isinstance(function, np.ufunc):
            if values.requires_grad and torch.is_grad_enabled():
                raise ValueError(
                    f"Ragged.map: no gradient flows through numpy's {function.__name__}. Give "
                    "torch's, or map over ragged.detach()."
                )
            if isinstance(values, Ragged):
                return self.with_values(values.map(function))
            values = values.detach().cpu().numpy()
        found = function(values)
        if isinstance(found, np.ndarray):
            found = to_tensor(found, "Ragged.map").to(self.device)
        if not isinstance(found, (Tensor, Ragged)):
            raise ValueError(
                f"Ragged.map: expected the function to give a tensor, got {type(found).__name__}."
            )
        if not fits(found, self._layout):
            raise ValueError(
                f"Ragged.map: expected one row for each of the {self.steps} steps, got "
                f"{shape_of(found)}. For one row a sequence: ragged.mean(), .max(), .last(); "
                "for something else: work on ragged.values and ragged.offsets."
            )
        return Ragged._trusted(found, self._layout, self._numpy)

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> Ragged:
        """The same batch on another device or of another type, as `torch.Tensor.to`.

        Args:
            device: a device, its name, or a type.
            dtype: of the values; by default theirs.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        read_by = self._read_by
        if read_by is None or device is not None or read_by[1] != self._values._version:
            values = self._values.to(device=device, dtype=dtype)
            if values is self._values:
                return self
            return Ragged._trusted(values, self._layout.to(values.device), self._numpy)
        # Steps that were equal are so in any type. Values of inference mode count no changes.
        with torch.inference_mode(False), torch.set_grad_enabled(torch.is_grad_enabled()):
            values = self._values.to(dtype=dtype)
        return Ragged._trusted(values, self._layout, self._numpy, (read_by[0], values._version))

    def astype(self, dtype: Any) -> Ragged:
        """The same batch of another type: torch's, its name ("float32") or numpy's.

        Args:
            dtype: a type of torch's or numpy's, or its name.
        """
        found = as_dtype(dtype, "Ragged.astype")
        if found is None:
            raise ValueError("Ragged.astype: expected a type, as 'float32', got None.")
        return self.to(dtype=found)

    def detach(self) -> Ragged:
        """The same batch, cut from the gradient."""
        return self.with_values(self._values.detach())

    def merge_levels(self) -> Ragged:
        """Sequences of sequences as sequences of their steps: a document's words, end to end.

        Copies nothing.

        Raises:
            ValueError: there is one level only.
        """
        return merge_levels(self)

    # --- what the caller is handed ---------------------------------------------------------------

    def _out(self, tensor: Any) -> Output | Any:
        """What the caller is handed: numpy where numpy came in and no gradient is asked for."""
        if isinstance(tensor, Ragged):
            return Ragged._trusted(tensor._values, tensor._layout, self._numpy)
        if not self._numpy or tensor.requires_grad:
            return tensor
        return to_numpy(tensor)

    def __repr__(self) -> str:
        from .show import show

        return show(self)

    def __rich__(self) -> Any:
        from rich.text import Text

        from .show import lines, strip

        # Plain text has no blocks: not every place that it is written to can hold them.
        head, *rest = lines(self)
        return Text("\n".join([head, f"  {strip(self._layout.own.lengths.tolist())}", *rest]))

    def _repr_html_(self) -> str:
        from .show_html import show_html

        return show_html(self)
