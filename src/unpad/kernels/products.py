"""Matrix products on the library's own threads, with bits that depend on nothing else.

torch hands products to BLAS, whose threads all have to run before any may go on: on a busy machine
a training step of 6 ms took 90. And its bits depend on how many rows there are. The library's do
neither (csrc/gemm/products.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import around, checks
from .library import DTYPES, ROUNDED, address, call
from .paths import Operator, Path, rounding_refused, told
from .structures import words
from .threads import threads


class Times(NamedTuple):
    """out = (out if accumulate) + bias + op(a) @ op(b); arrays have contiguous rows.

    Of products that accumulate, each follows the one it adds to.
    """

    out: Tensor  # (m, n)
    a: Tensor  # (m, k), or (k, m) if transposed
    b: Tensor  # (k, n), or (n, k) if transposed
    bias: Tensor | None = None  # (n,)
    a_transposed: bool = False
    b_transposed: bool = False
    accumulate: bool = False
    sums: Tensor | None = None  # (n,) takes the sum of b over k; not where b is transposed


def run(products: Sequence[Times], rounded: bool = False) -> None:
    """Computes all of them in one go: CPU tensors of one type, float32 or float64.

    Args:
        products: in an order in which each follows what it accumulates into.
        rounded: whether factors, of float32, are rounded to bfloat16.

    Raises:
        ValueError: the arrays of a product do not go together.
    """
    first = products[0].out
    dtype = DTYPES.get(first.dtype) if first.is_cpu else None
    if dtype is None:
        raise ValueError(f"product: the library has none of {first.dtype} on {first.device}.")
    filled: list[int] = []  # of unpad_product
    with around.as_tensors():
        for out, a, b, bias, a_transposed, b_transposed, accumulate, sums in products:
            sizes = checks.product(out, a, b, bias, sums, a_transposed, b_transposed)
            filled += (a.data_ptr(), b.data_ptr(), address(bias), out.data_ptr(), address(sums))
            filled += (*sizes, a_transposed, b_transposed, accumulate)
    if rounded:
        assert first.dtype is torch.float32
        dtype = ROUNDED
    call("unpad_products", dtype, threads(), len(products), words(filled))


class Asked(NamedTuple):
    """A linear map, as far as a path may hang on it; `rounded`: see `around.rounded`."""

    values: Tensor
    rounded: bool = False


def linear(
    values: Tensor, kernel: Tensor, bias: Tensor | None, half: torch.dtype | None = None
) -> Tensor:
    """Values @ kernel + bias, differentiable.

    A row's bits depend neither on the other rows nor on the number of threads, where the library
    serves; else torch computes it. No rows give none.

    Args:
        values: (..., feature).
        kernel: (feature, units).
        bias: (units,), or None.
        half: what a policy asks for beside the values' type: factors may be of it.

    Returns:
        (..., units).

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    recorded = around.recorded()
    if (recorded or around.nothing()) and values.dtype not in around.HALF:
        return _product(recorded, values, kernel, bias, around.rounded(values, half))
    inside, out = around.types(values)
    if values.is_cpu and out in around.HALF:
        if around.nothing():  # autocast lets types differ
            checks.linear(values, kernel, bias)
        values, kernel, bias = around.brought((values, kernel, bias), inside)
        with torch.autocast("cpu", enabled=False):
            return linear(values, kernel, bias, out).to(out)
    return _product(recorded, values, kernel, bias, False)


def _product(
    recorded: bool, values: Tensor, kernel: Tensor, bias: Tensor | None, rounded: bool
) -> Tensor:
    if not recorded:
        return LINEAR.choose(Asked(values, rounded)).direct(values, kernel, bias)
    # Of what is exported other programs have to know the operators, and of types autocast knows
    # torch's alone.
    served = values.is_cpu and values.dtype in DTYPES  # whether there is a library, the path asks
    if torch.compiler.is_exporting() or not served or around.cast_to(values) is not None:
        return _torch(values, kernel, bias)
    return LINEAR.op(values, kernel, bias, told(rounded))


def _rounding_refuses(asked: Asked) -> str | None:
    return rounding_refused(asked.rounded) or around.values_refused(asked.values)


def _compiled(values: Tensor, kernel: Tensor, bias: Tensor | None, rounded: bool = False) -> Tensor:
    run = _Linear.apply if torch.is_grad_enabled() else _forward
    if values.ndim == 2:
        return run(values, kernel, bias, rounded)
    checks.linear(values, kernel, bias)
    *shape, feature = values.shape
    rows = run(values.reshape(math.prod(shape), feature), kernel, bias, rounded)
    return rows.reshape(*shape, kernel.shape[1])


