"""Linear algebra on the last two axes: each matrix, or each step's matrix, by itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..signatures import of_numbers
from .along import along
from .kinds import dense
from .reductions import norm
from .types import floats, tensor


def _regular(x: Tensor) -> Tensor:
    """Ones made a matrix that has an inverse."""
    return x + torch.eye(x.shape[-2], x.shape[-1], dtype=x.dtype)


_matrices = partial(
    along, fixed=(-2, -1), time="Give matrices as features: (batch, time, n, n).", trial=_regular
)


@_matrices
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular matrix whose product with its transpose is x."""
    return torch.linalg.cholesky(tensor(x), upper=upper)


@_matrices
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose `cholesky` is x."""
    return torch.cholesky_inverse(tensor(x), upper=upper)


@_matrices
def det(x: Any) -> Any:
    """The determinant."""
    return torch.linalg.det(floats(x))


@_matrices
def slogdet(x: Any) -> Any:
    """The sign of the determinant, and the logarithm of its size."""
    return tuple(torch.linalg.slogdet(floats(x)))


@_matrices
def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors, complex."""
    return tuple(torch.linalg.eig(floats(x)))


@_matrices
def eigh(x: Any) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return tuple(torch.linalg.eigh(floats(x)))


@_matrices
def inv(x: Any) -> Any:
    """The inverse."""
    return torch.linalg.inv(floats(x))


@_matrices
def lu_factor(x: Any) -> Any:
    """Both triangular factors in one matrix, and the rows that were exchanged, from 0."""
    factors, pivots = torch.linalg.lu_factor(floats(x))
    return factors, pivots - 1


@_matrices
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """How many singular values are above a tolerance."""
    return torch.linalg.matrix_rank(floats(x), atol=tol).to(torch.int32)


@_matrices
def pinv(x: Any, rcond: float | None = None) -> Any:
    """Moore and Penrose's inverse."""
    return torch.linalg.pinv(floats(x), rtol=rcond)


@_matrices
def qr(x: Any, mode: str = "reduced") -> Any:
    """An orthogonal and a triangular factor."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: expected mode 'reduced' or 'complete', got {mode!r}.")
    return tuple(torch.linalg.qr(floats(x), mode=mode))


@_matrices
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, with the vectors on both sides of them."""
    if not compute_uv:
        return torch.linalg.svdvals(floats(x))
    return tuple(torch.linalg.svd(floats(x), full_matrices=full_matrices))


@_matrices
def solve(a: Any, b: Any) -> Any:
    """The x of a x = b."""
    return torch.linalg.solve(floats(a), floats(b))


@_matrices
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x of a x = b, where a is triangular."""
    a, b = floats(a), floats(b)
    if b.ndim == a.ndim - 1:
        return torch.linalg.solve_triangular(a, b.unsqueeze(-1), upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(a, b, upper=not lower)


@dense("Of its steps: x.values.")
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The x for which a x is nearest to b."""
    a, b = floats(a), floats(b)
    if rcond is None:
        return torch.linalg.lstsq(a, b).solution
    return torch.linalg.pinv(a, rtol=rcond) @ b


@of_numbers
def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """A function's value, and its derivative in a direction."""
    return torch.func.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq", "lu_factor",
    "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
]  # fmt: skip
