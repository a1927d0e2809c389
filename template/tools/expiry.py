"""Versions reach their end of life, APIs are withdrawn: `poe expiry` warns before they do.

expiry.yaml lists each pinned version with the day on which it `expires`, as its vendor states, or
with a day of `review`. After that day the exit code is 1, and 90 days before it there is a warning.
The exit code is also 1 when the project's files have a version that is not listed; then the line to
add is printed. The same file lists the code that uses `private` parts of a library: somebody has to
look at it when the locked version of that library changes.
"""
# ruff: noqa: E501  the table of finders reads best with one a line

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from tools.sources import Part, SourceError
from tools.sources import read as read_source

MANIFEST, LOCK = "expiry.yaml", "requirements.lock"
WARN = timedelta(days=90)
REVIEW = timedelta(days=365)  # as expiry.yaml says
ADVISORY = re.compile(r"(GHSA|CVE|PYSEC|OSV)-")  # an accepted advisory, see audit.py

FOLDERS = (".devcontainer", ".github", ".gitlab", "azure-pipelines", "azureml", "deploy", "infra")
CI = r"\.github/.+\.ya?ml|azure-pipelines.*\.ya?ml|\.gitlab-ci\.yml|\.gitlab/.+\.ya?ml"
AZURE = r"(infra|azureml)/.+"
SCRIPTS = rf"{CI}|{AZURE}|deploy/.+\.(sh|ya?ml)|\.devcontainer/.+"
IMAGES = rf"{CI}|(deploy|azureml)/.+\.ya?ml|\.devcontainer/.+"
SHORT = r"v?(0\.\d+|\d+)"  # the part of a version whose change may break something

# The files in which to search, the pattern, and the name that the manifest uses: it has as much of
# the version as decides about its support.
FINDERS: list[tuple[str, str, str]] = [
    (CI, r"uses:\s*['\"]?([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@(?:[0-9a-f]{40} +# *)?(v?\d+\b|\S+)", "{}@{}"),
    (CI, r"uses:\s*[\w.-]+/(?:setup-)?([\w-]+)@.*\n(?: +[\w-]+:.*\n)*? +version: *['\"]?v?(\d+\.\d+)", "{} {}"),
    (CI, r"\b((?:ubuntu|windows|macos)-(?:latest|\d[\w.]*)(?:-\w+)*)", "{}"),
    (CI, r"\btask: *['\"]?(\w+@\d+)", "{}"),
    (CI, r"\bcomponent: *['\"]?(\S+?)@(v?\d+|[\w.~-]+)", "{}@{}"),
    (CI, r"\bversionSpec: *['\"]?(\d+\.\d+)", "python {}"),
    (IMAGES, r"(?m)^[^#\n]*\bimage['\"]?:\s*(?:name: *)?['\"]?([\w./:@-]+)['\"]?,?[ \t]*(?:#.*)?$", "{}"),
    (r"(.+/)?Dockerfile[\w.-]*", r"(?m)^FROM +(?:--\S+ +)?(\S+)", "{}"),
    (r"\.devcontainer/.+", r"\"(ghcr\.io/[\w./-]+/features/[\w.-]+:\d+)", "{}"),
    (AZURE, r"\b(Microsoft\.\w+(?:/\w+)+@\d{4}-\d\d-\d\d(?:-preview)?)", "{}"),
    (AZURE, r"azureml://registries/(azureml[\w-]*/\w+/[\w.-]+)/(?:versions|labels)/([\w.-]+)", "{}:{}"),
    (AZURE, r"\b(Standard_[A-Z]+\d\w*)", "{}"),
    (r"infra/.+\.tf", r"source *= *\"([\w.-]+(?:/[\w.-]+)+)\"\s+version *= *\"[^\d\"]*" + SHORT, "{} {}"),
    (r"infra/.+\.tf", r"required_version *= *\"[^\d\"]*" + SHORT, "terraform {}"),
    (r"deploy/.+\.ya?ml", r"(?m)^apiVersion: *(\S+/v\d+(?:alpha|beta)\d+)", "{}"),
    (SCRIPTS, r"(?i)\b(?!min|api|content|schema)([a-z][\w-]*?)[_-]?(?:version|release)['\"]? *[:=] *['\"]?v?(\d+\.\d+)", "{} {}"),
    (SCRIPTS, r"(?:uvx|uv tool \w+|pipx? install)(?: +-\S+)* +['\"]?([\w-]+)(?:\[.*?\])?(?:==|@)" + SHORT, "{} {}"),
    (SCRIPTS, r"az extension add.*--name (\S+).*--version " + SHORT, "az extension {} {}"),
    (r"\.pre-commit-config\.yaml", r"repo: *\S+?([\w.-]+/[\w.-]+)\s+rev: *['\"]?(v?\d+|\S+)", "{}@{}"),
    (r"\.python-version", r"(\d+\.\d+)", "python {}"),
    (r"pyproject\.toml", r"requires-python = \">=(\d+\.\d+)", "python {}"),
    (r"pyproject\.toml", r"(?m)^  \"([\w.-]+(?:\[.*\])?[^\";]*<[^\";]*)\",$", "{}"),
    (r"requirements\.lock", r"\A", "requirements.lock"),
]  # fmt: skip
PATCH = re.compile(r"(:v?\d+\.\d+)\.\d+")  # the patch version of an image
NOT_IN_NAMES = re.compile(r"^(docker\.io/library/|docker\.io/)|@sha256:\w+$")


