"""A model's card: what is in a folder that others take it from, for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..arguments import wrong
from .summary import Row

#: What a card says of lengths, by what the table says of a layer.
_WORDS = {
    "opens": "decides which slots of a padded grid are steps; others do not exist from there on",
    "keeps": "gives one row for each real step",
    "changes the lengths": "gives sequences of other lengths",
    "reduces": "gives one row for each sequence",
}
#: What may stand before a card's text, which hubs read.
_KNOWN = ("base_model", "datasets", "language", "license", "pipeline_tag", "tags")


def card(model: Any, rows: Iterable[Row], given: Mapping[str, Any]) -> str:
    """The card as Markdown, with what hubs read before it.

    Args:
        model: built.
        rows: of its table.
        given: "description", and what stands before the text: "license", "datasets", ...
    """
    rows = list(rows)
    front = {"library_name": "unpad", **{n: given[n] for n in _KNOWN if n in given}}
    front["tags"] = ["unpad", *front.get("tags", ())]
    # JSON is YAML too.
    lines = ["---", *(f"{name}: {json.dumps(value)}" for name, value in front.items()), "---", ""]
    lines += [f"# {model.name}", ""]
    if given.get("description"):
        lines += [str(given["description"]), ""]
    lines += ["## Layers", "", *_table(rows), "", f"{model.count_params():,} weights.", ""]
    lines += ["## Lengths", "", *_lengths(rows), ""]
    lines += ["## Training", "", *_training(model, given), ""]
    lines += [
        "## Use", "", "```python", "import unpad as keras", "",
        'model = keras.Model.from_pretrained("...")  # this folder, or its name on the hub',
        "```",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def checked(who: str, given: Any) -> Mapping[str, Any]:
    """What was given for a card.

    Raises:
        ValueError: it is no dict of what a card may say.
    """
    known = (*_KNOWN, "description")
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not {*given} <= {*known}:
        raise wrong(who, "model_card_kwargs", f"a dict of {', '.join(known)}", given)
    return given


def _table(rows: list[Row]) -> list[str]:
    head = ["| layer | output | weights | sequences |", "|---|---|---:|---|"]
    return head + [
        f"| {r.layer} | {r.output.replace('*', chr(92) + '*')} | {r.weights} | {r.sequences} |"
        for r in rows
    ]


def _lengths(rows: list[Row]) -> list[str]:
    found = [
        f"* {row.layer} {word}: it {_WORDS[word]}."
        for row in rows
        for word in [row.sequences]
        if word in _WORDS
    ]
    return [
        "A step that is missing does not exist: what is predicted for a sequence is the same "
        "alone, in any batch and behind any padding.",
        "",
        *(found or ["Its layers do not say what becomes of lengths; ask `model.trace(x)`."]),
    ]


def _training(model: Any, given: Mapping[str, Any]) -> list[str]:
    lines = []
    config = model.get_compile_config() if model.compiled else {}
    if config:
        updates = getattr(model.optimizer, "iterations", 0)
        name = config["optimizer"]["class_name"]
        lines.append(f"* {name}, {updates:,} updates; loss: {_named(config.get('loss'))}")
    lines.append(f"* Data: {describe(model.trained_on)}")
    if "datasets" in given:
        names = given["datasets"]
        lines.append(f"* Data sets: {names if isinstance(names, str) else ', '.join(names)}")
    if model.history is not None and model.history.history:
        last = ((k, v[-1]) for k, v in model.history.history.items())
        numbers = ", ".join(f"{k} {v:.4g}" for k, v in last if isinstance(v, (int, float)))
        lines.append(f"* After the last epoch: {numbers}")
    return lines


def describe(trained_on: Mapping[str, Any] | None) -> str:
    """What a model was trained on, in words."""
    if not trained_on:
        return "it is not known what it was trained on"
    if "stream" in trained_on:
        return str(trained_on["stream"])
    sizes = {n: trained_on.get(n, 0) for n in ("sequences", "steps", "shortest", "longest")}
    return "{sequences:,} sequences of {shortest:,} to {longest:,} steps, {steps:,} in all".format(
        **sizes
    )


def _named(loss: Any) -> str:
    if isinstance(loss, Mapping):
        return str(loss.get("config") if loss.get("class_name") == "function" else
                   loss.get("class_name") or {k: _named(v) for k, v in loss.items()})  # fmt: skip
    return ", ".join(map(_named, loss)) if isinstance(loss, list) else str(loss)
