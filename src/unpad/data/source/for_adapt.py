"""What a layer learns from before training: its `adapt` is shown all that `fit` takes, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ...errors import shown
from .forms import Asked, Batches, Pieces, Whole
from .iterables import Iterated, named
from .reading import Standing, laid_piece, read_batches, read_pieces, refuse_endless
from .table import recognised, refuse_columns

T = TypeVar("T")


def each_x(
    data: Any,
    who: str,
    see: Callable[[Any, bool], T],
    *,
    columns: Any = None,
    steps: int | None = None,
    texts: bool = False,
) -> Iterator[T]:
    """What a layer makes of each batch of the x of data.

    Args:
        data: all that `fit` takes: what lies in memory, batches, examples, tables, files. Targets
            and weights beside x are left.
        who: shown in errors.
        see: makes something of x, told whether each of its rows is a sequence of the caller's, or
            they are a batch that the caller has made.
        columns: of a table which is x, as for `fit`.
        steps: how many batches to take, of what gives batches.
        texts: whether a list is data, and a string a text; else a list is one of batches.

    Raises:
        ValueError: a batch is not what the layer takes: the text says which; what was given
            cannot be taken.
        RuntimeError: the source itself has raised an error.
    """
    asked = Asked(who, columns, targets=isinstance(data, list) and texts, several=False)
    found = _recognised(data, asked, texts)
    if steps is not None and not isinstance(found, Batches):
        came = f"{found.called} has none" if isinstance(found, Pieces) else "the data came whole"
        raise ValueError(f"{who}: steps counts the batches of an iterable; {came}.")
    if found is None:
        refuse_columns(data, asked)
        found = Whole(data)
    if isinstance(found, Whole):
        yield see(_alone(found, who), True)
        return
    standing = Standing(who, learns=False)
    if isinstance(found, Pieces):
        for _, piece in read_pieces(found, standing, found.plan(None)):
            yield laid_piece(piece, lambda whole: see(_alone(whole, who), True), standing)
        return
    refuse_endless(found, steps, "steps", who)
    if steps == 0:
        return
    for i, whole in read_batches(found, standing):
        with standing.at(standing.batch(i, 0)):
            made = see(_alone(whole, who), False)
        yield made
        if i + 1 == steps:
            return


def _recognised(data: Any, asked: Asked, texts: bool) -> Whole | Batches | Pieces | None:
    if isinstance(data, (str, bytes)) and texts and asked.columns is None:
        if isinstance(data, str) and _is_path(data):
            raise ValueError(
                f"{asked.who}: {data!r} is the name of a file or folder. Its columns: "
                f"columns='words'; the text itself: [{data!r}]."
            )
        return None
    if isinstance(data, dict):
        return named(data, asked)
    found = recognised(data, asked)
    if found is not None or texts or not isinstance(data, (list, tuple, range)):
        return found
    return Iterated(lambda: data, f"the {type(data).__name__}", False, asked, len(data))


def _is_path(text: str) -> bool:
    try:
        return "\n" not in text and Path(text).exists()
    except (OSError, ValueError):  # longer than a name may be
        return False


def _alone(whole: Whole, who: str) -> Any:
    """The one input of a batch."""
    x = whole.x
    several = list(x.values()) if isinstance(x, dict) else x if isinstance(x, tuple) else [x]
    if len(several) != 1:
        raise ValueError(
            f"{who}: adapt learns from one input, got {len(several)} as {shown(x)}. Give the one: "
            "of a table columns='words'; of batches (x for x, y in batches)."
        )
    return several[0]
