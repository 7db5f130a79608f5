"""What a script asks of the machine before it begins, by the names of TensorFlow's `config`."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import torch


class PhysicalDevice(NamedTuple):
    """A processor that torch can compute on.

    Example:
        >>> PhysicalDevice("/physical_device:GPU:0", "GPU").name
        '/physical_device:GPU:0'
    """

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The processors of this machine.

    Args:
        device_type: "CPU" or "GPU"; None for both.
    """
    found = [("CPU", 0), *(("GPU", i) for i in range(torch.cuda.device_count()))]
    return [
        PhysicalDevice(f"/physical_device:{kind}:{i}", kind)
        for kind, i in found
        if device_type in (None, kind)
    ]


def set_memory_growth(device: Any, enable: bool) -> None:
    """Torch takes a GPU's memory as it is needed: what True asks for.

    Args:
        device: any.
        enable: True.

    Raises:
        ValueError: it is not True.
    """
    if not enable:
        raise ValueError(
            "tf.config.experimental.set_memory_growth: enable=False is not supported: torch takes "
            "memory as it is needed. Leave it out."
        )


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Every step runs as it is written, whatever is asked: no number hangs on it.

    Args:
        run_eagerly: whether TensorFlow would leave functions uncompiled.
    """


def executing_eagerly() -> bool:
    """True: a line computes when it is reached."""
    return True


def enable_op_determinism() -> None:
    """The same seed gives the same bits without it."""


def get_logger() -> logging.Logger:
    """The log that scripts silence; nothing is written to it."""
    return logging.getLogger("tensorflow")
