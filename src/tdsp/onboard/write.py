"""Writes the result into a generated project: all of it, or nothing."""

from __future__ import annotations

import filecmp
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from tdsp import plain
from tdsp.errors import OnboardError, TdspError
from tdsp.onboard.profile import Problem, Profile

MARKS = ("params.yaml", "schema.yaml", ".copier-answers.yml")
RAW = Path("data/raw")
EXAMPLE = ("example", "sample")  # the stage of the example data: today, and before 0.1.0
EXAMPLE_SAID = re.compile(r" Until you bring your own table\s+it learns from example data: .*")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.I)


@dataclass(frozen=True)
class Project:
    """A generated project and the answers that it was rendered with."""

    root: Path
    answers: dict[str, Any]

    @property
    def name(self) -> str:
        """The name that people read."""
        return str(self.answers.get("project_name") or self.root.resolve().name)


@dataclass
class Plan:
    """Changes to a project, by paths relative to its root; nothing happens before `apply`."""

    project: Project
    raw: Path
    source: Path
    texts: dict[Path, str] = field(default_factory=dict)
    removals: list[Path] = field(default_factory=list)

    @property
    def copies(self) -> bool:
        """Whether the file is still to be copied to its place in the project."""
        place = self.project.root / self.raw
        return not place.exists() or not place.samefile(self.source)


def open_project(root: Path) -> Project:
    """Open the generated project at `root`. Raises OnboardError when it is none."""
    missing = [mark for mark in MARKS if not (root / mark).is_file()]
    if missing:
        raise OnboardError(
            f"{root.resolve()} is not a project that tdsp made: {', '.join(missing)} is not there. "
            "Change into the project, give --project DIR, or make one with `tdsp new NAME`."
        )
    answers = _yaml(root / MARKS[2])
    if answers.get("problem_type") not in get_args(Problem):
        raise OnboardError(f"{root / MARKS[2]} names no problem_type; restore it from git.")
    return Project(root, answers)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = plain.load(path.read_text(encoding="utf-8"), path)
    except (TdspError, UnicodeError) as error:
        raise OnboardError(f"{error}. Restore {path} from git.") from None
    if not isinstance(content, dict):
        raise OnboardError(f"{path} is not a mapping. Restore it from git.")
    return content


def plan(profile: Profile, project: Project) -> Plan:
    """Plan what to write, but for the schema and the documents, which the caller adds."""
    stage, example = _example(project)
    raw = _raw_place(profile.source.path, project.root, example)
    changes = Plan(project, raw, profile.source.path)
    changes.texts[Path(MARKS[0])] = _params(project.root / MARKS[0], profile, raw)
    pipeline = project.root / "dvc.yaml"
    if example and pipeline.is_file():
        changes.texts[Path("dvc.yaml")] = _without_stage(pipeline.read_text("utf-8"), stage)
    code = Path("src") / str(project.answers.get("package_name", "")) / f"{stage}.py"
    old = [*example, code] if example else []
    changes.removals = [path for path in old if (project.root / path).is_file() and path != raw]
    _forget_ignored(changes, example)
    readme = project.root / "README.md"
    if example and readme.is_file():
        text = readme.read_text(encoding="utf-8")
        if EXAMPLE_SAID.search(text):
            changes.texts[Path("README.md")] = EXAMPLE_SAID.sub("", text)
    return changes


def earlier(changes: Plan) -> list[Path]:
    """Return the tables that lie in data/raw and stay there."""
    there = [RAW / path.name for path in sorted((changes.project.root / RAW).glob("[!.]*"))]
    gone = {changes.raw, *changes.removals}
    return [path for path in there if path.suffix != ".dvc" and path not in gone]


def _example(project: Project) -> tuple[str, list[Path]]:
    """Return the stage that writes the example data, and what it writes under data/raw."""
    path = project.root / "dvc.yaml"
    stages = _yaml(path).get("stages", {}) if path.is_file() else {}
    stage = next((name for name in EXAMPLE if name in stages), EXAMPLE[0])
    outs = stages.get(stage, {}).get("outs", [])
    names = [Path(next(iter(out)) if isinstance(out, dict) else out) for out in outs]
    return stage, [name for name in names if name.parent == RAW]


