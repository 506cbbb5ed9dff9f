"""The pages in a browser: the overview, the link to the module, and the docstring, as the document pictures them."""

import re

import pytest

from fixtures.browser import PHONE

CLASS = "#service\\.httpbin\\.HttpBinPost"


@pytest.mark.claim("sphinx-3")
def test_reader_finds_the_docstring_from_the_overview(documented, browser, evidence):
    page = browser.open(documented.pages / "index.html")
    overview = page.locator("article")
    browser.expect(overview.get_by_role("heading", name="A service in front of HTTPBin")).to_be_visible()
    browser.expect(
        overview.get_by_text("It receives a request, works for half a second, and posts").first
    ).to_be_visible()

    overview.get_by_role("link", name="HttpBin Module").click()

    browser.expect(page).to_have_url(re.compile("/httpbin.html$"))
    browser.expect(page.get_by_text("Requests to HTTPBin, each an object of a class.").first).to_be_visible()
    docstring = page.locator(f"dl:has(> dt{CLASS})")
    browser.expect(docstring.get_by_text("with query parameters and a JSON body.")).to_be_visible()
    browser.screenshots(evidence, "The overview", documented.pages / "index.html")
    browser.screenshots(evidence, "The page of the module", documented.pages / "httpbin.html")
    assert (browser.refused, browser.errors) == ([], [])


@pytest.mark.claim("sphinx-3")
def test_page_of_the_routes_reads_well_on_a_phone(documented, browser, evidence):
    page = browser.open(documented.pages / "service.html", size=PHONE)

    browser.expect(page.get_by_text("Errors, as application/problem+json")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    browser.screenshots(evidence, "The routes on a phone", documented.pages / "service.html", size=PHONE)
