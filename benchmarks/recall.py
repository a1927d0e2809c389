"""What `tdsp check` misses: mistakes put into a clean project, and rewrites of known mistakes.

    python -m benchmarks.recall

It renders a project of level govern, makes one edit at a time on its texts in memory, and asks the
check that is about it. It writes benchmarks/recall.md.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from benchmarks.mutants import MEANT, mutants

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

ROOT = Path(__file__).parents[1]
ANSWERS = {"level": "govern", "serving": "both", "project_name": "churn", "ci": "github"}


@dataclass(frozen=True)
class Edit:
    """One mistake: the check that has to find it, the file, and what becomes what.

    A file without a pattern is removed; one that is not there is written. `without` is what all
    other files lose, where the mistake is one only without it.
    """

    check: str
    name: str
    path: str
    old: str = ""
    new: str = ""
    without: str = ""


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


def edits() -> list[Edit]:
    """Return all edits."""
    found = yaml.safe_load((ROOT / "benchmarks/seeds.yaml").read_text(encoding="utf-8"))
    secrets = [Edit("SC01", name, path, "", one + two) for name, path, one, two in KEYS]
    return [*(Edit(**each) for each in found), *secrets]


def project() -> dict[str, str]:
    """Render a project, and return its texts."""
    with tempfile.TemporaryDirectory() as folder:
        data = [word for key, value in ANSWERS.items() for word in ("--data", f"{key}={value}")]
        command = [sys.executable, "-m", "copier", "copy", "--defaults", "--trust", "--quiet"]
        subprocess.run(
            [*command, "--skip-tasks", "--vcs-ref", "HEAD", *data, str(ROOT), folder],
            check=True, capture_output=True,
        )  # fmt: skip
        found = {}
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and ".git" not in path.relative_to(folder).parts:
                content = path.read_bytes()
                if b"\0" not in content:
                    found[path.relative_to(folder).as_posix()] = content.decode("utf-8", "replace")
        return found


def applied(texts: dict[str, str], edit: Edit) -> dict[str, str]:
    """Return the texts with one mistake. Raises ValueError for an edit that changes nothing."""
    found = dict(texts)
    if edit.without:
        found = {path: re.sub(edit.without, "", text) for path, text in texts.items()}
    if not edit.old and not edit.new:
        found.pop(edit.path, None)
    elif not edit.old:
        found[edit.path] = edit.new
    elif edit.path in found:
        found[edit.path] = re.sub(edit.old, edit.new, found[edit.path])
    if found.get(edit.path) == texts.get(edit.path):
        raise ValueError(f"{edit.check}, {edit.name}: {edit.path} does not have it")
    return found


def findings(texts: dict[str, str], check: str) -> tuple[str, int]:
    """Return the outcome of a check and how many places fail."""
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    return result.outcome, len(result.marks) if result.outcome == "fail" else 0


def seeded(texts: dict[str, str]) -> Iterator[tuple[Edit, bool, str]]:
    """Yield each edit, whether it was found, and the outcome."""
    made = [(edit, applied(texts, edit)) for edit in edits()]
    whole = check_repository(read_texts({**texts}))
    clean = {e.check.id: len(e.marks) if e.outcome == "fail" else 0 for e in whole.results}
    for edit, changed in made:
        outcome, places = findings(changed, edit.check)
        yield edit, places > clean[edit.check], outcome


HEAD = """# Recall of the checks

`python -m benchmarks.recall` writes this page. *Project*: one mistake of benchmarks/seeds.yaml at a
time in a clean project of level govern. *Forms*: rewrites of the check's bad example that mean the
same: other names and imports, a function around it, another CI system, other line ends; where few
apply, others written by hand, so that each check has five. Many forms are easy, and all are by the
author of the check. So this is no measure of what is missed in the code of others.
"""


def page(found: list[tuple[Edit, bool, str]]) -> str:
    """Return the table: by check, the edits of the project and the rewrites of its example."""
    every_edit = Counter(e.check for e, *_ in found)
    caught = Counter(e.check for e, ok, _ in found if ok)
    made = {c.id: [t for _, t in mutants(c.id, c.family, c.bad)] for c in CHECKS.values()}
    right = {
        check: sum(findings(t, check)[0] == "fail" for t in all_) for check, all_ in made.items()
    }
    total, every = sum(right.values()), sum(map(len, made.values()))
    sums = f"Project: {sum(caught.values())} of {len(found)}. Forms: {total} of {every}"
    lines = [HEAD, f"{sums}; {len(MEANT)} are left out: they mean something else.", ""]
    lines += ["| check | project | forms |", "| --- | ---: | ---: |"]
    for check in sorted(CHECKS):
        project_ = f"{caught[check]} of {every_edit[check]}" if every_edit[check] else ""
        lines.append(f"| {check} | {project_} | {right[check]} of {len(made[check])} |")
    missed = [f"* {e.check}, {e.name}: {outcome}" for e, ok, outcome in found if not ok]
    return (
        "\n".join([*lines, "", *(["Missed:", "", *missed] if missed else ["Nothing was missed."])])
        + "\n"
    )


def main() -> None:
    """Run all, and write the page."""
    text = page(list(seeded(project())))
    (ROOT / "benchmarks/recall.md").write_text(text, encoding="utf-8")
    print(text[-1500:])


if __name__ == "__main__":
    main()
