"""The base of every layer: a torch module that is built from a spec and takes Ragged or tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Self, Unpack, overload

import torch
from torch import Tensor

from ..arguments import Precision
from ..configured import attributes_of, made_of, plain_arguments
from ..ragged import Ragged
from ..refusals import Refusing
from ..serialization import as_data
from ..weights import regularizers
from . import older, precision, rounding
from .backward_hooks import with_backward_hooks
from .grids import on_grids, without_mask
from .mode import mode
from .naming import snake_case
from .not_asked import NOT_ASKED
from .options import ToldOptions
from .passes import Pass, begun, ended, running
from .shapes import takes_shapes
from .spec import kind_of
from .stored import Stored
from .structure import flat
from .symbol import Node, Symbol, draw, is_symbolic, specs_of
from .tails import Tailed
from .written import is_ours, written

_BATCHES = (Ragged, Tensor)
# So many kinds of calls are remembered of a layer: grids of ever new lengths are as many kinds.
_KINDS = 4096
# The methods that a layer's outputs come from.
_COMPUTES = {"forward", "call", "on_values"}


class Layer(Refusing, Stored, Tailed, refused=NOT_ASKED):
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

    #: Whether its inputs' steps are combined one to one, so that they must have equal lengths.
    pairs_steps: Any = False
    #: Whether it walks time: a size of its input that older Keras was told is that of a step.
    _in_time = False
    #: Whether tensors among its inputs are part of what it computes, not batches.
    keeps_constants = False
    # Whether its class is one of ours that needs to be told nothing.
    _plain = False
    # Older Keras asked layers for these.
    input_mask, output_mask = older.input_mask, older.output_mask
    input_shape, output_shape = older.input_shape, older.output_shape

    #: What the constructor of a class of one's own was given, where that was plain data.
    _given: Mapping[str, Any] = MappingProxyType({})

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """As any object; of a class of one's own it is noted what its constructor is given."""
        made = super().__new__(cls)
        if not is_ours(cls):
            vars(made)["_given"] = plain_arguments(cls, args, kwargs)
        return made

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
        for attribute, layer in vars(self).pop("_set_before", {}).items():
            setattr(self, attribute, layer)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "output_spec" in own and "tried_once" not in own:
            cls.tried_once = False
        if "build" in own:
            cls.build = takes_shapes(own["build"])
        if "call" in own and "forward" not in own:
            # `call` is what this class has written, so the parent's `forward` must not run.
            cls.forward = Layer.forward
        elif "forward" in own and "call" not in own:
            cls.call = own["forward"]
        if _COMPUTES & own.keys() and not {"before_tail", "tail"} & own.keys():
            # The parent's tail belongs to the parent's outputs, which these are not.
            setattr(cls, "tail", property(lambda self: None))  # noqa: B010
        cls._written = written(cls, Layer)
        told = cls._written.training or cls._written.grids
        cls._plain = is_ours(cls) and not told

    def arranged(self, outputs: list[Any]) -> Any:
        """Several outputs in the form in which a call gives them.

        Args:
            outputs: one for each output.
        """
        return list(outputs)

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

        Args:
            inputs: a batch, or a list of them.
        """
        if self._written.masks and isinstance(inputs, Tensor):
            mask = self.compute_mask(inputs, None)
            if isinstance(mask, Tensor) and mask.shape == inputs.shape[:2]:
                return Ragged.from_padded(inputs, mask=mask.bool())
        return inputs

    def check(self, inputs: Any) -> None:
        """Raises a ValueError for values that the layer cannot take, naming the first.

        Args:
            inputs: a batch, or a list of them.
        """

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
    def is_door(self) -> bool:
        """Whether the layer decides which steps of a dense batch are real."""
        return type(self).open is not Layer.open or self._written.masks

    # --- a call ---------------------------------------------------------------------------------

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
        typed = self.half_type is not None or rounding.any_autocast()
        if typed and not rounding.goes_on(self):
            return rounding.called(self, self._call, inputs, options)
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
            # Called by another layer it may give anything, so it is not tried on ones of its own:
            # what it calls itself is built when it does.
            self._make(specs, more, inside=False)
        elif not self.built:
            self.ensure_built(*specs, **more)
        elif self.tried_once:
            self._refuse_other_sizes(specs)
        else:
            self.spec_for(*specs, **more)
        if len(self._met) >= _KINDS:
            self._met.clear()
        self._met.add(self._kind(inputs, options))

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

    # --- what it is made of, and where it stands ------------------------------------------------

    @property
    def who(self) -> str:
        """How the layer is called in an error: its class, and its name where one was given."""
        return type(self).__name__ + (f" {self.given_name!r}" if self.given_name else "")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; `from_config` makes a fresh layer of them."""
        base = ("name", "trainable", "dtype", "activity_regularizer")
        arguments = [*inspect.signature(type(self).__init__).parameters.values()][1:]
        # `*args` and `**kwargs` hold what is handed on to the parent.
        handed_on = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        names = [a.name for a in arguments if a.name not in base and a.kind not in handed_on]
        dtype = precision.written(self.given_policy)
        config = {"name": self.given_name, "trainable": self.trainable, "dtype": dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = self.activity_regularizer
        # As Keras, which keeps what it was given: a constructor may make of it something else.
        noted = {n: self._given[n] for n in names if n in self._given and not hasattr(self, n)}
        return as_data(config | noted | attributes_of(self, [n for n in names if n not in noted]))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A fresh, unbuilt layer from `get_config`'s arguments.

        Args:
            config: the arguments by name, as data.

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
