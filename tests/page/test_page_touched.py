"""What one can do on the page: step, point, type, nudge, descend."""

import re

import numpy as np
import pytest
from browser import Page, open_browser
from numpy.testing import assert_allclose

from bpcore import Network


@pytest.fixture
def network():
    network = Network((3, 4, 2), ["tanh"], "sigmoid", dtype="float64", random_state=2)
    network.biases[0][:] = 0.1, -0.2, 0.3, 0.0
    return network


@pytest.fixture
def data(rng):
    return rng.normal(size=(4, 3)), rng.uniform(0.1, 0.9, (4, 2))


@pytest.fixture
def images(rng):
    """A network that sees images of 6 x 6, and three of them."""
    X = (rng.uniform(size=(3, 36)) * (rng.uniform(size=(3, 36)) > 0.4)).astype("float32")
    return Network((36, 20, 3), random_state=0), X, np.eye(3)


def exact(page, selector):
    """The number behind a printed one."""
    return float(page.one(selector).get_attribute("data-exact"))


def stage(page):
    return page.text("#stage h2").rsplit(" (", 1)[0]


STAGES = [
    "The input", "Forward, layer 1", "Forward, layer 2: the outputs", "The cost",
    "Backward, layer 2", "Backward, layer 1", "Backward, layer 0: the input", "The gradient",
]  # fmt: skip


def test_buttons_and_arrow_keys_go_through_the_pass(network, data, opened):
    from selenium.webdriver.common.keys import Keys

    page = opened(network.trace(*data))
    assert stage(page) == "The gradient"
    page.click("[data-step=first]")
    seen = [stage(page)]
    for at in range(7):
        page.press(Keys.ARROW_RIGHT) if at % 2 else page.click("[data-step=next]")
        seen.append(stage(page))
    assert seen == STAGES
    assert not page.one("[data-step=next]").is_enabled()
    for name in reversed(STAGES[:-1]):
        page.press(Keys.ARROW_LEFT)
        assert stage(page) == name
    assert not page.one("[data-step=before]").is_enabled()


def test_what_is_not_known_yet_stays_blank(network, data, opened):
    page = opened(network.trace(*data))
    page.click("[data-step=first]")
    unknown = "document.querySelectorAll('.unit.unknown').length"
    counts = []
    for _ in range(3):
        counts.append(page.run(unknown))
        page.click("[data-step=next]")
    assert counts == [6, 2, 0]
    assert not page.one("#backward").is_enabled()
    page.click("[data-step=next]")  # backward, layer 2
    assert page.one("#backward").is_selected()
    labels = [one.get_attribute("aria-label") for one in page.all(".unit")]
    assert sum("∂C/∂a = " in label for label in labels) == 2
    page.click("#backward")
    labels = [one.get_attribute("aria-label") for one in page.all(".unit")]
    assert not any("∂C/∂a" in label for label in labels)


def test_each_step_has_its_formula_and_the_cost_its_number(network, data, opened):
    trace = network.trace(*data)
    page = opened(trace)
    formulas = "[...document.querySelectorAll('#stage .formulas math')].map((one) => one.ariaLabel)"
    page.click("[data-step=first]")
    seen = []
    for _ in range(8):
        seen.append(page.run(formulas))
        if stage(page) == "The cost":
            assert_allclose(exact(page, "#cost"), trace.costs[0], rtol=1e-12)
        if page.one("[data-step=next]").is_enabled():
            page.click("[data-step=next]")
    assert seen[1] == ["z^(1) = w^(1) a^(0) + b^(1)", "a^(1) = σ(z^(1))"]
    assert seen[4] == [
        "∂C_0/∂a_j^(2) = 2 (a_j^(2) - y_j)",
        "∂C_0/∂z_j^(2) = σ'(z_j^(2)) · ∂C_0/∂a_j^(2)",
        "∂C_0/∂w_j,k^(2) = a_k^(1) · ∂C_0/∂z_j^(2)",
        "∂C_0/∂b_j^(2) = ∂C_0/∂z_j^(2)",
    ]
    assert seen[6] == ["∂C_0/∂a_k^(0) = Σ_j w_j,k^(1) · ∂C_0/∂z_j^(1)"]
    assert seen[7] == ["θ ← θ - η ∇C_0"]


