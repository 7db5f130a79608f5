"""Several optimisers for one model, each for the weights whose paths it is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ..arguments import AboveZero, wrong
from ..configured import made_of
from ..serialization import as_data
from .loss_scale import LossScaleOptimizer
from .optimizer import Optimizer
from .rate import Count
from .rule import Around, Rule
from .scaling import Scaling


class OptimizerMap:
    """Which optimiser moves a weight: that of its path, or of the pattern that its path fits.

    Args:
        default_optimizer: of weights that fit nothing.
        optimizer_map: optimisers by paths or regular expressions of whole paths, as "encoder/.*".

    Raises:
        ValueError: one of them is no optimizer.

    Example:
        >>> import unpad
        >>> optimizers = OptimizerMap(unpad.optimizers.SGD(), {"words/.*": unpad.optimizers.Adam()})
        >>> optimizers["words/embeddings"].name, optimizers["dense/kernel"].name
        ('adam', 'sgd')
    """

    def __init__(
        self, default_optimizer: Any, optimizer_map: Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(optimizer_map, (Mapping, type(None))):
            raise wrong("OptimizerMap", "optimizer_map", "a dict of optimizers", optimizer_map)
        for one in (optimizer_map or {}).values():
            if not isinstance(one, Optimizer):
                raise wrong("OptimizerMap", "optimizer_map", "optimizers, as Adam()", one)
        if not isinstance(default_optimizer, Optimizer):
            what = "an optimizer, as Adam()"
            raise wrong("OptimizerMap", "default_optimizer", what, default_optimizer)
        self.default_optimizer = default_optimizer
        self.optimizer_map = dict(optimizer_map or {})

    def __getitem__(self, path: str) -> Optimizer:
        if path in self.optimizer_map:
            return self.optimizer_map[path]
        fits = [pattern for pattern in self.optimizer_map if re.fullmatch(pattern, path)]
        if len(fits) > 1:
            raise ValueError(
                f"OptimizerMap: {path!r} fits {' and '.join(map(repr, fits))}. One of them must "
                "leave it out."
            )
        return self.optimizer_map[fits[0]] if fits else self.default_optimizer

    def __setitem__(self, pattern: str, optimizer: Any) -> None:
        if not isinstance(pattern, str) or pattern in self.optimizer_map:
            raise ValueError(f"OptimizerMap: expected a new path or pattern, got {pattern!r}.")
        self.optimizer_map[pattern] = _plain(optimizer, "OptimizerMap")

    def __call__(self, variable: Any) -> Optimizer:
        """The optimiser of a weight."""
        return self[getattr(variable, "path", "")]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name."""
        names = ("default_optimizer", "optimizer_map")
        return as_data({name: getattr(self, name) for name in names})

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OptimizerMap:
        """The map of these arguments."""
        return made_of(cls, config)


