"""What must hold before several processes work on one model, and how all begin alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ranks import Ranks
from .kept_optimizers import KeptOptimizer
from .objective import Objective

# Methods that, overridden, may compute what does not add up over processes.
_OWN = {
    "fit": ("train_step", "test_step", "compute_metrics"),
    "train_on_batch": ("train_step", "compute_metrics"),
    "evaluate": ("test_step", "compute_metrics"),
    "predict": (),
}


def refuse_own_ways(model: Any, who: str, ranks: Ranks) -> None:
    """Raises for a model whose steps cannot be shared among processes.

    Raises:
        ValueError: it carries states from batch to batch, has steps of its own, or its weights are
            shards.
    """
    if ranks.alone:
        return
    if model.stateful:
        raise ValueError(
            f"{who}: a stateful layer carries its states from batch to batch, row by row, and rows "
            f"are shared anew among {ranks.world} processes. Leave stateful out, or use one."
        )
    if any(hasattr(weight, "full_tensor") for weight in model.parameters()):
        raise ValueError(
            f"{who}: the model's weights are shards (fully_shard), and {who} wants them whole in "
            f"each of the {ranks.world} processes. Leave it out, or write the loop: see "
            "docs/scale.md."
        )
    for name in _OWN.get(who, _OWN["evaluate"]):
        if model.overrides(name):
            raise ValueError(
                f"{who}: {type(model).__name__}.{name} is the model's own, and how what it gives "
                f"adds up over {ranks.world} processes is not known. Override compute_loss, or "
                "write the loop with torch's DistributedDataParallel: see docs/scale.md."
            )


def refuse_own_loss(model: Any, objective: Objective, ranks: Ranks) -> None:
    """Raises for a loss of the model's own that is not a mean over what one output counts.

    Raises:
        ValueError: there are several outputs, or the loss is a sum.
    """
    if ranks.alone or not model.overrides("compute_loss"):
        return
    several = len(objective.parts) > 1
    if several or objective.is_sum:
        what = "several outputs" if several else "reduction='sum'"
        raise ValueError(
            f"fit: {type(model).__name__}.compute_loss is the model's own: over {ranks.world} "
            f"processes it is taken as a mean over the steps, which it is not with {what}. Give "
            "compile the loss, and add to it by add_loss."
        )


def even(model: Any, optimizer: torch.optim.Optimizer, ranks: Ranks) -> None:
    """Has all processes begin with the weights and the optimiser of the first.

    Each then draws from a stream of random numbers of its own, another than the others'.
    """
    if ranks.alone:
        return
    kept = KeptOptimizer(optimizer, model)
    ranks.agree({"weights": [tuple(w.shape) for w in model.parameters()]})
    ranks.take_from_first(w for w in model.state_dict().values() if isinstance(w, Tensor))
    if ranks.any(bool(optimizer.state)):
        kept.load_state_dict(ranks.from_first(kept.state_dict))
    # All draw, so that all of torch's own streams go on alike.
    seed = int(torch.randint(1 << 62, ()))
    ranks.begin_stream(ranks.from_first(lambda: seed), model.device)
