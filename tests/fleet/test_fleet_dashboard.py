"""The pages of a fleet: sums and curves that are right, and nothing hostile that gets out."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.conftest import ROOT, module_of
from typer.testing import CliRunner

from tdsp import pages as shared
from tdsp.check.all import CHECKS
from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.fleet import figures, rowdata, store, terminal
from tdsp.fleet.facts import facts
from tdsp.fleet.page import catalog, dashboard
from tdsp.fleet.snapshot import (
    Asset,
    Conflict,
    Delivery,
    Finding,
    Model,
    Pending,
    Row,
    Snapshot,
    Telemetry,
)
from tdsp.reading import read_texts

runner = CliRunner()
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u202e\x00\n\u2028"


@pytest.fixture(scope="module")
def invented() -> ModuleType:
    module: ModuleType = module_of(ROOT / "benchmarks/invented.py")
    return module


@pytest.fixture(scope="module")
def fleet(invented: ModuleType) -> list[Snapshot]:
    return [invented.snapshot(120, day) for day in (1, 5, 12)]


def bare(name: str = "a", **given: Any) -> Row:
    """Return a row of which nothing but its name is known."""
    return Row(**{"name": name, "source": "", "group": "", "owners": (), "state": "ok"} | given)


def snapshot(*rows: Row, taken: str = "2026-11-12T06:00:00Z", **given: Any) -> Snapshot:
    return Snapshot(taken, "0.1.0", rows, **given)


class Reader(HTMLParser):
    """Collects the elements of a page, its words, and the text of its data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.data: dict[str, Any] = {}
        self._inside: str | None = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") if tag == "script" else tag if tag == "style" else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"data", "findings"}:
            self.data[self._inside] = json.loads(data)
        elif self._inside == "":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_a_repository_with_a_warning_is_not_in_order() -> None:
    repo = read_texts({**CHECKS["TR04"].bad})
    found = facts(repo, ours=False, reported="", today=date(2026, 11, 29))
    assert (found.verdict, found.errors, found.warnings) == ("fails", 0, 1)
    rows = (bare("a", verdict=found.verdict, warnings=1), bare("b", verdict="passes"))
    assert [each.name for each in figures.verdicts(rows)] == ["in order", "not in order"]
    said = terminal.sums(Snapshot("2026-11-29T06:00:00Z", "0.1.0", rows))
    assert said.startswith("2 repositories, 1 in order") and "0 errors, 1 warning" in said
    (point,) = store.trend([Snapshot("2026-11-29T06:00:00Z", "0.1.0", rows)])
    assert (point.errors, point.warnings) == (0, 1)


def test_sums_count_only_what_is_known() -> None:
    told = Telemetry("Azure Monitor", "2026-11-12T05:00:00Z", cost_this_month=10.5, currency="EUR")
    rows = [
        bare("a", kind="tdsp", current=True, drift=(), errors=2, maturity={"A": 3, "Google": 0}),
        bare("b", kind="tdsp", current=False, drift=("x",), telemetry=told),
        bare("c", kind="tdsp", telemetry=replace(told, cost_this_month=2.0, currency="USD")),
        bare("d", kind="none", telemetry=replace(told, cost_this_month=None)),
        bare("e", state="failed", reason="no network"),
    ]
    found = figures.sums(rows)
    assert (found.repositories, found.failed, found.foreign, found.errors) == (5, 1, 1, 2)
    assert (found.current.number, found.current.whole) == (1, 2)
    assert (found.drifted.number, found.drifted.whole) == (1, 2)
    assert found.level == 3, "Google's level is no area of Microsoft's"
    assert [(name, cost.value, cost.by) for name, cost in found.costs] == [
        ("EUR", 10.5, 1),
        ("USD", 2.0, 1),
    ]
    assert found.availability.value is None
    assert found.promotions.value is None
    assert [(each.name, each.number) for each in figures.verdicts(rows)] == [
        ("not judged", 4),
        ("not read", 1),
    ]


def test_what_is_not_reported_is_said_and_never_0() -> None:
    page = Reader(dashboard([snapshot(bare("only", kind="none"))]))
    assert page.text.count("not reported") >= 5
    assert "EUR 0" not in page.text
    row = page.data["data"]["rows"][0]
    assert not set(row) & {"telemetry", "delivery", "model", "current", "drift", "maturity"}
    failed = rowdata.rows([bare("f", state="failed", reason="gone")])[0]
    assert not set(failed) & {"errors", "warnings", "kind", "placeholders"}


