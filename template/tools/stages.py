"""Where does the project stand in its lifecycle? `poe stage` asks docs/process/stages.yaml.

Each criterion is a command: it holds when that ends with 0. A stage is entered when the one
before is left. Without a name the stages are asked in order, up to the first that is not done yet:
there the project is. With a name, that stage and what it takes to enter it. The exit code is 1
while a criterion does not hold.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path("docs/process/stages.yaml")
PAGE = Path("docs/process/lifecycle.md")
BEGIN, END = "<!-- stages.yaml: begin -->\n", "<!-- stages.yaml: end -->\n"


class StagesError(Exception):
    """What is wrong in stages.yaml, and where."""


@dataclass(frozen=True)
class Criterion:
    """What has to hold, the command that tells, and what to do when it does not."""

    what: str
    check: str
    do: str


@dataclass(frozen=True)
class Stage:
    """A stage of the lifecycle, and the one that comes before it."""

    name: str
    title: str
    question: str
    before: "Stage | None"
    entry: tuple[Criterion, ...]
    exit: tuple[Criterion, ...]


def read(path: Path = SOURCE) -> list[Stage]:
    """Return the stages in order. Raises StagesError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        found: list[Stage] = []
        for name, raw in content.items():
            ends = (_criteria(raw[part], f"{name}, {part}") for part in ("entry", "exit"))
            before = found[-1] if found else None
            found.append(Stage(name, raw["title"], raw["question"], before, *ends))
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise StagesError(f"{path.as_posix()}: {error}") from None
    return found


def _criteria(raw: list[Any], where: str) -> tuple[Criterion, ...]:
    found = []
    for number, each in enumerate(raw, 1):
        if not isinstance(each, dict) or each.keys() != {"what", "check", "do"}:
            raise StagesError(f"{SOURCE.as_posix()}: {where}, number {number}: what, check, do")
        found.append(Criterion(each["what"], each["check"], each["do"]))
    return tuple(found)


def run(command: str) -> tuple[bool, str]:
    """Run a check; return whether it holds, and the last line of what it said."""
    words = shlex.split(command)
    place = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which(words[0], path=place)
    if program is None:
        return False, f"{words[0]} is not installed"
    # Without a terminal: a check that asks a question must fail, not wait.
    done = subprocess.run(  # noqa: S603
        [program, *words[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode == 0, said[-1].strip() if said else f"exit code {done.returncode}"


def ask(stage: Stage, known: dict[str, tuple[bool, str]]) -> bool:
    """Check a stage and print each criterion; a command that was run is not run again."""
    print(f"\n{stage.title}: {stage.question}")
    well = True
    # What lets leave the stage before; asked already, unless this is the only one.
    inherited = stage.before.exit if stage.before and not known else ()
    for part, criteria in (("entry", (*inherited, *stage.entry)), ("exit", stage.exit)):
        for one in criteria:
            if one.check not in known:
                if sys.stderr.isatty():
                    print(f"  ... {one.check}", end="\r", file=sys.stderr, flush=True)
                known[one.check] = run(one.check)
            holds, said = known[one.check]
            print(f"  [{'x' if holds else ' '}] {part}: {one.what}  ({one.check})", flush=True)
            if not holds:
                print(f"        it says: {said}\n        to do:   {one.do}", flush=True)
            well &= holds
    return well


def page(stages: list[Stage]) -> str:
    """Return the criteria as Markdown, for lifecycle.md."""
    return "\n".join(line for stage in stages for line in _section(stage))


def _section(stage: Stage) -> Iterator[str]:
    yield f"### {stage.title}\n\n{stage.question}\n"
    after = f"what lets you leave {stage.before.title.lower()}" if stage.before else ""
    yield f"Entry: {after}{', and' if after and stage.entry else ''}".rstrip() + "\n"
    yield from _list(stage.entry)
    yield "Exit:\n"
    yield from _list(stage.exit)


def _list(criteria: tuple[Criterion, ...]) -> Iterator[str]:
    yield from (f"- {one.what}: `{one.check}`" for one in criteria)
    if criteria:
        yield ""


def write() -> None:
    """Put the criteria into lifecycle.md, between its two marks."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    text = f"{before}{BEGIN}{page(read())}{END}{rest.split(END)[1]}"
    PAGE.write_text(text, encoding="utf-8", newline="\n")


def main(words: Iterable[str] | None = None) -> int:
    """Check the criteria; return 1 while one does not hold."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, prog="poe stage", formatter_class=raw)
    parser.add_argument("stage", nargs="?", help="such as data; see --list")
    parser.add_argument("--list", action="store_true", help="only print the criteria, run nothing")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.as_posix()} up to date")
    options = parser.parse_args(None if words is None else list(words))
    try:
        stages = read()
        chosen = [each for each in stages if options.stage in (None, each.name)]
        if not chosen:
            names = ", ".join(each.name for each in stages)
            raise StagesError(f"there is no stage {options.stage}; there are {names}")
        if options.write:
            write()
            return 0
    except (StagesError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.list:
        print(page(chosen))
        return 0
    known: dict[str, tuple[bool, str]] = {}
    for number, stage in enumerate(chosen):
        if not ask(stage, known):
            later = ", ".join(each.title.lower() for each in chosen[number + 1 :])
            print(f"\nNot done yet: {stage.title.lower()}{f'; after it: {later}' if later else ''}")
            return 1
    print("\nAll criteria hold.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
