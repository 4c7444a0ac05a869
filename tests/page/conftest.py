"""A browser for all tests of the page, and pages by what they are made of."""

import pytest
from browser import Page, open_browser


@pytest.fixture(scope="session")
def driver():
    """One browser for the session; skipped, with the reason, where there is none."""
    with open_browser() as one:
        yield one


@pytest.fixture
def opened(driver, tmp_path):
    """Write the page of a trace and open it; at the end the console has to be empty."""
    pages = []

    def open_page(trace, address="", **options):
        path = tmp_path / "page.html"
        trace.to_html(path, **options)
        pages.append(Page(driver, path, address))
        return pages[-1]

    yield open_page
    assert [entry for page in pages for entry in page.problems()] == []
