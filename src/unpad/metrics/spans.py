"""Spans of tags, as names in text: precision, recall and F1 by whole spans, as conlleval counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .. import arguments
from ..arguments import DType
from ..errors import look_up
from ..layers.tagging.tag_scheme import split_tags
from .accuracy import labels_of
from .metric import Metric, divide
from .sequences import first_steps
from .steps import Steps
from .targets import checked_labels

_AVERAGES = {"micro": "micro", "macro": "macro"}


class Tags(NamedTuple):
    """What each tag says.

    Args:
        inside: (tags,) bool: whether it is part of a span.
        opens: (tags,) bool: whether it begins one whatever is before it: B and S.
        closes: (tags,) bool: whether it ends one whatever comes after it: E and S.
        kind: (tags,) the number of its type; -1 outside.
        types: the types' names.
    """

    inside: Tensor
    opens: Tensor
    closes: Tensor
    kind: Tensor
    types: list[str]


def read_tags(who: str, tags: Sequence[str], scheme: str, outside: Sequence[str] | str) -> Tags:
    """What tags named "B-PER", "I-PER", "O" say.

    Raises:
        ValueError: the scheme is not known, or a tag does not belong to it.
    """
    read = split_tags(who, tags, scheme, outside)
    types = sorted({kind for letter, kind in read if letter != "O"})
    if not types:
        raise ValueError(f"{who}: expected tags of spans, as 'B-PER', got {list(tags)!r}.")
    return Tags(
        torch.tensor([letter != "O" for letter, _ in read]),
        torch.tensor([letter in "BS" for letter, _ in read]),
        torch.tensor([letter in "ES" for letter, _ in read]),
        torch.tensor([types.index(kind) if letter != "O" else -1 for letter, kind in read]),
        types,
    )


class Spans(NamedTuple):
    """Spans, one row each.

    Args:
        start: (spans,) the step at which it begins.
        length: (spans,) its number of steps.
        kind: (spans,) the number of its type.
    """

    start: Tensor
    length: Tensor
    kind: Tensor


def spans_of(labels: Tensor, first: Tensor, tags: Tags) -> Spans:
    """The spans that labels make, end to end, sequence by sequence.

    A span begins at B and S, and at any other tag of a type after one that is outside, that ends a
    span, or of another type: so broken tags are read as conlleval reads them.

    Args:
        labels: (steps,) numbers of tags.
        first: (steps,) bool: where a sequence starts.
        tags: what they say.
    """
    inside, kind = tags.inside[labels], tags.kind[labels]
    before = labels.roll(1)
    broken = first | ~tags.inside[before] | tags.closes[before] | (kind != tags.kind[before])
    begins = inside & (tags.opens[labels] | broken)
    start = begins.nonzero().squeeze(-1)
    # Every step inside belongs to the span that began last.
    number = begins.cumsum(0)[inside] - 1
    return Spans(start, torch.bincount(number, minlength=len(start)), kind[start])


class _SpanMetric(Metric):
    """Counts spans: those that are there, those that were given, those that are both."""

    reads_sequences = True
    takes_labels = True
    counts: Tensor
    _inside: Tensor
    _opens: Tensor
    _closes: Tensor
    _kind: Tensor

    def __init__(
        self,
        tags: Sequence[str],
        scheme: str = "BIO",
        average: str | None = "micro",
        name: str | None = None,
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
        outside: Sequence[str] | str = "O",
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        who = type(self).__name__
        if average is None:
            self.not_in_compile = "it gives a number for each type. Give average='micro'"
        else:
            look_up(who, "average", average, _AVERAGES)
        self.tags, self.scheme, self.average, self.outside = tags, scheme, average, outside
        read = read_tags(who, arguments.names(who, "tags", tags), scheme, outside)
        self.types = read.types
        for part in ("inside", "opens", "closes", "kind"):
            self.register_buffer(f"_{part}", getattr(read, part), False)
        # Of each type: spans that are there, that were given, that are both.
        self.add_state("counts", torch.zeros(3, len(self.types), dtype=torch.float64), "sum")

    def build(self, size: int, labels: bool) -> None:
        if size != len(self._inside):
            raise ValueError(
                f"{self.name}: {len(self._inside)} tags, but the model has {size} outputs. Name "
                "the tag of every output, in order."
            )

    def add(self, steps: Steps) -> None:
        true, pred = steps.y_true, steps.y_pred
        if pred.ndim == 2:
            true, pred = labels_of(true, pred), pred.argmax(-1)
        for labels in (true, pred):
            checked_labels(self.name, labels, len(self._inside))
        assert steps.layout is not None
        first = first_steps(steps.layout.own.sequence_ids)
        tags = Tags(self._inside, self._opens, self._closes, self._kind, self.types)
        there, given = (spans_of(x.long(), first, tags) for x in (true, pred))
        # A span that was given is right where one of its type and length begins at its step.
        at = torch.zeros_like(first, dtype=torch.int64).scatter(0, there.start, there.length)
        of = torch.full_like(at, -1).scatter(0, there.start, there.kind)
        right = (at[given.start] == given.length) & (of[given.start] == given.kind)
        both = Spans(given.start[right], given.length[right], given.kind[right])
        rows = [self._by_type(spans, steps.weight) for spans in (there, given, both)]
        self.counts = self.counts + torch.stack(rows)

    def _by_type(self, spans: Spans, weight: Tensor | None) -> Tensor:
        """(types,) the number of spans, each weighing the mean of its steps' weights."""
        if weight is not None:
            upto = torch.cat([weight.new_zeros(1), weight.cumsum(0)])
            total = upto[spans.start + spans.length] - upto[spans.start]
            weight = total / spans.length
        return torch.bincount(spans.kind, weight, minlength=len(self.types))

    def of_spans(self, there: Tensor, given: Tensor, both: Tensor) -> Tensor:
        """The number of these counts.

        Args:
            there: spans of the targets.
            given: spans of the predictions.
            both: spans that are in both.
        """
        raise NotImplementedError

    def score(self) -> Tensor:
        if self.average == "micro":
            return self.of_spans(*self.counts.sum(1))
        scores = self.of_spans(*self.counts)
        if self.average is None:
            return scores
        occurs = self.counts[:2].sum(0) > 0
        return divide((scores * occurs).sum(), occurs.sum())


