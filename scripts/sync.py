"""Write cookiecutter.json from copier.yml, the single source of truth (`make sync`).

And the pages of the roles from docs/roles.yaml: see role_pages.py.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from tdsp.questions import configuration, is_computed

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from scripts import role_pages  # noqa: E402

INNER = re.compile(r"\{\{(.*)\}\}", re.DOTALL)
STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}")
FIXED = {
    "_extensions": ["local_extensions.Copier"],
    "_directory": "{{ begin(cookiecutter).project_slug }}",
    "_copier_conf": {"answers_file": ".copier-answers.yml", "data": {}, "dst_path": ""},
    "_code_message": (
        "An answer must not contain code for a template engine (a curly brace before another "
        'one, "%" or "#"); write plain text.'
    ),
    "_choice_message": (
        "{name}: this value is not one of those offered, or it is worked out from the other "
        "answers and cannot be given."
    ),
}


class TemplateError(Exception):
    """copier.yml uses something that Cookiecutter could not follow."""


def condition(question: dict[str, Any]) -> str:
    """The Jinja expression that says whether a question is asked, "" if it always is.

    Raises TemplateError when `when` is anything but one expression in double braces.
    """
    if "when" not in question:
        return ""
    match = INNER.fullmatch(str(question["when"]).strip())
    if not match:
        raise TemplateError(f"`when: {question['when']}` must be one expression in double braces")
    return match.group(1).strip()


def asked(question: dict[str, Any]) -> str:
    """A template that renders to "True" if the question is asked."""
    return f"{{{{ {condition(question)} }}}}" if condition(question) else "True"


def choices(question: dict[str, Any]) -> dict[str, str]:
    """Value -> label, the default first: of a default that is worked out, that of a new project.

    copier.yml names that one first, and Cookiecutter makes nothing but new projects.
    """
    given = question["choices"]
    labels = {v: k for k, v in given.items()} if isinstance(given, dict) else {v: v for v in given}
    default = question["default"]
    return {default: labels[default], **labels} if default in labels else labels


def answer(question: dict[str, Any]) -> str | bool | list[str]:
    """What Cookiecutter takes for the question: a text, a boolean, or the choices."""
    if "choices" in question:
        return list(choices(question))
    value = question["default"]
    return value if isinstance(value, bool) else str(value)


def is_worked_out(question: dict[str, Any]) -> bool:
    """Whether a yes/no question has a default that other answers decide: a text to Cookiecutter."""
    return question["type"] == "bool" and isinstance(question["default"], str)


def prompt(question: dict[str, Any]) -> str | dict[str, str]:
    if "choices" not in question:
        return str(question["help"])
    return {"__prompt__": str(question["help"]), **choices(question)}


def check(name: str, question: dict[str, Any]) -> str:
    """A template that stops Cookiecutter with the validator's message, if it has one.

    Like Copier's it also runs for an answer to what was not asked.
    """
    return f"{{% filter refuse('{name}') %}}{question['validator']}{{% endfilter %}}"


def entries(name: str, question: dict[str, Any]) -> dict[str, Any]:
    """The lines of cookiecutter.json for one question, its check right behind it."""
    if is_computed(question):
        return {f"__{name}": question["default"]}
    checked = {f"__check_{name}": check(name, question)} if "validator" in question else {}
    return {name: answer(question), **checked}


def exclusions(lines: list[str]) -> str:
    """One template that renders to the paths that are left out, one a line.

    Raises TemplateError for a pattern: Cookiecutter's side compares whole paths only.
    """
    text = "\n".join(lines).strip()
    for line in STATEMENT.sub("", text).splitlines():
        path = line.strip()
        if path and (path[0] != "/" or set("*?[]!\\") & set(path)):
            raise TemplateError(f"`_exclude` takes paths from the root, no patterns: {path}")
    return text


def translate(config: dict[str, Any]) -> dict[str, Any]:
    """The content of cookiecutter.json for the content of copier.yml."""
    questions = {name: value for name, value in config.items() if not name.startswith("_")}
    open_ones = {name: value for name, value in questions.items() if not is_computed(value)}
    result = dict(FIXED)
    result["_yes_no"] = [name for name, value in questions.items() if is_worked_out(value)]
    for name, question in questions.items():
        result |= entries(name, question)
    result["__exclude"] = exclusions(config["_exclude"])
    result["__asked"] = {name: asked(value) for name, value in open_ones.items()}
    result["__prompts__"] = {name: prompt(value) for name, value in open_ones.items()}
    return result


def generated(root: Path) -> str:
    """The text that ROOT/cookiecutter.json must have."""
    return json.dumps(translate(configuration(root)), indent=2, ensure_ascii=False) + "\n"


def is_current(root: Path) -> bool:
    target = root / "cookiecutter.json"
    return target.is_file() and target.read_text(encoding="utf-8") == generated(root)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    if not parser.parse_args().check:
        (ROOT / "cookiecutter.json").write_text(generated(ROOT), encoding="utf-8", newline="\n")
        role_pages.write(ROOT)
        return 0
    pages = [path.relative_to(ROOT).as_posix() for path in role_pages.stale(ROOT)]
    if is_current(ROOT) and not pages:
        return 0
    for page in pages:
        print(f"{page} is not what {role_pages.SOURCE} makes it: run `make sync`.", file=sys.stderr)
    if not is_current(ROOT):
        print(
            "cookiecutter.json is not what copier.yml makes it: run `make sync`.", file=sys.stderr
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
