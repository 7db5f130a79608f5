"""The laws that every layer keeps, as checks that anyone can run on a layer of their own."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from ..core.spec import Lengths, Spec, spec_of
from ..core.structure import flat
from ..layers import Layer
from ..ragged import Ragged
from ..ragged.batch import values_of
from .batches import coded, padded

# Lengths with an empty sequence, single steps, and two alike.
LENGTHS = (3, 0, 5, 1, 3)

Batch = Ragged | Tensor


class LawBroken(AssertionError):
    """A layer breaks a law; the text says which, where first, and by how much."""


def check_layer(
    make: Callable[[], torch.nn.Module],
    feature: Sequence[int] = (3,),
    *,
    batch: Batch | Sequence[Batch] | None = None,
    lengths: Sequence[int] = LENGTHS,
    tolerance: float = 1e-9,
    call: Callable[[Any, list[Batch]], Any] | None = None,
    training: bool = False,
    gradients: bool = True,
) -> None:
    """Runs a layer through every law, forward and backward, in float64.

    1 alone as in company, in any order; 2 padding is invisible; 3 keep, reduce or refuse: what
    comes out is what the spec said; 5 empty is legal; the gradients are those of the outputs
    (`torch.autograd.gradcheck`); and a layer can be copied, pickled, restored from its state and
    made again from its configuration.

    Args:
        make: gives a fresh layer, or any torch module that takes a Ragged.
        feature: shape of one step of the input.
        batch: the input, where values of its own are needed (ids), or a list of inputs, Ragged or
            one row a sequence; else one is made.
        lengths: of the sequences of the input that is made.
        tolerance: how far numbers may be apart, absolutely and relatively.
        call: how the layer is called with its inputs, where `layer(*inputs)` is not how.
        training: in training mode, where statistics are over the batch's real steps: a sequence is
            then not compared with itself alone.
        gradients: whether gradcheck is run, which takes the longest.

    Raises:
        LawBroken: the law that is broken, the sequence and step, and by how much.

    Example:
        >>> import unpad
        >>> unpad.testing.check_layer(lambda: unpad.layers.LSTM(4, return_sequences=True))
    """
    given: Any = coded(lengths, feature) if batch is None else batch
    inputs: list[Batch] = list(given) if isinstance(given, (list, tuple)) else [given]
    layer = make().double().eval()
    subject = Subject(layer, inputs, call or _call, tolerance)
    subject.outputs(inputs)  # builds
    layer.double().train(training)
    check_structure(subject)
    if not training:
        check_alone(subject)
    check_order(subject)
    check_padding(subject)
    check_empty(subject)
    if gradients:
        check_gradients(subject)
    check_copies(subject)


@dataclass(frozen=True)
class Subject:
    """A built layer under the laws, and its inputs."""

    layer: torch.nn.Module
    inputs: list[Batch]
    call: Callable[[Any, list[Batch]], Any]
    tolerance: float

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return len(self.inputs[0])

    def outputs(self, inputs: list[Batch]) -> list[Any]:
        """What comes out, as a list."""
        output = self.call(self.layer, inputs)
        return list(output) if isinstance(output, (list, tuple)) else [output]

    def run(self, inputs: list[Batch]) -> tuple[list[Any], list[Batch], list[Tensor]]:
        """Outputs, and the gradients of a value-coded sum of them, of inputs and of weights."""
        values = [values_of(x).detach().clone() for x in inputs]
        for v in values:
            v.requires_grad_(v.is_floating_point())
        outputs = self.outputs([_with_values(x, v) for x, v in zip(inputs, values, strict=True)])
        total = torch.zeros((), dtype=torch.float64)
        for output in outputs:
            total = total + _coded_sum(output)
        weights = [w for w in self.layer.parameters() if w.requires_grad]
        sources = [v for v in values if v.requires_grad] + weights
        grads: list[Any] = [torch.zeros_like(s) for s in sources]
        if total.requires_grad:
            found = torch.autograd.grad(total, sources, allow_unused=True)
            grads = [z if g is None else g for g, z in zip(found, grads, strict=True)]
        flow = iter(grads)
        of_inputs = [
            _with_values(x, next(flow) if v.requires_grad else torch.zeros(v.shape))
            for x, v in zip(inputs, values, strict=True)
        ]
        return [o.detach() for o in outputs], of_inputs, list(flow)

    def broken(self, law: str, what: str) -> NoReturn:
        """Says which law is broken, and how."""
        raise LawBroken(f"{type(self.layer).__name__} breaks {law}: {what}.")

    def compare(
        self, law: str, got: Batch, want: Batch, sequence: int | None = None, tolerance: Any = None
    ) -> None:
        """Asserts that two batches agree; says the first sequence and step that do not."""
        a, b = values_of(got), values_of(want)
        if isinstance(got, Ragged) is not isinstance(want, Ragged) or a.shape != b.shape:
            self.broken(law, f"shape {tuple(a.shape)} against {tuple(b.shape)}")
        tolerance = self.tolerance if tolerance is None else tolerance
        if torch.allclose(a, b, rtol=tolerance, atol=tolerance):
            return
        close = torch.isclose(a, b, rtol=tolerance, atol=tolerance).reshape(len(a), -1)
        first = int((~close).any(1).nonzero()[0])
        apart = float((a - b)[first].abs().max())
        if isinstance(want, Ragged):
            where = want.layout.where(first)
            if sequence is not None:
                where = where.replace("sequence 0", f"sequence {sequence}", 1)
        else:
            where = f"sequence {first if sequence is None else sequence}"
        self.broken(law, f"{where} is off by {apart:.3g}")

    def compare_weights(self, law: str, got: list[Tensor], want: list[Tensor]) -> None:
        """Asserts that the weights' gradients agree; names the first weight whose does not."""
        names = [n for n, w in self.layer.named_parameters() if w.requires_grad]
        for name, a, b in zip(names, got, want, strict=True):
            if not torch.allclose(a, b, rtol=self.tolerance, atol=self.tolerance):
                apart = float((a - b).abs().max())
                self.broken(law, f"the gradient of {name} is off by {apart:.3g}")


