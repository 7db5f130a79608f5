"""The base of every layer: a torch module that is built from a spec and takes Ragged or tensors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Unpack, overload

import numpy as np
import torch
from torch import Tensor

from ..arguments import Precision
from ..configured import attributes_of, made_of
from ..ragged import Ragged
from ..ragged.numbers import HALF, as_values, to_tensor
from ..refusals import Refusing
from ..serialization import as_data
from ..weights import activations, regularizers
from . import older, precision
from .attributes import Attributes
from .backward_hooks import with_backward_hooks
from .calls import Keeps
from .grids import on_grids, without_mask
from .mode import mode
from .not_asked import NOT_ASKED
from .options import ToldOptions
from .passes import Pass, begun, ended, running
from .shapes import batch_in, is_shape, of_arguments, shapes_of_specs, specs_of_shapes, takes_shapes
from .spec import Spec, Specs, kind_of
from .structure import flat
from .symbol import Node, Symbol, draw, is_symbolic, specs_of
from .trial import build_inside, tried
from .written import Written, is_ours, written

_BATCHES = (Ragged, Tensor)
# So many kinds of calls are remembered of a layer: grids of ever new lengths are as many kinds.
_KINDS = 4096
# The methods that a layer's outputs come from.
_COMPUTES = {"forward", "call", "on_values"}


class Layer(Refusing, Attributes, refused=NOT_ASKED):
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
        dtype: of the weights and of what comes out: a type, or a policy, as "mixed_bfloat16"; by
            default the policy that `config.set_dtype_policy` has set, else torch's default.
        activity_regularizer: a penalty on what comes out; see `losses`.
        kwargs: older Keras's `input_shape` and its like, which tell a Sequential's input.

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
    #: Whether its inputs' steps are combined one to one, so that they must have equal lengths.
    pairs_steps: Any = False
    #: Whether sequences of sequences are more to it than it can take.
    one_level = True
    #: Whether it walks time: a size of its input that older Keras was told is that of a step.
    _in_time = False
    #: Whether tensors among its inputs are part of what it computes, not batches.
    keeps_constants = False
    #: Whether it is a model, whose `call` hands sequences on and never wants a grid.
    is_model = False
    #: The specs that it was built for.
    built_for: tuple[Any, ...] = ()
    # Whether its own `compute_output_shape` is being asked.
    _saying = False
    # How its class is written, and whether it is one of ours that needs to be told nothing.
    _written = Written()
    _plain = False
    #: Whether what it gives is found by trying it, which is done when it is built and not again.
    tried_once = True
    # Older Keras asked layers for these.
    input_mask, output_mask = older.input_mask, older.output_mask
    input_shape, output_shape = older.input_shape, older.output_shape

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Precision = None,
        activity_regularizer: Any = None,
        **kwargs: Unpack[ToldOptions],
    ) -> None:
        super().__init__()
        self.given_name = name
        self.name = name or snake_case(type(self).__name__)
        self._told_shape = older.shape_in(kwargs, self)
        self._frozen = set()
        self.trainable = trainable
        self.dtype = precision.policy_for(dtype)
        self.own_policy = dtype is not None
        self.activity_regularizer = regularizers.get(activity_regularizer, self.who)
        self.built = False
        # The kinds of calls that it has been asked about: see `_meet`.
        self._met: set[Any] = set()
        self._made_for: Any = None
        self._regularizers = {}
        self._constraints = {}
        self._made_with = {}
        self._notes, self._noted_in = [], None
        self._nodes: list[Node] = []
        # What it has been found to give: see `trial.tried`; of which outputs are sequences.
        self._outlines: dict[Any, Any] = {}
        self._keeps_steps: list[bool] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "output_spec" in own and "tried_once" not in own:
            cls.tried_once = False
        if "build" in own:
            cls.build = takes_shapes(own["build"])
        if "call" in own and "forward" not in own:
            # What is written last is what runs, under either name.
            cls.forward = Layer.forward
        elif "forward" in own and "call" not in own:
            cls.call = own["forward"]
        if _COMPUTES & own.keys() and not {"before_tail", "tail"} & own.keys():
            # The tail is that of what was overridden.
            setattr(cls, "tail", property(lambda self: None))  # noqa: B010
        cls._written = written(cls, Layer)
        told = cls._written.training or cls._written.grids
        cls._plain = is_ours(cls) and not told

    def arranged(self, outputs: list[Any]) -> Any:
        """Several outputs in the form in which a call gives them."""
        return list(outputs)

    # --- what a subclass says --------------------------------------------------------------------

    @takes_shapes
    def build(self, *specs: Any, **options: Any) -> None:
        """Makes the weights for inputs of these specs; asked with shapes, builds the layer."""

    def output_spec(self, *specs: Any, **options: Any) -> Specs:
        """What comes out for inputs of these specs.

        Raises:
            ValueError: the layer cannot take such inputs; the text says why and what to use.
        """
        out = tried(self, specs, options)
        if type(self).compute_output_shape is not Layer.compute_output_shape and not self._saying:
            self._check_shape_said(specs, out)
        return out

    def _check_shape_said(self, specs: tuple[Any, ...], out: Any) -> None:
        """A shape that a layer of one's own says is that of what it gives, or it is told."""
        self._saying = True  # which may ask what the layer gives
        try:
            shapes = [None if s is None else shapes_of_specs(s, None) for s in specs]
            # Keras lets it leave out the shapes of inputs that it does not need.
            takes = [*inspect.signature(self.compute_output_shape).parameters.values()]
            several = any(p.kind is p.VAR_POSITIONAL for p in takes)
            said = self.compute_output_shape(*(shapes if several else shapes[: len(takes)]))
        finally:
            self._saying = False
        gives = shapes_of_specs(out, None)
        if is_shape(said) and is_shape(gives):
            pairs = list(zip(said, gives, strict=False))[1:]
            if len(said) != len(gives) or any(None not in p and p[0] != p[1] for p in pairs):
                raise ValueError(
                    f"{self.who}: compute_output_shape says {tuple(said)}, but what it gives is "
                    f"{gives}."
                )

    def made_for(self, *specs: Any) -> Any:
        """The sizes of these inputs that the weights are made for, once the layer is built.

        Asked when it is built and of every input of another kind; the same must come out. By
        default nothing of a layer that refuses other sizes in its `output_spec`, and the last axis
        where a weight of the layer has its size.
        """
        first = specs[0] if specs else None
        if not self.tried_once or not isinstance(first, Spec) or not first.shape:
            return None
        last = first.shape[-1]
        if self._made_for is not None:
            return last
        own = (w for w in (*self._parameters.values(), *self._buffers.values()) if w is not None)
        return last if any(last in weight.shape for weight in own) else None

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Which slots of the output are steps, for a layer that is written for grids, as in Keras.

        Args:
            inputs: the grid (batch, time, ...) that `call` gets, or a list of them.
            mask: (batch, time) bool, True where a step is; None for a grid that has none.

        Returns:
            The mask of the output, by default that of the input; None where there is none.
        """
        return mask

    def open(self, inputs: Any) -> Any:
        """The real steps of the inputs, if this layer decides which are; else the inputs as given.

        Asked once for a whole data set, so that targets and weights can be laid on the same steps
        before training starts.
        """
        if self._written.masks and isinstance(inputs, Tensor):
            mask = self.compute_mask(inputs, None)
            if isinstance(mask, Tensor) and mask.shape == inputs.shape[:2]:
                return Ragged.from_padded(inputs, mask=mask.bool())
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

    def early(self, *inputs: Any, **options: Any) -> Any:
        """`before_tail` of inputs of any type, as a call takes them; in the weights' type."""
        return self.before_tail(*map(self._prepare, inputs), **options)

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
        with Pass():
            found = [self.early(inputs)] if any(cut) else self(inputs)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    @property
    def compute_dtype(self) -> torch.dtype:
        """Of what comes out."""
        return self.dtype_policy.compute

    @property
    def variable_dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.dtype_policy.variable

    @property
    def dtype_policy(self) -> precision.DTypePolicy:
        """The types of the weights and of what comes out; set before the weights are made."""
        return self.given_policy or precision.policy_of(torch.get_default_dtype())

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self.dtype = policy

    @property
    def supports_masking(self) -> bool:
        """True: the steps of a Ragged go through every layer that gives a Ragged."""
        return True

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        if value is False:
            raise ValueError(
                f"{self.who}: supports_masking=False would drop the steps; a layer keeps, reduces "
                "or refuses. To go on with a grid: x.to_padded()."
            )

    @property
    def input_dtype(self) -> torch.dtype:
        """Of the inputs that a shape stands for."""
        return self.dtype or torch.get_default_dtype()

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of what comes out, batch included, for inputs of these shapes."""
        kind = self.input_dtype
        if "input_shape" in named and not shapes:
            shapes = (named.pop("input_shape"),)
        named = of_arguments(named)
        out = self.spec_for(
            *[specs_of_shapes(s, kind) for s in shapes],
            **{name: specs_of_shapes(s, kind) for name, s in named.items()},
        )
        return shapes_of_specs(out, batch_in([*shapes, *named.values()][0]))

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """A symbol for what comes out of the layer for such symbols or batches; nothing is run."""
        known = {name: specs_of(value) for name, value in options.items()}
        out = self.spec_for(*map(specs_of, inputs), **known)
        return [Symbol(spec) for spec in out] if isinstance(out, list) else Symbol(out)

    # --- what it gets ----------------------------------------------------------------------------

    def ensure_built(self, *specs: Any, **options: Any) -> Any:
        """Builds the layer if it is not yet built, and gives its output's spec."""
        out = self.spec_for(*specs, **options)
        if not self.built:
            self._keeps_steps = [spec.ragged for spec in flat(out) if isinstance(spec, Spec)]
            self._make(specs, options)
            if [self._brought(spec) for spec in specs] != list(specs):
                # Now there are weights, into whose type inputs are brought.
                out = self.spec_for(*specs, **options)
        return out

    def _make(self, specs: Sequence[Any], options: dict[str, Any]) -> None:
        """Builds the layer, and those inside."""
        older.check_shape(self._told_shape, specs[0] if specs else None, self.who)
        # A weight that is made in inference mode could never be trained.
        with torch.inference_mode(False):
            of = {k: v for k, v in options.items() if isinstance(v, Spec)}
            if self._written.grids:
                of.pop("mask", None)  # no batch, and nothing that weights are made for
            self.build(*specs, **of)
            self.built, self.built_for = True, tuple(specs)
            self._made_for = self.made_for(*specs)
            if any(isinstance(m, Layer) and not m.built for m in self.modules()):
                build_inside(self, tuple(specs), options)
        if not self.trainable:
            self.trainable = False  # of what has been made since it was set

    def spec_for(self, *specs: Any, **options: Any) -> Any:
        """What comes out for inputs of these specs, asked of a layer that others hold.

        Raises:
            ValueError: the layer cannot take them; see `output_spec`.
        """
        self._refuse_other_sizes(specs)
        try:
            found = self.output_spec(*map(self._brought, specs), **options)
        except TypeError:
            self._refuse_other_arguments(specs, options)
            raise
        if self.half_type is None or self.is_model:  # a model gives what its layers give
            return found
        return precision.in_spec(found, self.half_type)

    def _brought(self, spec: Any) -> Any:
        """What `_prepare` makes of an input of floats, of its spec."""
        if type(spec) in (list, tuple):
            return type(spec)(map(self._brought, spec))
        if not isinstance(spec, Spec) or not spec.dtype.is_floating_point:
            return spec
        wanted = self._weights_dtype() if self.half_type is None else self._taken_in()
        return spec if wanted is None or wanted is spec.dtype else spec.with_dtype(wanted)

    def _refuse_other_arguments(self, specs: Sequence[Any], options: dict[str, Any]) -> None:
        try:
            inspect.signature(self.output_spec).bind(*specs, **options)
        except TypeError as error:
            names = ", ".join(inspect.signature(self.forward).parameters)
            raise TypeError(f"{self.who}: {error}. It is called as layer({names}).") from None

    def _refuse_other_sizes(self, specs: Sequence[Any]) -> None:
        self._refuse_levels(specs)
        if self._made_for is not None and self.made_for(*specs) != self._made_for:
            raise ValueError(
                f"{self.who}: built for {self._made_for} features, got "
                f"{', '.join(map(str, specs))}."
            )

    @overload
    def __call__(
        self, inputs: Symbol, /, *more: Any, training: bool | None = None, **options: Any
    ) -> Symbol: ...
    @overload
    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any: ...
    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            inputs: batches, as `forward` takes them: Ragged or tensors, or a list of them.
            training: overrides the mode for this call.
            options: further arguments of `forward`.
        """
        if training is not None and training != self.training:
            with mode(self, bool(training), self.who):
                return self(*inputs, **options)
        if self.half_type is not None or precision.any_autocast():
            return precision.called(self, self._call, inputs, options)
        alone = len(inputs) == 1 and not options
        if alone and self._plain and self.built and type(inputs[0]) in _BATCHES:
            # The usual call: the rest would find nothing to do.
            batch = inputs[0]
            if kind_of(batch) not in self._met:
                self._meet([self._as_batch(batch)], options)
            outermost = self.is_model and begun()
            if outermost and torch.compiler.is_compiling():
                self._forget_notes()
            try:
                return self._weighed(super().__call__(self._prepare(batch)))
            finally:
                if outermost:
                    ended()
        return self._call(inputs, options)

    def _call(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The call in general, in whatever type."""
        alone = len(inputs) == 1 and not options
        if "mask" in options and not self._written.mask:
            inputs, options = without_mask(self.who, inputs, options)
        if any(map(is_symbolic, (*inputs, *options.values()))):
            return draw(self, inputs, options)
        if inputs and inputs[0] is None:
            raise TypeError(f"{self.who}: expected a Ragged or a tensor, got None.")
        given = [self._as_batch(x) for x in inputs]
        kind = kind_of(given[0]) if alone else self._kind(given, options)
        if not self.built or kind not in self._met:
            self._meet(given, options)
        given = [self._prepare(x) for x in given]
        if self._plain and not self.is_model:
            return self._weighed(super().__call__(*given, **options))
        run: Any = super().__call__
        if self._backward_hooks or self._backward_pre_hooks:
            run = partial(with_backward_hooks, self, run)
        with Pass() as this:
            if this.outermost and torch.compiler.is_compiling():
                self._forget_notes()
            return self._weighed(self.computed(run, given, options))

    def register_full_backward_hook(self, hook: Any, prepend: bool = False) -> Any:
        """As torch's; of a Ragged the hook gets the gradient of its values."""
        self._plain = False  # from now on calls look for hooks
        return super().register_full_backward_hook(hook, prepend)

    def register_full_backward_pre_hook(self, hook: Any, prepend: bool = False) -> Any:
        """As torch's; of a Ragged the hook gets the gradient of its values."""
        self._plain = False
        return super().register_full_backward_pre_hook(hook, prepend)

    def computed(self, run: Callable[..., Any], inputs: Sequence[Any], options: Any) -> Any:
        """What `run` gives, told what the layer's `call` takes beside its inputs.

        The mode for one that takes `training`: what the caller of this layer said, else what the
        outer layer's caller did, else the mode. One that takes `mask`, or has a `compute_mask`, is
        written for grids: it gets grids and masks, and its grids are taken back onto the layout.

        Args:
            run: `forward`, or what calls it.
            inputs: of the layer.
            options: further arguments.
        """
        if self._written.training and "training" not in options:
            options = {**options, "training": self.training}
        if not self._written.grids:
            if self._written.mask and "mask" not in options:
                options = {**options, "mask": None}
            return run(*inputs, **options)
        return on_grids(self, run, inputs, options)

    @staticmethod
    def _kind(inputs: Sequence[Any], options: dict[str, Any]) -> Any:
        return kind_of(inputs[0] if len(inputs) == 1 and not options else (*inputs, options))

    def _meet(self, inputs: Sequence[Any], options: dict[str, Any]) -> None:
        """Asks the spec about a call of a new kind, and remembers that it was asked.

        So what a layer refuses when it is built it refuses ever after, for the cost of a look-up.
        """
        if is_ours(type(self)):
            for value in flat(list(inputs)):
                self._check_form(value)
        specs = [specs_of(x, self.built) for x in inputs]
        more = {name: specs_of(value, self.built) for name, value in options.items()}
        if not self.built and self.tried_once and running() is not None:
            # Within another layer it need not give a row for each that it takes.
            self._make(specs, more)
        elif not self.built:
            self.ensure_built(*specs, **more)
        elif self.tried_once:
            self._refuse_other_sizes(specs)
        else:
            self.spec_for(*specs, **more)
        if len(self._met) >= _KINDS:
            self._met.clear()
        self._met.add(self._kind(inputs, options))

    def _check_form(self, value: Any) -> None:
        """Sparse and the like: a layer of one's own may compute with it, ours cannot."""
        if isinstance(value, Tensor) and (
            value.is_nested or value.layout is not torch.strided or value.is_quantized
        ):
            as_values(value, self.who)

    def _weighed(self, outputs: Any) -> Any:
        """The outputs, with the penalty on them noted."""
        if self.activity_regularizer is not None:
            self._note_activity(outputs)
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
                    f"On each inner sequence: TimeDistributed({type(self).__name__}(...)); over "
                    "all steps of an outer one: x.merge_levels()."
                )

    @property
    def is_door(self) -> bool:
        """Whether the layer decides which steps of a dense batch are real."""
        return type(self).open is not Layer.open or self._written.masks

    def _as_batch(self, inputs: Any) -> Any:
        if isinstance(inputs, (Ragged, Tensor)):
            if self.takes == "several":
                raise ValueError(f"{self.who}: expected a list of inputs, got one.")
            return inputs
        if isinstance(inputs, np.ndarray):
            return self._as_batch(self._from_array(inputs))
        if _are_batches(inputs):
            if self.takes == "one":
                raise ValueError(
                    f"{self.who}: expected one input, got a list of {len(inputs)}. Join them "
                    "first, as Concatenate()([a, b]); sequences of different lengths are one "
                    "input: Ragged.from_list(...)."
                )
            return [self._from_array(x) if isinstance(x, np.ndarray) else x for x in inputs]
        if inputs is None:
            return None
        raise TypeError(
            f"{self.who}: expected a Ragged or a tensor, got {type(inputs).__name__}. "
            "Sequences of different lengths: Ragged.from_list(...)."
        )

    def _from_array(self, array: np.ndarray) -> Ragged | Tensor:
        """An array as a batch; floats of any width in the type of the weights."""
        if isinstance(array, np.ma.MaskedArray) and array.ndim > 1 and np.ma.is_masked(array):
            batch: Ragged | Tensor = Ragged.from_padded(array)
        else:
            batch = to_tensor(array, self.who)
        if not batch.dtype.is_floating_point:
            return batch
        floats = (w.dtype for w in self.parameters() if w.is_floating_point())
        return batch.to(dtype=self.dtype or next(floats, torch.get_default_dtype()))

    def _prepare(self, inputs: Any) -> Any:
        """The inputs in the type of the weights, and whatever else `forward` relies on."""
        if isinstance(inputs, list):
            return [self._prepare(x) for x in inputs]
        wanted = self._weights_dtype() if self.half_type is None else self._taken_in()
        if wanted is None or inputs is None or inputs.dtype is wanted:
            return inputs
        if not (inputs.dtype.is_floating_point or inputs.dtype.is_complex):
            if self.is_model and not self._parameters:
                return inputs  # whether they are ids or numbers, its layers know
            if wanted in HALF and not is_ours(type(self)):
                wanted = torch.float32  # bfloat16 has no 257
        if inputs.dtype.is_complex and not wanted.is_complex:
            raise ValueError(
                f"{self.who}: got complex numbers, but its weights are {wanted}. Give both parts "
                "as features: torch.view_as_real(x)."
            )
        return inputs.to(dtype=wanted)

    def _taken_in(self) -> torch.dtype | None:
        """The type that a half policy's inputs are brought into: ours compute in the weights'."""
        ours = self.is_model or is_ours(type(self))
        return self._weights_dtype() if ours else self.half_type

    def _weights_dtype(self) -> torch.dtype | None:
        # Of weights of its own only: what a wrapper holds casts for itself. (A walk through all
        # modules' parameters took 0.1 ms of a small model's step.)
        for weight in self._parameters.values():
            if weight is not None and weight.dtype.is_floating_point:
                return weight.dtype
        return self.dtype

    @property
    def who(self) -> str:
        """How the layer is called in an error: its class, and its name where one was given."""
        return type(self).__name__ + (f" {self.given_name!r}" if self.given_name else "")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; `from_config` makes a fresh layer of them."""
        base = ("name", "trainable", "dtype", "activity_regularizer")
        arguments = [*inspect.signature(type(self).__init__).parameters.values()][1:]
        # Whatever `*args` and `**kwargs` are called, they are no arguments of their own.
        handed_on = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        names = [a.name for a in arguments if a.name not in base and a.kind not in handed_on]
        dtype = precision.written(self.given_policy)
        config = {"name": self.given_name, "trainable": self.trainable, "dtype": dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = self.activity_regularizer
        return as_data(config | attributes_of(self, names))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A fresh, unbuilt layer from `get_config`'s arguments.

        Raises:
            ValueError: one of them is no argument, or not what it may be.
        """
        return made_of(cls, config)

    def __getstate__(self) -> dict[str, Any]:
        # A penalty on the last batch holds that batch's graph, and the nodes hold a model's: no
        # part of the layer's state.
        fresh = {"_notes": [], "_noted_in": None, "_nodes": [], "_met": set(), "_outlines": {}}
        return {**self.__dict__, **fresh}

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

    def extra_repr(self) -> str:
        return "" if self.given_name is None else repr(self.given_name)


def _are_batches(inputs: Any) -> bool:
    kinds = (Ragged, Tensor, np.ndarray)
    several = isinstance(inputs, (list, tuple))
    # None stands for an optional input that is not there.
    return (
        several
        and (not inputs or any(isinstance(x, kinds) for x in inputs))
        and all(x is None or isinstance(x, kinds) for x in inputs)
    )


class TokenWise(Keeps, Layer):
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


def as_weights(dtype: torch.dtype) -> torch.dtype:
    """The type of what weights make of values of this type: integers become torch's default."""
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()


def snake_case(name: str) -> str:
    """Keras's default names: TimeDistributed gives time_distributed, LSTM lstm."""
    # A D after a digit belongs to it: conv1d.
    parts = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z0-9])(?=[A-Z][a-z])"
    return re.sub(parts, "_", name).lower()
