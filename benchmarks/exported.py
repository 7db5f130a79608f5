"""The tagger's predictions: unpad's own, and onnxruntime's of the exported model.

    python benchmarks/exported.py            less than a minute
    python benchmarks/exported.py --quick    does it run?

Embedding(100), two Bidirectional(LSTM(100)), softmax over 18 tags, float32, weights as drawn: what
is predicted is another matter. Batches of 32 sentences of UD English EWT as they come, and batches
of like lengths, a grid each as wide as its longest sentence, ids in and shares out, one thread.
unpad takes the padding off and puts it back, as a caller of `predict_on_batch` has it. Answers must
agree to 1e-5 first. Then both run in turn, batch by batch; medians.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

TAGS = 18
WORDS = 10_000
BATCH = 32


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"batches": 3 if options.quick else 30, "rounds": 1 if options.quick else 5}
    with console.status("measuring"):
        found = harness.apart(__file__, settings)
    versions = found.pop("versions")
    table = Table("ms a batch", "as they come", "of like lengths", box=SIMPLE)
    for name in ("unpad", "onnxruntime"):
        table.add_row(name, *(f"{found[kind][name]:.2f}" for kind in ("any", "alike")))
    console.print(table)
    report = {**found, "machine": machine, "settings": {**settings, "batch": BATCH}}
    report |= {"targets": [], "versions": versions}
    return harness.finish(console, "exported", report, options.quick)


def measured(batches: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a batch, medians over batches and rounds; answers first."""
    import numpy as np
    import onnxruntime
    import torch

    import unpad
    from unpad import layers

    torch.set_num_threads(1)
    unpad.utils.set_random_seed(0)
    model = unpad.Sequential([
        unpad.Input((None,), dtype="int64"), layers.Embedding(WORDS, 100),
        layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
        layers.Dense(TAGS, activation="softmax"),
    ])  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tagger.onnx"
        start = time.perf_counter()
        model.export(path)
        export_s = time.perf_counter() - start
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        runtime = onnxruntime.InferenceSession(path, options)

    def by_runtime(grid: Any, lengths: Any) -> Any:
        return runtime.run(None, {"input": grid, "lengths": lengths})[0]

    def by_unpad(grid: Any, lengths: Any) -> Any:
        batch = unpad.Ragged.from_padded(torch.from_numpy(grid), lengths=torch.from_numpy(lengths))
        with torch.inference_mode():
            return model(batch).to_padded().numpy()

    contenders = {"unpad": by_unpad, "onnxruntime": by_runtime}
    model.eval()
    found: dict[str, Any] = {}
    for kind, data in drawn(batches).items():
        for grid, lengths in data[:3]:
            np.testing.assert_allclose(
                by_runtime(grid, lengths), by_unpad(grid, lengths), rtol=1e-5, atol=1e-5
            )
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for grid, lengths in data:
                for name, predict in contenders.items():
                    start = time.perf_counter()
                    predict(grid, lengths)
                    times[name].append(1000 * (time.perf_counter() - start))
        found[kind] = {name: median(all_of) for name, all_of in times.items()}
    versions = {"onnxruntime": onnxruntime.__version__, **harness.versions()}
    return {**found, "export_s": export_s, "versions": versions}


def drawn(batches: int) -> dict[str, list[Any]]:
    """Grids of ids and their lengths: sentences as they come, and sorted by length."""
    import corpora
    import numpy as np

    lengths = [len(x) for x in corpora.english_ewt().train.x][: batches * BATCH]
    found = {}
    for kind, ordered in (("any", lengths), ("alike", sorted(lengths))):
        draw, data = np.random.default_rng(0), []
        for start in range(0, len(ordered), BATCH):
            part = np.array(ordered[start : start + BATCH])
            grid = draw.integers(1, WORDS, (len(part), part.max()))
            data.append((np.where(np.arange(part.max()) < part[:, None], grid, 0), part))
        found[kind] = data
    return found


if __name__ == "__main__":
    sys.exit(main())
