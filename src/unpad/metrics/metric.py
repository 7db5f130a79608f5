"""The base of every metric: sums over real steps, with Keras's methods on states of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from .. import tree
from ..align.beside import on_steps
from ..arguments import DType, wrong
from ..configured import Configured
from ..ragged import Ragged
from ..ragged.numbers import as_dtype, as_tensor, type_name
from ..refusals import Refusing
from ..signatures import of_numbers
from ..variable import Assigned, Variable
from ..weights import initializers
from .states import States
from .steps import Steps, kept, laid_out

_OF_ITS_OWN = "A metric holds its own state: copy.deepcopy(metric) gives another."
#: What Keras lets a metric of one's own define or be set, and nothing here would look at.
_REFUSED = {
    "stateless_update_state": _OF_ITS_OWN,
    "stateless_result": _OF_ITS_OWN,
    "stateless_reset_state": _OF_ITS_OWN,
}


class Metric(Configured, Refusing, States, refused=_REFUSED):
    """A metric that adds up real steps, with Keras's methods.

    A metric of one's own says in `add` what a batch of steps adds to its states, and in `score`
    what they amount to. Its states are those of `add_state`; sums of float64 give the same number
    for any split into batches. No step gives 0.

    Keras's way works too: states of `add_weight`, changed in an `update_state` of one's own, and a
    `result`. `fit` hands it targets and predictions at the real steps, and sample weights where it
    is one of the weighted metrics.

    Args:
        name: its key in logs and history; by default the class's name, as "top_k_accuracy".
        dtype: of what `result` gives: of whole numbers without what is behind the point. Sums are
            float64 whatever it is, so that any split into batches gives one number; by default
            that is given as it is.
        ignore_class: steps of this label do not count, and neither do those of the loss's.
    """

    #: Whether steps can be weighed.
    takes_weight = True
    #: Whether it needs to know which steps make a sequence.
    reads_sequences = False
    #: Whether integers that the model gives are its labels: a decoder's output.
    takes_labels = False
    #: Whether integers that the model gives are ids to be compared, and not scores.
    takes_ids = False
    #: Whether the entries of a step are counted apart, so that each can have a weight.
    by_entry = False
    #: Whether the number of outputs decides the shape of its states, so that `build` is called.
    sized = True
    #: What to do instead of giving it to `compile`, where it is of no use there.
    not_in_compile: str | None = None

    not_in_keras = {"ignore_class": None}

    def __init__(
        self,
        name: str | None = None,
        dtype: DType = None,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.ignore_class = ignore_class
        self.ignored = () if ignore_class is None else (ignore_class,)
        self._variables: list[Variable] = []
        #: The size of the outputs and whether targets are labels, once steps have come.
        self._sizes: tuple[int, bool] | None = None

    def ignore(self, label: int | None) -> None:
        """Steps of this label do not count either; None changes nothing.

        Args:
            label: that does not count.
        """
        if label is not None and label not in self.ignored:
            self.ignored = (*self.ignored, label)

    @property
    def dtype(self) -> str:
        """The type of what `result` gives, by its name."""
        return self._dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        given = getattr(dtype, "compute_dtype", dtype)
        found = as_dtype(given, f"{type(self).__name__}: dtype") or torch.float64
        if found.is_complex or found is torch.bool:
            raise wrong(type(self).__name__, "dtype", "a type of real numbers", dtype)
        self._dtype = type_name(found)

    # --- what a metric of one's own says ---------------------------------------------------------

    def build(self, size: int, labels: bool) -> None:
        """Makes the states whose shape the outputs decide; called once, before the first steps.

        Args:
            size: of the outputs' last axis.
            labels: whether the targets are one integer a step, among several outputs.
        """

    def add(self, steps: Steps) -> None:
        """Adds steps, at least one, to the states.

        Args:
            steps: targets, outputs and weights at steps that count.
        """
        raise self._lacks("add", "update_state")

    def score(self) -> Tensor:
        """What the states amount to; 0 where nothing was added."""
        raise self._lacks("score", "result")

    def _lacks(self, name: str, of_keras: str) -> NotImplementedError:
        who = type(self).__name__
        return NotImplementedError(
            f"{who}: a metric of one's own defines `{name}`, or `{of_keras}` as in Keras, and it "
            "has neither."
        )

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> Variable:
        """Makes a state of one's own, 0 after each reset, as in Keras.

        Args:
            shape: of the state.
            initializer: gives its first values: a name or a callable of (shape, dtype).
            dtype: by default float64.
            aggregation: "sum", or None.
            name: of the state.
        """
        if aggregation not in ("sum", None):
            raise ValueError(
                f"{self.name}: expected aggregation 'sum', got {aggregation!r}. States are added "
                "up; another way: add_state(name, default, dist_reduce_fx)."
            )
        dtype = as_dtype(dtype, f"{self.name}: dtype") or torch.float64
        make = initializers.get("zeros" if initializer is None else initializer, self.name)
        state = Variable(make(tuple(shape), dtype), name or f"variable_{len(self._variables)}")
        self._variables.append(state)
        return state

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """The same under Keras's older name.

        Args:
            shape: of the state.
            initializer: gives its first values: a name or a callable of (shape, dtype).
            dtype: by default float64.
            name: of the state.
        """
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Tensor]:
        """Its states: those of `add_weight`, of `add_state`, and those of what it holds."""
        kept = [getattr(self, name) for name in self._defaults]
        held, metrics = self._held()
        own = [*self._variables, *(s for s in kept if isinstance(s, Tensor)), *held]
        return [*own, *(state for metric in metrics for state in metric.variables)]

    def _held(self) -> tuple[list[Assigned], list[Metric]]:
        """States and metrics that are its attributes, in lists and dicts too; each once."""
        attributes = [v for k, v in vars(self).items() if k not in ("_variables", "_defaults")]
        found = {id(part): part for part in tree.flatten(attributes)}
        own = {id(state) for state in self._variables}
        states = [p for i, p in found.items() if isinstance(p, Assigned) and i not in own]
        return states, [p for p in found.values() if isinstance(p, Metric)]

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> Self:
        super()._apply(fn, *args, **kwargs)
        for state in self._variables:
            state.data = state.data.to(self.device)
        return self

    # --- feeding ---------------------------------------------------------------------------------

    def update(
        self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None, layout: Any = None
    ) -> None:
        """Adds values at real steps.

        Args:
            y_true: (steps, feature), or (steps,) labels; dense outputs have their own axes.
            y_pred: (steps, feature).
            weight: one for each step, or None.
            layout: which steps make a sequence; None for dense outputs.

        Raises:
            ValueError: the shapes do not fit each other.
        """
        if not len(y_pred):
            return
        steps = laid_out(self, y_true, y_pred, weight, layout)
        if steps.y_true.ndim == 1:
            for label in self.ignored:
                steps = kept(steps, steps.y_true != label)
        if self.reads_sequences and steps.weight is not None:
            steps = kept(steps, steps.weight != 0)
        if not len(steps.y_true):
            return
        size = steps.y_pred.shape[-1]
        if (
            self.sized
            and steps.y_pred.ndim == 2
            and (self._sizes is None or self._sizes[0] != size)
        ):
            self._begin(size, steps.y_true.ndim == 1)
            self.to(steps.y_pred.device)
        self.add(steps)

    def feed(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, layout: Any) -> None:
        """Adds values at real steps, by an `update_state` of one's own where there is one."""
        if not self._has_own("update_state"):
            self.update(y_true, y_pred, weight, layout)
            return
        batch: tuple[Any, Any] = y_true, y_pred
        if layout is not None and self.reads_sequences:
            batch = Ragged(y_true, layout), Ragged(y_pred, layout)
        if weight is None:
            self.update_state(*batch)
        else:
            self.update_state(*batch, sample_weight=weight)

    def _has_own(self, name: str) -> bool:
        """Whether a class outside of unpad defines this method of the base."""
        found = getattr(type(self), name)
        return found.__module__.partition(".")[0] != __name__.partition(".")[0]

    def _begin(self, size: int, labels: bool) -> None:
        if self._sizes is not None:
            raise ValueError(
                f"{self.name}: got {size} outputs a step after {self._sizes[0]} before. A metric "
                "goes with one model: make another."
            )
        self._sizes = size, labels
        self.build(size, labels)

    @property
    def begun_with(self) -> tuple[int, bool] | None:
        """The size of the outputs and whether targets are labels, once steps have come."""
        return self._sizes

    def begin_with(self, several: list[Any]) -> None:
        """Makes the states of one that has seen nothing, as others have begun.

        Args:
            several: `begun_with` of each process.
        """
        sizes = next((sizes for sizes in several if sizes is not None), None)
        if self._sizes is None and sizes is not None:
            self._begin(*sizes)

    def compute(self) -> Tensor:
        """The metric over all that was added; 0 where there was no step."""
        # Steps that came to an `update_state` of one's own are not counted.
        some = self.update_count or self._has_own("update_state")
        return self.score() if some else torch.zeros(())

    @of_numbers
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch, as in Keras: Ragged, or arrays and tensors without padding.

        Args:
            y_true: targets, of the form that `y_pred` has.
            y_pred: predictions: Ragged, (batch, feature) or (batch, time, feature).
            sample_weight: (batch,) of sequences, or one for each step.

        Raises:
            ValueError: the sequences or shapes do not fit each other.
        """
        weight = sample_weight
        if weight is not None and not isinstance(weight, Ragged):
            weight = as_tensor(weight, f"{self.name}: sample_weight")
        if isinstance(y_pred, Ragged):
            layout = y_pred.layout
            true, pred, weight = on_steps(y_true, y_pred, weight)
        elif isinstance(y_true, Ragged) or isinstance(weight, Ragged):
            which = "y_true" if isinstance(y_true, Ragged) else "sample_weight"
            raise ValueError(
                f"{self.name}: {which} is Ragged, but y_pred is not. Give both as Ragged: "
                "Ragged.from_padded(y_pred, mask=...)."
            )
        else:
            true, layout = as_tensor(y_true, f"{self.name}: y_true"), None
            pred = as_tensor(y_pred, f"{self.name}: y_pred")
        self.update(true.detach(), pred.detach(), weight, layout)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Adds a batch and gives the metric over all so far, as calling a metric of Keras does."""
        self.update_state(*args, **kwargs)
        return self.result()

    def result(self) -> Tensor:
        """The metric over all that was added; 0 where there was no step."""
        # Steps that did not come by `update` are not counted, and `compute` keeps what it has
        # computed until some are. Others may have seen some: then all must ask.
        own = self._has_own("update_state")
        if not own and not self.update_count and not self.distributed_available_fn():
            return torch.zeros((), dtype=as_dtype(self.dtype, self.name))
        value = self.score() if own else self.compute()
        return value.to(as_dtype(self.dtype, self.name))

    def reset_state(self) -> None:
        """Forgets everything that was added, and so do metrics that it holds; states become 0."""
        held, metrics = self._held()
        for state in (*self._variables, *held):
            state.assign(0)
        for metric in metrics:
            metric.reset_state()
        self.reset()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def divide(a: Tensor, b: Tensor) -> Tensor:
    """The quotient; 0 where the divisor is 0."""
    return torch.where(b != 0, a / torch.where(b != 0, b, 1), 0)