def check_structure(subject: Subject) -> None:
    """Law 3: the layer keeps the lengths, changes them as its spec says, or gives a row each."""
    law = "law 3, keep, reduce or refuse"
    layer, inputs = subject.layer, subject.inputs
    outputs = subject.outputs(inputs)
    said = _said(subject) if isinstance(layer, Layer) else [None] * len(outputs)
    if len(said) != len(outputs):
        subject.broken(law, f"the spec said {len(said)} outputs, but {len(outputs)} came out")
    for spec, output in zip(said, outputs, strict=True):
        if isinstance(output, Ragged):
            _check_lengths(subject, law, spec, output)
        elif len(output) != subject.batch:
            subject.broken(law, f"{len(output)} rows for {subject.batch} sequences")
        if spec is None:
            continue
        came = spec_of(output)
        fits = len(spec.shape) == len(came.shape) and all(
            a in (None, b) for a, b in zip(spec.shape, came.shape, strict=True)
        )
        if not fits or spec.ragged != came.ragged:
            subject.broken("law 3", f"the spec said {spec}, but {came} came out")


def _said(subject: Subject) -> list[Any]:
    """What the layer's specs say, asked in the same way as the layer is called."""
    specs = []

    class Asked:
        takes = getattr(subject.layer, "takes", "any")

        def __call__(self, *args: Any, **options: Any) -> Any:
            specs.append((args, options))
            return []

    marked = [
        replace(spec_of(x), lengths=Lengths(str(i)) if isinstance(x, Ragged) else None)
        for i, x in enumerate(subject.inputs)
    ]
    subject.call(Asked(), marked)  # pyright: ignore[reportArgumentType]
    args, options = specs[0]
    assert isinstance(subject.layer, Layer)
    out = subject.layer.output_spec(*args, **options)
    return flat(out)


