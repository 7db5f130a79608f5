"""Layers on sentences' lengths: a training step of unpad's and of torch's own on the padded grid.

    python benchmarks/blocks.py            two minutes on two cores
    python benchmarks/blocks.py --quick    does it run?
    python benchmarks/blocks.py --only TransformerEncoder

Batches of 32 sentences of UD English EWT at random, of which some 40 % of the grid is real; steps
of 128 features. A training step is the forward pass and the gradients of the inputs and of every
weight. unpad gets a Ragged whose layout no layer has seen; torch's module the grid, and its mask
where it takes one. Attention alone stands beside it on those lengths, on log-normal ones up to
4,096, and on equal ones, against torch's scaled dot products; and its forward pass against torch's
FlexAttention, compiled, of one packed row in which each sequence is a block. (It has no backward
pass on a CPU. Its mask is ready made, and it needs a C++ compiler.)

Answers come first: with the same weights both give the same outputs and gradients at real steps.
(Torch's LSTM and GRU are asked of sequences that begin together, where padding behind is harmless;
its Conv1d reads the padding, so that it is compared on equal lengths.) Then they run in turn, batch
by batch; a figure is the median. Beside each stands 1 / the share of real steps: what leaving the
padding out could give to work that is in proportion to slots.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

BATCH = 32
BLOCKS = ("TransformerEncoder", "MultiHeadAttention", "Conv1D", "Dense", "LSTM", "GRU")
#: Times torch's padded step at least.
LEAST = {"TransformerEncoder": 2.6}
FORWARD = "attention forward"
LENGTHS = ("EWT", "log-normal", "32 x 32", "32 x 128", "4 x 1024")


class Size(NamedTuple):
    """Of a layer: features of a step, heads, units between."""

    features: int = 128
    heads: int = 4
    inner: int = 512


SMALL = Size()


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=(*BLOCKS, "attention"))
    options = parser.parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    only = options.only or [*BLOCKS, "attention"]
    console, machine = Console(), harness.machine()
    settings = {"rounds": 2 if options.quick else 60, "only": only}
    with console.status("measuring"):
        found = harness.apart(__file__, settings)
    versions, checked = found.pop("versions"), not options.quick
    table = Table("", "unpad, ms", "torch, ms", "times", "1 / real steps", box=SIMPLE)
    targets = []
    for name, of in found.items():
        times, bound = of["torch"] / of["unpad"], 1 / of["real"]
        packed = name.startswith(FORWARD)
        table.add_row(name, *(f"{of[w]:.2f}" for w in ("unpad", "torch")), f"{times:.2f}",
                      "" if packed else f"{bound:.2f}")  # fmt: skip
        if packed:
            what = f"FlexAttention over unpad, {name}"
            targets.append(harness.at_least(what, 1, times, checked))
            continue
        least = LEAST.get(name)
        if name.startswith("attention"):
            least = 1 if of["real"] == 1 else 0.9 * bound
        if least is not None:
            what = f"torch's padded step over unpad's, {name}"
            targets.append(harness.at_least(what, round(least, 2), times, checked))
    console.print(table)
    report = {"found": found, "machine": machine, "settings": settings, "targets": targets}
    return harness.finish(console, "blocks", report | {"versions": versions}, options.quick)


def measured(rounds: int, only: list[str]) -> dict[str, Any]:
    """Medians of both; answers first."""
    import torch

    from unpad import kernels

    torch.set_num_threads(harness.threads())
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    with kernels.own_threads():
        for name in only:
            if name == "attention":
                pairs = itertools.chain(attention_pairs(), packed_pairs())
            else:
                pairs = [(name, pair_of(name))]
            for title, (ours, theirs, real) in pairs:
                few = title.endswith(("log-normal", "1024"))
                found[title] = in_turn(ours, theirs, real, max(2, rounds // 6) if few else rounds)
    return found | {"versions": harness.versions()}


def in_turn(ours: Any, theirs: Any, real: float, rounds: int) -> dict[str, float]:
    """Milliseconds of both, after the same answers."""
    times: dict[str, list[float]] = {"unpad": [], "torch": []}
    for at in range(rounds + 2):
        turn = list(zip(times, (ours, theirs), strict=True))
        for name, run in turn if at % 2 else reversed(turn):
            start = time.perf_counter()
            run()
            if at >= 2:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: round(median(ms), 4) for name, ms in times.items()} | {"real": round(real, 3)}


def lengths_of(kind: str, seed: int = 0) -> Any:
    """Of a batch."""
    import corpora
    import torch

    generator = torch.Generator().manual_seed(seed)
    if kind == "EWT":
        every = torch.tensor([len(x) for x in corpora.english_ewt().train.x])
        return every[torch.randint(len(every), (BATCH,), generator=generator)]
    if kind == "log-normal":
        drawn = (5.5 + 1.2 * torch.randn(16, generator=generator)).exp().long()
        return drawn.clamp(1, 4096)
    count, size = map(int, kind.split(" x "))
    return torch.full((count,), size)


def pair_of(
    name: str, size: Size = SMALL, lengths: Any = None, device: str = "cpu", dtype: str = "float32"
) -> tuple[Callable[[], Any], Callable[[], Any], float]:
    """Both steps of a layer, and the share of real steps."""
    import torch

    from unpad import Ragged
    from unpad.ragged import Layout

    kind = {"device": device, "dtype": getattr(torch, dtype)}
    layer, module, run = contest(name, size)
    module.to(**kind)

    def steps(lengths: Any) -> tuple[Callable[[], Any], Callable[[], Any], Any]:
        mask = mask_of(lengths)
        there = mask.to(device)
        grid = torch.randn(*mask.shape, size.features, **kind) * there[..., None]
        d_grid = torch.randn(*mask.shape, size.features, **kind) * there[..., None]
        values, d_values = grid[there], d_grid[there]

        def ours() -> list[Any]:
            given = values.detach().requires_grad_()
            x = Ragged(given, Layout.from_lengths(lengths))
            out = layer(x, x) if name == "MultiHeadAttention" else layer(x)
            found = torch.autograd.grad(out.values, [given, *layer.trainable_weights], d_values)
            return [out.values.detach(), *found]

        def theirs() -> list[Any]:
            given = grid.detach().requires_grad_()
            out = run(given, ~there)
            found = torch.autograd.grad(out, [given, *module.parameters()], d_grid)
            return [out.detach(), *found]

        return ours, theirs, there

    if lengths is None:
        lengths = lengths_of("EWT")
    # Answers; at the first call there are no weights yet.
    mine, other, there = steps(torch.full((4,), 12) if name == "Conv1D" else lengths)
    mine()
    layer.to(device) if dtype == "float32" else layer.to(**kind)
    copy_weights(name, size, layer, module)
    for a, b in list(zip(mine(), other(), strict=False))[:2]:
        if dtype == "float32":
            torch.testing.assert_close(a, b[there], rtol=1e-4, atol=1e-4)
        else:  # either rounds on its way
            assert (a - b[there]).norm() < 0.05 * b[there].norm()
    return *steps(lengths)[:2], float(mask_of(lengths).float().mean())


def mask_of(lengths: Any) -> Any:
    """True where a step is."""
    import torch

    return torch.arange(int(lengths.max()))[None] < lengths[:, None]


def contest(name: str, size: Size) -> tuple[Any, Any, Any]:
    """Unpad's layer, torch's module, and how it is called with a grid and True at padding."""
    from torch import nn

    from unpad import layers as L

    features, heads, inner = size
    module: Any
    if name == "TransformerEncoder":
        module = nn.TransformerEncoderLayer(features, heads, inner, dropout=0, batch_first=True)
        layer: Any = L.TransformerEncoder(inner, heads)
        return layer, module, lambda x, m: module(x, src_key_padding_mask=m)
    if name == "MultiHeadAttention":
        module = nn.MultiheadAttention(features, heads, batch_first=True)
        layer = L.MultiHeadAttention(heads, features // heads)
        return layer, module, lambda x, m: module(
            x, x, x, key_padding_mask=m, need_weights=False
        )[0]  # fmt: skip
    if name == "Conv1D":
        module = nn.Conv1d(features, features, 3, padding=1)
        return L.Conv1D(features, 3, padding="same"), module, lambda x, m: module(x.mT).mT
    if name == "Dense":
        module = nn.Linear(features, features)
        return L.Dense(features), module, lambda x, m: module(x)
    module = getattr(nn, name)(features, features, batch_first=True)
    layer = getattr(L, name)(features, return_sequences=True)
    return layer, module, lambda x, m: module(x)[0]


def copy_weights(name: str, size: Size, layer: Any, module: Any) -> None:
    """Gives torch's module the weights of unpad's layer."""
    import torch

    features = size.features

    def joined(*kernels: Any) -> Any:
        return torch.cat([k.detach().reshape(features, -1).T for k in kernels])

    own = dict(module.named_parameters())
    with torch.no_grad():
        if name in ("TransformerEncoder", "MultiHeadAttention"):
            heads = layer if name == "MultiHeadAttention" else layer.self_attention_layer
            parts = heads.query_projection, heads.key_projection, heads.value_projection
            prefix = "" if name == "MultiHeadAttention" else "self_attn."
            own[f"{prefix}in_proj_weight"].copy_(joined(*(p.kernel for p in parts)))
            own[f"{prefix}in_proj_bias"].copy_(torch.cat([p.bias.flatten() for p in parts]))
            out = heads.output_projection
            own[f"{prefix}out_proj.weight"].copy_(out.kernel.reshape(features, features).T)
            own[f"{prefix}out_proj.bias"].copy_(out.bias)
        if name == "TransformerEncoder":
            for theirs, ours in (
                ("linear1", layer.feedforward_intermediate_dense),
                ("linear2", layer.feedforward_output_dense),
            ):
                own[f"{theirs}.weight"].copy_(ours.kernel.T)
                own[f"{theirs}.bias"].copy_(ours.bias)
        if name in ("Dense", "Conv1D"):
            kernel = layer.kernel.T if name == "Dense" else layer.kernel.permute(2, 1, 0)
            own["weight"].copy_(kernel)
            own["bias"].copy_(layer.bias)
        if name in ("LSTM", "GRU"):
            cell = getattr(layer, "cell", layer)
            gates = [0, 1, 2, 3] if name == "LSTM" else [1, 0, 2]  # torch: reset before update
            order = torch.cat([torch.arange(features) + g * features for g in gates])
            own["weight_ih_l0"].copy_(cell.kernel.T[order])
            own["weight_hh_l0"].copy_(cell.recurrent_kernel.T[order])
            biases = cell.bias if cell.bias.ndim == 2 else torch.stack([cell.bias, 0 * cell.bias])
            own["bias_ih_l0"].copy_(biases[0][order])
            own["bias_hh_l0"].copy_(biases[1][order])


def attention_pairs() -> Any:
    """Of each law of lengths: scaled dot products of 4 heads of 32."""
    import torch
    import torch.nn.functional as F

    from unpad.kernels.attention import operator
    from unpad.kernels.attention.calls import Call
    from unpad.ragged import Layout

    for kind in LENGTHS:
        lengths = lengths_of(kind)
        mask = mask_of(lengths)
        grids = [torch.randn(*mask.shape, 4, 32) * mask[..., None, None] for _ in range(4)]
        rows: Any = [g[mask].requires_grad_() for g in grids[:3]]
        laid: Any = [g.transpose(1, 2).contiguous().requires_grad_() for g in grids[:3]]
        d_rows, d_laid = grids[3][mask], grids[3].transpose(1, 2).contiguous()
        visible = None if bool(mask.all()) else mask[:, None, None]

        def ours(rows: Any = rows, lengths: Any = lengths, d: Any = d_rows) -> list[Any]:
            layout = Layout.from_lengths(lengths)
            query, key, value = rows
            out, _ = operator.attend(Call(query, key, value, layout, layout))
            return [out.detach(), *torch.autograd.grad(out, rows, d)]

        def theirs(laid: Any = laid, visible: Any = visible, d: Any = d_laid) -> list[Any]:
            query, key, value = laid
            out = F.scaled_dot_product_attention(query, key, value, visible)
            return [out.detach(), *torch.autograd.grad(out, laid, d)]

        for mine, other in zip(ours(), theirs(), strict=True):
            torch.testing.assert_close(mine, other.transpose(1, 2)[mask], rtol=1e-3, atol=1e-4)
        yield f"attention, {kind}", (ours, theirs, float(mask.float().mean()))


def packed_pairs() -> Any:
    """Of each law of lengths the forward pass, against FlexAttention of one packed row."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    from unpad.kernels.attention import operator
    from unpad.kernels.attention.calls import Call
    from unpad.ragged import Layout

    compiled = torch.compile(flex_attention, dynamic=False)
    for kind in LENGTHS:
        lengths = lengths_of(kind)
        steps, layout = int(lengths.sum()), Layout.from_lengths(lengths)
        rows = [torch.randn(steps, 4, 32) for _ in range(3)]
        laid = [x.transpose(0, 1)[None].contiguous() for x in rows]
        ids = layout.sequence_ids

        def alike(b: Any, h: Any, q: Any, k: Any, ids: Any = ids) -> Any:
            return ids[q] == ids[k]

        mask = create_block_mask(alike, None, None, steps, steps, device="cpu")

        def ours(rows: Any = rows, lengths: Any = lengths) -> Any:
            with torch.no_grad():
                layout = Layout.from_lengths(lengths)
                return operator.attend(Call(*rows, layout, layout))[0]

        def theirs(laid: Any = laid, mask: Any = mask) -> Any:
            with torch.no_grad():
                return compiled(*laid, block_mask=mask)

        want = theirs()[0].transpose(0, 1)
        torch.testing.assert_close(ours(), want, rtol=1e-3, atol=1e-4)
        yield f"{FORWARD}, {kind}", (ours, theirs, float(mask_of(lengths).float().mean()))


if __name__ == "__main__":
    sys.exit(main())
