"""What a model was trained with, as Keras 1 and 2 wrote it: words, and what was gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .hdf5 import Group
from .older.configuration import Version
from .older_weights import arrays_in, names_in
from .optimizer_state import kept_by_rule, set_state
from .weights import Place

Data = dict[str, Any]
#: What says how fast to go, or is what Keras 3 does anyhow.
_NOTHING = (
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
    "sample_weight_mode",
    "from_serialized",
)
_NOTHING_OF_OPTIMIZERS = ("is_legacy_optimizer", "jit_compile", "schedule_decay", "name")


def modern_training(data: Any, version: Version) -> Data:
    """The arguments of `compile` as data, of an older "training_config" or "compile_config"."""
    if not isinstance(data, Mapping):
        raise ValueError("expected what the model is trained with, as a dict.")
    found = {name: value for name, value in data.items() if name not in _NOTHING}
    optimizer = found.pop("optimizer_config", found.pop("optimizer", None))
    found["optimizer"] = _optimizer(optimizer, version)
    found["loss"] = _each(found.get("loss"), "losses", version)
    for name in ("metrics", "weighted_metrics"):
        metrics = found.get(name)
        if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
            metrics = metrics[0]
        found[name] = _each(metrics, "metrics", version)
    return found


def _each(value: Any, home: str, version: Version) -> Any:
    if isinstance(value, list):
        return [_each(v, home, version) for v in value]
    if not isinstance(value, Mapping):
        return value
    if not isinstance(value.get("class_name"), str):
        return {name: _each(v, home, version) for name, v in value.items()}
    config = value.get("config")
    if not isinstance(config, Mapping) or ("module" in value and version[0] >= 3):
        return {**value}
    config = dict(config)
    if value["class_name"] == "MeanMetricWrapper":
        called = config.get("name")
        return called if called in ("accuracy", "acc") else config.get("fn")
    if config.get("reduction") in ("auto", "AUTO"):
        config["reduction"] = "sum_over_batch_size"
    return {**value, "module": f"keras.{home}", "config": config}


def _optimizer(value: Any, version: Version) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
        return value
    config = {n: v for n, v in value["config"].items() if n not in _NOTHING_OF_OPTIMIZERS}
    if version[0] >= 3:
        return {**value, "module": "keras.optimizers"}
    rate = config.pop("lr", config.pop("learning_rate", None))
    decay = config.pop("decay", None)
    if config.get("epsilon", ...) is None:
        del config["epsilon"]
    if isinstance(rate, Mapping):
        rate = {**rate, "module": "keras.optimizers.schedules"}
    elif decay:
        schedule = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
        rate = {
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay",
            "config": schedule,
        }  # fmt: skip
    if rate is not None:
        config["learning_rate"] = rate
    return {**value, "module": "keras.optimizers", "config": config}


# --- what was gathered ----------------------------------------------------------------------------


def set_older_state(optimizer: Any, weights: Sequence[Any], root: Group, where: Place) -> None:
    """Gives an optimiser what a file has gathered, whichever Keras wrote it.

    Raises:
        ValueError: it is that of another optimiser or of other weights.
        FileError: an array is missing.
    """
    group = root.groups.get("optimizer_weights")
    if group is None or not names_in(group):
        return
    arrays = arrays_in(group, where, "optimizer_weights")
    first = names_in(group)[0].rpartition("/")[2].partition(":")[0]
    set_state(optimizer, weights, _in_order(optimizer, weights, arrays, first))


def _in_order(
    optimizer: Any, weights: Sequence[Any], arrays: list[np.ndarray], first: str
) -> list[np.ndarray]:
    """The arrays in Keras 3's order, of which older Keras had all of one kind first.

    Args:
        optimizer: what they are for.
        weights: likewise.
        arrays: of the file.
        first: the name of the first; Keras 2.11 has Keras 3's order, and calls it "iteration".
    """
    schedule = optimizer.around.schedule is not None
    rate = [] if schedule else [np.array(optimizer.param_groups[0]["lr"])]
    if first == "iteration":
        known = len(arrays) > 1 and arrays[1].shape == ()
        return [
            arrays[0],
            *([] if schedule else arrays[1:2] if known else rate),
            *arrays[1 + known :],
        ]
    counted = bool(arrays) and arrays[0].shape == ()
    count = arrays[0] if counted else np.array(0)
    rest = arrays[counted:]
    last: list[np.ndarray] = []
    groups = kept_by_rule(optimizer, weights)
    if type(optimizer).__name__ == "NadamKeras":
        last, rest = [rest[0]], rest[1:]
    kinds = [name for names in groups for name in names]
    size = len(weights)
    extra = rest[len(kinds) * size :]
    # Keras 2.0 to 2.3 kept an empty vhat beside each weight; SGD's velocity, with momentum or not.
    if all(a.shape == (1,) for a in extra) or (first != "iter" and not kinds):
        rest = rest[: len(kinds) * size]
    if len(rest) != len(kinds) * size or type(optimizer).__name__ == "FtrlKeras":
        return [count, *rate, *rest, *last]
    by_kind = {kind: rest[i * size : (i + 1) * size] for i, kind in enumerate(kinds)}
    found = [count, *rate]
    for names in groups:
        found += [by_kind[name][i] for i in range(size) for name in names]
    return found + last
