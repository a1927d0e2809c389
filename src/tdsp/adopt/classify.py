"""The kind of each file, and how sure that is: content and use have to agree."""

import posixpath
import re
from dataclasses import dataclass, replace

from tdsp.adopt import names
from tdsp.adopt.content import DATA
from tdsp.adopt.facts import Fact, Facts, data_like, is_test
from tdsp.adopt.layout import Layout
from tdsp.reading.repository import EXAMPLES, Repository

LIBRARIES = frozenset(
    ["pandas", "numpy", "scipy", "_codecs", "builtins", "collections", "copyreg", "datetime"]
)
MANY_IMAGES = 30
PROSE = frozenset({"markup", "pdf", "office", "text"})


@dataclass(frozen=True, slots=True)
class Judged:
    """A file's kind; `place` is where files of its kind go; `ask` names the question, if any."""

    kind: str
    place: str
    confidence: float
    why: tuple[str, ...]
    ask: str = ""


def stays(kind: str, *why: str, sure: float = 0.97) -> Judged:
    """Return the judgement on a file that keeps its place."""
    return Judged(kind, "stay", sure, why)


def classify(repo: Repository, facts: Facts, found: Layout) -> dict[str, Judged]:
    """Judge every file, then what one file says about another: copies and versions."""
    judge = _Judge(repo, facts, found)
    judged = {path: judge.one(path, fact) for path, fact in facts.files.items()}
    _copies(repo, facts, judged)
    _versions(facts, judged)
    return judged


