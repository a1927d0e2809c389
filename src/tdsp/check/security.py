"""Security and dependencies: secrets, locks, and what runs a stranger's code."""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tdsp.check.asked import (
    AIRFLOW,
    brought,
    close,
    image,
    installs,
    of_airflow,
    of_lambda,
    own_names,
    setups,
    words_of_lists,
)
from tdsp.check.data import trains
from tdsp.check.names import COMES_WITH, DISTRIBUTIONS, NAMESPACES, OWN, PYTHON2, TOOLS
from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.reading import Repository
from tdsp.reading.packages import normal
from tdsp.reading.python import Call, Module, Value

SECRETS = (
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    (
        "a GitHub token",
        re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    ),
    ("a Slack token", re.compile(r"\bxox[baprs]-\d{10,}-\d{10,}-[A-Za-z0-9]{20,}")),
    ("a key of an Azure storage account", re.compile(r"AccountKey=[A-Za-z0-9+/]{86}==")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])")),
    (
        "a private key",
        re.compile(
            r"-----BEGIN (RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----\\?\s*n?[A-Za-z0-9+/]{40,}"
        ),
    ),
    ("a Databricks token", re.compile(r"\bdapi[0-9a-f]{32}\b")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z]{34}\b")),
    ("an OpenAI key", re.compile(r"\bsk-(proj-)?[A-Za-z0-9_-]{20}T3BlbkFJ[A-Za-z0-9_-]{20,}")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20}\b")),
)
HINT = re.compile(
    r"AKIA|ASIA|gh[pousr]_|github_pat_|xox[baprs]-|AccountKey=|AIza|PRIVATE KEY|dapi|hf_|sk-|glpat-"
)
# A page of Maps or Firebase shows its key to all who read it; Google asks to limit where it works.
FOR_BROWSERS = re.compile(r"maps\.google(apis)?\.com/maps/api/|authDomain|\.firebaseapp\.com")
# The certificate of LocalStack, whose key everyone can fetch.
PUBLIC = re.compile(r"(^|/)(localstack[^/]*/.*|server\.test)\.(pem|key|crt)")
SAMPLE = re.compile(r"(?i)example|dummy|fake|sample|placeholder|xxxx|your[-_ ]")
# What a file asks for beside the product.
BESIDE = re.compile(
    r"(?i)(test|dev|lint|docs?|ci)[-_.]?requirements|requirements[-_.]?(test|dev|lint|docs?|ci)|(^|/)docs?/"
)


@check(
    "SC01",
    family="security",
    title="No secret is in the repository",
    why="Git keeps it for everyone who has, or will ever have, a clone.",
    fix="Revoke it first; then remove it, and keep the new one in a vault or CI's secrets.",
    unless="",
    severity="info",
    proves=("security",),
    bad={"config.py": "KEY = 'AKIA" + "QX7ZR2M5KD9WJ4TB" + "'\n"},
    good={"config.py": "import os\n\nKEY = os.environ['KEY']\n"},
)
def secrets(repo: Repository) -> Iterator[Mark]:
    """Search all texts for known formats; the value itself is never shown."""
    found = False
    for path, file in repo.files.items():
        text = file.text
        if text is None or repo.role(path) in {"test", "vendored"} or file.name.endswith(".lock"):
            continue
        if PUBLIC.search(path):
            continue
        for name, start in known_secrets(text):
            found = True
            line = text.count("\n", 0, start) + 1
            if "Google" in name and FOR_BROWSERS.search(text[max(0, start - 300) : start + 300]):
                message = "a Google API key that every browser is given; limit it to your site"
                yield Mark("fail", path, line, "(not shown)", message, "note")
                continue
            yield Mark("fail", path, line, "(not shown)", f"{name} stands here")
    if not found and repo.files:
        path = next(iter(repo.files))
        yield Mark("held", path, 1, "", f"{len(repo.files)} files have none of the known formats")


