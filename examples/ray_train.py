"""Which class the word before has, learnt by two workers of Ray Train.

    pip install 'ray[train]'
    python examples/ray_train.py --small

Ray sets up torch.distributed in each worker, so that `fit` finds the others there, as under
torchrun. Every worker is given the same data and takes its share of each batch: give it no shards
of Ray's.

Data: drawn here; a word's tag is the class of the word before it.
"""

from __future__ import annotations

import argparse
from typing import Any


def train(options: dict[str, Any]) -> None:
    """What each worker does."""
    import numpy as np
    import ray.train

    import unpad as keras

    keras.utils.set_random_seed(1)
    draw = np.random.default_rng(0)
    words = [draw.integers(1, 30, draw.integers(1, 20)) for _ in range(options["sentences"])]
    tags = [np.concatenate([[0], word[:-1] % 3]) for word in words]
    model = keras.Sequential(
        [
            keras.layers.Embedding(30, 16),
            keras.layers.GRU(24, return_sequences=True),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    world = ray.train.get_context().get_world_size()
    model.fit(words, tags, batch_size=32 // world, epochs=5, verbose=2)
    _, accuracy = model.evaluate(words, tags, verbose=0)
    if ray.train.get_context().get_world_rank() == 0:
        total = model.get_weights()[0].sum()
        print(f"{world} workers: right on {accuracy:.1%} of the tags; weights sum to {total:.4f}")
    assert accuracy > 0.95, accuracy


def main() -> None:
    import ray
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a taste, less than a minute")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    ray.init(num_cpus=given.workers + 1)
    TorchTrainer(
        train,
        train_loop_config={"sentences": 300 if given.small else 3000},
        scaling_config=ScalingConfig(num_workers=given.workers),
    ).fit()


if __name__ == "__main__":
    main()
