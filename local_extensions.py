"""Cookiecutter sees the flat names, the filters and the rules that Copier has.

Cookiecutter loads this from its temporary copy of the repository. Every rule comes from
cookiecutter.json, which is generated from copier.yml: nothing here knows a question.
"""

import atexit
import glob
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from cookiecutter.prompt import YesNoPrompt
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.utils import missing
from rich.prompt import InvalidResponse

CODE = re.compile(r"\{[{%#]")


class FlatContext(Context):
    """Looks up `name`, then `cookiecutter.name`, then the computed `cookiecutter.__name`."""

    def resolve_or_missing(self, key: str) -> Any:
        value = super().resolve_or_missing(key)
        answers = super().resolve_or_missing("cookiecutter") if value is missing else missing
        if answers is missing:
            return value
        found = answers.get(key, answers.get(f"__{key}", missing))
        return truth(found) if key in answers.get("_yes_no", ()) else found


class Copier(Extension):
    """What a template may use of Copier, and the checks before anything is written."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.context_class = FlatContext
        environment.filters.update(FILTERS)
        environment.globals["begin"] = self.begin
        self.repository = repository()
        self.config = json.loads((self.repository / "cookiecutter.json").read_text("utf-8"))
        self.known = set(texts(self.config))
        self.trusting = False
        atexit.register(remove_copy, self.repository)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Cookiecutter renders what the user types after the command: only run our own code."""
        if not self.trusting and source not in self.known and CODE.search(source):
            refuse(self.config["_code_message"])
        return source

    @pass_context
    def begin(self, context: Context, answers: dict[str, Any]) -> dict[str, Any]:
        """Runs before the project's folder is made; raises SystemExit when an answer is bad.

        The questions were not asked, or a computed value was given, if the answers come from
        a replay file or the command line: so everything is worked out again and compared.
        """
        for name, raw in self.config.items():
            if not self.is_sound(name, raw, answers):
                refuse(self.config["_choice_message"].format(name=name))
        self.trusting = True
        answers |= {n: truth(answers[n]) for n in self.config["_yes_no"] if n in answers}
        self.leave_out(context, answers)
        answers["_copier_answers"] = recorded(answers)
        return answers

    def is_sound(self, name: str, raw: Any, answers: dict[str, Any]) -> bool:
        """Whether an answer has the form, and a computed value the content, that it must have."""
        if name == "__prompts__":
            return True
        if name.startswith("__"):
            return name in answers and bool(answers[name] == self.render(raw, answers))
        if name.startswith("_"):
            return name in answers and bool(answers[name] == raw)
        if name in self.config["_yes_no"]:
            return isinstance(truth(answers.get(name)), bool)
        if isinstance(raw, list):
            return answers.get(name) in raw
        return isinstance(answers.get(name), type(raw))

    def render(self, raw: Any, answers: Mapping[str, Any]) -> Any:
        if isinstance(raw, dict):
            return {key: self.render(text, answers) for key, text in raw.items()}
        return self.environment.from_string(raw).render(cookiecutter=answers)

    def leave_out(self, context: Context, answers: dict[str, Any]) -> None:
        """Delete from the temporary copy what the answers leave out of the project."""
        root = self.repository / self.config["_directory"]
        unwanted = {line.strip().strip("/") for line in answers["__exclude"].splitlines()} - {""}
        for path in sorted(root.rglob("*")):
            if self.render(path.relative_to(root).as_posix(), answers) not in unwanted:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # a folder above it may be left out as well


def truth(answer: Any) -> Any:
    """The boolean that an answer to a yes/no question is; another text as it is.

    Where the default is worked out from other answers, the question is a text to Cookiecutter.
    """
    try:
        return YesNoPrompt().process_response(str(answer))
    except InvalidResponse:
        return answer


def recorded(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers file's content, as Copier has it: only what was asked."""
    typed = answers["_template"]
    known = os.path.exists(typed) or ":" in typed
    source = os.path.abspath(typed) if os.path.exists(typed) else typed
    kept = {name: answers[name] for name, asked in answers["__asked"].items() if asked == "True"}
    commit = {"_commit": answers["_commit"]} if "_commit" in answers else {}
    return {**commit, "_src_path": source if known else answers.get("_origin", typed), **kept}


def repository() -> Path:
    """Where Cookiecutter's copy of this repository is: it appends that to the import path."""
    return next(
        Path(entry).absolute()
        for entry in [*reversed(sys.path), str(Path(__file__).parent)]
        if Path(entry, "cookiecutter.json").is_file()
    )


def remove_copy(repository: Path) -> None:
    """Cookiecutter leaves its temporary copy, or an empty folder, behind."""
    holder = repository.parent
    if holder.parent == Path(tempfile.gettempdir()) and holder.name.startswith("cookiecutter"):
        shutil.rmtree(holder, ignore_errors=True)


def refuse(message: str, name: str = "") -> str:
    """Stop before anything is written; as a filter, let an empty message pass."""
    if not message.strip():
        return ""
    told = " ".join(message.split())
    print(f"{name}: {told}" if name else told, "Nothing was written.", sep="\n", file=sys.stderr)
    remove_copy(repository())
    raise SystemExit(1)


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def regex_search(text: str, pattern: str) -> str | None:
    found = re.search(pattern, text)
    return found.group() if found else None


def regex_replace(text: str, pattern: str, replacement: str) -> str:
    return re.sub(pattern, replacement, text)


def to_nice_yaml(value: Any, width: int) -> str:
    text: str = yaml.dump(
        value, indent=4, allow_unicode=True, default_flow_style=False, width=width
    )
    return text


FILTERS = {
    "expanduser": os.path.expanduser,
    "fileglob": glob.glob,  # asked by Copier alone, which knows where a project is
    "realpath": os.path.realpath,
    "refuse": refuse,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "to_nice_yaml": to_nice_yaml,
}