def known_secrets(text: str) -> Iterator[tuple[str, int]]:
    """Yield what each secret of a known format is, and where it starts; never the value."""
    if HINT.search(text):
        for name, pattern in SECRETS:
            for match in pattern.finditer(text):
                around = text[max(0, match.start() - 60) : match.end() + 20]
                if _random(match[0]) and not SAMPLE.search(around):
                    yield name, match.start()


def _random(text: str) -> bool:
    """Tell whether a text is as uneven as a random one; `aaaa` and `1234` are none."""
    if "PRIVATE KEY" in text:
        return True
    body = text[4:]
    counts = Counter(body)
    entropy = -sum(n / len(body) * math.log2(n / len(body)) for n in counts.values())
    runs = re.search(r"(.)\1{4,}|012345|123456|abcdef", body.lower())
    return entropy > 2.8 and not runs


@check(
    "SC02",
    family="security",
    title="Versions are locked",
    why="Without a lock the same commit is another program next week.",
    fix="Lock them: uv, Poetry, PDM, Pixi, pip-tools, conda-lock, or `==` for each.",
    unless="nothing is asked for, or this is a library",
    severity="note",
    proves=("I1", "O1"),
    bad={"requirements.txt": "pandas\nscikit-learn>=1.0\n"},
    good={"requirements.txt": "pandas==2.2.0\nscikit-learn==1.5.0\n"},
)
def locked(repo: Repository) -> Iterator[Mark]:
    """Look for a lock of any tool, or exact versions in all of a file."""
    asked = [
        each for each in repo.requirements
        if repo.role(each.path) == "production" and not each.group and not BESIDE.search(each.path)
        and not _is_package(repo, each.path)
    ]  # fmt: skip
    folders = {_folder(each.path) for each in asked} | {""}
    locks = [lock for lock in repo.locks if _folder(lock.path) in folders]
    if locks:
        yield at(repo, "held", locks[0].path, 1)
        return
    if not asked or _is_library(repo):
        return
    if repo.locks:
        yield at(repo, "unknown", repo.locks[0].path, 1, "this lock is of another folder")
        return
    fixed = {(_folder(each.path), each.name) for each in asked if each.exact}
    loose = [
        each for each in asked
        if not (each.exact or each.name in TOOLS or (_folder(each.path), each.name) in fixed)
    ]  # fmt: skip
    if not loose:
        yield at(repo, "held", asked[0].path, asked[0].line)
        return
    share = f"{len(loose)} of {len(asked)} packages have no exact version, and there is no lock"
    yield at(repo, "fail", loose[0].path, loose[0].line, share)


def _folder(path: str) -> str:
    return path.rsplit("/", 1)[0] if "/" in path else ""


def _is_package(repo: Repository, path: str) -> bool:
    """Tell whether a list is that of a package in a folder, which others install."""
    return (
        "/" in path
        and path.endswith(("pyproject.toml", "setup.py"))
        and ("Software Development :: Libraries" in repo.text(path))
    )


def _is_library(repo: Repository) -> bool:
    """Tell whether the repository is published as a package and trains nothing."""
    text = repo.text("pyproject.toml") + repo.text("setup.py") + repo.text("setup.cfg")
    published = "classifiers" in text or "Development Status" in text
    library = published and re.search(r"(?i)\bfor the library\b", text)
    return (
        bool(library)
        or (published and trains(repo) is None)
        or ("MANIFEST.in" in repo.files and "setup(" in text)
    )