def _check_lengths(subject: Subject, law: str, spec: Spec | None, output: Ragged) -> None:
    ragged = [x for x in subject.inputs if isinstance(x, Ragged)]
    lengths = None if spec is None else spec.lengths
    if lengths is not None and lengths.table != Lengths("").table:
        source = subject.inputs[int(lengths.root)]
        assert isinstance(source, Ragged)
        want = torch.tensor([lengths.table[n] for n in source.lengths.tolist()], dtype=torch.int64)
        wrong = (output.lengths != want).nonzero()
        if len(wrong):
            i = int(wrong[0])
            what = f"sequence {i} has {int(output.lengths[i])} steps, the spec said {int(want[i])}"
            subject.broken(law, what)
        return
    like = ragged[0]
    if lengths is not None:
        source = subject.inputs[int(lengths.root)]
        like = source if isinstance(source, Ragged) else like
    if not output.layout.agrees(like.layout):
        where = output.layout.difference(like.layout)
        subject.broken(law, f"the output's {where} in the input")


def check_alone(subject: Subject) -> None:
    """Law 1: a sequence gives the same alone as in company, outputs and gradients."""
    law = "law 1, alone as in company"
    inputs = subject.inputs
    together, gradients, of_weights = subject.run(inputs)
    sums = [torch.zeros_like(w) for w in of_weights]
    for i in range(subject.batch):
        alone, alone_gradients, parts = subject.run([x[i : i + 1] for x in inputs])
        for a, b in zip(alone, together, strict=True):
            subject.compare(law, a[0:1], b[i : i + 1], i)
        for a, b in zip(alone_gradients, gradients, strict=True):
            subject.compare(f"{law} (gradient)", a, b[i : i + 1], i)
        sums = [s + p for s, p in zip(sums, parts, strict=True)]
    subject.compare_weights(f"{law} (gradient)", sums, of_weights)


def check_order(subject: Subject) -> None:
    """Law 1: the order of the sequences does not matter."""
    order = torch.arange(subject.batch).flip(0)
    straight, gradients, of_weights = subject.run(subject.inputs)
    turned, turned_gradients, same_weights = subject.run([x[order] for x in subject.inputs])
    for a, b in zip(turned, straight, strict=True):
        subject.compare("law 1, any order", a[order], b)
    for a, b in zip(turned_gradients, gradients, strict=True):
        subject.compare("law 1, any order (gradient)", a[order], b)
    subject.compare_weights("law 1, any order (gradient)", same_weights, of_weights)


def check_padding(subject: Subject) -> None:
    """Law 2: from a grid padded left, right or with holes, with any content, the same comes out."""
    plain, gradients, of_weights = subject.run(subject.inputs)
    for side in ("right", "left", "holes"):
        outputs, padded_gradients, same = subject.run([padded(x, side) for x in subject.inputs])
        law = f"law 2, padding is invisible ({side})"
        for a, b in zip(outputs, plain, strict=True):
            subject.compare(law, a, b)
        for a, b in zip(padded_gradients, gradients, strict=True):
            subject.compare(law, a, b)
        subject.compare_weights(law, same, of_weights)


def check_empty(subject: Subject) -> None:
    """Law 5: no sequence, no step: finite values, and gradients that are finite."""
    law = "law 5, empty is legal"
    for count in (0, 1, 3):
        lengths = [0] * count
        nothing = [_emptied(x, count) for x in subject.inputs]
        outputs, _, of_weights = subject.run(nothing)
        for output in outputs:
            values = values_of(output)
            if len(output) != count or not bool(values.isfinite().all()):
                what = (
                    f"lengths {lengths} give {tuple(values.shape)}: {values.flatten()[:4].tolist()}"
                )
                subject.broken(law, what)
        names = [n for n, w in subject.layer.named_parameters() if w.requires_grad]
        for name, gradient in zip(names, of_weights, strict=True):
            if not bool(gradient.isfinite().all()):
                subject.broken(law, f"the gradient of {name} is not finite")


