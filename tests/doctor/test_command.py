"""python -m unpad doctor: scripts watched, models with data, exit codes, files."""

import builtins
import json
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from unpad.__main__ import main
from unpad.doctor import Report, probe

from . import modules

SCRIPT = """
import numpy as np
import unpad as keras

words = np.zeros((60, 12), int)
for i in range(60):
    words[i, : 3 + i % 9] = np.random.default_rng(i).integers(1, 50, 3 + i % 9)
model = keras.Sequential([keras.layers.Embedding(50, 4, mask_zero={mask}), keras.layers.LSTM(4)])
model.compile("adam", "mse")
model.fit(words, np.random.default_rng(0).normal(size=(60, 4)))
raise SystemExit("trained")
"""
LOOP = """
import torch
from torch import nn

net = nn.Sequential(nn.Embedding(50, 8, padding_idx=0), nn.{layer})
batch = torch.randint(1, 50, (6, 9))
for i in range(6):
    batch[i, 4 + i % 5:] = 0
loss = nn.CrossEntropyLoss()(net(batch)[0].mean(1), torch.zeros(6, dtype=torch.int64))
raise SystemExit("trained")
"""


KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported, here and nowhere else
import numpy as np
from keras import Sequential, layers

words = np.zeros((60, 12), int)
for i in range(60):
    words[i, : 3 + i % 9] = np.random.default_rng(i).integers(1, 50, 3 + i % 9)
model = Sequential([layers.Embedding(50, 4, mask_zero={mask}), layers.LSTM(4)])
model.compile("adam", "mse")
model.fit(words, np.random.default_rng(0).normal(size=(60, 4)), verbose=0)
raise SystemExit("trained")
"""
CALLED = """
# A loop of torch's own, without keras, unpad or fit().
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.walk = nn.Embedding(50, 8), nn.GRU(8, 8, batch_first=True)

    def forward(self, ids, lengths):
        return self.walk(self.embed(ids))[0]{last}

