"""Find the links between a site's pages that lead nowhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """A page's links, and its anchors: the ids to which links can lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, _: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element's links and its id."""
        for name, value in attributes:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name == "id":
                self.anchors.add(value)


def dead_links(site: Path) -> tuple[int, list[str]]:
    """Return the number of links within the site, and those of them whose file or anchor does not exist."""
    pages = {path.resolve(): Page(path.read_text()) for path in site.rglob("*.html")}
    followed, dead = 0, set()
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                dead.add(f"{path.relative_to(site.resolve())}: {link}")
    return followed, sorted(dead)
