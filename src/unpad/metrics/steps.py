"""Steps as a metric wants them: one row each, a weight each, and which make a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..align.beside import beside
from ..ragged import Layout
from ..ragged.numbers import HALF

if TYPE_CHECKING:
    from .metric import Metric


class Steps(NamedTuple):
    """Real steps, one row each.

    Args:
        y_true: (steps, feature) targets, or (steps,) labels where there are several outputs.
        y_pred: (steps, feature), or (steps,) integers where the model gives labels.
        weight: (steps,) float64, or None for 1 each; (steps, feature) for a metric that counts
            entries apart.
        layout: which steps make a sequence; only for a metric that reads sequences.
    """

    y_true: Tensor
    y_pred: Tensor
    weight: Tensor | None
    layout: Layout | None


def laid_out(
    metric: Metric, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, layout: Layout | None
) -> Steps:
    """The steps in rows, whatever axes they came with.

    Raises:
        ValueError: targets, weights or sequences do not fit the predictions.
    """
    if y_true.dtype == torch.bool:
        y_true = y_true.to(torch.uint8)  # torch looks for no largest among yes and no
    whole = not y_pred.is_floating_point()
    if whole and metric.takes_labels:
        one = y_pred.ndim > 1 and y_pred.shape[-1] == 1
        if one and (layout is not None or y_pred.ndim > y_true.ndim):
            y_pred = y_pred.squeeze(-1)
        lead, feature = y_pred.shape, ()
    else:
        if (whole and not metric.takes_ids) or y_pred.dtype in HALF:
            y_pred = y_pred.float()
        if y_pred.ndim == 1:
            y_pred = y_pred.unsqueeze(-1)
        lead, feature = y_pred.shape[:-1], y_pred.shape[-1:]
    if y_true.shape == lead and feature != (1,):
        y_true = y_true if y_true.ndim == 1 else y_true.reshape(-1)
    elif y_true.shape in ((*lead, *feature), (*lead, 1), lead):
        one_label = y_true.ndim > len(lead) and y_true.shape[-1:] != feature
        y_true = y_true.reshape(-1, *(() if one_label else feature))
    else:
        raise ValueError(
            f"{metric.name}: expected targets of shape {(*lead, *feature)}, as the predictions, or "
            f"{tuple(lead)}, got {tuple(y_true.shape)}."
        )
    if weight is not None:
        if not metric.takes_weight:
            raise unweighable(metric.name, metric.name)
        expected = f"{metric.name}: expected a weight for each of {{}} steps"
        entries = (*lead, *feature)
        if metric.by_entry and weight.ndim == len(entries) and weight.shape[-1:] == feature:
            weight = beside(weight, entries, expected).expand(entries).reshape(-1, *feature)
        else:
            weight = beside(weight, lead, expected).expand(lead).reshape(-1)
        weight = weight.to(torch.float64)
    if metric.reads_sequences:
        layout = _sequences(metric.name, layout, lead, y_pred.device)
    y_pred = y_pred if len(lead) == 1 else y_pred.reshape(-1, *feature)
    return Steps(y_true, y_pred, weight, layout)


def kept(steps: Steps, keep: Tensor) -> Steps:
    """The steps where `keep` is True."""
    y_true, y_pred, weight, layout = steps
    return Steps(
        y_true[keep],
        y_pred[keep],
        None if weight is None else weight[keep],
        None if layout is None else layout.keep(keep),
    )


def unweighable(who: str, name: str) -> ValueError:
    """The error for weights where a metric takes none."""
    return ValueError(
        f"{who}: {name!r} takes no weights: what it adds up has none. Leave it among metrics, "
        "or use one of unpad.metrics, which all take weights."
    )


def _sequences(who: str, layout: Layout | None, lead: torch.Size, device: torch.device) -> Layout:
    if layout is None and len(lead) == 2:
        return Layout.full(*lead).to(device)
    if layout is None:
        raise ValueError(
            f"{who}: expected outputs for each step of a sequence, Ragged or (batch, time, "
            f"classes), got one row for each of {lead[0]}. For one output a sequence use accuracy."
        )
    if tuple(lead) != (layout.steps,):
        raise ValueError(
            f"{who}: expected one label for each of {layout.steps} steps, got outputs of "
            f"{tuple(lead)}."
        )
    return layout