@check(
    "SC03",
    family="security",
    title="The lock agrees with what is asked for",
    why="An old lock installs what nobody asked for, or fails on the next machine.",
    fix="Lock again: `uv lock`, `poetry lock`, or your tool's command.",
    unless="there is no pyproject.toml with a lock beside it",
    severity="warning",
    proves=("I1",),
    bad={
        "pyproject.toml": "[project]\nname = 'a'\ndependencies = ['pandas']\n",
        "uv.lock": '[[package]]\nname = "numpy"\nversion = "2.0.0"\n',
    },
    good={
        "pyproject.toml": "[project]\nname = 'a'\ndependencies = ['pandas']\n",
        "uv.lock": '[[package]]\nname = "pandas"\nversion = "2.2.0"\n',
    },
)
def lock_agrees(repo: Repository) -> Iterator[Mark]:
    """Compare the direct dependencies of pyproject.toml with the lock in the same folder."""
    for lock in repo.locks:
        folder = lock.path.rsplit("/", 1)[0] + "/" if "/" in lock.path else ""
        if (
            lock.path.removeprefix(folder) not in {"uv.lock", "poetry.lock", "pdm.lock"}
            or not lock.versions
        ):
            continue
        project = f"{folder}pyproject.toml"
        asked = [
            e for e in repo.requirements if e.path == project and not e.group and ";" not in e.rest
        ]
        missing = [each for each in asked if each.name not in lock.versions]
        for each in missing[:5]:
            yield at(repo, "fail", project, each.line, f"{each.name} is not in {lock.path}")
        if asked and not missing:
            yield at(repo, "held", lock.path, 1)


@check(
    "SC04",
    family="security",
    title="What is imported is asked for",
    why="It works on the machine on which someone once installed it, and nowhere else.",
    fix="Add the package to the dependencies.",
    unless="nothing is asked for anywhere",
    severity="info",
    proves=("I1",),
    bad={"requirements.txt": "pandas==2.2.0\n", "app.py": "import requests\n"},
    good={"requirements.txt": "requests==2.0\n", "app.py": "import requests\n"},
)
def declared(repo: Repository) -> Iterator[Mark]:
    """Compare top-level imports of production code with all requirements and locks."""
    asked = {each.name for each in repo.requirements}
    extras = [
        (e.name, normal(x)) for e in repo.requirements for x in re.findall(r"[\w-]+", e.extras)
    ]
    asked |= {extra for _, extra in extras} | {f"{name}[{extra}]" for name, extra in extras}
    if all(BESIDE.search(each.path) for each in repo.requirements) or any(
        "{{" in p for p in repo.files
    ):
        return
    locked_names = {name for lock in repo.locks for name in lock.versions}
    setup = repo.text("setup.py") + repo.text("setup.cfg") + repo.text("Pipfile")
    if not asked or (setup and not _constant(setup)):
        return
    own, said, setup = own_names(repo), words_of_lists(repo), setups(repo)
    kaggle = any(Path(path).name == "kernel-metadata.json" for path in repo.files)
    seen: set[str] = set()
    for module in repo.modules("production"):
        if brought(module):
            continue
        for each in module.imports:
            root = each.module.split(".")[0] if each.module else ""
            if each.level or each.guarded or each.scope or not root or root in seen or root in own:
                continue
            if root in sys.stdlib_module_names | NAMESPACES | PYTHON2 or root.startswith("_"):
                continue
            if OWN.match(root):
                continue  # a module of this project that is not here
            seen.add(root)
            names = set(DISTRIBUTIONS.get(root, normal(root)).split())
            name = normal(root) if normal(root) in names else sorted(names)[0]
            mentioned = any(other in setup for other in names)
            if (
                names & (asked | locked_names)
                or mentioned
                or any(close(root, other) for other in asked)
            ):
                yield held(repo, module, each.line)
            elif root in {"boto3", "botocore", "cfnresponse"} and of_lambda(module):
                yield unsure(repo, module, each.line, f"AWS Lambda brings {name}")
            elif names & said or installs(module, names):
                yield unsure(repo, module, each.line, f"a command or a list names {name}")
            elif names & AIRFLOW and of_airflow(module):
                yield unsure(repo, module, each.line, f"Airflow, which runs this, brings {name}")
            elif givers := sorted(set(COMES_WITH.get(name, "").split()) & asked):
                message = f"no file asks for {name}; it only comes with {givers[0]}"
                if kaggle:
                    yield unsure(repo, module, each.line, f"Kaggle's image may bring {name}")
                else:
                    yield broken(repo, module, each.line, message)
            elif base := image(repo):
                yield unsure(repo, module, each.line, f"{base} may bring {name}")
            else:
                yield broken(repo, module, each.line, f"no file asks for {name}")


