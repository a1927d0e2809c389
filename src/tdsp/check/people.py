"""People and documents: who owns it, what is written down, what has expired."""

import datetime
import re
from collections.abc import Iterator
from itertools import chain

import tdsp
from tdsp.check.ci import deploys, front
from tdsp.check.kind import kind
from tdsp.check.purpose import teaches
from tdsp.check.records import records
from tdsp.check.rule import Mark, at, check
from tdsp.reading import Repository

CI = ".github/workflows/ci.yml"
DEPLOY = (
    "on: push\njobs:\n  d:\n    runs-on: ubuntu-24.04\n    steps:\n      - run:"
    " kubectl apply -f k8s\n"
)


@check(
    "PR01",
    family="people",
    title="Somebody owns it",
    why="When nobody is named, nobody answers: for a pull request, an alarm, a question of"
    " a customer.",
    fix="Write CODEOWNERS, or docs/roles.yaml for `tdsp roles`; at least name an author.",
    unless="",
    severity="note",
    proves=("S1",),
    bad={"a.py": "x = 1\n"},
    good={"CODEOWNERS": "* @team\n"},
)
def owner(repo: Repository) -> Iterator[Mark]:
    """Look for owners in the files that code hosts and catalogues read; an example's is nobody."""
    named = [*_owners(repo)]
    empty = next((path for path in OWNERS[:3] if path in repo.files), "")
    if empty and not named:
        yield at(repo, "fail", empty, 1, "the file names nobody")
        return
    example: tuple[str, int] | None = None
    for path, line, text in chain(named, _authors(repo)):
        if not nobody(text):
            yield at(repo, "held", path, line, "it names who answers for it")
            return
        example = example or (path, line)
    if example:
        yield at(repo, "unknown", *example, "its address is an example's: ask who owns it")
    elif repo.files:
        yield at(repo, "fail", front(repo), 1, "no file says who owns this repository")


OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
NAMING = (
    *("docs/roles.yaml", "catalog-info.yaml", "MAINTAINERS", "MAINTAINERS.md", "OWNERS"),
    *("AUTHORS", "AUTHORS.md", "AUTHORS.rst", "AUTHORS.txt"),
)
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
RESERVED = re.compile(r"(.*\.)?example(\.(com|org|net))?")  # no one's, by RFC 2606


def nobody(text: str) -> bool:
    """Tell whether all addresses of a text are of domains that are reserved for examples."""
    domains = ADDRESS.findall(text)
    return bool(domains) and all(RESERVED.fullmatch(each) for each in domains)


