"""Linear chains: every path of tags through a sequence, summed up or searched for the best.

    score of a path     sum over steps t of scores[t, tag before, tag]
    log_partition       log of the sum over all paths of exp(score)
    marginals           the share of that sum that goes through a tag at a step
    best_path           the path of the highest score                      (Viterbi 1967)

The scores hold all there is: (steps, tags, tags), from the tag before to the tag of the step. Of a
sequence's first step, where no tag is before, only row 0 counts.
"""

from .operators import best_path, log_partition, marginals, negative_log_likelihood, path_scores
from .steps import first_steps, last_steps

__all__ = [
    "best_path",
    "first_steps",
    "last_steps",
    "log_partition",
    "marginals",
    "negative_log_likelihood",
    "path_scores",
]
