"""The page, the badge and the catalogue's entity: whole, safe, readable, valid."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from tests.contrast import contrast, schemes
from typer.testing import CliRunner

from tdsp import pages as shared
from tdsp.check import pages
from tdsp.check.all import CHECKS
from tdsp.check.maturity import maturity
from tdsp.check.report import way
from tdsp.check.run import Report, check_repository
from tdsp.cli import app
from tdsp.plain import plain
from tdsp.reading import read_texts

runner = CliRunner()
LEAK = CHECKS["TR04"].bad["train.py"]
EVIL = "<img src=x onerror=alert(1)>'\"`\u202e\x00\n</script><script>alert(2)</script>"
NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Reader(HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def judged(**texts: str) -> Report:
    names = {name.replace("__", "/").replace("_py", ".py"): text for name, text in texts.items()}
    return check_repository(read_texts(dict(names)))


@pytest.fixture(scope="module")
def report() -> Report:
    return judged(train_py=LEAK, README="# A project\n")


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return pages.as_html(report, maturity(report))


def test_the_page_says_what_the_terminal_says(page: str, report: Report) -> None:
    words = " ".join(" ".join(Reader(page).words).split())
    check = CHECKS["TR04"]
    for text in (
        check.title,
        check.why,
        check.fix,
        "train.py:6",
        "fit_resample(X, y)",
        "Do first",
    ):
        assert text.replace("`", "") in words, text
    assert "Not in order: 1 warning" in words
    for result in report.results:
        assert result.check.id in words
    for level in (*maturity(report).areas, maturity(report).google):
        assert f"{level.name}: level {level.level} of {level.top}" in words
    found = maturity(report)
    assert found.lacking
    assert f"To level {found.level + 1}" in words
    for lacking in found.lacking:
        said = way(lacking.check, found.grows_to).replace("`", "")
        assert said in words and lacking.check.fix.replace("`", "") in words


def test_the_page_loads_nothing_and_runs_only_its_own(page: str) -> None:
    elements = Reader(page).elements
    for tag, given in elements:
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, given)
        assert tag not in {"iframe", "object", "embed", "base", "img"}, tag
        for name in ("src", "href", "action", "srcset"):
            assert (given.get(name) or "#").startswith(("#", "data:")), (tag, given)
    policy = next(
        g["content"] for t, g in elements if (g.get("http-equiv") or "").startswith("Con")
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    for found in (script, style):
        assert found is not None
        assert shared._digest(found[1]) in policy


def test_without_maturity_and_without_findings() -> None:
    report = judged(a_py="x = 1\n", LICENSE="MIT License\n", CODEOWNERS="* @team\n")
    assert not report.failed, [each.check.id for each in report.failed]
    words = " ".join(Reader(pages.as_html(report, None)).words)
    assert "In order: no error and no warning" in words
    assert "No rule is broken" in words
    assert "Evidence" not in words
    noted = Reader(pages.as_html(judged(a_py="x = 1\n", CODEOWNERS="* @team\n"), None)).words
    assert "No error and no warning" in noted and "In order" not in " ".join(noted)


@pytest.mark.parametrize("where", ["line", "path", "unread", "ignore"])
def test_a_hostile_repository_stays_text(where: str) -> None:
    texts = {"train.py": LEAK}
    if where == "line":
        texts["train.py"] = LEAK.replace(
            "fit_resample(X, y)", f"fit_resample(X, y)  # {EVIL[:-20]!r}"
        )
        texts["train.py"] = texts["train.py"].replace("\\u202e", "\u202e")
    elif where == "path":
        texts = {EVIL.replace("\n", "").replace("/", "") + "/train.py": LEAK}
    elif where == "unread":
        texts[EVIL.replace("/", "") + ".yaml"] = "a: [\n"
    else:
        words = "<script>alert(3)</script> is wanted"
        texts["pyproject.toml"] = (
            f'[[tool.tdsp.check.ignore]]\ncheck = "TR07"\npath = "{words}"\nreason = "{words}"\n'
        )
    report = check_repository(read_texts(dict(texts)))
    good = pages.as_html(judged(train_py=LEAK), None)
    page = pages.as_html(report, maturity(report))
    assert "\u202e" not in page
    assert "\x00" not in page
    reader = Reader(page)
    assert [t for t, _ in reader.elements if t in {"script", "img"}] == ["script"]
    assert [t for t, _ in Reader(good).elements if t in {"script", "img"}] == ["script"]
    assert "alert" in "".join(reader.words), "the hostile text is not on the page at all"


def test_the_colours_can_be_read() -> None:
    style = (Path(shared.__file__).parent / "base.css").read_text(encoding="utf-8")
    found = schemes(style)
    assert len(found) == 2, "a light and a dark scheme"
    for colours in found:
        for ground in ("paper", "card"):
            for ink in ("ink", "soft", "link", "error", "warning", "note", "good"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for sign in ("bar", "edge"):
            assert contrast(colours[sign], colours["paper"]) >= 3, sign
        assert contrast(colours["bar"], colours["rest"]) >= 3
    for colour in (*pages.BADGE_COLOURS.values(), "#444d56"):
        assert contrast(colour, "#ffffff") >= 4.5
    assert contrast("#bbbbbb", "#ffffff") < 2


@pytest.mark.parametrize(
    ("level", "text"), [(False, "0 errors, 1 warning"), (True, "level 0 of 4")]
)
def test_the_badge_is_svg_and_says_it(level: bool, text: str, report: Report) -> None:
    badge = pages.as_badge(report, maturity(report) if level else None)
    top = ElementTree.fromstring(badge)  # noqa: S314
    assert top.tag == "{http://www.w3.org/2000/svg}svg"
    assert top.get("role") == "img"
    assert (top.get("aria-label") or "").endswith(text)
    assert [e.text for e in top.iter("{http://www.w3.org/2000/svg}text")][1] == text
    assert pages.BADGE_COLOURS["error" if level else "warning"] in badge


def test_a_badge_of_a_clean_repository_is_green() -> None:
    badge = pages.as_badge(judged(a_py="x = 1\n"))
    assert pages.BADGE_COLOURS["good"] in badge
    assert "0 errors, 0 warnings" in badge


def problem(entity: object) -> str:
    """Return what Backstage's schemas of an entity and of a component refuse, "" for nothing."""
    if not isinstance(entity, dict) or set(entity) != {"apiVersion", "kind", "metadata", "spec"}:
        return "not an entity"
    if (entity["apiVersion"], entity["kind"]) != ("backstage.io/v1alpha1", "Component"):
        return "not a component"
    meta, spec = entity["metadata"], entity["spec"]
    if not NAME.fullmatch(str(meta["name"])):
        return f"name {meta['name']}"
    for key, value in meta["annotations"].items():
        prefix, _, name = key.rpartition("/")
        if not NAME.fullmatch(name) or not DOMAIN.fullmatch(prefix) or not isinstance(value, str):
            return f"annotation {key}: {value!r}"
    for key in ("type", "lifecycle", "owner"):
        if not isinstance(spec.get(key), str) or not spec[key]:
            return f"spec.{key}"
    return ""


