"""Models and data: what their bytes say, what code does with them, what their folder is called."""

import posixpath
import re
from collections import Counter
from dataclasses import replace

from tdsp.adopt import names
from tdsp.adopt.content import DATA
from tdsp.adopt.facts import Fact, Facts, data_like, is_test
from tdsp.adopt.judged import Judged, stays
from tdsp.adopt.known import SCREENS, plotted, recorded, started, told
from tdsp.adopt.layout import Layout
from tdsp.reading.repository import Repository

# What R saves is told by its name: its bytes say no more than that R has saved them.
SAVED_BY_R = (".rds", ".rda", ".rdata")
R_MODEL = re.compile(r"(?i)model|(^|[_.-])(fit(ted)?|tuned?|g?lm|rf|recipe|workflow|xgb)([_.-]|$)")
LIBRARIES = frozenset(
    [
        "pandas",
        "numpy",
        "scipy",
        "_codecs",
        "builtins",
        "collections",
        "copyreg",
        "datetime",
        "functools",
    ]
)
MAKERS = frozenset(
    ["sklearn", "xgboost", "lightgbm", "keras", "torch", "catboost", "imblearn", "statsmodels"]
)
MODEL_NAME = re.compile(
    r"(?i)model|classif|regress|clf|pipe|scaler|encoder|vectori|weights|net|forest|xgb|lgbm|"
    r"preprocess|transform|svm|knn|bayes"
)
WEIGHTS = re.compile(r"(?i)(^|[_.-])weights?([_.-]|$)")
HDF5 = (".h5", ".hdf5", ".hdf")
# What libraries call a model that they save.
SAVED = (".zip", ".params", ".caffemodel", ".weights", ".pb", ".tflite", ".mlmodel", ".bin")
# What lies in the folder of a saved model, of TensorFlow and of Transformers.
SAVED_WITH = frozenset(["saved_model.pb", "tokenizer_config.json", "training_args.bin"])
NETWORKS = (".model", ".vw", ".params", ".caffemodel", ".weights", ".pb", ".tflite", ".mlmodel")
# How Python saves what it has computed: of 16 such files that nothing wrote, one was raw.
SAVED_BY_PYTHON = (".npy", ".npz", ".p", ".pkl", ".pickle", ".joblib")
ONE_COLUMN = re.compile(r"\s*[-+]?\d[\d.eE+-]*\s*\n")  # the first line of a table without a head
TOPIC = re.compile(r"(?i)[a-z][ _-]?prediction$")  # the task, in the name of what is read for it
TABLES = frozenset({"read_hdf", "HDFStore"})
PAGES = frozenset({"markup", "pdf", "office"})
OTHERS = frozenset({"binary", "json", "yaml", "config", "xml", "web", "source"})
FEW_FOREIGN = 2  # files of another language at the root
MANY_TEXTS = 20  # in one folder: they are what is learned from, not what is read about
SEVERAL = 3  # PDFs in a folder of data
MANY_NUMBERED = 5  # files with a number for a name, or in it
PROSE = frozenset({"markup", "pdf", "office", "text"})
# What only tests read: such a name, or a test beside it, has to say so as well.
FIXTURE = re.compile(r"(?i)(^|[_-])(bad|broken|dummy|fake|fixture|invalid|mini|missing|mock|tiny)")


def _unnumbered(path: str) -> str:
    """Return a path with no numbers in the file's name; "" if there are none in it."""
    folder, name = posixpath.split(path)
    plain = re.sub(r"\d+", "", name)
    return f"{folder}/{plain}" if plain != name else ""


