"""Code that something else than code runs, or that finds the root from its own place, is asked."""

from pathlib import Path

import pytest
from tests.adopt.repos import make

from tdsp.adopt import build as building
from tdsp.adopt.build import Wish, build, scan

MODULE = b"def rows() -> int:\n    return 1\n"
CODE = {
    "main.py": b"from src.rows import rows\n\nprint(rows())\n",
    "src/__init__.py": b"",
    "src/rows.py": MODULE,
    "app/serve.py": b"from src import rows\n\nprint(rows.rows())\n",
}
SRC = {"src/__init__.py", "src/rows.py"}
SETUP = "from setuptools import find_packages, setup\nsetup(packages=find_packages())\n"
STEPS = "jobs:\n  a:\n    steps:\n      - run: "
RUN = {
    "Dockerfile": ('FROM python\nCOPY . .\nCMD ["python", "main.py"]\n', {"main.py"}),
    "docker/api.Dockerfile": ("FROM python\nCOPY src/ src/\n", SRC),
    "Procfile": ("web: uvicorn app.serve:app\n", {"app/serve.py"}),
    ".github/workflows/ci.yml": (f"{STEPS}python -m src.rows\n", SRC),
    "dvc.yaml": ("stages:\n  rows:\n    cmd: python src/rows.py\n", SRC),
    "pyproject.toml": ('[project.scripts]\nx = "app.serve:app"\n', {"app/serve.py"}),
    "conf/model.yaml": ("model:\n  _target_: src.rows.Model\n", SRC),
    "setup.py": (SETUP, SRC),
}
NOT_RUN = {
    "Dockerfile": "FROM python\n# CMD python main.py\n",
    ".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: ruff check src/rows.py\n",
    ".pre-commit-config.yaml": "exclude: src/rows.py\n",
    "pyproject.toml": "[tool.coverage.run]\nomit = [\"src/rows.py\"]\n",
    "README.md": "Run `python main.py`.\n",
    "setup.py": SETUP.replace("find_packages()", "find_packages(where='src')"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of one name, since a render takes seconds."""
    monkeypatch.setattr(building, "render", lambda answers: {"README.md": b""})


def asked(root: Path, files: dict[str, bytes]) -> set[str]:
    """Return the code that a plan moves with a question."""
    plan = build(scan(make(root, files)), Wish(level=1, package="pkg"))
    return {e.path for e in plan.items if e.question and e.target != e.path and e.path in files}


@pytest.mark.parametrize("path", RUN)
def test_what_is_run_by_path_is_asked_about_with_its_folder(path: str, tmp_path: Path) -> None:
    text, wanted = RUN[path]
    assert asked(tmp_path / "repo", CODE | {path: text.encode()}) == wanted


@pytest.mark.parametrize("path", NOT_RUN)
def test_what_only_names_code_asks_nothing(path: str, tmp_path: Path) -> None:
    assert asked(tmp_path / "repo", CODE | {path: NOT_RUN[path].encode()}) == set()


@pytest.mark.parametrize(("line", "found"), [
    ("ROOT = Path(__file__).resolve().parent.parent", True),
    ("ROOT = Path(__file__).parents[1]", True),
    ("ROOT = os.path.join(os.path.dirname(__file__), '..')", True),
    ("sys.path.append('..')", True),
    ("HERE = Path(__file__).parent", False),
])  # fmt: skip
def test_code_that_finds_the_root_from_its_place_is_asked(
    line: str, found: bool, tmp_path: Path
) -> None:
    files = CODE | {"src/rows.py": f"{line}\n".encode() + MODULE}
    assert asked(tmp_path / "repo", files) == (SRC if found else set())


def test_pages_are_asked_about_with_the_program_that_serves_them(tmp_path: Path) -> None:
    files = {
        "app.py": b"from flask import Flask\n\napp = Flask(__name__)\n",
        "templates/index.html": b"<p>hello</p>\n",
        "Procfile": b"web: gunicorn app:app\n",
    }
    assert asked(tmp_path / "repo", files) == {"app.py", "templates/index.html"}
