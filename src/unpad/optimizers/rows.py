"""Gradients of tables by the rows that a batch has read, while a model is in `fit`.

A batch reads few rows of an embedding: of 33,000 words a batch of newsgroup posts holds 5,600. The
gradient of the whole table, mostly zeros, is 40 MB that are had anew, set to 0, summed into and
read again at every step. Adam needs none of that: given the rows, it moves the table as it would
by the whole gradient, bit for bit (`kernels.adam.step`).

Between two steps nobody can see the difference but who reads `.grad` there, so it is done only
where nobody is called who could.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .. import kernels
from ..layers import Embedding
from .rule import Around, hooks_of
from .rules import AdamKeras

# Numbers in a table from which on it pays: at 300,000 a step takes as long either way.
_WORTH = 1 << 18


@contextmanager
def gradients_by_rows(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, watched: bool
) -> Iterator[None]:
    """Within this block embeddings give Adam their gradients by rows, where nobody can tell.

    Args:
        model: whose embeddings they are.
        optimizer: what moves the weights.
        watched: whether anybody is called between two steps.
    """
    found = [] if watched or not _can_take_rows(optimizer) else [*_tables(model, optimizer)]
    if not found:
        yield
        return
    assert isinstance(optimizer, AdamKeras)
    optimizer.takes_rows = True
    for layer in found:
        layer.gradient_by_rows = True
    try:
        yield
    finally:
        optimizer.takes_rows = False
        for layer in found:
            layer.gradient_by_rows = False
            weight = layer.embeddings
            if weight.grad is not None and weight.grad.is_sparse:
                weight.grad = weight.grad.to_dense()


def _can_take_rows(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it is an Adam that looks at gradients in its update only, and lets nobody else."""
    if type(optimizer) is not AdamKeras:
        return False
    around: Around = optimizer.around
    return (
        around.clip is None
        and around.accumulate == 1
        and not hooks_of(optimizer)
        and not any(group["amsgrad"] for group in optimizer.param_groups)
    )


def _tables(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[Embedding]:
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for layer in model.modules():
        if type(layer) is not Embedding or not layer.built:
            continue
        weight = layer.embeddings
        hooks = (weight._backward_hooks, weight._post_accumulate_grad_hooks)
        fits = id(weight) in held and weight.numel() >= _WORTH and weight.requires_grad
        fits = fits and weight.is_contiguous()
        if fits and kernels.serves(weight) and not any(hooks):
            yield layer
