"""One step as Keras makes it: what is done around an update, whatever the update is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from ..kernels.around import as_tensors
from ..ragged.numbers import as_tensor
from . import clipping
from .constrained import apply_constraints
from .rate import Count, Rate
from .scaling import Scaling, Work
from .schedules import rate_at
from .spared import Spared, apart

#: Begins the names of gradients that are collected, by the terms of the loss.
COLLECTED = "collected"

#: One of torch's groups of weights, with the options that are theirs.
Group = dict[str, Any]


@dataclass(frozen=True)
class Around:
    """What Keras does around the update itself.

    Args:
        schedule: the learning rate of each call of `step`, counted from 0; None: `lr` stays.
        clip: what is done with the gradients first.
        ema_momentum: how slowly the averages of the weights follow them; None: there are none.
        ema_overwrite_frequency: after so many updates each the averages replace the weights.
        accumulate: the number of calls whose gradients make one update.
        spared: weights that do not decay; None where all do.
        scaling: of the loss whose gradients come; None: they are the loss's own.
        arguments: gives those of Keras's optimiser that it was made of.
    """

    schedule: Callable[[int], Any] | None = None
    clip: clipping.Clip | None = None
    ema_momentum: float | None = None
    ema_overwrite_frequency: int | None = None
    accumulate: int = 1
    scaling: Scaling | None = None
    spared: Spared | None = None
    arguments: Callable[[], dict[str, Any]] | None = None


def gradient_of(given: Any, weight: Tensor, who: str) -> Tensor | None:
    """A gradient as a loop of one's own gives it: a tensor, or an array of the weight's shape."""
    if given is None or isinstance(given, Tensor):
        return given
    return as_tensor(given, f"{who}: gradient", weight.device).to(weight.dtype)


def hooks_of(optimizer: torch.optim.Optimizer) -> list[Any]:
    """What is called before and after each of the optimiser's steps."""
    return [
        *_global_optimizer_pre_hooks.values(),
        *_global_optimizer_post_hooks.values(),
        *optimizer._optimizer_step_pre_hooks.values(),
        *optimizer._optimizer_step_post_hooks.values(),
    ]


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """Torch's hooks and profile around a step, only where there is a hook or a profiler.

    Torch puts its wrapper around any step that is not marked as `hooked`. It opens a profiler's
    record even where there is no profiler: 60 us a step after the kernels' work, whose caches it
    finds cold.
    """
    watched: Any = torch.optim.Optimizer.profile_hook_step(step)

    @wraps(step)
    def run(self: Rule, *args: Any, **kwargs: Any) -> Any:
        profiled = torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateImportUsage]
        # A subclass's own step has torch's wrapper.
        asked = type(self).step is run and (profiled or hooks_of(self))
        return (watched if asked else step)(self, *args, **kwargs)

    run.hooked = True  # pyright: ignore[reportAttributeAccessIssue]
    return run


def _without_compiler(method: Callable[..., Any]) -> Callable[..., Any]:
    """One of torch's methods which keep its compiler out, for which they import it: .85 s.

    Where the compiler is not there it need not be kept out.
    """
    plain = getattr(method, "__wrapped__", method)

    @wraps(method)
    def run(self: Rule, *args: Any, **kwargs: Any) -> Any:
        return (method if "torch._dynamo" in sys.modules else plain)(self, *args, **kwargs)

    return run


class _Term(NamedTuple):
    """The gradients of one of the terms of a batch's loss; see `Rule.collect`."""

    work: list[Work]
    weight: Any
    summed: bool
    name: str


