"""A small copier template with three releases, and repositories that were made from it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from copier import run_copy
from tests.conftest import git

TAGS = ("v0.1.0", "v0.2.0", "v0.3.0")
ANSWERS = ".copier-answers.yml"
QUESTIONS = """\
_subdirectory: template
name:
  type: str
  default: demo
level:
  type: str
  choices: [train, operate, govern]
  default: operate
"""
PLAIN = {
    "README.md.jinja": "# {{ name }}\n\nRelease @.\n\nEnd.\n",
    "src/code.py": "def version() -> str:\n    return '@'\n",
    "config.yaml": "format: 1\nrelease: '@'\nseed: 1\n",
    "data.json": '{\n  "release": "@",\n  "rows": 10\n}\n',
    "lines.txt": "first\r\nrelease @\r\nlast\r\n",
    "no end.txt": "release @",
    "näme.md": "ä: release @\n",
    "flow.ipynb": '{"cells": [\n"release @"\n], "nbformat": 4}\n',
}
SMALL = ("README.md.jinja", "config.yaml")
GOVERN = "{% if level == 'govern' %}govern.md{% endif %}.jinja"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(root: Path, message: str = "ours") -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD").strip()


def make_template(root: Path, small: bool = False) -> Path:
    """Three releases: each changes every file; the last removes one and adds one.

    A small one has two text files only, and removes nothing: it renders in half of the time.
    """
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    for number, tag in enumerate(TAGS, 1):
        files: dict[str, str | bytes] = {
            f"template/{name}": text.replace("@", tag)
            for name, text in PLAIN.items()
            if not small or name in SMALL
        }
        files["copier.yml"] = QUESTIONS
        answers = "{{ _copier_answers | to_nice_yaml -}}"
        files["template/{{ _copier_conf.answers_file }}.jinja"] = answers
        files[f"template/{GOVERN}"] = "Governed.\n"
        if small:
            write(root, files)
            commit(root, tag)
            git(root, "tag", tag)
            continue
        files["template/image.png"] = b"\x89PNG\0" + tag.encode()
        files["template/wide.txt"] = f"release {tag}\n".encode("utf-16")
        files["template/gone.txt"] = "Until the last.\n"
        if number == 3:
            (root / "template/gone.txt").unlink()
            del files["template/gone.txt"]
            files["template/new.md"] = "New.\n"
        write(root, files)
        commit(root, tag)
        git(root, "tag", tag)
    return root


class Made:
    """What makes repositories: a render of each release and level is made once."""

    def __init__(self, template: Path, place: Path) -> None:
        self.template, self.place = template, place
        self._renders: dict[tuple[str, str], Path] = {}

    def render(self, tag: str, level: str = "operate") -> Path:
        if (tag, level) not in self._renders:
            target = self.place / "renders" / f"{tag}-{level}"
            run_copy(
                str(self.template), target, vcs_ref=tag, data={"level": level},
                defaults=True, quiet=True,
            )  # fmt: skip
            self._renders[tag, level] = target
        return self._renders[tag, level]

    def bare(
        self, name: str, tag: str = TAGS[0], edit: Callable[[Path], None] | None = None
    ) -> Path:
        """A bare remote with the render as its first commit, and an edit as its second."""
        tree = self.place / "trees" / name
        shutil.copytree(self.render(tag), tree)
        return self.publish(tree, edit)

    def publish(self, tree: Path, edit: Callable[[Path], None] | None = None) -> Path:
        git(tree, "init", "--quiet", "--initial-branch=main")
        commit(tree, "start")
        if edit is not None:
            edit(tree)
            commit(tree)
        bare = self.place / "remotes" / f"{tree.name}.git"
        git(self.place, "clone", "--quiet", "--bare", str(tree), str(bare))
        return bare


def edit_readme(root: Path) -> None:
    """An edit that merges with any release."""
    path = root / "README.md"
    path.write_text(path.read_text(encoding="utf-8") + "Ours.\n", encoding="utf-8")


def edit_all(root: Path) -> None:
    """An edit of the line that each release changes, in each kind of file."""
    for name in [*(name.removesuffix(".jinja") for name in PLAIN)]:
        path = root / name
        path.write_bytes(path.read_bytes().replace(b"v0.1.0", b"ours"))
    (root / "image.png").write_bytes(b"\x89PNG\0ours")
    (root / "wide.txt").write_bytes("release ours\n".encode("utf-16"))
    (root / "gone.txt").write_text("Ours.\n", encoding="utf-8")


def edit_config(root: Path) -> None:
    """An edit of the line of one file that each release changes."""
    path = root / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("v0.1.0", "ours"), encoding="utf-8")


def write_fleet(folder: Path, template: Path, remotes: list[Path], more: str = "") -> Path:
    """A fleet.yml of local bare remotes, by URL so that they are fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"template: {{source: {template}}}", "repositories:"]
    lines += [f"  - {{path: {each}, name: {each.stem}}}" for each in remotes]
    path = folder / "fleet.yml"
    path.write_text("\n".join(lines) + "\n" + more, encoding="utf-8")
    return path


def branches(remote: Path) -> dict[str, str]:
    """Branch -> commit."""
    said = git(remote, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return dict(line.split() for line in said.splitlines())
