"""The processes that work on one model together: what they add up, hand on and agree on.

Each runs the same program and is given the same data, of which it takes its share. They find each
other through `torch.distributed`: as the program has set it up, or else as torchrun, accelerate and
their like say in the environment. A process by itself is a world of one, for which all of this
costs nothing.
"""

from __future__ import annotations

import atexit
import datetime
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from itertools import islice
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")

# What torchrun and its like tell each process.
_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# So long those that are left wait for each other's word, to know who is gone.
_SECONDS = 5.0

_at_work: ContextVar[Ranks | None] = ContextVar("ranks at work", default=None)


class Ranks:
    """A process among those that work on one model together.

    Args:
        rank: its number, from 0.
        world: how many there are.
        who: is called in errors.
        places: of each, the computer and the process, for errors.
    """

    def __init__(
        self, rank: int = 0, world: int = 1, who: str = "", places: Sequence[str] = ()
    ) -> None:
        self.rank, self.world = rank, world
        #: Whether there is no other; asked ten times a batch.
        self.alone = world == 1
        self._who, self._places = who, places
        # What is added up by name, as all know it.
        self._names: dict[Any, None] = {}
        #: Where this process's own stream of random numbers stands; None: it has none.
        self.stream: Tensor | None = None

    @property
    def first(self) -> bool:
        """Whether it is the one that prints and writes."""
        return self.rank == 0

    # --- sums ------------------------------------------------------------------------------------

    def sums(self, numbers: dict[Any, float]) -> dict[Any, float]:
        """The sum over all processes of each number, by name.

        What one process does not name counts 0 there.
        """
        if self.alone:
            return numbers
        new = any(name not in self._names for name in numbers)
        total = self._total(numbers, new)
        if total[-1]:
            # Somebody has a name that not all know: they agree on the names first.
            for names in self.gather(list(numbers)):
                self._names |= dict.fromkeys(names)
            total = self._total(numbers, False)
        return dict(zip(self._names, total, strict=False))

    def _total(self, numbers: dict[Any, float], new: bool) -> list[float]:
        mine = [*(numbers.get(name, 0.0) for name in self._names), float(new)]
        total = torch.tensor(mine, dtype=torch.float64, device=_device())
        with self._talking():
            dist.all_reduce(total)
        return total.tolist()

    def any(self, flag: bool) -> bool:
        """Whether one of them says so."""
        return bool(flag) if self.alone else bool(self.sums({"any": float(bool(flag))})["any"])

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        """Adds up the gradients of these weights; one that no process has touched has none.

        Raises:
            ValueError: a gradient is sparse.
        """
        if not self.alone:
            self._sum_gradients(weights)

    @torch.no_grad()
    def _sum_gradients(self, weights: Iterable[Tensor]) -> None:
        kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for weight in weights:
            kinds.setdefault((weight.device, weight.dtype), []).append(weight)
        for (device, dtype), some in kinds.items():
            if (
                wrong := next((w for w in some if w.grad is not None and w.grad.is_sparse), None)
            ) is not None:
                raise ValueError(
                    f"{self._who}: a weight of shape {tuple(wrong.shape)} has a sparse gradient, "
                    f"which {self.world} processes cannot add up. Leave out sparse=True."
                )
            touched = [float(w.grad is not None) for w in some]
            parts = [w.new_zeros(w.numel()) if w.grad is None else w.grad.reshape(-1) for w in some]
            flat = torch.cat([*parts, torch.tensor(touched, dtype=dtype, device=device)])
            with self._talking():
                dist.all_reduce(flat)
            *sums, flags = flat.split([*(w.numel() for w in some), len(some)])
            for weight, total, flag in zip(some, sums, flags.tolist(), strict=True):
                weight.grad = total.view(weight.shape) if flag else None

    def summed(self, x: Tensor) -> Tensor:
        """The sum over all processes, through which gradients flow back to all."""
        return x if self.alone else _Sum.apply(x, self)  # pyright: ignore[reportReturnType]

    def add_up(self, x: Tensor) -> Tensor:
        """The sum over all processes, without a graph."""
        total = x.detach().clone(memory_format=torch.contiguous_format)
        with self._talking():
            dist.all_reduce(total)
        return total

    # --- words -----------------------------------------------------------------------------------

    def gather(self, value: T) -> list[T]:
        """Each process's value, in their order."""
        if self.alone:
            return [value]
        found: list[Any] = [None] * self.world
        with self._talking():
            dist.all_gather_object(found, value)
        return found

    def gather_number(self, number: int) -> list[int]:
        """Each process's number, in their order."""
        mine = torch.tensor([number], dtype=torch.int64, device=_device())
        found = [torch.empty_like(mine) for _ in range(self.world)]
        with self._talking():
            dist.all_gather(found, mine)
        return [int(n) for n in found]

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes; where that raises, all do."""
        if self.alone:
            return make()
        said: list[Any] = [None, None]
        if self.first:
            try:
                said = [make(), None]
            except Exception as error:
                said = [None, error]
        with self._talking():
            dist.broadcast_object_list(said, 0)
        if said[1] is not None:
            raise said[1]
        return said[0]

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Checks that all have been given the same.

        Raises:
            ValueError: one has not; the text says which, and what.
        """
        if self.alone:
            return
        every = self.gather(dict(facts))
        for rank, theirs in enumerate(every):
            for name, value in every[0].items():
                if theirs.get(name) != value:
                    raise ValueError(
                        f"{self._who}: rank {rank} has {name}={theirs.get(name)!r}, rank 0 has "
                        f"{value!r}. Every process is given the same, and takes its share of it: "
                        "make the data from a seed, and leave out samplers that divide it."
                    )

    @torch.no_grad()
    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Sets these tensors, in place, to what they are in the first process."""
        if self.alone:
            return
        for tensor in tensors:
            given = tensor.detach().contiguous()
            with self._talking():
                dist.broadcast(given, 0)
            if given.data_ptr() != tensor.data_ptr():
                tensor.copy_(given)

    # --- shares ----------------------------------------------------------------------------------

    def turns(self, things: Iterator[T]) -> Iterator[T]:
        """Of things that all have, those that are this process's to do: each world-th."""
        return things if self.alone else islice(things, self.rank, None, self.world)

    def in_turn(self, mine: Sequence[T]) -> list[T]:
        """All things again, in their order, where each has done what `turns` gave it.

        Where one has stopped early, those before the first that is missing.
        """
        if self.alone:
            return list(mine)
        every = self.gather(mine)
        found: list[T] = []
        while len(found) // self.world < len(every[len(found) % self.world]):
            found.append(every[len(found) % self.world][len(found) // self.world])
        return found

    # --- random numbers --------------------------------------------------------------------------

    def begin_stream(self, seed: int, device: torch.device) -> None:
        """Has what is drawn within `training` come from a stream of this process's own."""
        if self.alone:
            return
        own = self.seed_of_its_own(seed)
        self.stream = torch.Generator().manual_seed(own).get_state()
        if device.type == "cuda":
            torch.cuda.manual_seed(own)

    def seed_of_its_own(self, seed: int) -> int:
        """For each process another seed: the first keeps that which was given."""
        return (seed + self.rank * 0x9E3779B97F4A7C15) % (1 << 63) if self.rank else seed

    def training(self) -> AbstractContextManager[None]:
        """Within this block layers know that they compute a share of a batch."""
        return nullcontext() if self.alone else self._training()

    @contextmanager
    def _training(self) -> Iterator[None]:
        token, outer = _at_work.set(self), torch.get_rng_state()
        if self.stream is not None:
            torch.set_rng_state(self.stream)
        try:
            yield
        finally:
            if self.stream is not None:
                self.stream = torch.get_rng_state()
                torch.set_rng_state(outer)
            _at_work.reset(token)

    # --- those that are gone ---------------------------------------------------------------------

    @contextmanager
    def _talking(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except RuntimeError as error:
            raise RuntimeError(self._lost(error)) from error
        finally:
            _waited[0] += time.perf_counter() - start

    def _lost(self, error: RuntimeError) -> str:
        """Who does not answer any more: whoever is left puts down its name, and waits a while."""
        gone = self._gone()
        whose = " and ".join(f"rank {r} of {self.world} ({self._places[r]})" for r in gone)
        why = str(error).strip().splitlines()[0].rstrip(".")
        return (
            f"{self._who}: {whose or 'a process'} does not answer: it was ended, or has raised an "
            "error of its own. Start all again: with fit(backup=...) they go on from the last "
            f"state. ({why})"
        )

    def _gone(self) -> list[int]:
        others = [r for r in range(self.world) if r != self.rank]
        try:
            store = dist.distributed_c10d.PrefixStore(
                "unpad left", dist.distributed_c10d._get_default_store()
            )
            store.set(str(self.rank), "here")
            # Those who wait for this one hear of it by the closing of its connections.
            dist.destroy_process_group()
            until = time.monotonic() + _SECONDS
            while others and time.monotonic() < until:
                others = [r for r in others if not store.check([str(r)])]
                time.sleep(0.05)
        except RuntimeError:
            # The store is the first's: with it the store is gone.
            return [0]
        return others


#: A process by itself.
ALONE = Ranks()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.ranks = ranks
        return ranks.add_up(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        # Each process's part of the loss depends on the sum: all of them pull at it.
        return ctx.ranks.add_up(grad), None


def at_work() -> Ranks:
    """The processes that compute a batch together now; `ALONE` outside of training."""
    return _at_work.get() or ALONE


def waited() -> float:
    """Seconds that have gone by in this process until the others had answered."""
    return _waited[0]


def is_first() -> bool:
    """Whether this process is the one that prints and writes files."""
    return not _initialised() or dist.get_rank() == 0


def say(text: str) -> None:
    """Prints a line, of several processes in the first alone."""
    if is_first():
        print(text)


def join(seconds: float = 1800.0) -> None:
    """Joins the other processes now, and says how long they wait for each other.

    `fit` and its like join by themselves, with torch's half hour; a process alone has nobody to
    join. A process that is killed is noticed at once, one that hangs after this time: the others
    then end with an error that names it.

    Args:
        seconds: until a process that does not answer is given up. More than the longest that one
            is busy by itself: what it writes, and what its callbacks do.

    Raises:
        ValueError: the time is not above 0; they have joined already.
        RuntimeError: they do not find each other.
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"join: expected seconds as a finite positive number, got {seconds!r}.")
    if _initialised():
        raise ValueError(
            "join: the processes have joined already. Say it before the first fit, or give "
            "torch.distributed.init_process_group its timeout=."
        )
    if _told():
        _join(seconds)


def here(who: str) -> Ranks:
    """The processes that this one works with, joined now if they have not been.

    Args:
        who: is called in errors.

    Raises:
        RuntimeError: they do not find each other.
    """
    joined = _initialised()
    if not joined and _told():
        _join()
        joined = _initialised()
    if not joined or dist.get_world_size() == 1:
        return ALONE
    found = Ranks(dist.get_rank(), dist.get_world_size(), who, _places)
    if not _places:
        _places[:] = found.gather(f"process {os.getpid()} on {socket.gethostname()}")
    return found


_places: list[str] = []
_waited = [0.0]


def _initialised() -> bool:
    return dist.is_available() and dist.is_initialized()


def _told() -> bool:
    """Whether the environment says that there are others, and where."""
    # Asked at every call of `predict`: of a process alone one name is looked for, not four.
    world = os.environ.get("WORLD_SIZE")
    if world is None or not all(name in os.environ for name in _TOLD):
        return False
    return dist.is_available() and int(world) > 1


def _join(seconds: float = 1800.0) -> None:
    from torch.distributed.rendezvous import rendezvous  # not there where torch has no processes

    gpus = torch.cuda.is_available() and dist.is_nccl_available()
    if gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # torchrun's store outlives those that it starts again, and the addresses of the dead with it.
    store, rank, world = next(rendezvous("env://"))
    life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.distributed_c10d.PrefixStore(f"unpad, life {life}", store)
    # They begin when all are there: one may take long to start, whatever the limit is after that.
    store.set(f"here {rank}", "")
    store.wait([f"here {r}" for r in range(world)])
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
    limit = datetime.timedelta(seconds=seconds)
    dist.init_process_group(backend, timeout=limit, store=store, rank=rank, world_size=world)
    _places.clear()
    atexit.register(_leave)


def _leave() -> None:
    if _initialised():
        dist.destroy_process_group()


def _device() -> torch.device:
    """Where messages lie: on the CPU, unless only GPUs talk."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
