"""The kind of each file, and how sure that is: content and use have to agree."""

import posixpath
import re
from dataclasses import replace

from tdsp.adopt import names
from tdsp.adopt.content import DATA, is_prose, lays_out, pointed
from tdsp.adopt.copies import copies, versions
from tdsp.adopt.data import PROSE, SAVED_BY_PYTHON
from tdsp.adopt.evidence import weigh
from tdsp.adopt.facts import Fact, Facts, data_like, is_test
from tdsp.adopt.images import Images
from tdsp.adopt.judged import Judged, stays
from tdsp.adopt.known import AUDIO, known, plotted, told
from tdsp.adopt.layout import CLIENTS, OWN_PLACES, Layout
from tdsp.plain import counted
from tdsp.reading.repository import EXAMPLES, Repository

YAML = (".yaml", ".yml")
CODE = frozenset({"python", "python 2", "broken python", "notebook"})
PICTURES = frozenset({"image", "media"})
SHOWN = frozenset({"image", "text", "json", "media"})  # of a client, where its pages load it from
MADE = frozenset({"image", "json", "xml", "web"})  # by a run, if their folder is for results
# A page that a notebook or a tool for reports was turned into.
WRITTEN = re.compile(
    r"(?i)jp-Notebook|--jp-mirror|nbconvert|class=.jupyter|rmarkdown|knitr|pandas.profiling|ydata|sweetviz"
)
PAGE = 100_000
# Of Python that does not parse: what is done when it is run, and not in a function.
RUN = re.compile(r"(?m)^(print\b|if __name__\s*==|for \w|while \w|plt\.|\w+ = input\(|\w+\()")
# Of R: a line that begins something, one that only defines or loads, one that defines a function.
BEGUN = re.compile(r"[^\s#})\]]")
DEFINED = re.compile(r"[\w.]+\s*(<-|=)\s|(library|require|source|suppressPackageStartupMessages)\(")
FUNCTION = re.compile(r"(<-|=)\s*(function\b|\\\()")
# The kind of a file of which only the content is known.
KIND_OF = {
    "notebook": "notebook", "model": "model", "web": "web", "media": "figure", "log": "junk",
    **dict.fromkeys(("markup", "pdf", "office", "text"), "document"),
    **dict.fromkeys(("r", "shell"), "script"), "program": "vendored",
    **dict.fromkeys(("source", "stub", "sql", "python 2", "broken python"), "code"),
    **dict.fromkeys(("yaml", "json", "toml", "config", "xml", "empty"), "configuration"),
}  # fmt: skip
CONDA = re.compile(r"(?ms)^channels:.*^dependencies:|^dependencies:.*^channels:")
LISTED = 50  # entries of a list
LONG = 100_000  # bytes: of settings, more than anybody has written
KEEPER = 1000  # bytes: what is in a file that keeps a folder open says nothing
DVC_STORE = re.compile(r"(^|/)files/md5/[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?$")


def classify(repo: Repository, facts: Facts, found: Layout) -> dict[str, Judged]:
    """Judge every file, then what files say about each other, then whether that is enough."""
    judge = _Judge(repo, facts, found)
    judged = {path: judge.one(path, fact) for path, fact in facts.files.items()}
    alone = dict(judged)
    copies(repo, facts, judged)
    versions(facts, judged)
    weigh(repo, facts, found, judged, alone)
    return judged


