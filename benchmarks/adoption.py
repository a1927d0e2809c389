"""How right `tdsp adopt plan` is on public repositories: figures from graded files.

    python -m benchmarks.adoption          # writes benchmarks/adoption.md

benchmarks/adoption.csv holds one row for each graded file: what the plan of level 2 said, and a
verdict from reading it, by whoever mended the planner. Repositories that are called seen are those
that it was mended with. Unseen ones were graded as they were first planned, round by round, and
what a round showed was mended after it. A row of before the mending has no class and no target, and
no path if the row of after has it. The column `asked` holds the question's id, or a plain yes in
the rows of the earlier rounds. What stays and is offered counts as not asked.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

HERE = Path(__file__).parent
TABLE, PAGE = HERE / "adoption.csv", HERE / "adoption.md"
SETS = {
    "seen, before": "the repositories that the planner was mended with, before it was",
    "seen, after": "the same, after",
    "seen, again": "the repositories of unseen 1 to 4 with a wrong move, planned again by the"
    " redesign of unseen 5; another target than the one that was right before counts as wrong, and"
    " one of them is now refused as a whole, since its project is a folder",
    "seen, later": "the repositories of unseen 5 to 9 with something wrong, but one, planned again"
    " with what unseen 11 showed mended; a verdict of before counts where the class or the target"
    " is the same",
    "unseen 1": "never looked at before; what it showed was mended",
    "unseen 2": "as unseen 1, with what that showed mended",
    "unseen 3": "as unseen 1; one more could not be planned at all, which was mended",
    "unseen 4": "as unseen 1, with all that the earlier ones showed mended",
    "unseen 5": "as unseen 1, planned by the redesign: a move needs one strong piece of evidence or"
    " two weak ones, and a folder of code that the rest does not know stays and is one question",
    "unseen 6": "as unseen 5, with what that showed mended",
    "unseen 7": "as unseen 5, with what the earlier ones showed mended",
    "unseen 8": "as unseen 5, with what the earlier ones showed mended",
    "unseen 9": "as unseen 5, with what the earlier ones showed mended",
    "unseen 10": "as unseen 5, with what the earlier ones showed mended; one more was refused as a"
    " whole, since it holds several projects",
    "unseen 11": "as unseen 5, with what the earlier ones showed mended",
    "unseen 12": "as unseen 5, with what the earlier ones showed mended",
    "unseen 13": "planned with the evidence weighed anew: an image for which only its folder's"
    " name speaks is asked about, a package that is installed from the root and a folder of R stay"
    " without a question, and a repository mostly of Python 2 is adopted in place; labelled before"
    " the plan was made",
    "unseen 14": "as unseen 13, with what that showed mended",
    "unseen 15": "planned with known names of tools' files, lines of texts and bytes of images as"
    " evidence of the class, and with one class, `figure`, for what was a document's image or a"
    " result's; labelled before the plan was made; three more were left out, since nearly all of"
    " their files are a virtual environment or samples of sound, and one, since rules were made"
    " from it",
    "unseen 16": "as unseen 15, with what that showed mended; three more were left out, since"
    " nearly all of their files are packages of a web client",
    "unseen 17": "as unseen 15, with what the earlier ones showed mended",
    "unseen 18": "planned with a new rule: a stored file (data, a model, a result) moves unasked"
    " only if code whose paths are edited reads or writes it, and what a settings file names stays;"
    " labelled before the plan was made; one more was left out, since nearly all of it is C++",
    "unseen 19": "as unseen 18, with what that showed mended; two more were refused, since they"
    " hold several projects or the project is a folder, and two were left out that have no Python,"
    " notebook or R",
    "unseen 20": "as unseen 18, with what the earlier ones showed mended; a repository of mixed"
    " languages is adopted in place from here on",
    "unseen 21": "as unseen 20, with what that showed mended; one more was left out, all of PHP",
    "unseen 22": "as unseen 20, with what the earlier ones showed mended; four more were left out"
    " that have no Python, notebook or R",
    "unseen 23": "as unseen 20, with what the earlier ones showed mended; two more were left out"
    " that have no Python, notebook or R; 15 of its wrong moves are code in `src` that goes to"
    " `src/PACKAGE`, which the labels let stay and every earlier reading called right",
    "unseen 24": "planned with a new policy: data, models and results move with a question only,"
    " those that no edited code has a path to stay, and `src` stays, with one question, where no"
    " other code uses it; no file is of a kind `archive`; labelled before the plan was made; one"
    " more was left out, all of Ruby",
    "unseen 25": "as unseen 24, with what that showed mended; drawn at random from 473 repositories"
    " that had been fetched by name for another reading, and that nobody had planned; four more"
    " were refused, since they hold several projects, and one was left out that has no Python,"
    " notebook or R",
    "unseen 26": "as unseen 25, with what that showed mended, and drawn from the same 473; two more"
    " were refused, since they hold several projects, and two were left out that have no Python,"
    " notebook or R",
    "unseen 27": "as unseen 26, with what that showed mended, and drawn from the rest of the same"
    " repositories, by somebody who had not built the planner; the first 11 of a draw, as time"
    " ended before the others were planned; two more were refused, since they hold several"
    " projects, two were left out that have no Python, notebook or R, and one, since nearly"
    " all of its 79,854 files are a cache of packages",
    "unseen 28": "as unseen 27, with what that showed mended, and by another reader who had not"
    " built the planner; drawn with the seed 2828 from 577 stored repositories that had not been"
    " planned: the first 50 with Python, notebook or R and up to 400 files; two of these were"
    " refused, since they hold several projects (of one, a folder of tests was wrongly taken for a"
    " project); a move that the label allows with a question only is wrong without one",
    "unseen 29": "planned with one new rule: a folder of code at the root is one question, but for"
    " the project's own package, a folder that holds all the code, and names such as `src`, `apps`"
    " and `scripts`; by a third reader who had not built the planner, with the procedure of unseen"
    " 28: drawn with the seed 2929 from the stored repositories that had not been planned, the"
    " first 36 with Python, notebook or R and up to 400 files; none was refused; code that an"
    " image, a job or CI runs by its path or module, and code that reckons the root from"
    " `__file__`, may move with a question only by its label, and so may nine files of `src` in one"
    " repository that its `setup.py` installs from the root; one label was taken from a later rule"
    " of the frozen list, since an earlier one had caught a template by its suffix",
    "unseen 30": "planned with one more rule: code that an image, a host, a pipeline or CI runs by"
    " its path, that setup.py finds, or that finds the root from its own place is a question;"
    " by a fourth reader who had not built the planner, with the procedure of unseen 28: drawn with"
    " the seed 3030, the first 44; three of these were refused, since they hold several projects;"
    " by the planner of before this rule 114 of the same files move wrongly, and 13.1 % are asked"
    " about",
    "unseen 31": "as unseen 30, with nothing mended between, by a fifth and a sixth reader: drawn"
    " with the seed 3131, the first 44; three of these were refused, since they hold several"
    " projects; the labels of 1 to 14 were read once more by the sixth, who changed one of 235;"
    " by the planner of before this rule 76 of the same files move wrongly, and 13.3 % are asked"
    " about; mended after both: pages are asked about with their program, and classes that settings"
    " name count as run",
    "unseen 32": "planned with another rule: a folder of code moves with a question only, what"
    " stays is an offer and no question, and at the root what a host may run is asked about; by a"
    " seventh reader who had not built the planner, with the procedure and the instructions of"
    " unseen 28: drawn with the seed 3232, 44 repositories; none was refused",
    "unseen 33": "as unseen 32, with what that showed mended: folders of pages and of notebooks are"
    " asked about too, and 17 files of one editor's checkpoints are no settings; by an eighth"
    " reader; seed 3333, 44, of which three were refused, since they hold several projects or the"
    " project is a folder",
    "unseen 34": "as unseen 33, but a folder that only other code imports moved without a question,"
    " since unseen 33 was asked about too much; by a ninth reader; seed 3434, 44, of which two were"
    " refused",
    "unseen 35": "as unseen 34, with nothing mended between; by a tenth reader; seed 3535, 44, of"
    " which one was refused",
    "unseen 36": "as unseen 34, with nothing mended between; by an eleventh reader; seed 3636, 44,"
    " of which two were refused",
    "unseen 37": "as unseen 36, with what the three showed mended: all that a program imports"
    " counts as run with it, and a folder that something runs by its path, and that no code uses,"
    " stays; by a twelfth reader; seed 3737, 44, of which two were refused",
    "unseen 38": "as unseen 37, with nothing mended between; by a thirteenth reader; seed 3838, 44,"
    " of which one was refused",
    "unseen 39": "as unseen 38, with what the two showed mended: a folder that only other code"
    " imports is asked about after all, and so is what the table of a known template moves; by a"
    " fourteenth reader; seed 3939, 44, of which one was refused",
    "unseen 40": "as unseen 39, with nothing mended between; by a fifteenth reader; seed 4040, 44,"
    " of which one was refused",
    "unseen 41": "as unseen 40, with what the two showed mended: folders of scripts that no code"
    " uses stay, and pages move by a template's table unasked; by a sixteenth reader; seed 4141,"
    " 44, of which five were refused",
    "unseen 42": "as unseen 41, with nothing mended between; by a seventeenth reader; seed 4242,"
    " 44, of which two were refused as several projects, and one for a package whose name is in"
    " capitals, which was mended; mended as well: the class of tables in LaTeX, and of what lies in"
    " folders called bronze, silver and gold",
    "unseen 43": "as unseen 42, but what code has the path of where no edit can follow stays; by an"
    " eighteenth reader; seed 4343, 44, of which four were refused as several projects or a folder"
    " that is the project",
    "unseen 44": "as unseen 43, and a folder of code stays too of which one file would have to; by"
    " a nineteenth reader; seed 4444, all 32 that were left, of which one was refused as several"
    " projects",
}
BEFORE = tuple(f"unseen {number}" for number in range(5, 15))
MIDDLE = tuple(f"unseen {number}" for number in range(15, 20))
LATER = tuple(f"unseen {number}" for number in range(20, 24))
ASKED = tuple(f"unseen {number}" for number in range(24, 32))  # stored files are asked about
READERS = ASKED[4:]  # with labels that say which moves need a question
LATEST = tuple(f"unseen {number}" for number in range(32, 45))  # folders of code are asked about
CURRENT = LATEST[11:]  # of the planner as it is, but for one rule about folders of code
Z = 1.96
INTRODUCTION = """# Plans of public repositories, graded

