"""The check of pages bites: each kind of fault is found, in the page and the place that has it."""

from pathlib import Path

import pytest
from tests.site.browser import Fault, faults

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<link rel="icon" href="data:,">
</head>
<body><main><h1 id="top">{name}</h1>{body}</main></body>
</html>
"""
SEARCH = """<form role="search"><input type="search" aria-label="Search"></form>
<script>
document.querySelector("form").onsubmit = event => {
  event.preventDefault();
  if (document.querySelector("input").value === "otter") location.href = "found.html?q=otter";
};
</script>
"""
# kind of fault: the body of the page that has it, what the message names, and on which looks.
BAD = {
    "link": ('<p><a href="gone.html">gone</a></p>', "gone.html: is not there", {""}),
    "anchor": ('<p><a href="index.html#gone">gone</a></p>', "#gone: the page has no such", {""}),
    "outside": ('<p><a href="../secret.txt">out</a></p>', "leaves the site", {""}),
    "folder": ('<p><a href="deep/">deep</a></p>', "is a folder", {""}),
    "console": ("<script>console.error('spilt milk')</script>", "console: spilt milk", "both"),
    "script": ("<script>milk.spill()</script>", "script: milk is not defined", "both"),
    "request": ('<img src="gone.png" alt="gone">', "gone.png: net::ERR_FILE_NOT_FOUND", "both"),
    "net": ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js", "both"),
    "contrast": ('<p style="color: #bbb; background: #fff">pale</p>', "color-contrast", "both"),
    "alt": (f'<img src="data:image/svg+xml,{"<svg xmlns=%27http://www.w3.org/2000/svg%27/>"}">',
            "image-alt", "both"),
    "name": ("<button></button>", "button-name", "both"),
    "wide": ('<div style="width: 900px">wide</div>', "900px", {"phone"}),
}  # fmt: skip


def write(folder: Path, /, **bodies: str) -> Path:
    (folder / "deep").mkdir(parents=True)
    for name, body in bodies.items():
        (folder / f"{name}.html").write_text(PAGE.format(name=name, body=body), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> list[Fault]:
    """What is found in a site with one bad page for each kind of fault, and a good one."""
    folder = tmp_path_factory.mktemp("bad") / "site"
    bodies = {name: body for name, (body, *_) in BAD.items()}
    (folder.parent / "secret.txt").write_text("", encoding="utf-8")
    return faults(write(folder, index="<p>good</p>", **bodies), "otter")


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found(bad: list[Fault], name: str) -> None:
    _, says, looks = BAD[name]
    here = [fault for fault in bad if fault.page == f"{name}.html"]
    looks = {"desktop", "phone"} if looks == "both" else looks
    assert {fault.look for fault in here if says in str(fault)} == looks, here


def test_nothing_else_is_found(bad: list[Fault]) -> None:
    search = [fault for fault in bad if fault.kind == "search"]
    assert [fault.page for fault in search] == ["index.html"], "there is no search field"
    assert "otter" in search[0].what
    assert {fault.page.removesuffix(".html") for fault in bad} == {"index", *BAD}


def test_a_good_site_has_no_fault(tmp_path: Path) -> None:
    body = '<p><a href="found.html#top">found</a> <a href="https://example.org">out</a></p>'
    found = '<ul class="search-results"><li><a href="otter.html">one</a></li></ul>'
    site = write(tmp_path / "site", index=body + SEARCH, found=found, otter="<p>An otter.</p>")
    shots = tmp_path / "shots"
    assert faults(site, "otter", shots=shots) == []
    assert {path.name for path in shots.iterdir()} == {
        f"{page}-{look}.png"
        for page in ("index", "found", "otter")
        for look in ("desktop", "phone")
    }
    (site / "otter.html").write_text(PAGE.format(name="x", body="<p>No such animal.</p>"))
    assert "'otter' does not stand on its first hit" in str(faults(site, "otter")[0])


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    assert "no page in this folder" in str(faults(tmp_path)[0])
