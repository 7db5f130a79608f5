"""Model: a layer that is trained; drawn from symbols, or a class with a forward of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

import torch

from ..core.mode import mode
from ..core.options import WithoutName
from ..core.precision import hand_down
from ..core.spec import spec_of
from ..core.trial import ones_like, remembered
from ..errors import refuse
from ..layers import Layer, Spec
from ..ragged import Layout
from ..serialization import custom_object_scope, serialize
from .hub import OnHub
from .not_asked import NOT_ASKED
from .summary import Asked, of_children, summary, table_of
from .trace import Trace, trace
from .trained import Trained

_ENDS = ("inputs", "outputs", "input", "output")


class Model(OnHub, Trained, refused=NOT_ASKED):
    """A model: `Model(inputs, outputs)` of a graph, or a class of one's own.

    A class makes its layers in `__init__` and computes in `forward(self, inputs)` (or Keras's
    `call`), which gets Ragged or tensors. It is built by a trial on ones when it first sees data,
    and a layer that cannot keep the sequences' structure is refused there.

    Args:
        inputs: a symbol, a list or a dict of them: see `Functional`.
        outputs: likewise.
        name: shown in summaries.
        dtype: the policy of the layers inside that were given none of their own.

    Example:
        >>> import unpad as keras
        >>> class Tagger(keras.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.words = keras.layers.Embedding(10, 4, mask_zero=True)
        ...         self.tags = keras.layers.Dense(3)
        ...     def forward(self, ids):
        ...         return self.tags(self.words(ids) * 2)
        >>> Tagger()(torch.tensor([[3, 5, 0]])).lengths
        tensor([2])
    """

    one_level = False
    #: The model that is drawn from symbols; it makes itself known where it is defined.
    drawn: ClassVar[Any]

    if TYPE_CHECKING:

        def __init__(
            self,
            inputs: Any = None,
            outputs: Any = None,
            name: str | None = None,
            *,
            input: Any = None,
            output: Any = None,
            **kwargs: Unpack[WithoutName],
        ) -> None: ...
        def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any: ...

    else:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            """A class of one's own may be a graph too: `super().__init__(inputs=x, outputs=y)`."""
            drawn = Model.drawn
            if isinstance(self, drawn) or not (args or {*_ENDS} & kwargs.keys()):
                super().__init__(*args, **kwargs)
                return
            self.__class__ = drawn.kind_of(type(self))
            drawn.__init__(self, *args, **kwargs)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model:
            if not args and not {"inputs", "input"} & kwargs.keys():
                raise TypeError(
                    "Model: expected inputs and outputs, as Model(inputs=x, outputs=y), or a class "
                    "of your own with a forward."
                )
            return super().__new__(cls.drawn)  # pyright: ignore[reportArgumentType]
        return super().__new__(cls, *args, **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A fresh model from `get_config`'s arguments; of the data of a graph, the graph.

        Args:
            config: the arguments by name.
            custom_objects: classes and functions of one's own, by name.
        """
        if custom_objects is not None:
            with custom_object_scope(custom_objects):
                return cls.from_config(config)
        graph = isinstance(config, dict) and "layers" in config
        if graph and (cls is Model or "input_layers" in config):
            drawn: Any = Model.drawn
            return (drawn if cls is Model else drawn.kind_of(cls)).from_config(config)
        return super().from_config(config)

    @property
    def dtype(self) -> torch.dtype | None:
        """Of the weights; None is torch's default. Set, it is that of the layers given none."""
        return None if self.given_policy is None else self.given_policy.variable

    @dtype.setter
    def dtype(self, value: Any) -> None:
        super(Model, type(self)).dtype.fset(self, value)  # pyright: ignore
        if "built" in self.__dict__:
            hand_down(self.given_policy, self)

    def ensure_built(self, *specs: Any, **options: Any) -> Any:
        if self.own_policy and not self.built:
            hand_down(self.given_policy, self)  # a class of one's own has made its layers by now
        return super().ensure_built(*specs, **options)

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model is made of, in the order in which they were added."""
        found: list[Layer] = []
        waiting = [*self.children()]
        while waiting:
            module = waiting.pop(0)
            if isinstance(module, Layer):
                found.append(module)
            elif isinstance(module, (torch.nn.ModuleList, torch.nn.ModuleDict)):
                waiting = [*module.children(), *waiting]
        return found

    def open_inputs(self, inputs: list[Any]) -> list[tuple[Any, Any]]:
        """The input as it is, and its real steps where a layer inside decides which they are."""
        door = self._door_for(inputs[0]) if len(inputs) == 1 else None
        return [(x, x if door is None else door.open(x)) for x in inputs]

    def check_inputs(self, inputs: list[Any]) -> None:
        door = self._door_for(inputs[0]) if len(inputs) == 1 else None
        if door is not None:
            door.check(inputs[0])

    def _door_for(self, inputs: Any) -> Layer | None:
        """The layer that is given the model's input and decides which of it are steps."""
        spec = spec_of(inputs)
        if spec.ragged or not any(
            isinstance(m, Layer) and m.is_door for m in self.modules() if m is not self
        ):
            return None
        self.ensure_built(spec)
        known, key = remembered(self), ("door", len(spec), spec.dtype)
        if key not in known:
            known[key] = self._found_door(spec)
        return known[key]

    def _found_door(self, spec: Spec) -> Layer | None:
        found = []
        time = spec.shape[0] if spec.shape and spec.shape[0] is not None else 3
        trial = ones_like(Spec(spec.shape, False, spec.dtype), Layout.full(2, time))

        def note(module: Any, args: Any) -> None:
            if args and args[0] is trial:
                found.append(module)

        inside = [m for m in self.modules() if m is not self]
        doors = [m for m in inside if isinstance(m, Layer) and m.is_door]
        hooks = [m.register_forward_pre_hook(note) for m in doors]
        try:
            with mode(self, False, self.who), torch.no_grad():
                self(trial)
        finally:
            for hook in hooks:
                hook.remove()
        return found[0] if found else None

    def _register(self, layer: Layer) -> str:
        """Puts a layer into the model under a name of its own, and gives that of the attribute."""
        names = {other.name for other in self.children() if isinstance(other, Layer)}
        name = base = layer.given_name or layer.name
        if layer.given_name is not None and (name in names or "." in name or not name):
            raise ValueError(f"{self.who}: the name {name!r} is taken; give the layer another.")
        count = 0
        while name in names:
            count += 1
            name = f"{base}_{count}"
        if layer.given_name is None:
            layer.name = name
        if any(module is self for module in layer.modules()):
            raise ValueError(f"{self.who}: a model cannot stand in itself.")
        if not self.trainable:
            layer.trainable = False
        if self.own_policy:
            hand_down(self.given_policy, layer)
        # A layer may be called "output", as the model's own attribute is.
        attribute = name
        while hasattr(type(self), attribute) or attribute in self.__dict__:
            attribute += "_"
        self.add_module(attribute, layer)
        return attribute

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or place.

        Args:
            name: of the layer.
            index: its place among `layers`, where no name is given.

        Raises:
            ValueError: there is none; the text names those there are.
        """
        layers = self.layers
        if index is not None and index < len(layers):
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in layers)
        raise ValueError(
            f"{self.who}: there is no layer {name if index is None else index!r}. Known are: "
            f"{known}."
        )

    def to_json(self, **options: Any) -> str:
        """The model without its weights as text, which `model_from_json` makes the same of.

        Args:
            options: of `json.dumps`, as indent=2.

        Raises:
            TypeError: a part of it cannot be written: a lambda, a torch module. The text says
                which, and the way out.
        """
        return json.dumps(serialize(self), **options)

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints each layer: what comes out, its weights, and what it does with the sequences.

        `steps*` is an axis of real steps; `keeps`, `reduces` and `opens` say what becomes of it.
        Of a model that is not built yet there are the layers alone.

        Args:
            line_length: letters of a line at most.
            positions: not supported: columns are as wide as what stands in them.
            print_fn: takes the text instead of the screen.
            expand_nested: whether the layers of models within stand below them.
            show_trainable: whether a column says which layers are trained.
            layer_range: the names, or patterns of names, of the first and the last layer shown.

        Raises:
            ValueError: no layer is called so.
        """
        refuse(f"{self.who}.summary", positions=positions)
        asked = Asked(line_length, expand_nested, show_trainable, layer_range)
        summary(self, table_of(self, asked), print_fn, asked)

    def trace(self, x: Any, sequences: int = 8) -> Trace:
        """Runs the model on the first sequences and says for each layer which steps are in and out.

        The answer prints as text and draws itself: `model.trace(x).plot("trace.png")`. Shows what
        became of padding: which slots the door dropped, who keeps the rest, changes the lengths or
        makes one row of each sequence.

        Args:
            x: as in `predict`.
            sequences: how many are traced, from the first on.

        Raises:
            ValueError: the data do not fit the model.

        Example:
            >>> import unpad as keras
            >>> model = keras.Sequential([
            ...     keras.layers.Embedding(10, 4, mask_zero=True),
            ...     keras.layers.LSTM(8),
            ... ])
            >>> model.trace(np.array([[3, 5, 0], [7, 0, 0]]))
            sequential, 2 sequences: # a step that is in, . a slot out
            input: (2, 3), a grid
              0  ###  3
              1  ###  3
            embedding: (2, steps*, 4), opens: 3 of 6 slots are no steps
              0  ##.  2
              1  #..  1
            lstm: (2, 8), reduces: one row a sequence
        """
        return trace(self, x, sequences)

    def _table(self) -> Any:
        return of_children(self)