def _constant(setup: str) -> bool:
    return "install_requires" in setup or "packages" in setup.lower()


@check(
    "SC05",
    family="security",
    title="Something looks for newer versions",
    why="A hole that became known last week stays open until someone happens to look.",
    fix="Turn on Dependabot or Renovate, or run an audit every week.",
    unless="nothing is locked",
    severity="note",
    proves=("O1",),
    bad={"uv.lock": '[[package]]\nname = "numpy"\nversion = "2.0.0"\n'},
    good={
        "uv.lock": '[[package]]\nname = "numpy"\nversion = "2.0.0"\n',
        ".github/dependabot.yml": "version: 2\nupdates: []\n",
    },
)
def updates(repo: Repository) -> Iterator[Mark]:
    """Look for a bot's settings, or an audit in a scheduled workflow."""
    locks = [each for each in repo.locks if not _made(repo, each.path)]
    if not locks:
        return
    bots = (
        r"(\.github/)?(dependabot\.ya?ml|renovate\.json5?)|\.renovaterc(\.json)?|"
        r"\.gitlab/renovate.*|\.pyup\.yml"
    )
    for file in repo.named(bots)[:1]:
        yield at(repo, "held", file.path, 1)
        return
    nested = repo.named(r".+/\.github/workflows/[^/]+\.ya?ml")
    texts = {each.path: each.text or "" for each in nested}
    for path, text in {**{each.path: each.text for each in repo.workflows}, **texts}.items():
        match = re.search(
            r"pip[-_]audit|safety|uv lock --upgrade|osv-scanner|trivy|poe (audit|upgrade)|snyk|"
            r"renovate|dependabot",
            text,
        )
        if match:
            yield at(repo, "held", path, text.count("\n", 0, match.start()) + 1)
            return
    yield at(repo, "fail", locks[0].path, 1, "no bot and no audit looks after these versions")


MADE = re.compile(r"(^|/)(mlruns|artifacts|outputs|runs)/")


def _made(repo: Repository, path: str) -> bool:
    """Tell whether MLflow wrote a lock beside a model."""
    return bool(MADE.search(path)) or f"{path.rpartition('/')[0]}/MLmodel" in repo.files


@check(
    "SC06",
    family="security",
    title="A model's own code is pinned before it runs",
    why="trust_remote_code runs what the model's repository holds today, whoever wrote it.",
    fix="Add `revision=` with a commit that you have read.",
    unless="nothing sets trust_remote_code",
    severity="info",
    proves=("security",),
    bad={
        "m.py": "from transformers import AutoModel\n\nm = AutoModel.from_pretrained('a/b',"
        " trust_remote_code=True)\n"
    },
    good={
        "m.py": "from transformers import AutoModel\n\nm = AutoModel.from_pretrained('a/b',"
        " trust_remote_code=True, revision='0a1b2c')\n"
    },
)
def remote_code(repo: Repository) -> Iterator[Mark]:
    """Judge calls with trust_remote_code=True by their revision."""
    for module in repo.modules("production", "notebook"):
        for call in module.calls:
            trusted = call.get("trust_remote_code")
            if trusted is None or trusted.constant is not True:
                continue
            if call.get("revision") or call.get("code_revision"):
                yield held(repo, module, call.line)
                continue
            places = [bool(LOCAL.match(each)) for each in _models(module, call)]
            if places and all(places):
                continue  # a folder: its code changes when somebody changes it
            if any(places):
                yield unsure(repo, module, call.line, "the model may be a folder of this machine")
            else:
                message = "code of another repository runs, whatever it is today"
                yield broken(repo, module, call.line, message)


