"""Two processes that work together, started once, which run one program after another."""

import datetime
import multiprocessing
import traceback
from typing import Any

import torch

import unpad
from unpad.ranks import Ranks

WORLD = 2


class Pair:
    """Two processes with gloo between them.

    Args:
        meeting: a file by which they find each other.
    """

    def __init__(self, meeting: Any) -> None:
        spawned = multiprocessing.get_context("spawn")
        self._ends, self._processes = [], []
        for rank in range(WORLD):
            here, there = spawned.Pipe()
            process = spawned.Process(target=_serve, args=(rank, str(meeting), there), daemon=True)
            process.start()
            self._ends.append(here)
            self._processes.append(process)

    def run(self, program: Any, *args: Any) -> list[Any]:
        """What a program gives in each process; where it raises, its error as text."""
        for end in self._ends:
            end.send((program, args))
        found = []
        for end in self._ends:
            assert end.poll(120), f"{program} does not end"
            found.append(end.recv())
        for kind, value in found:
            if kind == "broken":
                raise AssertionError(value)
        return [value for _, value in found]

    def close(self) -> None:
        """Ends them."""
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join(20)
            if process.is_alive():
                process.kill()


def _serve(rank: int, meeting: str, end: Any) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=WORLD,
        timeout=datetime.timedelta(seconds=60),
    )
    while (asked := end.recv()) is not None:
        program, args = asked
        unpad.utils.set_random_seed(0)
        try:
            end.send(("value", program(*args)))
        except ValueError as error:
            end.send(("value", f"ValueError: {error}"))
        except BaseException:
            end.send(("broken", f"rank {rank}: {traceback.format_exc()}"))
    torch.distributed.destroy_process_group()


def this() -> Ranks:
    """The process that a program runs in, and how many there are."""
    if not torch.distributed.is_initialized():
        return Ranks()
    return Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size())