def _emptied(batch: Batch, count: int) -> Batch:
    if not isinstance(batch, Ragged):
        if not len(batch):
            return batch.new_zeros(count, *batch.shape[1:])
        return batch[:1].expand(count, *batch.shape[1:]) if count else batch[:0]
    return Ragged.from_padded(batch.values.new_zeros(count, 1, *batch.feature), lengths=0)


def check_gradients(subject: Subject) -> None:
    """The gradients are those of the outputs, by finite differences."""
    kept = torch.arange(subject.batch)[: 3 if subject.batch > 3 else None]
    inputs = [x[kept] for x in subject.inputs]
    free = [i for i, x in enumerate(inputs) if x.dtype.is_floating_point and values_of(x).numel()]
    weights = [w for w in subject.layer.parameters() if w.requires_grad]
    if not free and not weights:
        return

    def function(*tensors: Tensor) -> tuple[Tensor, ...]:
        mine = list(inputs)
        for i, values in zip(free, tensors, strict=False):
            mine[i] = _with_values(inputs[i], values)
        return tuple(values_of(o) for o in subject.outputs(mine) if values_of(o).requires_grad)

    leaves = [values_of(inputs[i]).detach().clone().requires_grad_() for i in free]
    try:
        torch.autograd.gradcheck(function, (*leaves, *weights), fast_mode=True)
    except RuntimeError as error:
        subject.broken("gradcheck", str(error).strip().splitlines()[0].rstrip("."))


def check_copies(subject: Subject) -> None:
    """A deepcopy, a pickle, a fresh layer with the same state or configuration give the same."""
    layer, inputs = subject.layer, subject.inputs
    state = copy.deepcopy(layer.state_dict())
    want = [o.detach() for o in subject.outputs(inputs)]
    layer.load_state_dict(state)
    restored = copy.deepcopy(layer)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    with torch.no_grad():
        for weight in restored.parameters():
            weight.zero_()
    restored.load_state_dict(torch.load(buffer))
    copies = {"deepcopy": copy.deepcopy(layer), "state_dict": restored}
    try:
        copies["pickle"] = pickle.loads(pickle.dumps(layer))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        subject.broken("copies", f"it cannot be pickled: {error}")
    if isinstance(layer, Layer):
        fresh = type(layer).from_config(layer.get_config()).double()
        replace(subject, layer=fresh).outputs(inputs)  # builds
        fresh = fresh.double().train(layer.training)
        fresh.load_state_dict(state)
        copies["from_config"] = fresh
    for kind, other in copies.items():
        for a, b in zip(replace(subject, layer=other).outputs(inputs), want, strict=True):
            subject.compare(f"copies ({kind})", a, b, None, 0)


# --- how a layer is called, and what is summed ---------------------------------------------------


def _call(layer: Any, inputs: list[Batch]) -> Any:
    return layer(inputs) if getattr(layer, "takes", "any") == "several" else layer(*inputs)


def _with_values(batch: Batch, values: Tensor) -> Batch:
    return batch.with_values(values) if isinstance(batch, Ragged) else values


def _coded_sum(output: Batch) -> Tensor:
    """A sum whose weights depend on the place within a sequence, never on the batch."""
    values = values_of(output)
    features = torch.arange(values[:1].numel(), dtype=torch.float64).reshape(values[:1].shape)
    if not isinstance(output, Ragged):
        features = torch.arange(values.shape[1:].numel(), dtype=torch.float64)
        return (values * torch.cos(features.reshape(1, *values.shape[1:]))).sum()
    if not len(values):
        return values.sum()
    steps = output.positions.double().reshape(-1, *(1,) * (values.ndim - 1))
    return (values * torch.cos(features + 0.7 * steps)).sum()