def test_the_entity_is_one_that_backstage_takes(report: Report) -> None:
    entity = yaml.safe_load(pages.as_backstage(report, maturity(report)))
    assert problem(entity) == ""
    found = {key.partition("/")[2]: v for key, v in entity["metadata"]["annotations"].items()}
    assert (found["errors"], found["warnings"]) == ("0", "1")
    assert found["verdict"] == "fails"
    assert found["mlops-maturity"] == "0"
    assert entity["spec"]["owner"] == "unknown"
    entity["metadata"]["name"] = "a b"
    assert problem(entity) == "name a b"


def test_the_entity_keeps_what_the_repository_says_of_itself() -> None:
    known = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "churn", "title": "Churn: who leaves?"},
        "spec": {"type": "service", "lifecycle": "production", "owner": "group:default/ml"},
    }
    texts = {"catalog-info.yaml": yaml.safe_dump(known), "CODEOWNERS": "* @org/other\n"}
    report = check_repository(read_texts(dict(texts)))
    entity = yaml.safe_load(pages.as_backstage(report, None))
    assert problem(entity) == ""
    assert entity["metadata"]["name"] == "churn"
    assert entity["metadata"]["title"] == "Churn: who leaves?"
    assert entity["spec"] == known["spec"]
    del texts["catalog-info.yaml"]
    report = check_repository(read_texts(dict(texts)))
    assert yaml.safe_load(pages.as_backstage(report, None))["spec"]["owner"] == "other"


@pytest.mark.parametrize("name", [EVIL, "", "---", "a" * 200, "Ünïcode 模型", "-.a..b_-"])
def test_any_name_becomes_one_that_backstage_takes(name: str) -> None:
    assert NAME.fullmatch(pages.identifier(name)), pages.identifier(name)
    known = {"kind": "Component", "metadata": {"name": name}, "spec": {"owner": name, "type": 3}}
    texts: dict[str, str | bytes] = {"catalog-info.yaml": yaml.safe_dump(known), "a.py": "x = 1\n"}
    entity = yaml.safe_load(pages.as_backstage(check_repository(read_texts(texts)), None))
    assert problem(entity) == ""
    assert plain(entity["spec"]["owner"]) == entity["spec"]["owner"]


def test_the_command_writes_each_format_and_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LEAK, encoding="utf-8")

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(app, ["check", str(tmp_path), *words])
        return result.exit_code, result.stdout

    starts = {"html": "<!doctype html>", "badge": "<svg ", "backstage": "apiVersion: "}
    for form, start in starts.items():
        code, text = run("--format", form)
        assert code == 1
        assert text.startswith(start)
        assert run("--format", form, "--fail-on", "never")[0] == 0
    assert "level 0 of 4" in run("--format", "badge", "--maturity")[1]
    assert 'id="maturity"' in run("--format", "html")[1]
    assert 'id="maturity"' not in run("--format", "html", "--select", "TR04")[1]
    assert (
        runner.invoke(app, ["check", str(tmp_path), "--format", "junit", "--maturity"]).exit_code
        == 2
    )
