"""A model's last layer against its targets, its loss and its metrics."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ..facts import Case, Head, Target
from ..facts.case import NO_LOSS
from ..facts.sample import sample_of
from ..findings import Finding

_REACH = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, None)}
_SOME = 0.05
# Outputs begin near 0 and move by about a learning rate an update.
_FAR = 100.0
_RARE = 0.95


def head(case: Case) -> Iterator[Finding]:
    """Of each output."""
    for target in case.targets:
        if target.head is None:
            continue
        yield from _one_unit(target)
        yield from _wrong_loss(target.head)
        sample = sample_of(case.inputs[0].real, target.laid)
        if sample is None or sample.labels is None or len(sample.labels) < 20:
            continue
        if target.head.loss == NO_LOSS:
            continue  # what a train_step of one's own does with the targets nobody can say
        if target.classes == 0:
            yield from _reach(target, sample.labels.double())
            yield from _scale(target, sample.labels.double())
        elif case.fitting.weighted:
            pass  # who gives weights knows that classes are rare
        elif "accuracy" in target.head.metrics and len(sample.labels) >= 200:
            yield from _rare(sample.labels)


def _one_unit(target: Target) -> Iterator[Finding]:
    assert target.head is not None
    if target.head.activation != "softmax" or target.head.width != 1:
        return
    yield Finding(
        "constant",
        "The last layer is a softmax over one unit, which is always 1.",
        "Every sequence gets the same answer, and no weight is moved.",
        "A sigmoid over one unit, or a softmax over two.",
        {"units": 1},
        'Dense(1, activation="sigmoid")',
    )


def _wrong_loss(head: Head) -> Iterator[Finding]:
    """A loss that takes what the last layer does not give."""
    of_classes = head.loss in ("categoricalcrossentropy", "sparsecategoricalcrossentropy")
    if not of_classes and head.loss != "binarycrossentropy":
        return
    gives = head.activation or "linear"
    if head.from_logits and gives in ("softmax", "sigmoid"):
        what = f"The loss takes scores, and the last layer gives {gives}: it is taken twice."
        cure, code = "Leave from_logits out, or the activation.", f"{head.loss}()"
    elif head.from_logits:
        return
    elif of_classes and gives == "sigmoid" and head.width and head.width > 1:
        what = "The loss takes probabilities that sum to 1, and sigmoids do not."
        cure, code = (
            "A softmax, or binary_crossentropy for classes that go together.",
            (f'Dense({head.width}, activation="softmax")'),
        )
    elif gives in ("tanh", "relu") or (gives == "linear" and head.linear):
        what = f"The loss takes probabilities, and the last layer gives {gives} numbers."
        cure, code = (
            "from_logits=True, or the activation that gives probabilities.",
            ("SparseCategoricalCrossentropy(from_logits=True)"),
        )
    else:
        return
    yield Finding(
        "wrong loss",
        what,
        f"The loss is {head.loss}(from_logits={head.from_logits}), the last activation {gives}.",
        cure,
        {"units": head.width or 0, "from_logits": float(head.from_logits)},
        code,
    )


def _reach(target: Target, values: Tensor) -> Iterator[Finding]:
    assert target.head is not None
    low, high = _REACH.get(target.head.activation or "", (None, None))
    out = values.new_zeros(len(values)).bool()
    out = out if low is None else out | (values < low - 1e-6)
    out = out if high is None else out | (values > high + 1e-6)
    share = float(out.double().mean())
    if share < _SOME:
        return
    ends = f"{low:g} to {high:g}" if high is not None else f"{low:g} upwards"
    yield Finding(
        "out of reach",
        f"{share:.0%} of the targets can never be reached: the last layer's "
        f"{target.head.activation} gives {ends}.",
        f"Targets lie between {float(values.min()):.4g} and {float(values.max()):.4g}.",
        "Leave the last activation out, or scale the targets into its range.",
        {"share": share, "smallest": float(values.min()), "largest": float(values.max())},
        "Dense(1)",
    )


def _scale(target: Target, values: Tensor) -> Iterator[Finding]:
    assert target.head is not None
    if target.head.activation not in (None, "linear") or not target.head.linear:
        return
    mean, spread = float(values.mean()), float(values.std())
    if max(abs(mean), spread) < _FAR:
        return
    yield Finding(
        "unscaled targets",
        "Targets are far from where outputs begin.",
        f"Their mean is {mean:.4g} and their deviation {spread:.4g}; outputs begin around 0 and "
        "move by about a learning rate an update, so that most of the training goes into the mean.",
        "Scale the targets, and scale predictions back.",
        {"mean": mean, "deviation": spread},
        "y = (y - mean) / std  # and prediction * std + mean",
    )


def _rare(labels: Tensor) -> Iterator[Finding]:
    if int(labels.min()) < 0:
        return
    counts = labels.long().bincount()
    share = float(counts.max()) / len(labels)
    if share < _RARE or share == 1:
        return
    yield Finding(
        "rare class",
        f"{share:.1%} of the labels are class {int(counts.argmax())}: an accuracy of {share:.3f} "
        "is what always saying so gives.",
        f"Of {len(labels):,} labels looked at {len(labels) - int(counts.max()):,} are others.",
        "Look at a metric of the rare class: F1Score, AUC(curve='PR'), or a confusion matrix.",
        {"share": share, "others": len(labels) - int(counts.max())},
        'metrics=[keras.metrics.AUC(curve="PR")]',
    )