class Pin(Part):
    """A line of the manifest: a pin, and the last day on which nothing has to be done about it."""

    pin: str
    source: str
    do: str
    expires: date | None = None
    review: date | None = None
    outside: bool = False

    @field_validator("expires", "review", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        if type(value) is not date:
            raise ValueError("must be a day such as 2027-10-31")
        return value

    @model_validator(mode="after")
    def _one_day(self) -> "Pin":
        if (self.expires is None) == (self.review is None):
            raise ValueError(f"{self.pin} needs one of expires and review")
        return self

    @property
    def until(self) -> date:
        """The last good day."""
        return self.expires or self.review or date.min

    def line(self, today: date) -> str:
        """Say in one line what is due when, and what to do."""
        what = "reaches its end of life" if self.expires else "is due for review"
        days = (self.until - today).days
        when = f"in {days} days" if days >= 0 else f"{-days} days ago"
        return f"{self.pin} {what} on {self.until}, {when}: {self.do} ({self.source})"


class Private(Part):
    """Code that leans on what a library does not promise, and the version that it was tried with."""

    file: str
    part: str
    library: str
    version: str
    do: str

    def wrong(self, root: Path, locked: dict[str, set[str]]) -> str | None:
        """Say why somebody has to look at it, if so."""
        path = root / self.file
        if not path.is_file() or self.part not in path.read_text(encoding="utf-8"):
            return f"{self.file} has no {self.part!r}: take its line out of {MANIFEST}"
        versions = locked.get(self.library, {"none"})
        if all(f"{version}.".startswith(f"{self.version}.") for version in versions):
            return None
        others = ", ".join(sorted(versions))
        return (
            f"{self.file} leans on a private part of {self.library}, {self.part!r}, tried with"
            f" {self.version}; locked is {others}: {self.do}, then write its version into {MANIFEST}"
        )


class Manifest(Part):
    """The whole of expiry.yaml."""

    pins: list[Pin]
    private: tuple[Private, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> "Manifest":
        names = [each.pin for each in self.pins]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"lists more than once: {', '.join(sorted(twice))}")
        return self


def read(path: Path) -> list[Pin]:
    """Return the pins that the manifest lists. Raises SourceError that names the line."""
    return read_source(path, Manifest).pins


def leaning(root: Path) -> list[str]:
    """Return what to do about private parts of libraries. Raises SourceError, as `read` does."""
    path, locked = root / LOCK, dict[str, set[str]]()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", text):
        locked.setdefault(name, set()).add(version)
    listed = read_source(root / MANIFEST, Manifest).private
    return [f"error: {wrong}" for each in listed if (wrong := each.wrong(root, locked))]


def find(root: Path) -> dict[str, str]:
    """Return each pinned version in the project's files -> its first file and line."""
    places: dict[str, str] = {}
    own = re.compile(rf"(.*/)?{re.escape(_own_name(root))}([:@].*)?")  # its image is no pin
    for path in files(root):
        name = path.relative_to(root).as_posix()
        for pin, line in pins_of(name, path.read_text(encoding="utf-8", errors="replace")):
            if not own.fullmatch(pin):
                places.setdefault(pin, f"{name}:{line}")
    return places


def files(root: Path) -> list[Path]:
    """Return the files that the finders search: those of the root, and of FOLDERS."""
    below = (path for folder in FOLDERS for path in (root / folder).rglob("*"))
    hidden = {".terraform", "__pycache__", "node_modules"}
    return [
        path
        for path in sorted([*root.iterdir(), *below])
        if path.is_file() and path.suffix not in {".md", ".pyc"} and not hidden & {*path.parts}
    ]


def pins_of(name: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield the pins that a file holds, with their lines."""
    stages = {"scratch", *re.findall(r"(?mi)^FROM\s.*\sAS\s+(\S+)", text)}
    for where, what, form in FINDERS:
        for match in re.finditer(what, text) if re.fullmatch(where, name) else ():
            pin = PATCH.sub(r"\1", NOT_IN_NAMES.sub("", form.format(*match.groups())))
            if "$" not in pin and pin not in stages:
                yield pin, text.count("\n", 0, match.start(match.lastindex or 0)) + 1


def _own_name(root: Path) -> str:
    path = root / "pyproject.toml"
    return str(tomllib.loads(path.read_text("utf-8"))["project"]["name"]) if path.exists() else ""


def report(pins: list[Pin], found: dict[str, str], today: date) -> tuple[list[str], bool]:
    """Return the lines to print, and whether all is well."""
    listed, there = {pin.pin.casefold() for pin in pins}, {name.casefold() for name in found}
    wrong = [f"error: {pin.line(today)}" for pin in pins if pin.until < today]
    wrong += [
        f"error: {at}: {name} is not listed in {MANIFEST}. Add it there, with the last day of its"
        f" vendor's support as `expires`, or with a day of `review`:\n"
        f'  - {{pin: "{name}", review: {today + REVIEW}, source: "...", do: "..."}}'
        for name, at in found.items()
        if name.casefold() not in listed
    ]
    soon = [f"warning: {pin.line(today)}" for pin in pins if today <= pin.until <= today + WARN]
    dead = [
        f"note: no file has {pin.pin}: its line in {MANIFEST} can go"
        for pin in pins
        if not (pin.outside or ADVISORY.match(pin.pin) or pin.pin.casefold() in there)
    ]
    first = min(pins, key=lambda pin: pin.until, default=None)
    well = [f"{len(pins)} pins; first, {first.line(today)}"] if first and not wrong + soon else []
    return [*wrong, *soon, *dead, *well], not wrong


def main(words: Iterable[str] | None = None) -> int:
    """Print what is due or not listed; return 1 if anything is."""
    parser = argparse.ArgumentParser(
        description="Which pins reach their end of life, or are due for review?"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today(), metavar="DATE")
    options = parser.parse_args(None if words is None else list(words))
    try:
        pins, moved = read(options.root / MANIFEST), leaning(options.root)
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    lines, well = report(pins, find(options.root), options.today)
    print("\n".join([*moved, *lines]))
    return 0 if well and not moved else 1


if __name__ == "__main__":
    sys.exit(main())
