"""Names that decide: files that tools look for, folders that say what is in them, versions."""

import keyword
import posixpath
import re
from collections.abc import Iterable

JUNK = re.compile(
    r"(^|/)(__pycache__|node_modules|\.ipynb(_aml)?_checkpoints|\.idea|\.pytest_cache|\.mypy_cache|\.ruff_cache|"
    r"\.hypothesis|\.tox|\.nox|\.eggs|\.ropeproject|\.gradle|\.terraform|\.sass-cache|\.dart_tool|"
    r"\.next|\.nuxt|\.svelte-kit|\.parcel-cache|\.turbo|\.angular|\.expo|\.serverless|\.aws-sam|\.pytype|\.cache|"
    r"[^/]+\.egg-info|catboost_info|CMakeFiles|docs?/(source/)?_build|_build/(html|doctrees|latex|jupyter_execute)|\.history|\.Rproj\.user|\.spyproject|\.vs|__MACOSX|\.dvc/tmp)/|"
    r"(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|Icon\r|\.Rhistory|\.RData|\._[^/]*|tempCodeRunnerFile\.\w+|\.~lock\.[^/]*|"
    r"~\$[^/]*|\.coverage|nohup\.out|CMakeCache\.txt|cmake_install\.cmake)$|\.(pyc|pyo|class|depend|asv|swp|swo|bak~|amltmp)$|[^/]~$|:Zone\.Identifier$|"
    r"(^|/)target/(classes|test-classes|surefire-reports|(maven|generated)-[\w-]+)/"
)
LATEX = re.compile(r"\.(aux|bbl|blg|fdb_latexmk|fls|lof|log|lot|out|synctex\.gz|toc|nav|snm)$")
MADE = re.compile(  # of code, too
    r"(^|/)tempCodeRunnerFile\.|(^|/)(\.ipynb(_aml)?_checkpoints|build/(lib|bdist)[^/]*|\.history|site-packages)/"
)
# Of a folder: what is in it was made, though nothing is known that makes it.
MADE_FOLDER = re.compile(
    r"(?i)(^|_)((clean(ed)?|(pre)?processed|transformed|combined|merged|prepared|generated|gen|"
    r"augmented|predictions)(_|$)|prediction$)"
)
ASSISTANT = re.compile(
    r"^(AGENTS|CLAUDE|GEMINI|QWEN)\.md$|^\.(cursor|claude|gemini|windsurf|aider|codex|continue|augment|roo|kiro)"
    r"[^/]*(/|$)|^\.github/(copilot-instructions\.md|instructions/|prompts/|skills/|agents/)|^\.mcp\.json$|"
    r"(^|/)(AGENTS|CLAUDE)\.md$|^\.(windsurf|cursor|cline)rules$"
)
KEPT_DOCUMENT = re.compile(
    r"^(readme|licen[cs]e|copying|contribut(ing|ors)|changelog|changes|history|code_of_conduct|security|"
    r"citation|authors|notice|maintainers|support|governance|codeowners)([-_.][^/]*)?$",
    re.IGNORECASE,
)
DEPENDENCIES = re.compile(
    r"^([\w.-]*requirements?[\w.-]*\.(txt|in|lock|pip|ya?ml)|reqs?\.txt|(pip-?)?freeze\.(txt|pip)|(conda[\w-]*|environment|env)[\w.-]*\.ya?ml|"
    r"Pipfile(\.lock)?|poetry\.lock|uv\.lock|pdm\.lock|pixi\.(toml|lock)|renv\.lock|DESCRIPTION|go\.(mod|sum)|Cargo\.(toml|lock)|Gemfile(\.lock)?|pom\.xml|"
    r"package(-lock)?\.json|pubspec\.(yaml|lock)|Podfile(\.lock)?|yarn\.lock|pnpm-lock\.yaml|constraints[\w.-]*\.txt|packages\.txt|"
    r"install\.R|apt\.txt)$",
    re.IGNORECASE,
)
BUILD = re.compile(
    r"^(setup\.(py|cfg)|pyproject\.toml|[\w.-]*makefile|\w+\.mk|(?![\w.-]*\.(md|rst|txt|py)$)[\w.-]*dockerfile[\w.-]*|"
    r"(docker-)?compose[\w.-]*\.ya?ml|tox\.ini|noxfile\.py|pytest\.ini|mypy\.ini|MANIFEST(\.in)?|"
    r"Jenkins?file[\w.-]*|gradlew(\.bat)?|.+\.(sln|vcxproj(\.\w+)?|csproj|cbp|gradle|pbxproj)|"
    r"install([_-](deps|dependencies|requirements|packages))?\.py|Procfile|runtime\.txt|app\.ya?ml|dvc\.(yaml|lock)|MLproject|buildspec\.ya?ml|"
    r"cloudbuild\.ya?ml|appspec\.ya?ml|azure-pipelines[\w.-]*\.ya?ml|mkdocs\.ya?ml|justfile|"
    r"tasks\.py|manage\.py|locustfile\.py|gunicorn[\w.]*\.py|render\.ya?ml|vercel\.json|netlify\.toml|fly\.toml|heroku\.yml|[\w.-]*\.Rproj|"
    r"wsgi\.ini|meson\.build|meson_options\.txt|CMakeLists\.txt|conftest\.cfg|skaffold\.yaml|serverless\.ya?ml|Vagrantfile|"
    r"databricks\.ya?ml|pylintrc|[\w.-]+\.sbt|build\.properties|Package\.swift|angular\.json|tsconfig[\w.-]*\.json|environment\.toml|readthedocs\.ya?ml|_config\.yml|"
    r"renovate\.json|make\.bat|[\w-]+\.config\.[cm]?[jt]s|(webpack|vite|babel|rollup|jest)(?![\w.-]*\.d\.ts$)[\w.-]*\.[cm]?[jt]s)$",
    re.IGNORECASE,
)  # fmt: skip
# Of these, settings: what is built or run stands elsewhere.
TOOL_SETTINGS = re.compile(
    r"(?i)^(setup\.cfg|(tox|pytest|mypy)\.ini|databricks\.ya?ml|[\w.-]*\.Rproj|pylintrc|_config\.yml|"
    r"renovate\.json|tsconfig[\w.-]*\.json|environment\.toml)$"
)
COMPOSE = re.compile(r"^(docker-)?compose[\w.-]*\.ya?ml$", re.IGNORECASE)
KEEPERS = re.compile(r"(^|/)\.?(gitkeep|keep|gitignore|gitattributes|dvcignore|placeholder)$")
# What a folder is called when it holds data; and which of the standard places its name means.
DATA_FOLDERS = frozenset(
    [
        "data",
        "dataset",
        "datasets",
        "data_files",
        "csv",
        "csvs",
        "input",
        "inputs",
        "raw",
        "raw_data",
        "rawdata",
        "bronze",
        "silver",
        "gold",
        "external",
        "interim",
        "processed",
        "clean",
        "cleaned",
        "data_raw",
        "data_set",
        "database",
        "databases",
        "sample_data",
        "sample_dataset",
        "training_data",
        "train_data",
        "test_data",
        "images_dataset",
        "corpus",
        "excel",
        "json_data",
    ]
)
STAGES = {
    "interim_data": "interim", "intermediary": "interim", "intermediary_files": "interim",
    "intermediate_data": "interim", "intermediate_files": "interim",
    "raw": "raw", "raw_data": "raw", "rawdata": "raw", "data_raw": "raw", "original": "raw",
    "external": "external", "interim": "interim", "intermediate": "interim",
    "processed": "processed", "clean": "processed", "cleaned": "processed",
    "bronze": "raw", "silver": "interim", "gold": "processed",
    "preprocessed": "processed", "final": "processed", "for_modeling": "processed",
    "transformed": "processed", "processed_data": "processed", "clean_data": "processed",
}  # fmt: skip
MODEL_FOLDERS = frozenset(
    [
        "ml_model",
        "model",
        "models",
        "saved_model",
        "saved_models",
        "trained_models",
        "trained_model",
        "model_files",
        "weights",
        "checkpoints",
        "checkpoint",
        "artifacts",
        "pickles",
        "pickle",
        "pkl",
        "pretrained",
        "ml_models",
        "savedmodels",
    ]
)
RESULT_FOLDERS = frozenset(
    [
        "results",
        "result",
        "output",
        "outputs",
        "output_files",
        "output_images",
        "reports",
        "report",
        "figures",
        "figure",
        "figs",
        "fig",
        "plots",
        "plot",
        "graphs",
        "charts",
        "predictions",
        "submissions",
        "submission",
        "metrics",
        "visualizations",
        "visuals",
        "evaluation",
        "evaluation_result",
        "evaluation_results",
        "eval_results",
        "test_results",
        "model_results",
        "experiment_results",
    ]
)
RESULTS = re.compile(r"_(reports?|results?|metrics|figures|plots)$")  # at a folder's end
ANYWHERE = frozenset(
    ["dags", "migrations", "alembic", "terraform", "airflow"]
)  # their tools find them
OUTPUTS = frozenset(["output", "outputs", "result", "results"])
IMAGES = frozenset(
    ["images", "image", "img", "imgs", "pics", "pictures", "screenshots", "screenshot", "assets"]
)
# What an application finds by its folder or by the folder's name: icons, fonts, pictures.
BUNDLED = re.compile(r"(?i)(^|/)([^/]+\.xcassets|(mipmap|drawable)(-[\w-]+)?|(web)?fonts?)/")
RESOURCES = frozenset(["res", "resources", "icons", "icon", "sprites"])
# A page that a tool wrote about data or a model.
REPORTED = re.compile(
    r"(?i)(^|[/_. -])(reports?|profil(e|ing)|eda|analysis|results?)([_. -][^/]*)?\.html?$"
)
# Images that a program is tried with or learns from.
SAMPLES = re.compile(
    r"(?i)(^|/)(train(ing)?|test(ing)?|valid(ation)?|samples?)[ _-]?"
    r"(images?|imgs|pics|pictures|photos)(/|$)"
)
# Of images: what draws them is beside them.
DRAWERS = frozenset(["visualization", "visualisation", "visualizations", "visualisations", "eda"])
CALLED_TEST = re.compile(r"test_\w+\.py$|\w+_test\.py$")
# A test in a language that pytest does not know.
OTHER_TESTS = re.compile(
    r"(^|/)[A-Z]\w*Tests?\.(java|kt|scala|cs)$|(^|/)tests?/(.*/)?(test_[^/]*|[^/]*_test)\.\w+$|"
    r"\.(test|spec)\.[jt]sx?$|(^|/)[^/]*_test\.go$|(^|/)tests/testthat/"
)
# Of documents: what a tool has added to the pages that it built.
SITE = re.compile(r"(^|/)(_static|_sphinx_design_static|_modules|_sources|locales|site_libs)/")
# The parts of a Django project: none of them is run.
DJANGO = re.compile(
    r"(^|/)(urls|views|models|admin|apps|forms|settings|wsgi|asgi|serializers|signals)\.py$"
)
# A folder of GitHub's archive, which somebody has unpacked.
DOWNLOADED = re.compile(r"^.+-(master|main)$")
SERVED = frozenset(["static", "templates", "public", "www"])
# Folders of settings, which stay, unless they hold code that code elsewhere imports.
SETTINGS = frozenset(["conf", "config", "configs", "monitoring", "ui", "web", "site"])
TOOLS = frozenset(["scripts", "bin", "tools", "ci", "script"])
FIGURES = frozenset(
    [
        "figures",
        "figure",
        "figs",
        "fig",
        "plots",
        "plot",
        "graphs",
        "graph",
        "charts",
        "visualizations",
        "visuals",
    ]
)
NOTEBOOKS = frozenset(
    ["notebooks", "notebook", "ipynb", "jupyter", "jupyter_notebooks", "nb", "nbs"]
)
DOCUMENTS = frozenset(
    ["docs", "doc", "documentation", "documentacion", "documents", "documentations"]
)
TESTS = frozenset(["tests", "test", "unit_tests", "unittests", "testing"])
# Names that say that a text is data: a dictionary of data is a document all the same.
DICTIONARY = re.compile(r"(?i)di(c|cc)tion(ary|naire)|diccionario|codebook|data[_ -]?dict")
CODE_WRAPPERS = frozenset(
    ["code", "codes", "source", "sources", "python", "py", "src_code", "python_code"]
)
STAY = frozenset(
    [
        "docs",
        "examples",
        "example",
        "dags",
        "migrations",
        "alembic",
        "terraform",
        "infra",
        "infrastructure",
        "deploy",
        "deployment",
        "k8s",
        "kubernetes",
        "helm",
        "charts_helm",
        "ansible",
        "airflow",
        "conf",
        "config",
        "configs",
        ".github",
        "notebooks",
        "references",
        "archive",
        "reports",
        "docker",
        "nginx",
        "monitoring",
        "grafana",
        "prometheus",
        "kubeflow",
        "sql",
        "site",
        "frontend",
        "client",
        "web",
        "ui",
        "website",
        "bicep",
        "azureml",
        "environments",
        "hooks",
    ]
)
GENERIC = frozenset(
    [
        *["apps", "pages", "experiments", "experimentation", "analysis", "controllers", "views"],
        *["database", "db", "queries", "routes", "schemas", "assets", "artifacts", "build", "dist"],
        *["examples", "functions", "flows", "steps", "materializers", "jobs", "tasks"],
        "src",
        "code",
        "app",
        "api",
        "utils",
        "util",
        "models",
        "model",
        "data",
        "features",
        "config",
        "core",
        "lib",
        "libs",
        "common",
        "helpers",
        "scripts",
        "script",
        "service",
        "services",
        "pipeline",
        "pipelines",
        "components",
        "modules",
        "tests",
        "test",
        "notebooks",
        "training",
        "train",
        "inference",
        "server",
        "backend",
        "frontend",
        "ml",
        "dashboard",
        "tools",
        "visualization",
        "evaluation",
        "preprocessing",
        "templates",
        "static",
        "webapp",
        "flask_app",
        "streamlit_app",
        "application",
        "main",
    ]
)
PLACES = DATA_FOLDERS | MODEL_FOLDERS | RESULT_FOLDERS | FIGURES | frozenset(STAGES)
STANDARD = ("data", "docs", "models", "notebooks", "reports", "src", "tests", "archive")
DERIVED = re.compile(
    r"(?i)(processed|clean|prepared|encoded|scaled|features?|merged|transformed|imputed|x_train|"
    r"y_train|x_test|y_test|train_test|normali[sz]ed|engineered|final|balanced|resampled|"
    r"hold[ _-]?out)"
)
RESULT = re.compile(
    r"(?i)(predict|submission|result|metric|scores?(?![a-z])|report|evaluation|confusion|history|importance|leaderboard|"
    r"findings|statistic|summary|analysis|correlation|rmse|accuracy|(?<![a-z])loss|"
    r"(^|[_ -])(auc|mae|mse|mape|f1|recall|precision)([_ -]|$))"
)
# What a competition gives as an example of what it wants: it comes with the raw data.
GIVEN = re.compile(
    r"(?i)^(sample|gender|example)[ _-]?submissions?$|^submission[ _-]?(format|sample|template)$"
)
# JSON that says how a model did, and JSON that is given to a program.
MEASURED = re.compile(
    r"(?i)metrics?([_ -]|$)|results?([_ -]|$)|report|findings|confusion|importance|leaderboard|"
    r"summary|comparison|outcome|(^|[_ -])(best|scores?|stats|roc|curves?|loss|acc|"
    r"accuracy|auc|mae|mse|rmse|mape|f1|recall|precision)([_ -]|$)"
)
# JSON beside models that says what a model is, or what it needs.
OF_MODEL = re.compile(r"(?i)(^|[_ -])(meta_?data|model_?info|classes|labels|columns|features?)")
ASKED_OF = re.compile(
    r"(?i)(?<!best_)config|setting|schema|(?<!best_)(?<!best_hyper)param|request|input|sample|example|template"
)
# JSON that a program is sent, as its folder or its name says.
SENT = re.compile(r"(?i)(^|/)(samples?|requests?|payloads?)/|(request|payload)[^/]*$|sample[^/]*$")
# An image that explains: of these, a page shows what no model has drawn.
DRAWN = re.compile(
    r"(?i)(^|[_ -])(cover|banner|logo|architecture|diagram|workflow|overview|screenshot|"
    r"flow[_ -]?chart|(code[_ -]?)?struc(t(ure)?)?)([_ -]|$)"
)
RUN = re.compile(r"20\d\d[_-][01]\d[_-]?[0-3]\d")  # the date of a run in its folder's name
# A picture of how a model did, whatever its folder is called.
PLOT = re.compile(
    r"(?i)importance|confusion|shap([_ -]|$)|(^|[_ -])roc([_ -]|$)|loss[_ -]?(curve|plot)|"
    r"distribution|word[_ -]?cloud|histogram|heat[_ -]?map|(word|term)[_ -]?freq|box[_ -]?plot|"
    r"learning[_ -]?curve|residuals?([_ -]|$)|(^|[_ -])plots?([_ -]|$)"
)
STAMP = re.compile(r"(_\d{4,})+$")  # when a folder was made
VERSION = re.compile(
    r"(?i)^(?P<base>.+?)(?P<mark>[ _.-]*(?:v(?:er(?:sion)?)?[ _.-]?\d+|final\d*|old\d*|backup\d*|"
    r"bak|orig(?:inal)?|copy\d*|\(copy\)|\(\d+\)|deprecated|new|updated))+$"
)
OLDER = re.compile(r"(?i)(old\d*|backup\d*|bak|orig(inal)?|copy\d*|\(copy\)|\(\d+\)|deprecated)$")
GONE = re.compile(r"(?i)(^|/)(old|archive[sd]?|backups?|deprecated|legacy|obsolete|trash)/")


