"""How does a series go on? One small GRU forecasts 181 yearly series of 15 to 58 years.

    python examples/forecaster.py            # five seeds
    python examples/forecaster.py --small    # one seed, fewer epochs

The yearly series of the first forecasting competition (Makridakis et al. 1982): production, people,
prices. The last six years of each are held out, `series[:, -6:]`. From the years before, a GRU
learns each year's growth: given `growth[:, :-1]`, it is to say `growth[:, 1:]`, each series sliced
at its own ends. Growth is that of the logarithm, in units of the series' own usual growth. Then it
forecasts a year, takes that for true, forecasts the next, ...

Counted in MASE: the mean absolute error over that of "as last year" in the years before. The set
comes with the package aeon, of which only this file is read: `pip install --no-deps aeon`.

| known                                                         | MASE           |
|---------------------------------------------------------------|----------------|
| exponential smoothing, Godahewa et al. 2021, arXiv 2105.06643 | 4.938          |
| DeepAR, N-BEATS, WaveNet, Transformer, the same               | 4.384 to 5.519 |
| TBATS, the best of their twelve                               | 3.499          |
| reached in full: the mean of five seeds                       | 3.322          |
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import unpad as keras
from unpad import Ragged, layers

YEARS = 6  # to forecast


def read() -> Ragged:
    """The series, from the package aeon, which is not imported for it."""
    found = find_spec("aeon")
    if found is None or found.origin is None:
        raise SystemExit("The yearly series come with a package: pip install --no-deps aeon")
    name = "m1_yearly_dataset"
    path = Path(found.origin).parent / "datasets" / "data" / name / f"{name}.tsf"
    lines = path.read_text("cp1252").splitlines()
    rows = [line.split(":")[-1].split(",") for line in lines if line[0] not in "#@"]
    return Ragged.from_list([torch.tensor([float(v) for v in row]) for row in rows])


def steps_of(series: Ragged) -> Ragged:
    """From each year to the next."""
    return series[:, 1:] - series[:, :-1]


def mase(forecast: torch.Tensor, series: Ragged) -> float:
    """The mean absolute scaled error of a forecast (series, years), averaged over the series."""
    usual = abs(steps_of(series[:, :-YEARS])).mean()
    return float((abs(series[:, -YEARS:] - forecast).mean() / usual).mean())


def learn(growth: Ragged, epochs: int) -> keras.Sequential:
    """A GRU that says the next year's growth, given all years before."""
    model = keras.Sequential(
        [
            keras.Input((None, 1), ragged=True),
            layers.GRU(16, return_sequences=True),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "mae")
    model.fit(growth[:, :-1], growth[:, 1:], batch_size=16, epochs=epochs, verbose=0)
    return model


def go_on(model: keras.Sequential, growth: Ragged) -> torch.Tensor:
    """The growth of the years to come, (series, years), a year at a time."""
    for _ in range(YEARS):
        year = model.predict(growth, verbose=0)[:, -1:]
        growth = layers.concatenate([growth, year], axis=1)
    return growth[:, -YEARS:, 0].to_padded()


def main(argv: list[str] | None = None) -> None:
    """Reads, trains once a seed, and compares with naive forecasts and what is known."""
    parser = argparse.ArgumentParser(description="Forecasts six years of 181 series.")
    parser.add_argument("--small", action="store_true", help="one seed, fewer epochs")
    options = parser.parse_args(argv)
    seeds, epochs, worst = (1, 20, 3.7) if options.small else (5, 60, 3.45)

    series = read()
    past, ahead = series[:, :-YEARS], torch.arange(1, YEARS + 1)
    last, drift = past[:, -1:].to_padded(), steps_of(past).mean()[:, None]
    growth = steps_of(torch.log(past))
    unit = abs(growth).mean()
    scaled, found = (growth / unit)[..., None], []
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        said = go_on(learn(scaled, epochs), scaled) * unit[:, None]
        found.append(mase(last * said.cumsum(1).exp(), series))
    mean, lengths = float(np.mean(found)), series.lengths

    console = Console(highlight=False)
    console.print(f"{len(series)} series of {lengths.min()} to {lengths.max()} years.")
    table = Table("forecast of the last six", "MASE")
    table.add_row("as the last year", f"{mase(last + 0 * ahead, series):.3f}")
    table.add_row(
        "a straight line on from the first and last", f"{mase(last + drift * ahead, series):.3f}"
    )
    table.add_row("Transformer, DeepAR, N-BEATS (Godahewa et al. 2021)", "5.519, 4.603, 4.384")
    table.add_row("TBATS, the best of their twelve", "3.499")
    table.add_row("a GRU of 16 units, here", f"{mean:.3f} ({', '.join(f'{m:.2f}' for m in found)})")
    console.print(table)
    if mean > worst:
        raise SystemExit(f"A MASE of {mean:.3f} is more than {worst}.")


if __name__ == "__main__":
    main()
