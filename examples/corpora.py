"""What the examples read: tagged sentences, and texts of several kinds.

From a folder of public corpora, laid out as in `sentences` and `texts` below, if there is one:

    ud_english_ewt/{train,test}.conllu.gz    UD English EWT: a word class for each word
    newsgroups20/{train,test}.parquet        20 Newsgroups by date: columns text, group

Else from Python's own library, which every machine has (the licence is the PSF's): lines of its
code, where each word is tagged with what it is there, and its docstrings, to be told apart by the
package that they are from.
"""

import ast
import gzip
import io
import keyword
import os
import random
import sysconfig
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(os.environ.get("UNPAD_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = "asyncio email http importlib logging multiprocessing unittest urllib xml".split()  # noqa: SIM905


class Corpus(NamedTuple):
    """What to learn from, and what is held out: pairs (words, tags) or (text, kind)."""

    name: str
    train: list
    test: list

    def small(self, count: int) -> "Corpus":
        """The first so many of both."""
        return Corpus(self.name, self.train[:count], self.test[:count])


@cache
def sentences(folder: Path = FOLDER) -> Corpus:
    """Lists of words, each with the list of their tags."""
    path = folder / "ud_english_ewt"
    if path.is_dir():
        parts = [[*_conllu(path / f"{part}.conllu.gz")] for part in ("train", "test")]
        return Corpus("UD English EWT", *map(_shuffled, parts))
    return _split("lines of Python", [line for _, path in _files() for line in _lines(path)])


@cache
def texts(folder: Path = FOLDER) -> Corpus:
    """Texts, each with the kind that it is of."""
    path = folder / "newsgroups20"
    if path.is_dir():
        import pyarrow.parquet  # pip install 'unpad[arrow]'

        parts = [pyarrow.parquet.read_table(path / f"{part}.parquet") for part in ("train", "test")]
        train, test = ([(r["text"], r["group"]) for r in part.to_pylist()] for part in parts)
        return Corpus("20 Newsgroups", _shuffled(train), _shuffled(test))
    return _split("Python's docstrings", [(t, kind) for kind, p in _files() for t in _docs(p)])


def _conllu(path):
    """The sentences of a CoNLL-U file: the words and their UPOS, columns 2 and 4."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            rows = [line.split("\t") for line in block.split("\n")]
            # Ids that are no integer: contractions, and words that the text leaves out.
            rows = [row for row in rows if row[0].isdigit()]
            if rows:
                yield [row[1] for row in rows], [row[3] for row in rows]


def _files():
    """(package, file) of some packages of Python's library."""
    return [(name, path) for name in PACKAGES for path in sorted((LIBRARY / name).rglob("*.py"))]


def _split(name, examples):
    """Without repetitions, which a test must not meet again, a fifth held out."""
    chosen = _shuffled({str(example[0]): example for example in examples}.values())
    return Corpus(name, chosen[len(chosen) // 5 :], chosen[: len(chosen) // 5])


def _shuffled(examples):
    """In an order of chance, the same every time: files have an order of their own."""
    return random.Random(0).sample(list(examples), len(examples))


def _docs(path):
    """The docstrings of a file's classes and functions, if they say something."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node) or ""
            if len(text.split()) >= 5:
                yield text


def _lines(path):
    """The lines of a file as words, with what each is: NAME.CALL(KEYWORD=NUMBER)."""
    words, kinds = [], []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.NEWLINE and words:
            tags = [_tag(i, words, kinds) for i in range(len(words))]
            if len(words) > 2:
                yield words, tags
            words, kinds = [], []
        elif token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP):
            words.append(token.string[:20])
            kinds.append(tokenize.tok_name[token.type])


def _tag(i, words, kinds):
    """What the word is in its line; a name by its neighbours."""
    if kinds[i] != "NAME":
        return kinds[i]
    if keyword.iskeyword(words[i]):
        return "KEYWORD"
    before, after = (words[j] if 0 <= j < len(words) else "" for j in (i - 1, i + 1))
    if before in ("def", "class"):
        return "DEFINED"
    if after == "(":
        return "CALL"
    if before == ".":
        return "ATTRIBUTE"
    depth = words[:i].count("(") - words[:i].count(")")
    return "ARGUMENT" if after == "=" and depth else "VARIABLE"