def build_kind(name: str) -> str:
    """Return the kind of a file that a build tool or a host looks for by its name."""
    return "configuration" if TOOL_SETTINGS.match(name) else "build"


def folded(part: str) -> str:
    """Return a folder's name as it is compared: small letters, one kind of joint."""
    return re.sub(r"[\s-]+", "_", part.strip()).lower()


def parts_of(path: str) -> list[str]:
    """Return the folders of a path, as they are compared: without the date of a run."""
    return [STAMP.sub("", folded(part)) for part in path.split("/")[:-1]]


def for_results(parts: Iterable[str]) -> bool:
    """Tell whether one of a path's folders is for results."""
    return any(part in RESULT_FOLDERS or RESULTS.search(part) for part in parts)


def stem(path: str) -> tuple[str, str]:
    """Return a file's name without its suffix, and the suffix."""
    name = posixpath.basename(path)
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if dot > 0 else (name, "")


def module_name(name: str) -> str:
    """Return a name that can be imported, as near to the old one as possible."""
    plain = name.encode("utf-8", "replace").decode().replace("+", "plus")
    plain = (
        re.sub(r"[^\w]+", "_", plain, flags=re.ASCII).strip("_")
        if not name.isidentifier()
        else name
    )
    if name.startswith("__") and name.endswith("__"):
        return name
    if not plain:
        return "unnamed"
    if plain[0].isdigit():
        plain = f"step_{plain}"
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def module_path(path: str) -> str:
    """Return a path below a package whose folders and file can be imported."""
    *folders, name = path.split("/")
    base, suffix = stem(name)
    page = folders[-1:] == ["pages"]  # Streamlit shows their names, and nothing imports them
    whole = module_name(base) + suffix if suffix == ".py" and not page else name
    return "/".join([*map(module_name, folders), whole])


def without(path: str, names: frozenset[str]) -> str:
    """Return a path without the folders that only say what the target says anyway.

    What stands before the first of them says where the file was, not what it is.
    """
    parts = path.split("/")
    said = [index for index, part in enumerate(parts[:-1]) if folded(part) in names]
    start = said[0] if said else 0
    while start < len(parts) - 1 and folded(parts[start]) in names:
        start += 1
    return "/".join(parts[start:])
