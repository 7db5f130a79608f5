"""Going ahead in a thread of its own: what is next is made while what is now is worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import Empty, Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")

# A thread that waits for room looks this often whether the reader is still there.
_SECONDS = 0.05


def ahead(coming: Iterator[T], most: int = 1) -> Generator[T, None, None]:
    """The items of an iterator, of which a thread has so many ready at most.

    What the iterator raises is raised here, in its turn. Where the generator is closed, the thread
    ends with the item that it is making.

    Args:
        coming: gone through by the thread alone.
        most: items that may be ready beside the one that is being made.
    """
    ready: Queue[tuple[str, Any]] = Queue(most)
    left = threading.Event()

    def put(kind: str, item: Any) -> bool:
        while not left.is_set():
            try:
                ready.put((kind, item), timeout=_SECONDS)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in coming:
                if not put("item", item):
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    thread = threading.Thread(target=work, name="unpad reads ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, item = ready.get(timeout=1)
            except Empty:
                continue
            if kind == "end":
                return
            if kind == "error":
                raise item
            yield item
    finally:
        left.set()
        thread.join()
