"""Functional: a model drawn as a graph, from symbols to symbols."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, Unpack

import torch
from torch import Tensor

from .. import tree
from ..arguments import wrong
from ..core.operation import Operation
from ..core.options import WithoutName
from ..core.passes import Pass
from ..core.rounding import handed_on
from ..core.structure import arranged, flat, in_order, named_leaves
from ..core.symbol import Symbol
from ..core.tails import Tailed
from ..data.arrange import by_name
from ..layers import Input, InputLayer, Layer, Spec
from ..spellings import depth_of_caller, renamed
from .drawing import as_end, redrawn, written
from .graph import Call, Wire, read
from .model import Model
from .summary import Row, row_of


class Functional(Model):
    """The graph between input symbols and output symbols, which `Model(inputs, outputs)` makes.

    Every layer was checked against what it will get when it was drawn. A layer that is called
    several times is shared: its weights are one. The model is itself a layer: called on symbols it
    becomes part of a larger graph.

    Args:
        inputs: a symbol, or lists, tuples and dicts of them, in one another.
        outputs: likewise; what the model gives has the same form, but for a list of one: the one.
        name: shown in summaries.

    Raises:
        ValueError: the graph is not connected, or a name is used twice.

    Example:
        >>> import unpad as keras
        >>> words = keras.Input((None,), name="words")
        >>> h = keras.layers.Embedding(10, 4, mask_zero=True)(words)
        >>> model = keras.Model(words, keras.layers.LSTM(8)(h * 2 + 1))
        >>> model(torch.tensor([[3, 5, 0]])).shape
        torch.Size([1, 8])
    """

    is_drawn = True
    is_graph = True

    @renamed(input="inputs", output="outputs")
    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        sources = _symbols(inputs, "inputs", self.who)
        ends = _symbols(outputs, "outputs", self.who)
        #: How inputs and outputs lie in one another: trees around their places.
        self.input_form = arranged(iter(range(len(sources))), inputs)
        self.output_form = arranged(iter(range(len(ends))), outputs)
        self._names: dict[int, str] = {}
        self._graph = read(sources, ends, self._name_of, self._constant, self.who)
        modules = self._modules
        order = self._graph.in_keras_order(tree.flatten(self.output_form))
        self._modules = {name: modules[name] for name in order if isinstance(name, str)}
        self._order = order
        self._input_layers: list[InputLayer] | None = None
        self._entries = [s if isinstance(s, Input) else Input.like(s) for s in sources]
        self._roots = [s.spec for s in sources]
        self._ends: tuple[list[Symbol], list[Symbol]] | None = (sources, ends)
        names = named_leaves(self.input_form, _names_of(sources))
        self.input_names: list[str] = _distinct(names, "input", self.who)
        self.one_input = len(self.input_names) == 1
        self.output_names: list[str] = self._names_of_outputs()
        self.built = True
        if not self.trainable:
            self.trainable = False

    @staticmethod
    def kind_of(kind: type[Model]) -> type[Model]:
        """A class of one's own whose model is a graph: the same class, and Functional behind it."""
        if "_as_graph" not in vars(kind):
            body = {
                "__doc__": kind.__doc__,
                "__module__": kind.__module__,
                "__qualname__": kind.__qualname__,
                "__reduce__": lambda self: (_bare, (kind,), self.__getstate__()),
            }
            own = [vars(c) for c in kind.__mro__[: kind.__mro__.index(Model)]]
            if any({"call", "forward"} & names.keys() for names in own):
                raise ValueError(
                    f"{kind.__name__}: has a call of its own, and inputs and outputs, which say "
                    "what it computes too. Leave one of them out."
                )
            kind._as_graph = type(kind.__name__, (kind, Functional), body)  # pyright: ignore
        return kind._as_graph  # pyright: ignore

    # --- what the graph holds --------------------------------------------------------------------

    def _name_of(self, layer: Layer) -> str:
        if id(layer) in self._names:
            return self._names[id(layer)]
        self._names[id(layer)] = self._register(layer)
        return self._names[id(layer)]

    def _constant(self, value: Tensor) -> str:
        if isinstance(value, torch.nn.Parameter):
            raise ValueError(
                f"{self.who}: a layer is called with a weight that no layer holds, so that it "
                "would not be trained. Write a Layer that makes it with add_weight."
            )
        if value.requires_grad:
            warnings.warn(
                f"{self.who}: a layer is called with a tensor {tuple(value.shape)} that was "
                "computed from weights: it stays as it is, and they are not trained by it. Call "
                "the layer that gave it on a symbol.",
                stacklevel=depth_of_caller(),
            )
        name = f"constant_{len(self._buffers)}"
        self.register_buffer(name, value.detach(), persistent=False)
        return name

    def _names_of_outputs(self) -> list[str]:
        calls = [self._graph.last_call(wire) for wire in self._graph.outputs]
        names = [self.input_names[0] if c is None else self._part(c.layer).name for c in calls]
        counted = [
            f"{n}_{names[:i].count(n)}" if n in names[:i] else n for i, n in enumerate(names)
        ]
        return _distinct(named_leaves(self.output_form, iter(counted)), "output", self.who)

    def __getstate__(self) -> dict[str, Any]:
        # Layers are told apart by where they lie in memory, symbols hold them by reference.
        gone = {"_names": {}, "_ends": None, "_input_layers": None}
        return {**super().__getstate__(), **gone}

    @property
    def layers(self) -> list[Layer]:
        """The layers in Keras's order, an InputLayer for each input; arithmetic is left out."""
        if self._input_layers is None:
            named = zip(self.inputs, self.input_names, strict=True)
            self._input_layers = [InputLayer(input_tensor=s, name=str(n)) for s, n in named]
        drawn = [
            self._input_layers[n] if isinstance(n, int) else self._part(n) for n in self._order
        ]
        later = [m for name, m in self._modules.items() if name not in self._order]
        found = [m for m in (*drawn, *later) if isinstance(m, Layer)]
        return [layer for layer in found if not isinstance(layer, Operation)]

    @property
    def inputs(self) -> list[Symbol]:
        """The symbols that the graph begins with."""
        return self._symbols()[0]

    @property
    def outputs(self) -> list[Symbol]:
        """The symbols that the graph ends in."""
        return self._symbols()[1]

    @property
    def input(self) -> Any:
        """The symbol that the graph begins with; a list where there are several."""
        one = len(self.inputs) == 1 and not isinstance(self.input_form, dict)
        return self.inputs[0] if one else arranged(iter(self.inputs), self.input_form)

    @property
    def output(self) -> Any:
        """The symbol that the graph ends in; a list where there are several."""
        return self.arranged(self.outputs)

    def _symbols(self) -> tuple[list[Symbol], list[Symbol]]:
        if self._ends is None:
            self._ends = self._redrawn(lambda layer: layer)
        return self._ends

    def _redrawn(
        self, layer_for: Any, inputs: list[Symbol] | None = None, call: Any = None
    ) -> tuple[list[Symbol], list[Symbol]]:
        """The graph drawn again, with these layers, from these symbols, called in this way."""
        sources = inputs or [entry.again() for entry in self._entries]
        used: dict[str, Any] = {}

        def called(name: str) -> Any:
            value = self._part(name)
            if not isinstance(value, Layer):
                return value
            if name not in used:
                used[name] = layer_for(value)
            if call is None or isinstance(value, Operation):
                return used[name]
            return partial(call, used[name])

        held = self._graph.run(called, sources)
        return list(sources), [held[wire] for wire in self._graph.outputs]

    def readers(self, place: int) -> list[Layer]:
        """The layers that read an input.

        Args:
            place: of the input.
        """
        return [self._part(call.layer) for call in self._graph.readers(place)]

    def arranged(self, outputs: list[Any]) -> Any:
        form = self.output_form
        alone = isinstance(form, (list, tuple)) and len(form) == 1
        return arranged(iter(outputs), form[0] if alone else form)

    def with_layers(
        self,
        layer_for: Callable[[Layer], Layer],
        inputs: Any = None,
        call: Callable[..., Any] | None = None,
    ) -> Functional:
        """The same graph of other layers, one for each; arithmetic stays.

        Args:
            layer_for: gives the layer that stands for one.
            inputs: symbols in the place of its inputs, in their form.
            call: of a layer and its arguments, instead of the layer's call.

        Raises:
            ValueError: the symbols are not in the form of its inputs.
        """
        given = None
        if inputs is not None:
            given = in_order(inputs, self.input_form)
            if given is None or not all(isinstance(s, Symbol) for s in given):
                raise wrong(self.who, "input_tensors", "symbols in the form of its inputs", inputs)
        fresh = self._redrawn(
            lambda x: x if isinstance(x, Operation) else layer_for(x), given, call
        )
        forms = (self.input_form, self.output_form)
        inputs, outputs = (arranged(iter(s), f) for s, f in zip(fresh, forms, strict=True))
        return Functional(inputs=inputs, outputs=outputs, name=self.given_name)

    def get_config(self) -> dict[str, Any]:
        if "inputs" not in inspect.signature(type(self).__init__).parameters:
            return Layer.get_config(self)  # of a class that draws its graph itself
        names = self.input_names
        entries = [(name, entry) for name, entry in zip(names, self._entries, strict=True)]
        layers, places = written(self._graph, entries, self._part, self.specs())
        ends = [as_end(places[wire], self._modules.get) for wire in self._graph.outputs]
        return {
            "name": self.given_name,
            "trainable": self.trainable,
            "layers": layers,
            "input_layers": arranged(iter(places), self.input_form),
            "output_layers": arranged(iter(ends), self.output_form),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model that the data of a graph describe, with fresh layers.

        Args:
            config: the data.
            custom_objects: classes and functions of one's own, by name.

        Raises:
            ValueError: the data do not make up a graph; the text says where.
        """
        if "layers" not in config or custom_objects is not None:
            return super().from_config(config, custom_objects)
        inputs, outputs = redrawn(config, cls.__name__)
        own = {name: config[name] for name in ("name", "trainable") if config.get(name) is not None}
        return cls(inputs=inputs, outputs=outputs, **own)

    # --- the layer that a model is ---------------------------------------------------------------

    def specs(self, *specs: Any) -> list[Any]:
        """What is on every wire of the graph: the inputs first, then what each call gives."""
        given = flat(specs) or self._roots
        self._check_count(given)
        for entry, spec in zip(self._entries, given, strict=True):
            entry.check_spec(spec)

        def asked(name: str) -> Any:
            value = self._part(name)
            return value.spec_for if isinstance(value, Layer) else value

        return self._graph.run(asked, given)

    def output_spec(self, *specs: Any) -> Any:
        held = self.specs(*specs)
        ends = [held[wire] for wire in self._graph.outputs]
        return ends[0] if len(ends) == 1 else ends

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Runs the model on its inputs: one, a list, a tuple of arguments, or as it was drawn."""
        if len(self._entries) == 1 and not isinstance(inputs[0], dict):
            inputs = tuple(self.with_texts(list(inputs)))
        if len(inputs) == 1 and isinstance(inputs[0], (dict, list, tuple)):
            form = self.input_form
            if not isinstance(form, (dict, list, tuple)):
                form = [form] if len(inputs[0]) == 1 else {}  # [x] for x
            found = in_order(inputs[0], form) if form else None
            if found is None and isinstance(inputs[0], dict):
                found = by_name(inputs[0], self.input_names, self.who, "input")
            found = None if found is None else self.with_texts(found)
            inputs = inputs if found is None else (found if len(found) > 1 else found[0],)
        return super().__call__(*inputs, **options)

    @property
    def entries(self) -> list[Any]:
        return self._entries

    def forward(self, *inputs: Any) -> Any:
        """The graph's outputs, in the form in which they were given to `Model`."""
        return self.arranged(self.outputs_of(list(inputs), [False] * len(self._graph.outputs)))

    def in_form_of_outputs(self, parts: list[Any]) -> Any:
        return self.arranged(parts)

    def outputs_of(self, inputs: Any, cut: Sequence[bool]) -> list[Any]:
        with Pass():
            return self._outputs_of(inputs, cut)

    def _outputs_of(self, inputs: Any, cut: Sequence[bool]) -> list[Any]:
        values = flat(inputs)
        self._check_count(values)
        graph, ends = self._graph, self._graph.outputs
        if not any(cut):
            held = graph.run(self._part, values, self._called)
            return [held[wire] for wire in ends]
        cut_at = {wire for wire, before in zip(ends, cut, strict=True) if before}
        held: list[Any] = [*values, *[None] * (graph.wires - len(values))]
        early: dict[int, Any] = {}
        for call in graph.calls:
            arguments, options = graph.arguments(call, held, self._part)
            spared = not cut_at.isdisjoint(call.outputs)
            if spared:
                early[call.outputs[0]] = self._part(call.layer).early(*arguments, **options)
            if not (spared and graph.unread.issuperset(call.outputs)):
                graph.store(held, call, self._called(call)(*arguments, **options))
        return [early[s] if before else held[s] for s, before in zip(ends, cut, strict=True)]

    def _called(self, call: Call) -> Any:
        """What computes a call: its layer, which rounds nothing that only other layers read."""
        layer = self._part(call.layer)
        readers = self._graph.inside.get(call.outputs[0])
        return handed_on(layer, map(self._part, readers)) if readers else layer

    def _part(self, name: str) -> Any:
        found = self._modules.get(name)
        return self._buffers[name] if found is None else found

    @property
    def last_layers(self) -> list[Tailed | None]:
        calls = [self._graph.last_call(wire) for wire in self._graph.outputs]
        found = [[None] if c is None else self._part(c.layer).last_layers for c in calls]
        return [layers[0] if len(layers) == 1 else None for layers in found]

    @property
    def tail(self) -> str | None:
        return self.tails[0] if len(self.tails) == 1 else None

    def before_tail(self, inputs: Any) -> Any:
        return self.outputs_of(inputs, [True])[0]

    def _check_count(self, given: Sequence[Any]) -> None:
        if len(given) != len(self._entries):
            names = ", ".join(repr(n) for n in self.input_names)
            raise ValueError(
                f"{self.who}: expected {len(self._entries)} inputs ({names}), got {len(given)}."
            )

    # --- the door --------------------------------------------------------------------------------

    def open_inputs(self, inputs: list[Any]) -> list[tuple[Any, Any]]:
        """Each input as it is fed, and as its real steps; see `Trainer.open_inputs`."""
        found = []
        for i, (entry, value) in enumerate(zip(self._entries, inputs, strict=True)):
            if value is None:
                found.append((None, None))
                continue
            entry.check(value)
            readers = self._graph.readers(i)
            doors = [c for c in readers if self._reads_as_door(c, i)]
            if not doors:
                value = entry.rows(value)
                found.append((value, value))
                continue
            opened = self._part(doors[0].layer).open(value)
            # If other layers read the grid too, it is fed, and the door opens it once more.
            found.append((opened if len(doors) == len(readers) else value, opened))
        return found

    @property
    def is_door(self) -> bool:
        if len(self._entries) != 1:
            return False
        readers = self._graph.readers(0)
        return bool(readers) and all(self._reads_as_door(c, 0) for c in readers)

    def _reads_as_door(self, call: Call, wire: int) -> bool:
        """Whether a call, of an input and nothing else, decides which of it are steps."""
        return self._part(call.layer).is_door and call.inputs == (Wire(wire),) and not call.options

    def open(self, inputs: Any) -> Any:
        return self.open_inputs([inputs])[0][0] if len(self._entries) == 1 else inputs

    def check_inputs(self, inputs: list[Any]) -> None:
        """Raises for values that a first layer cannot take; see `Layer.check`."""
        for i, value in enumerate(inputs):
            for call in self._graph.readers(i):
                if value is not None and call.inputs == (Wire(i),) and not call.options:
                    self._part(call.layer).check(value)

    def paired_inputs(self, specs: list[Spec]) -> list[tuple[int, int]]:
        """Pairs of inputs whose steps are combined one to one: these must have equal lengths.

        Args:
            specs: of the inputs, their lengths' roots "0", "1", ...
        """
        held, pairs = self.specs(*specs), []
        for call in self._graph.calls:
            if not self._part(call.layer).pairs_steps:
                continue
            arguments, _ = self._graph.arguments(call, held, self._part)
            known = [
                s.lengths for s in flat(arguments) if isinstance(s, Spec) and s.ragged and s.lengths
            ]
            pairs += [
                (int(known[0].root), int(other.root))
                for other in known[1:]
                if other.root != known[0].root and other.table == known[0].table
            ]
        return list(dict.fromkeys(pairs))

    def _table(self) -> list[Row]:
        graph = self._graph
        held = self.specs()
        source = dict(enumerate(self.input_names))
        rows = [Row(name, str(held[i]), "", "") for i, name in enumerate(self.input_names)]
        seen: set[str] = set()
        for call in graph.calls:
            arguments, options = graph.arguments(call, held, self._part)
            before = [s for s in flat([*arguments, *options.values()]) if isinstance(s, Spec)]
            after = [held[wire] for wire in call.outputs]
            source |= dict.fromkeys(call.outputs, self._part(call.layer).name)
            used = [str(source[wire]) for wire in call.reads]
            layer = self._part(call.layer)
            row = row_of(layer, _main(before), after, ", ".join(used))
            rows.append(row._replace(weights="shared") if call.layer in seen else row)
            seen.add(call.layer)
        straight = all(len(c.reads) == 1 for c in graph.calls) and len(source) == graph.wires
        previous = [self.input_names[0], *(self._part(c.layer).name for c in graph.calls)]
        if straight and [r.source for r in rows[1:]] == previous[:-1]:
            rows = [row._replace(source="") for row in rows]
        return rows


Model.drawn = Functional


def _bare(kind: type[Model]) -> Model:
    """An instance of `Functional.kind_of` without anything in it, which a pickle fills."""
    made = Functional.kind_of(kind)
    return made.__new__(made)


def _main(specs: list[Spec]) -> Spec:
    return next((s for s in specs if s.ragged), specs[0])


def _symbols(given: Any, what: str, who: str) -> list[Symbol]:
    """The symbols in order, however they lie in one another."""
    if given is None:
        raise ValueError(f"{who}: {what} is missing: Model(inputs=x, outputs=y).")
    parts = flat(given)
    for part in parts:
        if not isinstance(part, Symbol):
            raise ValueError(
                f"{who}: expected {what} as symbols, which keras.Input(...) and layers called on "
                f"it give, got {type(part).__name__}."
            )
    if not parts:
        raise ValueError(f"{who}: {what} is empty.")
    return parts


def _names_of(inputs: list[Symbol]) -> Iterator[str]:
    """Their names, and of those that have none their places, as no other is called."""
    used = {symbol.name for symbol in inputs}
    for i, symbol in enumerate(inputs):
        free = (f"input_{n}" for n in count(i))
        name = symbol.name or next(name for name in free if name not in used)
        used.add(name)
        yield name


def _distinct(names: list[str], what: str, who: str) -> list[str]:
    twice = [n for i, n in enumerate(names) if n in names[:i]]
    if twice:
        raise ValueError(f"{who}: two {what}s are called {twice[0]!r}; give one another name.")
    return names
