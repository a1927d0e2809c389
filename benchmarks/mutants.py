"""The same mistake in other forms: rewrites of each check's bad example that must fail as well.

A rewrite keeps what the code does: other names, other imports, a function around it, another CI
system, another place. What it cannot apply to, it leaves out; so each check has its own number.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from benchmarks.forms import FORMS, Texts

Rewrite = Callable[[Texts], Texts | None]


class _Renamed(ast.NodeTransformer):
    """Give names others; attributes, keywords and what is imported keep theirs."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename one use."""
        node.id = self.names.get(node.id, node.id)
        return node


def _python(change: Callable[[ast.Module], ast.Module | None]) -> Rewrite:
    """Make a rewrite of one that changes a tree; texts that do not parse stay."""

    def rewrite(texts: Texts) -> Texts | None:
        found = dict(texts)
        for path, text in texts.items():
            if path.endswith(".py") and "# Databricks" not in text:
                try:
                    tree = change(ast.parse(text))
                except SyntaxError:
                    continue
                if tree is not None:
                    found[path] = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        return found if found != texts else None

    return rewrite


def _renamed(tree: ast.Module) -> ast.Module:
    stored = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return _Renamed({name: f"{name}_2" for name in stored}).visit(tree)  # type: ignore[no-any-return]


def _aliased(tree: ast.Module) -> ast.Module:
    """Import everything under another name."""
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for each in node.names:
                if "." in each.name and not each.asname and isinstance(node, ast.Import):
                    continue
                old = each.asname or each.name
                each.asname = names[old] = f"own_{old.lower()}"
    return _Renamed(names).visit(tree)  # type: ignore[no-any-return]


def _dotted(tree: ast.Module) -> ast.Module:
    """Import modules in place of what is in them: `from a.b import C` becomes `import a.b`."""
    names: dict[str, str] = {}
    for number, node in enumerate(tree.body):
        plain = isinstance(node, ast.ImportFrom) and node.module and not node.level
        if plain and isinstance(node, ast.ImportFrom) and "." in str(node.module):
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
            tree.body[number] = ast.Import([ast.alias(str(node.module))])
    return _Renamed(names).visit(tree)  # type: ignore[no-any-return]