def test_adoption_is_the_share_by_days_since_the_release(fleet: list[Snapshot]) -> None:
    chart = figures.adoption(fleet)
    assert chart is not None
    assert len(chart.dots) == 3
    share = figures.sums(fleet[-1].rows).current
    assert chart.told == f"Day 12 after v1.4.0: {share.share:.0%}. The target is 70% on day 14."
    heights = [y for _, y, _ in chart.dots]
    assert heights == sorted(heights, reverse=True), "the share of this fleet only grows"
    older = replace(fleet[0], release="v1.3.2")
    chart = figures.adoption([older, *fleet[1:]])
    assert chart is not None
    assert len(chart.dots) == 2, "a snapshot of another release is no point of this curve"
    assert figures.adoption([replace(fleet[0], release="")]) is None


def test_the_newest_snapshot_is_shown_whatever_the_order(fleet: list[Snapshot]) -> None:
    page = dashboard(fleet)
    assert page == dashboard(fleet[::-1]) == dashboard([*fleet, fleet[0]])
    reader = Reader(page)
    assert "Taken 2026-11-14 06:00 UTC" in reader.text
    assert len(reader.data["data"]["rows"]) == 120
    assert "3 snapshots" in reader.text
    assert "Errors: from" in reader.text
    assert "A trend needs two snapshots" in Reader(dashboard(fleet[:1])).text


def test_every_finding_is_there_with_file_and_line(fleet: list[Snapshot]) -> None:
    unasked = Finding("MN01", "info", "hidden.py", 1, "right too seldom")
    last = replace(fleet[-1], rows=tuple(
        replace(row, findings=(*row.findings, unasked)) for row in fleet[-1].rows
    ))  # fmt: skip
    fleet = [*fleet[:-1], last]
    data = Reader(dashboard(fleet)).data["findings"]
    texts = data["texts"]
    for row, found in zip(fleet[-1].rows, data["rows"], strict=True):
        shown = [
            Finding(check, level, texts[path], line, texts[message])
            for check, level, path, line, message in found
        ]
        assert shown == list(row.shown) and unasked not in shown


def evil(kind: Any) -> Any:
    """Return an object of a dataclass, all of whose texts are hostile."""
    given: dict[str, Any] = {}
    for field in fields(kind):
        text = str(field.type).removeprefix("<class '")
        if text.startswith("str"):
            given[field.name] = EVIL
        elif text.startswith("tuple[str"):
            given[field.name] = (EVIL,)
        elif text.startswith("dict"):
            given[field.name] = {EVIL: 1}
        elif text.startswith(("int", "bool")):
            given[field.name] = 1
        elif text.startswith("float"):
            given[field.name] = float("nan")
    return kind(**given)


def hostile() -> Snapshot:
    """Return a snapshot with hostile texts in every field of a row that was read, and one not."""
    parts = {
        "findings": (evil(Finding),),
        "model": evil(Model),
        "telemetry": evil(Telemetry),
        "delivery": Delivery(float("inf"), 1, None),
        "assets": (evil(Asset),),
        "pending": replace(evil(Pending), state="conflict", conflicts=(evil(Conflict),)),
        "current": False,
        "days_behind": 3,
    }
    row = replace(evil(Row), state="ok", maturity={EVIL: 1}, score={EVIL: 1}, **parts)
    failed = bare(EVIL, source="https://u:secret@h.example/r.git", state="failed", reason=EVIL)
    return Snapshot("2026-11-12T06:00:00Z", EVIL, (row, failed), EVIL, "2026-11-02")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


@pytest.mark.parametrize("make", [lambda: dashboard([hostile()]), lambda: catalog(hostile())])
def test_a_hostile_fleet_stays_text(make: Any) -> None:
    page = make()
    reader = Reader(page)
    kinds = [given.get("type") for tag, given in reader.elements if tag == "script"]
    assert kinds.count(None) == 1
    assert set(kinds) == {None, "application/json"}
    assert "img" not in {tag for tag, _ in reader.elements}
    for sign in ("\u202e", "\x00", "\u2028", "secret"):
        assert sign not in page, repr(sign)
    for text in strings(list(reader.data.values())):
        assert text.isprintable(), repr(text)
    assert not {"nan", "inf"} & set(re.findall(r"[a-z]+", reader.text))
    assert "alert(1)" in str(reader.data), "the hostile text is not there at all"


