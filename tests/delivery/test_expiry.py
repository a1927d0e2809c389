"""expiry.yaml lists what a project pins; what ends, and what is missing, is found.

That it passes today for every row of the covering array is checked where those are rendered, in
tests/render/test_parity.py.
"""
# ruff: noqa: E501  tables read best with one row a line

import ast
import itertools
import re
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.delivery.expiry_tool import COMMAND, TEMPLATE, check, tool
from tests.delivery.hygiene_projects import ROWS, project
from tests.delivery.versions import different, texts

NEXT = timedelta(1)


@pytest.fixture(scope="module")
def roots(repository: Path) -> list[Path]:
    return [project(repository, name).root for name in ROWS]


def test_the_command_passes_today_and_fails_after_the_first_day(roots: list[Path]) -> None:
    for root in roots:
        first = min(pin.until for pin in tool.read(root / tool.MANIFEST))
        today = subprocess.run(COMMAND, cwd=root, capture_output=True, text=True)
        assert today.returncode == 0, today.stdout + today.stderr
        late = [*COMMAND, "--today", str(first + NEXT)]
        done = subprocess.run(late, cwd=root, capture_output=True, text=True)
        assert done.returncode == 1
        assert "1 days ago" in done.stdout


def test_there_is_a_warning_for_90_days(roots: list[Path]) -> None:
    for root in roots:
        first = min(pin.until for pin in tool.read(root / tool.MANIFEST))
        for days, warned in ((0, True), (90, True), (91, False)):
            lines, well = check(root, first - timedelta(days))
            assert well
            assert any(line.startswith("warning: ") for line in lines) is warned


def test_a_line_that_is_taken_out_is_found_with_its_place(roots: list[Path]) -> None:
    """Of every pin: without its line the check fails and prints that line."""
    tried = set()
    for root in roots:
        listed, found = tool.read(root / tool.MANIFEST), tool.find(root)
        there = {name.casefold() for name in found}
        for gone in [pin for pin in listed if pin.pin.casefold() in there]:
            tried.add(gone.pin)
            rest = [pin for pin in listed if pin is not gone]
            lines, well = tool.report(rest, found, date(2026, 11, 24))
            (told,) = [line for line in lines if line.startswith("error: ")]
            assert not well
            assert re.match(rf"error: [\w./-]+:\d+: {re.escape(gone.pin)} is not", told, re.I), told
            assert f'- {{pin: "{gone.pin}"'.casefold() in told.casefold()
    assert len(tried) >= 8


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        (".python-version", "3.11", "3.10", ".python-version:1: python 3.10"),
        ("pyproject.toml", '  "protobuf<7",\n', '  "protobuf<8",\n', ": protobuf<8"),
        ("deploy/container/Dockerfile", "-slim-trixie AS", "-slim-buster AS", ":4: python:3.11-slim-buster"),
        (".devcontainer/devcontainer.json", ":3-3.11-trixie", ":2-3.11", ":3: mcr.microsoft.com/devcontainers/python:2-3.11"),
    ],
)  # fmt: skip
def test_a_pin_that_moved_is_found(
    path: str, old: str, new: str, found: str, repository: Path, tmp_path: Path
) -> None:
    moved = project(repository, "github").copy(tmp_path / "project")
    moved.edit(path, old, new)
    lines, well = check(moved.root)
    assert not well
    assert any(found in line for line in lines), lines


def test_every_line_names_its_source_and_what_to_do(roots: list[Path]) -> None:
    for pin in itertools.chain(*(tool.read(root / tool.MANIFEST) for root in roots)):
        assert pin.source.startswith("https://"), pin
        assert len(pin.do) > 10, pin


# Private by their look: a name with an underscore of what was imported from elsewhere. By
# knowledge: what has a public look, and is documented nowhere or promised by nobody.
KNOWN = ("SqlAlchemyStore", "UPDATE experiments", "transformers_[:2]", "schema.json")
IN_TEXT = re.compile(r"[a-z]\w*(\.\w+)*\._\w+(\.\w+)*")


