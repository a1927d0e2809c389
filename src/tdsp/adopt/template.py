"""The template's own files for a repository that is adopted: answers, names, one render."""

import re
import shutil
import tempfile
import unicodedata
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tdsp.adopt.gitwork import LINK
from tdsp.adopt.meanwhile import Meanwhile
from tdsp.adopt.rendering import read
from tdsp.errors import TdspError
from tdsp.new import bundled_template
from tdsp.questions import configuration

Answers = tuple[tuple[str, str], ...]
_begun: dict[Answers, Meanwhile[Mapping[str, bytes]]] = {}
LEVELS = ("train", "operate", "govern")
PACKAGE = re.compile(r"^[a-z][a-z0-9_]{0,48}[a-z0-9]\Z")


def slug(name: str) -> str:
    """Return a name as a short name that the template accepts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    words = f"ml-{words}" if words[:1].isdigit() else words
    return words if len(words) > 1 else "ml-project"


def package_of(name: str) -> str:
    """Return a name as a package that the template accepts."""
    plain = slug(name).replace("-", "_")
    return f"{plain}_model" if plain in taken() else plain


@cache
def taken() -> frozenset[str]:
    """Return the names that are no package, since Python, Windows or a library has them."""
    words = configuration(bundled_template())
    named = (words[key]["default"] for key in ("windows_names", "python_names", "used_names"))
    return frozenset(word for text in named for word in str(text).split())


def check_package(name: str) -> None:
    """Raise TdspError for a package name that the template would refuse."""
    if not PACKAGE.match(name):
        raise TdspError(
            f"{name!r} cannot be the package: it takes 2 to 50 lower-case letters, digits and"
            " underscores, and starts with a letter, such as churn_model"
        )
    if name in taken():
        raise TdspError(
            f"{name} is the name of a library, of Python's or of a device: take {name}_model"
        )


def render(answers: Mapping[str, str]) -> Mapping[str, bytes]:
    """Return path -> content of what the template brings. Raises TdspError if that is nothing."""
    return _render(tuple(answers.items()))


def begin(answers: Mapping[str, str]) -> None:
    """Let another process render meanwhile, for who asks for the same with `render` later on."""
    asked = tuple(answers.items())
    _begun[asked] = Meanwhile(lambda: _made(asked))


@cache
def _render(answers: Answers) -> Mapping[str, bytes]:
    begun = _begun.pop(answers, None)
    return _made(answers) if begun is None else begun.result()


def _made(answers: Answers) -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="tdsp-") as folder:
        place, source = Path(folder, "project"), Path(folder, "template")
        _copy_template(source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _run_copy(str(source), place, dict(answers))
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise TdspError(
                f"the template cannot be rendered with these answers: {reason}"
            ) from error
        found = {name: file.content for name, file in read(place).items() if file.mode != LINK}
    if ".copier-answers.yml" not in found or "pyproject.toml" not in found:
        raise TdspError("the template rendered no project: nothing is planned from an empty render")
    return found


def _run_copy(source: str, place: Path, answers: dict[str, str]) -> None:
    """Run copier; the name of a folder, asked for with each file in it, is compiled once.

    Its worker is an inner part. Where another release has none like it, copier runs as it is.
    """
    from copier import run_copy

    words: dict[str, Any] = {"data": answers, "defaults": True, "quiet": True}
    try:
        from copier._main import Worker

        worker = Worker(src_path=source, dst_path=place, **words)
        environment = worker.jinja_env
        vars(environment)["from_string"] = cache(environment.from_string)
    except (ImportError, AttributeError, TypeError):
        run_copy(source, place, **words)
        return
    with worker:
        worker.run_copy()


def _copy_template(place: Path) -> None:
    """Copy the template without its history: a clone would take most of the plan's time."""
    local = bundled_template()
    place.mkdir()
    for name in ("copier.yml", "words.yml"):
        shutil.copyfile(local / name, place / name)
    shutil.copytree(local / "template", place / "template")
