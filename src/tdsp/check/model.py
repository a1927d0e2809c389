"""Models: how they are stored, loaded, named and described."""

import re
from collections.abc import Iterator

from tdsp.check.data import lfs, trains
from tdsp.check.flow import flows
from tdsp.check.names import PUT_ASIDE
from tdsp.check.purpose import exported, lesson
from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.reading import Repository
from tdsp.reading.files import MEGABYTE
from tdsp.reading.python import Call, Module, Value
from tdsp.reading.repository import model_kind

LOADS = re.compile(
    r"^(joblib\.load|pickle\.loads?|cloudpickle\.loads?|dill\.loads?|skops\.io\.load|torch\.load|"
    r"(tensorflow\.)?keras\.models\.load_model|mlflow\.\w+\.load_model|onnxruntime\.InferenceSession|"
    r"sklearn\.externals\.joblib\.load)$"
)
UNSAFE = re.compile(
    r"^(joblib\.load|pickle\.loads?|cloudpickle\.loads?|dill\.loads?|pandas\.read_pickle|torch\.load|"
    r"numpy\.load)$"
)
PREPARE = (
    "sklearn.preprocessing.",
    "sklearn.impute.",
    "sklearn.decomposition.",
    "sklearn.feature_",
)
REMOTE = re.compile(r"^(requests|httpx|urllib|boto3|flask\.request|fastapi|socket)\b")
SERVE = (
    "import joblib\nfrom sklearn.preprocessing import StandardScaler\n\nmodel ="
    " joblib.load('m.joblib')\n\n\n"
)


def loads_model(module: Module) -> list[Call]:
    """Return the calls that load a model."""
    return [call for call in module.calls if LOADS.match(call.name)]


def predicts(module: Module) -> list[Call]:
    """Return the calls that ask a model."""
    onnx = any(call.name == "onnxruntime.InferenceSession" for call in module.calls)
    ways = {"predict", "predict_proba", "run"} if onnx else {"predict", "predict_proba"}
    return [call for call in module.calls if call.method in ways and call.receiver]


@check(
    "MO08",
    family="model",
    title="Scoring uses what training fitted",
    why="A scaler that is fitted again on the rows to be scored gives them another meaning than in"
    " training: the same row gets another answer beside other rows.",
    fix="Save the fitted transformer with the model, best as one Pipeline, and call `transform`.",
    unless="no file loads a model and predicts",
    severity="info",
    proves=("O3",),
    bad={
        "score.py": SERVE
        + "def score(rows):\n    return model.predict(StandardScaler().fit_transform(rows))\n"
    },
    good={
        "score.py": SERVE + "scaler = joblib.load('s.joblib')\n\n\ndef score(rows):\n"
        "    return model.predict(scaler.transform(rows))\n"
    },
)
def same_preparation(repo: Repository) -> Iterator[Mark]:
    """Judge files that load a model and predict, and train none."""
    for module in repo.modules("production"):
        loaded, asked = loads_model(module), predicts(module)
        if not loaded or not asked:
            continue
        found, trained = [], False
        for flow in flows(module):
            for fit in flow.fits:
                if fit.maker.startswith(PREPARE):
                    found.append(fit)
                else:
                    trained = True
        if not found:
            if not trained:
                yield held(repo, module, asked[0].line, "nothing is fitted here")
        elif trained:
            yield unsure(repo, module, found[0].call.line, "this file also trains")
        else:
            for fit in found:
                last = fit.maker.rsplit(".", 1)[-1]
                if any("train" in name.lower() for value in fit.call.args for name in value.names):
                    message = "these rows are named those of training"
                    yield unsure(repo, module, fit.call.line, message)
                    continue
                message = (
                    f"{last} is fitted beside a model that was loaded in line {loaded[0].line}"
                )
                yield broken(repo, module, fit.call.line, message)


