"""What a torch module does with its rows, which it does not say: found out with random ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# Apart by more than this is no rounding; a module of half precision is judged by its own.
_APART = {torch.float64: 1e-6, torch.bfloat16: 0.1, torch.float16: 0.02}


@contextmanager
def probed(module: torch.nn.Module) -> Iterator[None]:
    """A block in which a module may be tried: in evaluation mode, and nothing remembers it."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            warnings.catch_warnings(),
        ):
            # torch's own TransformerEncoder says once that it uses them, which is its business.
            warnings.filterwarnings("ignore", message=".*nested tensors", category=UserWarning)
            torch.manual_seed(0)
            module.eval()
            yield
    finally:
        for part, training in modes:
            part.training = training


def random_rows(rows: int, shape: tuple[int | None, ...], like: torch.dtype) -> Tensor:
    """(rows, *shape) of random numbers; of integers zeros and ones, which any table has."""
    sizes = [2 if n is None else n for n in shape]
    if like.is_floating_point:
        return torch.randn(rows, *sizes, dtype=like)
    return torch.randint(0, 2, (rows, *sizes)).to(like)


def apart(a: Tensor, b: Tensor) -> float:
    """By how much two outputs differ, where that is no rounding; else 0."""
    if a.shape != b.shape:
        return float("inf")
    scale = max(1.0, float(b.abs().max()) if b.numel() else 0.0)
    off = float((a - b).abs().max()) if a.numel() else 0.0
    bound = _APART.get(a.dtype, 1e-4) * scale
    return 0.0 if off <= bound else off


def looks_around(run: Callable[[Tensor], Tensor], rows: Tensor, together: Tensor) -> str | None:
    """How it shows that what a module gives for a row depends on the rows beside it.

    Args:
        run: the module, from rows to as many rows.
        rows: random.
        together: what it gives for them.
    """
    again = run(rows)
    if apart(again, together):
        return None  # it draws at random, and nothing can be told
    for i in range(len(rows)):
        try:
            off = apart(run(rows[i : i + 1]), together[i : i + 1])
        except Exception as error:
            return f"one row by itself fails: {' '.join(str(error).split())[:200]}"
        if off:
            return f"row {i} by itself gives other numbers, off by {off:.2g}"
    off = apart(run(rows.flip(0)).flip(0), together)
    return f"in another order it gives other numbers, off by {off:.2g}" if off else None