def _raw_place(source: Path, root: Path, example: list[Path]) -> Path:
    if source.resolve().parent == (root / RAW).resolve():
        return RAW / source.name
    stem, suffix = safe_name(source.stem), source.suffix.lower()
    names = [f"{stem}{suffix}", *(f"{stem}_{number}{suffix}" for number in range(2, 1000))]
    for name in names:
        place = root / RAW / name
        free = not place.exists() or RAW / name in example
        if free or filecmp.cmp(place, source, shallow=False):
            return RAW / name
    raise OnboardError(f"{root / RAW} holds a thousand files named {stem}. Rename yours.")


def safe_name(stem: str) -> str:
    """Make a file name's stem that every system takes: lower-case ASCII, digits, underscores."""
    ascii_ = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_.lower()).strip("_")[:80]
    return f"data_{name}".rstrip("_") if not name or RESERVED.fullmatch(name) else name


def _params(path: Path, profile: Profile, raw: Path) -> str:
    """params.yaml with this file's values; every comment and every other key as it was."""
    _yaml(path)  # which says what is wrong with it
    text = path.read_text(encoding="utf-8")
    content, indent, offset = load_yaml_guess_indent(text)
    round_trip = YAML()
    round_trip.preserve_quotes = True
    round_trip.width = 10_000
    round_trip.representer.add_representer(type(None), _null)
    round_trip.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    for section in ("data", "evaluate", "gate"):
        if not isinstance(content.get(section), dict):
            raise OnboardError(f"{path} has no section {section!r}. Restore it from git.")
    for key, value in _data_values(profile, raw).items():
        # A project of an older template does not know them.
        if key in content["data"] or key not in ("columns", "sheet") or value:
            content["data"][key] = _flow(value)
    content["data"]["drop_duplicates"] = profile.drop_duplicates
    content["evaluate"]["metric"] = profile.metric
    content["gate"]["minimum"] = profile.minimum
    if profile.problem == "classification" and "fairness" in content:
        content["fairness"]["metric"] = profile.fairness or "accuracy"
    buffer = io.StringIO()
    round_trip.dump(content, buffer)
    return buffer.getvalue()


def _data_values(profile: Profile, raw: Path) -> dict[str, Any]:
    first = {role: next(iter(profile.role(role)), None) for role in ("time", "group")}
    steps = profile.steps
    forecast = {"series": profile.role("series"), **asdict(steps)} if steps else {}
    return {
        "path": raw.as_posix(),
        "format": profile.source.format,
        "encoding": profile.source.encoding,
        "delimiter": profile.source.delimiter,
        "sheet": profile.source.sheet,
        "decimal": profile.reading.decimal,
        "thousands": profile.reading.thousands,
        "missing": profile.reading.missing,
        "dates": profile.reading.dates,
        "columns": profile.reading.columns,
        "target": profile.target,
        "id": profile.role("id"),
        "time": first["time"],
        "group": first["group"],
        "sensitive": [column.name for column in profile.columns if column.sensitive],
        "drop": profile.role("drop"),
        **forecast,
    }


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _flow(value: Any) -> Any:
    """Write a value as people do: lists in one line, signs in quotes."""
    if isinstance(value, str) and not value[:1].isalnum():
        return DoubleQuotedScalarString(value)
    if isinstance(value, list):
        node: Any = CommentedSeq(map(_flow, value))
    elif isinstance(value, dict):
        node = CommentedMap({key: _flow(item) for key, item in value.items()})
    else:
        return value
    node.fa.set_flow_style()
    return node


def _without_stage(text: str, stage: str) -> str:
    """dvc.yaml without one stage, every other byte as it was."""
    stages = YAML().load(text)["stages"]
    names = list(stages)
    start = stages.lc.key(stage)[0]
    after = names[names.index(stage) + 1 :]
    lines = text.splitlines(keepends=True)
    end = stages.lc.key(after[0])[0] if after else len(lines)
    return "".join(lines[:start] + lines[end:])


