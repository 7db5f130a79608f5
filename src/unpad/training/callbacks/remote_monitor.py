"""Sends what each epoch gave to a server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from .callback import Callback

# A server that does not answer holds training up for so long.
_SECONDS = 10


class RemoteMonitor(Callback):
    """Posts the epoch, counted from 0, and its logs as JSON; one that is not reached is warned of.

    Args:
        root: of the server: "http://localhost:9000".
        path: behind it.
        field: of the form that holds the JSON; not used with `send_as_json`.
        headers: of the request, by name.
        send_as_json: whether the JSON is the request's content, and not a field of a form.
    """

    first_alone = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        if not root.startswith(("http://", "https://")):
            raise ValueError(
                f"RemoteMonitor: expected root as http://... or https://..., got {root!r}."
            )
        self.root, self.path, self.field, self.headers = root, path, field, headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        data = json.dumps({"epoch": epoch, **(logs or {})})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        content = data if self.send_as_json else urlencode({self.field: data})
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = Request(self.root + self.path, content.encode(), headers)
        try:
            urlopen(request, timeout=_SECONDS).close()
        except (URLError, OSError) as error:
            warnings.warn(
                f"RemoteMonitor: epoch {epoch} was not sent to {self.root}: {error}.", stacklevel=2
            )