def title(page):
    """The headline of the derivative; the 2 of C_2 is an index there."""
    return page.text("#explanation h3")


def test_a_click_on_a_unit_a_bias_or_a_weight_explains_it(network, data, opened):
    from selenium.webdriver.common.action_chains import ActionChains

    page = opened(network.trace(*data))
    page.click('[data-key="a:1:2"] circle')
    assert "of unit 2 of layer 1" in title(page)
    assert page.run("document.querySelector('#place').letter.value") == "a"
    page.click('[data-key="b:2:1"]')
    assert title(page).endswith("/∂b of unit 1 of layer 2")
    # a little beside the line: the nearest is meant
    x, y = page.run(
        "((line) => { const m = line.getScreenCTM(); const at = (p) => (p[0] + p[1]) / 2;"
        " const point = new DOMPoint(at([line.x1.baseVal.value, line.x2.baseVal.value]),"
        " at([line.y1.baseVal.value, line.y2.baseVal.value])).matrixTransform(m);"
        " return [point.x, point.y - 3]; })(document.querySelector('[data-key=\"w:1:0:0\"]'))"
    )
    moves = ActionChains(page.driver)
    moves.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    moves.perform()
    assert page.text("#hover").startswith("weight from unit 0 of layer 0 to unit 0 of layer 1")
    moves.w3c_actions.pointer_action.click()
    moves.perform()
    assert "weight from unit 0 of layer 0 to unit 0 of layer 1" in title(page)


def test_tab_reaches_every_kind_and_arrows_every_one(network, data, opened):
    from selenium.webdriver.common.keys import Keys

    page = opened(network.trace(*data))
    key = "document.activeElement.dataset.key ?? ''"
    page.run("document.querySelector('#backward').focus()")
    stops = []
    for _ in range(12):
        page.press(Keys.TAB)
        if page.run(key):
            stops.append(page.run(key))
    kinds = {stop.rsplit(":", 1 if stop[0] != "w" else 2)[0] for stop in stops}
    assert kinds == {"w:1", "w:2", "a:0", "a:1", "a:2", "b:1", "b:2"}
    page.run("document.querySelector('[data-key=\"w:2:0:0\"]').focus()")
    seen = []
    for _ in range(8):
        page.press(Keys.ARROW_DOWN)
        seen.append(page.run(key))
    every = [f"w:2:{j}:{k}" for j in range(2) for k in range(4)]
    assert seen == [*every[1:], every[0]]
    assert title(page) == "∂C0/∂w of the weight from unit 0 of layer 1 to unit 0 of layer 2"
    page.run("document.querySelector('[data-key=\"a:1:3\"]').focus()")
    page.press(Keys.ENTER)
    assert "∂a of unit 3 of layer 1" in title(page)


def test_pixels_are_chosen_by_pointer_and_keys(images, opened):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    network, X, Y = images
    page = opened(network.trace(X, Y))
    page.place("w", 1, 17, 0)  # unit 17 is not among those drawn of 20 until it is asked for
    assert page.all('[data-key="a:1:17"]')
    frame = page.one("#diagram .frame")
    side = frame.rect["width"] / 6
    # the middle of row 4, column 1: offsets are from the middle of the image
    ActionChains(page.driver).move_to_element_with_offset(
        frame, round((1 - 2.5) * side), round((4 - 2.5) * side)
    ).click().perform()
    assert page.run("bpcore.app.place") == {"letter": "w", "layer": 1, "j": 17, "k": 25}
    page.run("document.querySelector('#diagram .frame').focus()")
    page.press(Keys.ARROW_UP, Keys.ARROW_RIGHT)
    assert page.run("bpcore.app.place.k") == 20
    assert stage(page) == "The gradient"  # the arrows of the image do not step