LOCAL = re.compile(r"[./~]|[A-Za-z]:[\\/]")  # how the path of a folder begins


def _models(module: Module, call: Call) -> list[str]:
    """Return the texts that a call's model may be, by what its name or field is given."""
    words = ("pretrained_model_name_or_path", "model", "repo_id")
    model = next((found for word in words if (found := call.get(word))), call.get("", 0))
    return _texts(module, model) if model else []


def _texts(module: Module, value: Value, hops: int = 2) -> list[str]:
    if isinstance(value.constant, str):
        return [value.constant]
    name = value.name.rsplit(".", 1)[-1]
    if not name or not hops:
        return []
    values = [
        each.value
        for each in module.assigns
        if name in {full.rsplit(".", 1)[-1] for full in each.targets}
    ]
    values += [each.keywords[name] for each in module.calls if name in each.keywords]
    return [text for each in values for text in _texts(module, each, hops - 1)]


@check(
    "SC07",
    family="security",
    title="No text becomes code",
    why="Whoever writes the text, runs what they like.",
    fix="Use yaml.safe_load, ast.literal_eval, and subprocess with a list.",
    unless="nothing calls yaml.load, eval or a shell",
    severity="note",
    proves=("security",),
    bad={"a.py": "import yaml\n\n\ndef f(text):\n    return yaml.load(text, Loader=yaml.Loader)\n"},
    good={
        "a.py": "import yaml\n\n\ndef f(text):\n    return yaml.load(text,"
        " Loader=yaml.SafeLoader)\n"
    },
)
def text_as_code(repo: Repository) -> Iterator[Mark]:
    """Judge yaml.load by its loader, eval by what it is given, and shells by their command."""
    yield from first(_text_as_code(repo))


def _text_as_code(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules("production"):
        pyyaml = any(each.module == "yaml" for each in module.imports)
        for call in module.calls:
            given = call.args[0] if call.args else None
            if call.name == "yaml.load" and pyyaml:
                loader = call.get("Loader", 1)
                if loader is None or loader.name in {
                    "yaml.Loader",
                    "yaml.UnsafeLoader",
                    "yaml.CLoader",
                }:
                    yield broken(
                        repo, module, call.line, "this loader makes any object that a file asks for"
                    )
                else:
                    yield held(repo, module, call.line)
            elif (
                call.name == "eval"
                and given is not None
                and given.call is not None
                and given.call.name == "input"
            ):
                yield broken(repo, module, call.line, "what is typed is run")
            elif (
                (
                    call.name.startswith("subprocess.")
                    and (s := call.get("shell"))
                    and s.constant is True
                )
                and given is not None
                and any("request" in name or "input" in name for name in given.names)
            ):
                yield broken(repo, module, call.line, "a shell runs what comes from outside")


@check(
    "IN03",
    family="security",
    title="State and keys of the infrastructure are not in git",
    why="A Terraform state holds passwords in plain text; a key file is one.",
    fix="Remove and revoke them; keep state in a remote backend.",
    unless="",
    severity="info",
    proves=("security",),
    bad={"infra/terraform.tfstate": '{"version": 4}\n'},
    good={"infra/main.tf": "terraform {}\n"},
)
def state_in_git(repo: Repository) -> Iterator[Mark]:
    """Judge tracked files by their names, and key files by their first line."""
    found = False
    for path, file in repo.files.items():
        if file.tracked is not True or repo.role(path) in {"test", "vendored", "example"}:
            continue
        text = file.text or ""
        secret = file.suffix in {".pem", ".key"} and "PRIVATE KEY" in text
        key = secret and not PUBLIC.search(path)
        if file.name.endswith((".tfstate", ".tfstate.backup", ".publishsettings")) or key:
            found = True
            yield Mark("fail", path, 1, "(not shown)", "git tracks it")
    tracked = next((file.path for file in repo.files.values() if file.tracked), "")
    if not found and tracked:
        yield Mark("held", tracked, 1, "", "git tracks no state and no key")