class Data:
    """Judges models and data; it holds what is known of the whole repository."""

    def __init__(self, repo: Repository, facts: Facts, found: Layout) -> None:
        self.repo, self.facts, self.layout = repo, facts, found
        self.started = started(repo.files)
        self.images: dict[str, int] = {}
        self.series: dict[str, set[str]] = {}  # names of a folder's images, without numbers
        for fact in facts.of("image"):
            folder = posixpath.dirname(fact.path)
            self.images[folder] = self.images.get(folder, 0) + 1
            plain = re.sub(r"\d+", "", names.stem(fact.path)[0])
            self.series.setdefault(folder, set()).add(plain)
        self.numbered = Counter(
            _unnumbered(p) for p, fact in facts.files.items() if data_like(fact, repo) == "json"
        )
        self.tests = {posixpath.dirname(p) for p in facts.files if is_test(p, repo)} - {""}
        self.saved = {
            posixpath.dirname(p) for p in facts.files if posixpath.basename(p) in SAVED_WITH
        } - {""}
        self.models = {posixpath.dirname(fact.path) for fact in facts.of("model", "hdf5")}
        self.others: dict[str, int] = {}
        for fact in facts.files.values():
            if data_like(fact, repo) in OTHERS:
                folder = posixpath.dirname(fact.path)
                self.others[folder] = self.others.get(folder, 0) + 1
        self.code = {
            posixpath.dirname(fact.path) for fact in facts.of("python")
            if not is_test(fact.path, repo)
        } - {""}  # fmt: skip
        self.tops = {path.split("/")[0] for path in facts.files if path.endswith(".py")}
        self.pages = {
            posixpath.dirname(path): path for path in facts.files
            if (path.lower().endswith((".html", ".htm")) and facts.files[path].content == "web")
            or path.lower().endswith(".qmd")
        }  # fmt: skip
        self.styled = {
            posixpath.dirname(p) for p in facts.files if p.endswith((".css", ".scss", ".less"))
        } - {""}
        root = Counter(fact.content for path, fact in facts.files.items() if "/" not in path)
        self.foreign = root["source"] > FEW_FOREIGN and root["source"] > root["python"]
        self.browsed = bool(self.pages or self.styled) or any(
            posixpath.basename(path) == "package.json" for path in facts.files
        )
        self.classes = self._classes()
        self.forms: dict[str, set[str]] = {}  # of the images in the folders of a folder
        for fact in facts.of("image"):
            above = posixpath.dirname(posixpath.dirname(fact.path))
            form = repo.files[fact.path].suffix.replace("jpeg", "jpg")
            self.forms.setdefault(above, set()).add(form)
        self.set_in = {posixpath.dirname(p) for p in facts.files if p.endswith(".tex")} - {""}
        self.screens = {
            path for path, module in repo.python.items()
            if any(each.module.split(".")[0] in SCREENS for each in module.imports)
        }  # fmt: skip
        self.shows = bool(self.screens or self.styled or facts.of("source"))
        self.tables = {posixpath.dirname(fact.path) for fact in facts.of(*DATA, "pointer")}
        texts = Counter(posixpath.dirname(fact.path) for fact in facts.of("text"))
        self.pdfs = Counter(posixpath.dirname(fact.path) for fact in facts.of("pdf"))
        self.corpora = {folder for folder, count in texts.items() if count >= MANY_TEXTS} - {""}
        self.steps = {
            who for fact in facts.files.values()
            if data_like(fact, repo) in DATA for who in fact.writers
        }  # fmt: skip

    def _classes(self) -> Counter[str]:
        """Return how many folders of images alone a folder holds: one for each class, maybe."""
        others = {
            posixpath.dirname(path) for path, fact in self.facts.files.items()
            if data_like(fact, self.repo) not in {"image", "empty"}
        }  # fmt: skip
        return Counter(posixpath.dirname(folder) for folder in self.images.keys() - others)

    def _in_series(self, path: str) -> bool:
        """Tell whether a JSON file is one of many whose names differ by their numbers."""
        name = _unnumbered(path)
        return bool(name) and self.numbered[name] >= MANY_NUMBERED

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
        parts, content = names.parts_of(path), data_like(fact, self.repo)
        found = names.MEASURED.search(names.stem(path)[0]) is not None
        whole = next((each for each in self.saved if path.startswith(f"{each}/")), "")
        if content in {"python", "notebook"} or (found and content in DATA | {"json", "text"}):
            whole = ""
        if whole:
            why = (f"a part of the saved model {whole}", self._folder_named(whole))
            sure = bool(why[1]) or any(part in names.MODEL_FOLDERS for part in parts)
            return Judged("model", "models", 0.95 if sure else 0.65, why)
        in_folder = bool(parts) and any(part in names.MODEL_FOLDERS for part in parts)
        beside = in_folder and posixpath.dirname(path) in self.models
        dated = (
            in_folder
            and not names.STAGES.keys() & set(parts)
            and any(map(names.RUN.search, path.split("/")[:-1]))
        )
        if dated and content in DATA | {"text"} and not fact.writers:
            why = ("it is no model", "it lies in the dated folder of a run of one")
            return Judged("result", "models", 0.93, why)
        part = content == "text" and told(self.repo.text(path)) in {"", "raw data"}
        if (
            beside
            and not found
            and (part or content in {"array", "binary", "json", "zip", "compressed"})
        ):
            return Judged(
                "model", "models", 0.93, ("it lies beside a model", "its folder is for models")
            )
        inner = bool(parts) and parts[-1] in names.MODEL_FOLDERS
        if inner and content in {"zip", "binary"} and path.lower().endswith(SAVED):
            return Judged("model", "models", 0.93, ("its folder is for models", "saved as one"))
        r = content == "array" and path.lower().endswith(SAVED_BY_R)
        saved = r and (inner or R_MODEL.search(names.stem(path)[0]))
        saved = saved or (content == "array" and WEIGHTS.search(names.stem(path)[0]))
        if saved or (content == "binary" and path.lower().endswith(NETWORKS)):
            content = "model"
        if content not in {"model", "hdf5"}:
            return None
        modules = {module.split(".")[0] for module in fact.pickled}
        if modules and modules <= LIBRARIES:
            return self._table(path, fact, "its pickle holds tables or arrays only")
        if content == "model" and path.endswith(HDF5) and self._opened_as_table(fact):
            return self._table(path, fact, "pandas reads it as a table")
        named = MODEL_NAME.search(path)
        what = "a model's bytes" if not modules else f"its pickle names {sorted(modules)[0]}"
        used = self._read(fact) or ("its folder is for models" if in_folder else "")
        used = used or ("its library makes models" if modules & MAKERS and named else "")
        made = in_folder or named or modules & MAKERS
        if used and (made or not names.DATA_FOLDERS & set(parts)):
            return Judged("model", "models", 0.95, (what, used))
        if names.DATA_FOLDERS & set(parts) and not named:
            return self._table(path, fact, "it lies among data")
        return Judged("model", "models", 0.65, (what,))

    def _opened_as_table(self, fact: Fact) -> bool:
        """Tell whether code that reads an HDF5 file opens tables with pandas."""
        who = fact.readers | fact.namers
        return any(
            call.name.rsplit(".", 1)[-1] in TABLES
            for path in who if path in self.repo.python for call in self.repo.python[path].calls
        )  # fmt: skip

    def _folder_named(self, folder: str) -> str:
        who = self.facts.folders_read.get(folder) or self.facts.folders_written.get(folder)
        return f"{sorted(who)[0]} names its folder" if who else ""

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
        package = self._package(path)
        if content in DATA - {"database"} and package and not among and not fact.writers:
            why = (f"its bytes are a {content}", f"it is a part of the package {package}")
            return Judged("raw data", "with code", 0.93, why)
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
                return self._explains(path)
            if (
                content in PROSE
                and not fact.readers
                and names.DICTIONARY.search(names.stem(path)[0])
            ):
                return Judged("document", "docs", 0.92, ("prose", "its name is a dictionary's"))
            if content in PAGES and not self._are_read(path, content):
                return stays("document", "it explains the folder that it is in")
            found = self._table(path, fact, "it lies among data")
            if content == "text" and told(self.repo.text(path)) == "document":
                return replace(found, kind="document")  # such as the addresses of the data
            drawn = plotted(self.repo.files[path]) or names.FIGURES & set(parts)
            return replace(found, kind="figure") if content == "image" and drawn else found
        if content == "text" and posixpath.dirname(path) in self.corpora and not package:
            return self._table(path, fact, "one of many texts")
        return self._table(path, fact, "") if content in DATA else None

    def _are_read(self, path: str, content: str) -> bool:
        """Tell whether PDFs in a folder of data are the data: there are several."""
        return content == "pdf" and self.pdfs[posixpath.dirname(path)] >= SEVERAL

    def _explains(self, path: str) -> Judged:
        """Judge a README among data: it goes where its data go, or its code."""
        folder = posixpath.dirname(path)
        if folder in self.code:
            return Judged("document", "with code", 0.92, ("prose", "it explains code beside it"))
        parts = names.parts_of(path)
        if len(parts) > 1 and folder in self.tables:
            stage = next((names.STAGES[p] for p in reversed(parts) if p in names.STAGES), "raw")
            return Judged("document", f"data/{stage}", 0.92, ("prose", "it explains these data"))
        return stays("document", "it explains the folder that it is in")

    def _package(self, path: str) -> str:
        """Return the package that a file belongs to, "" if it is in none."""
        top = path.removeprefix("src/").split("/")[0]
        known = self.layout.inner if path.startswith("src/") else self.layout.packages
        return top if top in known else ""

    def _table(self, path: str, fact: Fact, what: str) -> Judged:
        parts, content = names.parts_of(path), data_like(fact, self.repo)
        what = what or f"its bytes are a {content}"
        among = bool(set(parts) & names.DATA_FOLDERS)
        if not among and not fact.readers and names.DICTIONARY.search(names.stem(path)[0]):
            place = "stay" if parts and parts[0] in names.STAY else "docs"
            return Judged("document", place, 0.92, (what, "its name is a data dictionary's"))
        record = content == "table" and recorded(self._start(path))
        if record or (names.for_results(parts) and (fact.writers or not fact.readers)):
            why = "its head names measures" if record else "its folder is for results"
            return Judged("result", "reports", 0.93, (what, why))
        stage = next((names.STAGES[part] for part in reversed(parts) if part in names.STAGES), "")
        if stage:
            return self._staged(path, stage, what)
        return self._written(path, fact, what) or self._unwritten(path, fact, what)

    def _start(self, path: str) -> str:
        file = self.repo.files[path]
        return file.text or file.head.decode("latin-1")

    def _staged(self, path: str, stage: str, what: str) -> Judged:
        """Judge data whose folder says how far they are."""
        kind = "raw data" if stage in {"raw", "external"} else "derived data"
        among = bool(set(names.parts_of(path)) & names.DATA_FOLDERS)
        sure = among and (stage != "external" or path.startswith("data/"))
        found = Judged(kind, f"data/{stage}", 0.96, (what, f"its folder says {stage}"))
        return found if sure else replace(found, confidence=0.7)

    def _written(self, path: str, fact: Fact, what: str) -> Judged | None:
        """Judge data that code writes."""
        if not fact.writers:
            return None
        why = (what, f"{sorted(fact.writers)[0]} writes it")
        among = bool(set(names.parts_of(path)) & names.DATA_FOLDERS)
        named = names.RESULT.search(names.stem(path)[0])
        measured = path.endswith((".npy", ".npz")) and names.MEASURED.search(names.stem(path)[0])
        if (measured or (named and not fact.readers - fact.writers)) and not among:
            return Judged("result", "reports", 0.95, why)
        # Between two steps it is interim; what a model, an application or nobody reads is final.
        further = (fact.readers & self.steps) - fact.writers
        place = "data/interim" if further else "data/processed"
        return Judged("derived data", place, 0.95, why)

    def _tested(self, path: str, fact: Fact) -> bool:
        """Tell whether only tests use a file, and its name or place says so as well."""
        users = fact.readers | fact.namers
        tests = {who for who in users if is_test(who, self.repo)}
        beside = any(posixpath.dirname(who) == posixpath.dirname(path) for who in tests)
        named = FIXTURE.search(names.stem(path)[0]) is not None
        return bool(tests) and tests == users and (beside or named)

    def _unwritten(self, path: str, fact: Fact, what: str) -> Judged:
        """Judge data that nothing writes: raw if something uses them and no name contradicts."""
        among = bool(set(names.parts_of(path)) & names.DATA_FOLDERS)
        base, parts = names.stem(path)[0], names.parts_of(path)
        content = data_like(fact, self.repo)
        if self._tested(path, fact):
            return Judged("raw data", "tests", 0.93, (what, "only tests use it"))
        used = self._read(fact) or self._folder_read(path)
        given = names.GIVEN.match(base) is not None
        if not used and not among and "/" in path and self.others.get(posixpath.dirname(path)):
            why = (what, "it lies among other files")
            kind = "result" if names.MEASURED.search(base) else "raw data"
            return stays(kind, *why, sure=0.5)
        made = any(map(names.MADE_FOLDER.search, parts)) and not fact.readers
        topic = used and TOPIC.search(base) and not names.DERIVED.search(base)
        found = content == "array" and names.MEASURED.search(base) is not None
        if (
            not given
            and not topic
            and (made or found or names.DERIVED.search(base) or names.RESULT.search(base))
        ):
            why = (what, "its name says that it was made")
            if found or not (among or made or names.DERIVED.search(base)):
                return Judged("result", "reports", 0.6, why)
            return Judged("derived data", "data/processed", 0.6, why)
        if path.lower().endswith(SAVED_BY_PYTHON):
            why = (what, "Python has saved it")
            return Judged("derived data", "data/processed", 0.6, why)
        if not used and not among and content == "spreadsheet" and MODEL_NAME.search(base):
            why = (what, "its name is a model's, and nothing reads it")
            return Judged("result", "reports", 0.6, why)
        if used and not among and content == "database":
            return stays("raw data", what, used, "it may be written")
        if used and not among and content == "table" and ONE_COLUMN.match(self._start(path)):
            why = (what, "one column of numbers, as what a model answers")
            return Judged("derived data", "data/processed", 0.6, why)
        if given and not used:
            return Judged("raw data", "data/raw", 0.93, (what, "a competition gives it"))
        if used or among:
            reason = used or "its folder is for data"
            sure = 0.95 if used else 0.9
            return Judged("raw data", "data/raw", sure, (what, reason, "nothing writes it"))
        return Judged("raw data", "data/raw", 0.6, (what, "nothing reads it"))

    def _folder_read(self, path: str) -> str:
        """Say who reads the folder of a file, if the folder holds data only."""
        folder = posixpath.dirname(path)
        if self.others.get(folder):
            return ""
        while folder:
            if who := self.facts.folders_read.get(folder):
                return f"{sorted(who)[0]} reads its folder"
            folder = posixpath.dirname(folder)
        return ""