def test_a_walk_through_the_factors_ends_at_the_cost(network, data, opened):
    trace = network.trace(*data)
    page = opened(trace)
    page.place("w", 1, 2, 1)
    page.click('#onward [data-go="a:1:2"]')
    assert "∂a of unit 2 of layer 1" in title(page)
    page.click("#explanation table button")  # the largest term's unit
    place = page.run("bpcore.app.place")
    assert (place["letter"], place["layer"]) == ("a", 2)
    lines = page.explanation()
    assert any("2(a" in line.replace("\u2009", "").replace(" ", "") for line in lines)
    value = float(page.one("#explanation").get_attribute("data-value"))
    assert_allclose(value, trace.dC_da[2][0, place["j"]] / trace.shares[0], rtol=1e-12)


def test_whose_share_pulls_where(network, data, opened):
    trace = network.trace(*data, sample_weight=[1.0, 2.0, 3.0, 4.0])
    page = opened(trace, example=None)
    page.place("w", 2, 1, 3)
    parts = trace.dC_dz[2][:, 1] * trace.a[1][:, 3]
    found = [float(one.get_attribute("data-exact")) for one in page.all("#shares [data-exact]")]
    assert_allclose(found, [*parts, trace.dC_dw[2][1, 3]], rtol=1e-12)
    bars = page.run(
        "[...document.querySelectorAll('#shares .bar')].map((bar) =>"
        " [bar.classList.contains('below'), parseFloat(bar.style.width)])"
    )
    for (is_below, width), part in zip(bars, parts, strict=True):
        assert is_below == (part < 0)
        assert width == pytest.approx(50 * abs(part) / np.abs(parts).max(), abs=1e-3)
    page.click("#shares tbody tr:nth-child(3) button")
    assert page.run("bpcore.app.i") == 2
    assert title(page).startswith("∂C2/∂w")


@pytest.mark.parametrize("example", [1, None])
@pytest.mark.parametrize("letter", ["w", "b"])
def test_a_nudge_does_what_the_library_says(letter, example, network, data, opened):
    X, Y = data
    trace = network.trace(X, Y)
    page = opened(trace)
    page.look(example)
    page.place(letter, 1, 2, *([1] if letter == "w" else []))
    field = page.one("#nudge input[type=number]")
    field.clear()
    field.send_keys("0.25")
    rows = slice(None) if example is None else slice(example, example + 1)
    before, gradient = network.cost(X[rows], Y[rows]), network.gradient(X[rows], Y[rows])
    array, at = (network.weights[0], (2, 1)) if letter == "w" else (network.biases[0], (2,))
    slope = (gradient.weights if letter == "w" else gradient.biases)[0][at]
    array[at] += 0.25
    after = network.cost(X[rows], Y[rows])
    assert_allclose(exact(page, "[data-value=foretold]"), 0.25 * slope, rtol=1e-11)
    assert_allclose(exact(page, "[data-value=happens]"), after - before, rtol=1e-9, atol=1e-15)
    assert_allclose(exact(page, "[data-value=nudged]"), array[at], rtol=1e-14)
    # the curve goes through the point where the parameter stands
    middle = page.run("bpcore.app.nudge.curve[30]")
    assert_allclose(middle, [array[at] - 0.25, before], rtol=1e-12)


def test_units_have_nothing_to_nudge(network, data, opened):
    page = opened(network.trace(*data))
    page.place("z", 1, 0)
    assert not page.one("#nudge input").is_displayed()
    assert page.one("#nudge .none").is_displayed()


