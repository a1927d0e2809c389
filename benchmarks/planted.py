"""Mistakes planted in a clean project: an edit of its files, or a file that a team would add.

Some are written by hand, in seeds.yaml. The others lay the forms of a check's bad example over the
project: as a module of its package, at the end of one that it has, as a script, as a job of its CI.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import copier
import yaml
from benchmarks.forms import Texts
from benchmarks.mutants import as_notebook, mutants

from tdsp.check.all import CHECKS
from tdsp.check.rule import Check
from tdsp.check.run import Report, check_repository
from tdsp.reading import Known, read_texts

ROOT = Path(__file__).parents[1]
# The projects: each check is tried where its mistake can be made.
PROJECTS: dict[str, dict[str, str | bool]] = {
    "govern": {"level": "govern", "serving": "both"},
    "train": {"level": "train"},
    "alone": {"level": "train", "ci": "none"},
    "gitlab": {"level": "govern", "serving": "both", "ci": "gitlab"},
    "azure": {
        "serving": "both",
        "cloud": "azure",
        "platform": "azureml",
        "ci": "azure-devops",
        "responsible_ai": True,
    },
    "forecast": {"problem_type": "forecasting", "serving": "batch"},
    "regression": {"problem_type": "regression"},
}
Placing = Callable[[Texts, Texts, Check], Texts | None]
ENOUGH = 5  # mistakes for each check
MOST = 6  # forms of its example that are laid over the project
CI = ".github/workflows/"


@dataclass(frozen=True)
class Change:
    """One edit: what becomes what in a file, or in all files whose path matches `every`.

    Without `old` the file is written; without `old` and `new` one that is there is removed.
    """

    path: str = ""
    old: str = ""
    new: str = ""
    every: str = ""

    def made(self, texts: Texts) -> Texts:
        """Return the texts after it."""
        found = dict(texts)
        for path in [p for p in texts if re.search(self.every, p)] if self.every else [self.path]:
            if self.old:
                found[path] = re.sub(self.old, self.new, found[path])
            elif self.new or path not in found:
                found[path] = self.new
            else:
                found.pop(path)
        return found


@dataclass(frozen=True)
class Planted:
    """One mistake: the check that has to find it, the project, and what is done.

    What has to be found stands in a file that was touched, or in one that matches `at`: what is
    removed leaves no place of its own.
    """

    check: str
    name: str
    changes: tuple[Change, ...]
    project: str = "govern"
    at: str = ""

    def applied(self, texts: Texts) -> Texts:
        """Return the texts with the mistake. Raises ValueError where nothing changes."""
        for each in self.changes:
            before, texts = texts, each.made(texts)
            if texts == before:
                raise ValueError(f"{self.check}, {self.name}: nothing changes: {each}")
        return texts


@dataclass(frozen=True)
class Over:
    """How the example of a check is laid over a project.

    `gone` are paths, and `lost` words, that would make up for the mistake: the project as it would
    be had the team never had them.
    """

    project: str = "govern"
    gone: str = ""
    lost: str = ""
    places: tuple[str, ...] = ()
    at: str = ""


# What only its own files can show is in seeds.yaml alone.
BY_HAND = frozenset(
    (
        *("CI01", "CI02", "CI07", "DA03", "DA04", "DA07", "DA09", "DA12", "EV07", "EV08", "EV09"),
        *("PR01", "PR02", "PR04", "SC02", "SC03", "SC04", "SC05", "TP01", "TP03", "TR09", "TR16"),
    )
)
TRAINS = r"(?m)(dvc|poe) (repro|exp|run|pipeline)\w*|^\w+ = \{ cmd = .*$"
NO_DVC = r"^(dvc\.yaml|\.dvc/|\.dvcignore)"
SCRIPT = ("as a script",)
ELSEWHERE: dict[str, Over] = {
    **{check: Over("train") for check in ("CI10", "IN01", "IN02", "MO05", "PR03", "TR13", "SE04",
                                          "MN02", "MN04", "MN08", "SE06")},
    "MO03": Over("train", gone=NO_DVC),
    "DA02": Over("train", gone=NO_DVC),
    "DA05": Over("train", gone=r"^schema\.yaml$", lost="pandera", at=r"^src/churn/"),
    "EV02": Over("train", lost=r"(?i)LogisticRegression|dummy\w+|baselines?"),
    "EV03": Over("train", gone=r"^(dvc\.yaml|src/churn/steps/)", at=r"^src/churn/"),
    "EV04": Over("alone", gone=r"gate|^dvc\.yaml$"),
    "EV10": Over("train", lost=r"(?i)cross_val\w*|bootstrap|kfold|confidence|interval|\.std\(",
                 at=r"^src/churn/"),
    "EV12": Over("train", lost=r"\bmetrics\.\w+"),
    "LA01": Over("train", lost=r"\[(project|build-system)\]", places=SCRIPT),
    "LA04": Over(places=SCRIPT),
    "LA10": Over("alone", gone=r"\.md$|^dvc\.yaml$", lost=TRAINS),
    "MN06": Over("train", lost=r"\bSTALE\b"),  # how old a temporary file may be
    "MN07": Over("train", gone="^tests/", lost="SimpleImputer|isfinite|isna|isnan|notna"),
    "MO06": Over("train", gone=r"^docs/model/|card\.md"),
    "TR12": Over("train", gone=r"(^|/)params\.yaml$"),
    "TR14": Over("alone", gone=r"\.lock$"),
    "TR15": Over("alone", gone=r"^dvc\.yaml$|\.md$", lost=r"(?m)^pipeline ="),
}  # fmt: skip


def by_hand() -> Iterator[Planted]:
    """Yield the mistakes of seeds.yaml."""
    for each in yaml.safe_load((ROOT / "benchmarks/seeds.yaml").read_text(encoding="utf-8")):
        rest = {key: each.pop(key) for key in ("check", "name", "at") if key in each}
        projects = each.pop("projects", None) or [each.pop("project", "govern")]
        without = each.pop("without", "")
        changes = [{"every": ".", "old": without}] if without else []
        changes += each.pop("changes", None) or [each]
        for project in projects:
            yield Planted(**rest, project=project, changes=tuple(Change(**one) for one in changes))
    for name, path, one, two in KEYS:
        yield Planted("SC01", name, (Change(path, new=one + two),))


# Keys that nothing opens, in two parts: no scanner of this repository has to know them.
KEYS = (
    ("a key in the code", "src/churn/keys.py", "KEY = 'AKIA", "QX7ZR2M5KD9WJ4TB'\n"),
    ("a key in the settings", "conf/a.yaml", "key: ghp_", "x7Kq2ZbN9vLw4TyR8mPc3HdF6gJs1AeU5oXi\n"),
    (
        "a key of a store",
        "src/churn/keys.py",
        "S = 'AccountKey=",
        "aB3dE5gH7j" * 8 + "kL9mN1==' \n",
    ),
)


def laid_over(check: Check, projects: dict[str, Texts]) -> Iterator[Planted]:
    """Yield forms of a check's example in places of a project."""
    over = ELSEWHERE.get(check.id, Over())
    removed = [Change(every=over.gone)] if over.gone else []
    removed += [Change(every=".", old=over.lost, new="x")] if over.lost else []
    bases: dict[str, Texts] = {}

    def base(name: str) -> Texts:
        if name not in bases:
            bases[name] = Planted(check.id, "", tuple(removed)).applied(projects[name])
        return bases[name]

    seen: list[Texts] = []
    names = over.places or tuple(PLACES)
    places = cycle(names)
    forms = [("its example", check.bad), *mutants(check.id, check.family, check.bad)]
    for form, texts in forms:
        project = over.project
        if project == "govern" and ".gitlab-ci.yml" in texts:
            project = "gitlab"
        elif project == "govern" and "azure-pipelines.yml" in texts:
            project = "azure"
        for _ in names:
            place = next(places)
            made = PLACES[place](texts, base(project), check)
            if made and made not in seen:
                break
        else:
            continue
        seen.append(made)
        changes = [*removed, *(Change(path, new=text) for path, text in made.items())]
        yield Planted(check.id, f"{form}, {place}", tuple(changes), project, over.at)
        if len(seen) == MOST:
            return


