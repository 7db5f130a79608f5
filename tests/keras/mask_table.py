"""Writes the tables of docs/coming-from-keras.md, from what running both libraries shows.

    python tests/keras/mask_table.py

What stands between the marks in the page is replaced; test_mask_table.py fails until it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(Path(__file__).parents[2]))  # the cases are a package of the tests

import keras
from mask_differences import DIFFERENCES
from mask_probe import CLOSE, SIDES, Facts, facts_of, probe
from tests.cases import CASES, Case
from tests.pages import filled, listed, table

import unpad

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-keras.md"

OF_STRINGS = ("StringLookup", "TextVectorization", "HashedCrossing", "Hashing", "IntegerLookup")

#: The configuration that stands for a layer, where it is not the first.
MAIN = {"Embedding": "Embedding mask_zero", "Flatten": "Flatten length"}

_MASK = {
    "kept": "passes it on",
    "made": "makes one",
    "ended": "ends it",
    "dropped": "drops it silently",
    "dropped with a warning": "drops it, with a warning",
    "other": "joins those of its inputs",
    "none": "takes no sequence",
}
_ENDS = "its ends are its own"
_STEP = "each real step by itself"
#: What unpad does, more exactly.
NOTES = {
    "AdditiveAttention": "looks at real steps only; positions are those within the sequence",
    "Attention": "looks at real steps only; positions are those within the sequence",
    "AveragePooling1D": f"{_ENDS}; a window is divided by the steps that it holds",
    "BatchNormalization": "statistics over the batch's real steps",
    "Bidirectional": "the way back starts at each sequence's own end",
    "CategoryEncoding": "multi_hot and count encode the sequence, one_hot keeps it",
    "Concatenate": "features of equal lengths; in time, one sequence right behind the other",
    "Conv1D": _ENDS,
    "Conv1DTranspose": _ENDS,
    "Cropping1D": "from each sequence's own ends",
    "DepthwiseConv1D": _ENDS,
    "Dot": "over time: a sum over real steps",
    "Dropout": _STEP,
    "Embedding": "ids that are 0 are no steps, and row 0 is never moved",
    "EinsumDense": "an equation over time is refused",
    "Flatten": "`Flatten(length)`: steps from slot 0 on, then zeros through which nothing flows",
    "GRU": "walks real steps only",
    "GlobalAveragePooling1D": "over real steps; of an empty sequence 0",
    "GlobalMaxPooling1D": "over real steps; of an empty sequence 0",
    "GroupNormalization": "statistics over the sequence's real steps",
    "GroupQueryAttention": "looks at real steps only",
    "LSTM": "walks real steps only",
    "Lambda": "the function gets the Ragged; one that returns another form is refused",
    "Masking": "steps of which all features are the value (NaN too) are none",
    "MaxPooling1D": _ENDS,
    "MultiHeadAttention": "looks at real steps only",
    "Permute": "of a step's own axes; across time it is refused",
    "RNN": "walks real steps only, any cell",
    "RepeatVector": "`RepeatVector(like=sequence)` grows rows to that sequence's lengths",
    "Reshape": "of a step's own axes, after a -1 for time; across time it is refused",
    "SeparableConv1D": _ENDS,
    "SimpleRNN": "walks real steps only",
    "Softmax": "over features, or over the sequence's real steps",
    "SpatialDropout1D": "one draw a sequence",
    "TimeDistributed": "any layer or torch module on the real steps",
    "UpSampling1D": "each real step so many times",
    "ZeroPadding1D": "at each sequence's own ends",
}
for _name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
    NOTES[_name] = "steps pair one to one; other lengths are refused; a row goes to all its steps"


# --- between layers ------------------------------------------------------------------------------


def _twice(layer, inputs):
    return layer(inputs[0]) * 2


def _beside_what_lost_its_mask(layer, inputs):
    return layer([inputs[0], inputs[0] * 0.5])


def _own(k):
    """A layer of one's own, as a newcomer writes it."""

    class Own(k.layers.Layer):
        def call(self, x):
            return x * 0.5

    return Own()


ELSEWHERE = [
    (
        Case("an operator, `h * 2`", lambda k: k.layers.Identity(), call=_twice),
        "arithmetic on values",
    ),
    (
        Case("`Add` of `h` and what comes of `h * 0.5`, as token + position",
             lambda k: k.layers.Add(), call=_beside_what_lost_its_mask),
        "nothing was lost",
    ),
    (Case("a `Layer` of one's own", _own), "checked by `unpad.testing.check_layer`"),
]  # fmt: skip


# --- rows ----------------------------------------------------------------------------------------


