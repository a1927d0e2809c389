"""What `tdsp fleet status` costs: many repositories at once, then with few changes, then with none.

The repositories are one project of level operate, varied by plumbing: each has a commit of its own
and shares the objects by hard links. So each is read and judged in full, the first time.
"""

import hashlib
import os
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from places import commit
from timing import Cost, Figure, Ratio, Section, at_most, figure, run

SHARE = 0.05  # of the repositories that change before the second run
# For 1,000 repositories on two free cores, and 10,000 that have not changed: seconds; MB in all.
FIRST, AGAIN, UNCHANGED, MEMORY = 480, 40, 60, 400
CORES = 2
ANSWERS, NAMED = ".copier-answers.yml", "project_name: fleet base\n"
KNOWN = 20  # times as many repositories, all of them known beforehand
# Tells a fleet's cache the facts of one repository of another fleet for each of its own.
TELL = """
import sys
from datetime import date
from pathlib import Path
from tdsp.fleet.config import read_fleet
from tdsp.fleet.fetch import fetch_all
from tdsp.fleet.rows import Rows
from tdsp.fleet.status import Switches, _Run
from tdsp.fleet.template import releases

judged, known = (read_fleet(Path(each)) for each in sys.argv[1:])
facts = Rows(judged.cache).last("r00000")
store = Rows(known.cache)
run = _Run(known, releases(known), Switches(), date.today(), store, print)
for each in fetch_all(known.listing().targets, known.cache, 1, 60):
    store.put(each.target.name, run._key(each), facts)
store.close()
"""


@dataclass
class Watch:
    """Adds up the memory of all processes of a run, again and again; what they share once."""

    peak: float = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self, marker: str) -> None:
        """Sum up until the end; processes are told by a variable of their environment."""
        while not self.ended.wait(0.2):
            total = 0
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    if marker.encode() in (place / "environ").read_bytes():
                        told = (place / "smaps_rollup").read_text(encoding="utf-8")
                        total += int(told.partition("\nPss:")[2].split()[0])
                except (OSError, IndexError, ValueError):
                    continue
            self.peak = max(self.peak, total * 1024 / 1e6)