`python -m benchmarks.adoption` writes this page from benchmarks/adoption.csv, where each row is a
file that was judged by reading the plan (template level `train`; level 2, or up to unseen 27 level
1, which moved the same files then). Whoever mended the planner judged, but for unseen 27 to 44.
A small repository was graded
whole, a larger one by 40 files drawn at random, by 25 from unseen 5 on, and by 20 from unseen
13 on. Files that the stored
copies of the repositories do not have, the largest ones, were left out. Brackets: the interval of
Wilson at 95 %, as if files were independent. They are not: one wrong rule hits a whole folder, so
the true intervals are wider.
"""
MEANINGS = """*Class right*: the kind is the file's. *Exact target*: an expert would put it there,
or leave it there. *Asked*: a question decides. *Wrong confident move*: without a question, to a
place that an expert would undo. The goals are 95 %, 80 %, 25 % and 1 %. *Questions*: how many
questions ask about the graded files; a question is about a folder or about files of one kind. A
package that is installed from the root of its repository may stay: both are right for it. Since
the labels are written beforehand, most of them let a file stay where it is as well as move to its
place. A plan that leaves more gets more targets right, so the exact target says little from unseen
24 on.

Up to unseen 23 a file could be of a kind `archive`, which is a place and no kind; the verdicts are
those of then.