class MultiOptimizer(Optimizer):
    """Several optimisers for one model, each with its own rate, clipping and decay.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a weight that gives its optimizer.
        loss_scale_factor: as any optimizer's; for all of them.
        name: a name; by default the class's.

    Raises:
        ValueError: what a weight is given is no optimizer that can stand among others.

    Example:
        >>> import torch, unpad
        >>> fast, slow = unpad.optimizers.SGD(1.0), unpad.optimizers.SGD(0.1)
        >>> optimizer = MultiOptimizer(lambda weight: fast if weight.ndim == 1 else slow)
        >>> bias, kernel = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1, 1))
        >>> optimizer.apply([torch.ones(1), torch.ones(1, 1)], [bias, kernel])
        >>> bias.data, kernel.data
        (tensor([-1.]), tensor([[-0.1000]]))
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: AboveZero | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            what = "an OptimizerMap or a function of a weight"
            raise wrong(type(self).__name__, "optimizer_map", what, optimizer_map)
        self.optimizer_map = optimizer_map
        #: All that it knows of, in the order in which they were met.
        self.optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for one in (*optimizer_map.optimizer_map.values(), optimizer_map.default_optimizer):
                self._meet(one)

    def _meet(self, optimizer: Any) -> Optimizer:
        if not any(optimizer is known for known in self.optimizers):
            self.optimizers.append(_plain(optimizer, type(self).__name__))
        return optimizer

    def build(self, variables: list[Tensor]) -> None:
        super().build(variables)
        for weight in self._weights:
            self._meet(self.optimizer_map(weight))

    def bind(self, parameters: Iterable[Tensor], scaling: Scaling | None = None) -> Rule:
        """Makes the torch optimiser for these weights, and keeps it: all the others' in one."""
        self.torch_optimizer = None
        self.build(list(parameters))
        factor = self.loss_scale_factor
        scaling = scaling or (None if factor is None else Scaling(factor))
        parts = [(one, self._weights_of(one)) for one in self.optimizers]
        rules = [one.bind(weights) for one, weights in parts if weights]
        self.torch_optimizer = Several(rules, scaling)
        return self.torch_optimizer

    def _weights_of(self, optimizer: Optimizer) -> list[Tensor]:
        return [w for w in self._weights if self.optimizer_map(w) is optimizer]

    def _rule(self, scaling: Scaling | None = None) -> Rule:
        return self.bind(self._weights, scaling)

    def _check_arguments(self) -> None:
        pass  # each optimizer checks its own

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Lets these weights not decay: those of every optimiser.

        Args:
            var_list: weights.
            var_names: parts of names.
        """
        for one in self.optimizers:
            one.exclude_from_weight_decay(var_list, var_names)

    @property
    def learning_rate(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Each optimiser has its own."""
        raise AttributeError(_RATES)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        raise AttributeError(_RATES)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name, the optimisers as data."""
        names = ("optimizer_map", "loss_scale_factor", "name")
        return as_data({name: getattr(self, name) for name in names})


_RATES = (
    "MultiOptimizer: each optimizer has a learning rate of its own: for one in "
    "optimizer.optimizers: one.learning_rate."
)


def _plain(optimizer: Any, who: str) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{who}: expected an optimizer, as optimizers.Adam(), got {optimizer!r}.")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        kind = type(optimizer).__name__
        raise ValueError(f"{who}: {kind} cannot stand among others. Put it around them.")
    return optimizer


class Several(Rule):
    """Rules of which each moves its own weights, as one torch optimiser: one state, all groups.

    Gradients are divided and collected here, for all of them; then each makes its own update.

    Args:
        rules: with as many batches an update each.
        scaling: of the loss, which all of them have.

    Raises:
        ValueError: they collect the gradients of different numbers of batches.
    """

    def __init__(self, rules: list[Rule], scaling: Scaling | None = None) -> None:
        every = {rule.around.accumulate for rule in rules}
        if len(every) > 1:
            raise ValueError(
                "MultiOptimizer: expected the same gradient_accumulation_steps of all optimizers, "
                f"got {sorted(every)}."
            )
        self.rules = rules
        groups = [group for rule in rules for group in rule.param_groups]
        super().__init__(
            [{"params": group["params"]} for group in groups],
            0.0,
            around=Around(accumulate=every.pop() if every else 1, scaling=scaling),
        )
        for rule in rules:
            self.state.update(rule.state)
        self.param_groups = groups
        self._share()

    def _share(self) -> None:
        """Has every rule work on its part of this one's groups and states."""
        groups = iter(self.param_groups)
        for rule in self.rules:
            rule.param_groups = [next(groups) for _ in rule.param_groups]
            rule.state = self.state

    def _update_all(self, work: list[tuple[list[Tensor], list[Tensor]]], call: int) -> None:
        shares = iter(work)
        for rule in self.rules:
            rule._update_all([next(shares) for _ in rule.param_groups], call)

    def obey(self, constraints: Sequence[tuple[Tensor, Any]]) -> None:
        for rule in self.rules:
            held = {id(p) for group in rule.param_groups for p in group["params"]}
            rule.obey([pair for pair in constraints if id(pair[0]) in held])

    def finalize_variable_values(self, var_list: Any = None) -> None:
        for rule in self.rules:
            rule.finalize_variable_values(var_list)

    @property
    def iterations(self) -> int:
        """The number of updates so far."""
        return Count(max((rule.iterations for rule in self.rules), default=0))

    @property
    def learning_rate(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Each rule has its own."""
        raise AttributeError(_RATES)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rules": self.rules}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()
