"""The base of every layer: a torch module that is built from a spec and takes Ragged or tensors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.batch import values_of
from . import activations, constraints, initializers, regularizers
from .spec import Spec, Specs, spec_of
from .symbol import Node, draw, is_symbolic, specs_of
from .trial import build_inside, tried


class Layer(torch.nn.Module):
    """A torch module with Keras's manners: a name, weights made on first sight of the input's spec.

    A subclass stores its constructor's arguments as attributes of the same names, makes its
    weights in `build`, says in `output_spec` what it gives, and computes in `forward`. What it
    cannot do with a spec it refuses in `output_spec`, when the model is built. A layer that takes
    several inputs gets as many specs, in the same arrangement: `forward(self, query, value)` goes
    with `output_spec(self, query, value)`, `forward(self, inputs)` of a list with a list of specs.

    Without an `output_spec` of its own a layer is tried on a batch of ones when it is built.
    Keras's spellings work too: `call` for `forward`, and `build(self, input_shape)`.

    Args:
        name: shown in summaries and errors; by default the class's, in snake case.
        trainable: False freezes the weights.
        dtype: of the weights; by default torch's default.
        activity_regularizer: a penalty on what comes out; see `losses`.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, spec):
        ...         self.scale = self.add_weight("scale", (spec[-1],), "ones")
        ...     def forward(self, inputs):
        ...         return inputs * self.scale
        >>> Scale()(Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])).lengths
        tensor([1, 2])
    """

    #: Whether it takes "one" input, a list of "several", or "any" that its `forward` takes.
    takes = "any"
    #: Whether sequences of sequences are more to it than it can take.
    one_level = True
    #: Whether tensors among its inputs are part of what it computes, not batches.
    keeps_constants = False

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
        activity_regularizer: Any = None,
    ) -> None:
        super().__init__()
        self.given_name = name
        self.name = name or snake_case(type(self).__name__)
        self.trainable = trainable
        self.dtype = as_dtype(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer, self.who)
        self.built = False
        self._regularizers: dict[str, Any] = {}
        self._constraints: dict[str, Any] = {}
        self._activity: Tensor | None = None
        self._nodes: list[Node] = []

    def __setattr__(self, name: str, value: Any) -> None:
        # A list of layers is found by torch only as a ModuleList: their weights would be missed.
        if isinstance(value, (list, tuple)) and value and all(map(_is_module, value)):
            value = torch.nn.ModuleList(value)
        super().__setattr__(name, cast(Any, value))

    # --- what a subclass says --------------------------------------------------------------------

    def build(self, *specs: Any) -> None:
        """Makes the weights for inputs of these specs."""

    def output_spec(self, *specs: Any, **options: Any) -> Specs:
        """What comes out for inputs of these specs.

        Raises:
            ValueError: the layer cannot take such inputs; the text says why and what to use.
        """
        return tried(self, specs, options)

    def open(self, inputs: Any) -> Any:
        """The real steps of the inputs, if this layer decides which are; else the inputs as given.

        Asked once for a whole data set, so that targets and weights can be laid on the same steps
        before training starts.
        """
        return inputs

    def check(self, inputs: Any) -> None:
        """Raises a ValueError for values that the layer cannot take, naming the first."""

    @property
    def tail(self) -> str | None:
        """The name of the activation that ends this layer, where `before_tail` can go without."""
        return None

    def before_tail(self, inputs: Any) -> Any:
        """The outputs before the activation that ends this layer: a softmax's logits."""
        raise NotImplementedError

    def from_tail(self, outputs: Any) -> Any:
        """What `before_tail` gave, with the tail put on: the layer's outputs."""
        return lift(activations.get(self.tail, self.who), outputs)

    @property
    def last_layers(self) -> list[Layer | None]:
        """The layer that gives each output, whose tail it ends in; None where none does."""
        return [self]

    @property
    def tails(self) -> list[str | None]:
        """The `tail` of each output; None where more than the outputs is wanted of the layer."""
        return [
            None if layer is None or layer.activity_regularizer is not None else layer.tail
            for layer in self.last_layers
        ]

    def outputs_of(self, inputs: Any, cut: Sequence[bool]) -> list[Any]:
        """Every output in a list, those that are cut before their tails."""
        if any(cut):
            return [self.before_tail(inputs)]
        found = self(inputs)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    # --- what it gets ----------------------------------------------------------------------------

    def ensure_built(self, *specs: Any, **options: Any) -> Any:
        """Builds the layer if it is not yet built, and gives its output's spec."""
        self._refuse_levels(specs)
        out = self.output_spec(*specs, **options)
        if not self.built:
            self.build(*specs, **{k: v for k, v in options.items() if isinstance(v, Spec)})
            self.built = True
            if any(isinstance(m, Layer) and not m.built for m in self.modules()):
                build_inside(self, specs, options)
            if not self.trainable:
                self.requires_grad_(False)
        return out

    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            inputs: batches, as `forward` takes them: Ragged or tensors, or a list of them.
            training: overrides the mode for this call.
            options: further arguments of `forward`.
        """
        if training is not None and training != self.training:
            self.train(training)
            try:
                return self(*inputs, **options)
            finally:
                self.train(not training)
        if any(map(is_symbolic, (*inputs, *options.values()))):
            return draw(self, inputs, options)
        inputs = tuple(self._as_batch(x) for x in inputs)
        if not self.built:
            specs = {k: specs_of(v) for k, v in options.items()}
            self.ensure_built(*map(specs_of, inputs), **specs)
        inputs = tuple(self._prepare(x) for x in inputs)
        outputs = super().__call__(*inputs, **options)
        if self.activity_regularizer is not None:
            self._activity = self._penalty_on(outputs)
        return outputs

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The layer's outputs."""
        call = getattr(self, "call", None)
        if call is None:
            raise NotImplementedError(f"{self.who}: a layer needs a forward(self, inputs).")
        return call(*inputs, **options)

    def _refuse_levels(self, specs: Any) -> None:
        if not self.one_level:
            return
        for spec in specs:
            if isinstance(spec, (list, tuple)):
                self._refuse_levels(spec)
            elif isinstance(spec, Spec) and spec.ragged and spec.levels > 1:
                raise ValueError(
                    f"{self.who}: expected sequences of steps, got sequences of sequences, {spec}. "
                    f"On each inner sequence: TimeDistributed({type(self).__name__}(...)); over all "
                    "steps of an outer one: x.merge_levels()."
                )

    @property
    def is_door(self) -> bool:
        """Whether the layer decides which steps of a dense batch are real."""
        return type(self).open is not Layer.open

    def _as_batch(self, inputs: Any) -> Any:
        if isinstance(inputs, (Ragged, Tensor)):
            if self.one_level and isinstance(inputs, Ragged) and inputs.levels > 1:
                self._refuse_levels([spec_of(inputs)])
            if self.takes == "several":
                raise ValueError(f"{self.who}: expected a list of inputs, got one.")
            return inputs
        if isinstance(inputs, np.ndarray):
            return self._as_batch(torch.from_numpy(inputs))
        if _are_batches(inputs):
            if self.takes == "one":
                raise ValueError(
                    f"{self.who}: expected one input, got a list of {len(inputs)}. Join them "
                    "first, as Concatenate()([a, b]); sequences of different lengths are one "
                    "input: Ragged.from_list(...)."
                )
            return [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in inputs]
        if inputs is None:
            return None
        raise TypeError(
            f"{self.who}: expected a Ragged or a tensor, got {type(inputs).__name__}. "
            "Sequences of different lengths: Ragged.from_list(...)."
        )

    def _prepare(self, inputs: Any) -> Any:
        """The inputs in the type of the weights, and whatever else `forward` relies on."""
        if isinstance(inputs, list):
            return [self._prepare(x) for x in inputs]
        wanted = self._weights_dtype()
        if wanted is None or inputs is None:
            return inputs
        return inputs if inputs.dtype == wanted else inputs.to(dtype=wanted)

    def _weights_dtype(self) -> torch.dtype | None:
        # Of weights of its own only: what a wrapper holds casts for itself. (A walk through all
        # modules' parameters took 0.1 ms of a small model's step.)
        for weight in self._parameters.values():
            if weight is not None:
                return weight.dtype
        return self.dtype

    @property
    def who(self) -> str:
        """How the layer is called in an error: its class, and its name where one was given."""
        return type(self).__name__ + (f" {self.given_name!r}" if self.given_name else "")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; `from_config` makes a fresh layer of them."""
        names = [*inspect.signature(type(self).__init__).parameters][1:]
        config = {n: getattr(self, n) for n in names if n not in ("args", "kwargs", "name")}
        config |= {"name": self.given_name, "trainable": self.trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = self.activity_regularizer
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A fresh, unbuilt layer from `get_config`'s arguments."""
        return cls(**config)

    # --- weights ---------------------------------------------------------------------------------

    def add_weight(
        self,
        name: Any = None,
        shape: Sequence[int] = (),
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> torch.nn.Parameter:
        """Makes a parameter of this shape, in Keras's layout, and registers it under the name.

        Args:
            name: the attribute that will hold it. Without one, assign what is given back.
            shape: of the parameter.
            initializer: a name or a callable of (shape, dtype).
            regularizer: a penalty on the weight; see `losses`.
            constraint: applied to it after every update.
            trainable: False gives a weight that no optimiser moves.
            dtype: by default the layer's.
        """
        if isinstance(name, (tuple, list)):  # Keras 3 has the shape first
            name, shape = None, name
        make = initializers.get(initializer, self.who)
        values = make(tuple(shape), as_dtype(dtype) or self.dtype or torch.get_default_dtype())
        weight = torch.nn.Parameter(values, requires_grad=trainable)
        regularizer = regularizers.get(regularizer, self.who)
        constraint = constraints.get(constraint, self.who)
        if name is None and (regularizer is not None or constraint is not None):
            name = f"weight_{len(self._parameters)}"
        if name is not None:
            setattr(self, name, weight)
            self._regularizers |= {} if regularizer is None else {name: regularizer}
            self._constraints |= {} if constraint is None else {name: constraint}
        return weight

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of this layer and those inside: of weights, and of the last outputs.

        A penalty on outputs is summed over real steps and divided by the number of sequences, as
        Keras divides by the batch.
        """
        found: list[Tensor] = []
        for module in self.modules():
            if not isinstance(module, Layer):
                continue
            weights = module._regularizers.items()
            found += [penalty(getattr(module, name)) for name, penalty in weights]
            if module._activity is not None:
                found.append(module._activity)
        return found

    def _penalty_on(self, outputs: Any) -> Tensor:
        parts = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        assert self.activity_regularizer is not None
        return sum(
            (self.activity_regularizer(values_of(part)) / max(1, len(part)) for part in parts),
            start=torch.zeros((), device=values_of(parts[0]).device),
        )

    def constrained(self) -> list[tuple[torch.nn.Parameter, Any]]:
        """The weights, here and inside, that a constraint is applied to after every update."""
        return [
            (getattr(module, name), constraint)
            for module in self.modules()
            if isinstance(module, Layer)
            for name, constraint in module._constraints.items()
        ]

    def __getstate__(self) -> dict[str, Any]:
        # A penalty on the last batch holds that batch's graph, and the nodes hold a model's: no
        # part of the layer's state.
        return {**self.__dict__, "_activity": None, "_nodes": []}

    @property
    def input(self) -> Any:
        """The symbol that the layer was called with; a list where there are several."""
        symbols = self._node("input").symbols()
        return symbols[0] if len(symbols) == 1 else symbols

    @property
    def output(self) -> Any:
        """The symbol that comes out of the layer; a list where there are several."""
        symbols = self._node("output").outputs
        return symbols[0] if len(symbols) == 1 else list(symbols)

    def _node(self, what: str) -> Node:
        if len(self._nodes) != 1:
            raise AttributeError(
                f"{self.who}: there is no one {what}: the layer stands in a graph "
                f"{len(self._nodes)} times."
            )
        return self._nodes[0]

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
        """The weights as arrays, in Keras's order and shapes."""
        return [w.detach().cpu().numpy().copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Sets the weights from arrays in Keras's order and shapes.

        Raises:
            ValueError: their number or a shape does not fit; no weight has changed then.
        """
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(f"{self.who}: expected {len(mine)} weights, got {len(weights)}.")
        for i, (w, new) in enumerate(zip(mine, weights, strict=True)):
            if tuple(np.shape(new)) != tuple(w.shape):
                raise ValueError(
                    f"{self.who}: expected weight {i} as {tuple(w.shape)}, got {np.shape(new)}."
                )
        with torch.no_grad():
            for w, new in zip(mine, weights, strict=True):
                w.copy_(torch.as_tensor(np.asarray(new)))

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        return sum(w.numel() for w in self.parameters())

    def extra_repr(self) -> str:
        return "" if self.given_name is None else repr(self.given_name)


def _is_module(value: Any) -> bool:
    return isinstance(value, torch.nn.Module)


def _are_batches(inputs: Any) -> bool:
    kinds = (Ragged, Tensor, np.ndarray)
    return isinstance(inputs, (list, tuple)) and all(isinstance(x, kinds) for x in inputs)


class TokenWise(Layer):
    """A layer that treats each step alone: it runs on the values, and the layout stays."""

    takes = "one"
    one_level = False

    def output_spec(self, spec: Spec) -> Specs:
        return spec

    def on_values(self, values: Tensor) -> Tensor:
        """(steps, *feature) to (steps, *feature); the same on a dense batch."""
        raise NotImplementedError

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layer on every real step."""
        return lift(self.on_values, inputs)


def lift(function: Callable[[Tensor], Tensor], inputs: Ragged | Tensor) -> Ragged | Tensor:
    """A token-wise function on a Ragged's values, or on a dense tensor as it is."""
    if not isinstance(inputs, Ragged):
        return function(inputs)
    return inputs.map(function if inputs.levels == 1 else lambda inner: lift(function, inner))


def as_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Keras's names for types ("float32") and torch's own."""
    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype):
            raise ValueError(f"unknown dtype {dtype!r}; expected one of torch's, as 'float32'.")
        return found
    return dtype


def as_weights(dtype: torch.dtype) -> torch.dtype:
    """The type of what weights make of values of this type: integers become torch's default."""
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()


def snake_case(name: str) -> str:
    """Keras's default names: TimeDistributed gives time_distributed, LSTM lstm."""
    # A D after a digit belongs to it: conv1d.
    parts = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z0-9])(?=[A-Z][a-z])"
    return re.sub(parts, "_", name).lower()