Up to unseen 14 an image that people look at was a document or a result, and which of the two was
the most frequent mistake. Nobody who does not look at it can tell, and the edits are the same: it
is one class, `figure`, from unseen 15 on. Its place is judged as before.

## Each repository
"""


@dataclass(frozen=True)
class Graded:
    """One graded file. `verdict`: C, wrong class; T, wrong target; W, moved there unasked."""

    repository: str
    asked: bool
    verdict: str
    question: str = ""

    def __post_init__(self) -> None:
        if set(self.verdict) - set("CTW") or ("W" in self.verdict and "T" not in self.verdict):
            raise ValueError(f"{self.repository}: {self.verdict} is no verdict")
        if "W" in self.verdict and self.asked:
            raise ValueError(f"{self.repository}: a file that is asked about is not moved unasked")


@dataclass(frozen=True)
class Share:
    """How many of how many, with the interval of Wilson at 95 %."""

    count: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """Return both ends, in per cent."""
        if not self.total:
            return 0.0, 100.0
        share, n = self.count / self.total, self.total
        middle = share + Z * Z / (2 * n)
        wide = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        below, above = ((middle + sign * wide) / (1 + Z * Z / n) for sign in (-1, 1))
        return 100 * max(below, 0.0), 100 * min(above, 1.0)

    def __str__(self) -> str:
        if not self.total:
            return ""
        low, high = self.interval
        return f"{100 * self.count / self.total:.1f} % ({low:.1f} to {high:.1f})"


def read(path: Path = TABLE) -> dict[str, list[Graded]]:
    """Return the graded files of each set. Raises ValueError for a row that cannot be true."""
    found: dict[str, list[Graded]] = {name: [] for name in SETS}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["set"] not in found:
                raise ValueError(f"{row['set']} is no set of graded files")
            asked, question = bool(row["asked"]), row["asked"].removeprefix("yes")
            found[row["set"]].append(Graded(row["repository"], asked, row["verdict"], question))
    return found


def figures(graded: Iterable[Graded]) -> dict[str, Share]:
    """Return the four figures of graded files."""
    rows = list(graded)
    total = len(rows)
    marks = Counter(mark for row in rows for mark in row.verdict)
    return {
        "class right": Share(total - marks["C"], total),
        "exact target": Share(total - marks["T"], total),
        "asked": Share(sum(row.asked for row in rows), total),
        "wrong confident move": Share(marks["W"], total),
    }


def questions(rows: Iterable[Graded]) -> str:
    """Return how many questions ask about the graded files; nothing where no ids were kept."""
    found = {(row.repository, row.question) for row in rows if row.question}
    return str(len(found)) if found else ""


def table(sets: Mapping[str, list[Graded]]) -> list[str]:
    """Return the lines of the page's first table."""
    names = list(figures([]))
    lines = ["| files | repositories | without a wrong move | graded | " + " | ".join(names)
             + " | questions |",
             "| --- | ---: | ---: | ---: |" + " ---: |" * (len(names) + 1)]  # fmt: skip
    for name, rows in sets.items():
        many = len({row.repository for row in rows})
        wrong = len({row.repository for row in rows if "W" in row.verdict})
        cells = [*(str(share) for share in figures(rows).values()), questions(rows)]
        lines.append(
            f"| {name} | {many} | {many - wrong} | {len(rows):,} | " + " | ".join(cells) + " |"
        )
    return lines