class Rule(torch.optim.Optimizer):
    """A torch optimiser whose step is Keras's: a subclass says only how weights move.

    In this order: gradients of a scaled loss are divided; they are collected, until there are
    enough for an update; the learning rate is read; gradients are clipped; weights decay; they
    move; their averages follow; constraints hold. The state can be saved and loaded as that of
    any torch optimiser.

    Args:
        params: weights, or groups of them.
        lr: the learning rate.
        weight_decay: decoupled: weights shrink by lr * weight_decay at each update.
        around: see `Around`.
        options: of the subclass, kept in each group.
    """

    #: Whether `update` lets the weights decay by itself.
    decays = False
    add_param_group = _without_compiler(torch.optim.Optimizer.add_param_group)
    state_dict = _without_compiler(torch.optim.Optimizer.state_dict)
    _load_state_dict = _without_compiler(torch.optim.Optimizer.load_state_dict)
    #: The terms of the batch at hand whose gradients are there.
    _waiting: tuple[_Term, ...] = ()

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float = 0.0,
        around: Around | None = None,
        **options: Any,
    ) -> None:
        self.around = around or Around()
        self._constrained: Sequence[tuple[Tensor, Any]] = ()
        # A plain number: a state is read with nothing but numbers and tensors in it.
        shared = {"lr": float(lr), "weight_decay": weight_decay, "iterations": 0}
        super().__init__(params, {**shared, **options})

    @property
    def who(self) -> str:
        """Keras's name of the rule, for errors."""
        return type(self).__name__.removesuffix("Keras")

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        """A weight's state before its first update."""
        return {}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        """The t-th update of these weights, counted from 1, in place."""
        raise NotImplementedError

    @_hooked
    def step(
        self,
        closure: Callable[[], Any] | None = None,
        weight: Any = None,
        summed: bool = False,
        by_rows: bool = False,
        term: str = "",
    ) -> Any:
        """Moves the weights by their gradients, or collects these until it is time.

        Args:
            closure: computes the loss and its gradients anew.
            weight: with `accumulate`, how much this call's gradients count beside the others': the
                number of real steps that the loss was divided by. The update is then that of one
                batch of all steps. Without it each call counts alike, as in Keras.
            summed: with `accumulate`, whether the loss is a sum: the gradients are added up then.
            term: with `accumulate`, of which term of the loss these gradients are; see `collect`.
            by_rows: whether a gradient may be that of some rows, as `Update` has them made.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            call = self.param_groups[0]["iterations"]
            with as_tensors():
                work: Any = [self._moved(group, by_rows) for group in self.param_groups]
            terms = self._unscaled(_Term(work, 1.0 if weight is None else weight, summed, term))
            if not terms:
                return loss
            for group in self.param_groups:
                group["iterations"] = call + 1
            work = terms[-1].work
            if self.around.accumulate > 1:
                for one in terms:
                    self._add(*one)
                work = self._collected(call)
            if work is not None:
                self._update_all(work, call)
        return loss

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as it goes into the backward pass."""
        scaling = self.around.scaling
        return loss if scaling is None else loss * scaling.now(self.param_groups[0])

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """One update by these gradients, for a training step of one's own, as in Keras.

        Args:
            grads: one for each weight; None leaves it.
            trainable_variables: the weights; by default all, in their order.

        Raises:
            ValueError: there are more or fewer gradients than weights, or a weight is not known.
        """
        every = [p for group in self.param_groups for p in group["params"]]
        weights = every if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(weights):
            raise ValueError(
                f"{self.who}.apply: {len(grads)} gradients for {len(weights)} weights."
            )
        known = set(map(id, every))
        if (foreign := next((w for w in weights if id(w) not in known), None)) is not None:
            raise ValueError(
                f"{self.who}.apply: a weight of shape {tuple(foreign.shape)} is none of the "
                f"{len(every)} that it moves."
            )
        for p in every:
            p.grad = None
        for p, grad in zip(weights, grads, strict=True):
            p.grad = gradient_of(grad, p, f"{self.who}.apply")
        self.step()

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Tensor]]) -> None:
        """The same, of pairs of a gradient and its weight."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [weight for _, weight in pairs])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As torch's, without its 10 us for the profiler where gradients are only dropped."""
        if not set_to_none:
            super().zero_grad(set_to_none)
            return
        with as_tensors():
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None

    def _update_all(self, work: list[tuple[list[Tensor], list[Tensor]]], call: int) -> None:
        around = self.around
        if around.schedule is not None:
            rate = rate_at(around.schedule, call)
            for group in self.param_groups:
                group["lr"] = rate
        if around.clip is not None:
            clipped = around.clip([grads for _, grads in work])
            work = [(params, grads) for (params, _), grads in zip(work, clipped, strict=True)]
        for group, (params, grads) in zip(self.param_groups, work, strict=True):
            for t, *rest in self._by_age(group, params, grads):
                for how, some, their_grads, states in apart(around.spared, group, *rest):
                    if how["weight_decay"] and not self.decays:
                        self.decay(how, some)
                    self.update(how, t, some, their_grads, states)
        if around.ema_momentum is not None:
            self._follow(around.ema_momentum, call)
        if self._constrained:
            apply_constraints(self._constrained)

    def decay(self, group: Group, params: list[Tensor]) -> None:
        """Shrinks the weights by lr * weight_decay."""
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])  # pyright: ignore[reportPrivateImportUsage]

    def _moved(self, group: Group, by_rows: bool) -> tuple[list[Tensor], list[Tensor]]:
        params, grads = [], []
        for p in group["params"]:
            grad = p.grad
            if grad is not None:
                if grad.is_sparse and not by_rows:
                    raise ValueError(
                        f"{self.who}: a weight of shape {tuple(p.shape)} has a sparse "
                        "gradient. Leave out sparse=True, or give compile torch.optim.SparseAdam."
                    )
                params.append(p)
                grads.append(grad)
        return params, grads

    def _by_age(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> Iterable[Any]:
        """Weights that were updated equally often: those frozen for a while have their own count.

        Gives (t, params, grads, states), the states with t already written.
        """
        ages: dict[int, tuple[list[Tensor], list[Tensor], list[Any]]] = {}
        for p, grad in zip(params, grads, strict=True):
            state = self.state[p]
            if "step" not in state:
                state.update(step=0, **self.start(p, group))
            t = state["step"] = state["step"] + 1
            if t not in ages:
                ages[t] = ([], [], [])
            some, their_grads, states = ages[t]
            some.append(p)
            their_grads.append(grad)
            states.append(state)
        return [(t, *lists) for t, lists in ages.items()]

    # --- gradients of several calls --------------------------------------------------------------

    @torch.no_grad()
    def collect(self, weight: float, summed: bool = False, term: str = "") -> None:
        """Collects the gradients of one of several terms of a loss; `step` takes the last.

        Each term is a mean with a divisor of its own, as an output of many steps and one of few
        have, so that their gradients are added up by themselves until there are enough batches.
        Where a factor follows the gradients, they wait for `step`: one that is not finite leaves
        out the whole batch, and no term of it alone.

        Args:
            weight: how much they count beside this term's others: its divisor.
            summed: whether the term is a sum: its gradients are added up then.
            term: its name, the same in every batch.
        """
        work = [self._moved(group, False) for group in self.param_groups]
        found = _Term(work, weight, summed, term)
        if self.around.scaling is None:
            self._add(*found)
        else:
            self._waiting = (*self._waiting, found)

    def _unscaled(self, last: _Term) -> list[_Term]:
        """The terms of a batch by their own gradients; none where one of these is not finite."""
        terms = [*self._waiting, last]
        vars(self).pop("_waiting", None)
        if self.around.scaling is None:
            return terms
        every = [pair for term in terms for pair in term.work]
        found = self.around.scaling.unscaled(self.param_groups[0], every)
        if found is None:
            return []
        n = len(self.param_groups)
        return [t._replace(work=found[i * n : (i + 1) * n]) for i, t in enumerate(terms)]

    def _add(self, work: list[Work], weight: Any, summed: bool, term: str) -> None:
        weight, key = 1.0 if summed else float(weight), f"{COLLECTED} {term}".strip()
        first = self.param_groups[0]
        first[key] = 1.0 if summed else first.get(key, 0.0) + weight
        for params, grads in work:
            for p, grad in zip(params, grads, strict=True):
                state = self.state[p]
                if state.get(key) is None:
                    state[key] = torch.zeros_like(p)
                state[key].add_(grad, alpha=weight)

    def _collected(self, call: int) -> list[tuple[list[Tensor], list[Tensor]]] | None:
        """The sum of the terms' means since the last update; None before it is time."""
        if (call + 1) % self.around.accumulate:
            return None
        ready: list[tuple[list[Tensor], list[Tensor]]] = []
        for group in self.param_groups:
            found = [(p, self.collected_of(p)) for p in group["params"]]
            pairs = [(p, mean) for p, mean in found if mean is not None]
            ready.append(([p for p, _ in pairs], [mean for _, mean in pairs]))
        for entry in (self.param_groups[0], *self.state.values()):
            for key in [key for key in entry if key.startswith(COLLECTED)]:
                del entry[key]
        return ready

    def collected_of(self, p: Tensor) -> Tensor | None:
        """What a weight's gradients since the last update make together; None where it has none."""
        first, state = self.param_groups[0], self.state.get(p, {})
        found: Tensor | None = None
        for key in [key for key in state if key.startswith(COLLECTED)]:
            # All batches together weigh nothing where no step counted: the sums are 0 then.
            mean = state[key] / (first.get(key) or 1.0)
            found = mean if found is None else found + mean
        return found

    # --- averages of the weights -----------------------------------------------------------------

    def _follow(self, momentum: float, call: int) -> None:
        params = [p for group in self.param_groups for p in group["params"]]
        for p in params:
            average = self.state[p].get("average")
            if average is None:
                self.state[p]["average"] = p.detach().clone()
            else:
                average.mul_(momentum).add_(p, alpha=1 - momentum)
        every = self.around.ema_overwrite_frequency
        if every and ((call + 1) // self.around.accumulate) % every == 0:
            self.finalize_variable_values()

    @torch.no_grad()
    def finalize_variable_values(self, var_list: Any = None) -> None:
        """Puts the averages in the weights' place, where there are averages; `fit` ends with it."""
        for group in self.param_groups:
            for p in group["params"]:
                average = self.state[p].get("average") if p in self.state else None
                if average is not None:
                    p.copy_(average)

    # --- the rate and the count ------------------------------------------------------------------

    @property
    def variables(self) -> list[Tensor]:
        """The states of every weight, as they are now; none before the first update."""
        weights = (p for group in self.param_groups for p in group["params"])
        states = (self.state[p] for p in weights if p in self.state)
        return [value for s in states for value in s.values() if isinstance(value, Tensor)]

    def get_config(self) -> dict[str, Any]:
        """The arguments by name of the optimiser that it was made of.

        Raises:
            NotImplementedError: it was made by itself.
        """
        if self.around.arguments is None:
            raise NotImplementedError(f"{self.who}: it was not made of an optimizer's arguments.")
        return self.around.arguments()

    @property
    def iterations(self) -> int:
        """The number of updates so far."""
        return Count(self.param_groups[0]["iterations"] // self.around.accumulate)

    @property
    def learning_rate(self) -> float:
        """The step size; with a schedule, that of the next update."""
        if self.around.schedule is not None:
            rate = rate_at(self.around.schedule, self.param_groups[0]["iterations"])
            return Rate(rate, self)
        return Rate(self.param_groups[0]["lr"], self)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self.around.schedule is not None:
            raise TypeError(
                f"{self.who}: the learning rate follows {self.around.schedule!r} and "
                "cannot be set. Give the optimizer a number as learning_rate=."
            )
        for group in self.param_groups:
            group["lr"] = float(value)

    def follow(self, other: Rule) -> None:
        """Takes over another rule's options, not its learning rate, and goes on with its state."""
        self.around = other.around
        for group in self.param_groups:
            for name, value in other.defaults.items():
                if name not in ("lr", "iterations"):
                    group[name] = value
            for p in group["params"]:
                if "step" in self.state.get(p, ()):
                    for name, value in other.start(p, group).items():
                        self.state[p].setdefault(name, value)

    # --- torch's own bookkeeping -----------------------------------------------------------------

    def obey(self, constraints: Sequence[tuple[Tensor, Any]]) -> None:
        """Has these, each with its weight, hold after each step from now on, and no others."""
        self._constrained = constraints

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, where the state's sizes are the weights'.

        Raises:
            ValueError: one is not; nothing has been loaded.
        """
        params = [(group, p) for group in self.param_groups for p in group["params"]]
        keys = [key for group in state_dict["param_groups"] for key in group["params"]]
        for number, ((group, p), key) in enumerate(zip(params, keys, strict=False)):
            states = self.start(p, group).items()
            shapes = {name: own.shape for name, own in states if isinstance(own, Tensor)}
            for name, value in state_dict["state"].get(key, {}).items():
                if not isinstance(value, Tensor) or not value.ndim:
                    continue
                if value.shape != shapes.get(name, p.shape):
                    raise ValueError(
                        f"{self.who}: weight {number} is {tuple(p.shape)}, its loaded {name} "
                        f"{tuple(value.shape)}. This state was saved for other weights."
                    )
        self._load_state_dict(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        own = {"around": self.around, "_constrained": self._constrained}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.defaults.pop("differentiable", None)  # which torch adds, and no rule has
        for group in self.param_groups:
            # A state saved by torch's own optimiser knows less of a group, and counts in tensors.
            for name, value in self.defaults.items():
                group.setdefault(name, value)
        for entry in self.state.values():
            if isinstance(entry.get("step"), Tensor):
                entry["step"] = int(entry["step"])