HEAD = ("layer", "Keras: the mask", "Keras: real steps", "Keras: no step", "unpad")


def row(name: str, facts: list[Facts], note: str = "") -> list[str]:
    """A line of the table; of several configurations the largest differences."""
    first = facts[0]
    does = first.does if first.does != "rows" else ""
    unpad_does = ": ".join(part for part in (does, note) if part)
    if first.raises:
        kinds = " or ".join(sorted({f.raises for f in facts}))
        return [name, f"raises {kinds}", "", "", unpad_does]
    if first.mask == "none":
        return [name, _MASK[first.mask], "", "", unpad_does or "the same"]
    mask = _MASK[first.mask]
    if first.mask in ("kept", "ended"):
        mask = f"uses it, {mask}" if first.used else f"{mask} unused"
    return [name, mask, _numbers(facts), first.missing, unpad_does]


def _numbers(facts: list[Facts]) -> str:
    off = {side: max(f.off[side] for f in facts) for side in SIDES}
    wrong = {side: x for side, x in off.items() if x > CLOSE}
    if not wrong:
        return "as alone"
    why = "padding leaks in" if facts[0].leaks else "whatever padding holds"
    if min(wrong.values()) == float("inf"):
        return f"of another size: {why}"
    sizes = [f"{x:.0%} {side}".replace("%", " %") for side, x in wrong.items() if x < float("inf")]
    more = [f"of another size {side}" for side, x in wrong.items() if x == float("inf")]
    return f"off by {', '.join([*sizes, *more])}: {why}"


def of_layers(facts: dict[str, Facts]) -> tuple[str, str]:
    """The table of layers, and that of configurations that behave otherwise."""
    main, others = [], []
    for layer in sorted({CASES[name].layer for name in facts}, key=str.lower):
        if getattr(unpad.layers, layer).__name__ != layer:
            continue  # another name of the same layer
        names = [name for name in facts if CASES[name].layer == layer]
        chief = MAIN.get(layer, names[0])
        main.append(row(_shown(layer), [facts[chief]], NOTES.get(layer, "")))
        kinds: dict[tuple, list[str]] = {}
        for name in names:
            if facts[name].kind != facts[chief].kind and facts[name].mask != "none":
                kinds.setdefault(facts[name].kind, []).append(name)
        for alike in kinds.values():
            words = "; ".join(_configuration(name, layer) for name in alike)
            others.append(row(f"`{layer}`: {words}", [facts[name] for name in alike]))
    return table(HEAD, main), table(HEAD, others)


def _shown(layer: str) -> str:
    return f"`{layer}(mask_zero=True)`" if layer == "Embedding" else f"`{layer}`"


def _configuration(name: str, layer: str) -> str:
    return name.removeprefix(layer).strip() or "by default"


def of_differences() -> str:
    """The table of numbers that differ on purpose."""
    head = ("", "computed", "Keras", "unpad", "why")
    return table(head, ([d.layer, d.batch, _shown_numbers(d.theirs), _shown_numbers(d.ours), d.why]
                        for d in DIFFERENCES))  # fmt: skip


def _shown_numbers(found: object) -> str:
    if not isinstance(found, list):
        return str(found)
    return " ".join(x if isinstance(x, str) else f"{x:g}" for x in found)


def of_one_side() -> str:
    """Layers that only one of the two has, among those that take sequences."""
    ours = [name for name in exported() if not hasattr(keras.layers, name)]
    return (
        f"Keras has no {listed(ours)}. {listed(OF_STRINGS)} take strings or numbers, before there "
        "is a mask; what they give is a Ragged here."
    )


def exported() -> list[str]:
    """The layers that unpad has, without those that others are made of and their other names."""
    found = []
    for name in unpad.layers.__all__:
        kind = getattr(unpad.layers, name)
        if isinstance(kind, type) and issubclass(kind, unpad.Layer) and kind.__name__ == name:
            found.append(name)
    return sorted(
        {*found} - {"InputLayer", "Layer", "TokenWise", "Recurrent", "Wrapper"}, key=str.lower
    )


def parts(facts: dict[str, Facts]) -> dict[str, str]:
    """The generated parts of the page, by their marks."""
    layers, configurations = of_layers(facts)
    elsewhere = table(HEAD, [row(case.name, [facts_of(case)], note) for case, note in ELSEWHERE])
    return {
        "layers": layers,
        "one side": of_one_side(),
        "configurations": configurations,
        "elsewhere": elsewhere,
        "differences": of_differences(),
    }


def main() -> None:
    """Writes the page anew."""
    PAGE.write_text(filled(PAGE.read_text(), parts(probe())))


if __name__ == "__main__":
    main()
