"""A training watched: weights that do not move, rows that are never read, gradients, the loss."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..spellings import depth_of_caller
from .adapters.weights import weights_of
from .findings import DataWarning, Finding, Where
from .report import Asked, Report

# Of an embedding's rows so many that never move are worth a word.
_DEAD = 0.5
# A layer's gradient over its weights, against the largest of all: below it nothing is learnt.
_VANISHED = 1e-6
# A gradient as large as that moves weights further than they are.
_EXPLODED = 1e3


class Watch:
    """Watches a training: a callback of unpad's or Keras's `fit`, or in a `with` around a loop.

    After the first epoch, or where the block ends, it warns once of each finding that is no note;
    `report` holds all.

    Args:
        model: that is trained.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._begun: dict[str, Tensor] = {}
        self._gradients: dict[str, list[float]] = {}
        self._losses: list[float] = []
        self._start = time.perf_counter()
        self._hooks: list[Any] = []
        self._told = False

    # --- as a callback -------------------------------------------------------------------------

    def set_model(self, model: Any) -> None:
        """Called first, with the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called next; nothing is needed of it."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Notes the weights."""
        self._begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Nothing yet."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Notes the first losses."""
        if not self._begun:
            self._begin()
        loss = (logs or {}).get("loss")
        if loss is not None and len(self._losses) < 1000:
            self._losses.append(float(loss))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Nothing yet."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tells what the first epoch has shown."""
        loss = (logs or {}).get("loss")
        self._losses += [] if loss is None else [float(loss)]
        self._tell()

    def on_train_end(self, logs: Any = None) -> None:
        """Takes its hooks off."""
        self._end()

    # --- around a loop of one's own -------------------------------------------------------------

    def __enter__(self) -> Watch:
        self._begin()
        return self

    def __exit__(self, *error: Any) -> None:
        self._end()
        if error[0] is None:
            self._tell()

    def __getattr__(self, name: str) -> Any:
        # Keras asks its callbacks for hooks of testing and predicting too, and for their old names.
        if name.startswith(("on_test", "on_predict", "on_batch")):
            return lambda *args, **named: None
        raise AttributeError(name)

    # --- what is seen ---------------------------------------------------------------------------

    def _begin(self) -> None:
        self._begun = {name: w.clone() for name, w, _ in weights_of(self.model)}
        if isinstance(self.model, nn.Module) and not self._hooks:
            for name, p in self.model.named_parameters():
                if p.requires_grad:
                    self._hooks.append(p.register_hook(self._noting(name, p)))

    def _noting(self, name: str, weight: Tensor) -> Any:
        def notes(gradient: Tensor) -> None:
            found = self._gradients.setdefault(name, [])
            if len(found) < 100:
                size = float(gradient.detach().norm())
                found.append(size / max(float(weight.detach().norm()), 1e-12))

        return notes

    def _end(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _tell(self) -> None:
        if self._told or not self._begun:
            return
        self._told = True
        for finding in self.report.roots:
            if finding.severity != "note":
                warnings.warn(f"watch: {finding}", DataWarning, stacklevel=depth_of_caller())

    @property
    def report(self) -> Report:
        """What has been seen so far."""
        findings: list[Finding] = []
        now = {name: (w, embeds) for name, w, embeds in weights_of(self.model)}
        moved = {n: bool((now[n][0] != w).any()) for n, w in self._begun.items() if n in now}
        findings += self._not_finite(now)
        if not findings:
            sizes = _sizes(self._gradients)
            # What gradients are too small to move is another matter.
            findings += sizes or _frozen(moved)
            findings += [] if findings else _dead_rows(self._begun, now)
        asked = [
            Asked("weights that move", f"{sum(moved.values())} of {len(moved)}"),
            Asked("gradients", f"of {len(self._gradients)} weights" if self._gradients else
                  "are followed in PyTorch alone", None, bool(self._gradients)),
            Asked("loss", _course(self._losses), None, bool(self._losses)),
        ]  # fmt: skip
        return Report.of(findings, asked, time.perf_counter() - self._start)

    def _not_finite(self, now: dict[str, tuple[Tensor, bool]]) -> list[Finding]:
        bad = [name for name, (w, _) in now.items() if not bool(w.isfinite().all())]
        lost = [loss for loss in self._losses if not math.isfinite(loss)]
        if not bad and not lost:
            return []
        return [
            Finding(
                "not finite",
                "The training has lost its numbers: weights or the loss are NaN or infinite.",
                f"{len(bad)} of {len(now)} weights{f', first {bad[0]}' if bad else ''}; "
                f"{len(lost)} of {len(self._losses)} losses.",
                "Clip gradients, learn more slowly, scale inputs, or look for a logarithm of 0.",
                {"weights": len(bad), "losses": len(lost)},
                "keras.optimizers.Adam(clipnorm=1.0)",
                Where(layer=bad[0].rpartition(".")[0] or bad[0]) if bad else Where(),
            )
        ]


def watch(model: Any) -> Watch:
    """Watches a training of this model, as a callback or around a loop.

    Args:
        model: unpad's, Keras's or a PyTorch module.

    Returns:
        For `fit(callbacks=[...])`, or `with watch(net):` around a loop; its `report` says what was
        seen: trainable weights that do not move, rows of embeddings that are never read, gradients
        that vanish or explode, numbers that are none.

    Example:
        >>> net = torch.nn.Linear(2, 1)
        >>> with watch(net) as seen:
        ...     net(torch.ones(1, 2)).sum().backward()
        ...     torch.optim.SGD(net.parameters(), 0.1).step()
        >>> print(seen.report.kinds)
        []
    """
    return Watch(model)


def _frozen(moved: dict[str, bool]) -> list[Finding]:
    still = [name for name, yes in moved.items() if not yes]
    if not still:
        return []
    every = len(still) == len(moved)
    return [
        Finding(
            "frozen",
            "No weight has moved."
            if every
            else f"{len(still)} of {len(moved)} weights have not moved.",
            f"First {still[0]}; all of them are to be trained.",
            "Give the optimizer all parameters; look for detach(), no_grad or argmax between the "
            "layer and the loss, and for a layer whose output nobody uses.",
            {"weights": len(still), "of": len(moved)},
            "optimizer = torch.optim.Adam(model.parameters())",
            Where(layer=still[0].rpartition(".")[0] or still[0]),
        )
    ]


def _dead_rows(begun: dict[str, Tensor], now: dict[str, tuple[Tensor, bool]]) -> list[Finding]:
    found = []
    for name, (w, embeds) in now.items():
        if not embeds or name not in begun or len(w) < 20:
            continue
        dead = float((w == begun[name]).all(1).double().mean())
        if dead >= _DEAD:
            found.append(Finding(
                "dead rows",
                f"{dead:.0%} of the rows of {name} have not moved: their ids do not occur.",
                f"Of {len(w):,} rows {int(dead * len(w)):,}.",
                "Make the vocabulary from the training data, and input_dim its size.",
                {"share": dead, "rows": len(w)},
                "Embedding(int(x.max()) + 1, width, mask_zero=True)",
                Where(layer=name.rpartition(".")[0] or name),
            ))  # fmt: skip
    return found


def _sizes(gradients: dict[str, list[float]]) -> list[Finding]:
    """Layers whose gradients are nothing beside the others', or larger than their weights."""
    sizes = {name: float(np.median(found)) for name, found in gradients.items() if len(found) >= 5}
    if not sizes:
        return []
    largest = max(sizes, key=lambda name: sizes[name])
    # A bias begins as 0, and any gradient is large beside it.
    matrices = {name: s for name, s in sizes.items() if "bias" not in name}
    least = min(matrices, key=lambda name: matrices[name], default=None)
    exploded = [n for n, s in matrices.items() if s > _EXPLODED]
    if exploded:
        return [_gradient(exploded[0], matrices[exploded[0]], "explode", "clipnorm=1.0")]
    if least is not None and 0 < matrices[least] < _VANISHED * sizes[largest]:
        return [_gradient(least, matrices[least], "vanish", "LSTM or GRU, residuals, LayerNorm")]
    return []


def _gradient(name: str, size: float, what: str, cure: str) -> Finding:
    return Finding(
        "gradients",
        f"Gradients {what}.",
        f"That of {name} is {size:.2g} of its weights, in the middle of its batches.",
        f"{cure}; scale the inputs.",
        {"gradient over weights": size},
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        Where(layer=name.rpartition(".")[0] or name),
    )


def _course(losses: list[float]) -> str:
    return f"{losses[0]:.4g} to {losses[-1]:.4g}" if losses else "was not told"
