"""How the weights of a model are moved: a value, made once a fit.

A batch reads few rows of an embedding: of 33,000 words a batch of newsgroup posts holds 5,600. The
gradient of the whole table, mostly zeros, is 40 MB that are had anew, set to 0, summed into and
read again at every step. Adam needs none of that: given the rows, it moves the table as it would
by the whole gradient, bit for bit (`kernels.adam.step`).

Between two steps nobody can see the difference but who reads `.grad` there, so it is done only
where nobody is called who could.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from .. import kernels
from ..core.by_rows import wanted_by_rows
from ..kernels.around import as_tensors
from ..layers import Embedding
from .constrained import obeying
from .rule import Around, Rule, hooks_of
from .rules import AdamKeras

# Numbers in a table from which on it pays: at 300,000 a step takes as long either way.
_WORTH = 1 << 18


class Update(NamedTuple):
    """What moves the weights of a model, and how.

    Args:
        optimizer: which obeys the weights' constraints after each of its steps.
        accumulate: how many batches make one update: only our own optimisers have several.
        moves: whether there is anything to move.
        by_rows: whether it is given gradients by rows, where a batch has read few.
    """

    optimizer: torch.optim.Optimizer
    accumulate: int = 1
    moves: bool = True
    by_rows: bool = False

    @classmethod
    def of(
        cls, optimizer: torch.optim.Optimizer, constraints: Sequence[tuple[Tensor, Any]]
    ) -> Update:
        """The update by this optimiser, under these constraints.

        Args:
            optimizer: ours or torch's.
            constraints: each with the weight that obeys it.
        """
        around = getattr(optimizer, "around", None)
        moves = any(group["params"] for group in optimizer.param_groups)
        return cls(obeying(optimizer, constraints), getattr(around, "accumulate", 1), moves)

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss as the optimiser wants it on its way back."""
        optimizer: Any = self.optimizer
        return optimizer.scale_loss(loss) if hasattr(optimizer, "scale_loss") else loss

    def step(self) -> None:
        """Moves the weights by their gradients."""
        if self.by_rows:
            cast(Rule, self.optimizer).step(by_rows=True)
        else:
            self.optimizer.step()

    def collect(self, terms: Sequence[Any], backward: Callable[[Tensor, bool, bool], None]) -> None:
        """Collects the gradients of a batch's loss, and moves the weights when it is time.

        Args:
            terms: of the loss, at least one: `name`, `value`, `weight` and `summed`; see
                `Rule.collect`.
            backward: of a term's value, whether more terms follow, whether it is the only one.
        """
        rule = cast(Rule, self.optimizer)
        for term in terms[:-1]:
            backward(term.value, True, False)
            rule.collect(term.weight, term.summed, term.name)
            rule.zero_grad()
        last = terms[-1]
        backward(last.value, False, len(terms) == 1)
        rule.step(weight=last.weight, summed=last.summed, term=last.name)

    @contextmanager
    def rows_of(self, model: torch.nn.Module, watched: bool) -> Iterator[Update]:
        """Within this block embeddings give Adam their gradients by rows, where nobody can tell.

        Args:
            model: whose embeddings they are.
            watched: whether anybody is called between two steps.
        """
        optimizer = self.optimizer
        tables = [] if watched or not _can_take_rows(optimizer) else [*_tables(model, optimizer)]
        if not tables:
            yield self
            return
        try:
            with wanted_by_rows(tables):
                yield self._replace(by_rows=True)
        finally:
            for table in tables:
                if table.grad is not None and table.grad.is_sparse:
                    table.grad = table.grad.to_dense()


def _can_take_rows(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it is an Adam that looks at gradients in its update only, and lets nobody else."""
    if type(optimizer) is not AdamKeras:
        return False
    around: Around = optimizer.around
    return (
        around.clip is None
        and around.accumulate == 1
        and around.scaling is None
        and not hooks_of(optimizer)
        and not any(group["amsgrad"] for group in optimizer.param_groups)
    )


def _tables(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    with as_tensors():
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        if not any(p.numel() >= _WORTH for p in weights):
            return
    held = set(map(id, weights))
    for layer in model.modules():
        if type(layer) is not Embedding or not layer.built:
            continue
        weight = layer.embeddings
        hooks = (weight._backward_hooks, weight._post_accumulate_grad_hooks)
        fits = id(weight) in held and weight.numel() >= _WORTH and weight.requires_grad
        fits = fits and weight.is_contiguous()
        if fits and kernels.serves(weight) and not any(hooks):
            yield weight
