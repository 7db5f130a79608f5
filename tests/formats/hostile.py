"""Files that lie, for each format: made from an honest one."""

import json
import struct
import zipfile

import numpy as np

import unpad as keras
from unpad import layers as L

from .older_files import drawn, entry, write

X = np.array([[1, 2, 3], [4, 5, 0]])
Y = np.ones((2, 3))
ENDINGS = (".keras", ".safetensors", ".h5")


def tagger(size=4, optimizer="adam"):
    model = keras.Sequential([
        keras.Input((None,)), L.Embedding(9, size, mask_zero=True), L.Bidirectional(L.GRU(3)),
        L.Dense(3),
    ])  # fmt: skip
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def honest(path, size=4):
    """A file of this ending with a model in it."""
    if path.suffix != ".h5":
        tagger(size).save(path)
        return
    table, *walk = drawn((9, size), (size, 9), (3, 9), (2, 9))
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        entry("Embedding", "e", input_dim=9, output_dim=size, mask_zero=True,
              batch_input_shape=[None, None]),
        entry("GRU", "g", units=3, reset_after=True, recurrent_activation="sigmoid"),
    ]}}  # fmt: skip
    training = {"optimizer_config": {"class_name": "Adam", "config": {"lr": 0.01}}, "loss": "mse"}
    slots = {f"Adam/s{i}:0": np.abs(a) for i, a in enumerate([table, *walk] * 2)}
    write(path, config, {"e": [table], "g": walk}, b"2.4.0", training_config=training,
          optimizer_weights={"Adam/iter:0": np.int64(3), **slots})  # fmt: skip


def configured(path, change):
    """The file with its model's configuration, as a text, changed."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        members["config.json"] = change(members["config.json"].decode()).encode()
        with zipfile.ZipFile(path, "w") as file:
            for name, data in members.items():
                file.writestr(name, data)
    elif path.suffix == ".h5":
        import h5py

        with h5py.File(path, "r+") as file:
            text = file.attrs["model_config"]
            text = text.decode() if isinstance(text, bytes) else text
            file.attrs["model_config"] = change(text)
    else:
        header, body = parts(path)
        metadata = header["__metadata__"]
        metadata["model"] = change(metadata["model"])
        del metadata["sha256"], metadata["format"]
        put(path, json.dumps(header), body)


def parts(path):
    """The header and the numbers of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def put(path, header, body):
    """Writes such a file, whatever the header says."""
    path.write_bytes(struct.pack("<Q", len(header.encode())) + header.encode() + body)


def mutated(data, seed):
    """The bytes changed at random: flipped, overwritten, cut, repeated."""
    draw = np.random.default_rng(seed)
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 8])):
        place = int(draw.integers(len(data)))
        if draw.random() < 0.6:
            data[place] = int(draw.integers(256))
        else:  # an address or a size that lies
            words = [0, 1, 2**64 - 1, 2**63, len(data), int(draw.integers(len(data))), 1 << 40]
            place = min(place // 8 * 8, len(data) - 8)
            data[place : place + 8] = struct.pack("<Q", words[draw.integers(len(words))])
    if draw.random() < 0.2:
        del data[draw.integers(len(data)) :]
    elif draw.random() < 0.2:
        place = int(draw.integers(len(data)))
        data[place:place] = data[place : place + int(draw.integers(99))]
    return bytes(data)
