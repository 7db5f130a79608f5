"""What someone sets of a layer that is there: obeyed, or refused."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch

from ..refusals import Refused
from ..weights import activations, constraints, regularizers
from . import older
from .growing import GrowingDict, GrowingList
from .precision import policy_of
from .weight import Kept, Weight
from .weight_options import WeightOptions
from .weighted import Weighted
from .written import is_ours

# What weights are made with, under the names that arguments have.
_MADE_OF = {"units", "filters", "kernel_size", "use_bias", "input_dim", "output_dim", "groups"}
_OF_WEIGHTS = set(WeightOptions._fields)


class Attributes(Weighted):
    """A torch module whose attributes do what they say, whenever they are set."""

    #: The kinds of calls that it has been asked about.
    _met: set[Any]

    def __setattr__(self, name: str, value: Any) -> None:
        # Layers in a list or a dict are found by torch only as its own kinds of these: their
        # weights would be missed.
        if isinstance(value, (list, tuple)) and value and all(map(_is_module, value)):
            value = torch.nn.ModuleList(value)
        elif (
            isinstance(value, dict)
            and value
            and name != "_modules"
            and all(map(_is_module, value.values()))
        ):
            value = torch.nn.ModuleDict(value)
        elif type(value) in _GROWING and not value and name[0] != "_":
            value = _GROWING[type(value)](self, name)
        if _is_module(value) and "_modules" not in self.__dict__:
            # As in Keras: Layer's constructor, which has still to run, finds it here.
            self.__dict__.setdefault("_set_before", {})[name] = value
            return
        if "built" in self.__dict__:
            value = self._obeyed(name, value)
        super().__setattr__(name, cast(Any, value))
        if isinstance(value, Weight) and "built" in self.__dict__:
            value.kept_by(Kept(self._regularizers, self._constraints, name))

    def _obeyed(self, name: str, value: Any) -> Any:
        """What is set of a layer that there is: as the constructor would have taken it, or refused.

        Raises:
            ValueError: it comes too late, or the name is one of unpad's.
        """
        of, _, kind = name.rpartition("_")
        if isinstance(value, (torch.nn.Module, torch.nn.Parameter)):
            self._check_held(name, value)
        elif name == "call" and callable(value):
            self.__dict__["forward"] = value  # which is what runs
        elif name == "activity_regularizer":
            value = regularizers.get(value, self.who)
            self._notes = []  # what the one before has noted
        elif name.endswith("activation") and callable(self.__dict__.get(name)):
            self._met.clear()
            value = activations.get(value, self.who)
        elif not self.__dict__["built"]:
            pass
        elif kind in ("regularizer", "constraint") and (weights := self._weights_with(of)):
            room = regularizers if kind == "regularizer" else constraints
            held = self._regularizers if kind == "regularizer" else self._constraints
            value = room.get(value, self.who)
            for weight in weights:
                held.pop(weight, None)
                held |= {} if value is None else {weight: value}
        elif (name in _MADE_OF or kind in _OF_WEIGHTS) and name in self._takes:
            had = self.__dict__.get(name, value)
            if had is not value and had != value:
                raise self._too_late(name)
        elif name == "dtype":
            kinds = (self.dtype, None if value is None else policy_of(value).variable)
            was, wanted = (kind or torch.get_default_dtype() for kind in kinds)
            if was is not wanted:
                raise self._too_late(name)
            self._met.clear()
        return value

    def _weights_with(self, of: str) -> list[str]:
        """The weights that were made with options of this name."""
        return self._made_with.get(of) or [of] * (of in self._parameters)

    def _too_late(self, name: str) -> ValueError:
        return ValueError(
            f"{self.who}: {name} is what its weights were made with, and they are there. Make a "
            "new layer, or give it other numbers: set_weights."
        )

    def _check_held(self, name: str, value: Any) -> None:
        if isinstance(value, torch.nn.Module) and any(m is self for m in value.modules()):
            raise ValueError(f"{self.who}: {name} would hold the layer that it stands in.")
        ours = self._ours
        if hasattr(ours, name) and name != "layers" and ours is not type(self):
            raise ValueError(
                f"{self.who}: {name!r} is what unpad's {ours.__name__} calls something of its own. "
                "Give the attribute another name."
            )
        if isinstance(value, Weighted) and not self._trainable:
            value.trainable = False

    @property
    def _ours(self) -> type:
        """The class of unpad's that it is, or is made of."""
        return next(c for c in type(self).__mro__ if is_ours(c))

    @property
    def _takes(self) -> set[str]:
        """The arguments of that class's constructor."""
        return set(inspect.signature(self._ours.__init__).parameters)

    def __getattr__(self, name: str) -> Any:
        # As torch's own, but that a property which has no answer keeps its words.
        for held in ("_parameters", "_buffers", "_modules", "_set_before"):
            found = self.__dict__.get(held)
            if found is not None and name in found:
                return found[name]
        answer = getattr(type(self), name, None)
        if isinstance(answer, (property, older.Shown, Refused)):
            return answer.__get__(self, type(self))
        who = type(self).__name__
        if "built" not in self.__dict__:
            raise AttributeError(
                f"{who}: there is no {name!r}, since its constructor has not called "
                "super().__init__() yet."
            )
        raise AttributeError(f"{who!r} object has no attribute {name!r}")


# What a person may fill with layers later on.
_GROWING = {list: GrowingList, dict: GrowingDict}


def _is_module(value: Any) -> bool:
    return isinstance(value, torch.nn.Module)
