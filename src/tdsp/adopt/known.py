"""Files that tell what they are by a name that a library or a tool gives, or by what they say."""

import re
from collections.abc import Mapping

from tdsp.adopt.content import CODE, is_prose
from tdsp.reading.files import File

# What tools call what they write: the kind of a file whose place is found by the tool as well.
NAMED = (
    (re.compile(r"\.data-\d{5}-of-\d{5}$|(ckpt|model)[^/]*\.(index|meta)$|(^|/)checkpoint$"),
     "model", "TensorFlow saves a model under such names"),
    (re.compile(r"(^|/)events\.out\.tfevents\."), "result", "TensorBoard's record of a run"),
    (re.compile(r"(^|/)wandb/(.*/)?logs/"), "junk", "a log of a tool that follows runs"),
    (re.compile(r"(^|/)(wandb|lightning_logs|tb_logs|\.neptune|mlruns|mlartifacts)/"),
     "result", "a tool that follows runs keeps its records there"),
    (re.compile(r"(^|/)htmlcov/|(^|/)coverage\.xml$|(^|/)(junit|test-results)[^/]*\.xml$"),
     "result", "a run of tests writes it"),
    (re.compile(r"-v?\d+\.\d+[\w.-]*\.(tar\.gz|tar\.bz2|tgz|zip|gz|jar|deb|rpm)$"),
     "vendored", "its name is that of somebody's release"),
    (re.compile(r"\.(pem|crt|cer|key|prototxt|service|desktop)$"),
     "configuration", "programs look for it by its place"),
    (re.compile(r"(^|/)_extensions/[^/]+/"), "vendored", "Quarto installs its extensions there"),
    (re.compile(r"(^|/)tokenizer(_config)?\.json$|(^|/)vocab\.(txt|json)$|(^|/)merges\.txt$"),
     "model", "a tokenizer is saved under this name"),
    (re.compile(r"(^|/)robots\.txt$"), "web", "a host shows it to those who crawl its pages"),
    (re.compile(r"\.(faiss|annoy|hnsw)$"), "derived data", "an index that a library has built"),
    (re.compile(r"\.(patch|diff)$"), "code", "changes of code"),
    (re.compile(r"\.ico$"), "web", "an icon of a program or a page"),
)  # fmt: skip
# What starts a program that a service runs: a file that the service finds by its name and place.
SERVICES = (
    ("README.md", re.compile(r"(?m)\A---\n(?:.*\n)*?app_file: *[\"']?([\w./-]+)"), "a Space"),
    ("cog.yaml", re.compile(r"(?m)^(?:predict|train): *[\"']?([\w./-]+\.py)"), "Cog"),
    ("vercel.json", re.compile(r"\"(?:src|source)\": *\"([\w./-]+\.py)\""), "Vercel"),
)
NAMED_BY_SERVICES = {
    "hubconf.py": ("", "PyTorch's hub"), "lambda_function.py": ("", "AWS Lambda"),
    "function_app.py": ("host.json", "Azure Functions"),
    "application.py": (".ebextensions/", "Elastic Beanstalk"),
    "passenger_wsgi.py": ("", "the web server"), "versioneer.py": ("", "setup.py"),
    "main.py": ("app.yaml", "App Engine"),
}  # fmt: skip
XML_MODELS = ("<opencv_storage", "<PMML")
AUDIO = (".wav", ".mp3", ".ogg", ".flac", ".m4a", ".au", ".aiff", ".aif", ".mid", ".midi")
PHOTO = (".jpg", ".jpeg")
PLOTTED = re.compile(rb"(?i)software\0matplotlib|created with matplotlib")
HEAD = 4096
# What a program imports to show something on a screen.
SCREENS = frozenset([
    "flask", "fastapi", "django", "starlette", "streamlit", "gradio", "dash", "tkinter",
    "Tkinter", "customtkinter", "pygame", "PyQt4", "PyQt5", "PyQt6", "PySide2", "PySide6", "kivy",
    "kivymd", "wx", "nicegui", "bottle", "arcade", "turtle", "telegram", "discord", "telebot",
    "aiogram", "shiny", "panel",
])  # fmt: skip
# Texts that are no prose, told by most of their lines.
RECORD = re.compile(
    r"(?i)^\W*(epoch|iteration|iter|step|batch|round|trial)\b\W*\d|"
    r"^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d|"
    r"^\W*(info|warning|debug|error)\b\W|^Traceback |^(Collecting|Downloading|Requirement already) "
)
MEASURED = re.compile(
    r"(?i)\b(accuracy|precision|recall|f1([- ]?score)?|rmse|mae|mse|r2|auc|roc[_ ]auc|loss|kappa|"
    r"perplexity|bleu|map)\b[^\n]{0,20}?\d"
)
FOLLOWED = re.compile(
    r"(?i)^((wall[_ ]?time|steps?|epochs?|iter(ation)?s?|folds?|models?|learning[_ ]?rate|lr)|"
    r"(mean|std|rank|split\d+)?_?((train|val(id(ation)?)?|test|dev|cv)[_ ]?)?"
    r"(loss|acc(uracy)?|f1([_ -]?score)?|(roc[_ ])?auc|r?mse|mae|mape|r2|precision|recall|score)s?"
    r"([_ ]?\w{0,8})?)$"
)
COMMAND = re.compile(
    r"^\W{0,3}(pip3?|conda|python[\d.]*|git|docker|uvicorn|streamlit|sudo|cd|source|jupyter|npm|"
    r"flask|kubectl|curl|mkdir|export|dvc|mlflow|heroku|aws|gcloud|az) \S"
)
SUM = re.compile(r"^[0-9a-f]{32,128}\s")  # of a file's bytes, before its name
ADDRESS = re.compile(r"^(\W{0,3}|[\w ]+: *)https?://\S+$")
DRAWN = re.compile("[\u2500-\u257f]")  # the lines of a tree of folders
WORDS = 4
LINES = 3


