"""What a commit of the template makes of many projects' answers, without a file being written.

copier's own worker asks, tests the answers, leaves files out and renders. What no answer changes
is done once for all projects: cloning, reading the questions, compiling. The worker's inner parts
may be others in another release of copier. So whoever uses a maker has to prove it first, on
answers of which copier itself has made a project, and has to ask copier where a maker fails.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STRINGS = 20_000  # short texts that are kept compiled: names of files, defaults, conditions
Blobs = dict[str, str]


def blob(content: bytes) -> str:
    """Return the name that git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Maker:
    """One commit of one template, kept in the memory of a process and in a clone."""

    def __init__(self, source: str, commit: str, nowhere: Path) -> None:
        """Clone and compile; `nowhere` is a path that never exists."""
        from copier._main import Worker

        self.words: dict[str, Any] = {
            "src_path": source, "dst_path": nowhere, "vcs_ref": commit,
            "defaults": True, "quiet": True,
        }  # fmt: skip
        first = Worker(**self.words)
        self.clean: Callable[[], None] = first._cleanup
        try:
            self.words["settings"] = first.settings
            self.template, self.environment = first.template, first.jinja_env
            self.environment.auto_reload = False
            _ = self.template.commit, self.template.commit_hash  # by git, so once for all
            compiled = functools.lru_cache(STRINGS)(self.environment.from_string)
            vars(self.environment)["from_string"] = compiled
            self.files = list(_files(first.template_copy_root))
            self.plain: dict[Path, str] = {}
        except BaseException:
            self.clean()
            raise

    def blobs(self, answers: dict[str, Any]) -> Blobs:
        """Return path -> blob of a project. Raises whatever copier raises of answers."""
        worker = _kept()(**self.words, data=answers)
        worker.maker = self
        worker.template, worker.jinja_env = self.template, self.environment
        worker.run_copy()
        made: Blobs = worker.made
        return made


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            raise ValueError(f"{path} is a link, of which copier decides by more than its name")
        if path.is_file() and ".git" not in path.relative_to(root).parts:
            yield path.relative_to(root)


@functools.cache
def _kept() -> Any:
    """Return copier's worker that keeps blobs where its own writes files."""
    from copier._jinja_ext import get_yield_context
    from copier._main import Worker

    class Kept(Worker):
        """One project."""

        maker: Maker
        made: Blobs
        said: dict[str, str]  # names of files and parts of them, as they are rendered
        fixed: dict[str, Any]  # the context; no answer changes while files are rendered

        def _render_context(self) -> Any:
            return dict(self.fixed) if hasattr(self, "fixed") else super()._render_context()

        @functools.cached_property
        def answers_relpath(self) -> Path:
            found: Path = Worker.answers_relpath.fget(self)  # type: ignore[attr-defined]
            return found

        def _render_string(self, string: str, extra_context: Any = None) -> str:
            if extra_context or not hasattr(self, "fixed"):
                return str(super()._render_string(string, extra_context))
            if string not in self.said:
                self.said[string] = self.jinja_env.from_string(string).render(self.fixed)
            return self.said[string]

        def _render_template(self) -> None:
            self.made, self.said = {}, {}
            _ = self.answers_relpath
            self.fixed = dict(super()._render_context())
            for source in self.maker.files:
                for path, _ in self._render_path(source):
                    if ".." in path.parts or path.is_absolute():
                        raise ValueError(f"{path} leaves the project")
                    if not self.match_exclude(path):
                        self._keep(source, path.as_posix())
            if get_yield_context(self.jinja_env).yield_name:
                raise ValueError("one name yields many files")

        def _keep(self, source: Path, path: str) -> None:
            inside = self.template_copy_root / source
            if source.name.endswith(self.template.templates_suffix):
                name = inside.relative_to(self.template.local_abspath).as_posix()
                text = self.jinja_env.get_template(name).render(self.fixed)
                made = blob(text.encode())
            else:
                plain = self.maker.plain
                made = plain[source] if source in plain else blob(inside.read_bytes())
                plain[source] = made
            if self.made.setdefault(path, made) != made:
                raise ValueError(f"two files of the template become {path}")

    return Kept
