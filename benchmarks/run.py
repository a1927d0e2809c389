"""Measure everything that README and docs state a figure for: `make benchmark`.

With --only the other parts of the page stay as they were measured, each with its own day.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import checking
import dashboard
import fleet
import generation
import pipeline
import places
import planning
import scoring
import serving
import training
import updating
from timing import Figure, Ratio, Section

PARTS = (
    "checking",
    "dashboard",
    "fleet",
    "generation",
    "pipeline",
    "planning",
    "scoring",
    "serving",
    "training",
    "updating",
)
SIZES = [1_000_000, 5_000_000, 20_000_000]
TOOLS = ("copier", "cookiecutter", "dvc", "pandas", "scikit-learn")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--repeats", type=int, default=7, help="of making; pipeline and scoring less"
    )
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="sizes to score")
    parser.add_argument("--repositories", type=int, default=100, help="of the fleet, to 10,000")
    parser.add_argument("--output", type=Path, default=places.HERE / "results")
    return parser.parse_args()


def measure(wanted: argparse.Namespace, work: Path) -> list[Section]:
    """Run the wanted benchmarks in the folder `work`."""
    env = places.environment(work)
    source = places.template(work, env)
    few = max(1, (wanted.repeats + 1) // 2)
    actions = {
        "checking": lambda: checking.measure(source, work, env, wanted.repeats),
        "fleet": lambda: fleet.measure(source, work, env, wanted.repositories),
        "dashboard": lambda: dashboard.measure(source, work, env, wanted.repeats),
        "generation": lambda: generation.measure(source, work, env, wanted.repeats),
        "pipeline": lambda: pipeline.measure(source, work, env, few),
        "planning": lambda: planning.measure(source, work, env),
        "scoring": lambda: scoring.measure(source, work, env, few, sorted(wanted.rows)),
        "serving": lambda: serving.measure(source, work, env, few),
        "training": lambda: training.measure(source, work, env, list(training.SIZES)),
        "updating": lambda: updating.measure(source, work, env, wanted.repositories),
    }
    sections = []
    for name in wanted.only:
        print(name, file=sys.stderr)
        sections.append(actions[name]())
    return sections


def machine() -> dict[str, str]:
    """Say what the figures were measured on, without naming the machine."""
    versions = {name: importlib.metadata.version(name) for name in TOOLS}
    waiting = f"{os.getloadavg()[0]:.1f}"
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "processes that wanted one": waiting,
        "python": platform.python_version(),
        **versions,
    }


@dataclass(frozen=True)
class Measured:
    """A section, and what it was measured on."""

    section: Section
    machine: dict[str, str]


def before(path: Path) -> list[Measured]:
    """Return what an earlier run has written, nothing where there is none."""
    if not path.exists():
        return []
    data = json.loads(path.read_text(encoding="utf-8"))
    return [
        Measured(
            Section(
                each["title"],
                [Figure(**figure) for figure in each["figures"]],
                [Ratio(**ratio) for ratio in each["ratios"]],
                each["notes"],
            ),
            each.get("machine") or data["machine"],
        )
        for each in data["sections"]
    ]


def together(old: list[Measured], new: list[Measured]) -> list[Measured]:
    """Return what is new, and what is old of the parts that were not measured again."""
    titles = {each.section.title for each in new}
    kept = [each for each in old if each.section.title not in titles]
    return sorted([*kept, *new], key=lambda each: each.section.title)


def page(measured: list[Measured]) -> str:
    """Return the results as Markdown."""
    head = (
        "# Benchmarks\n\n`make benchmark` writes this page. Medians of interleaved runs, the range "
        "in brackets. Figures differ by machine and by load; compare the ratios.\n"
    )
    return head + "".join(map(_section, measured))


def _section(measured: Measured) -> str:
    section = measured.section
    about = ", ".join(f"{name} {value}" for name, value in measured.machine.items())
    lines = [f"\n## {section.title}\n", *(f"{note}\n" for note in section.notes)]
    lines += [f"Measured: {about}.\n"]
    lines += ["| measured | median | range | runs |", "| --- | ---: | ---: | ---: |"]
    lines += map(_figure, section.figures)
    lines += ["", "| ratio | value | goal | met |", "| --- | ---: | --- | --- |"]
    lines += map(_ratio, section.ratios)
    return "\n".join(lines) + "\n"


def _figure(line: Figure) -> str:
    low, high, median = (_number(value) for value in (line.low, line.high, line.median))
    return f"| {line.name} | {median} {line.unit} | {low} to {high} | {line.runs} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _ratio(line: Ratio) -> str:
    met = {True: "yes", False: "**no**", None: ""}[line.met]
    return f"| {line.name} | {line.value:.2f} | {line.goal or ''} | {met} |"


def main() -> None:
    """Measure in a temporary folder; write OUTPUT.md and OUTPUT.json."""
    wanted = arguments()
    data = wanted.output.with_suffix(".json")
    with tempfile.TemporaryDirectory(prefix="tdsp-benchmark-") as folder:
        sections = measure(wanted, Path(folder))
    about = machine()
    measured = together(before(data), [Measured(section, about) for section in sections])
    text = page(measured)
    content = {"sections": [{**asdict(e.section), "machine": e.machine} for e in measured]}
    wanted.output.with_suffix(".md").write_text(text, encoding="utf-8")
    data.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