def private_parts(text: str, own: str) -> set[str]:
    """What a module takes from libraries that they do not promise to keep."""
    found, foreign = {known for known in KNOWN if known in text}, dict[str, str]()
    for node in ast.walk(tree := ast.parse(text)):
        if isinstance(node, ast.Import):
            foreign |= {(a.asname or a.name.split(".")[0]): a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            if node.module.split(".")[0] in {own, "tests", "tools", "deploy"}:
                continue
            foreign |= {(a.asname or a.name): f"{node.module}.{a.name}" for a in node.names}
            found |= {a.name for a in node.names if a.name[0] == "_"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if IN_TEXT.fullmatch(node.value) else set()
        elif isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            of = re.match(r"\w+", ast.unparse(node.value))
            found |= {ast.unparse(node)} if of and of[0] in foreign else set()
    return found


@pytest.mark.parametrize("name", [*ROWS])
def test_what_leans_on_a_private_part_of_a_library_is_listed(name: str, repository: Path) -> None:
    made = project(repository, name)
    listed = tool.read_source(made.root / tool.MANIFEST, tool.Manifest).private
    seen = {}
    for path in made.root.rglob("*.py"):
        for part in private_parts(path.read_text(encoding="utf-8"), made.package):
            seen[f"{path.relative_to(made.root).as_posix()}: {part}"] = part
    lines = [f"{each.file}: {each.part}" for each in listed]
    missing = {place for place in seen if not any(place.startswith(line) for line in lines)}
    assert {place for place in missing if "/machinery/" not in place} == set()
    # A test may use what the code that it tests has listed.
    assert {seen[place] for place in missing} <= {each.part for each in listed}
    assert len(seen) >= 6


def test_the_search_for_private_parts_finds_them() -> None:
    text = "import a.b as c\nfrom d import _e, f\nfrom own import g\n"
    text += "c.x._y.z()\nf()._h\nself._i\ng._j\n'k.l._m.N'\nx.transformers_[:2]\n"
    wanted = {"_e", "c.x._y", "f()._h", "k.l._m.N", "transformers_[:2]"}
    assert private_parts(text, "own") == wanted


def test_a_library_that_moved_is_told(repository: Path, tmp_path: Path) -> None:
    moved = project(repository, "github").copy(tmp_path / "project")
    assert tool.leaning(moved.root) == []
    lock = (moved.root / tool.LOCK).read_text(encoding="utf-8")
    version = re.search(r"(?m)^skops==(\S+)", lock)
    assert version
    moved.edit(tool.LOCK, f"skops=={version[1]}", "skops==99.1")
    (told,) = tool.leaning(moved.root)
    assert "locked is 99.1: see that two saves" in told


def test_this_repository_lists_its_own() -> None:
    command = [*COMMAND, "--root", ROOT]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    late = subprocess.run(
        [*command, "--today", "2040-01-01"], cwd=TEMPLATE, capture_output=True, text=True
    )
    assert late.returncode == 1
    assert late.stdout.count("error: ") == len(tool.read(ROOT / tool.MANIFEST))


# --- The same program has one version everywhere ---------------------------------------------


def test_a_program_has_one_version_in_all_files_and_pages() -> None:
    assert different(list(texts(TEMPLATE, ROOT / "docs"))) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("deploy/kubernetes/tools.sh.jinja", "rollouts_version=1.9.0", "rollouts_version=1.8.3",
         "Argo Rollouts: 1.8.3 in template/deploy"),
        ("docs/delivery/kubernetes.md.jinja", "CI brings kubectl 1.36", "CI brings kubectl 1.35", "kubectl: 1.35 in template/docs"),
        (".gitlab/ci/infra.yml.jinja", "terraform:1.15.6@", "terraform:1.15.5@", "terraform: 1.15"),
        (".devcontainer/devcontainer.json.jinja", "uv==0.13.9", "uv==0.13.8", "uv: 0.13"),
        ("expiry.yaml.jinja", '"uv 0.13"', '"uv 0.12"', "0.12 in template/expiry.yaml.jinja"),
        ("azure-pipelines/release.yml.jinja", "grype:v0.120.1@", "grype:v0.121.0@", "grype: 0.12"),
    ],
)  # fmt: skip
def test_a_second_version_is_found(file: str, old: str, new: str, told: str) -> None:
    files = dict(texts(TEMPLATE, ROOT / "docs"))
    name = f"template/{file}"
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    (problem,) = different(list(files.items()))
    assert told in problem


def test_no_job_takes_whatever_version_is_newest() -> None:
    """Of a program that a script installs by its name."""
    loose = re.compile(r"(az extension add (?!.*--version)|az aks install-cli(?!.*-version)"
                       r"|(?:uvx|uv tool install|pipx install)(?: --\S+)* +(?!\S*(?:==|@))[a-z]).*")  # fmt: skip
    found = [
        f"{name}: {line[0]}"
        for name, text in texts(TEMPLATE)
        if re.search(
            r"^template/(\.github|\.gitlab|\.gitlab-ci|azure-pipelines|deploy|\.devcontainer)", name
        )
        for line in loose.finditer(text)
    ]
    told = ("git+", 'copier update" --text')  # by its commit; what a message asks people to do
    assert [each for each in found if not any(part in each for part in told)] == []
    for line in (
        "az extension add --name ml --yes",
        "sudo az aks install-cli",
        "uvx checkov --quiet",
    ):
        assert loose.search(line), line
