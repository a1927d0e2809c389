"""What `tdsp check` misses: mistakes planted in clean projects, and rewrites of known mistakes.

    python -m benchmarks.recall

It renders the projects of benchmarks/planted.py, makes one mistake at a time in memory, and asks
the check that is about it. It writes benchmarks/recall.md.
"""

from collections import Counter

from benchmarks.mutants import MEANT, mutants
from benchmarks.planted import ROOT, Tried, rendered, tried

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

HEAD = """# Recall of the checks

`python -m benchmarks.recall` writes this page. *Project*: one mistake at a time in a clean project
that the template rendered. It is found if the check names a file that was touched (or, where
something was removed, one that then lacks it) and the clean project has no such finding. Some are
edits written by hand (`benchmarks/seeds.yaml`); of what can only be left out, the same edit in
several projects. The others put a form of the check's bad example into the project: as a module, at
the end of one that it has, as a script, as a job of its CI (`benchmarks/planted.py`). Where much in
the project makes up for a mistake, that is removed first. *Forms*: rewrites of the bad example by
itself that mean the same, such as other names and imports, a function around it, another CI system.
All are by the author of the checks. So this is no measure of what is missed in the code of others.
"""


def _failed(texts: dict[str, str], check: str) -> bool:
    return check_repository(read_texts({**texts}), [CHECKS[check]]).results[0].outcome == "fail"


def in_projects(found: list[Tried]) -> dict[str, str]:
    """Return check -> how many of the mistakes in a project it finds."""
    every = Counter(each.planted.check for each in found)
    caught = Counter(each.planted.check for each in found if each.found)
    return {check: f"{caught[check]} of {every[check]}" for check in sorted(CHECKS)}


def missed(found: list[Tried]) -> list[str]:
    """Return a line for each mistake in a project that is not found."""
    return [
        f"* {e.planted.check}, {e.planted.project}, {e.planted.name}: {e.outcome}"
        for e in sorted(found, key=lambda each: each.planted.check)
        if not e.found
    ]


def page(found: list[Tried]) -> str:
    """Return the table: by check, the mistakes in a project and the rewrites of its example."""
    made = {c.id: [t for _, t in mutants(c.id, c.family, c.bad)] for c in CHECKS.values()}
    right = {check: sum(_failed(t, check) for t in all_) for check, all_ in made.items()}
    total, every = sum(right.values()), sum(map(len, made.values()))
    sums = f"Project: {sum(e.found for e in found)} of {len(found)}. Forms: {total} of {every}"
    lines = [HEAD, f"{sums}; {len(MEANT)} are left out: they mean something else.", ""]
    lines += ["| check | project | forms |", "| --- | ---: | ---: |"]
    for check, share in in_projects(found).items():
        lines.append(f"| {check} | {share} | {right[check]} of {len(made[check])} |")
    return "\n".join([*lines, "", "Missed in a project:", "", *missed(found)]) + "\n"


def main() -> None:
    """Run all, and write the page."""
    text = page(tried(rendered(str(ROOT))))
    (ROOT / "benchmarks/recall.md").write_text(text, encoding="utf-8")
    print(text[-1500:])


if __name__ == "__main__":
    main()
