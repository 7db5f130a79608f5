"""Weights with Keras's manners: added by name, in its order, with penalties and constraints."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import arguments
from ..arguments import Checked
from ..ragged.batch import rows_of, values_of
from ..ragged.numbers import HALF, as_dtype, as_tensor, is_numeric, to_numpy, to_tensor
from ..weights import constraints, initializers, regularizers
from .passes import running
from .precision import DTypePolicy, policy_of
from .room import claimed
from .weight import Weight
from .weight_options import WeightOptions


class Penalty(NamedTuple):
    """A term that is added to the loss.

    Args:
        key: tells it from others, from batch to batch and in the next process: the layer's place
            among the model's, and which of its terms it is.
        total: the sum, or the number itself.
        divisor: what the sum is divided by, which adds up over batches, 0 of none; None for a
            number that counts as often as a batch has sequences.
    """

    key: tuple[int, Any]
    total: Tensor
    divisor: float | None

    @property
    def of_weights(self) -> bool:
        """Whether it is asked of a weight, whatever the batch."""
        return isinstance(self.key[1], str)

    @property
    def value(self) -> Tensor:
        """What is added to the loss of a batch."""
        return self.total if self.divisor is None else self.total / max(1, self.divisor)


class Weighted(Checked, torch.nn.Module):
    """A torch module that knows its weights as Keras's layers do."""

    #: What it computes in and keeps its weights in; None is torch's default.
    given_policy: DTypePolicy | None
    #: Whether the policy was given to it by name, and not set for all or by what it stands in.
    own_policy: bool
    #: The type of what comes out, where that is another than it computes in on a CPU: half a type.
    half_type: torch.dtype | None
    #: A penalty on what comes out.
    activity_regularizer: Any
    _regularizers: dict[str, Any]
    _constraints: dict[str, Any]
    #: The weights that are made with options of a name: see `keep_options`.
    _made_with: dict[str, list[str]]
    #: What the last pass added to the loss, with what it is divided by; and which pass it was.
    _notes: list[tuple[Tensor, int | None]]
    _noted_in: int | None
    #: The weights that `trainable` has frozen, by name.
    _frozen: set[str]
    _trainable: bool

    @property
    def dtype(self) -> torch.dtype | None:
        """Of the weights; None is torch's default."""
        return None if self.given_policy is None else self.given_policy.variable

    @dtype.setter
    def dtype(self, value: Any) -> None:
        policy = policy_of(value)
        compute = None if policy is None else policy.compute
        self.given_policy = policy
        self.half_type = compute if compute in HALF else None
        self.own_policy = True

    @property
    def who(self) -> str:
        """How it is called in an error."""
        return type(self).__name__

    def add_weight(
        self,
        name: Any = None,
        shape: Sequence[int] = (),
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> torch.nn.Parameter:
        """Makes a parameter of this shape, in Keras's layout, and registers it under the name.

        Args:
            name: the attribute that will hold it, with a "_" behind it where that is taken. Without
                one, assign what is given back.
            shape: of the parameter.
            initializer: a name or a callable of (shape, dtype); by default "glorot_uniform", of
                integers "zeros".
            regularizer: a penalty on the weight; see `losses`.
            constraint: applied to it after every update.
            trainable: False gives a weight that no optimiser moves.
            dtype: by default the layer's.
        """
        if isinstance(name, (tuple, list)):  # Keras 3 has the shape first
            name, shape = None, name
        if dtype is None and self.dtype is not None and not self.dtype.is_floating_point:
            raise ValueError(
                f"{self.who}: dtype={str(self.dtype).partition('.')[2]!r} cannot hold weights that "
                "are trained. Give a floating type, as 'float32'."
            )
        kind = as_dtype(dtype, f"{self.who}: dtype") or self.dtype or torch.get_default_dtype()
        if initializer is None:
            # What is not drawn, ids and counts, starts from nothing.
            initializer = "glorot_uniform" if kind.is_floating_point else "zeros"
        drawn = initializers.get(initializer, self.who)
        blank = claimed(self.who, shape)
        values = torch.zeros(tuple(shape), dtype=kind) if blank else drawn(tuple(shape), kind)
        learns = trainable and values.is_floating_point()
        called = name or f"weight_{len(self._parameters)}"
        weight = Weight.of(values, learns, called, f"{getattr(self, 'name', self.who)}/{called}")
        regularizer = regularizers.get(regularizer, self.who)
        constraint = constraints.get(constraint, self.who)
        if name is None and (regularizer is not None or constraint is not None):
            name = f"weight_{len(self._parameters)}"
        if name is not None:
            name = self._free_for(name)
            setattr(self, name, weight)
            self._regularizers |= {} if regularizer is None else {name: regularizer}
            self._constraints |= {} if constraint is None else {name: constraint}
        return weight

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: str | torch.dtype | None = None,
        trainable: bool = True,
        *,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> torch.nn.Parameter:
        """Keras's other name of `add_weight`."""
        return self.add_weight(name, shape, initializer, regularizer, constraint, trainable, dtype)

    def keep_options(self, **options: WeightOptions) -> None:
        """Keeps what weights will be made with, under Keras's names: `kernel_initializer`, ...

        Args:
            options: of each weight, or of several that share them.

        Raises:
            ValueError: one is none of its kind.
        """
        for of, given in options.items():
            for kind, value in given.looked_up(self.who)._asdict().items():
                setattr(self, f"{of}_{kind}", value)

    def options_of(self, of: str) -> WeightOptions:
        """What `keep_options` has kept, or what has been set since."""
        return WeightOptions(*(getattr(self, f"{of}_{kind}") for kind in WeightOptions._fields))

    def add_kept(
        self, name: str, shape: Sequence[Any], of: str | None = None, initializer: Any = None
    ) -> torch.nn.Parameter:
        """Makes a weight with the options that are kept.

        Args:
            name: of the weight.
            shape: of the weight.
            of: whose options these are; by default the weight's own.
            initializer: in the place of the one that is kept.
        """
        of = of or name
        made, options = self._made_with.setdefault(of, []), self.options_of(of)
        made += [] if name in made else [name]
        if initializer is not None:
            options = options._replace(initializer=initializer)
        return self.add_weight(name, shape, *options)

    def _free_for(self, name: str) -> str:
        """The attribute for a weight of this name, which takes over no attribute by accident."""
        name = name.replace(".", "_").replace("/", "_")
        held = (self._modules, self._buffers)
        while name not in self._parameters and (
            self.__dict__.get(name) is not None
            or hasattr(type(self), name)
            or any(name in names for names in held)
        ):
            name += "_"
        return name

    # --- what is trained -------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether the weights here and inside are trained: set at any time, and obeyed at once.

        Setting it sets that of every layer inside, as in Keras. Weights that are never trained
        (`add_weight(trainable=False)`, or whose `requires_grad` was taken by hand) stay so.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(arguments.flag(self.who, "trainable", value))
        self._train(self, "", self._trainable)

    def _train(self, module: torch.nn.Module, prefix: str, value: bool) -> None:
        """Frees or freezes the weights of this layer and of modules inside that are no layers."""
        for name, weight in module._parameters.items():
            if weight is None:
                continue
            if not value and weight.requires_grad:
                weight.requires_grad_(False)
                self._frozen.add(prefix + name)
            elif value and prefix + name in self._frozen:
                weight.requires_grad_(True)
                self._frozen.discard(prefix + name)
        for name, child in module._modules.items():
            if isinstance(child, Weighted):
                child.trainable = value
            elif child is not None:
                self._train(child, f"{prefix}{name}.", value)

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that an optimiser moves."""
        return [w for w in self.weights if w.requires_grad]

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        """The weights that it does not move, and statistics that are kept beside them."""
        return [w for w in self.weights if not w.requires_grad]

    @property
    def variables(self) -> list[Tensor]:
        """Keras's other name of `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Tensor]:
        """Keras's other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Tensor]:
        """Keras's other name of `non_trainable_weights`."""
        return self.non_trainable_weights

    # --- what goes on from batch to batch --------------------------------------------------------

    def carried(self) -> dict[str, Any]:
        """What this layer carries from batch to batch beside weights and buffers, as data.

        Which weights are frozen, and what attributes carry that have a `carried` and a `carry`, as
        streams of random numbers. A layer of one's own that carries more gives that too.
        """
        found = {n: v.carried() for n, v in vars(self).items() if hasattr(v, "carry")}
        return {"trainable": self._trainable, "frozen": sorted(self._frozen), **found}

    def carry(self, carried: Mapping[str, Any]) -> None:
        """Goes on from what `carried` gave."""
        self._trainable, self._frozen = carried["trainable"], set(carried["frozen"])
        for name, value in vars(self).items():
            if hasattr(value, "carry"):
                value.carry(carried[name])

    # --- what is added to the loss ---------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Adds a number to the loss that the model is trained on, from within `call`.

        Counts in `fit` and `evaluate`, once each time that it is called in a forward of the model;
        the next forward starts anew. Over several batches it counts as often as a batch has
        sequences, so that a mean over sequences is the same for any batch size.

        Args:
            loss: a tensor of one number, or a list of them: `x.square().mean()`.

        Raises:
            ValueError: it is no number; more than one.
        """
        for part in loss if isinstance(loss, (list, tuple)) else [loss]:
            if callable(part):
                raise ValueError(
                    f"{self.who}: add_loss: expected a number, got a function: call it."
                )
            value = as_tensor(part, f"{self.who}: add_loss")
            if value.numel() != 1:
                raise ValueError(
                    f"{self.who}: add_loss: expected one number, got {tuple(value.shape)}. A mean "
                    "over the sequences: add_loss(x.mean())."
                )
            self._note(value.reshape(()), None)

    def _note(self, total: Tensor, divisor: int | None) -> None:
        if torch.compiler.is_exporting():
            return  # a graph predicts: nobody asks for its loss
        number = running()
        if number != self._noted_in:
            self._notes, self._noted_in = [], number
        self._notes.append((total, divisor))

    def _forget_notes(self) -> None:
        """Before a pass that has no number of its own: what was noted in others is gone."""
        for module in self.modules():
            if isinstance(module, Weighted) and module._noted_in is not None:
                module._notes, module._noted_in = [], None

    def _note_activity(self, outputs: Any) -> None:
        """Notes the penalty on what came out: a sum over real steps, by the number of sequences."""
        assert self.activity_regularizer is not None
        if running() is None and not torch.compiler.is_exporting():
            self._notes = []
        for part in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
            self._note(self.activity_regularizer(values_of(part)), rows_of(part))

    @property
    def penalties(self) -> list[Penalty]:
        """What is added to the loss, each with what it is divided by: see `losses`."""
        modules = [m for m in self.modules() if isinstance(m, Weighted)]
        # A layer that the last pass left out holds what it noted in one before.
        latest = max((m._noted_in or 0 for m in modules), default=0)
        found: list[Penalty] = []
        for place, module in enumerate(modules):
            for name, penalty in module._regularizers.items():
                found.append(Penalty((place, name), penalty(getattr(module, name)), None))
            if module._noted_in in (None, latest):
                notes = enumerate(module._notes)
                found += [Penalty((place, i), total, by) for i, (total, by) in notes]
        return found

    @property
    def losses(self) -> list[Tensor]:
        """What is added to the loss of the model: of weights, and of the last forward.

        Penalties on weights; those on outputs, summed over real steps and divided by the number of
        sequences, as Keras divides by the batch; what `add_loss` was given. Of this layer and those
        inside.
        """
        return [penalty.value for penalty in self.penalties]

    def constrained(self) -> list[tuple[torch.nn.Parameter, Any]]:
        """The weights, here and inside, that a constraint is applied to after every update."""
        return [
            (getattr(module, name), constraint)
            for module in self.modules()
            if isinstance(module, Weighted)
            for name, constraint in module._constraints.items()
        ]

    @property
    def weights(self) -> list[Tensor]:
        """The parameters, and statistics that are kept beside them, in Keras's order."""
        found: dict[int, Tensor] = {}
        for module in self.modules():
            saved = module._non_persistent_buffers_set
            kept = [b for name, b in module._buffers.items() if name not in saved]
            for weight in (*module._parameters.values(), *kept):
                if weight is not None:
                    found.setdefault(id(weight), weight)
        return list(found.values())

    def get_weights(self) -> list[np.ndarray]:
        """The weights as arrays, in Keras's order and shapes; bfloat16 as float32."""
        return [to_numpy(w).copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Sets the weights from arrays in Keras's order and shapes.

        Raises:
            ValueError: their number or a shape does not fit, or one holds no numbers; no weight has
                changed then.
        """
        mine = self.weights
        if not hasattr(weights, "__len__"):
            raise ValueError(
                f"{self.who}: expected a list of {len(mine)} arrays, got {type(weights).__name__}."
            )
        if len(weights) != len(mine):
            raise ValueError(f"{self.who}: expected {len(mine)} weights, got {len(weights)}.")
        for i, (w, new) in enumerate(zip(mine, weights, strict=True)):
            if tuple(np.shape(new)) != tuple(w.shape):
                raise ValueError(
                    f"{self.who}: expected weight {i} as {tuple(w.shape)}, got {np.shape(new)}."
                )
        ready = [
            _as_numbers(new, f"{self.who}: expected weight {i}") for i, new in enumerate(weights)
        ]
        with torch.no_grad():
            for w, new in zip(mine, ready, strict=True):
                w.copy_(new)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's, but all of it or nothing: after an error every weight is what it was.

        Args:
            state_dict: weights by name.
            strict: whether every name must be there, and no other.
            assign: whether the tensors themselves become the weights.

        Raises:
            RuntimeError: it does not fit; or it has weights of layers that are not built and have
                none yet, which `strict=False` would pass over without a word.
        """
        unbuilt = self._without_a_place(state_dict)
        if unbuilt is not None:
            raise RuntimeError(
                f"{self.who}: {unbuilt!r} has no place yet: the model is not built. Begin it with "
                "keras.Input(shape=...), or show it data once, as model.predict(x), and load then."
            )
        # A layer's extra state, as a vocabulary, need not be a tensor.
        before = {
            name: w.detach().clone() if isinstance(w, Tensor) else copy.deepcopy(w)
            for name, w in self.state_dict().items()
        }
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except BaseException:
            super().load_state_dict(before, strict=False, assign=assign)
            raise

    def _without_a_place(self, state: Mapping[str, Any]) -> str | None:
        """The first weight that belongs to a layer that has none, since it is not built."""
        mine = self.state_dict()
        unbuilt = [
            f"{name}." if name else ""
            for name, module in self.named_modules()
            if isinstance(module, Weighted) and not getattr(module, "built", True)
        ]
        others = (name for name in state if name not in mine)
        return next((name for name in others if name.startswith(tuple(unbuilt))), None)

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        return sum(w.numel() for w in self.parameters())


def _as_numbers(array: Any, who: str) -> Tensor:
    """An array's numbers, of any type that torch can copy into a weight."""
    if isinstance(array, Tensor):
        found = array.detach()
    else:
        array = np.asarray(array)
        if not is_numeric(array):
            raise ValueError(f"{who} as numbers, got an array of {array.dtype}.")
        found = to_tensor(array, who)
    if found.is_complex():
        raise ValueError(f"{who} as real numbers, got complex ones.")
    return found
