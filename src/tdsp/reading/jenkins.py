"""A Jenkinsfile as a workflow, as far as its text tells: it is a program, and is never run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tdsp.reading.workflows import Job, Step, Workflow
from tdsp.reading.yamls import Document

# Comments and texts are found together, since each may hold what looks like the other.
TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)"
    r"|'''(?:\\.|[^\\])*?(?:'''|\Z)"
    r'|"""(?:\\.|[^\\])*?(?:"""|\Z)'
    r"|'(?:\\.|[^'\\\n])*'?"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|[{}]",
    re.DOTALL,
)
BEFORE = re.compile(r"(\w+)\s*(?:\([^(){}]*\))?\s*$")
SCRIPT = re.compile(r"\b(sh|bat|powershell|pwsh)\s*(?:\(\s*)?(?:\[?\s*\w+\s*:[^{}]*?)?$")
IMAGE = re.compile(r"(?:\bimage\s*\(?|\.image\(|\bdocker)\s*$")
NAMED = re.compile(r"\b(?:label|name)\s*:\s*$")
STATUS = re.compile(r"\breturnStatus\s*:\s*true\b")
INPUT = re.compile(r"(?:^|[\s;{])input(?:\s*\(|\s+\w+\s*:|\s*$)")
NEAR, MOST = 200, 1000  # characters before a sign; scripts of one file
SOFT = frozenset({"catchError", "warnError"})


@dataclass(slots=True)
class _Block:
    """A pair of braces that is open: the word before it, and the name in its brackets."""

    word: str
    name: str
    line: int


def read(path: str, text: str) -> Workflow:
    """Return the stages of a Jenkinsfile as jobs, with the scripts of each."""
    return Workflow(
        path, "jenkins", tuple(_Reader(path, text).jobs()), _triggers(text), None,
        Document(path, None), text,
    )  # fmt: skip


def _triggers(text: str) -> frozenset[str]:
    found = {"push"}
    if re.search(r"\b(cron|parameterizedCron)\s*\(", text):
        found.add("schedule")
    return frozenset(found)


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.blocks: list[_Block] = []
        self.steps: dict[tuple[str, int], list[Step]] = {}
        self.images: dict[tuple[str, int], tuple[str, int]] = {}
        self.manual: set[tuple[str, int]] = set()
        self.line, self.seen, self.count = 1, 0, 0
        self.name = ""

    def jobs(self) -> Iterator[Job]:
        """Yield the stages that run something, in the order of the file."""
        start = brace = 0
        for match in TOKEN.finditer(self.text):
            self.line += self.text.count("\n", self.seen, match.start())
            self.seen = match.start()
            # What stands right before it is enough, and keeps a file without signs cheap.
            word, code = match[0], self.text[max(start, match.start() - NEAR) : match.start()]
            if INPUT.search(code):
                self.manual.add(self._stage())
            if word == "{":
                self._open(self.text[max(brace, match.start() - NEAR) : match.start()])
            elif word == "}":
                self.blocks = self.blocks[:-1]
            elif word[0] in "'\"" and self.count < MOST:
                self._text(code, word, match.end())
            start = match.end()
            brace = start if word in "{}" else brace
        for place, steps in self.steps.items():
            image, line = self.images.get(place, self.images.get(("", 0), ("", 1)))
            yield Job(
                self.path, place[1] or 1, place[0], tuple(steps), image=image, image_line=line,
                manual=place in self.manual or ("", 0) in self.manual,
            )  # fmt: skip

    def _stage(self) -> tuple[str, int]:
        found = next((each for each in reversed(self.blocks) if each.word == "stage"), None)
        return (found.name, found.line) if found else ("", 0)

    def _open(self, code: str) -> None:
        match = BEFORE.search(code)
        word = match[1] if match else ""
        if self.name:
            self.blocks.append(_Block("stage", self.name, self.line))
        else:
            self.blocks.append(_Block(word, "", self.line))
        self.name = ""

    def _text(self, code: str, quoted: str, end: int) -> None:
        inside = _unquoted(quoted)
        if re.search(r"\bstage\s*\(?\s*$", code):
            self.name = inside or "stage"
        elif IMAGE.search(code):
            self.images.setdefault(self._stage(), (inside, self.line))
        elif (match := SCRIPT.search(code)) and not NAMED.search(code):
            self._script(match[1], quoted, inside, self.text[end : end + 80], code)

    def _script(self, shell: str, quoted: str, inside: str, after: str, code: str) -> None:
        rest = after.split("\n")[0].split(")")[0]
        status = STATUS.search(rest) or STATUS.search(code[code.rfind(shell) :])
        soft = next((each.word for each in self.blocks if each.word in SOFT), "")
        # What a script does with the status, or with what is caught, only a run can tell.
        said = "returnStatus: ?" if status else f"{soft}: ?" if soft else ""
        # The first line of a long text that begins with a new line is the next line of the file.
        first = 1 if quoted[:3] in {"'''", '"""'} and inside.startswith("\n") else 0
        step = Step(
            self.path, self.line, "", inside[first:], self.line + first, soft=said,
            soft_line=self.line, shell=shell,
        )  # fmt: skip
        self.steps.setdefault(self._stage(), []).append(step)
        self.count += 1


def _unquoted(quoted: str) -> str:
    mark = quoted[:3] if quoted[:3] in {"'''", '"""'} else quoted[0]
    inside = quoted[len(mark) :]
    inside = inside.removesuffix(mark)
    return re.sub(r"\\(['\"\\$])", r"\1", inside)
