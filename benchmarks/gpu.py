"""On a GPU: training steps of unpad's and of torch's own, padded and packed.

    python benchmarks/gpu.py                        some five minutes
    python benchmarks/gpu.py --quick                does it run?
    python benchmarks/gpu.py --device cpu --quick   the same without a GPU; no figure is a result

| task | what | lengths |
|---|---|---|
| tagger | Embedding(100), two Bidirectional(LSTM(100)), logits; loss, Adam | 128 sentences |
| LSTM | one LSTM(512), as in blocks.py | 64 log-normal ones up to 4,096 |
| transformer | TransformerEncoder(512, 8 heads, 2048), float32 and bfloat16 | both |
| CRF | the loss of 50 tags and its gradients | 128 sentences |

Everything lies on the device before the clock starts, and each step is waited for. Answers come
first: the same weights, the same numbers at real steps. Then the contenders run in turn; a figure
is the median. torch's chain is the textbook's walk over the steps of the padded grid.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import blocks
import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

WORDS, TAGS, SENTENCES = 5000, 50, 128
Steps = dict[str, Callable[[], Any]]


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"rounds": 1 if options.quick else 20, "device": options.device}
    with console.status("measuring"):
        found = harness.apart(__file__, settings | {"quick": options.quick})
    if "missing" in found:
        harness.say(console, f"{found['missing']}: nothing is measured", "red")
        return 1
    versions, gpu = found.pop("versions"), found.pop("gpu")
    table = Table("", "unpad, ms", "padded", "packed", "padded / unpad", "packed / unpad",
                  "1 / real steps", box=SIMPLE)  # fmt: skip
    for name, of in found.items():
        ms = [of.get(who) for who in ("unpad", "padded", "packed")]
        ratios = [x / ms[0] if x else None for x in ms[1:]]
        cells = [f"{x:.2f}" if x else "" for x in (*ms, *ratios, 1 / of["real"])]
        table.add_row(name, *cells)
    console.print(table)
    harness.say(console, f"Device: {gpu}")
    report = {"found": found, "gpu": gpu, "machine": machine, "settings": settings, "targets": []}
    return harness.finish(console, "gpu", report | {"versions": versions}, options.quick)


def measured(rounds: int, device: str, quick: bool) -> dict[str, Any]:
    """Medians of all; answers first."""
    import torch

    import unpad

    if device != "cpu" and not torch.cuda.is_available():
        return {"missing": "torch finds no GPU"}
    torch.manual_seed(0)
    sentences = torch.cat([blocks.lengths_of("EWT", seed) for seed in range(SENTENCES // 32)])
    long = torch.cat([blocks.lengths_of("log-normal", seed) for seed in range(1 if quick else 4)])
    wide = blocks.Size(64, 8, 128) if quick else blocks.Size(512, 8, 2048)
    tasks: dict[str, tuple[Steps, float]] = {
        "tagger, sentences": tagger(sentences, device),
        "LSTM, log-normal": recurrent(long, wide, device),
        "CRF, sentences": crf(sentences, device),
    }
    for dtype in ("float32", "bfloat16"):
        for kind, lengths in (("log-normal", long), ("sentences", sentences)):
            ours, theirs, real = blocks.pair_of("TransformerEncoder", wide, lengths, device, dtype)
            tasks[f"transformer, {dtype}, {kind}"] = {"unpad": ours, "padded": theirs}, real
    found: dict[str, Any] = {}
    for name, (steps, real) in tasks.items():
        times: dict[str, list[float]] = {who: [] for who in steps}
        for at in range(rounds + 2):
            for who, step in steps.items() if at % 2 else reversed(steps.items()):
                wait(device)
                start = time.perf_counter()
                step()
                wait(device)
                if at >= 2:
                    times[who].append((time.perf_counter() - start) * 1e3)
        found[name] = {who: round(median(ms), 4) for who, ms in times.items()}
        found[name] |= {"real": round(real, 3)}
    gpu = torch.cuda.get_device_name() if device != "cpu" else "none: the CPU"
    ran = unpad.kernels.info()["ran"]
    return found | {"gpu": f"{gpu}; operators ran on {ran}", "versions": harness.versions()}


def wait(device: str) -> None:
    """For what the device has been given."""
    import torch

    if device != "cpu":
        torch.cuda.synchronize()


def recurrent(lengths: Any, size: blocks.Size, device: str) -> tuple[Steps, float]:
    """One LSTM: padded by blocks.py's contest, and packed."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    ours, theirs, real = blocks.pair_of("LSTM", size, lengths, device)
    module = nn.LSTM(size.features, size.features, batch_first=True, device=device)
    grid = torch.randn(*blocks.mask_of(lengths).shape, size.features, device=device)

    def packed() -> Any:
        given = grid.detach().requires_grad_()
        inside = pack_padded_sequence(given, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(module(inside)[0], batch_first=True)
        return torch.autograd.grad(out, [given, *module.parameters()], torch.ones_like(out))

    return {"unpad": ours, "padded": theirs, "packed": packed}, real


def tagger(lengths: Any, device: str) -> tuple[Steps, float]:
    """A training step of a tagger in a loop of one's own."""
    import torch
    import torch.nn.functional as F
    from contenders.torch_tagger import IGNORED, Network

    import unpad as keras
    from unpad.ragged import Layout

    mask = blocks.mask_of(lengths)
    words = torch.randint(1, WORDS, mask.shape) * mask
    tags = torch.randint(TAGS, mask.shape).masked_fill(~mask, IGNORED)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(WORDS, 100),
            layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
            layers.Dense(TAGS),
        ]
    )
    real_words, real_tags = words[mask].to(device), tags[mask].to(device)

    def batch() -> Any:
        return keras.Ragged(real_words, Layout.from_lengths(lengths))

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model(keras.Ragged(words[mask], Layout.from_lengths(lengths)))
    model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def ours() -> Any:
        x = batch()
        optimizer.zero_grad()
        found = loss(x.with_values(real_tags), model(x))
        found.backward()
        optimizer.step()
        return found

    steps: Steps = {"unpad": ours}
    grid, grid_tags = words.to(device), tags.to(device)
    for name in ("padded", "packed"):
        network = Network(WORDS, TAGS, packed=name == "packed").to(device)
        own = torch.optim.Adam(network.parameters(), fused=True)

        def theirs(network: Any = network, own: Any = own) -> Any:
            own.zero_grad()
            logits = network(grid, lengths)
            found = F.cross_entropy(logits.flatten(0, 1), grid_tags.flatten(), ignore_index=IGNORED)
            found.backward()
            own.step()
            return found

        steps[name] = theirs
    return steps, float(mask.float().mean())


