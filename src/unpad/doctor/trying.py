"""What a model does with its data: its loss at the start, and what a moment of training shows."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.batch import values_of
from .adapters.learners import Learner, OfFit, OfLoop, is_compiled, taken
from .facts import Case
from .facts.chance import SURE, beyond
from .findings import Finding
from .probes import CannotAsk

# A loss at the start so many times what knowing nothing costs, and so much more: a recurrent
# layer's outputs, none of which is above 1, seldom make more. The mean of numbers that are to be
# told may be some deviations away from 0.
_FAR, _FAR_OF_NUMBERS, _SOME = 3.0, 100.0, 2.0
_SEQUENCES = 4
_UPDATES = 100
# Points of accuracy, above always saying the most frequent class.
_MUCH = 0.15


class Trying:
    """Asks a model by using it; of the model itself nothing changes.

    Args:
        model: compiled, or a PyTorch module with a loss.
        x: the inputs as the caller gave them.
        y: the targets.
        loss: of a PyTorch module.
        seconds: that training may take.
    """

    def __init__(self, model: Any, x: Any, y: Any, loss: Any = None, seconds: float = 10.0) -> None:
        self.model, self.x, self.y, self.loss, self.seconds = model, x, y, loss, seconds

    def _learner(self, case: Case) -> Learner:
        if self.loss is None:
            return OfFit(self.model, taken(self.x, [0]))
        return OfLoop(self.model, self.loss, steps_of(case)[:8])

    def _data(self, case: Case, places: list[int]) -> tuple[Any, Any]:
        if self.loss is None:
            return taken(self.x, places), taken(self.y, places)
        sequences, targets = steps_of(case), labels_of(case)
        return [sequences[i] for i in places], [targets[i] for i in places]

    def start(self, case: Case) -> Iterator[Finding]:
        """The loss before training, against what knowing nothing costs."""
        if not _asks(case) or (self.loss is None and not is_compiled(self.model)):
            return
        labels = values_of(case.targets[0].laid).detach()
        nothing, said = _costs(case, labels)
        n = len(case.inputs[0].real)
        places = [i * n // min(n, 64) for i in range(min(n, 64))]
        if nothing is None or n < 8:
            return
        try:
            loss = self._numbers(self._learner_of_now(case), places, case)
        except (CannotAsk, ValueError, RuntimeError, TypeError):
            return
        far = _FAR_OF_NUMBERS if said.startswith("the variance") else _FAR
        if not math.isfinite(loss) or loss <= far * nothing + _SOME:
            return
        yield Finding(
            "loss at start",
            f"Before training the loss is {loss:.4g}; to know nothing costs {nothing:.4g}.",
            f"{said[0].upper()}{said[1:]} is what the best constant answer costs; asked on "
            f"{len(places)} sequences.",
            "Look at the scale of targets and inputs, at the last activation against the loss, "
            "and at how weights begin.",
            {"loss": loss, "of a constant": nothing},
            "y = (y - y.mean()) / y.std()",
        )

    def _learner_of_now(self, case: Case) -> Any:
        return self._learner(case) if self.loss is not None else self.model

    def _numbers(self, learner: Any, places: list[int], case: Case) -> float:
        x, y = self._data(case, places)
        if self.loss is not None:
            return learner.numbers(x, y)["loss"]
        return float(learner.evaluate(x, y, verbose=0, return_dict=True)["loss"])

    def overfit(self, case: Case) -> Iterator[Finding]:
        """Whether four sequences can be learnt by heart, better than by one constant answer."""
        if not _asks(case):
            return
        places = _different(case)
        every = labels_of(case)
        labels = torch.cat([every[i].flatten() for i in places])
        nothing, said = _costs(case, labels, own=True)
        if nothing is None or nothing < 1e-3:
            return
        with _undisturbed():
            learner = self._learner(case)
            x, y = self._data(case, places)
            before = learner.numbers(x, y)["loss"]
            learner.update(x, y)  # the first imports what optimizers want, which takes seconds
            start, updates, after = time.perf_counter(), 0, before
            while updates < 2 * _UPDATES and time.perf_counter() - start < self.seconds:
                learner.update(x, y)
                updates += 1
                if updates % 20 == 0:
                    after = learner.numbers(x, y)["loss"]
                    if after < 0.9 * nothing:
                        return
        if after < 0.97 * min(nothing, before):
            return
        if updates < _UPDATES:
            raise CannotAsk(
                f"{updates} updates took {self.seconds:g} seconds, and {_UPDATES} are needed: "
                "examine(..., seconds=60)."
            )
        yield Finding(
            "cannot overfit",
            f"{updates} updates on {len(places)} sequences teach the model no more than one answer "
            "to everything.",
            f"The loss went from {before:.4g} to {after:.4g}; {said} costs {nothing:.4g}.",
            "Look for layers that are frozen, cut off from the loss, or dead, for a loss that does "
            "not fit, and for labels that do not belong to x.",
            {"before": before, "after": after, "of a constant": nothing, "updates": updates},
            "for layer in model.layers: print(layer.name, layer.trainable)",
        )

    def without_input(self, case: Case) -> Iterator[Finding]:
        """Whether the score falls when labels are shuffled, or only lengths are left of x."""
        if not _asks(case) or self.loss is not None or not are_classes(case):
            return
        x = case.inputs[0]
        n = min(len(x.real), 512)
        if n < 80 or not isinstance(x.real, Ragged):
            return
        rng = np.random.default_rng(0)
        order = [int(i) for i in rng.permutation(len(x.real))[:n]]
        train, held = order[: n * 3 // 4], order[n * 3 // 4 :]
        mixed = dict(zip(order, rng.permutation(order), strict=True))
        only_lengths = self._only_lengths(case)
        scores = {}
        with _undisturbed():
            for name in ("as it is", "labels of others", "lengths alone"):
                source = only_lengths if name == "lengths alone" else self.x
                of = mixed if name == "labels of others" else {i: i for i in order}
                learner = OfFit(self.model, taken(self.x, [0]))
                start = time.perf_counter()
                for _ in range(8):
                    learner.learn(taken(source, train), self._labels(case, train, of), 1, 16)
                    if time.perf_counter() - start > self.seconds / 3:
                        break
                found = learner.numbers(taken(source, held), self._labels(case, held, of))
                score = next((v for k, v in found.items() if "acc" in k), None)
                if score is None:
                    raise CannotAsk("the model has no accuracy among its metrics.")
                scores[name] = score
        labels = torch.cat([labels_of(case)[i].flatten() for i in held])
        prior = float(labels.bincount().max()) / len(labels)
        yield from _told(scores, prior, len(held))

    def _labels(self, case: Case, places: list[int], of: dict[int, Any]) -> Any:
        target = case.targets[0].laid
        if not isinstance(target, Ragged) or all(of[i] == i for i in places):
            return taken(self.y, [int(of[i]) for i in places])
        # Of another sequence's labels as many as this one has steps.
        targets = labels_of(case)
        made = [
            np.resize(targets[int(of[i])].numpy(), len(targets[i])) if len(targets[int(of[i])])
            else targets[i].numpy()
            for i in places
        ]  # fmt: skip
        if isinstance(self.y, (list, tuple, Ragged)):
            return made
        grid = taken(self.y, places)
        grid = np.array(grid) if not isinstance(grid, np.ndarray) else grid.copy()
        mask = case.inputs[0].real.layout.take(torch.tensor(places))[0].mask.cpu().numpy()  # type: ignore[union-attr]
        flat = grid.reshape(*grid.shape[:2])
        flat[mask] = np.concatenate(made)
        return flat.reshape(grid.shape)

    def _only_lengths(self, case: Case) -> Any:
        """x, all of whose steps are one and the same."""
        x = case.inputs[0]
        real: Any = x.real
        values = real.values
        if values.is_floating_point():
            same = values.mean(0, keepdim=True).expand_as(values) + 1e-3
        else:
            same = torch.full_like(values, int(values.flatten().mode().values) or 1)
        made = real.with_values(same.to(values.dtype))
        if isinstance(x.given, Ragged):
            return [part.numpy() for part in map(torch.as_tensor, made.to_list())]
        value = 0.0 if case.masks is None or case.masks.value is None else case.masks.value
        return np.asarray(made.to_padded(value)).astype(np.asarray(self.x).dtype)


def _told(scores: dict[str, float], prior: float, n: int) -> Iterator[Finding]:
    deviation = (prior * (1 - prior) / n) ** 0.5
    own = scores["as it is"]
    for name, least in (("labels of others", _MUCH), ("lengths alone", _MUCH)):
        score = scores[name]
        chance = beyond(score, prior, deviation)
        near = name == "labels of others" or score - prior > 0.8 * (own - prior)
        if score - prior < least or not near or chance > SURE:
            continue
        what = (
            "The score stays when labels are shuffled: what is counted is not what is learnt."
            if name == "labels of others"
            else "The score stays when nothing but lengths is left of x."
        )
        yield Finding(
            "without input",
            what,
            f"Accuracy {own:.0%} as it is, {score:.0%} with {name}, {prior:.0%} of the most "
            f"frequent class, on {n} sequences that were not trained on.",
            "Look for padding that is counted, lengths or positions that tell the label, and "
            "labels within x.",
            {"as it is": own, name: score, "most frequent class": prior},
            "model.evaluate(x_of_one_value, y)  # must be near the most frequent class",
            chance=chance,
        )
        return


class _undisturbed:  # noqa: N801
    """Neither warnings nor a moved generator come out of a moment of training."""

    def __enter__(self) -> None:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        self._torch, self._numpy = torch.get_rng_state(), np.random.get_state()

    def __exit__(self, *error: object) -> None:
        self._warnings.__exit__(*error)  # type: ignore[arg-type]
        torch.set_rng_state(self._torch)
        np.random.set_state(self._numpy)


def _asks(case: Case) -> bool:
    return len(case.inputs) == 1 and len(case.targets) == 1 and len(case.inputs[0].real) > 0


def steps_of(case: Case) -> list[Tensor]:
    """The real steps of each sequence of the first input."""
    real = case.inputs[0].real
    if isinstance(real, Ragged):
        return [torch.as_tensor(s) for s in real.to_list()]
    return list(real)


def labels_of(case: Case) -> list[Tensor]:
    """The labels of each sequence of the first output."""
    laid = case.targets[0].laid
    if isinstance(laid, Ragged):
        return [torch.as_tensor(t) for t in laid.to_list()]
    return list(laid)


def are_classes(case: Case) -> bool:
    """Whether the first output's labels are classes, and no numbers to be told."""
    target = case.targets[0]
    labels = values_of(target.laid)
    whole = not labels.is_floating_point() or bool((labels == labels.round()).all())
    return target.classes != 0 and whole and labels.numel() > 0 and int(labels.min()) >= 0


