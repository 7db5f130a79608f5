"""What the documents say is run: code blocks, docstring examples, links. Every name has words."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import unpad

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def blocks(page):
    """The python blocks of a page, each at its own line."""
    text = page.read_text()
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M):
        yield "\n" * text[: match.start()].count("\n") + "\n" + match.group(1)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_code_blocks_run(page):
    names = {"__name__": "page"}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert [x for x in links if "://" not in x and not (page.parent / x).exists()] == []


# The kernels' library lies among the modules, but Python cannot import it.
MODULES = sorted(m.name for m in pkgutil.walk_packages(unpad.__path__, "unpad."))
MODULES = [name for name in MODULES if not name.endswith("libunpad_kernels")]


@pytest.mark.parametrize("name", ["unpad", *MODULES])
def test_docstring_examples_run(name):
    module = importlib.import_module(name)
    names = {**vars(unpad), "np": np, "torch": torch, "unpad": unpad, **vars(module)}
    flags = doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name, globs=dict(names)):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def public():
    """Everything that the rooms export."""
    for name in ("unpad", *MODULES):
        module = importlib.import_module(name)
        for exported in getattr(module, "__all__", ()):
            yield f"{name}.{exported}", getattr(module, exported)


def test_every_public_name_has_words():
    silent = []
    for name, value in public():
        if inspect.ismodule(value) or inspect.isfunction(value) or inspect.isclass(value):
            silent += [name] * (not inspect.getdoc(value))
        if inspect.isclass(value):
            silent += [
                f"{name}.{attribute}"
                for attribute, member in vars(value).items()
                if callable(member) and not attribute.startswith("_")
                and not inspect.getdoc(getattr(value, attribute))
            ]  # fmt: skip
    assert silent == []