@pytest.mark.parametrize("make", [lambda fleet: dashboard(fleet), lambda fleet: catalog(fleet[-1])])
def test_a_page_loads_nothing_and_runs_only_its_own(make: Any, fleet: list[Snapshot]) -> None:
    page = make(fleet)
    elements = Reader(page).elements
    for tag, given in elements:
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, given)
        for name in ("src", "href", "action", "srcset"):
            assert (given.get(name) or "#").startswith(("#", "data:")), (tag, given)
    policy = next(g["content"] for _, g in elements if g.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name in ("script", "style"):
        own = re.search(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        assert own is not None
        assert shared._digest(own[1]) in policy


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r"),
        (
            "https://user:pass@gitlab.example.com:8443/o/r.git",
            "https://gitlab.example.com:8443/o/r",
        ),
        ("git@github.com:o/r.git", "https://github.com/o/r"),
        ("ssh://git@host.example:22/o/r.git", "https://host.example/o/r"),
        ("git@ssh.dev.azure.com:v3/o/p/r", "https://dev.azure.com/o/p/_git/r"),
        ("https://o@dev.azure.com/o/p/_git/r", "https://dev.azure.com/o/p/_git/r"),
        ("/srv/git/r", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("javascript://h.example/%0aalert(1)", ""),
        ("file://h.example/r", ""),
        ("https://[bad", ""),
        ("https://h.example/\u202er", ""),
        ("https://h.example:x/r", ""),
    ],
)
def test_addresses_are_of_the_web_and_without_secrets(source: str, address: str) -> None:
    assert rowdata.address(source) == address


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("https://github.com/o/r", "/blob/abc/d%20e/f.py#L1"),
        ("https://gitlab.com/o/r", "/-/blob/abc/d%20e/f.py#L1"),
        ("https://dev.azure.com/o/p/_git/r", "?path=/d%20e/f.py&version=GCabc&line=1&lineEnd=2"),
        ("https://h.example/r", "/r"),
    ],
)
def test_a_file_has_the_address_that_its_host_understands(source: str, end: str) -> None:
    found = rowdata.file_address(bare("a", source=source, commit="abc"), "d e/f.py")
    assert found.startswith(source)
    assert end in found


def test_a_request_that_is_no_web_address_is_no_link() -> None:
    row = rowdata.rows([bare("a", request="javascript:alert(1)")])[0]
    assert "request" not in row
    assert rowdata.rows([bare("a", request="https://h.example/1")])[0]["request"]
    assert "reason" in rowdata.rows([bare("a", state="failed", reason="https://u:p@h x")])[0]
    assert "u:p" not in str(rowdata.rows([bare("a", state="failed", reason="https://u:p@h x")]))


def test_what_an_update_left_is_shown_and_counted() -> None:
    """A request, a branch that nobody was asked to merge, a conflict with both sides, a failure."""
    hunk = Conflict("a.txt", "both changed the same lines", "one\ntwo", "three", "Ann, 2026-11-02")
    rows = [
        bare("a", request="https://h.example/1"),
        bare("b", pending=Pending("pushed", "v2", "tdsp/update-v2")),
        bare("c", pending=Pending("conflict", "v2", "b", "both sides", (hunk,))),
        bare("d", pending=Pending("failed", "v2", reason="no answer of https://u:p@h.example")),
        bare("e"),
    ]
    found = figures.sums(rows)
    assert found.requests == 1
    assert found.pending == (("with a branch only", 1), ("in conflict", 1), ("failed", 1))
    page = Reader(dashboard([snapshot(*rows)]))
    text = "Open update requests 1 1 with a branch only, 1 in conflict, 1 failed"
    assert text in page.text
    told = [row.get("pending") for row in page.data["data"]["rows"]]
    assert told[0] is told[4] is None
    assert told[1] == {"state": "pushed", "to": "v2", "branch": "tdsp/update-v2"}
    (conflict,) = told[2]["conflicts"]
    assert (conflict["ours"], conflict["theirs"]) == (["one", "two"], ["three"])
    assert "u:p" not in str(told[3])
    nothing = Reader(dashboard([snapshot(bare())])).text
    assert "Open update requests 0 nothing else is left of an update" in nothing


