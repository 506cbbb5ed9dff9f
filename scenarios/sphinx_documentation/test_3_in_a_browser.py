"""The pages in a browser: the overview, the link to the module, and the docstring, as the document pictures them."""

import pytest

from fixtures.browser import PHONE

CLASS = "#service\\.httpbin\\.HttpBinPost"


@pytest.mark.claim("sphinx-3")
def test_reader_finds_the_docstring_from_the_overview(documented, browser, evidence):
    page = browser.open(documented.pages / "index.html")
    overview = page.locator("article")
    assert overview.get_by_role("heading", name="A service in front of HTTPBin").is_visible()
    assert overview.get_by_text(
        "It receives a request, works for half a second, and posts", exact=False
    ).first.is_visible()

    overview.get_by_role("link", name="HttpBin Module").click()

    assert page.url.endswith("/httpbin.html")
    assert page.get_by_text("Requests to HTTPBin, each an object of a class.").first.is_visible()
    assert page.locator(f"dl:has(> dt{CLASS})").get_by_text("with query parameters and a JSON body.").is_visible()
    browser.screenshots(evidence, "The overview", documented.pages / "index.html")
    browser.screenshots(evidence, "The page of the module", documented.pages / "httpbin.html")
    assert (browser.refused, browser.errors) == ([], [])


@pytest.mark.claim("sphinx-3")
def test_page_of_the_routes_reads_well_on_a_phone(documented, browser, evidence):
    page = browser.open(documented.pages / "service.html", size=PHONE)

    assert page.get_by_text("Errors, as application/problem+json").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    browser.screenshots(evidence, "The routes on a phone", documented.pages / "service.html", size=PHONE)
