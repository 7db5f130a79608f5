"""What a layer computes in and keeps its weights in: one policy, Keras's or torch's autocast.

A policy has three types. The variables' is that of the weights. The compute type is that of what a
layer gives to whoever calls it. Sums, statistics, losses and tallies are float32 or float64,
whatever it is.

On a GPU the products are computed in the compute type, and values between layers are kept in it. On
a CPU a layer of ours computes in float32 whatever half type is asked for, with the library and
without it, and what comes out is rounded: see `rounding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import torch

from ..arguments import MIXED, precision
from ..kernels.around import products_in
from ..ragged.numbers import HALF, type_name


class DTypePolicy:
    """The types that a layer computes in and keeps its weights in, by Keras's names.

    Args:
        name: "mixed_bfloat16" or "mixed_float16", with weights of float32; or one type for both,
            as "float32", "float64" or "bfloat16".

    Raises:
        ValueError: there is no such policy.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    quantization_mode = None

    def __init__(self, name: str) -> None:
        if isinstance(name, str):
            name = precision(type(self).__name__, "name", name)
        if not isinstance(name, str):
            raise ValueError(
                f"{type(self).__name__}: expected a name, as 'mixed_bfloat16', got {name!r}."
            )
        self.name = name
        #: Torch's type of what is computed, and of the weights.
        self.compute: torch.dtype = getattr(torch, MIXED.get(name, name))
        self.variable: torch.dtype = torch.float32 if name in MIXED else self.compute

    @property
    def compute_dtype(self) -> str:
        """The name of the type that a layer's outputs have."""
        return type_name(self.compute)

    @property
    def variable_dtype(self) -> str:
        """The name of the type of the weights."""
        return type_name(self.variable)

    def get_config(self) -> dict[str, Any]:
        """The name."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy of `get_config`'s name."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"DTypePolicy({self.name!r})"


_global: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none: the one that was set, else torch's default type."""
    return _global or DTypePolicy(type_name(torch.get_default_dtype()))


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of all layers that are made from now on and given none of their own.

    Args:
        policy: a `DTypePolicy`, or a name of one, as "mixed_bfloat16".

    Raises:
        ValueError: there is no such policy.
    """
    global _global
    found = policy_of(precision("set_dtype_policy", "policy", policy))
    plain = found is None or (found == DTypePolicy(type_name(torch.get_default_dtype())))
    _global = None if plain else found


@overload
def policy_of(given: None) -> None: ...
@overload
def policy_of(given: str | torch.dtype) -> DTypePolicy: ...
@overload
def policy_of(given: Any) -> Any: ...
def policy_of(given: Any) -> Any:
    """The policy that a layer is given, in any form; None for None.

    Args:
        given: a policy, one of Keras's, a name, a type of torch's, or a policy as data, which a
            `from_config` of one's own hands over as it stands in a file.
    """
    if given is None or isinstance(given, DTypePolicy):
        return given
    if isinstance(given, Mapping):
        return DTypePolicy(given["config"]["name"])
    name = given.name if hasattr(given, "variable_dtype") else given
    return DTypePolicy(type_name(name) if isinstance(name, torch.dtype) else name)


def policy_for(given: Any) -> DTypePolicy | None:
    """The policy of a layer that is given this: its own, else the one that was set for all."""
    return _global if given is None else policy_of(given)


def written(policy: DTypePolicy | None) -> dict[str, Any] | None:
    """A policy as a configuration holds it, in Keras's form; None where there is none."""
    if policy is None:
        return None
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": policy.get_config(),
        "registered_name": None,
    }


def hand_down(policy: DTypePolicy | None, layer: torch.nn.Module) -> None:
    """Gives a policy to a layer and those inside, but for those that were given their own.

    Args:
        policy: of the model that they stand in.
        layer: whose weights are not made yet, or have the policy's type.

    Raises:
        ValueError: weights are there, in another type.
    """
    given_none: list[Any] = [m for m in layer.modules() if getattr(m, "own_policy", True) is False]
    for module in given_none:
        module.dtype = policy
        module.own_policy = False


def go_by_inside(layer: Any, inside: Any) -> None:
    """A wrapper that was given no policy has that of the layer inside; else it gives its own type.

    Args:
        layer: the wrapper, in its constructor.
        inside: a layer, a cell or any module.
    """
    policy = getattr(inside, "given_policy", None)
    if policy is None:
        return
    if not layer.own_policy:
        hand_down(policy, layer)
    elif layer.half_type is None and inside.half_type is not None:
        layer.half_type = layer.given_policy.compute


def told(policy: DTypePolicy, device: str) -> str:
    """What a policy means on a kind of device, as `summary` says it.

    Args:
        policy: of a layer of this library's.
        device: "cpu", "cuda", ...
    """
    weights, values = policy.variable_dtype, policy.compute_dtype
    products = type_name(products_in(policy.compute, device))
    wide = device == "cpu" and policy.name == "mixed_bfloat16"  # see `rounding`
    kept = weights if wide else values
    text = f"weights {weights}, values between layers {kept}, products {products}"
    if kept != values:
        text += f", outputs {values}"
    if policy.variable in HALF:
        text += "; small updates are lost in such weights: to train, mixed_" + weights
    return text


def needs_scaling(model: torch.nn.Module) -> bool:
    """Whether a layer of the model, or itself, computes in float16 with weights of float32.

    Then gradients between layers are of a type that holds nothing below 6e-8.
    """
    policies = (getattr(module, "given_policy", None) for module in model.modules())
    return any(policy is not None and policy.name == "mixed_float16" for policy in policies)