def _owners(repo: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield where owners are named, and with which words."""
    for path in OWNERS:
        for number, line in enumerate(repo.text(path).splitlines(), 1):
            if re.match(r"\s*[^#\s]\S*\s+\S*@\S+", line):
                yield path, number, line
    for path in NAMING:
        if (text := repo.text(path)).strip():
            yield path, 1, text


AUTHOR = re.compile(
    r"(?im)^#+ \W*(auteurs?|autor(es)?|authors?|maintainers?|maintained by|contacts?|"
    r"contact (me|us)|team|credits|"
    r"about (me|the author)|developers?|contributors?|owners?|how to reach me|created by)\b|"
    r"^(\*\*|[-*] )\W*(authors?|team members?|maintainers?|maintained by|contacts?|created by|"
    r"owners?)\b|"
    r"\b(reali[sz]ed by|connect with me)\b|^[-*] \W*(github|linkedin)\W+https?:|"
    r"(?-i:\b([Aa]uthor:|[Mm]aintained by|[Bb]uilt by)( the)? [A-Z][\w.-]+ [A-Z])|"
    r"^member \d|^(?-i:author:? *\"?[A-Z]|Authors?\n{1,3}[A-Z][a-z]+ [A-Z])|"
    r"\b(author|maintain(er|ed)|contact|responsible|(created|developed|built|made)"
    r"( with \S+)? by)\b"
    r"[^\n]{0,60}(@|\bgithub\.com/|linkedin\.com/)|[\w.+-]+@[\w-]+\.[a-z]{2,}"
)
PACKAGE = re.compile(
    r"(?m)^\s*(author|authors|maintainer)s?(_email)?\s*=\s*(\[[^\]]{1,500}|[\"'\w{])"
)
# In the words of the MIT and BSD licences; the text of the others names their own authors.
HOLDER = re.compile(r"(?m)^Copyright \([cC]\) \d{4}[\d, -]* (?!Free Software|The |<|\[)[A-Z]")
AUTHORS = (
    (r"(?i)(readme|contributing|authors|contributors)(\.\w+)?", AUTHOR),
    (r"(.*/)?(setup\.(py|cfg)|pyproject\.toml)", PACKAGE),
    (r"(?i)licen[cs]e(\.\w+)?", HOLDER),
    (r"(.*/)?DESCRIPTION", re.compile(r"(?m)^(Maintainer|Authors?(@R)?):\s*\S")),
    (r"(?!.*test).*\.py", re.compile(r"(?m)contact\s*=\s*\{|^__(author|email)__\s*=")),
)


def _authors(repo: Repository) -> Iterator[tuple[str, int, str]]:
    """Yield where an author, a maintainer or an address stands: who is asked when it breaks."""
    for pattern, named in AUTHORS:
        for file in repo.named(pattern):
            text = file.text or ""
            for match in named.finditer(text):
                rest = text[match.end() :].split("\n", 1)[0]
                yield file.path, text.count("\n", 0, match.start()) + 1, match[0] + rest


@check(
    "PR02",
    family="people",
    title="What only people know is written down",
    why="An open question in a document is a decision that someone will make without knowing it.",
    fix="Answer it, or say who will: `tdsp docs` lists all.",
    unless="no document has an open question in the template's form",
    severity="note",
    proves=(),
    bad={
        "docs/charter.md": "# Charter\n\nSuccess is [open: which figure, and from when?]\n",
        "reports/metrics.json": '{"roc_auc": 0.83}\n',
    },
    good={"docs/charter.md": "# Charter\n\nSuccess is 100 fewer leavers a month.\n"},
)
def open_questions(repo: Repository) -> Iterator[Mark]:
    """Count open questions in documents; they are due once a model was trained.

    A charter without one is evidence.
    """
    counted: list[tuple[str, int, int]] = []
    for path, file in repo.files.items():
        if file.suffix != ".md" or not path.startswith("docs/") or not file.text:
            continue
        lines = [n for n, line in enumerate(file.text.splitlines(), 1) if "[open: " in line]
        if lines and "`[open:" not in file.text:
            counted.append((path, lines[0], len(lines)))
        elif re.search(r"(charter|purpose|problem|business)[^/]*\.md$", path):
            yield at(repo, "held", path, 1)
    if counted:
        path, line, _ = max(counted, key=lambda each: each[2])
        total, pages = sum(each[2] for each in counted), len(counted)
        message = f"{total} lines in {pages} documents wait for an answer; here are the most"
        yield at(repo, "fail" if records(repo) else "unknown", path, line, message)


@check(
    "PR03",
    family="people",
    title="A runbook says what to do when it fails",
    why="At night, the person on call is not the one who wrote it.",
    fix="Write one page: how to see that it is broken, how to go back, whom to call.",
    unless="CI deploys nothing, or this is a lesson",
    severity="info",
    proves=(),
    bad={CI: DEPLOY},
    good={CI: DEPLOY, "docs/runbook.md": "# Runbook\n\nRoll back: helm rollback\n"},
)
def runbook(repo: Repository) -> Iterator[Mark]:
    """Look for a page of operation where CI deploys."""
    found = deploys(repo)
    if not found or teaches(repo):
        return
    pages = repo.named(
        r"(?i)(.*/)?[^/]*(runbook|incident|on[-_]?call|operations?|playbook|rollback|troubleshoot)[^/]*(/.*)?\.(md|rst)"
    )
    heading = re.compile(r"(?im)^#+ .*(troubleshoot|runbook|incident|roll ?back|on[- ]call)")
    said = [p for p, f in repo.files.items() if f.suffix == ".md" and heading.search(f.text or "")]
    if pages or said:
        yield at(repo, "held", pages[0].path if pages else said[0], 1)
    else:
        yield at(
            repo,
            "fail",
            found[0][0].path,
            found[0][1],
            "it deploys, and no page says what to do when it fails",
        )


LICENSED = re.compile(
    r"(?im)^#+ .*(licen[cszç]|lizenz)|^licen[cs]e:?\n([-=]{3}|\n*[A-Z])|"
    r"\blicen[cs]e:\W{0,4}\w|/licen[cs]e-\w|"
    r"\blicen[cs]ed under\b|\b(MIT|Apache|BSD|GPL)[\w. -]{0,8} licen[cs]e\b"
)


@check(
    "PR04",
    family="people",
    title="A licence says what others may do",
    why="Without one nobody may use it, not even another team of a public project.",
    fix="Add a LICENSE file; in a company, the one line that its rules ask for.",
    unless="",
    severity="note",
    proves=(),
    bad={"a.py": "x = 1\n"},
    good={"LICENSE": "MIT License\n\nCopyright\n"},
)
def licence(repo: Repository) -> Iterator[Mark]:
    """Look for a licence file, or a statement in pyproject.toml or DESCRIPTION."""
    files = repo.named(r"(?i)(licen[cs]e|copying|unlicense)[^/]*|(.*/)?[^/]*[_-]licen[cs]e\.\w+")
    if files:
        yield at(repo, "held", files[0].path, 1)
        return
    pyproject = repo.toml.get("pyproject.toml", {})
    tool = pyproject.get("tool")
    tables = [pyproject.get("project"), tool.get("poetry") if isinstance(tool, dict) else None]
    if any(isinstance(table, dict) and table.get("license") for table in tables):
        yield at(repo, "held", "pyproject.toml", 1)
    elif re.search(r"(?m)^License:\s*\S", repo.text("DESCRIPTION")):
        yield at(repo, "held", "DESCRIPTION", 1, "the package of R names it")
    elif repo.files:
        path = front(repo)
        said = LICENSED.search(repo.text(path))
        setups = repo.text("setup.py") + repo.text("setup.cfg") + repo.text("package.json")
        setup = re.search(r"(?m)^\s*\"?license\"?\s*[=:]|License ::", setups)
        below = repo.named(r"(?i).*/licen[cs]e(\.\w+)?")
        nested = [each for each in below if "site-packages" not in each.path]
        if setup or nested:
            where = nested[0].path if nested else "setup.py"
            yield at(repo, "unknown", where, 1, "a licence of a part, or in a word")
        elif said:
            line = repo.text(path).count("\n", 0, said.start()) + 1
            yield at(repo, "unknown", path, line, "the README speaks of a licence; no file has it")
        else:
            yield at(repo, "fail", path, 1, "there is no licence")


@check(
    "TP02",
    family="people",
    title="No merge was left half done",
    why="A conflict that was committed is broken code or a broken setting, and the update"
    " is not in it.",
    fix="Solve it: look for <<<<<<< and for files that end in .rej.",
    unless="",
    severity="note",
    proves=(),
    bad={"a.txt": "<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n"},
    good={"a.txt": "a\n"},
)
def half_merged(repo: Repository) -> Iterator[Mark]:
    """Search all texts for both marks of a conflict, and names that end in .rej."""
    found = False
    for path, file in repo.files.items():
        if repo.role(path) in {"test", "vendored"}:
            continue
        if (
            file.suffix == ".rej"
            and file.text
            and file.text.startswith(("---", "diff", "***", "@@"))
        ):
            found = True
            yield at(repo, "fail", path, 1, "what an update could not apply was left here")
        if line := _conflict(file.text or ""):
            found = True
            if file.suffix not in {".md", ".rst"}:
                yield at(repo, "fail", path, line, "a conflict of a merge stands here")
            else:
                yield at(repo, "unknown", path, line, "a conflict, or a text about one")
    if not found and repo.files:
        yield at(repo, "held", front(repo), 1, "no marks of a conflict")


def _conflict(text: str) -> int:
    """Return the line of a conflict: its three marks in order, each at the start of a line."""
    if "<<<<<<< " not in text:
        return 0
    start, middle = 0, False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("<<<<<<< "):
            start, middle = number, False
        elif line.rstrip() == "=======" and start:
            middle = True
        elif line.startswith(">>>>>>> ") and middle:
            return start
    return 0


@check(
    "TP03",
    family="people",
    title="Nothing that the project pins has expired",
    why="What is past its end gets no fixes, or stops without a warning.",
    fix="Move to the successor that expiry.yaml names, and change the date there.",
    unless="there is no expiry.yaml",
    severity="note",
    proves=("O1",),
    bad={"expiry.yaml": "pins:\n  - what: Python 3.8\n    until: 2024-10-07\n"},
    good={"expiry.yaml": "pins:\n  - what: Python 3.14\n    until: 2030-10-31\n"},
)
def expired(repo: Repository) -> Iterator[Mark]:
    """Compare the dates of expiry.yaml with today."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    text = repo.text("expiry.yaml")
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        match = re.search(r"\b(ends?|until|end|expires|eol)[\"']?:\s*[\"']?(\d{4}-\d\d-\d\d)", line)
        if match:
            try:
                date = datetime.date.fromisoformat(match[2])
            except ValueError:
                continue
            if date < today:
                yield at(repo, "fail", "expiry.yaml", number, f"its end was {date}")
            else:
                yield at(repo, "held", "expiry.yaml", number)


RELEASE = re.compile(r"v?(\d+)\.(\d+)(\.\d+)?(-\d+-g[0-9a-f]+)?")
ANSWERS = "_commit: {}\n_src_path: gh:example/tdsp\npackage_name: churn\nlevel: train\n"


@check(
    "TP01",
    family="people",
    title="The project follows its template",
    why="What the template has mended since then is still broken here, and the later the update,"
    " the more there is to merge.",
    fix="Run `copier update`, and look at what it changes.",
    unless="the project is not made from a template",
    severity="note",
    bad={".copier-answers.yml": ANSWERS.format("v0.0.1")},
    good={".copier-answers.yml": ANSWERS.format(f"v{tdsp.__version__}")},
)
def template_behind(repo: Repository) -> Iterator[Mark]:
    """Compare the version in the answers file with that of this tdsp; no network is asked."""
    path, answers = repo.answers
    if not path:
        return
    line = repo.yaml[path][0].line("_commit")
    made = RELEASE.fullmatch(str(answers.get("_commit", "")))
    known = RELEASE.match(tdsp.__version__)
    if kind(repo) != "tdsp":
        ask = "cruft check" if path == ".cruft.json" else "copier check-update"
        message = f"the releases of this template are not known here: `{ask}` asks for them"
        yield at(repo, "unknown", path, line, message)
    elif made is None or known is None:
        yield at(repo, "unknown", path, line, "it is made from a commit that is no release")
    elif (int(made[1]), int(made[2])) < (int(known[1]), int(known[2])):
        message = f"made with {made[0]}; this tdsp is of {tdsp.__version__}"
        yield at(repo, "fail", path, line, message)
    else:
        yield at(repo, "held", path, line, f"this tdsp knows nothing newer than {made[0]}")
