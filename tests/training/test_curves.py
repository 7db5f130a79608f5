"""A history as a picture; what each epoch gave, sent to a server."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from unpad.callbacks import RemoteMonitor
from unpad.training.callbacks import History

from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences()


def test_a_panel_for_each_number_held_out_data_beside_it(tmp_path):
    pytest.importorskip("matplotlib")
    history = tagger().fit(X, Y, epochs=3, validation_data=(X, Y), validation_freq=3, verbose=0)
    figure = history.plot(tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    assert figure._repr_png_().startswith(b"\x89PNG")  # which a notebook asks for
    panels = {panel.get_title("left"): panel for panel in figure.axes}
    assert list(panels) == ["loss", "accuracy"]
    trained, held_out = panels["loss"].lines
    assert list(trained.get_xdata()) == [1, 2, 3]
    assert list(trained.get_ydata()) == history.history["loss"]
    assert list(held_out.get_xdata()) == [3]
    assert list(held_out.get_ydata()) == history.history["val_loss"]


def test_what_cannot_be_drawn_is_said(monkeypatch):
    with says("History.plot: no epoch is finished: there is nothing to draw."):
        History().plot()
    history = tagger().fit(X, Y, verbose=0)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with says("History.plot needs matplotlib: pip install unpad[plot]. As numbers:", ImportError):
        history.plot()


@pytest.fixture
def server():
    """A server, and what was posted to it: path, kind, content."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((self.path, self.headers["Content-Type"], self.headers["X-Key"], content))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    here = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=here.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{here.server_port}", posted
    here.shutdown()
    thread.join()
    here.server_close()


def test_epochs_are_sent(server):
    root, posted = server
    both = [RemoteMonitor(root), RemoteMonitor(root, "/j", "", {"X-Key": "k"}, True)]
    history = tagger().fit(X, Y, epochs=2, callbacks=both, verbose=0).history
    assert [entry[:3] for entry in posted[:2]] == [
        ("/publish/epoch/end/", "application/x-www-form-urlencoded", None),
        ("/j", "application/json", "k"),
    ]
    first = {"epoch": 0, **{name: values[0] for name, values in history.items()}}
    assert json.loads(parse_qs(posted[0][3])["data"][0]) == first
    assert json.loads(posted[1][3]) == first
    assert len(posted) == 4


def test_a_server_that_is_not_there_is_told_and_training_goes_on():
    with pytest.warns(
        UserWarning, match="RemoteMonitor: epoch 0 was not sent to http://127.0.0.1:9"
    ):
        history = tagger().fit(X, Y, callbacks=RemoteMonitor("http://127.0.0.1:9"), verbose=0)
    assert history.epoch == [0]
    with says("RemoteMonitor: expected root as http://... or https://..., got 'file:///etc'."):
        RemoteMonitor("file:///etc")