def each_repository(sets: Mapping[str, list[Graded]]) -> list[str]:
    """Return the lines of the table of repositories."""
    lines = ["| repository | files | graded | class wrong | target wrong | asked | wrong moves |",
             "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for name, rows in sets.items():
        if name == "seen, before":
            continue
        for repository in sorted({row.repository for row in rows}, key=str.casefold):
            own = [row for row in rows if row.repository == repository]
            wrong = [sum(mark in row.verdict for row in own) for mark in "CTW"]
            asked = sum(row.asked for row in own)
            lines.append(f"| {repository} | {name} | {len(own)} | {wrong[0]} | {wrong[1]} |"
                         f" {asked} | {wrong[2]} |")  # fmt: skip
    return lines


def page(sets: Mapping[str, list[Graded]]) -> str:
    """Return benchmarks/adoption.md."""
    unseen = [row for name, rows in sets.items() if name.startswith("unseen") for row in rows]
    about = [f"* *{name}*: {text}." for name, text in SETS.items()]
    asked = [row for name in ASKED for row in sets[name]]
    readers = [row for name in READERS for row in sets[name]]
    latest = [row for name in LATEST for row in sets[name]]
    current = [row for name in CURRENT for row in sets[name]]
    before = [row for name in BEFORE for row in sets[name]]
    middle = [row for name in MIDDLE for row in sets[name]]
    later = [row for name in LATER for row in sets[name]]
    together = {
        "unseen 5 to 14": before, "unseen 15 to 19": middle, "unseen 20 to 23": later,
        "unseen 24 to 31": asked, "unseen 28 to 31": readers,
        "unseen 32 to 44": latest, "unseen 43 and 44": current,
        "unseen, all": unseen}  # fmt: skip
    first = table({**sets, **together})
    return "\n".join([INTRODUCTION, *about, "", *first, "", MEANINGS, *each_repository(sets), ""])


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(read()), encoding="utf-8")


if __name__ == "__main__":
    main()
