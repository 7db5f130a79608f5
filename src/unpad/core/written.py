"""How a layer's class is written: what its `call` takes beside the inputs."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple


class Written(NamedTuple):
    """What is to be handed to a layer's `call`, or asked of it, beside its inputs.

    Args:
        training: whether it is told the mode.
        mask: whether it takes a mask.
        masks: whether it says itself which slots of its output are steps.
        grids: whether it is written for padded grids, where others take a Ragged.
        names: of what it takes, in order.
    """

    training: bool = False
    mask: bool = False
    masks: bool = False
    grids: bool = False
    names: tuple[str, ...] = ()

    def masks_for(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The masks that it is to be given, as Keras names them.

        Args:
            inputs: masks by the names of the inputs: `mask` is that of the first, `other_mask`
                that of the input `other`.
        """
        first = {"mask": next(iter(inputs.values()), None)} if self.mask else {}
        others = {f"{name}_mask": mask for name, mask in inputs.items()}
        return first | {name: mask for name, mask in others.items() if name in self.names}


def written(cls: Any, base: Any) -> Written:
    """How a class is written.

    Args:
        cls: a class of layers, whose `call` or `forward` computes.
        base: the class that all layers have in common.
    """
    function = cls.forward if cls.forward is not base.forward else getattr(cls, "call", None)
    names = () if function is None else tuple(inspect.signature(function).parameters)[1:]
    # What a layer of ours answers about grids is for those who ask: it gives a Ragged itself.
    masks = not is_ours(cls.compute_mask)
    mask = "mask" in names
    told = mask or any(name.removesuffix("_mask") in names for name in _masks_in(names))
    if masks and cls.is_model:
        raise TypeError(
            f"{cls.__name__}: nothing calls compute_mask of a model here: it gives a Ragged, which "
            "holds its steps. A layer inside may have one."
        )
    theirs = not cls.is_model and function is not None and not is_ours(function)
    return Written("training" in names, mask, masks, masks or (told and theirs), names)


def _masks_in(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.endswith("_mask")]


_HERE = __name__.partition(".")[0]
_WITHIN = f"{_HERE}."


def is_ours(thing: Any) -> bool:
    """Whether a class or function is one of this library's."""
    home = thing.__module__  # asked of several layers each call
    return home is not None and (home.startswith(_WITHIN) or home == _HERE)
