"""Linear chains: every path of tags through a sequence, summed up or searched for the best.

    score of a path     sum over steps t of scores[t, tag before, tag]
    log_partition       log of the sum over all paths of exp(score)
    marginals           the share of that sum that goes through a tag at a step
    best_path           the path of the highest score                      (Viterbi 1967)
    ctc                 -log of the sum over the paths that spell labels   (Graves et al. 2006)

`Scores` are those of tags by themselves (steps, tags), of transitions and of both ends; or, as a
plain tensor, (steps, tags, tags), from the tag before to the tag of the step: of a sequence's first
step, where no tag is before, only row 0 counts. -inf forbids.
"""

from .ctc import ctc, repeated
from .operators import (
    best_path,
    best_paths,
    log_partition,
    marginals,
    negative_log_likelihood,
    path_scores,
)
from .steps import Scores, first_steps, last_steps, pairs_of

__all__ = [
    "Scores",
    "best_path",
    "best_paths",
    "ctc",
    "first_steps",
    "last_steps",
    "log_partition",
    "marginals",
    "negative_log_likelihood",
    "pairs_of",
    "path_scores",
    "repeated",
]
