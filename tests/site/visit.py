"""Open every page of a folder in Chromium. Runs in an environment of its own, see browser.py.

`visit.py '{"folder": ..., "chromium": ..., "axe": ..., "search": [...], "shots": ...}'` prints a
JSON list of faults: [page, look, kind, what]. Nothing is served: pages are opened as files, and
what they ask of the net is a fault.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from playwright.sync_api import Error, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Both widths, both colour schemes.
LOOKS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
TIMEOUT = 20_000  # milliseconds
PATIENCE = 5_000  # with a search
# WCAG 2 to level AA, and what axe calls best practice: landmarks, order of headings.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without preloading, for which axe fetches style sheets: a page opened as a file may not.
AXE = """rules => axe.run(document, {
  preload: false, resultTypes: ['violations'], runOnly: {type: 'tag', values: rules}}).then(
  found => found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${rule.help}: ${node.target.join(' ')}: ${node.html.slice(0, 160)}` +
    (node.any[0] ? ` (${node.any[0].message})` : ''))))"""
# What is wider than the window and in no box that scrolls by itself.
WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const kept = ['auto', 'scroll', 'hidden'];
  const scrolls = e => e && e !== document.documentElement &&
    (kept.includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const out = [...document.body.querySelectorAll('*')].filter(e =>
    e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
  return [`${document.documentElement.scrollWidth} pixels wide where there are ${width}: ` +
    (out.length ? out[out.length - 1].outerHTML.slice(0, 160) : 'no single element')];
}"""
LINKS = """() => [...document.querySelectorAll('[href], [src]')]
  .filter(e => !['BASE', 'SCRIPT'].includes(e.tagName))
  .map(e => typeof (e.href ?? e.src) === 'string' ? (e.href ?? e.src) : '')
  .filter(url => url)"""
NAMES = "() => [...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name)"

Fault = tuple[str, str, str, str]


class Site:
    """A folder of pages, and what was found in each."""

    def __init__(self, folder: Path, axe: str) -> None:
        self.folder, self.axe = folder, axe
        self.links: dict[str, list[str]] = {}
        self.names: dict[str, set[str]] = {}
        self.faults: list[Fault] = []

    def listen(self, page: Page, name: str, look: str) -> None:
        """Note what the browser complains of while the page is open."""

        def note(kind: str, what: str) -> None:
            if (fault := (name, look, kind, what)) not in self.faults:
                self.faults.append(fault)

        page.on("console", lambda m: note("console", m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: note("script", str(error)))
        page.on("requestfailed", lambda r: note("request", f"{r.url}: {r.failure}"))

    def visit(self, page: Page, path: Path, look: str) -> None:
        """Open a page and look at it."""
        name = path.relative_to(self.folder).as_posix()
        heard: list[tuple[str, str]] = []
        self.listen(page, name, look)
        try:
            page.goto(path.as_uri(), wait_until="load", timeout=TIMEOUT)
            heard += [("wide", what) for what in page.evaluate(WIDE)]
            page.evaluate(self.axe)
            heard += [("axe", what) for what in page.evaluate(AXE, RULES)]
            self.links[name] = page.evaluate(LINKS)
            self.names[name] = set(page.evaluate(NAMES))
        except Error as error:
            heard.append(("page", f"does not open: {error}"))
        self.faults += [(name, look, kind, what) for kind, what in heard]

    def dead(self) -> Iterator[Fault]:
        """Yield the links that lead to no file or anchor of the folder."""
        for name, links in self.links.items():
            for link in dict.fromkeys(links):
                if link.startswith("file:") and (reason := self._dead(link)):
                    yield name, "", "link", f"{link}: {reason}"

    def _dead(self, link: str) -> str:
        url, anchor = urldefrag(link)
        path = Path(unquote(url.removeprefix("file://").partition("?")[0]))
        if not path.is_relative_to(self.folder):
            return "leaves the site"
        name = path.relative_to(self.folder).as_posix()
        if not path.is_file():
            return "is a folder, which a browser lists" if path.is_dir() else "is not there"
        if anchor and name in self.names and unquote(anchor) not in self.names[name]:
            return "the page has no such anchor"
        return ""

    def search(self, page: Page, word: str) -> None:
        """Type a word into the search field, open the first hit, find the word there."""
        self.listen(page, f"search for {word!r}", "")
        page.goto((self.folder / "index.html").as_uri(), timeout=PATIENCE)
        try:
            field = page.locator("input[type=search], [role=search] input, input[name=q]").first
            field.fill(word, timeout=PATIENCE)
            field.press("Enter")
            hit = page.locator("#search-results a, .search-results a, [role=main] li a").first
            hit.click(timeout=PATIENCE)
            page.wait_for_load_state("load", timeout=PATIENCE)
            if word.casefold() not in page.locator("body").inner_text().casefold():
                self.faults.append(
                    (page.url, "", "search", f"{word!r} does not stand on its first hit")
                )
        except Error as error:
            self.faults.append(
                ("index.html", "", "search", f"{word!r} finds nothing: {error.message}")
            )


def main(order: dict[str, Any]) -> list[Fault]:
    """Visit the pages in turn, in one browser."""
    site = Site(Path(order["folder"]).resolve(), Path(order["axe"]).read_text(encoding="utf-8"))
    pages = sorted(site.folder.rglob("*.html"))
    if not pages:
        return [(str(site.folder), "", "page", "there is no page in this folder")]
    with sync_playwright() as playwright:
        # Playwright starts it with a new, empty profile.
        browser = playwright.chromium.launch(executable_path=order["chromium"], args=FLAGS)
        for look, options in LOOKS.items():
            context = browser.new_context(**options)
            context.route("http*://**", lambda route: route.abort("internetdisconnected"))
            for path in pages:
                page = context.new_page()
                site.visit(page, path, look)
                if order["shots"]:
                    name = "-".join(path.relative_to(site.folder).with_suffix("").parts)
                    page.screenshot(
                        path=Path(order["shots"]) / f"{name}-{look}.png", full_page=True
                    )
                page.close()
            if look == "desktop":
                for word in order["search"]:
                    site.search(context.new_page(), word)
            context.close()
        browser.close()
    return [*site.faults, *site.dead()]


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