def test_what_many_have_is_one_entry_with_all_of_them() -> None:
    """An example that came with the template is one data set, not one in each project."""
    example = Asset("data set", "example.csv", "Columns: a", "docs/dictionary.md")
    own = replace(example, description="Columns: a, b")
    rows = [
        bare("x", group="risk", owners=("ann",), assets=(example,)),
        bare("y", source="https://github.com/o/y", commit="abc", assets=(example, own)),
    ]
    page = Reader(catalog(snapshot(*rows)))
    entries = page.data["data"]
    assert [(each["about"], len(each["places"])) for each in entries] == [
        ("Columns: a", 2), ("Columns: a, b", 1),
    ]  # fmt: skip
    first, second = entries[0]["places"]
    assert (first["repository"], first["team"], first["owners"]) == ("x", "risk", "ann")
    assert second["link"] == "https://github.com/o/y/blob/abc/docs/dictionary.md#L1"
    assert "2 entries from 2 of 2 repositories" in page.text


def test_no_page_without_a_snapshot_or_with_a_time_that_is_none() -> None:
    with pytest.raises(TdspError, match="needs a snapshot"):
        dashboard([])
    with pytest.raises(TdspError, match="not yesterday"):
        dashboard([snapshot(bare(), taken="yesterday")])
    with pytest.raises(TdspError, match="not soon"):
        dashboard([snapshot(bare(), release="v1", released="soon")])
    assert "0 repositories" in dashboard([snapshot()])
    assert "No repository has" in catalog(snapshot(bare()))


def test_the_commands(fleet: list[Snapshot], tmp_path: Path) -> None:
    folder, out = tmp_path / "snapshots", tmp_path / "pages/fleet.html"
    folder.mkdir()
    for each in fleet:
        store.save(each, folder)

    def run(*words: Any) -> tuple[int, str]:
        result = runner.invoke(app, ["fleet", *map(str, words)])
        return result.exit_code, result.stderr

    assert run("dashboard", folder, "--out", out) == (0, "")
    assert out.read_text(encoding="utf-8") == dashboard(fleet)
    newest = store.listed(folder)[-1]
    assert run("dashboard", newest, "--out", out) == (0, "")
    assert out.read_text(encoding="utf-8") == dashboard(fleet[-1:])
    assert run("catalog", folder, "--out", out) == (0, "")
    assert out.read_text(encoding="utf-8") == catalog(fleet[-1])
    half = folder / "20261231T000000Z.json"
    half.write_text(newest.read_text(encoding="utf-8")[:500], encoding="utf-8")
    code, said = run("dashboard", folder, "--out", out)
    assert code == 3
    assert "left out" in said
    assert half.name in said
    assert run("dashboard", half, "--out", out)[0] == 2
    assert run("catalog", folder, "--out", out)[0] == 2
    assert run("dashboard", tmp_path / "none.json", "--out", out)[0] == 2
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, said = run("dashboard", newest, "--out", tmp_path / "file/page.html")
    assert code == 2
    assert "cannot be written" in said
    assert said.count("\n") == 1


def test_every_text_of_a_row_is_attacked() -> None:
    row = hostile().rows[0]
    for field in fields(Row):
        value = getattr(row, field.name)
        known = field.name == "state" or isinstance(value, int | Delivery)
        assert known or "alert(1)" in str(value), field.name


def test_the_pages_have_the_name_of_the_fleet() -> None:
    """As fleet.yml says it, as text; a snapshot of before has none."""
    for make in (lambda one: dashboard([one]), catalog):
        named, old = make(snapshot(bare(), title="Our <b>fleet</b>")), make(snapshot(bare()))
        assert "Our <b>" not in named
        assert "Our <b>fleet</b>" in Reader(named).text
        assert "Fleet" in Reader(old).text
    wrong = bare(findings=(Finding("telemetry", "note", "telemetry.json", 1, "not read"),))
    assert "telemetry What the service reports" in Reader(dashboard([snapshot(wrong)])).text