def measure(source: Path, work: Path, env: dict[str, str], repositories: int) -> Section:
    """Time the command on half of the repositories, on all, with few changes, and with none."""
    own = env | {"PYTHONPATH": str(source / "src")}
    subprocess.run(["git", "tag", "--force", "v0.1.0"], cwd=source, env=env, check=True)
    new = [sys.executable, "-m", "tdsp", "new", "fleet base", "--defaults", "--no-git"]
    subprocess.run([*new, "--into", str(work)], env=own, check=True, stdout=subprocess.DEVNULL)
    base = commit(work / "fleet-base", env)
    subprocess.run(["git", "repack", "-adq"], cwd=base, env=env, check=True)
    maker = Maker(base, env)
    costs: dict[str, list[Cost]] = {}
    peaks: dict[str, float] = {}
    for name, count in (("half", repositories // 2), ("all", repositories)):
        place = fleet_of(work / f"fleet-{name}", maker, count, source)
        cost, peaks[f"{name}, first run"] = timed(place, own)
        costs[f"{name}, first run"] = [cost]
    known = min(10_000, repositories * KNOWN)
    many = fleet_of(work / "fleet-known", maker, known, source)
    told = [sys.executable, "-c", TELL, str(place / "fleet.yml"), str(many / "fleet.yml")]
    subprocess.run(told, env=own, check=True)
    for _ in range(3):
        cost, peaks["none changed"] = timed(many, own)
        costs.setdefault("none changed", []).append(cost)
    changed = max(1, round(repositories * SHARE))
    for number in range(changed):
        maker.make(place / "repositories" / f"r{number:05}", number + repositories)
    cost, peaks["all, some changed"] = timed(place, own)
    costs["all, some changed"] = [cost]
    figures = [
        figure(f"{name}: time", [cost.wall for cost in many], "s") for name, many in costs.items()
    ]
    figures += [
        figure(f"{name}: CPU", [cost.cpu for cost in many], "s") for name, many in costs.items()
    ]
    figures += [figure(f"{name}: memory", [peak], "MB") for name, peak in peaks.items()]
    notes = [
        f"{repositories} repositories, {repositories // 2} for half, {changed} changed before the "
        f"second run; and {known} of which everything was known. Two processes judge. The goals "
        "are seconds on two free cores, so CPU seconds are compared with them. Memory is that of "
        "all processes together, what they share counted once. Each repository has answers of "
        "its own, so the template is rendered for each. They share their code, which each process "
        "parses once; a repository whose code no other has costs as much as one `tdsp check`.",
    ]
    return Section("tdsp fleet status", figures, ratios(figures, repositories, known), notes)


def fleet_of(place: Path, maker: "Maker", count: int, source: Path) -> Path:
    """Make a folder with so many repositories and the fleet.yml that names them."""
    for number in range(count):
        maker.make(place / "repositories" / f"r{number:05}", number)
    settings = f"repositories: [{{glob: 'repositories/*'}}]\ntemplate: {{source: {source}}}\n"
    (place / "fleet.yml").write_text(settings, encoding="utf-8")
    return place


def timed(place: Path, env: dict[str, str]) -> tuple[Cost, float]:
    """Run the command in a folder; return its cost, and the most memory that it had."""
    marker = f"TDSP_BENCHMARK={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = marker.partition("=")
    watch = Watch()
    looking = threading.Thread(target=watch.look, args=(marker,), daemon=True)
    looking.start()
    command = [sys.executable, "-m", "tdsp", "fleet", "status"]
    cost = run(*command, cwd=place, env=env | {name: value})
    watch.ended.set()
    looking.join()
    return cost, watch.peak


def ratios(figures: list[Figure], repositories: int, many: int) -> list[Ratio]:
    """Compare CPU seconds with what the goals allow on two free cores.

    What one repository more costs is told by half of them and all; the rest is the start.
    """
    known = {each.name: each.median for each in figures}
    half, whole = known["half, first run: CPU"], known["all, first run: CPU"]
    slope = (whole - half) / (repositories - repositories // 2)
    first = whole + slope * (1000 - repositories)
    none = known["none changed: CPU"] / many  # the start is in it
    changed = max(1, round(repositories * SHARE))
    some = known["all, some changed: CPU"] + 1000 * none + slope * (1000 * SHARE - changed)
    most = max(value for name, value in known.items() if name.endswith("memory"))
    linear = whole / repositories * (repositories // 2) / half
    return [
        at_most("1,000, first run: CPU seconds", first, FIRST * CORES),
        at_most("1,000, 5 % changed: CPU seconds", some, AGAIN * CORES),
        at_most("10,000, none changed: CPU seconds", none * 10_000, UNCHANGED),
        at_most("memory, MB", most, MEMORY),
        at_most("CPU of a repository, all to half", linear, 1.1),
    ]


class Maker:
    """Makes repositories from one: its pack by hard links, and a commit with other answers."""

    def __init__(self, base: Path, env: dict[str, str]) -> None:
        self.packs = list((base / ".git/objects/pack").glob("*.*"))
        tree = subprocess.run(
            ["git", "cat-file", "tree", "HEAD^{tree}"],
            cwd=base, env=env, check=True, capture_output=True,
        )  # fmt: skip
        self.answers = (base / ANSWERS).read_text(encoding="utf-8")
        head, found, rest = tree.stdout.partition(b"100644 %s\0" % ANSWERS.encode())
        if not found or self.answers.count(NAMED) != 1:
            sys.exit(f"error: the project has no {ANSWERS} to vary")
        self.before, self.after = head + found, rest[20:]

    def make(self, folder: Path, number: int) -> None:
        """Make a bare repository, or give one that is there another commit."""
        objects = folder / "objects"
        if not objects.is_dir():
            (objects / "pack").mkdir(parents=True)
            (folder / "refs/heads").mkdir(parents=True)
            for pack in self.packs:
                os.link(pack, objects / "pack" / pack.name)
            (folder / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
            settings = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
            (folder / "config").write_text(settings, encoding="utf-8")
        answers = self.answers.replace(NAMED, f"project_name: fleet base {number}\n")
        blob = _write(objects, b"blob", answers.encode())
        tree = _write(objects, b"tree", self.before + bytes.fromhex(blob) + self.after)
        who = b"Benchmark <benchmark@example.com> 1790000000 +0000"
        said = b"tree %s\nauthor %s\ncommitter %s\n\nOne\n" % (tree.encode(), who, who)
        made = _write(objects, b"commit", said)
        (folder / "refs/heads/main").write_text(f"{made}\n", encoding="utf-8")


def _write(objects: Path, kind: bytes, content: bytes) -> str:
    whole = b"%s %d\0%s" % (kind, len(content), content)
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    path = objects / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(whole, 1))
    return name