@check(
    "MO01",
    family="model",
    title="No pickle from elsewhere is opened",
    why="Opening a pickle runs whatever code its author put into it.",
    fix="Use a format that is data: ONNX, safetensors, skops; or check a digest first.",
    unless="nothing opens a pickle",
    severity="info",
    proves=("security",),
    bad={
        "load.py": "import pickle\nimport requests\n\nmodel = pickle.loads(requests.get('http://a/m').content)\n"
    },
    good={
        "load.py": "import pickle\n\nwith open('m.pkl', 'rb') as file:\n    model ="
        " pickle.load(file)\n"
    },
)
def pickle_from_elsewhere(repo: Repository) -> Iterator[Mark]:
    """Judge what opens pickles by where the bytes come from, followed through one scope."""
    for module in repo.modules("production"):
        remote = _remote_names(module)
        for call in module.calls:
            if not UNSAFE.match(call.name) or _safe(call):
                continue
            value = call.args[0] if call.args else None
            if value is None:
                continue
            if _is_remote(value) or (value.names & remote.get(call.scope, set())):
                yield broken(
                    repo,
                    module,
                    call.line,
                    f"{call.name} opens what came over a network or a request",
                )
            elif isinstance(value.constant, str) and "://" in value.constant:
                yield broken(repo, module, call.line, f"{call.name} opens an address")
            else:
                yield held(repo, module, call.line, "a file")


def _safe(call: Call) -> bool:
    if call.name == "torch.load":
        only = call.get("weights_only")
        return only is None or only.constant is True  # the default since PyTorch 2.6
    if call.name == "numpy.load":
        allowed = call.get("allow_pickle")
        return allowed is None or allowed.constant is not True
    return False


def _is_remote(value: Value) -> bool:
    if REMOTE.match(value.name):
        return True
    if value.call is not None:
        if REMOTE.match(value.call.name) and value.call.method not in {
            "urlretrieve",
            "download_file",
        }:
            return True
        inner = [*value.call.args, *([value.call.receiver] if value.call.receiver else [])]
        wraps = (
            value.call.name in {"io.BytesIO", "base64.b64decode", "zlib.decompress"}
            or value.call.receiver
        )
        return bool(wraps) and any(_is_remote(each) for each in inner)
    return value.base is not None and _is_remote(value.base)


def _remote_names(module: Module) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in module.assigns:
        if _is_remote(each.value):
            found.setdefault(each.scope, set()).update(t for t in each.targets if t)
    return found


OF_DATA = re.compile(
    r"(?i)(^|/)(data|datasets?|processed|interim|features)/([^/]+/)*(?![^/]*(model|classif|regress|clf|"
    r"forest|boost|xgb|svm|net|encoder|scaler|pipeline))[^/]+$"
)


ROWS = re.compile(rb"pandas\.core\.(frame|series|indexes)")  # what a pickle of a table names first
CACHED = re.compile(r"(?i)(^|[_-])(caches?|embeddings|vectors)([_.-]|$)")


@check(
    "MO02",
    family="model",
    title="Models are not in git",
    why="Each version stays in every clone for ever, and nothing says which data and code made it.",
    fix="Keep them in a registry, DVC, LFS or a package of the release.",
    unless="git is not used, or it tracks no model",
    severity="note",
    proves=("P1",),
    bad={"model.pkl": "(" + "a" * 1_100_000},
    good={"model.onnx": "version https://git-lfs.github.com/spec/v1\n"},
)
def model_in_git(repo: Repository) -> Iterator[Mark]:
    """Judge tracked model files of over 1 MB, told by their first bytes."""
    for path, file in repo.files.items():
        if not file.tracked or repo.role(path) in {"test", "vendored", "example"}:
            continue
        rows = OF_DATA.search(path) or ROWS.search(file.head[:64])
        if rows and model_kind(file) == "pickle":
            yield Mark("unknown", path, 1, "", "a pickle among the data: rows, or a model")
            continue
        index = path.endswith(".pkl") and f"{path[:-4]}.faiss" in repo.files
        if index or (CACHED.search(file.name) and model_kind(file) == "pickle"):
            yield Mark("unknown", path, 1, "", "a pickle of a search: its texts, or vectors")
            continue
        if lfs(repo, path) and file.suffix in {".onnx", ".pt", ".pth", ".pkl", ".h5", ".joblib"}:
            yield Mark("held", path, 1, "", "kept by Git LFS")
        elif (kind := model_kind(file)) and file.size > MEGABYTE:
            yield Mark("fail", path, 1, "", f"a {kind} model of {file.size / MEGABYTE:,.0f} MB")


