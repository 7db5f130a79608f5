"""AdditiveAttention: attention whose score is a sum of tanh(query + key)."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Seed, Share
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...errors import refuse
from .attention import Attention


class AdditiveAttention(Attention):
    """Each query gets the mean of its sequence's values, weighted by softmax(w . tanh(q + k)).

    Shapes: as Attention's. A query whose other sequence is empty gets 0; an empty sequence of
    queries stays empty.

    Args:
        use_scale: whether w is trained; else it is 1.
        dropout: rate at which weights are dropped in training.
        seed: of a generator of the layer's own, for dropout; by default torch's.

    Raises:
        ValueError: not two or three inputs, inputs without a time or feature axis, of different
            batches, or sizes that cannot be added; a mask.

    Formula: Bahdanau et al. (2015), without the maps of query and key: those are Dense layers.

    Example:
        >>> questions = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> AdditiveAttention()([questions, questions]).lengths
        tensor([1, 2])
    """

    def __init__(
        self,
        use_scale: bool = True,
        dropout: Share = 0.0,
        seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        mode = kwargs.pop("score_mode", None)
        super().__init__(use_scale, "concat", dropout, seed, **kwargs)
        refuse(self.who, score_mode=mode)

    def build(self, inputs: list[Spec], **masks: Spec) -> None:
        self.scale = None
        if self.use_scale:
            size = inputs[0].shape[-1]
            assert size is not None
            self.scale = self.add_weight("scale", (size,), "glorot_uniform")

    def made_for(self, inputs: list[Spec]) -> Any:
        return inputs[0].shape[-1] if self.use_scale else None

    def _score(self, query: Tensor, key: Tensor) -> Tensor:
        pairs = torch.tanh(query[..., None, :] + key[..., None, :, :])
        return pairs.sum(-1) if self.scale is None else pairs @ self.scale
