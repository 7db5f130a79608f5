"""What older Keras's Sequential could do: classes and probabilities straight from the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.lifting import lift
from ..data.source.door import accept, give_back
from ..spellings import tell_once


class OlderMethods:
    """Keras 2's `predict_classes` and `predict_proba`."""

    predict: Any
    tail: Any

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Any:
        """`predict`, by its older name."""
        tell_once("Sequential", "predict_proba(x)", "predict(x)")
        return self.predict(x, batch_size, verbose)

    def predict_classes(
        self, x: Any, batch_size: int | None = None, verbose: int | str = 0, fill: int = -1
    ) -> Any:
        """The class of each step or sequence: the likeliest; of one output, whether it is above .5.

        Keras gives a class to padding too, which looks like a prediction. Here a slot of a grid
        that holds no step is `fill`.

        Args:
            x: as in `predict`.
            batch_size: as in `predict`.
            verbose: as in `predict`.
            fill: what missing slots of a grid hold.
        """
        tell_once("Sequential", "predict_classes(x)", "predict(x).argmax(-1)")
        if self.tail == "crf":  # whose predictions are tags
            return self.predict(x, batch_size, verbose, fill=fill)
        # Where there is no step there is no number.
        outputs, form = accept(self.predict(x, batch_size, verbose, fill=np.nan), "predict_classes")
        return give_back(lift(lambda values: _classes(values, fill), outputs), form, fill)


def _classes(outputs: Tensor, fill: int) -> Tensor:
    if outputs.shape[-1] > 1:
        found = outputs.argmax(-1)
        return torch.where(outputs.isnan().any(-1), fill, found)
    return torch.where(outputs.isnan(), fill, (outputs > 0.5).long())