def _torch(values: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    checks.linear(values, kernel, bias)
    if bias is not None and values.ndim == 2:
        return torch.addmm(bias, values, kernel)
    product = values @ kernel
    # Autocast chooses the product's type, and a bias of another would widen it again.
    return product if bias is None else product + bias.to(product.dtype)


def _reference(values: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """Each row by itself: the sum over its features, each times its row of the kernel."""
    checks.linear(values, kernel, bias)
    out = (values.unsqueeze(-1) * kernel).sum(-2)
    return out if bias is None else out + bias


def _forward(values: Tensor, kernel: Tensor, bias: Tensor | None, rounded: bool) -> Tensor:
    out = values.new_empty((values.shape[0], kernel.shape[-1]))
    shift = None if bias is None else bias.contiguous()
    try:
        run([Times(out, values.contiguous(), kernel.contiguous(), shift)], rounded)
    except ValueError:
        checks.linear(values, kernel, bias)  # says it in its own words
        raise
    return out


class _Linear(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx, values: Tensor, kernel: Tensor, bias: Tensor | None, rounded: bool) -> Tensor:
        ctx.biased, ctx.rounded = bias is not None, rounded
        ctx.save_for_backward(values, kernel)
        return _forward(values, kernel, bias, rounded)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None]:
        (d_out,) = gradients
        values, kernel = ctx.saved_tensors
        wanted = ctx.needs_input_grad[0]
        if torch.is_grad_enabled():
            # Somebody differentiates what comes out of here: these are products again.
            half = torch.bfloat16 if ctx.rounded else None
            d_values = linear(d_out, kernel.T, None, half) if wanted else None
            d_bias = d_out.sum(0) if ctx.biased else None
            return d_values, linear(values.T, d_out, None, half), d_bias, None
        return *_backward(d_out, values, kernel, ctx.biased, wanted, ctx.rounded), None


def _backward(
    d_out: Tensor, values: Tensor, kernel: Tensor, biased: bool, wanted: bool, rounded: bool
) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """The gradients of values, where it is wanted, of the kernel and of the bias."""
    d_out, values, kernel = d_out.contiguous(), values.contiguous(), kernel.contiguous()
    d_kernel = torch.empty_like(kernel)
    d_bias = d_out.new_empty(d_out.shape[1]) if biased else None
    products = [Times(d_kernel, values, d_out, a_transposed=True, sums=d_bias)]
    d_values = None
    if wanted:
        d_values = torch.empty_like(values)
        products.append(Times(d_values, d_out, kernel, b_transposed=True))
    run(products, rounded)
    return d_values, d_kernel, d_bias


def _back(
    gradients: Any, arguments: Any, results: Any, wanted: Any, rounded: bool = False
) -> tuple[Tensor | None, ...]:
    """See `paths.Operator.backward`."""
    (d_out,), (values, kernel, _) = gradients, arguments
    if d_out is None:
        return None, None, None
    *shape, feature = values.shape
    d_out, rows = (t.reshape(math.prod(shape), t.shape[-1]) for t in (d_out, values))
    d_rows, *rest = _backward(d_out, rows, kernel, wanted[2], wanted[0], rounded)
    return None if d_rows is None else d_rows.reshape(*shape, feature), *rest


LINEAR = Operator(
    "linear",
    [
        Path(
            "bfloat16",
            _rounding_refuses,
            partial(_compiled, rounded=True),
            partial(_back, rounded=True),
        ),
        Path("compiled", lambda asked: around.values_refused(asked.values), _compiled, _back),
        Path("torch", lambda asked: None, _torch),
        Path("reference", lambda asked: None, _reference),
    ],
    call=lambda values, *_: Asked(values),
    takes="Tensor values, Tensor kernel, Tensor? bias",
    gives="Tensor",
    shapes=lambda values, kernel, *_: values.new_empty((*values.shape[:-1], kernel.shape[1])),
    check=checks.linear,
    followed=("values", "kernel", "bias"),
)


def column_sums(rows: Tensor) -> Tensor:
    """(n,) the sum of (rows, n), in an order that their number alone decides."""
    sums = rows.new_empty(rows.shape[1])
    run([Times(rows[:0], rows[:, :0], rows, a_transposed=True, sums=sums)])
    return sums