class _Judge:
    """Judges one file after another."""

    def __init__(self, repo: Repository, facts: Facts, found: Layout) -> None:
        self.repo, self.facts, self.layout = repo, facts, found
        self.images: dict[str, int] = {}
        for fact in facts.of("image"):
            folder = posixpath.dirname(fact.path)
            self.images[folder] = self.images.get(folder, 0) + 1
        self.code = {posixpath.dirname(fact.path) for fact in facts.of("python")} - {""}

    def one(self, path: str, fact: Fact) -> Judged:
        """Return the judgement of the first rule that knows the file."""
        rules = (
            self._special,
            self._whole,
            self._python,
            self._notebook,
            self._tool,
            self._model,
            self._data,
            self._image,
            self._web,
            self._document,
        )
        for rule in rules:
            if (judged := rule(path, fact)) is not None:
                return judged
        return self._rest(path, fact)

    def _special(self, path: str, fact: Fact) -> Judged | None:
        name = posixpath.basename(path)
        if fact.content == "link":
            return stays("unknown", "a symbolic link is not followed and not moved")
        junk = names.JUNK.search(path) or name == ".gitignore "
        kept = fact.content in {"python", "notebook"} and ".ipynb_checkpoints/" not in path
        if junk and not kept:
            return Judged("junk", "untrack", 0.99, ("a tool makes it", "its name says so"))
        if names.ASSISTANT.search(path):
            return stays("assistant", "files for coding assistants are the team's own")
        if names.KEEPERS.search(path) and fact.content in {"empty", "text"}:
            return stays("configuration", "it keeps a folder, or git's rules for it")
        if "/" not in path and names.KEPT_DOCUMENT.match(name):
            return stays("document", "hosts and people look for it at the root")
        if path.startswith("."):
            return stays("configuration", "a tool looks for it under this name")
        return None

    def _whole(self, path: str, fact: Fact) -> Judged | None:
        for folder, why in self.layout.wholes.items():
            if path.startswith(f"{folder}/"):
                foreign = "somebody" in why or "licence" in why
                return stays("vendored" if foreign else self._kind(path, fact), why)
        if fact.content == "source":
            return stays("code", "code in another language stays whole where it is")
        return None

    def _kind(self, path: str, fact: Fact) -> str:
        """Return the kind of a file whose place is decided by the folder that it is in."""
        name, content = posixpath.basename(path), data_like(fact, self.repo)
        if names.BUILD.match(name):
            return "build"
        if names.DEPENDENCIES.match(name):
            return "dependencies"
        if content in DATA:
            return "raw data"
        if content == "python":
            return "script" if fact.run and not fact.importers else "code"
        by = {
            "notebook": "notebook",
            "model": "model",
            "web": "web",
            "markup": "document",
            "pdf": "document",
            "office": "document",
            "r": "script",
            "shell": "script",
            "source": "code",
            "sql": "code",
            "python 2": "archive",
            "broken python": "code",
            "yaml": "configuration",
            "json": "configuration",
            "toml": "configuration",
            "config": "configuration",
            "xml": "configuration",
            "empty": "configuration",
            "image": "web" if self.layout.app else "document",
            "text": "document",
        }
        return by.get(content, "unknown")

    def _python(self, path: str, fact: Fact) -> Judged | None:
        name, parts = posixpath.basename(path), names.parts_of(path)
        if fact.content == "python 2":
            why = ("it is Python 2", "no Python 3 file imports it")
            if fact.importers:
                return Judged("code", "stay", 0.6, (why[0], "others import it"), "python 2")
            return Judged("archive", "archive", 0.95, why)
        if fact.content == "broken python":
            return Judged("code", "code", 0.55, ("it does not parse",), "does not parse")
        if fact.content != "python":
            return None
        if names.BUILD.match(name) and (name == "setup.py" or "/" not in path):
            return stays("build", "build tools look for it under this name")
        if is_test(path, self.repo):
            why = (
                "pytest finds tests in it, or its tests need it",
                "its name or folder is a test's",
            )
            return Judged("test", "tests", 0.97, why)
        used = self._used(fact)
        kind = "script" if fact.run and not fact.importers else "code"
        if (EXAMPLES.search(path) and "__init__.py" not in name) or (
            parts and parts[0] in names.STAY
        ):
            return stays(kind, "it parses as Python 3", f"it belongs to the folder {parts[0]}")
        if names.GONE.search(path):
            return Judged("archive", "archive", 0.6, ("its folder is called old",), "old folders")
        if name == "__init__.py" or used:
            return Judged(
                kind, "code", 0.96, ("it parses as Python 3", used or "a package needs it")
            )
        return Judged(
            kind, "code", 0.9, ("it parses as Python 3", "it defines what others may use")
        )

    def _used(self, fact: Fact) -> str:
        if fact.importers:
            return f"{len(fact.importers)} files import it"
        return fact.run or (f"{sorted(fact.namers)[0]} names it" if fact.namers else "")

    def _notebook(self, path: str, fact: Fact) -> Judged | None:
        if fact.content == "broken notebook":
            return Judged(
                "notebook", "stay", 0.6, ("it is not a valid notebook",), "broken notebooks"
            )
        if fact.content != "notebook":
            return None
        if not path.endswith(".ipynb"):
            return Judged(
                "notebook", "stay", 0.6, ("its JSON is a notebook's",), "misnamed notebooks"
            )
        if EXAMPLES.search(path):
            return stays("notebook", "it belongs to the documents or examples that it is among")
        if names.GONE.search(path):
            return Judged("archive", "archive", 0.6, ("its folder is called old",), "old folders")
        return Judged(
            "notebook", "notebooks", 0.98, ("its JSON is a notebook's", "its name as well")
        )

    def _tool(self, path: str, fact: Fact) -> Judged | None:
        name, folder = posixpath.basename(path), posixpath.dirname(path)
        if names.DEPENDENCIES.match(name):
            return stays("dependencies", "installers look for it here")
        if names.BUILD.match(name):
            return stays("build", "build tools look for it here")
        if name.endswith(".dvc"):
            return stays("configuration", "DVC's pointer belongs beside its data")
        if fact.content in {"r", "shell", "sql"}:
            return stays("script", "it is not Python; its paths are seen from where it lies")
        if "mlruns" in path.split("/"):
            return stays("result", "MLflow's records name their own places")
        if fact.content in {"yaml", "toml", "config"}:
            return self._settings(path, fact, folder)
        return None

    def _settings(self, path: str, fact: Fact, folder: str) -> Judged:
        if not folder or names.folded(folder.split("/")[0]) in names.STAY | names.TESTS:
            return stays("configuration", "settings stay where tools and code look for them")
        if self._beside_code(folder):
            return Judged(
                "configuration",
                "with code",
                0.93,
                ("settings of the code beside it", "it moves with that code"),
            )
        return stays("configuration", "settings stay where tools and code look for them")

    def _beside_code(self, folder: str) -> bool:
        """Tell whether a folder, or one above it, holds Python that moves into the package."""
        top = names.folded(folder.split("/")[0])
        if top in names.STAY | names.NOTEBOOKS | names.TESTS:
            return False
        while folder:
            if folder in self.code:
                return True
            folder = posixpath.dirname(folder)
        return False

    def _model(self, path: str, fact: Fact) -> Judged | None:
        if data_like(fact, self.repo) not in {"model", "hdf5"}:
            return None
        parts = names.parts_of(path)
        modules = {module.split(".")[0] for module in fact.pickled}
        if modules and modules <= LIBRARIES:
            return self._table(path, fact, "its pickle holds tables or arrays only")
        in_folder = any(part in names.MODEL_FOLDERS for part in parts)
        named = re.search(
            r"(?i)model|classif|regress|clf|pipe|scaler|encoder|vectori|weights|net|"
            r"forest|xgb|lgbm|preprocess|transform|svm|knn|bayes",
            path,
        )
        what = "a model's bytes" if not modules else f"its pickle names {sorted(modules)[0]}"
        used = self._read(fact) or ("its folder is for models" if in_folder else "")
        library = modules & {
            "sklearn",
            "xgboost",
            "lightgbm",
            "keras",
            "torch",
            "catboost",
            "imblearn",
        }
        used = used or ("its library makes models" if library and named else "")
        if used and (named or in_folder or library or not fact.pickled):
            return Judged("model", "models", 0.95, (what, used))
        if names.DATA_FOLDERS & set(parts) and not named:
            return self._table(path, fact, "it lies among data")
        return Judged("model", "models", 0.65, (what,), "unused models")

    def _read(self, fact: Fact) -> str:
        for verb, who in (
            ("reads", fact.readers),
            ("writes", fact.writers),
            ("names", fact.namers),
        ):
            if who:
                return f"{sorted(who)[0]} {verb} it"
        return ""

    def _data(self, path: str, fact: Fact) -> Judged | None:
        content, parts = data_like(fact, self.repo), names.parts_of(path)
        among = any(part in names.DATA_FOLDERS for part in parts)
        if among and content in {
            "text",
            "json",
            "xml",
            "media",
            "binary",
            "markup",
            "pdf",
            "log",
            "image",
            "office",
            "empty",
            "web",
        }:
            if content in PROSE and posixpath.basename(path).lower().startswith("readme"):
                return stays("document", "it explains the folder that it is in")
            return self._table(path, fact, "it lies among data")
        return self._table(path, fact, "") if content in DATA else None

    def _table(self, path: str, fact: Fact, what: str) -> Judged:
        parts, content = names.parts_of(path), data_like(fact, self.repo)
        what = what or (
            f"its bytes are a {content}" if content == "table" else f"it is a {content}"
        )
        stage = next((names.STAGES[part] for part in reversed(parts) if part in names.STAGES), "")
        among = any(part in names.DATA_FOLDERS for part in parts)
        base = names.stem(path)[0]
        if any(part in names.RESULT_FOLDERS for part in parts) and not fact.readers:
            return Judged("result", "reports", 0.93, (what, "its folder is for results"))
        if stage:
            kind = "raw data" if stage in {"raw", "external"} else "derived data"
            sure = among and (stage == "raw" or kind == "derived data" or path.startswith("data/"))
            return Judged(
                kind,
                f"data/{stage}",
                0.96 if sure else 0.7,
                (what, f"its folder says {stage}"),
                "" if sure else "unclear tables",
            )
        if fact.writers:
            if names.RESULT.search(base) and not fact.readers - fact.writers:
                return Judged(
                    "result",
                    "reports",
                    0.95,
                    (what, self._read(Fact("", "", fact.writers)).replace("reads", "writes")),
                )
            place = "data/interim" if fact.readers else "data/processed"
            return Judged(
                "derived data", place, 0.95, (what, f"{sorted(fact.writers)[0]} writes it")
            )
        derived = names.DERIVED.search(base) or names.RESULT.search(base)
        used = self._read(fact) or self._folder_read(path)
        if derived and not (among and used):
            return Judged(
                "derived data", "data/processed", 0.6, (what, "its name"), "unclear tables"
            )
        if used:
            if derived:
                return Judged(
                    "derived data",
                    "data/processed",
                    0.7,
                    (what, used, "its name"),
                    "unclear tables",
                )
            return Judged("raw data", "data/raw", 0.95, (what, used, "nothing writes it"))
        if among:
            return Judged(
                "raw data", "data/raw", 0.9, (what, "its folder is for data", "nothing writes it")
            )
        return Judged("raw data", "data/raw", 0.6, (what, "nothing reads it"), "unread tables")

    def _folder_read(self, path: str) -> str:
        folder = posixpath.dirname(path)
        while folder:
            if who := self.facts.folders_read.get(folder):
                return f"{sorted(who)[0]} reads its folder"
            folder = posixpath.dirname(folder)
        return ""

    def _image(self, path: str, fact: Fact) -> Judged | None:
        if data_like(fact, self.repo) not in {"image", "media"}:
            return None
        parts, folder = names.parts_of(path), posixpath.dirname(path)
        if "static" in parts or "templates" in parts or "public" in parts:
            return self._web(path, replace(fact, content="web"))
        if parts and (parts[0] in names.DOCUMENTS or parts[0] == "reports"):
            return stays("document" if parts[0] != "reports" else "result", "it is among documents")
        if fact.writers or folder in self.facts.folders_written:
            return Judged("result", "reports/figures", 0.95, ("it is an image", "code writes it"))
        if self.images.get(folder, 0) >= MANY_IMAGES and self._folder_read(path):
            return Judged(
                "raw data", "data/raw", 0.93, ("one of many images", self._folder_read(path))
            )
        if parts and any(part in names.FIGURES for part in parts):
            return Judged(
                "result", "reports/figures", 0.93, ("it is an image", "its folder is for figures")
            )
        if any(part in names.RESULT_FOLDERS for part in parts):
            return Judged(
                "result", "reports/figures", 0.9, ("it is an image", "its folder is for results")
            )
        if fact.namers:
            text = all(
                n.lower().endswith((".md", ".rst", ".txt", ".html", ".ipynb")) for n in fact.namers
            )
            if text:
                return Judged(
                    "document",
                    "docs",
                    0.92,
                    ("it is an image", f"{sorted(fact.namers)[0]} shows it"),
                )
            if not folder or not self._beside_code(folder):
                return Judged(
                    "document", "docs", 0.6, ("it is an image", "code names it"), "images in code"
                )
        if folder and self._beside_code(folder):
            return Judged("web", "with code", 0.7, ("an image beside code",), "images in code")
        return Judged("document", "docs", 0.6, ("an image that nothing names",), "unused images")

    def _web(self, path: str, fact: Fact) -> Judged | None:
        if fact.content not in {"web", "json", "text", "xml", "binary", "empty"}:
            return None
        parts = names.parts_of(path)
        top = parts[0] if parts else ""
        if top in {"templates", "static"}:
            if self.layout.app:
                why = ("a page or its parts", f"{self.layout.app} serves the folder {top}")
                return Judged("web", "with app", 0.96, why)
            return stays("web", "pages stay together; no program of the root serves them")
        if fact.content != "web":
            return None
        if parts and self._beside_code(posixpath.dirname(path)):
            return Judged(
                "web", "with code", 0.94, ("a page or its parts", "its program is beside it")
            )
        if any(part in names.RESULT_FOLDERS for part in parts):
            return stays("result", "a page among results")
        return stays("web", "a page stays where its server looks for it", sure=0.9)

    def _document(self, path: str, fact: Fact) -> Judged | None:
        name, parts = posixpath.basename(path), names.parts_of(path)
        if fact.content not in PROSE | {"log"}:
            return None
        if fact.content == "log":
            return Judged("junk", "untrack", 0.7, ("a log of an earlier run",), "logs")
        if parts and parts[0] in names.DOCUMENTS:
            return Judged("document", "docs", 0.97, ("prose", "its folder is for documents"))
        if name.lower().startswith(("readme", "licen", "index.md")):
            if parts and self._beside_code(posixpath.dirname(path)):
                return Judged(
                    "document", "with code", 0.92, ("prose", "it explains the folder it is in")
                )
            return stays("document", "it explains the folder that it is in")
        if parts and parts[0] in names.STAY | names.NOTEBOOKS | names.TESTS:
            return stays("document", f"it belongs to the folder {path.split('/')[0]}")
        if any(part in names.RESULT_FOLDERS for part in parts):
            return Judged("result", "reports", 0.9, ("prose", "its folder is for results"))
        if fact.content == "text" and fact.readers:
            return Judged(
                "raw data", "data/raw", 0.7, ("text", self._read(fact)), "texts that code reads"
            )
        if parts and self._beside_code(posixpath.dirname(path)):
            return Judged("document", "with code", 0.9, ("prose", "it lies beside code"))
        if fact.content == "text" and names.stem(path)[1].lower() not in {".txt", ".md"}:
            return Judged("unknown", "stay", 0.5, ("a text of no known use",), "unknown files")
        if not parts or fact.content in {"pdf", "office"}:
            return Judged("document", "docs", 0.92, ("prose", "no code reads it"))
        return Judged("document", "docs", 0.7, ("prose",), "documents in folders")

    def _rest(self, path: str, fact: Fact) -> Judged:
        folder = posixpath.dirname(path)
        if fact.content == "empty":
            return stays("configuration", "an empty file may keep a folder for a script")
        if fact.content in {"json", "xml"}:
            return self._settings(path, fact, folder)
        if fact.content == "program":
            return stays("vendored", "a program is not moved, since commands name it")
        if folder and self._beside_code(folder):
            return Judged(
                "unknown",
                "with code",
                0.6,
                ("bytes of no known kind beside code",),
                "unknown files",
            )
        return Judged("unknown", "stay", 0.5, ("bytes of no known kind",), "unknown files")


