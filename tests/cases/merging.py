"""Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot."""

from .case import Case

TWO = (("steps", (3,)), ("steps", (3,)))
THREE = (*TWO, ("steps", (3,)))
ROWS = (("steps", (3,)), ("rows", (3,)))
FRONT = (("rows", (2, 3)), ("steps", (3,)))
IDS = (("steps", ()), ("steps", ()))


def twice(layer, inputs):
    """A sequence followed by itself: its lengths are known."""
    return layer([inputs[0], inputs[0]])


CASES = [
    Case("Add", lambda k: k.layers.Add(), TWO),
    Case("Add three", lambda k: k.layers.Add(), THREE),
    Case("Add rows", lambda k: k.layers.Add(), ROWS),
    Case("Add of numbers", lambda k: k.layers.Add(), IDS),
    Case("Add broadcast", lambda k: k.layers.Add(), (("steps", (2, 3)), ("steps", (1, 3)))),
    Case("Subtract", lambda k: k.layers.Subtract(), TWO),
    Case("Subtract from rows", lambda k: k.layers.Subtract(), ROWS[::-1]),
    Case("Multiply", lambda k: k.layers.Multiply(), THREE),
    Case("Multiply by rows", lambda k: k.layers.Multiply(), (("steps", (3,)), ("rows", (1,)))),
    Case("Average", lambda k: k.layers.Average(), THREE),
    Case("Maximum", lambda k: k.layers.Maximum(), THREE),
    Case("Minimum", lambda k: k.layers.Minimum(), THREE),
    Case("Concatenate", lambda k: k.layers.Concatenate(), (("steps", (3,)), ("steps", (2,)))),
    Case(
        "Concatenate an inner axis", lambda k: k.layers.Concatenate(axis=2),
        (("steps", (1, 3)), ("steps", (2, 3))),
    ),
    Case(
        "Concatenate rows", lambda k: k.layers.Concatenate(), (("steps", (3,)), ("rows", (2,))),
        keras=None, why="Keras refuses a row a sequence beside sequences",
    ),
    Case("Concatenate in time", lambda k: k.layers.Concatenate(axis=1), call=twice),
    Case("Concatenate numbers in time", lambda k: k.layers.Concatenate(), IDS[:1], call=twice),
    Case("Concatenate steps in front", lambda k: k.layers.Concatenate(axis=1), FRONT),
    Case("Dot over time", lambda k: k.layers.Dot(axes=1), (("steps", (3,)), ("steps", (2,)))),
    Case("Dot with weights", lambda k: k.layers.Dot(axes=1), (("steps", ()), ("steps", (2,)))),
    Case("Dot of numbers", lambda k: k.layers.Dot(axes=1), IDS),
    Case(
        "Dot over time, normalized", lambda k: k.layers.Dot(axes=(1, 1), normalize=True),
        (("steps", (3,)), ("steps", (2,))),
    ),
    Case("Dot with rows", lambda k: k.layers.Dot(axes=-1), ROWS),
    Case(
        "Dot of rows with steps, normalized", lambda k: k.layers.Dot(axes=(1, 2), normalize=True),
        ROWS[::-1],
    ),
    Case(
        "Dot with a matrix a sequence", lambda k: k.layers.Dot(axes=(2, 1)),
        (("steps", (3,)), ("rows", (3, 2))),
    ),
    Case("Dot of rows", lambda k: k.layers.Dot(axes=1), (("rows", (3,)), ("rows", (3,)))),
]  # fmt: skip