def _moved(texts: Texts, project: Texts, folder: str) -> Texts | None:
    """Put the scripts of an example into a folder; None where the project has such a file."""
    found: Texts = {}
    names = {path[:-3] for path in texts if path.endswith(".py") and "/" not in path}
    for path, text in texts.items():
        script = path.endswith(".py") and "/" not in path
        if script and f"{folder}__init__.py" in project:
            for name in names - {path[:-3]}:
                text = re.sub(rf"(?m)^import {name}\b", f"from . import {name}", text)
                text = re.sub(rf"(?m)^from {name} import", f"from .{name} import", text)
        path = f"{folder}{path}" if script else path
        if path.startswith(CI):
            path = f"{CI}own-{path.removeprefix(CI)}"
        if path == "README.md":
            continue
        if path in project and path in ADDED_TO:
            text = f"{project[path].rstrip()}\n\n{text.removeprefix(MARK)}"
        elif path in project:
            return None
        found[path] = text
    return found


MARK = "\ufeff"
ADDED_TO = ("pyproject.toml", ".gitlab-ci.yml", ".gitignore")


def _in(folder: str) -> Placing:
    def place(texts: Texts, project: Texts, check: Check) -> Texts | None:
        return _moved(texts, project, folder)

    return place


def _at_the_end_of(path: str) -> Placing:
    """Add the script of an example to a module of the project."""

    def place(texts: Texts, project: Texts, check: Check) -> Texts | None:
        scripts = [each for each in texts if each.endswith(".py")]
        if len(scripts) != 1 or path not in project:
            return None
        rest = _moved({p: t for p, t in texts.items() if p != scripts[0]}, project, "")
        text = texts[scripts[0]]
        if rest is None or "__future__" in text:
            return None
        return {**rest, path: f"{project[path].rstrip()}\n\n\n{text.removeprefix(MARK)}"}

    return place