batch = torch.randint(1, 50, (6, 9))
Net()(batch, torch.tensor([9, 8, 7, 6, 5, 4]))
raise SystemExit("trained")
"""


def asked(tmp_path, text, *options, name="script.py"):
    (tmp_path / name).write_text(text)
    return main(["doctor", str(tmp_path / name), *options])


def test_a_script_stops_before_it_trains(tmp_path, capsys):
    assert asked(tmp_path, SCRIPT.format(mask=False)) == 1
    assert "not masked" in capsys.readouterr().out
    assert asked(tmp_path, SCRIPT.format(mask=True)) == 0
    assert "Nothing found." in capsys.readouterr().out


def test_a_loop_of_torch_is_watched_at_its_first_call(tmp_path, capsys):
    assert (
        asked(tmp_path, LOOP.format(layer="GRU(8, 8, bidirectional=True, batch_first=True)")) == 1
    )
    assert "padding" in capsys.readouterr().out
    assert asked(tmp_path, LOOP.format(layer="GRU(8, 8, batch_first=True)")) == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_script_of_kerass_is_watched_once_it_has_imported_keras(tmp_path, capsys):
    before = builtins.__import__
    assert asked(tmp_path, KERAS.format(mask=False)) == 1
    assert "not masked" in capsys.readouterr().out
    assert asked(tmp_path, KERAS.format(mask=True)) == 0
    assert "Nothing found." in capsys.readouterr().out
    assert builtins.__import__ is before


def test_a_loop_may_speak_of_keras_in_a_comment(tmp_path, capsys):
    last = "[torch.arange(len(ids)), lengths - 1]"
    assert asked(tmp_path, CALLED.format(last=last)) == 0
    assert asked(tmp_path, CALLED.format(last="[:, -1]")) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "return self.walk(self.embed(ids))[0][:, -1] cure:" in said


def test_what_cannot_be_asked_exits_with_2(tmp_path, capsys):
    assert asked(tmp_path, "print('nothing')") == 2
    assert "trained nothing that is watched" in capsys.readouterr().err
    assert main(["doctor", str(tmp_path / "absent.py")]) == 2
    assert main(["doctor", f"{tmp_path / 'script.py'}:build"]) == 2
    assert "a model needs --data and --x" in capsys.readouterr().err
    assert asked(tmp_path, "1 / 0") == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_is_wrong_with_the_question_is_told_before_a_script_is_run(tmp_path, capsys):
    (tmp_path / "other.json").write_text("[]")
    for options, said in (
        (("--report", str(tmp_path / "r.pdf")), "unknown ending '.pdf'"),
        (("--junit", str(tmp_path / "no" / "r.xml")), "there is no folder for it."),
        (("--baseline", str(tmp_path / "b.json")), "--baseline: there is no file "),
        (("--baseline", str(tmp_path / "other.json")), "expected a file of --report NAME.json."),
    ):
        assert asked(tmp_path, "print('run')", *options) == 2
        told = capsys.readouterr()
        assert said in told.err and told.out == ""
    for what in (str(tmp_path / "absent.py"), str(tmp_path / "absent.py:f"), "absent_module:f"):
        assert main(["doctor", what, "--data", "d.parquet", "--x", "x"]) == 2
        assert capsys.readouterr().err.startswith("doctor: could not be asked: ")
    assert main(["doctor", "absent.py"]) == 2
    assert capsys.readouterr().err == "doctor: could not be asked: there is no script absent.py.\n"


def test_a_module_may_be_named_as_python_imports_it(tmp_path, capsys, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "tagger_of_one_test.py").write_text(
        "from torch import nn\ndef build():\n"
        "    return nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))\n"
    )
    parquet.write_table(pyarrow.table({"x": [[1, 2, 3, 4], [5, 6], [7, 8, 1]]}), "d.parquet")
    what = ["--data", "d.parquet", "--x", "x"]
    assert main(["doctor", "nets.tagger_of_one_test:build", *what]) == 0
    assert "Nothing found." in capsys.readouterr().out
    assert main(["doctor", "nets.tagger_of_one_test:other", *what]) == 2
    assert "has no function other" in capsys.readouterr().err
    assert main(["doctor", "nets.tagger_of_one_test:build", "--data", "e.parquet", "--x", "x"]) == 2
    assert "could not be asked: there is no file e.parquet." in capsys.readouterr().err


def test_levels_baselines_and_files(tmp_path, capsys):
    faulty = SCRIPT.format(mask=False)
    page, sarif, junit = (tmp_path / n for n in ("r.html", "r.out", "r.tests"))
    files = ["--report", str(page), "--sarif", str(sarif), "--junit", str(junit)]
    assert asked(tmp_path, faulty, *files) == 1
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(sarif.read_text())["runs"][0]["results"][0]["ruleId"] == "not-masked"
    assert ElementTree.fromstring(junit.read_bytes()).get("failures") == "1"
    assert asked(tmp_path, faulty, "--fail-on", "error", "--report", str(tmp_path / "b.json")) == 0
    capsys.readouterr()
    assert asked(tmp_path, faulty, "--baseline", str(tmp_path / "b.json")) == 0
    said = capsys.readouterr().out
    assert "Nothing found." in said and "accepted by" in said and said.endswith("b.json: 2.\n")


def test_a_model_with_its_data(tmp_path, capsys):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = {"tokens": [], "tags": []}
    for i in range(200):
        words = [f"w{(i * 7 + j * j) % 23}" for j in range(12)]
        rows["tokens"].append(words)
        rows["tags"].append([f"t{int(w[1:]) % 4}" for w in [words[-1], *words[:-1]]])
    parquet.write_table(pyarrow.table(rows), tmp_path / "d.parquet")
    (tmp_path / "model.py").write_text(
        "import unpad as keras\n"
        "def build():\n"
        "    m = keras.Sequential([keras.layers.Embedding(30, 4),\n"
        "        keras.layers.LSTM(4, return_sequences=True),\n"
        "        keras.layers.Dense(4, activation='softmax')])\n"
        "    m.compile('adam', 'sparse_categorical_crossentropy')\n"
        "    return m\n"
    )
    what = ["doctor", f"{tmp_path / 'model.py'}:build", "--data", str(tmp_path / "d.parquet")]
    assert main([*what, "--x", "tokens", "--y", "tags"]) == 1
    assert "shifted" in capsys.readouterr().out
    assert main([*what, "--x", "words"]) == 2
    assert "has no column 'words'; it has tokens, tags." in capsys.readouterr().err


def test_a_column_says_which_rows_come_from_one_source(tmp_path, capsys):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    words = [[1 + (i * 7 + j * j) % 23 for j in range(5 + i % 4)] for i in range(240)]
    site = [f"site {i * 3 % 8}" for i in range(240)]
    rows = {"x": words, "y": [int(s[-1]) % 2 for s in site], "site": site}
    parquet.write_table(pyarrow.table({k: v[:180] for k, v in rows.items()}), tmp_path / "d.pq")
    parquet.write_table(pyarrow.table({k: v[180:] for k, v in rows.items()}), tmp_path / "e.pq")
    (tmp_path / "model.py").write_text(
        "import unpad as keras\n"
        "def build():\n"
        "    return keras.Sequential([keras.layers.Embedding(24, 4), keras.layers.LSTM(4),\n"
        "        keras.layers.Dense(2, activation='softmax')])\n"
    )
    what = ["doctor", f"{tmp_path / 'model.py'}:build", "--data", str(tmp_path / "d.pq")]
    what += ["--x", "x", "--y", "y", "--fail-on", "note"]
    main([*what, "--report", str(tmp_path / "r.json")])
    kinds = {f["kind"] for f in json.loads((tmp_path / "r.json").read_text())["findings"]}
    assert not kinds & {"group tells", "shared groups"}
    assert main([*what, "--groups", "site", "--validation", str(tmp_path / "e.pq")]) == 1
    said = capsys.readouterr().out
    assert "The group of a sequence alone tells 100% of the labels." in said
    assert "100% of the held-out sequences are of groups that are trained on." in said
    assert main([*what, "--groups", "place"]) == 2
    assert "has no column 'place'; it has x, y, site." in capsys.readouterr().err
    assert asked(tmp_path, "print('run')", "--groups", "site") == 2
    assert capsys.readouterr().err == (
        "doctor: could not be asked: --groups goes with module.py:function; a script reads its own "
        "data.\n"
    )


# --- the files -----------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Tags in pairs, and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.fetched, self.roles = [], [], [], []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.names.append(tag)
        self.fetched += [v for k, v in named.items() if k in ("src", "href") and v[0] != "#"]
        self.roles += [named["aria-label"]] if named.get("role") == "img" else []
        if tag not in ("meta", "rect", "line", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing(tmp_path):
    report = probe(modules.BatchSecond(), [[1, 2, 3, 4, 5, 6], [3, 4, 5], [4, 5]])
    report.save(tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert reader.open == [] and reader.fetched == [] and "script" not in reader.names
    assert "viewport" in text and "prefers-color-scheme: dark" in text and "@media print" in text
    assert any(label.startswith("Of an output's gradient ") for label in reader.roles)
    assert any(label.startswith("How far the answers moved: ") for label in reader.roles)
    assert "h - h.mean" not in text and "batch_first=True" in text


def test_a_page_of_nothing(tmp_path):
    Report().save(tmp_path / "r.html")
    assert "<h1>Nothing found.</h1>" in (tmp_path / "r.html").read_text()


def test_sarif_names_the_line_and_stays_the_same(tmp_path):
    reports = [probe(modules.LastSlot(), [[1, 2, 3, 4], [3, 4, 5], [4, 5]], seed=s) for s in (0, 1)]
    found = []
    for report in reports:
        report.save(tmp_path / "r.sarif")
        data = json.loads((tmp_path / "r.sarif").read_text())
        assert data["version"] == "2.1.0"
        (result,) = data["runs"][0]["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith("modules.py")
        assert place["region"]["startLine"] > 1
        found.append(result["partialFingerprints"])
    assert found[0] == found[1]


TWO = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.wide, self.out = nn.Embedding(50, 8), nn.Linear(3, 8), nn.Linear(8, 3)

    def forward(self, {arguments}):
        return self.out(torch.tanh(self.embed({words}) + self.wide({numbers})).{pool})

words, numbers = torch.zeros(12, 9, dtype=torch.int64), torch.zeros(12, 9, 3)
for i in range(12):
    words[i, : 4 + i % 5] = torch.randint(1, 50, (4 + i % 5,))
    numbers[i, : 4 + i % 5] = torch.randn(4 + i % 5, 3)
net = Two()
loss = net({call}).sum()
raise SystemExit("trained")
"""
BY_NAME = {"arguments": "words, numbers", "words": "words", "numbers": "numbers"}
BY_DICT = {"arguments": "batch", "words": "batch['words']", "numbers": "batch['numbers']"}