class SpanPrecision(_SpanMetric):
    """The share of the given spans that are right: type, first and last step.

    Read as conlleval does: a tag that does not follow on begins a span. Outputs are scores of tags
    (steps, tags), or integers: a decoder's tags. A step of weight 0 does not exist; a span weighs
    the mean of its steps' weights. No span given is 0; no steps give 0.

    Args:
        tags: the name of each label, in order: "O", "B-PER", "I-PER", ...
        scheme: "BIO" (also "IOB2") or "BIOES" (also "IOBES").
        average: "micro" (all spans), "macro" (the mean over types that occur) or None: a number
            for each of `types`.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not exist, as later pieces of a word.
        outside: names of tags that are part of no span.
    """

    def of_spans(self, there: Tensor, given: Tensor, both: Tensor) -> Tensor:
        return divide(both, given)


class SpanRecall(_SpanMetric):
    """The share of the spans that are there that were given; see `SpanPrecision`.

    Args:
        tags: the name of each label, in order: "O", "B-PER", "I-PER", ...
        scheme: "BIO" (also "IOB2") or "BIOES" (also "IOBES").
        average: "micro", "macro" or None: a number for each of `types`.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not exist.
        outside: names of tags that are part of no span.
    """

    def of_spans(self, there: Tensor, given: Tensor, both: Tensor) -> Tensor:
        return divide(both, there)


class SpanF1(_SpanMetric):
    """2 precision recall / (precision + recall) of whole spans; see `SpanPrecision`.

    Args:
        tags: the name of each label, in order: "O", "B-PER", "I-PER", ...
        scheme: "BIO" (also "IOB2") or "BIOES" (also "IOBES").
        average: "micro", "macro" or None: a number for each of `types`.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not exist.
        outside: names of tags that are part of no span.

    Example:
        >>> m = SpanF1(["O", "B-PER", "I-PER"])
        >>> right = Ragged.from_list([[1, 2, 0, 1], [0]])
        >>> given = Ragged.from_list([[1, 2, 0, 0], [1]])
        >>> m.update_state(right, given)
        >>> float(m.result())
        0.5
    """

    def of_spans(self, there: Tensor, given: Tensor, both: Tensor) -> Tensor:
        return divide(2 * both, there + given)