def known(file: File) -> tuple[str, str]:
    """Return a file's kind and the reason where a tool's name for it tells, else two blanks."""
    for pattern, kind, why in NAMED:
        if pattern.search(file.path):
            return kind, why
    if file.suffix in {".xml", ".pmml"} and any(
        each in (file.text or file.head.decode("latin-1"))[:HEAD] for each in XML_MODELS
    ):
        return "model", "its XML is that of a model"
    return "", ""


def recorded(text: str) -> bool:
    """Tell whether a table's head says that it follows a training or compares models."""
    cells = [cell.strip(" \"'") for cell in re.split(r"[,;\t]", text[:2000].split("\n")[0])]
    told = sum(FOLLOWED.match(cell) is not None for cell in cells)
    return told > 1 and 2 * told >= len(cells)


def started(files: Mapping[str, File]) -> dict[str, str]:
    """Return the programs at the root that a service finds by their names, and who does."""
    found = {
        name: service for name, (beside, service) in NAMED_BY_SERVICES.items()
        if name in files and any(path.startswith(beside) for path in files)
    }  # fmt: skip
    for name, pattern, service in SERVICES:
        text = (files[name].text or "") if name in files else ""
        found |= dict.fromkeys(pattern.findall(text.replace("\r\n", "\n")), service)
    return {path: f"{who} finds it by its name and place" for path, who in found.items()}


def plotted(file: File) -> bool:
    """Tell whether a plotting library has signed an image."""
    return PLOTTED.search(file.head[:HEAD] or (file.text or "")[:HEAD].encode()) is not None


def told(text: str) -> str:
    """Return what a text that is no prose holds, "" where its lines do not tell."""
    lines = [line.strip() for line in text[:20_000].splitlines() if line.strip()]
    if not lines:
        return ""

    def most(pattern: re.Pattern[str], share: float) -> bool:
        return sum(pattern.search(line) is not None for line in lines) >= share * len(lines)

    if CODE.search(text):
        return "code"
    if most(RECORD, 0.3):
        return "junk"
    if most(MEASURED, 0.2):
        return "result"
    if most(COMMAND, 0.3) or most(ADDRESS, 0.5) or most(SUM, 0.5) or most(DRAWN, 0.3):
        return "document"
    short = sum(len(line.split()) <= WORDS for line in lines)
    listed = len(lines) >= LINES and short >= 0.9 * len(lines) and not is_prose(text)
    return "raw data" if listed else ""
