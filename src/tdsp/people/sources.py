"""The one reader of the YAML files that people edit, and the one writer of pages.

Each file has a pydantic model. An error names the file, the line and the place in it; all errors of
a file are reported at once. A file of another format is refused before anything is written.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from tdsp import __version__
from tdsp.errors import TdspError
from tdsp.people.project import Project

FORMAT = 1  # of all files that are read here; the key `format` at the top of each
Line = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f](.*\S)?$")]
Text = Annotated[str, Field(min_length=1)]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a key of this file",
    "model_type": "does not consist of `key: value`",
}


def _key(value: str) -> str:
    if not NAME.fullmatch(value):
        rule = "lower-case letters, digits and single dashes, and starts with a letter"
        raise ValueError(f"{value!r}: a name has {rule}")
    return value


Key = Annotated[str, AfterValidator(_key)]


class Part(BaseModel):
    """A part of a file. An unknown key is an error, so that a slip cannot hide."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """A second key of the same name is an error; PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"`{key.value}` stands here a second time"
                raise yaml.constructor.ConstructorError(
                    problem=problem, problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def faults(lines: list[str]) -> TdspError:
    """Return one error of several lines."""
    return TdspError("\n".join(lines))


def read(project: Project, name: str, model: type[P]) -> P:
    """Return what a file of the project says. Raises TdspError with every place that is wrong."""
    return parse(name, project.text(name), model, project.origin)


def parse(name: str, text: str, model: type[P], origin: str = "") -> P:
    """Return what a text says, as this model."""
    try:
        content = yaml.load(text, _Loader)  # noqa: S506  a safe loader, of this module
    except yaml.YAMLError as error:
        raise TdspError(f"{name} is not valid YAML: {_one_line(error)}") from None
    except RecursionError:
        raise TdspError(f"{name} is nested too deeply to be read") from None
    _check_format(name, content, origin)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        root = yaml.compose(text, _Loader)
        raise faults([_fault(name, root, dict(each)) for each in error.errors()]) from None


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{where}{' '.join(str(problem).split())}"


def _check_format(name: str, content: Any, origin: str) -> None:
    """Take the key `format` out. Raises TdspError when it is not the one that is known here."""
    given = content.pop("format", FORMAT) if isinstance(content, dict) else FORMAT
    if type(given) is not int or given < 1:
        raise TdspError(f"{name}: format is {given!r}, not a whole number such as {FORMAT}")
    if given > FORMAT:
        way = f"take a newer tdsp (`uv tool upgrade tdsp`){origin and f', or {origin}'}"
    elif given < FORMAT:
        way = f"bring the project up to date (`copier update`){origin and f', or {origin}'}"
    if given != FORMAT:
        raise TdspError(
            f"{name} has format {given}; tdsp {__version__} knows format {FORMAT}: {way}."
            " Nothing was written."
        )


def _fault(name: str, root: yaml.Node | None, error: dict[str, Any]) -> str:
    steps = [step for step in error["loc"] if step != "[key]"]
    place = ".".join(map(str, steps)) or "the file"
    message = PLAIN.get(error["type"], error["msg"].removeprefix("Value error, "))
    if error["type"] not in PLAIN and error["type"] != "value_error":
        message = f"{repr(error['input'])[:60]}: {message}"
    return f"{name}:{_line(root, steps)}: {place}: {message}"


def _line(node: yaml.Node | None, steps: list[Any]) -> int:
    """Return the line of the deepest step that is there."""
    line = node.start_mark.line + 1 if node else 1
    for step in steps:
        if isinstance(node, yaml.SequenceNode) and type(step) is int and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            pairs = [pair for pair in node.value if str(pair[0].value) == str(step)]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line


def unique(names: list[str], where: str) -> None:
    """Raise TdspError when a name stands there twice."""
    if double := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise faults([f"{where}: {name} is there twice" for name in double])


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode if path.exists() else None
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(mode if mode is not None else 0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def row(*cells: Any) -> str:
    """Return a row of a Markdown table; a text of several lines becomes one."""
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"


def head(*names: str) -> list[str]:
    """Return the first two rows of a Markdown table."""
    return [row(*names), row(*("---" for _ in names))]