@pytest.mark.parametrize("example", [2, None])
def test_steps_down_the_gradient_are_those_of_the_library(example, network, data, opened):
    X, Y = data
    start = network.parameters.copy()
    page = opened(network.trace(X, Y), learning_rate=0.5)
    page.look(example)
    rows = slice(None) if example is None else slice(example, example + 1)
    theta = "[...bpcore.app.model.theta]"

    def step(eta):
        network.apply(network.gradient(X[rows], Y[rows]), eta)

    page.click("[data-do=one]")
    step(0.5)
    assert_allclose(page.run(theta), network.parameters, rtol=1e-12)
    rate = page.one("#descent input")
    rate.clear()
    rate.send_keys("0.2")
    page.click("[data-do=twenty]")
    page.wait("document.querySelector('#descent').dataset.steps === '21'")
    for _ in range(20):
        step(0.2)
    assert_allclose(page.run(theta), network.parameters, rtol=1e-10)
    cost = network.cost(X[rows], Y[rows])
    said = page.text("#descent .says")
    number = float(re.search(r"= ([\d.e-]+) after 21 steps", said)[1])
    assert number == pytest.approx(cost, rel=1e-3)
    outputs = page.run("[...document.querySelectorAll('.output .says')].map((o) => o.textContent)")
    if example is not None:
        a = network.predict(X[example])
        assert [one.split(",")[0] for one in outputs] == [f"a = {value:.2f}" for value in a]
    page.wait("!bpcore.app.descent.isWalking")
    page.click("[data-do=back]")
    assert_allclose(page.run(theta), start, rtol=0)
    assert "before the first step" in page.text("#descent .says")


def test_another_example_ends_the_walk(network, data, opened):
    page = opened(network.trace(*data), learning_rate=0.1)
    page.click("[data-do=twenty]")
    page.wait("bpcore.app.descent.costs.length > 2")
    page.look(1)
    assert page.run("bpcore.app.descent.costs.length") == 0
    page.click("[data-do=back]")
    page.click("[data-do=one]")
    assert page.one("#descent").get_attribute("data-steps") == "1"
    network.apply(network.gradient(data[0][1], data[1][1]), 0.1)
    assert_allclose(page.run("[...bpcore.app.model.theta]"), network.parameters, rtol=1e-12)


def test_a_step_beyond_all_numbers_is_not_made(network, data, opened):
    X, _ = data
    network = Network((3, 2), "identity", dtype="float64", random_state=0)
    page = opened(network.trace(X, np.full((4, 2), 1e3)), learning_rate=1e308)
    page.click("[data-do=twenty]")
    page.wait("!bpcore.app.descent.isWalking")
    assert "no step was made" in page.text("#descent .says")
    assert_allclose(page.run("[...bpcore.app.model.theta]"), network.parameters, rtol=0)


def test_what_is_typed_out_of_range_is_taken_to_its_end(network, data, opened):
    page = opened(network.trace(*data))
    page.place("w", 9, -3, 99)
    assert page.run("bpcore.app.place") == {"letter": "w", "layer": 2, "j": 0, "k": 3}
    page.place("w", "", "", "")
    assert page.run("bpcore.app.place") == {"letter": "w", "layer": 1, "j": 0, "k": 0}


def test_the_address_leads_to_what_is_looked_at(network, data, opened):
    page = opened(network.trace(*data), "#2/3/w:1:3:2")
    assert stage(page) == "The cost"
    assert title(page) == "∂C2/∂w of the weight from unit 2 of layer 0 to unit 3 of layer 1"
    page.place("b", 2, 1)
    assert page.run("location.hash") == "#2/3/b:2:1"
    for wrong in ("#9/3/w:7:0:0", "#x/y/q:1:1", "#0/0/w:1:9:0", "#%"):
        other = opened(network.trace(*data), wrong)
        assert stage(other) == "The gradient"


def test_motion_is_left_out_where_it_is_not_wanted(network, data, tmp_path):
    network.to_html(tmp_path / "page.html", *data)
    with open_browser("--force-prefers-reduced-motion") as driver:
        page = Page(driver, tmp_path / "page.html")
        page.run("document.querySelector('[data-do=twenty]').click()")
        # all of it at once: nothing waits for a timer
        page.wait("document.querySelector('#descent').dataset.steps === '20'")
        transition = "getComputedStyle(document.querySelector('.unit circle')).transitionDuration"
        assert page.run(transition) == "0s"
