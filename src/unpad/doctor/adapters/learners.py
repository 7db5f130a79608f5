"""A copy of a model that is trained for a moment, to see what it can learn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...core.layer import Layer
from ...optimizers import Adam
from ...ragged import Ragged
from ..probes import CannotAsk, Laid
from .of_torch import OfTorch
from .signature import told_beside

_RATE = 1e-2


class Learner(Protocol):
    """A model that learns; the person's own stays as it is."""

    def numbers(self, x: Any, y: Any) -> dict[str, float]:
        """The loss, and the compiled metrics, on these data."""
        ...

    def learn(self, x: Any, y: Any, epochs: int, batch_size: int) -> None:
        """Trains the copy."""
        ...

    def update(self, x: Any, y: Any) -> None:
        """One update on one batch."""
        ...


class OfFit:
    """A copy of a compiled model of unpad's or Keras's, with its loss and a quick optimizer.

    Args:
        model: that is copied, with its weights.
        some: of its inputs.

    Raises:
        CannotAsk: it is not compiled.
    """

    def __init__(self, model: Any, some: Any) -> None:
        if not hasattr(model, "evaluate") or not is_compiled(model):
            raise CannotAsk("the model is not compiled, and no loss is given.")
        compiled = getattr(model, "_compiled", None)
        if isinstance(model, Layer) and compiled is not None:
            self.model = copy.deepcopy(model)
            self.model.compile(Adam(_RATE), loss=compiled.loss, metrics=compiled.metrics)
            return
        import keras

        self.model: Any = keras.models.clone_model(model)
        if not model.built:
            model(keras.ops.convert_to_tensor(np.asarray(some)))
        self.model(keras.ops.convert_to_tensor(np.asarray(some)))
        self.model.set_weights(model.get_weights())
        names = [str(n) for n in getattr(model, "metrics_names", [])]
        config = model.get_compile_config() or {}
        metrics = ["accuracy"] if "acc" in str(config.get("metrics")) + str(names) else None
        self.model.compile(keras.optimizers.Adam(_RATE), loss=model.loss, metrics=metrics)

    def numbers(self, x: Any, y: Any) -> dict[str, float]:
        found = self.model.evaluate(x, y, verbose=0, return_dict=True)
        return {name: float(v) for name, v in found.items() if np.ndim(v) == 0}

    def learn(self, x: Any, y: Any, epochs: int, batch_size: int) -> None:
        self.model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)

    def update(self, x: Any, y: Any) -> None:
        self.model.train_on_batch(x, y)


class OfLoop:
    """A copy of a PyTorch module, trained by a loop as people write it.

    Args:
        module: that is copied, with its weights.
        loss: a function of outputs and targets, and of a mask or lengths where it names them.
        samples: some sequences, to find out how the module is told what is padding.
    """

    def __init__(
        self, module: nn.Module, loss: Callable[..., Any], samples: Sequence[Tensor]
    ) -> None:
        self.module, self.loss = copy.deepcopy(module), loss
        laid = Laid(tuple(samples), max(map(len, samples)))
        self.way, self.given = OfTorch(self.module, laid).way, OfTorch(module, laid).given
        self.beside = told_beside(loss)[0]
        weights = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(weights, lr=_RATE) if weights else None

    def _of(self, x: Sequence[Tensor], y: Sequence[Tensor]) -> Tensor:
        laid = Laid(tuple(x), max(map(len, x)))
        arguments, named = self.way.arguments(laid, self.given(laid.grid))
        out = self.module(*arguments, **{k: self.given(v) for k, v in named.items()})
        out = out if isinstance(out, Tensor) else next(iter(getattr(out, "values", tuple)() or out))
        per_step = all(t.ndim and len(t) == len(s) for s, t in zip(x, y, strict=True))
        ignored = float(getattr(self.loss, "ignore_index", 0))
        targets = Laid(tuple(y), laid.width, pad=ignored).grid if per_step else torch.stack(list(y))
        if isinstance(self.loss, (nn.CrossEntropyLoss, nn.NLLLoss)) and out.ndim == 3:
            return self.loss(out.flatten(0, 1), targets.flatten())
        _, more = self.beside.arguments(laid, laid.grid)
        found = self.loss(out, targets, **more)
        return found[0] / found[1] if isinstance(found, tuple) else found

    def numbers(self, x: Any, y: Any) -> dict[str, float]:
        self.module.eval()
        with torch.no_grad():
            return {"loss": float(self._of(x, y))}

    def learn(self, x: Any, y: Any, epochs: int, batch_size: int) -> None:
        for _ in range(epochs):
            for start in range(0, len(x), batch_size):
                self.update(x[start : start + batch_size], y[start : start + batch_size])

    def update(self, x: Any, y: Any) -> None:
        if self.optimizer is None:
            return
        self.optimizer.zero_grad()
        self.module.train()
        loss = self._of(x, y)
        if loss.requires_grad:
            loss.backward()
            self.optimizer.step()


def is_compiled(model: Any) -> bool:
    """Whether `compile` was called: of unpad's, or Keras's."""
    return bool(getattr(model, "_compiled", None) or getattr(model, "compiled", False))


def taken(x: Any, places: Sequence[int]) -> Any:
    """Some sequences of what a caller gave, in its form."""
    if isinstance(x, Ragged):
        return x[torch.tensor(list(places))]
    if isinstance(x, (list, tuple)):
        return [x[i] for i in places]
    if isinstance(x, Tensor):
        return x[torch.tensor(list(places))]
    return np.asarray(x)[list(places)]