def _in_function(tree: ast.Module) -> ast.Module | None:
    """Put the statements of a script into `main`, and call it."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    moved = [node for node in tree.body if not isinstance(node, kept)]
    rest = [node for node in tree.body if isinstance(node, kept)]
    used = {n.id for each in rest for n in ast.walk(each) if isinstance(n, ast.Name)}
    made = {n.id for each in moved for n in ast.walk(each) if isinstance(n, ast.Name)
            and isinstance(n.ctx, ast.Store)}  # fmt: skip
    if not moved or used & made:
        return None
    [main, call] = ast.parse("def main():\n    pass\n\n\nmain()\n").body
    if isinstance(main, ast.FunctionDef):
        main.body = moved
    return ast.Module([*rest, main, call], [])


def _in_two_steps(tree: ast.Module) -> ast.Module:
    """Give what a function is called with a name of its own, one line before."""
    for node in ast.walk(tree):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if isinstance(body, list):
                _split(body)
    return tree


def _split(body: list[ast.stmt]) -> None:
    for number in range(len(body) - 1, -1, -1):
        node = body[number]
        call = node.value if isinstance(node, ast.Assign | ast.Expr | ast.Return) else None
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Call):
            name = f"step_{number}"
            step = ast.Assign([ast.Name(name, ast.Store())], call.args[0])
            call.args[0] = ast.Name(name, ast.Load())
            body.insert(number, step)


def _among_code(tree: ast.Module) -> ast.Module:
    """Put code around it that has nothing to do with it."""
    before = ast.parse(
        "import textwrap\n\n\ndef shorten(text):\n    return textwrap.shorten(text, 9)\n"
    )
    first = 1 if tree.body and isinstance(tree.body[0], ast.Expr) else 0
    futures = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    rest = [node for node in tree.body[first:] if node not in futures]
    return ast.Module([*tree.body[:first], *futures, *before.body, *rest], [])


def as_notebook(texts: Texts) -> Texts | None:
    """Write a script as a notebook of one cell a statement."""
    paths = [path for path in texts if path.endswith(".py")]
    if len(paths) != 1 or len(texts) != 1:
        return None
    text = texts[paths[0]]
    cells = [
        {"cell_type": "code", "execution_count": n, "metadata": {}, "outputs": [],
         "source": (ast.get_source_segment(text, node) or "").splitlines(keepends=True)}
        for n, node in enumerate(ast.parse(text).body, 1)
    ]  # fmt: skip
    kernel = {"kernelspec": {"language": "python", "name": "python3", "display_name": "p"}}
    book = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    return {"work.ipynb": json.dumps(book, indent=1)}


def _in_a_folder(texts: Texts) -> Texts | None:
    """Move the one script into a package."""
    paths = [path for path in texts if path.endswith(".py")]
    if len(paths) != 1 or "/" in paths[0]:
        return None
    return {(f"src/churn/{p}" if p == paths[0] else p): text for p, text in texts.items()}


def _workflows(texts: Texts) -> list[str]:
    return [path for path in texts if path.startswith(".github/workflows/")]


def _edited(pattern: str, new: str) -> Rewrite:
    """Make a rewrite of workflows of a regular expression."""

    def rewrite(texts: Texts) -> Texts | None:
        found = dict(texts)
        for path in _workflows(texts):
            found[path] = re.sub(pattern, new, texts[path])
        return found if found != texts else None

    return rewrite


def _other_file(texts: Texts) -> Texts | None:
    paths = _workflows(texts)
    return {(p.replace(p.rsplit("/")[-1], f"own-{n}.yaml") if p in paths else p): t
            for n, (p, t) in enumerate(texts.items())} if paths else None  # fmt: skip


def _on(host: str) -> Rewrite:
    """Make a rewrite of GitHub's workflows as those of another CI system."""

    def rewrite(texts: Texts) -> Texts | None:
        paths = _workflows(texts)
        if len(paths) != 1:
            return None
        data = yaml.load(texts[paths[0]], Loader=yaml.BaseLoader)  # noqa: S506
        jobs = list(data["jobs"].items())
        if any("run" not in step for _, job in jobs for step in job.get("steps", [{}])):
            return None
        rest = {path: text for path, text in texts.items() if path not in paths}
        path = ".gitlab-ci.yml" if host == "gitlab" else "azure-pipelines.yml"
        made = _gitlab(jobs) if host == "gitlab" else _azure(jobs, data)
        return {**rest, path: yaml.safe_dump(made, sort_keys=False)}

    return rewrite


