"""What `tdsp check` shows outside of a terminal: a page, a badge, an entity of a catalogue."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tdsp import __version__
from tdsp.check.maturity import Maturity
from tdsp.check.rule import FAILS, FAMILIES
from tdsp.check.run import Report
from tdsp.pages import render
from tdsp.plain import counted, plain
from tdsp.reading import Repository

PREFIX = "tdsp-template.github.io"
BADGE_COLOURS = {"good": "#1c6b3c", "warning": "#8a5200", "error": "#b3261e"}
LETTER = 6.1  # the mean width of a letter, in pixels, at the size of a badge
CODE_OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome in a few words, and the colour that goes with it."""

    words: str
    colour: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One scale of the picture of maturity. `width` is that of a step, in its units."""

    name: str
    level: int
    top: int

    @property
    def width(self) -> float:
        """Return the width of one step, so that all scales are equally long."""
        return 320 / self.top


def verdict(report: Report) -> Verdict:
    """Return what the errors, or else the warnings, amount to; only no finding is in order."""
    for level in ("error", "warning"):
        if found := report.findings(level):
            return Verdict(f"Not in order: {counted(found, level)}", level)
    order = "" if report.failed or report.about.problems else "In order: "
    return Verdict(f"{order}no error and no warning".capitalize(), "good")


def as_html(report: Report, found: Maturity | None) -> str:
    """Return everything as one page. Without `found` it shows no maturity."""
    from tdsp.check.report import way

    families = []
    for family, title in FAMILIES.items():
        if results := [each for each in report.failed if each.check.family == family]:
            families.append((title, results))
    return render(
        "tdsp.check",
        "page",
        name=name(report.repository),
        version=__version__,
        report=report,
        repo=report.repository,
        verdict=verdict(report),
        counts=report.counts,
        families=families,
        ignored=[each for each in report.results if each.ignored],
        scales=found,
        bars=_bars(found) if found else [],
        ways={e.check.id: way(e.check, found.grows_to) for e in found.lacking} if found else {},
    )


def _bars(found: Maturity) -> list[Bar]:
    areas = [Bar(each.name, each.level, each.top) for each in found.areas]
    google = Bar("Google's levels", found.google.level, found.google.top)
    sections = [
        Bar(f"ML Test Score: {section.lower()}", found.points(section), len(steps))
        for section, steps in found.sections.items()
    ]
    return [*areas, google, *sections]


def as_badge(report: Report, found: Maturity | None = None) -> str:
    """Return an SVG badge: the level of maturity if it is given, else errors and warnings."""
    if found is None:
        label = "tdsp check"
        errors, warnings = report.findings("error"), report.findings("warning")
        text = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
        colour = verdict(report).colour
    else:
        label, text = "MLOps maturity", f"level {found.level} of 4"
        colour = "good" if found.level >= 3 else "warning" if found.level else "error"
    left, right = (round(LETTER * len(part)) + 16 for part in (label, text))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="{label}: {text}"><title>{label}: {text}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444d56"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{BADGE_COLOURS[colour]}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-size="11"'
        ' font-family="Verdana,Geneva,DejaVu Sans,sans-serif">'
        f'<text x="{left / 2}" y="14" textLength="{left - 12}">{label}</text>'
        f'<text x="{left + right / 2}" y="14" textLength="{right - 12}">{text}</text></g></svg>'
    )


def as_backstage(report: Report, found: Maturity | None) -> str:
    """Return an entity for Backstage's catalogue, with what was found as its annotations.

    A `catalog-info.yaml` of the repository gives its name, title, owner, type and lifecycle.
    """
    import yaml

    return yaml.safe_dump(_entity(report, found), sort_keys=False, allow_unicode=True)


def _entity(report: Report, found: Maturity | None) -> dict[str, Any]:
    repo = report.repository
    meta, spec = _known(repo)
    values: dict[str, Any] = {
        "verdict": "fails" if report.reaches(FAILS) else "passes",
        **{f"{level}s": number for level, number in report.counts.items()},
        "commit": repo.commit,
        "checked-by": f"tdsp {__version__}",
    }
    if found is not None:
        values |= {"mlops-maturity": found.level, "google-level": found.google.level}
        values |= {"ml-test-score": found.score}
    annotations = {f"{PREFIX}/{key}": str(value) for key, value in values.items() if value != ""}
    title = _word(meta.get("title")) or name(repo)
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": identifier(_word(meta.get("name")) or name(repo)),
            "title": title,
            "annotations": annotations,
        },
        "spec": {
            "type": _word(spec.get("type")) or "machine-learning",
            "lifecycle": _word(spec.get("lifecycle")) or "experimental",
            "owner": _word(spec.get("owner")) or _owner(repo),
        },
    }


def _known(repo: Repository) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return metadata and spec of the repository's own component, empty without one."""
    for document in repo.yaml.get("catalog-info.yaml", ()):
        data = document.data
        if isinstance(data, dict) and data.get("kind") == "Component":
            parts = data.get("metadata"), data.get("spec")
            meta, spec = (part if isinstance(part, dict) else {} for part in parts)
            return meta, spec
    return {}, {}


def _word(value: Any) -> str:
    return plain(value).strip()[:200] if isinstance(value, str) else ""


def _owner(repo: Repository) -> str:
    """Return the first owner that CODEOWNERS names; Backstage writes `unknown` for none."""
    for path in CODE_OWNERS:
        for line in repo.text(path).splitlines():
            if match := re.match(r"\s*[^#\s]\S*\s+@?([\w.-]+(?:/[\w.-]+)?)", line):
                return identifier(match[1].rsplit("/", 1)[-1])
    return "unknown"


def name(repo: Repository) -> str:
    """Return a name for the repository: that of its folder."""
    return plain(Path(repo.root).resolve().name.removesuffix(".git")) or "repository"


def identifier(text: str) -> str:
    """Return a name as Backstage takes it: at most 63 of a-z, 0-9, `-`, `_` and `.`."""
    found = re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:63]
    return re.sub(r"[-_.]{2,}", "-", found).strip("-_.") or "repository"