def _costs(case: Case, labels: Tensor, own: bool = False) -> tuple[float | None, str]:
    """What the best constant answer costs, as the loss counts it; None where it is not known.

    Args:
        case: with its loss.
        labels: that are to be told.
        own: whether the shares of these labels are known; else all classes are alike.
    """
    target = case.targets[0]
    head = target.head
    name = None if head is None else head.loss
    rows = labels.reshape(-1).double()
    if name is None and head is None and are_classes(case):
        name = "sparsecategoricalcrossentropy"  # of a PyTorch module, whose loss has no name
    if name == "sparsecategoricalcrossentropy" and rows.numel():
        counts = rows.long().bincount().double()
        if own:
            shares = counts[counts > 0] / counts.sum()
            return float(-(shares * shares.log()).sum()), "the share of each class"
        width = (head.width if head is not None else None) or len(counts)
        return math.log(max(width, 2)), f"log {width}"
    if name == "binarycrossentropy" and rows.numel() and rows.min() >= 0 and rows.max() <= 1:
        share = min(max(float(rows.mean()), 1e-6), 1 - 1e-6) if own else 0.5
        return -(share * math.log(share) + (1 - share) * math.log(1 - share)), "log 2"
    if name in ("meansquarederror", "mse") and rows.numel() > 1:
        return float(rows.var(correction=0)), "the variance of y"
    return None, ""


def _different(case: Case) -> list[int]:
    """A few sequences whose labels differ."""
    targets = labels_of(case)
    found: list[int] = []
    seen: set[tuple[Any, ...]] = set()
    for i, t in enumerate(targets[:2000]):
        key = tuple(t.flatten()[:50].tolist())
        if len(t.flatten()) and key not in seen and len(case.inputs[0].real[i]):
            seen.add(key)
            found.append(i)
        if len(found) == _SEQUENCES:
            break
    return found or [0]
