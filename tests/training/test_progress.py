"""What is shown: a bar where it can change in place, a line an epoch where it cannot."""

import re
import sys
from types import ModuleType

import pytest
from rich.console import Console

from ..taggers import sentences, tagger

X, Y = sentences()


@pytest.fixture
def cell(monkeypatch):
    """The outputs of a notebook's cell, each a list of what it was in turn."""
    outputs = []

    class Output:
        def __init__(self, page):
            self.pages, self.words = [], []
            self.update(page)

        def update(self, page):
            self.pages.append(page._repr_html_())
            self.words.append(repr(page))

    def display(page, display_id=None):
        assert display_id is True
        outputs.append(Output(page))
        return outputs[-1]

    module = ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr("unpad.training.progress._SECONDS", 0.0)
    monkeypatch.setattr(
        "unpad.training.progress.Console", lambda **options: Console(force_jupyter=True)
    )
    return outputs


def test_a_notebook_has_a_bar_an_epoch_that_becomes_a_line(cell, capsys):
    tagger().fit(X, Y, batch_size=6, epochs=2, validation_data=(X, Y), verbose=1)
    assert len(cell) == 2
    for number, output in enumerate(cell, 1):
        first, *between, last = output.pages
        assert f"Epoch {number}/2 <progress" in first
        assert len(between) == 4
        done = [int(re.search(r'value="(\d+)"', page)[1]) for page in output.pages[:-1]]
        most = int(re.search(r'max="(\d+)"', first)[1])
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, most)
        assert "loss" in between[0]
        assert "<progress" not in last
        assert "val_loss" in last
        assert [words.split("%")[0] for words in (output.words[0], output.words[-2])] == [
            f"Epoch {number}/2 0",
            f"Epoch {number}/2 100",
        ]
        assert last == f'<code style="white-space: pre">{output.words[-1]}</code>'
    assert capsys.readouterr().out == ""


def test_predictions_leave_a_line_where_the_bar_was(cell):
    tagger().predict(X, verbose=1)
    (output,) = cell
    assert "<progress" in output.pages[0]
    assert re.fullmatch(r"Predict  [\d.]+ s  [\d,]+ steps/s", output.words[-1])


def test_a_stream_has_numbers_and_no_total(cell):
    def batches():
        yield X, Y
        yield X, Y

    tagger().fit(batches, verbose=1)
    (output,) = cell
    assert len(output.pages) == 4
    assert not any("<progress" in page for page in output.pages)
    assert "steps/s" in output.pages[1]


def test_verbose_2_is_a_line_in_a_notebook_too(cell):
    tagger().fit(X, Y, verbose=2)
    assert cell == []


def test_a_stream_in_a_terminal_has_no_total(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("unpad.training.progress._SECONDS", 0.0)
    tagger().fit(lambda: iter([(X, Y)] * 2), verbose=1)
    out = capsys.readouterr().out
    assert "steps/s" in out
    assert "%" not in out


def test_a_log_has_one_line_an_epoch(capsys):
    tagger().fit(lambda: iter([(X, Y)] * 2), epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
