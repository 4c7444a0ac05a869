"""The file: what is in it, what may not come out of it, who can read it."""

import json
import re

import numpy as np
import pytest
from browser import Page, open_browser

from bpcore import Network
from bpcore.functions import ACTIVATIONS, LOSSES
from bpcore.page.bundle import script

EVIL = '</script><script>window.evil = 1</script><img src=x onerror="window.evil = 1">{{data}}'


@pytest.fixture
def trace(rng):
    network = Network((3, 4, 2), random_state=0)
    return network.trace(rng.normal(size=(2, 3)), rng.uniform(size=(2, 2)))


# ---------------------------------------------------------------- without a browser


def test_the_recogniser_with_ten_examples_is_small(rng, tmp_path):
    network = Network((784, 16, 16, 10), random_state=0)
    X = rng.integers(0, 256, (10, 784)) / 255  # more than any image has
    network.to_html(tmp_path / "page.html", X, np.eye(10))
    assert (tmp_path / "page.html").stat().st_size < 400_000


def test_the_page_needs_no_other_file_and_no_network(trace, tmp_path):
    trace.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"\b(?:https?:)?//[\w.]+\.\w+[^\s\"'`]*", text))
    assert addresses <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"
    }, addresses  # fmt: skip
    assert not re.search(r"\b(src|href)=\"(?!data:)|@import|\bfetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in text


def test_options_are_checked_before_anything_is_written(trace, tmp_path):
    path = tmp_path / "page.html"
    for options, error, words in (
        ({"names": ["a"]}, ValueError, "names holds 1, but there are 2 outputs"),
        ({"captions": "abc"}, ValueError, "captions holds 3, but there are 2 examples"),
        ({"features": []}, ValueError, "features holds 0, but there are 3 inputs"),
        ({"image_shape": (2, 2)}, ValueError, "takes 4 inputs, but there are 3"),
        ({"image_shape": "big"}, ValueError, 'image_shape must be "auto"'),
        ({"example": 2}, ValueError, "example must be 0 to 1"),
        ({"example": 1.5}, TypeError, "example must be an integer"),
        ({"learning_rate": -1}, ValueError, "learning_rate must be at least 0"),
        ({"title": 3}, TypeError, "title must be a text"),
    ):
        with pytest.raises(error, match=words):
            trace.to_html(path, **options)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        trace.to_html(tmp_path / "nowhere" / "page.html")
    assert list(tmp_path.iterdir()) == []
    network = Network((1, 1))
    with pytest.raises(ValueError, match="at most 200 examples, but the trace has 201"):
        network.to_html(path, np.zeros((201, 1)), np.zeros(201))


def test_a_square_of_few_inputs_is_drawn_as_units(tmp_path):
    path = tmp_path / "page.html"

    def shape(network, **options):
        n = network.layer_sizes[0]
        network.to_html(path, np.zeros(n), np.zeros(1), **options)
        data = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
        return json.loads(data[1])["imageShape"]

    assert shape(Network((16, 1))) is None
    assert shape(Network((16, 1)), image_shape=(2, 8)) == [2, 8]
    assert shape(Network((25, 1))) == [5, 5]
    assert shape(Network((25, 1)), image_shape=None) is None
    assert shape(Network((12, 1)), image_shape=(2, 2, 3)) == [2, 2, 3]


def test_every_activation_and_loss_has_its_row(source_tree):
    static = source_tree / "bpcore" / "page" / "static"
    for name, rows in (("activations", set(ACTIVATIONS) - {"softmax"}), ("losses", set(LOSSES))):
        text = (static / f"{name}.js").read_text(encoding="utf-8")
        table = re.search(rf"export const {name.upper()} = \{{\n(.*?)^\}};", text, re.M | re.S)[1]
        assert set(re.findall(r"^  (\w+): \{", table, re.M)) == rows


def test_modules_are_put_together_in_the_order_of_their_imports(source_tree):
    static = source_tree / "bpcore" / "page" / "static"
    modules = re.findall(r"^const \$(\w+) = ", script(), re.MULTILINE)
    assert sorted(modules) == sorted(path.stem for path in static.glob("*.js"))
    for path in static.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for other in re.findall(r'^(?:import|\}) .*?from "\./(\w+)\.js";$', text, re.MULTILINE):
            assert modules.index(other) < modules.index(path.stem)
    assert not re.search(r"^(import|export)\b", script(), re.MULTILINE)


# ---------------------------------------------------------------- in a browser


def test_markup_in_names_changes_nothing(trace, tmp_path, driver):
    path = tmp_path / f"{EVIL[9:40].replace('/', '-')}<b>.html"
    trace.to_html(path, title=EVIL, names=[EVIL, "b"], captions=["a", EVIL], features=[EVIL] * 3)
    page = Page(driver, path)
    assert page.run("window.evil") is None
    assert page.text("h1") == EVIL
    assert page.run("document.title").split() == EVIL.split()
    assert page.text("#examples label:nth-child(2) span") == f"1: {EVIL}"
    assert page.text("text.output .name") == EVIL
    assert page.text("text.input") == EVIL
    assert page.run("document.querySelectorAll('img, b').length") == 0
    page.click("[data-step=first]")
    assert page.problems() == []


def test_names_that_are_no_text_in_utf8(trace, tmp_path, driver):
    """As of files whose names are bytes: the page has a sign in their place."""
    path = tmp_path / "page.html"
    trace.to_html(path, title="a\udcffb", captions=["\ud800", "\u2028"], names=["\0", "é"])
    page = Page(driver, path)
    assert page.text("h1") == "a\ufffdb"
    assert page.text("#examples label:nth-child(2) span") == "1: \u2028"
    assert page.problems() == []


def test_nothing_else_may_run_in_it(trace, opened):
    """A script that would be put in is refused, whatever let it in."""
    page = opened(trace)
    page.driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.evil = 1';"
        "document.body.append(s);"
    )
    assert page.run("window.evil") is None
    assert any("Content Security Policy" in entry for entry in page.problems())


