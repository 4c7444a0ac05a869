"""Headless Chromium, for the tests of the page."""

import contextlib
import json
import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found():
    """(browser, driver) on this machine; the test is skipped where one is missing."""
    pytest.importorskip("selenium", reason="selenium is not installed: it drives the browser")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        missing = "Chromium" if not browser else "chromedriver"
        pytest.skip(f"no {missing}: on Debian, apt-get install chromium chromium-driver")
    return browser, driver


@contextlib.contextmanager
def open_browser(*arguments, size=(1400, 1000)):
    """A browser without a window and without a network; what it logs is kept."""
    browser, driver = found()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--proxy-server=127.0.0.1:9", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}",
        *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []), *arguments,
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # the sanitizers' libraries are for this process alone
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    service = Service(executable_path=driver, env=environment)
    one = webdriver.Chrome(options=options, service=service)
    try:
        yield one
    finally:
        one.quit()


class Page:
    """A page that is open: what it says, and what one does with it."""

    def __init__(self, driver, path, address=""):
        self.driver = driver
        driver.get("about:blank")
        driver.get(path.as_uri() + address)
        self.wait("document.documentElement.dataset.ready !== undefined")

    def run(self, code, *arguments):
        """The value of an expression of JavaScript, in which `a` are the arguments."""
        return self.driver.execute_script(f"const a = arguments; return ({code});", *arguments)

    def wait(self, condition):
        """Wait until an expression is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: self.run(condition))

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.run("document.querySelector(a[0]).textContent", selector)

    def click(self, selector):
        self.one(selector).click()

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def look(self, example):
        """Choose an example, or None, the mean."""
        name = "null" if example is None else example
        self.click(f'#examples label:has([value="{name}"])')

    def place(self, letter, layer, j, k=None):
        """Choose a derivative by the form, as one who types."""
        fields = {"layer": layer, "j": j} | ({} if k is None else {"k": k})
        self.run(
            "((form) => { form.letter.value = a[0];"
            " for (const [n, v] of Object.entries(a[1])) form[n].value = v;"
            " form.layer.dispatchEvent(new Event('change', {bubbles: true})); })"
            "(document.querySelector('#place'))",
            letter, fields,
        )  # fmt: skip

    def table(self, selector):
        """The numbers of a table, without its labels: a list a row."""
        rows = self.run(
            "[...document.querySelectorAll(a[0] + ' tbody tr')].map((row) =>"
            " [...row.querySelectorAll('td')].map((cell) => cell.textContent))",
            selector,
        )
        return [[float(cell) for cell in row] for row in rows]

    def explanation(self):
        """What is said of the derivative, read off the page: a line of text each."""
        return self.run("[...document.querySelectorAll('#explanation .line, #explanation p')].map("
                        "(line) => line.textContent)")  # fmt: skip

    def problems(self):
        """What the console holds."""
        return [json.dumps(entry) for entry in self.driver.get_log("browser")]