@check(
    "MO04",
    family="model",
    title="The model in use is named by an alias or a version",
    why="MLflow has given up stages. With the newest version, what is registered is in use before"
    " anyone has judged it.",
    fix="Name a version, or an alias that a gate moves: `models:/NAME@champion`.",
    unless="no file names a registered model of MLflow or Azure ML",
    severity="note",
    proves=(),
    bad={"serve.py": "import mlflow\n\nm = mlflow.pyfunc.load_model('models:/churn/Production')\n"},
    good={"serve.py": "import mlflow\n\nm = mlflow.pyfunc.load_model('models:/churn@champion')\n"},
)
def model_alias(repo: Repository) -> Iterator[Mark]:
    """Judge `models:/` addresses and the calls that move stages."""
    for module in repo.modules("production"):
        for text in module.texts:
            if match := re.match(r"models:/[^/@\s{}]+([/@])(\w+)$", text.value):
                if match[1] == "/" and match[2].lower() in {"latest", "production", "staging"}:
                    yield broken(repo, module, text.line, f"the model in use is {match[2]!r}")
                else:
                    yield held(repo, module, text.line)
        for call in module.calls:
            if call.method == "transition_model_version_stage" and not _archives(call):
                yield broken(repo, module, call.line, "MLflow has given up stages; use aliases")
    for each in repo.azureml:
        model = each.get("model")
        if "Deployment" not in each.kind or not isinstance(model, str):
            continue
        line = each.document.line("model")
        if model.startswith("azureml:") and model.endswith("@latest"):
            yield at(repo, "fail", each.path, line, "the model in use is 'latest'")
        elif re.match(r"azureml:\S+[:@/][\w.-]+$", model) and "$" not in model:
            yield at(repo, "held", each.path, line)


def _archives(call: Call) -> bool:
    """Tell whether a model is only taken out of use."""
    return any(v.constant == "Archived" for v in (*call.args, *call.keywords.values()))


KEPT = (
    "import joblib\nfrom sklearn.svm import SVC\n\n"
    "model = SVC().fit([[1]], [1])\njoblib.dump(model, 'model.joblib')\n"
)
CARD = "# Model card\n\n## Intended use\n\nChurn of customers.\n"


@check(
    "MO06",
    family="model",
    title="A document describes the model",
    why="Who uses a model must know what it is for, what it was trained on, and where it fails.",
    fix="Write a model card: purpose, data, figures, limits.",
    unless="nothing but a toy table is trained on, or no model is kept",
    severity="info",
    proves=(),
    bad={"train.py": KEPT, "README.md": "# App\n"},
    good={
        "train.py": KEPT,
        "docs/model_card.md": CARD,
    },
)
def model_card(repo: Repository) -> Iterator[Mark]:
    """Look for a model card, or for a stage or template that writes one."""
    module = trains(repo, toys=False)
    if module is None:
        return
    cards = repo.named(
        r"(?i)(.*/)?(model[-_]?card\w*|.*/model/(card|report|method))(\.md|\.rst|\.html)?(\.j2|\.jinja)?|(.*/)?card\.md(\.j2)?"
    )
    for file in cards[:1]:
        yield at(repo, "held", file.path, 1)
    if not cards and _kept(repo):
        for path, file in repo.files.items():
            if path.lower().endswith(("readme.md", ".rst")) and re.search(
                r"(?im)^#+ .*(model card|intended use|limitations)", file.text or ""
            ):
                yield at(repo, "held", path, 1, "a section describes the model")
                return
        if about := _about(repo):
            message = "it speaks of the model; whether it says what its user needs cannot be told"
            yield at(repo, "unknown", about, 1, message)
        elif not lesson(repo, module.path) and not exported(module):
            yield broken(
                repo, module, 1, "a model is trained here, and no model card describes one"
            )