def test_everything_that_can_be_used_has_a_name(trace, opened):
    """For who hears the page: names and roles, as the browser tells them to a screen reader."""
    page = opened(trace)
    page.run("document.querySelector('#numbers').open = true")
    controls = page.all("button, input, summary, [tabindex='0'], svg[role], math")
    named = [(one, one.accessible_name) for one in controls if one.is_displayed()]
    assert len(named) > 60
    for one, name in named:
        if one.tag_name != "math":
            assert name.strip(), one.get_attribute("outerHTML")[:200]
    assert page.run("document.documentElement.lang") == "en"
    assert len(page.all("h1")) == 1
    page.place("b", 2, 1)
    assert re.fullmatch(r"∂C_0/∂b of unit 1 of layer 2: -?0\.\d+", page.text("#live"))
    labels = {one.get_attribute("aria-label") for one in page.all("#explanation math")}
    assert "∂C_0" in "".join(filter(None, labels))


@pytest.mark.parametrize("width", [360, 800])
def test_it_fits_a_narrow_screen(width, tmp_path, rng):
    network = Network((36, 20, 16, 10), random_state=0)
    network.to_html(tmp_path / "page.html", rng.uniform(size=(3, 36)), np.eye(10)[:3])
    # a window is not made narrower than 500 pixels: the page is, as a telephone shows it
    with open_browser() as driver:
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        page = Page(driver, tmp_path / "page.html")
        page.run("document.querySelector('#numbers').open = true")
        assert page.run("window.innerWidth") == width
        # what is wider scrolls by itself
        assert page.run("document.documentElement.scrollWidth") <= width
        buttons = page.run(
            "[...document.querySelectorAll('.buttons button')].map((b) => b.offsetHeight)"
        )
        assert min(buttons) >= 32


@pytest.mark.parametrize("sizes", [(2, *[3] * 12, 1), (1, 1), (36, 20, 6, 2)])
def test_nothing_is_drawn_over_another_or_outside(sizes, opened, rng):
    network = Network(sizes, random_state=0)
    x, y = rng.normal(size=(1, sizes[0])), rng.uniform(size=(1, sizes[-1]))
    features = None if sizes[0] > 16 else ["a feature with a long name"] * sizes[0]
    page = opened(network.trace(x, y), names=["a class with a name"] * sizes[-1], features=features)
    boxes = page.run(
        "['.head', '.unit circle', '.output', '.input'].map((name) =>"
        " [...document.querySelectorAll('#diagram ' + name)].map((one) => {"
        " const b = one.getBBox();"
        " return [b.x, b.y, b.x + b.width, b.y + b.height]; }))"
    )
    view = "document.querySelector('#diagram').getAttribute('viewBox').split(' ').map(Number)"
    left, top, width, height = page.run(view)
    for kind in boxes:
        for at, (x0, y0, x1, y1) in enumerate(kind):
            assert (x0 >= left, y0 >= top) == (True, True)
            assert (x1 <= left + width, y1 <= top + height) == (True, True)
            for a0, b0, a1, b1 in kind[:at]:
                assert x0 >= a1 or a0 >= x1 or y0 >= b1 or b0 >= y1


def contrast(one, other):
    """The ratio of two colours by WCAG 2: of their relative luminances."""

    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_light_paper_and_on_dark(scheme, trace, driver, tmp_path):
    trace.to_html(tmp_path / "page.html")
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        page = Page(driver, tmp_path / "page.html")
        style = "getComputedStyle(document.querySelector(a[0]))"
        paper = page.run(f"{style}.backgroundColor", "body")
        panel = page.run(f"{style}.backgroundColor", "section")
        assert (contrast(paper, "rgb(0 0 0)") < 3) == (scheme == "dark")
        for selector in ("h1", "#about", ".says", ".note", "button.link", "#explanation td"):
            assert contrast(page.run(f"{style}.color", selector), panel) >= 4.5, selector
        # a number in a unit, on the colour of the unit
        for fill, ink in page.run(
            "[...document.querySelectorAll('.unit')].map((unit) =>"
            " [getComputedStyle(unit.children[0]).fill, getComputedStyle(unit.children[1]).fill])"
        ):
            assert contrast(fill, ink) >= 4.5
        assert page.problems() == []
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