def _copies(repo: Repository, facts: Facts, judged: dict[str, Judged]) -> None:
    """Send exact copies that nobody uses to the archive, if another of them is used."""
    groups: dict[str, list[str]] = {}
    for path, file in repo.files.items():
        if file.size > 40 and judged[path].kind in {
            "code",
            "script",
            "notebook",
            "raw data",
            "derived data",
            "model",
        }:
            groups.setdefault(file.blob, []).append(path)
    for group in groups.values():
        if len(group) < 2 or any(judged[p].place == "archive" for p in group):
            continue
        used = [path for path in group if _is_used(facts.files[path])]
        best = min(used or group, key=lambda path: (path.count("/"), len(path), path))
        for path in group:
            if path == best or judged[path].place == "stay" or path in used:
                continue
            why = ("an exact copy", f"of {best}")
            if judged[path].kind in {"code", "script"} and used:
                judged[path] = Judged("archive", "archive", 0.93, (*why, "only the other is used"))
            else:
                judged[path] = Judged("archive", "archive", 0.65, why, "exact copies")


def _is_used(fact: Fact) -> bool:
    return bool(fact.importers or fact.readers or fact.namers or "runs it" in fact.run)


def _versions(facts: Facts, judged: dict[str, Judged]) -> None:
    """Ask about old versions: files whose names differ by V2, _final, copy or old."""
    chains: dict[tuple[str, str], list[str]] = {}
    for path, each in judged.items():
        if each.kind in {"code", "script", "notebook", "raw data", "derived data", "model"}:
            base, suffix = names.stem(path)
            match = names.VERSION.match(base)
            root = (match["base"] if match else base).strip(" _-.").lower()
            chains.setdefault((posixpath.dirname(path), root + suffix), []).append(path)
    for group in chains.values():
        marked = [p for p in group if names.VERSION.match(names.stem(p)[0])]
        if len(group) < 2 or not marked:
            continue
        used = [path for path in group if _is_used(facts.files[path])]
        if len(used) == 1:
            kept = used[0]
        else:
            kept = max(used or group, key=lambda p: (p in marked, names.stem(p)[0].lower()))
        for path in group:
            if path == kept or path in used or judged[path].place in {"stay", "archive"}:
                continue
            why = ("its name is one of several versions", f"{kept} is used or newer")
            judged[path] = Judged("archive", "archive", 0.65, why, "old versions")
