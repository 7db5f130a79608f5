"""Files as Keras 1 and 2 wrote them, made from the public facts of their formats."""

import json

import h5py
import numpy as np


def entry(kind, name, nodes=None, **config):
    """A layer's data."""
    data = {"class_name": kind, "config": {"name": name, **config}}
    return data if nodes is None else {**data, "name": name, "inbound_nodes": nodes}


def write(path, config, layers, version=b"2.2.4", backend=b"tensorflow", **more):
    """Writes a whole model.

    Args:
        path: of the file.
        config: the model's data; None writes weights alone.
        layers: arrays by the layers' names.
        version: of Keras; None says none, as Keras 1 did.
        backend: likewise.
        more: "training_config", and "optimizer_weights" by name.
    """
    with h5py.File(path, "w") as file:
        group = file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
            group = file.create_group("model_weights")
        if "training_config" in more:
            file.attrs["training_config"] = json.dumps(more["training_config"]).encode()
        if version is not None:
            group.attrs["keras_version"], group.attrs["backend"] = version, backend
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            _arrays(group.create_group(name), {f"{name}/w{i}:0": a for i, a in enumerate(arrays)})
        if "optimizer_weights" in more:
            _arrays(file.create_group("optimizer_weights"), more["optimizer_weights"])


def _arrays(group, arrays):
    group.attrs["weight_names"] = [name.encode() for name in arrays]
    for name, array in arrays.items():
        group[name] = array


def drawn(*shapes, seed=0):
    draw = np.random.default_rng(seed)
    return [draw.normal(size=shape).astype("float32") for shape in shapes]