def _forget_ignored(changes: Plan, example: list[Path]) -> None:
    """Take the example data out of the .gitignore that DVC wrote beside them."""
    path = RAW / ".gitignore"
    here = changes.project.root / path
    if not example or not here.is_file():
        return
    gone = {f"/{name.name}" for name in example}
    lines = here.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line not in gone]
    if kept == lines:
        return
    if kept:
        changes.texts[path] = "\n".join(kept) + "\n"
    else:
        changes.removals.append(path)


def apply(changes: Plan, say: Callable[[str], None]) -> list[str]:
    """Carry out a plan; returns the commands that are left to the user.

    Everything is prepared beside its place first. If any step fails, the project is as it was.
    """
    root = changes.project.root
    pointer = changes.raw.with_name(changes.raw.name + ".dvc")
    # A set: what is restored twice would be taken away again the second time.
    touched = {*changes.texts, *changes.removals, pointer, RAW / ".gitignore"}
    touched |= {changes.raw} if changes.copies else set()
    folders = {root / parent for path in touched for parent in path.parents}
    absent = sorted((folder for folder in folders if not folder.exists()), reverse=True)
    with tempfile.TemporaryDirectory(prefix=".tdsp-onboard-", dir=root) as name:
        fresh, old = Path(name, "new"), Path(name, "old")
        _prepare(changes, fresh, say)
        _back_up(root, touched, old)
        try:
            _swap(changes, fresh)
            return _track(root, changes.raw, say)
        except BaseException:
            _restore(root, touched, old)
            for folder in filter(Path.exists, absent):
                folder.rmdir()
            raise


def _prepare(changes: Plan, fresh: Path, say: Callable[[str], None]) -> None:
    for path, text in changes.texts.items():
        (fresh / path).parent.mkdir(parents=True, exist_ok=True)
        (fresh / path).write_text(text, encoding="utf-8", newline="\n")
    if changes.copies:
        say(f"Copying {changes.source.stat().st_size / 1e6:,.1f} MB to {changes.raw.as_posix()}")
        (fresh / changes.raw).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(changes.source, fresh / changes.raw)


def _back_up(root: Path, touched: set[Path], old: Path) -> None:
    for path in touched:
        if (root / path).is_file():
            (old / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, old / path)


def _swap(changes: Plan, fresh: Path) -> None:
    for path in [path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()]:
        (changes.project.root / path).parent.mkdir(parents=True, exist_ok=True)
        (fresh / path).replace(changes.project.root / path)
    for path in changes.removals:
        (changes.project.root / path).unlink(missing_ok=True)


def _restore(root: Path, touched: set[Path], old: Path) -> None:
    for path in touched:
        if (old / path).is_file():
            (old / path).replace(root / path)
        else:
            (root / path).unlink(missing_ok=True)


def _tracked(root: Path, raw: Path) -> bool:
    words = ["git", "ls-files", "--error-unmatch", "--", raw.as_posix()]
    return subprocess.run(words, cwd=root, capture_output=True, check=False).returncode == 0


def _track(root: Path, raw: Path, say: Callable[[str], None]) -> list[str]:
    """Put the file under DVC when the project is under git and DVC, else say how."""
    command = f"dvc add {raw.as_posix()}"
    git = any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))
    if not git or not (root / ".dvc").is_dir():
        return [*([] if git else ["git init"]), "dvc init", command]
    if _tracked(root, raw):  # such as data that an adopted repository has in git: DVC refuses them
        say(f"git tracks {raw.as_posix()}, and keeps it: DVC does not take what git has")
        return []
    say(f"Putting {raw.as_posix()} under DVC")
    result = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", raw.as_posix()],
        cwd=root,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode and "No module named dvc" in result.stderr:
        return [command]
    if result.returncode:
        raise OnboardError(
            f"`{command}` failed, all was put back:\n{(result.stderr or result.stdout).strip()}"
        )
    return []
