"""Large data leave git for a remote that is a server: it may refuse, lose or change them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.adopt.hand import FILES, commit, git, make, plan, quiet, small, state
from tests.adopt.test_adopt_stored import pulled

from tdsp.adopt.apply import BRANCH, apply
from tdsp.adopt.gitwork import Git
from tdsp.adopt.plan import Plan
from tdsp.adopt.undo import undo
from tdsp.adopt.verify import find, verify
from tdsp.errors import TdspError

DATA = {**FILES, "raw/more.csv": b"c\n3\n", "raw/most.csv": b"d\n4\n"}
TARGETS = {"data.csv": "data/raw/data.csv"}
LARGE = ("data.csv", "raw/more.csv", "raw/most.csv")


@dataclass
class Shelf:
    """What a server keeps, and what is wrong with it."""

    fault: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers for the shelf of its server."""

    shelf: Shelf

    def answer(self, code: int, content: bytes = b"") -> None:
        self.shelf.asked.append(f"{self.command} {code}")
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_PUT(self) -> None:
        content = b"".join(self.chunks())
        second = bool(self.shelf.kept)
        if self.shelf.fault == "refuses" or (self.shelf.fault == "fills" and second):
            return self.answer(403 if self.shelf.fault == "refuses" else 507)
        if not (self.shelf.fault == "loses" and second):
            self.shelf.kept[self.path] = content
        return self.answer(201)

    def chunks(self) -> Iterator[bytes]:
        """Yield the parts of what comes, as DVC sends it: with a size before each."""
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self) -> None:
        self.do_PUT()

    def do_GET(self) -> None:
        content = self.shelf.kept.get(self.path)
        if content is not None and self.shelf.fault == "changes":
            content = content[::-1]
        self.answer(404 if content is None else 200, content or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[Shelf, str]]:
    shelf = Shelf()
    here = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"shelf": shelf}))
    threading.Thread(target=here.serve_forever, daemon=True).start()
    yield shelf, f"http://127.0.0.1:{here.server_address[1]}/churn"
    here.shutdown()
    here.server_close()


def wanted(root: Path, remote: str) -> Plan:
    made: Plan = plan(root, TARGETS, {}, 1)
    return replace(made, large=LARGE, remote=remote)


def test_server_that_gives_all_back(server: tuple[Shelf, str], tmp_path: Path) -> None:
    shelf, address = server
    root = make(tmp_path / "repo", DATA)
    before = state(root)
    apply(root, wanted(root, address), quiet, renderer=small)
    assert {DATA[name] for name in LARGE} <= set(shelf.kept.values())
    assert sum(each == "GET 200" for each in shelf.asked) >= len(LARGE)  # each was read back
    clone = pulled(root, tmp_path / "clone")
    assert (clone / "data/raw/data.csv").read_bytes() == DATA["data.csv"]
    assert not any(each.problems for each in verify(Git(root), find(Git(root))))
    undo(root)
    assert state(root) == before


def test_method_of_a_remote_that_is_in_the_settings(
    server: tuple[Shelf, str], tmp_path: Path
) -> None:
    shelf, address = server
    root = make(tmp_path / "repo", DATA)
    (root / ".dvc").mkdir()
    settings = (
        f"[core]\n    remote = web\n['remote \"web\"']\n    url = {address}\n    method = PUT\n"
    )
    (root / ".dvc/config").write_text(settings, encoding="utf-8")
    commit(root, "dvc")
    apply(root, wanted(root, "web"), quiet, renderer=small)
    assert "PUT 201" in shelf.asked and "POST 201" not in shelf.asked
    assert (root / ".dvc/config").read_text(encoding="utf-8") == settings


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuses", r"push` failed.*\b403\b"),
        ("fills", r"push` failed.*\b507\b"),
        ("loses", r"pull` failed"),
        ("changes", "came back from the remote with other bytes"),
        ("is away", r"push` failed.*[Cc]onnect"),
    ],
)
def test_faulty_server_changes_nothing(
    server: tuple[Shelf, str], tmp_path: Path, fault: str, words: str
) -> None:
    shelf, address = server
    shelf.fault = fault
    root = make(tmp_path / "repo", DATA)
    before = state(root)
    remote = "http://127.0.0.1:9/churn" if fault == "is away" else address
    with pytest.raises(TdspError, match=f"(?s){words}.*stay in git"):
        apply(root, wanted(root, remote), quiet, renderer=small)
    assert state(root) == before
    assert git(root, "ls-files", *LARGE).decode().split() == sorted(LARGE)
    assert BRANCH.encode() not in git(root, "for-each-ref")
