"""Hold the commands that documents name against those that the project has."""

import json
import re
import tomllib
from collections.abc import Iterator

import click
import typer.main
from tests.project.living import Project

from tdsp.cli import app

CODE = re.compile(r"(?ms)^```\w*\n(.*?)^```|`([^`\n]+)`")
QUOTED = re.compile(r'"[^"\n]*"')
CALL = re.compile(r"(?:poe|uv run|python -m|tdsp) [^\n&|;#(]+")
DUMP = """
import json, typer.main
from {module} import app
group = typer.main.get_command(app)
options = {{n: [o for p in c.params for o in (*p.opts, *p.secondary_opts)]
           for n, c in group.commands.items()}}
print(json.dumps(options))
"""
Options = dict[str, list[str] | None]  # command -> its options; None: those of another program


def known(project: Project) -> tuple[Options, Options]:
    """The tasks of poe and the commands of the package, as they are in the project."""
    own = dumped(project, f"{project.package}.cli")
    config = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    rollout = dumped(project, "deploy.rollout") if (project.root / "deploy").exists() else {}
    tasks: Options = {}
    for name, task in config["tool"]["poe"]["tasks"].items():
        words = task.get("cmd", "").split()
        module, command = [*words[2:4], "", ""][:2]
        tasks[name] = {project.package: own, "deploy.rollout": rollout}.get(module, {}).get(command)
    return tasks, own


def ours() -> Options:
    """The commands of tdsp, with their options."""
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    return {
        name: [option for parameter in command.params for option in parameter.opts]
        for name, command in group.commands.items()
    }


def dumped(project: Project, module: str) -> Options:
    found: Options = json.loads(project.run("python", "-c", DUMP.format(module=module)).stdout)
    return found


def calls(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and words of each command of ours in the code of a document."""
    for block in CODE.finditer(text):
        code = QUOTED.sub("TEXT", (block[1] or block[2]).replace("\\\n", "  "))
        first = text.count("\n", 0, block.start()) + (2 if block[1] else 1)
        for call in CALL.finditer(code):
            words = [word.strip("'`:,.") for word in call[0].split()]
            yield first + code.count("\n", 0, call.start()), words


def unknown(project: Project, tasks: Options, own: Options) -> Iterator[str]:
    """Say of each command that a document under docs/ names and that there is not, where."""
    for path in sorted((project.root / "docs").rglob("*.md")):
        for line, words in calls(path.read_text(encoding="utf-8")):
            for said in wrong(words, project.package, tasks, own):
                yield f"{path.relative_to(project.root).as_posix()}:{line}: {said}"


def wrong(words: list[str], package: str, tasks: Options, own: Options) -> Iterator[str]:
    while words[:2] in (["uv", "run"], ["python", "-m"]):
        words = words[2:]
    program, *rest = words
    table = {"poe": tasks, package: own, "tdsp": ours()}.get(program)
    if table is None or not rest or rest == ["--help"]:
        return
    name, *given = rest
    if name not in table:
        yield f"there is no `{program} {name}`"
    elif (options := table[name]) is not None:
        for word in given:
            if word.startswith("--") and word.split("=")[0] not in [*options, "--help"]:
                yield f"`{program} {name}` has no {word}"
