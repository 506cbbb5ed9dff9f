"""The links between the pages of a site: which of them lead nowhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, _: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element's links and its id."""
        for name, value in attributes:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name == "id":
                self.places.add(value)


def dead_links(site: Path) -> tuple[int, list[str]]:
    """Return how many links lead to the site itself, and those of them without a file or a place in it."""
    pages = {path.resolve(): Page(path.read_text()) for path in site.rglob("*.html")}
    followed, dead = 0, set()
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            if not target.exists() or (place and target in pages and place not in pages[target].places):
                dead.add(f"{path.relative_to(site.resolve())}: {link}")
    return followed, sorted(dead)
