"""What a fit or an evaluation is fed: batches of what lies in memory, or of a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from ..data.feed import Drawn
from ..data.sampler import Sampler, checked, shares
from ..data.source import Batch
from ..data.source.reading import refuse_endless
from ..data.token_budget import TokenBudget
from ..ranks import Ranks
from .feeding import (
    Given,
    Laid,
    Stream,
    Together,
    in_memory,
    lengths_of,
    of_all,
    to_evaluate,
    to_fit,
)
from .objective import Objective
from .prepare import prepare, split


class Fed(NamedTuple):
    """What a run is fed.

    Args:
        feed: the batches of each epoch.
        objective: what is asked of the outputs.
        outputs: their specs.
        data: all of it, where it lies in memory.
        held: the share of it that is held out.
        called: x as the caller's own object, where it is in memory.
    """

    feed: Any
    objective: Objective
    outputs: list[Any]
    data: Batch | None = None
    held: Batch | None = None
    called: Any = None


def from_memory(
    model: Any, given: Given, options: dict[str, Any], sampler: Any, held_out: float, seed: int,
    ranks: Ranks,
) -> Fed:  # fmt: skip
    """A fit's, of arrays and the like.

    Args:
        model: that is trained.
        given: by the caller.
        options: of batches: size, budget, buckets, shuffling.
        sampler: the caller's; None for one of these options.
        held_out: the share that is held out, of the end.
        seed: that orders are drawn from.
        ranks: the processes that share each batch.

    Raises:
        ValueError: there are no steps, or the processes were given different data or options.
    """
    held: Batch | None = None
    data, objective, outputs = prepare(
        model, given, "fit", examined=ranks.first,
        shuffle=sampler is not None or bool(options["shuffle"]), batch_size=options["batch_size"],
    )  # fmt: skip
    if held_out:
        data, held = split(data, held_out, "fit")
    if data.steps == 0:
        raise ValueError("fit: x has no steps: every sequence is empty or masked throughout.")
    ranks.agree({"sequences": len(data), "steps": data.steps, **options})
    if sampler is None:
        sampler = Sampler(lengths_of(data), seed=seed, **of_all(options, ranks.world))
    facts = {**options, **getattr(sampler, "facts", {}), "processes": ranks.world}
    draw = _draw(sampler, lengths_of(data), ranks)
    feed = Drawn(data, draw, model.device, facts)
    return Fed(feed, objective, outputs, data, held, given.x)


def from_stream(
    model: Any, stream: Stream, class_weight: dict[int, float] | None, options: dict[str, Any],
    epochs: range, steps_per_epoch: int | None, seed: int, ranks: Ranks,
) -> Fed:  # fmt: skip
    """A fit's, of batches or pieces that come one by one.

    Args:
        model: that is trained.
        stream: what gives them.
        class_weight: of each class's steps.
        options: of batches, where they are not made already.
        epochs: the numbers of those to be trained.
        steps_per_epoch: batches that make one; None for all.
        seed: that orders are drawn from.
        ranks: the processes, each of which reads all of it.

    Raises:
        ValueError: it has no end, or can be read but once, or gave no batch.
    """
    refuse_endless(stream, steps_per_epoch, "steps_per_epoch", "fit")
    laid = Laid(model, "fit", class_weight, ranks)
    feed = to_fit(model, stream, laid, options, seed, ranks)
    if feed.once and steps_per_epoch is None and len(epochs) > 1:
        raise ValueError(
            f"fit: {stream.called} can be read once, and epochs={epochs.stop} need it "
            f"{len(epochs)} times. Give the function that makes it, or how many batches "
            "of it are an epoch: steps_per_epoch=..."
        )
    feed.first(epochs.start)
    if laid.objective is None:
        raise ValueError(f"fit: {stream.called} gave no batch.")
    shared = feed if ranks.alone else Together(feed, laid, ranks, stream, model.device)
    return Fed(shared, laid.objective, laid.outputs)


def to_be_asked(model: Any, given: Given, stream: Any, batch_size: int | None, who: str) -> Fed:
    """What an evaluation is fed, in the caller's order."""
    if stream is None:
        data, objective, outputs = prepare(model, given, who)
        objective.check(model)
        return Fed(in_memory(model, data, batch_size), objective, outputs, data)
    laid = Laid(model, who)
    feed = to_evaluate(model, stream, laid, batch_size, who)
    feed.first(0)
    if laid.objective is None:
        raise ValueError(f"{who}: {stream.called} gave no batch.")
    laid.objective.check(model)
    return Fed(feed, laid.objective, laid.outputs)


def _draw(sampler: Any, lengths: Tensor, ranks: Ranks) -> Callable[[int], list[Tensor]]:
    """A sampler's order for each epoch, or a process's share of it; that of one's own is checked.

    Of a sampler that was given the batches are those that all processes share; a TokenBudget's
    budget is each process's.
    """
    who, n = f"fit: sampler: {type(sampler).__name__}", len(lengths)
    if type(sampler) in (Sampler, TokenBudget):
        if len(sampler.lengths) != n:
            raise ValueError(
                f"{who}: is of the lengths of {len(sampler.lengths)} sequences, x has {n}."
            )
        if ranks.alone:
            return sampler.epoch
        return lambda epoch: sampler.epoch(epoch, ranks.rank, ranks.world)

    def draw(epoch: int) -> list[Tensor]:
        whole = ranks.from_first(lambda: checked(sampler.epoch(epoch), n, who))
        return whole if ranks.alone else shares(whole, lengths, ranks.rank, ranks.world)

    return draw