KEEPING = re.compile(
    r"^(joblib|pickle|cloudpickle|dill)\.dump$|^torch\.save$|^skops\.io\.dump$|"
    r"(^|\.)(save_model|log_model|register_model|save_pretrained|save_object|save_weights)$"
)


def _kept(repo: Repository) -> bool:
    """Tell whether a model outlives its training: as a file, in a registry, in a service."""
    ours = ("production", "notebook")
    if repo.saved or repo.azureml or any(repo.role(file.path) in ours for file in repo.models):
        return True
    for module in repo.modules("production", "notebook"):
        for call in module.calls:
            of = call.receiver.name if call.receiver is not None else ""
            named = call.method in {"save", "export"}
            saves = named and re.search(r"(?i)model|net|clf|classifier", of)
            if KEEPING.search(call.name) or LOADS.match(call.name) or saves:
                return True
    return False


ABOUT = re.compile(
    r"(?i)(.*/)?[^/]*(model[-_ ]?(overview|notes|description|documentation|details|report)|"
    r"(final|project|technical|implementation|data)[-_ ]?(report|summary)|report)"
    r"[^/]*\.(md|txt|pdf|rst|docx|html)"
)
PARTS = tuple(
    re.compile(rf"(?im)^#+ .*\b({words})")
    for words in (
        "data|dataset|features?|inputs?",
        "models?|methods?|methodology|approach|algorithms?|architecture|training",
        "results?|performance|evaluation|metrics|accuracy|findings|scores?",
    )
)


def _about(repo: Repository) -> str:
    """Return a document with sections on data, model and results, or one that is named so."""
    for file in repo.named(ABOUT.pattern):
        if not file.path.startswith(".github/"):  # a form for reports of bugs
            return file.path
    for path, file in repo.files.items():
        text = file.text or ""
        if path.lower().endswith((".md", ".rst")) and all(part.search(text) for part in PARTS):
            return path
    return ""


ENDED = {
    "azureml.core": ("Azure ML SDK v1", "30 June 2026", "the SDK v2, `azure.ai.ml`"),
    "azureml.train": ("Azure ML SDK v1", "30 June 2026", "the SDK v2, `azure.ai.ml`"),
    "azureml.pipeline": ("Azure ML SDK v1", "30 June 2026", "the SDK v2, `azure.ai.ml`"),
    "sklearn.externals": ("sklearn.externals.joblib", "scikit-learn 0.23", "`joblib`"),
    "sklearn.cross_validation": (
        "sklearn.cross_validation",
        "scikit-learn 0.20",
        "`sklearn.model_selection`",
    ),
    "sklearn.grid_search": (
        "sklearn.grid_search",
        "scikit-learn 0.20",
        "`sklearn.model_selection`",
    ),
}


@check(
    "MO10",
    family="model",
    title="No library is past its end",
    why="What is no longer supported gets no security fixes, and one day the service behind"
    " it ends.",
    fix="Move to what has taken its place.",
    unless="no file imports scikit-learn or Azure ML",
    severity="note",
    proves=("O1",),
    bad={"train.py": "from azureml.core import Workspace\n"},
    good={"train.py": "from azure.ai.ml import MLClient\n"},
)
def ended(repo: Repository) -> Iterator[Mark]:
    """Judge imports by a table of what has ended."""
    yield from first(_ended(repo))


def _ended(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules("production", "notebook"):
        if PUT_ASIDE.search(module.path):
            continue
        old = [
            each
            for each in module.imports
            for key in ENDED
            if _of(each.name, key) or _of(each.module, key)
        ]
        for each in old[:1]:
            key = next(k for k in ENDED if _of(each.name, k) or _of(each.module, k))
            what, when, then = ENDED[key]
            if not each.guarded:
                yield broken(repo, module, each.line, f"{what} ended with {when}; use {then}")
        if not old:
            current = [
                e
                for e in module.imports
                if e.module.split(".")[0] == "sklearn" or _of(e.module, "azure.ai.ml")
            ]
            for each in current[:1]:
                yield held(repo, module, each.line)


def _of(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")
