"""The laws that every layer keeps, as checks that anyone can run on a layer of their own."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..layers import Layer, Spec
from ..layers.spec import spec_of
from ..ragged import Ragged
from ..ragged.batch import values_of
from .batches import coded, grid

# Lengths with an empty sequence, single steps, and two alike.
LENGTHS = (3, 0, 5, 1, 3)


class LawBroken(AssertionError):
    """A layer breaks a law; the text says which, where first, and by how much."""


def check_layer(
    make: Callable[[], torch.nn.Module],
    feature: Sequence[int] = (3,),
    *,
    batch: Ragged | None = None,
    lengths: Sequence[int] = LENGTHS,
    tolerance: float = 1e-9,
) -> None:
    """Runs a layer through every law, forward and backward, in float64 and evaluation mode.

    1 alone as in company, in any order; 2 padding is invisible; 3 keep, reduce or refuse: what
    comes out is what the spec said; 5 empty is legal; and a layer can be copied, pickled and
    restored from its state.

    Args:
        make: gives a fresh layer, or any torch module that takes a Ragged.
        feature: shape of one step of the input.
        batch: the input, where values of its own are needed (ids); else one is made.
        lengths: of the sequences of the input that is made.
        tolerance: how far numbers may be apart, absolutely and relatively.

    Raises:
        LawBroken: the law that is broken, the sequence and step, and by how much.

    Example:
        >>> import unpad
        >>> unpad.testing.check_layer(lambda: unpad.layers.LSTM(4, return_sequences=True))
    """
    inputs = coded(lengths, feature) if batch is None else batch
    layer = make().double().eval()
    layer(inputs)  # builds
    layer = layer.double().eval()
    check_structure(layer, inputs)
    check_alone(layer, inputs, tolerance)
    check_order(layer, inputs, tolerance)
    check_padding(layer, inputs, tolerance)
    check_empty(layer, inputs)
    check_copies(layer, inputs)


def check_structure(layer: torch.nn.Module, inputs: Ragged) -> None:
    """Law 3: the layer keeps the layout or reduces to a row a sequence, as its spec says."""
    for output in _outputs(layer, inputs):
        if isinstance(output, Ragged):
            if not output.layout.agrees(inputs.layout):
                where = output.layout.difference(inputs.layout)
                _broken(
                    layer, "law 3, keep, reduce or refuse", f"the output's {where} in the input"
                )
        elif len(output) != inputs.batch:
            what = f"{len(output)} rows for {inputs.batch} sequences"
            _broken(layer, "law 3, keep, reduce or refuse", what)
    if isinstance(layer, Layer):
        said = layer.output_spec(spec_of(inputs))
        for spec, output in zip(_as_list(said), _outputs(layer, inputs), strict=True):
            came = spec_of(output)
            if Spec(spec.shape, spec.ragged) != Spec(came.shape, came.ragged):
                _broken(layer, "law 3", f"the spec said {spec}, but {came} came out")


def check_alone(layer: torch.nn.Module, inputs: Ragged, tolerance: float) -> None:
    """Law 1: a sequence gives the same alone as in company, outputs and gradients."""
    together, gradient = _run(layer, inputs)
    for i in range(inputs.batch):
        alone, alone_gradient = _run(layer, inputs[i : i + 1])
        for a, b in zip(alone, together, strict=True):
            _compare(layer, "law 1, alone as in company", a[0:1], b[i : i + 1], i, tolerance)
        pair = alone_gradient, gradient[i : i + 1]
        _compare(layer, "law 1, alone as in company (gradient)", *pair, i, tolerance)


def check_order(layer: torch.nn.Module, inputs: Ragged, tolerance: float) -> None:
    """Law 1: the order of the sequences does not matter."""
    order = torch.arange(inputs.batch).flip(0)
    straight, gradient = _run(layer, inputs)
    turned, turned_gradient = _run(layer, inputs[order])
    for a, b in zip(turned, straight, strict=True):
        _compare(layer, "law 1, any order", a[order], b, None, tolerance)
    _compare(
        layer, "law 1, any order (gradient)", turned_gradient[order], gradient, None, tolerance
    )


def check_padding(layer: torch.nn.Module, inputs: Ragged, tolerance: float) -> None:
    """Law 2: from a grid padded left, right or with holes, with any content, the same comes out."""
    plain, gradient = _run(layer, inputs)
    fill = float("nan") if inputs.dtype.is_floating_point else 0
    for side in ("right", "left", "holes"):
        x, mask = grid(inputs, side, fill=fill)
        padded, padded_gradient = _run(layer, Ragged.from_padded(x, mask=mask))
        law = f"law 2, padding is invisible ({side})"
        for a, b in zip(padded, plain, strict=True):
            _compare(layer, law, a, b, None, tolerance)
        _compare(layer, law, padded_gradient, gradient, None, tolerance)


def check_empty(layer: torch.nn.Module, inputs: Ragged) -> None:
    """Law 5: no sequence, no step: finite values, and gradients that are 0."""
    for lengths in ([], [0], [0, 0, 0]):
        nothing = Ragged.from_padded(
            inputs.values.new_zeros(len(lengths), 1, *inputs.feature), lengths=0
        )
        layer.zero_grad()
        outputs, _ = _run(layer, nothing)
        for output in outputs:
            values = values_of(output)
            if len(output) != len(lengths) or not bool(values.isfinite().all()):
                what = (
                    f"lengths {lengths} give {tuple(values.shape)}: {values.flatten()[:4].tolist()}"
                )
                _broken(layer, "law 5, empty is legal", what)
        for name, weight in layer.named_parameters():
            if weight.grad is not None and not bool(weight.grad.isfinite().all()):
                _broken(layer, "law 5, empty is legal", f"the gradient of {name} is not finite")
    layer.zero_grad()


def check_copies(layer: torch.nn.Module, inputs: Ragged) -> None:
    """A deepcopy, a pickle and a fresh layer with the same state give the same."""
    want = _outputs(layer, inputs)
    restored = copy.deepcopy(layer)
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    with torch.no_grad():
        for weight in restored.parameters():
            weight.zero_()
    restored.load_state_dict(torch.load(buffer))
    copies = {"deepcopy": copy.deepcopy(layer), "state_dict": restored}
    try:
        copies["pickle"] = pickle.loads(pickle.dumps(layer))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        _broken(layer, "copies", f"it cannot be pickled: {error}")
    for kind, other in copies.items():
        for a, b in zip(_outputs(other, inputs), want, strict=True):
            _compare(layer, f"copies ({kind})", a, b, None, 0)


# --- how outputs are run and compared ------------------------------------------------------------


def _run(layer: torch.nn.Module, inputs: Ragged) -> tuple[list[Any], Ragged]:
    """Outputs, and the gradient of a value-coded sum of them with respect to the input."""
    values = inputs.values.detach().clone()
    if values.is_floating_point():
        values.requires_grad_()
    outputs = _outputs(layer, inputs.with_values(values))
    total = torch.zeros((), dtype=torch.float64)
    for output in outputs:
        total = total + _coded_sum(output)
    if total.requires_grad:
        total.backward()
    gradient = torch.zeros_like(values) if values.grad is None else values.grad
    detached = [o.detach() for o in outputs]
    return detached, inputs.with_values(gradient)


def _coded_sum(output: Ragged | Tensor) -> Tensor:
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


def _outputs(layer: torch.nn.Module, inputs: Ragged) -> list[Any]:
    output = layer(inputs)
    return list(output) if isinstance(output, (list, tuple)) else [output]


def _as_list(specs: Spec | list[Spec]) -> list[Spec]:
    return specs if isinstance(specs, list) else [specs]


def _compare(
    layer: torch.nn.Module,
    law: str,
    got: Ragged | Tensor,
    want: Ragged | Tensor,
    sequence: int | None,
    tolerance: float,
) -> None:
    a, b = values_of(got), values_of(want)
    if type(got) is not type(want) or a.shape != b.shape:
        _broken(layer, law, f"shape {tuple(a.shape)} against {tuple(b.shape)}")
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
    _broken(layer, law, f"{where} is off by {apart:.3g}")


def _broken(layer: torch.nn.Module, law: str, what: str) -> None:
    raise LawBroken(f"{type(layer).__name__} breaks {law}: {what}.")
