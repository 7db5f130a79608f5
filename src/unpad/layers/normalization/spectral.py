"""SpectralNormalization: a layer whose kernel is divided by its largest singular value."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Positive
from ...core.options import LayerOptions
from ..basic.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its largest singular value, at every training step.

    The value is estimated by power iterations from `vector_u`, which is kept: Miyato et al. (2018).
    In evaluation the kernel is as training left it.

    Args:
        layer: one with a `kernel` or `embeddings`.
        power_iterations: how often the estimate is made better at a step.

    Raises:
        ValueError: the layer has neither.

    Example:
        >>> layer = SpectralNormalization(unpad.layers.Dense(4), power_iterations=50)
        >>> _ = layer(torch.ones(2, 3), training=True)
        >>> round(float(torch.linalg.matrix_norm(layer.kernel.detach(), 2)), 3)
        1.0
    """

    kernel: Any
    vector_u: Any

    def __init__(
        self, layer: Any, power_iterations: Positive = 1, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    def build(self, *specs: Any, **options: Any) -> None:
        super().build(*specs, **options)
        found = [getattr(self.layer, name, None) for name in ("kernel", "embeddings")]
        self.kernel = next((weight for weight in found if weight is not None), None)
        if self.kernel is None:
            raise ValueError(
                f"{self.who}: expected a layer with a kernel or embeddings, got {self.layer.who}."
            )
        self.add_weight("vector_u", (1, self.kernel.shape[-1]), "truncated_normal", trainable=False)

    def _weights_dtype(self) -> torch.dtype | None:
        return None  # the layer inside casts for itself

    @torch.no_grad()
    def normalize_weights(self) -> None:
        """Divides the kernel by the estimate of its largest singular value."""
        kernel = self.kernel
        assert kernel is not None
        matrix = kernel.reshape(-1, kernel.shape[-1])
        u: Tensor = self.vector_u
        v = u
        for _ in range(self.power_iterations):
            v = _unit(u @ matrix.mT)
            u = _unit(v @ matrix)
        kernel.div_(v @ matrix @ u.mT)
        self.vector_u.copy_(u)

    def output_spec(self, *specs: Any, **options: Any) -> Any:
        return self.layer.spec_for(*specs, **options)

    def call(self, *inputs: Any, **options: Any) -> Any:
        """What the layer inside gives with its kernel normalised."""
        if self.training:
            self.normalize_weights()
        return self.layer(*inputs, **options)


def _unit(vector: Tensor) -> Tensor:
    # As Keras's normalize: 0 of zeros.
    return vector * vector.square().sum().rsqrt().clamp(max=1e7)
