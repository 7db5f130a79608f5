"""Which of unpad's modules a name below `keras` or `tensorflow` stands for."""

from __future__ import annotations

import importlib
from types import ModuleType

import unpad

#: Where Keras itself is found.
ROOTS = (
    "tensorflow.python.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.keras",
    "tf_keras",
    "keras",
)
#: Older homes, below Keras, of what has another home now.
_MOVED = {
    "api": "",
    "callbacks.callbacks": "callbacks",
    "engine": "",
    "engine.base_layer": "layers",
    "engine.functional": "models",
    "engine.input_layer": "",
    "engine.sequential": "models",
    "engine.topology": "",
    "engine.training": "models",
    "legacy": "",
    "src": "",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.np_utils": "utils",
    "utils.vis_utils": "utils",
    **{
        f"layers.{name}": "layers"
        for name in (
            "advanced_activations", "convolutional", "core", "embeddings", "merge", "noise",
            "normalization", "pooling", "recurrent", "recurrent_v2", "wrappers",
            "experimental", "experimental.preprocessing",
        )
    },
}  # fmt: skip


#: What Keras has at its top beside its home.
AT_THE_TOP = {
    "Initializer": "initializers", "Loss": "losses", "Metric": "metrics",
    "Optimizer": "optimizers", "Regularizer": "regularizers",
}  # fmt: skip

#: What has its home in another module now, by what it is called below Keras.
ELSEWHERE = {
    "losses.Reduction": "dialect.older.Reduction",
    **{
        f"preprocessing.{name}": f"utils.{name}"
        for name in ("text_dataset_from_directory", "timeseries_dataset_from_array")
    },
}


def below_keras(name: str) -> str | None:
    """What stands behind Keras in a module's name: "layers" of "tf.keras.layers"; None elsewhere.

    Example:
        >>> below_keras("tensorflow.python.keras.layers"), below_keras("keras"), below_keras("re")
        ('layers', '', None)
    """
    for root in ROOTS:
        if name == root or name.startswith(f"{root}."):
            return name[len(root) + 1 :]
    return None


def module_for(name: str) -> ModuleType | None:
    """The module that stands for this one below Keras; None where there is none.

    Args:
        name: "layers", "preprocessing.sequence", "" for Keras itself.
    """
    name = _MOVED.get(name, name)
    if not name:
        return unpad
    module: ModuleType = unpad
    for part in name.split("."):
        if part not in getattr(module, "__all__", ()):
            return _below(module, part) if part == name.rpartition(".")[2] else None
        found = getattr(module, part)
        if not isinstance(found, ModuleType):
            return None
        module = found
    return module


def _below(module: ModuleType, part: str) -> ModuleType | None:
    """A module that its parent lists nowhere: optimizers.schedules, say."""
    found = getattr(module, part, None)
    if not isinstance(found, ModuleType) or part.startswith("_") or module is unpad:
        return None
    public = f"{module.__name__}.{part}"
    return importlib.import_module(public) if found.__name__ == public else None