def crf(lengths: Any, device: str) -> tuple[Steps, float]:
    """The loss of given scores, and its gradients."""
    import torch

    from unpad.kernels import chain

    mask = blocks.mask_of(lengths).to(device)
    grid = torch.randn(*mask.shape, TAGS, device=device, requires_grad=True)
    ways = torch.randn(TAGS, TAGS, device=device, requires_grad=True)
    tags = torch.randint(TAGS, mask.shape, device=device)
    values = grid.detach()[mask].requires_grad_()
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(device)
    real_tags = tags[mask]

    def ours() -> list[Any]:
        scores = chain.Scores(values, ways, None, None)
        found = chain.negative_log_likelihood(scores, offsets, real_tags, real_tags >= 0).mean()
        return [found.detach(), *torch.autograd.grad(found, [values, ways])]

    def padded() -> list[Any]:
        row = grid[:, 0]
        own = row.gather(1, tags[:, :1])[:, 0]
        for t in range(1, mask.shape[1]):
            following = (row[:, :, None] + ways).logsumexp(1) + grid[:, t]
            row = torch.where(mask[:, t, None], following, row)
            here = grid[:, t].gather(1, tags[:, t : t + 1])[:, 0] + ways[tags[:, t - 1], tags[:, t]]
            own = own + here * mask[:, t]
        found = (row.logsumexp(1) - own).mean()
        return [found.detach(), *torch.autograd.grad(found, [grid, ways])]

    mine, other = ours(), padded()
    other[1] = other[1][mask]
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    return {"unpad": ours, "padded": padded}, float(mask.float().mean())


if __name__ == "__main__":
    sys.exit(main())