@pytest.mark.parametrize(("names", "call"), [
    (BY_NAME, "words, numbers"),
    (BY_NAME, "words, numbers=numbers"),
    (BY_DICT, "{'words': words, 'numbers': numbers}"),
])  # fmt: skip
def test_a_loop_whose_module_takes_several_inputs(tmp_path, capsys, names, call):
    assert asked(tmp_path, TWO.format(**names, call=call, pool="mean(1)")) == 1
    said = capsys.readouterr().out
    assert "error: padding." in said and "script.py:11" in said
    assert asked(tmp_path, TWO.format(**names, call=call, pool="contiguous()")) == 0


def test_what_could_be_asked_nothing_is_no_success(tmp_path, capsys):
    script = TWO.format(**BY_NAME, call="words, numbers[:3]", pool="mean(1)")
    script = script.replace("numbers[:3]", "numbers=[numbers]").replace(
        "self.wide(numbers)", "self.wide(numbers[0])"
    )
    assert asked(tmp_path, script) == 2
    assert "could not be asked: it needs numbers too." in capsys.readouterr().err


def test_a_fit_of_keras_with_several_inputs(tmp_path, capsys):
    pytest.importorskip("keras")
    script = KERAS.format(mask=False).replace(
        "model = Sequential([layers.Embedding(50, 4, mask_zero=False), layers.LSTM(4)])",
        "from keras import Input, Model\n"
        "given = [Input((None,), dtype='int64', name='a'), Input((5,), name='b')]\n"
        "h = layers.GlobalAveragePooling1D()(layers.Embedding(50, 4)(given[0]))\n"
        "model = Model(given, layers.Dense(4)(layers.Concatenate()([h, given[1]])))",
    )
    script = script.replace("model.fit(words,", "model.fit([words, np.ones((60, 5))],")
    assert asked(tmp_path, script) == 1
    assert "padding" in capsys.readouterr().out
