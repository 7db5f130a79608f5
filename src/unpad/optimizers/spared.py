"""Weights that do not decay beside others that do: biases, gains of a normalisation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..arguments import wrong


class Spared(NamedTuple):
    """Which weights do not decay.

    Args:
        weights: they themselves.
        names: parts of the names of others, any of which spares a weight.
    """

    weights: tuple[Tensor, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, who: str, var_list: Any, var_names: Any) -> Spared:
        """As Keras says it: a list of weights, and a list of parts of names.

        Raises:
            ValueError: one of them is neither.
        """
        weights, names = ([] if given is None else given for given in (var_list, var_names))
        what = f"{who}.exclude_from_weight_decay"
        if not isinstance(weights, Sequence) or not all(isinstance(w, Tensor) for w in weights):
            raise wrong(what, "var_list", "a list of weights", var_list)
        strings = isinstance(names, Sequence) and not isinstance(names, str)
        if not strings or not all(isinstance(n, str) for n in names):
            raise wrong(what, "var_names", "a list of names, or parts of them", var_names)
        return cls(tuple(weights), tuple(names))

    def __contains__(self, weight: object) -> bool:
        name = str(getattr(weight, "name", None) or "")
        own = any(weight is w for w in self.weights)
        return own or any(re.search(part, name) for part in self.names)


def apart(
    spared: Spared | None,
    group: dict[str, Any],
    params: list[Tensor],
    grads: list[Tensor],
    states: list[Any],
) -> Iterator[tuple[dict[str, Any], list[Tensor], list[Tensor], list[Any]]]:
    """Weights with how they are moved: all by their group, or the spared ones without decay.

    Args:
        spared: which do not decay; None where all do.
        group: their options.
        params: the weights.
        grads: their gradients.
        states: what is known of each.
    """
    if spared is None:
        yield group, params, grads, states
        return
    none = {name: 0.0 for name in group if name.endswith("weight_decay")}
    for keeps, how in ((False, group), (True, {**group, **none})):
        at = [i for i, p in enumerate(params) if (p in spared) is keeps]
        if at:
            some, theirs, known = ([given[i] for i in at] for given in (params, grads, states))
            yield how, some, theirs, known