class _Judge(Images):
    """Judges one file after another."""

    def one(self, path: str, fact: Fact) -> Judged:
        """Return the judgement of the first rule that knows the file."""
        rules = (
            *(self._special, self._whole, self._known, self._documents, self._gone, self._python),
            *(self._fixture, self._notebook),
            *(
                self._tool,
                self._among_documents,
                self._model,
                self._data,
                self._served,
                self._image,
                self._web,
                self._document,
            ),
        )
        for rule in rules:
            if (judged := rule(path, fact)) is not None:
                return judged
        return self._rest(path, fact)

    def _among_documents(self, path: str, fact: Fact) -> Judged | None:
        parts = names.parts_of(path)
        if not parts or parts[0] not in names.DOCUMENTS or fact.content == "empty":
            return None
        pictured = data_like(fact, self.repo) in PICTURES
        site = fact.content == "web" or self._of_site(path, fact)
        kind = "web" if site else "figure" if pictured else "document"
        table = fact.content in DATA | {"json"} and names.MEASURED.search(names.stem(path)[0])
        return Judged(
            "result" if table else kind,
            "docs",
            0.97,
            (f"its bytes are {fact.content}", "it is among documents"),
        )

    def _of_site(self, path: str, fact: Fact) -> bool:
        """Tell whether a tool has put a file beside the pages that it built."""
        match = names.SITE.search(path)
        table = fact.content in DATA | PROSE - {"text"}
        return match is not None and not table and path[: match.start()] in self.pages

    def _documents(self, path: str, fact: Fact) -> Judged | None:
        """Judge a folder of documents under another name than ours: it moves with its builder."""
        top = names.folded(path.split("/")[0]) if "/" in path else ""
        if top not in names.DOCUMENTS - {"docs"} or fact.content == "notebook":
            return None
        kind = self._kind(path, fact)
        if data_like(fact, self.repo) in PICTURES:
            kind = "figure"
        elif kind in {"raw data", "configuration", "unknown"}:
            kind = "document"
        return Judged(kind, "docs", 0.96, ("it is among documents", f"its folder is {top}"))

    def _special(self, path: str, fact: Fact) -> Judged | None:
        name = posixpath.basename(path)
        if fact.content == "link":
            named = replace(fact, content=pointed(self.repo.files[path]))
            return stays(self._kind(path, named), "a symbolic link is not followed and not moved")
        if path.startswith(self.layout.environments):
            why = ("a part of an environment or a build", "each machine makes its own")
            return Judged("junk", "untrack", 0.97, why)
        junk = names.JUNK.search(path) or name == ".gitignore " or self._set(path)
        made = names.MADE.search(path)
        kept = fact.content in {"python", "notebook"} and not made
        if (junk or made) and not kept:
            return Judged("junk", "untrack", 0.99, ("a tool makes it", "its name says so"))
        if names.ASSISTANT.search(path):
            return stays("assistant", "files for coding assistants are the team's own")
        kept_open = self.repo.files[path].size < KEEPER and name.endswith("keep")
        if names.KEEPERS.search(path) and (kept_open or fact.content in {"empty", "text"}):
            return self._keeper(path, name)
        page = fact.content in PROSE | {"empty", "yaml", "config"}
        if "/" not in path and page and names.KEPT_DOCUMENT.match(name):
            return stays("document", "hosts and people look for it at the root")
        if path in self.started and fact.content in CODE:
            return stays("script", self.started[path])
        if DVC_STORE.search(path):
            return stays("configuration", "DVC finds what it stores by its place")
        page = fact.content == "markup" and "template" not in path.lower()
        if path.startswith(".") and (page or fact.content == "image"):
            kind = "document" if page else "figure"
            return stays(kind, "a page or its image, which a host finds by its place")
        hidden = any(part.startswith(".") for part in path.split("/")[:-1])
        own = name.startswith(".") and fact.content in {"text", "empty"}
        if path.startswith(".") or own or (hidden and not names.GONE.search(path)):
            kind = names.build_kind(name) if names.BUILD.match(name) else "configuration"
            return stays(kind, "a tool looks for it under this name")
        return None

    def _set(self, path: str) -> bool:
        """Tell whether LaTeX leaves a file beside the document that it sets."""
        return (
            names.LATEX.search(path) is not None
            and f"{names.LATEX.sub('', path)}.tex" in self.facts.files
        )

    def _keeper(self, path: str, name: str) -> Judged:
        """Judge a file that keeps a folder: the folder of code moves with its code."""
        parts = names.parts_of(path)
        kept = names.DATA_FOLDERS | names.MODEL_FOLDERS | names.RESULT_FOLDERS | {"logs", "log"}
        moves = parts and (parts[0] in names.CODE_WRAPPERS | {"src"} or not set(parts) & kept)
        if moves and "ignore" not in name and "attributes" not in name:
            folder = posixpath.dirname(path)
            code = self._beside_code(folder) or (parts[0] == "src" and "src" in self.tops)
            if code and not self._whole_of(path):
                why = ("it keeps a folder", "that is among code that moves")
                return Judged("configuration", "with code", 0.93, why)
        return stays("configuration", "it keeps a folder for a script, or git's rules for it")

    def _whole_of(self, path: str) -> str:
        """Return the folder that a file belongs to and that is not taken apart, if any."""
        return next((e for e in self.layout.wholes if path.startswith(f"{e}/")), "")

    def _whole(self, path: str, fact: Fact) -> Judged | None:
        if folder := self._whole_of(path):
            why = self.layout.wholes[folder]
            foreign = "somebody" in why or "licence of its own" in why
            if why in CLIENTS and data_like(fact, self.repo) in PICTURES:
                return stays("web", why, "a part of what it shows")
            kind = "vendored" if foreign else self._kind(path, fact)
            kind = "model" if kind == "result" and why == OWN_PLACES["MLmodel"] else kind
            part = kind == "script" and why == OWN_PLACES["manage.py"] and names.DJANGO.search(path)
            return stays("code" if part else kind, why)
        if fact.content in {"source", "program"} and self._extends(path):
            return Judged("code", "with code", 0.93, ("compiled code", "a package beside needs it"))
        if fact.content == "source":
            kind = "test" if names.OTHER_TESTS.search(path) else "code"
            return stays(kind, "code in another language stays whole where it is")
        return None

    def _known(self, path: str, fact: Fact) -> Judged | None:
        kind, why = known(self.repo.files[path])
        return stays(kind, why) if kind and fact.content not in CODE else None

    def _extends(self, path: str) -> bool:
        """Tell whether compiled code is a part of a Python package that moves."""
        folder = posixpath.dirname(path)
        package = f"{folder}/__init__.py" in self.facts.files
        return package and bool(folder) and self._beside_code(folder)

    def _gone(self, path: str, fact: Fact) -> Judged | None:
        """Judge what is in a folder called old and nothing outside uses: it stays there."""
        match = names.GONE.search(path)
        users = fact.importers | fact.readers | fact.namers
        if match is None or any(not who.startswith(path[: match.end()]) for who in users):
            return None
        why = f"its folder is called {match[2].lower()}, and nothing outside uses it"
        return stays(self._kind(path, fact), why)

    def _kind(self, path: str, fact: Fact) -> str:
        """Return the kind of a file whose place is decided by the folder that it is in."""
        name, content = posixpath.basename(path), data_like(fact, self.repo)
        if kind := known(self.repo.files[path])[0]:
            return kind
        if names.BUILD.match(name):
            return names.build_kind(name)
        if name == "MLmodel":
            return "model"
        if name == "mlflow.db":
            return "result"
        if names.DEPENDENCIES.match(name) and self._installs(path):
            return "dependencies"
        if is_test(path, self.repo):
            return "test"
        if "public" in names.parts_of(path) and content in SHOWN | DATA:
            return "web"
        if content in {"source", "web"} and names.OTHER_TESTS.search(path):
            return "test"
        if content == "image" and set(names.parts_of(path)) & names.SERVED:
            return "web"
        if content in PICTURES and path.lower().endswith(AUDIO):
            return "raw data"
        drawn = content in MADE and not path.endswith((".jsx", ".tsx", ".vue"))
        if drawn and set(names.parts_of(path)) & names.RESULT_FOLDERS:
            return "figure" if content == "image" else "result"
        if content == "pdf" and set(names.parts_of(path)) & names.FIGURES:
            return "figure"
        if content == "text" and set(names.parts_of(path)) & names.SERVED:
            return "web"
        if content == "json" and (found := self._json(path)[0]):
            return found
        if content == "text" and _odd(path):
            return "configuration"
        if content in DATA:
            return self._stored_kind(path, fact)
        if content == "python":
            return "script" if fact.run and not self._imported(fact) else "code"
        if content == "r" and self._is_loaded(path, fact):
            return "code"
        if content == "python 2" and RUN.search(self.repo.text(path)) and not fact.importers:
            return "script"
        if content == "image":
            return "web" if self.layout.app else "figure"
        return KIND_OF.get(content, "unknown")

    def _stored_kind(self, path: str, fact: Fact) -> str:
        """Return the kind of a table or an array."""
        parts = names.parts_of(path)
        stage = next((names.STAGES[e] for e in reversed(parts) if e in names.STAGES), "")
        if stage:
            return "raw data" if stage in {"raw", "external"} else "derived data"
        if names.for_results(parts) and not fact.readers:
            return "result"
        made = fact.writers or path.lower().endswith(SAVED_BY_PYTHON)
        return "derived data" if made and "raw" not in parts else "raw data"

    def _is_loaded(self, path: str, fact: Fact) -> bool:
        """Tell whether R code only defines, or other R code loads it with `source`."""
        if any(self.facts.files[who].content == "r" for who in fact.readers):
            return True
        begun = [line for line in self.repo.text(path).splitlines() if BEGUN.match(line)]
        return bool(begun) and all(map(DEFINED.match, begun)) and any(map(FUNCTION.search, begun))

    def _unread_python(self, path: str, fact: Fact) -> Judged:
        """Judge Python whose statements are not known: of Python 2, broken, or a stub."""
        parts = names.parts_of(path)
        run = RUN.search(self.repo.text(path)) and not fact.importers
        kind = "script" if run else "code"
        if fact.content == "python 2":
            if self.layout.mixed:  # its tree moves whole
                return Judged(kind, "code", 0.9, ("it is Python 2", "much of the code is"))
            return stays(self._kind(path, fact), "it is Python 2", "it cannot be edited")
        if fact.content == "stub":
            if self._beside_code(posixpath.dirname(path)):
                return Judged("code", "with code", 0.95, ("a stub", "its module is beside it"))
            return stays("code", "a stub of code that is elsewhere")
        if parts and parts[0] in names.NOTEBOOKS:
            return stays("code", "it does not parse; notebooks beside it may load it")
        if parts and parts[0] in names.TESTS:
            return stays("test", "it does not parse, and lies among tests")
        if names.BUILD.match(path):
            return stays("build", "build tools look for it under this name, though it fails")
        return Judged(kind, "code", 0.55, ("it does not parse",), "does not parse")

    def _python(self, path: str, fact: Fact) -> Judged | None:
        name, parts = posixpath.basename(path), names.parts_of(path)
        if fact.content in {"python 2", "broken python", "stub"}:
            return self._unread_python(path, fact)
        if fact.content != "python":
            return None
        if names.BUILD.match(name) and (name == "setup.py" or "/" not in path):
            return stays("build", "build tools look for it under this name")
        if is_test(path, self.repo) and not self._is_used(fact):
            if parts and parts[0] in names.STAY - names.TESTS:
                return stays(
                    "test", "pytest finds tests in it", f"it belongs to {path.split('/')[0]}"
                )
            if fact.run and not set(parts) & names.TESTS:
                return stays("test", "pytest finds tests in it", fact.run)
            why = (
                "pytest finds tests in it, or its tests need it",
                "its name or folder is a test's",
            )
            return Judged("test", "tests", 0.97, why)
        if set(parts) & names.TESTS and self._serves_tests(fact):
            return Judged("test", "tests", 0.95, ("tests import it", "its folder is for tests"))
        if parts and parts[0] in names.TESTS:
            return stays("script", "it lies among tests, though pytest finds none in it")
        if set(parts) & names.OUTPUTS and not fact.importers and not fact.run:
            why = ("nothing imports or runs it", "its folder is for results")
            return Judged("result", "reports", 0.93, why)
        used = self._used(fact)
        noted = bool(parts) and parts[0] in names.NOTEBOOKS
        kind = "script" if (fact.run or noted) and not self._imported(fact) else "code"
        if path == "__init__.py":
            return stays(kind, "the root is no package, and the package has a file of this name")
        module = self.repo.python.get(path)
        if module is not None and not fact.importers and lays_out(module):
            return stays("script", "it has laid out folders and empty files; nothing else needs it")
        if kind == "script" and not parts and names.CALLED_TEST.match(name):
            return stays(kind, "its name is a test's, though pytest finds none in it")
        if "/" not in path and self.foreign:
            return stays(kind, "it parses as Python 3", "most code beside it is another language's")
        if (maker := posixpath.dirname(path)) and fact.run == f"{maker}/Makefile runs it":
            return stays(kind, "it parses as Python 3", "the Makefile beside it runs it")
        if deep := set(parts) & names.ANYWHERE:
            return stays(kind, "it parses as Python 3", f"it belongs to {sorted(deep)[0]}")
        if (EXAMPLES.search(path) and "__init__.py" not in name) or (
            parts and parts[0] in names.STAY and not self._serves_others(path, fact)
        ):
            return stays(kind, "it parses as Python 3", f"it belongs to the folder {parts[0]}")
        if name == "__init__.py" or used:
            return Judged(
                kind, "code", 0.96, ("it parses as Python 3", used or "a package needs it")
            )
        return Judged(
            kind, "code", 0.9, ("it parses as Python 3", "it defines what others may use")
        )

    def _fixture(self, path: str, fact: Fact) -> Judged | None:
        """Judge what lies among tests and is no code: it goes where they go."""
        parts = names.parts_of(path)
        if not set(parts) & names.TESTS or not self.tested(posixpath.dirname(path)):
            return None
        image = data_like(fact, self.repo) in PICTURES and not plotted(self.repo.files[path])
        kind = "raw data" if image else self._kind(path, fact)
        return Judged(kind, "tests", 0.95, ("tests are beside it", "for tests"))

    def tested(self, folder: str) -> bool:
        """Tell whether tests are in a folder or in one above it."""
        while folder:
            if folder in self.tests:
                return True
            folder = posixpath.dirname(folder)
        return False

    def _is_used(self, fact: Fact) -> bool:
        """Tell whether code that is no test imports a file, so that it is no test either."""
        others = (who for who in fact.importers if not set(names.parts_of(who)) & names.TESTS)
        return any(not is_test(who, self.repo) for who in others)

    def _serves_tests(self, fact: Fact) -> bool:
        """Tell whether only tests use a file among them, and nothing runs it."""
        tests = all(set(names.parts_of(who)) & names.TESTS for who in fact.importers)
        return tests and bool(fact.importers or not fact.run)

    def _serves_others(self, path: str, fact: Fact) -> bool:
        """Tell whether code elsewhere imports a module that lies among settings."""
        top = path.split("/")[0]
        if names.folded(top) not in names.SETTINGS or self.others.get(posixpath.dirname(path)):
            return False
        return any(not who.startswith(f"{top}/") and not is_test(who, self.repo)
                   for who in fact.importers)  # fmt: skip

    def _imported(self, fact: Fact) -> bool:
        """Tell whether code that is no test imports a module."""
        return any(not is_test(who, self.repo) for who in fact.importers)

    def _used(self, fact: Fact) -> str:
        if fact.importers:
            return f"imported by {counted(len(fact.importers), 'file')}"
        return fact.run or (f"{sorted(fact.namers)[0]} names it" if fact.namers else "")

    def _notebook(self, path: str, fact: Fact) -> Judged | None:
        if fact.content == "broken notebook":
            return stays("notebook", "it is not a valid notebook")
        if fact.content != "notebook":
            return None
        if not path.endswith(".ipynb"):
            return stays("notebook", "its JSON is a notebook's, and its name is not")
        if EXAMPLES.search(path):
            return stays("notebook", "it belongs to the documents or examples that it is among")
        return Judged(
            "notebook", "notebooks", 0.98, ("its JSON is a notebook's", "its name as well")
        )

    def _tool(self, path: str, fact: Fact) -> Judged | None:
        name, folder = posixpath.basename(path), posixpath.dirname(path)
        if names.DEPENDENCIES.match(name) and self._installs(path):
            return stays("dependencies", "installers look for it here")
        if names.BUILD.match(name):
            return stays(names.build_kind(name), "build tools look for it here")
        if fact.content == "yaml" and CONDA.search(self.repo.text(path)):
            return stays("dependencies", "conda makes an environment from it")
        if name.endswith((".whl", ".egg")):
            return stays("vendored", "a package as an installer takes it")
        if name.endswith(".dvc"):
            return stays("configuration", "DVC's pointer belongs beside its data")
        if fact.content == "sql" and set(names.parts_of(path)) & names.DATA_FOLDERS:
            return stays("script", "a database reads it where its settings name it")
        if fact.content == "r" and names.OTHER_TESTS.search(path):
            return stays("test", "it is among R's tests")
        if fact.content in {"r", "shell", "sql"}:
            tool = names.folded(path.split("/")[0]) in names.TOOLS
            kind = "code" if fact.content == "r" and self._is_loaded(path, fact) else "script"
            if folder and not tool and self._beside_code(folder):
                return Judged(kind, "with code", 0.93, ("it is not Python", "it lies beside code"))
            return stays(kind, "it is not Python; its paths are seen from where it lies")
        if "mlruns" in path.split("/") or name == "mlflow.db":
            return stays("result", "MLflow's records name their own places")
        if fact.content in {"yaml", "toml", "config"}:
            return self._settings(path, fact, folder)
        return None

    def _installs(self, path: str) -> bool:
        """Tell whether a file called as an environment of conda is one, and not settings."""
        called = posixpath.basename(path).lower().startswith("env") and path.endswith(YAML)
        return not called or "dependencies:" in self.repo.text(path)

    def _settings(self, path: str, fact: Fact, folder: str) -> Judged:
        parts = set(names.parts_of(path))
        result = parts & names.RESULT_FOLDERS and not parts & names.SETTINGS
        if result and (data_like(fact, self.repo) in {"json", "xml"} or path.endswith(YAML)):
            why = ("JSON, XML or YAML", "its folder is for results")
            listed = any(
                posixpath.basename(who) in {"dvc.yaml", "params.yaml"} for who in fact.namers
            )
            if fact.writers and not listed:
                return Judged("result", "reports", 0.93, why)
            return stays("result", *why)
        json = data_like(fact, self.repo) == "json"
        kind, told_by = self._json(path) if json else ("", "")
        if kind == "result" or (kind and self._in_series(path)):
            return stays(kind, "JSON", told_by)
        kind = kind or "configuration"
        if not folder or names.folded(folder.split("/")[0]) in names.STAY | names.TESTS:
            return stays(kind, "settings stay where tools and code look for them")
        if self._beside_code(folder):
            why = ("settings of the code beside it", "it moves with that code")
            return Judged(kind, "with code", 0.93, why)
        return stays(kind, "settings stay where tools and code look for them")

    def _json(self, path: str) -> tuple[str, str]:
        """Return the kind of JSON that is no settings, and the reason; two blanks if it is."""
        base, text = names.stem(path)[0], self.repo.text(path).lstrip()
        if self._in_series(path):
            return "raw data", "one of many that differ by their numbers"
        if names.MEASURED.search(base) and not names.ASKED_OF.search(base):
            return "result", "its name says what was found"
        parts = names.parts_of(path)
        if parts and parts[-1] in names.MODEL_FOLDERS and names.OF_MODEL.search(base):
            return "model", "its folder is for models, and its name is that of what a model needs"
        listed = text[:1] == "[" and (text.count(",") >= LISTED or text.count("{") > 1)
        if listed or names.SENT.search(path) or self.repo.files[path].size > LONG:
            return "raw data", "a list, or longer than settings are"
        return "", ""

    def _served(self, path: str, fact: Fact) -> Judged | None:
        """Judge an image that a program serves: it is a part of its pages."""
        parts = set(names.parts_of(path))
        if data_like(fact, self.repo) in PICTURES and parts & names.SERVED:
            return self._web(path, replace(fact, content="web"))
        return None

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
        if top in names.TOOLS and path.endswith((".js", ".ts")):
            return stays("script", "a tool is called where it is")
        if parts and self._beside_code(posixpath.dirname(path)) and self._serves(path, fact):
            return Judged(
                "web", "with code", 0.94, ("a page or its parts", "its program is beside it")
            )
        if names.for_results(parts) or WRITTEN.search(self.repo.text(path)[:PAGE]):
            return stays("result", "a page among results, or one that a tool wrote")
        written = bool(fact.writers) and not fact.readers
        served = fact.readers or set(parts) & names.SERVED
        if written or (names.REPORTED.search(path) and not served):
            return stays("result", "a page that code writes, or that is called a report")
        if names.OTHER_TESTS.search(path):
            return stays("test", "a test in JavaScript stays beside what it tests")
        if path.endswith((".js", ".mjs", ".ts")) and not self.browsed:
            return stays("script", "no page is here that could load it")
        return stays("web", "a page stays where its server looks for it", sure=0.9)

    def _serves(self, path: str, fact: Fact) -> bool:
        """Tell whether Python serves a page: beside it, by its name, or from a folder for that."""
        python = any(who.endswith(".py") for who in fact.readers | fact.namers)
        served = set(names.parts_of(path)) & (names.SERVED | {"assets"})
        return bool(python or served) or posixpath.dirname(path) in self.code

    def _document(self, path: str, fact: Fact) -> Judged | None:
        name, parts = posixpath.basename(path), names.parts_of(path)
        if fact.content not in PROSE | {"log"}:
            return None
        measured = names.MEASURED.search(names.stem(path)[0]) is not None
        among = names.for_results(parts)
        if fact.content == "log" and not (among and not path.endswith(".log")):
            return Judged("junk", "untrack", 0.7, ("a log of an earlier run",), "logs")
        if name.lower().startswith(("readme", "licen", "index.md")):
            if (
                parts
                and parts[-1] in names.MODEL_FOLDERS
                and posixpath.dirname(path) not in self.code
            ):
                return Judged("document", "models", 0.92, ("prose", "it explains these models"))
            if parts and self._beside_code(posixpath.dirname(path)):
                return Judged(
                    "document", "with code", 0.92, ("prose", "it explains the folder it is in")
                )
            if parts and set(parts) & names.RESULT_FOLDERS and parts[0] != "reports":
                return Judged("document", "reports", 0.92, ("prose", "it explains these results"))
            return stays("document", "it explains the folder that it is in")
        if parts and parts[0] in names.STAY | names.NOTEBOOKS | names.TESTS:
            kind = "configuration" if fact.content == "text" and _odd(path) else "document"
            return stays(kind, f"it belongs to the folder {path.split('/')[0]}")
        if fact.content == "pdf" and set(parts) & names.FIGURES:
            why = ("it is a page", "its folder is for figures")
            return Judged("figure", "reports/figures", 0.9, why)
        if among:
            latex = path.endswith((".tex", ".bib", ".sty", ".cls"))
            body = self.repo.text(path)
            table = latex and "\\begin{tabular" in body and "\\section" not in body
            page = not table and (latex or (fact.content == "markup" and not measured))
            kind = "document" if page else "result"
            return Judged(kind, "reports", 0.9, ("prose", "its folder is for results"))
        if fact.content == "text" and (who := self._reader(fact)):
            kind = "result" if measured else "raw data"
            return Judged(kind, "data/raw", 0.7, ("text", who))
        if (
            parts
            and fact.content in {"markup", "text"}
            and self._beside_code(posixpath.dirname(path))
        ):
            listed = fact.content == "text" and told(self.repo.text(path)) == "raw data"
            text = fact.content == "text"
            if text and measured:
                why = ("a text beside code", "its name says what was found")
                return Judged("result", "reports", 0.6, why)
            kind = "raw data" if listed else "document"
            return Judged(kind, "with code", 0.9, ("text", "it lies beside code"))
        if fact.content == "text" and (found := self._lines(path)):
            return found
        if not parts or fact.content in {"pdf", "office"}:
            return Judged("document", "docs", 0.92, ("prose", "no code reads it"))
        return stays("document", "prose", "its folder is none for documents")

    def _lines(self, path: str) -> Judged | None:
        """Judge a text that is no prose by what its lines hold."""
        base, text = names.stem(path)[0], self.repo.text(path)
        if base.lower().startswith(("note", "todo")) or (not _odd(path) and is_prose(text)):
            return None
        kind = told(text)
        if names.RESULT.search(base) and not names.ASKED_OF.search(base):
            return stays("result", "a text without sentences", "its name says what was found")
        if kind == "junk":
            return Judged(kind, "untrack", 0.7, ("its lines are those of a log",), "logs")
        if kind == "result":
            return stays(kind, "a text without sentences", "its lines are measures")
        if kind == "document" and not _odd(path):
            return None
        why = "a text of no known use" if _odd(path) else "a text without sentences"
        return stays(kind or "raw data", why, sure=0.5)

    def _reader(self, fact: Fact) -> str:
        """Return the code that reads or names a file, "" if there is none."""
        code = {"python", "python 2", "broken python", "notebook", "r"}
        who = fact.readers | {e for e in fact.namers if self.facts.files[e].content in code}
        return f"{min(who)} reads it" if who else ""

    def _rest(self, path: str, fact: Fact) -> Judged:
        folder = posixpath.dirname(path)
        if fact.content == "empty" and path.lower().endswith((".md", ".rst")):
            return stays("document", "an empty page")
        if fact.content == "empty" and path.lower().endswith((".css", ".scss", ".html")):
            return stays("web", "an empty page, or an empty part of one")
        if fact.content == "empty" and pointed(self.repo.files[path]) in DATA:
            kind = "result" if names.for_results(names.parts_of(path)) else "raw data"
            return stays(kind, "an empty table")
        if fact.content == "empty":
            return self._keeper(path, posixpath.basename(path))
        if data_like(fact, self.repo) in {"json", "xml"}:
            return self._settings(path, fact, folder)
        if fact.content == "program":
            return stays("vendored", "a program is not moved, since commands name it")
        return stays("unknown", "bytes of no known kind", sure=0.5)


def _odd(path: str) -> bool:
    """Tell whether a text's name says that it is no prose."""
    return names.stem(path)[1].lower() not in {".txt", ".md", ""}
