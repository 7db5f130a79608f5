"""CRF: the best path of tags, where what a tag scores depends on the tag before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, spec_of
from ...core.token_wise import as_weights
from ...core.weight_options import weight_options
from ...errors import first_true, look_up, refuse
from ...kernels import chain
from ...ragged import Ragged
from ...ragged.batch import place
from ..recurrent.recurrent import as_ragged
from .tag_scheme import allowed
from .tag_scores import TagScores, scores_of

# What a transition scores that the tags forbid: its share and its gradient are exactly 0.
FORBIDDEN = -torch.inf

_DECODINGS = {"viterbi": chain.best_path, "marginals": chain.marginals}


class CRF(Keeps, Layer):
    """A conditional random field: of all paths of tags through a sequence, the best.

    A path scores what the input says of each of its tags, and for each pair of neighbours a
    transition that is learnt; a sequence's first tag scores a `start`, its last an `end`. It is
    trained with loss="crf", -log of the probability of the right path among all paths:

        model = Sequential([..., Dense(tags), CRF()])
        model.compile("adam", loss="crf", metrics=["accuracy"])

    Shapes: Ragged (batch, steps*, tags) to the same, or dense (batch, time, tags) to the same,
    where every slot is a step. What comes out is one-hot: the best path's tags, on which metrics
    work and `argmax(-1)` gives numbers. An empty sequence stays empty. Holes are no steps: the tags
    on both sides of one are neighbours. At first a tag does not depend on its neighbours.

    On a CPU it is compiled, and keeps a row of tags for each step. Elsewhere a pass costs as many
    small operations as the longest sequence has steps, and the scores of all pairs, (steps, tags,
    tags), are laid out once; so they are for the loss of a dense batch.

    Args:
        tags: the names of the tags, in order, as ["O", "B-PER", "I-PER"]; by default as many as
            the input has features.
        scheme: "BIO" (also "IOB2") or "BIOES" (also "IOBES"): what these forbid, as I-PER after O,
            is never given and has no share in training either.
        use_boundary: whether there are `start` and `end`.
        decoding: "viterbi", the best path, or "marginals", the probability of each tag at each step
            over all paths.
        transition_initializer: of `transitions` (tags, tags), from the tag before to the next.
        boundary_initializer: of `start` (tags,) and `end` (tags,).
        transition_regularizer: a penalty on `transitions`, as "l2".
        boundary_regularizer: a penalty on `start` and on `end`.
        transition_constraint: applied to `transitions` after every update.
        boundary_constraint: applied to `start` and `end` after every update.
        outside: names of tags that are part of no span.

    Raises:
        ValueError: the input has no time or no feature axis, or another number of features than
            there are tags; a tag does not belong to the scheme.

    Formula: Lafferty, McCallum, Pereira (2001); over a BiLSTM Lample et al. (2016), section 2.2.

    Example:
        >>> crf = CRF(["O", "B-PER", "I-PER"], "BIO")
        >>> crf(Ragged.from_list([[[0., 0., 9.], [0., 0., 9.]], [[9., 0., 0.]]])).values
        tensor([[0., 1., 0.],
                [0., 0., 1.],
                [1., 0., 0.]])
    """

    takes = "one"

    def __init__(
        self,
        tags: Sequence[str] | None = None,
        scheme: str | None = None,
        use_boundary: bool = True,
        decoding: str = "viterbi",
        transition_initializer: Any = "zeros",
        boundary_initializer: Any = "zeros",
        transition_regularizer: Any = None,
        boundary_regularizer: Any = None,
        transition_constraint: Any = None,
        boundary_constraint: Any = None,
        outside: Sequence[str] | str = "O",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, activity_regularizer=self.activity_regularizer)
        look_up(self.who, "decoding", decoding, _DECODINGS)
        if tags is not None:
            hint = "Without names leave them out: there are as many tags as the input has features."
            arguments.names(self.who, "tags", tags, hint)
        if scheme is not None and tags is None:
            raise ValueError(
                f"{self.who}: scheme={scheme!r} is about the tags' names: give tags=[...] too."
            )
        self.tags = tags
        self.scheme = scheme
        self.use_boundary = use_boundary
        self.decoding = decoding
        self.keep_options(**weight_options(locals(), "transition", "boundary"))
        self.outside = outside
        arguments.names(self.who, "outside", outside, alone=True)
        found = None
        if tags is not None and scheme is not None:
            found = allowed(self.who, tags, scheme, outside)
        for name in ("start", "between", "end"):
            # Follows from the names: no part of the layer's state.
            part = None if found is None else getattr(found, name)
            self.register_buffer(f"_{name}_allowed", part, persistent=False)

    _start_allowed: Tensor | None
    _between_allowed: Tensor | None
    _end_allowed: Tensor | None

    def build(self, spec: Spec) -> None:
        size = spec.shape[-1]
        assert size is not None
        self.transitions = self.add_kept("transitions", (size, size), "transition")
        self.start = self.end = None
        if self.use_boundary:
            self.start = self.add_kept("start", (size,), "boundary")
            self.end = self.add_kept("end", (size,), "boundary")

    def output_spec(self, spec: Spec) -> Spec:
        if len(spec.shape) != (1 if spec.ragged else 2) or not spec.shape[-1]:
            raise ValueError(
                f"{self.who}: expected one score for each tag at each step, (batch, steps*, tags) "
                f"or (batch, time, tags), got {spec}. Dense(tags) before it gives them."
            )
        size, wanted = spec.shape[-1], None if self.tags is None else len(self.tags)
        if wanted not in (None, size):
            raise ValueError(
                f"{self.who}: {wanted} tags, but the input has {size} features, {spec}. "
                f"Dense({wanted}) before it gives a score for each."
            )
        if self.built and size != len(self.transitions):
            raise ValueError(f"{self.who}: built for {len(self.transitions)} tags, got {spec}.")
        return spec.with_dtype(self.dtype or as_weights(spec.dtype))

    @property
    def tail(self) -> str:
        return "crf"

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The scores from which the loss is computed.

        Shapes: (batch, steps*, tags) to the same, with `transitions`, `start` and `end` beside them
        (`TagScores`); (batch, time, tags) to (batch, time, tags, tags), from the tag before to the
        step's: at a sequence's first step all rows are alike.
        """
        steps, rebuild = as_ragged(inputs)
        scores = self._scores(steps)
        if isinstance(inputs, Ragged):
            return TagScores(steps, scores)
        return rebuild(steps.with_values(chain.pairs_of(scores, steps.layout.own)))

    def _scores(self, steps: Ragged) -> chain.Scores:
        values = steps.values
        if tuple(steps.feature) != (len(self.transitions),):
            self.output_spec(spec_of(steps))  # says what is wrong
        return chain.Scores(
            values,
            _limited(self.transitions, self._between_allowed, values),
            _limited(self.start, self._start_allowed, values),
            _limited(self.end, self._end_allowed, values),
        )

    def from_tail(self, outputs: Ragged | Tensor) -> Ragged | Tensor:
        """What `before_tail` gave, decoded: the layer's outputs."""
        steps, rebuild = as_ragged(outputs)
        return rebuild(self._decoded(steps, scores_of(steps)))

    def _decoded(self, steps: Ragged, scores: chain.Scores) -> Ragged:
        own, values = steps.layout.own, scores.values
        if self.decoding == "marginals":
            return steps.with_values(chain.marginals(scores, own))
        path = chain.best_path(scores, own)
        one_hot = torch.nn.functional.one_hot(path, values.shape[-1]).to(values.dtype)
        return steps.with_values(one_hot)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The best path's tags, one-hot, or the marginals."""
        steps, rebuild = as_ragged(inputs)
        return rebuild(self._decoded(steps, self._scores(steps)))

    # --- for a training loop of one's own --------------------------------------------------------

    def decode(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The best path: integers, (batch, steps*) or (batch, time).

        Args:
            inputs: the scores of tags, as the layer is called with.
        """
        steps, scores, rebuild = self._read(inputs)
        return rebuild(steps.with_values(chain.best_path(scores, steps.layout.own)))

    def best_paths(self, inputs: Ragged | Tensor, count: int) -> tuple[Ragged | Tensor, Tensor]:
        """The best paths, from the best down, and what they score.

        Args:
            inputs: the scores of tags, as the layer is called with.
            count: how many.

        Returns:
            integers, (batch, steps*, count) or (batch, time, count); scores (batch, count). Where a
            sequence has fewer paths, -1 and -inf; an empty one has one path, of score 0.

        Raises:
            ValueError: the count is below 1.

        Example:
            >>> paths, scores = CRF().best_paths(Ragged.from_list([[[0., 2.], [1., 0.]]]), 3)
            >>> paths[0].T.tolist(), scores
            ([[1, 0], [1, 1], [0, 0]], tensor([[3., 2., 1.]]))
        """
        steps, scores, rebuild = self._read(inputs)
        with torch.no_grad():
            paths, totals = chain.best_paths(scores, steps.layout.own, count)
        return rebuild(steps.with_values(paths)), totals

    def marginals(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The probability of each tag at each step, over all paths: the shape of the inputs.

        Args:
            inputs: the scores of tags, as the layer is called with.
        """
        steps, scores, rebuild = self._read(inputs)
        return rebuild(steps.with_values(chain.marginals(scores, steps.layout.own)))

    def log_likelihood(self, inputs: Ragged | Tensor, tags: Ragged | Tensor) -> Tensor:
        """The log of the probability of a path of tags, (batch,); 0 for an empty sequence.

        Args:
            inputs: the scores of tags, as the layer is called with.
            tags: the path: integers, (batch, steps*) or (batch, time).

        Raises:
            ValueError: the tags have other lengths, or are none.
        """
        steps, scores, _ = self._read(inputs)
        path = as_ragged(tags)[0]
        if not steps.layout.agrees(path.layout):
            raise ValueError(
                f"{self.who}: tags and inputs differ: {path.layout.difference(steps.layout)}."
            )
        self.check_path(path)
        values = path.values.to(steps.device, torch.int64)
        return -chain.negative_log_likelihood(scores, steps.layout.own, values)

    def _read(self, inputs: Ragged | Tensor) -> tuple[Ragged, chain.Scores, Any]:
        """The inputs, all that paths score, and the way back to the form of the inputs."""
        inputs = self._as_batch(inputs)
        self.ensure_built(spec_of(inputs))
        steps, rebuild = as_ragged(self._prepare(inputs))
        return steps, self._scores(steps), rebuild

    def check_path(self, path: Ragged, known: Tensor | None = None) -> None:
        """Raises where a path leaves what the tags' scheme allows, naming the first step.

        Args:
            path: (batch, steps*) numbers of tags.
            known: (steps,) bool: where False, any tag will do; None where all are known.
        """
        tags, size = path.values.to(torch.int64), len(self.transitions)
        known = torch.ones_like(tags, dtype=torch.bool) if known is None else known
        if (at := first_true(((tags < 0) | (tags >= size)) & known)) is not None:
            raise ValueError(
                f"{self.who}: tag {int(tags[at])} in {place(path, at)}, but there are {size}: tags "
                f"go from 0 to {size - 1}."
            )
        if (
            self._between_allowed is None
            or self._start_allowed is None
            or self._end_allowed is None
        ):
            return
        tags = tags.where(known, 0)
        allowed = [m.to(tags.device) for m in (self._start_allowed, self._between_allowed)]
        first, last = (
            chain.first_steps(path.layout.own),
            chain.last_steps(path.layout.own),
        )
        before = tags.roll(1)
        fits = allowed[1][before, tags] | ~known.roll(1)
        fits[first] = allowed[0][tags[first]]
        stops = torch.ones_like(fits)
        stops[last] = self._end_allowed.to(tags.device)[tags[last]]
        if (at := first_true(~(fits & stops) & known)) is None:
            return
        assert self.tags is not None
        name = self.tags[int(tags[at])]
        how = f"after {self.tags[int(before[at])]!r}"
        if bool(fits[at]):
            how = "at the end"
        elif bool((first == at[0]).any()):
            how = "at the start"
        raise ValueError(
            f"{self.who}: tag {name!r} {how}, in {place(path, at)}, breaks the scheme "
            f"{self.scheme}. Mend the tags, or leave scheme out."
        )


def _limited(scores: Tensor | None, allowed: Tensor | None, like: Tensor) -> Tensor | None:
    """The scores, and `FORBIDDEN` where they are not allowed."""
    if allowed is None:
        return scores
    if scores is None:
        scores = like.new_zeros(allowed.shape)
    return scores.masked_fill(~allowed, FORBIDDEN)
