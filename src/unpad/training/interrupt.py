"""Ctrl-C between two updates, never within one."""

from __future__ import annotations

import signal
import threading
from typing import Any


class HeldInterrupt:
    """Holds the first Ctrl-C until `check`; a second one comes through at once.

    So an interrupted fit leaves weights and optimiser as they were after a whole update. Outside
    the main thread there is nothing to hold.
    """

    def __enter__(self) -> HeldInterrupt:
        self._pressed = False
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is not None:
                signal.signal(signal.SIGINT, self._hold)
        return self

    def _hold(self, *_: Any) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True

    def check(self) -> None:
        """Raises the KeyboardInterrupt that was held, if there is one."""
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt

    def __exit__(self, *_: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        # Pressed after the last look: in a callback at the end, say.
        self.check()