def _notebook(texts: Texts, project: Texts, check: Check) -> Texts | None:
    made = as_notebook(texts) if check.family == "leakage" else None
    return {f"notebooks/{path}": text for path, text in made.items()} if made else None


def _as_job_of(name: str, *events: str) -> Placing:
    """Add the jobs of an example's workflow to one of the project that starts when it does."""

    def place(texts: Texts, project: Texts, check: Check) -> Texts | None:
        flows = [path for path in texts if path.startswith(CI)]
        path = CI + name
        if len(flows) != 1 or path not in project or check.id == "CI05":
            return None
        head, _, jobs = texts[flows[0]].replace("\r\n", "\n").partition("\njobs:\n")
        if not any(re.search(rf"\b{event}\b", head) for event in events) or "\t" in jobs:
            return None
        rest = _moved({p: t for p, t in texts.items() if p not in flows}, project, "src/churn/")
        jobs = re.sub(r"(?m)^  (\w+):", r"  own_\1:", jobs)
        return None if rest is None else {**rest, path: f"{project[path].rstrip()}\n\n{jobs}"}

    return place


PLACES = {
    "in a module of the package": _in("src/churn/"),
    "as a job of ci.yml": _as_job_of("ci.yml", "push", "pull_request"),
    "at the end of features.py": _at_the_end_of("src/churn/features.py"),
    "as a script": _in("scripts/"),
    "as a job of train.yml": _as_job_of("train.yml", "push", "schedule"),
    "at the end of a step": _at_the_end_of("src/churn/steps/train.py"),
    "in a notebook": _notebook,
    "as a step": _in("src/churn/steps/"),
}


def planted(projects: dict[str, Texts]) -> list[Planted]:
    """Return all mistakes."""
    found = list(by_hand())
    for check in CHECKS.values():
        if check.id not in BY_HAND:
            found += laid_over(check, projects)
    return found


def rendered(source: str) -> dict[str, Texts]:
    """Render the projects, and return the texts of each."""
    found = {}
    for name, answers in PROJECTS.items():
        with tempfile.TemporaryDirectory() as folder:
            data = {"project_name": "churn", **answers}
            copier.run_copy(
                source, folder, data=data, defaults=True, quiet=True, vcs_ref="HEAD",
                unsafe=True, skip_tasks=True,
            )  # fmt: skip
            found[name] = {
                path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
                for path in sorted(Path(folder).rglob("*"))
                if path.is_file() and ".git" not in path.relative_to(folder).parts
            }
    return found


def _places(report: Report) -> dict[str, set[tuple[str, str]]]:
    """Return check -> path and text of each line that it finds wrong."""
    return {
        each.check.id: {(m.path, m.text) for m in each.marks}
        for each in report.results
        if each.outcome == "fail"
    }


@dataclass(frozen=True)
class Tried:
    """A mistake, whether it was found, and what the check said."""

    planted: Planted
    found: bool
    outcome: str


def tried(projects: dict[str, Texts]) -> list[Tried]:
    """Plant each mistake, and ask its check. Python that stays is parsed once."""
    known = Known()
    clean = {n: _places(check_repository(read_texts({**t}, known))) for n, t in projects.items()}
    found = []
    for each in planted(projects):
        before = projects[each.project]
        texts = each.applied(before)
        touched = {p for p in {*before, *texts} if before.get(p) != texts.get(p)}
        report = check_repository(read_texts({**texts}, known), [CHECKS[each.check]])
        new = _places(report).get(each.check, set()) - clean[each.project].get(each.check, set())
        where = {path for path, _ in new}
        ok = any(path in touched or (each.at and re.search(each.at, path)) for path in where)
        said = report.results[0].outcome
        found.append(Tried(each, ok, f"{said} {sorted(where)}" if where and not ok else said))
    return found