def _gitlab(jobs: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, job in jobs:
        steps: list[dict[str, Any]] = job["steps"]
        soft = any(str(each.get("continue-on-error")) == "true" for each in [job, *steps])
        one: dict[str, Any] = {"script": [step["run"] for step in steps]}
        one |= {"allow_failure": True} if soft else {}
        one |= {"environment": job["environment"]} if "environment" in job else {}
        made[f"{name}-job"] = one
    return made


def _azure(jobs: list[tuple[str, dict[str, Any]]], data: dict[str, Any]) -> dict[str, Any]:
    made = []
    for name, job in jobs:
        steps: list[dict[str, Any]] = job["steps"]
        given = []
        for step in steps:
            soft = "true" in (str(step.get("continue-on-error")), str(job.get("continue-on-error")))
            given.append({"bash": step["run"], **({"continueOnError": True} if soft else {})})
        made.append({"job": name, "pool": {"vmImage": job.get("runs-on")}, "steps": given})
    when = data.get("on")
    if when == "workflow_dispatch":
        return {"trigger": "none", "jobs": made}
    if isinstance(when, dict) and "schedule" in when:
        return {"schedules": when["schedule"], "trigger": "none", "jobs": made}
    return {"trigger": ["main"], "jobs": made}


def _with_ends(texts: Texts) -> Texts | None:
    found = {path: text.replace("\n", "\r\n") for path, text in texts.items()}
    return found if found != texts else None


def _with_mark(texts: Texts) -> Texts | None:
    """Begin each text with a byte order mark; what is no text has none."""
    plain = (".py", ".yml", ".yaml", ".toml", ".txt", ".md", ".lock", ".ipynb", ".json")
    found = {p: ("\ufeff" + text if p.endswith(plain) else text) for p, text in texts.items()}
    return found if found != texts else None


SUFFIXES = {".pkl": ".joblib", ".csv": ".tsv", ".pem": ".key"}


def _lone(texts: Texts) -> str:
    """Return the one file that is neither code nor a document nor of a fixed place, or ""."""
    path = next(iter(texts))
    fixed = path.endswith((".py", ".md", ".ipynb")) or path.startswith(".")
    return "" if len(texts) != 1 or fixed else path


def _elsewhere(texts: Texts) -> Texts | None:
    path = _lone(texts)
    placed = path.endswith((".pkl", ".csv", ".tfstate", ".pem", ".rej")) or path == "Dockerfile"
    return {f"work/{path}": texts[path]} if placed else None


def _of_another_kind(texts: Texts) -> Texts | None:
    path = _lone(texts)
    suffix = path[path.rfind(".") :] if path else ""
    return (
        {path.removesuffix(suffix) + SUFFIXES[suffix]: texts[path]} if suffix in SUFFIXES else None
    )


def _among_files(texts: Texts) -> Texts | None:
    """Put files beside it that have nothing to do with it."""
    other = {
        "docs/notes.md": "# Notes\n\nNothing yet.\n",
        ".gitignore": "*.log\n",
        "data/.keep": "",
    }
    return {**other, **texts}


def _settings(change: Callable[[str], str]) -> Rewrite:
    """Make a rewrite of settings in YAML; workflows and locks are left as they are."""

    def rewrite(texts: Texts) -> Texts | None:
        known = [
            path
            for path in texts
            if path.endswith((".yml", ".yaml", "MLmodel")) and path not in _workflows(texts)
        ]
        found = {**texts, **{path: change(texts[path]) for path in known}}
        return found if found != texts else None

    return rewrite


def _in_another_order(text: str) -> str:
    data = yaml.safe_load(text)
    turned = dict(reversed(data.items())) if isinstance(data, dict) else data
    return yaml.safe_dump(turned, sort_keys=False, default_flow_style=False, indent=4)


def _with_notes(text: str) -> str:
    return "# Looked at in review.\n---\n" + text + "\n# The end.\n"


REWRITES: dict[str, Rewrite] = {
    "formatted": _python(lambda tree: tree),
    "other names": _python(_renamed),
    "imported as": _python(_aliased),
    "imported by module": _python(_dotted),
    "in a function": _python(_in_function),
    "in two steps": _python(_in_two_steps),
    "among other code": _python(_among_code),
    "in a package": _in_a_folder,
    "in a notebook": as_notebook,
    "in a block": _edited(r"- run: (?!\|)([^\n]+)", r"- run: |\n          \1"),
    "in a named step": _edited(r"- run: ", "- name: Do it\n        run: "),
    "after another step": _edited(r"(\n +steps:\n)", r"\1      - run: python --version\n"),
    "in another file": _other_file,
    "on GitLab": _on("gitlab"),
    "on Azure Pipelines": _on("azure"),
    "elsewhere": _elsewhere,
    "of another kind": _of_another_kind,
    "among other files": _among_files,
    "in another order": _settings(_in_another_order),
    "with notes": _settings(_with_notes),
    "with the line ends of Windows": _with_ends,
    "with a byte order mark": _with_mark,
}
HOSTS = ("on GitLab", "on Azure Pipelines")
# Where a rewrite changes what is meant: it is no longer the same mistake, or no mistake at all.
MEANT: dict[tuple[str, str], str] = {
    ("TR17", "in a function"): "what runs at import is the mistake",
    ("MN05", "on GitLab"): "a job of GitLab can run on a schedule that no file has",
    ("CI08", "on Azure Pipelines"): "an approval may stand at the service connection",
    ("LA06", "on GitLab"): "a job of GitLab can run on a schedule that no file has",
    ("TR16", "in a package"): "dvc.yaml names the old place",
    ("DA04", "in a package"): "dvc.yaml names the old place",
    **{(check, host): "it is about GitHub" for check in ("CI05", "CI06") for host in HOSTS},
    ("CI09", "on GitLab"): "a job of GitLab names no machine of a vendor",
    ("DA04", "with a byte order mark"): "of such a file the bytes are not known",
}
NOTEBOOKS = frozenset({"leakage"})  # the families whose checks judge notebooks


def mutants(check: str, family: str, bad: Texts) -> Iterator[tuple[str, Texts]]:
    """Yield the rewrites of a bad example, and what was written by hand, each with its name."""
    for name, rewrite in REWRITES.items():
        if (check, name) in MEANT or (name == "in a notebook" and family not in NOTEBOOKS):
            continue
        made = rewrite(bad)
        if made is not None:
            yield name, made
    for number, texts in enumerate(FORMS.get(check, []), 1):
        yield f"written by hand, {number}", texts
