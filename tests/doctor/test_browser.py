"""The page in a browser: read from disk, on a phone, in the dark, by keyboard, on paper."""

import base64
import json
import os
import re
import shutil
import tempfile
from itertools import pairwise

import numpy as np
import pytest

import unpad as keras
from unpad.doctor import Report, examine, probe
from unpad.preprocessing.sequence import pad_sequences

from . import modules
from .test_report import padded_and_not_masked

BROWSER = os.environ.get("UNPAD_CHROMIUM") or shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(
        not BROWSER or not DRIVER, reason="no chromium and chromedriver: see .ci/run"
    ),
    pytest.mark.filterwarnings("default::ResourceWarning"),
]
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)
SAMPLES = [np.random.default_rng(n).integers(1, 30, n).tolist() for n in (40, 17, 11, 8, 5)]


def of_data():
    rng = np.random.default_rng(0)
    x = pad_sequences(
        [rng.integers(1, 50, n) for n in rng.integers(3, 60, 300)], 40, padding="post"
    )
    y = np.sort(rng.integers(0, 5, 300))
    parts = [keras.layers.Embedding(50, 4), keras.layers.LSTM(4)]
    model = keras.Sequential([*parts, keras.layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return examine(x, y, model, validation_split=0.2)


def accuracy(outputs, labels):
    return (outputs.argmax(-1) == labels).float().sum(), labels.numel()


def of_scores():
    x, y, model = padded_and_not_masked()
    return examine(x, y, model, only={"scores", "laws", "padding"})


REPORTS = {
    "scores": of_scores,
    "mates": lambda: probe(modules.BatchSecond(), SAMPLES),
    "last": lambda: probe(modules.LastSlot(), SAMPLES),
    "data": of_data,
    "numbers": lambda: probe(
        modules.ForwardsOnly(), SAMPLES, y=[[w % 3 for w in s] for s in SAMPLES],
        metrics={"accuracy": accuracy},
    ),
    "nothing": Report,
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for option in (*OPTIONS, f"--user-data-dir={folder}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        driver.set_page_load_timeout(60)
        yield driver
        driver.quit()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, made in REPORTS.items():
        made().save(folder / f"{name}.html")
    return folder


@pytest.fixture
def page(browser, files):
    """Opens a page as a person's screen would show it."""

    def page(name, width=1000, dark=False, media=""):
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": media, "features": [scheme]}
        )
        browser.get_log("performance")
        browser.get((files / f"{name}.html").as_uri())
        return browser

    return page


@pytest.mark.parametrize("name", REPORTS)
def test_it_needs_no_network_and_complains_of_nothing(page, name):
    shown = page(name)
    assert shown.get_log("browser") == []
    asked = [json.loads(e["message"])["message"] for e in shown.get_log("performance")]
    urls = {
        m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"
    }
    # chrome: is the empty page that the browser began with.
    assert {u for u in urls if not u.startswith("chrome:")} == {shown.current_url}
    assert shown.find_element("tag name", "h1").text


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [320, 360])
def test_a_phone_scrolls_downwards_alone(page, name, width):
    shown = page(name, width)
    assert shown.execute_script("return document.documentElement.scrollWidth") == width
    out = """return [...document.querySelectorAll('svg text')].filter(t => {
        const own = t.getBoundingClientRect(), all = t.closest('svg').getBoundingClientRect();
        return own.left < all.left - 1 || own.right > all.right + 1 || own.height < 9;
    }).map(t => t.textContent)"""
    assert shown.execute_script(out) == []  # words that are cut off, or too small to read


COLOURS = """
const light = c => { const v = c.match(/[\\d.]+/g).map(Number);
  const f = v.slice(0, 3).map(x => { x /= 255;
    return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
  return [.2126 * f[0] + .7152 * f[1] + .0722 * f[2], v.length > 3 ? v[3] : 1]; };
const behind = e => { for (; e; e = e.parentElement) {
  const c = getComputedStyle(e).backgroundColor; if (light(c)[1] > 0) return c; }
  return 'rgb(255,255,255)'; };
const found = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own) continue;
  const style = getComputedStyle(e), ink = e.closest('svg') ? style.fill : style.color;
  const a = light(ink)[0], b = light(behind(e))[0];
  found.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.textContent.slice(0, 40)]);
}
return found;
"""
SHAPES = """
const paper = getComputedStyle(document.body).backgroundColor;
return [...document.querySelectorAll('rect')].filter(r => getComputedStyle(r).fill !== 'none')
  .map(r => [getComputedStyle(r).fill, paper, r.className.baseVal]);
"""


def contrast(one, other):
    def light(colour):
        parts = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
        flat = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * flat[0] + 0.7152 * flat[1] + 0.0722 * flat[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", REPORTS)
def test_words_stand_out_by_day_and_by_night(page, name):
    papers = []
    for dark in (False, True):
        shown = page(name, dark=dark)
        found = shown.execute_script(COLOURS)
        assert found
        assert [text for ratio, text in found if ratio < 4.5] == []
        papers.append(
            shown.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
        for colour, paper, kind in shown.execute_script(SHAPES):
            if kind != "empty":  # what is no step is told by its height too
                assert contrast(colour, paper) >= 3, (kind, colour, paper)
    assert contrast(papers[0], "rgb(255, 255, 255)") < 1.1 < 10 < contrast(*papers)


@pytest.mark.parametrize("name", REPORTS)
def test_all_that_can_be_done_can_be_done_by_keyboard(page, name):
    from selenium.webdriver.common.keys import Keys

    shown = page(name)
    things = shown.find_elements("css selector", "a[href], summary, button, input, [tabindex]")
    met = []
    for _ in things:
        shown.switch_to.active_element.send_keys(Keys.TAB)
        met.append(shown.switch_to.active_element)
    assert met == things  # all of them, in the order in which they are read
    for thing in things:
        seen = shown.execute_script(
            "arguments[0].focus(); return getComputedStyle(arguments[0]).outlineStyle", thing
        )
        assert seen != "none"
        if thing.tag_name == "summary":
            before = thing.find_element("xpath", "..").get_attribute("open")
            thing.send_keys(Keys.ENTER)
            assert thing.find_element("xpath", "..").get_attribute("open") != before
        else:
            to = thing.get_attribute("href").partition("#")[2]
            assert shown.find_element("id", to).is_displayed()


@pytest.mark.parametrize("name", REPORTS)
def test_a_screen_reader_finds_names_and_order(page, name):
    shown = page(name)
    assert shown.find_element("tag name", "html").get_attribute("lang") == "en"
    levels = [int(h.tag_name[1]) for h in shown.find_elements("css selector", "h1,h2,h3,h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = [e.get_attribute("id") for e in shown.find_elements("css selector", "[id]")]
    assert len(ids) == len(set(ids))
    for picture in shown.find_elements("tag name", "svg"):
        assert picture.get_attribute("role") == "img"
        assert picture.accessible_name.endswith(".") and len(picture.accessible_name) > 15
    for part in shown.find_elements("css selector", "[aria-labelledby]"):
        assert part.get_attribute("aria-labelledby") in ids
    for head in shown.find_elements("css selector", "th"):
        assert head.get_attribute("scope") in ("row", "col")
    assert len(shown.find_elements("tag name", "main")) == 1


@pytest.mark.parametrize("name", ["mates", "data"])
def test_on_paper_all_is_unfolded_and_white(page, name):
    shown = page(name, dark=True, media="print")
    assert shown.execute_script("return getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert [text for ratio, text in shown.execute_script(COLOURS) if ratio < 4.5] == []
    folded = shown.find_elements("css selector", "details table, details ul")
    assert folded
    for part in folded:
        assert shown.execute_script("return arguments[0].checkVisibility()", part)
    pdf = shown.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.7})
    assert base64.b64decode(pdf["data"]).startswith(b"%PDF")


def test_pictures_show_what_they_are_there_for(page):
    def said(name):
        shown = page(name)
        return " ".join(p.accessible_name for p in shown.find_elements("tag name", "svg"))

    data = said("data")
    for part in (
        "256 sequences of ",
        " were cut, from ",
        "padding that is read as steps",
        "held out",
    ):
        assert part in data, part
    mates = said("mates")
    for part in ("gradient", "hangs on", "How far the answers moved", "The slots of 5 sequences"):
        assert part in mates, part
    assert "accuracy" in said("numbers")
    assert said("nothing") == ""
