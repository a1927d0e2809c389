"""What starts a service: its server, its container, and what the container may use."""

import re
from collections.abc import Iterator

from tdsp.check.names import PUT_ASIDE
from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, at, broken, check, held
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module


@check(
    "SE05",
    family="service",
    title="No debug server in production",
    why="A debug server runs code that a visitor types, and serves one request at a time.",
    fix="Start it with a real server, such as gunicorn or uvicorn without --reload.",
    unless="nothing starts a Flask or uvicorn server",
    severity="info",
    proves=("security",),
    bad={"app.py": "from flask import Flask\n\napp = Flask(__name__)\napp.run(debug=True)\n"},
    good={"app.py": "from flask import Flask\n\napp = Flask(__name__)\napp.run()\n"},
)
def debug_server(repo: Repository) -> Iterator[Mark]:
    """Judge `run(debug=True)` and what containers start."""
    for module in repo.modules("production"):
        flask = "flask" in {each.module.split(".")[0] for each in module.imports}
        for call in module.calls:
            debug = call.get("debug")
            if call.name in {"uvicorn.run", "uvicorn.Config"}:
                reload = call.get("reload")
                if reload is not None and reload.constant is True:
                    message = "it starts anew when a file changes"
                    yield from _developing(repo, module, call, message)
                elif reload is None or reload.constant is False:
                    yield held(repo, module, call.line)
                continue
            if not flask or call.method != "run" or call.receiver is None or not call.receiver.name:
                continue
            if call.receiver.root in {"subprocess", "asyncio"}:
                continue
            if debug is not None and debug.constant is True:
                message = "the debugger runs what a visitor types"
                yield from _developing(repo, module, call, message)
            elif debug is None or debug.constant is False:
                yield held(repo, module, call.line)
    for path, lines in repo.docker.items():
        last = max((n for n, each in enumerate(lines) if each.word == "FROM"), default=0)
        for each in lines[last:]:  # an image runs its last stage
            if each.word in {"CMD", "ENTRYPOINT"}:
                if re.search(r"--reload|flask[\"', ]+run.*--debug|FLASK_DEBUG=1", each.rest):
                    yield at(
                        repo, "fail", path, each.line, "the container starts a development server"
                    )
                elif re.search(r"gunicorn|uvicorn|waitress|hypercorn", each.rest):
                    yield at(repo, "held", path, each.line)


SERVERS = re.compile(r"\b(gunicorn|uvicorn|waitress|hypercorn|uwsgi|mod_wsgi|granian)\b")
STARTS = re.compile(
    r"(?i)(^|/)(procfile|(docker|container)file[^/]*|makefile|justfile|(docker-)?compose[^/]*\.ya?ml|"
    r"[^/]+\.(sh|service|conf|ini|dockerfile)|render\.ya?ml|app\.ya?ml|fly\.toml)$"
)


def _developing(repo: Repository, module: Module, call: Call, message: str) -> Iterator[Mark]:
    """Judge what starts a development server; under a guard it may be for one's own machine."""
    if call.main and (server := _server(repo, module.path)):
        yield held(repo, module, call.line, f"{server} starts a real server")
    elif not (call.main and lesson(repo, module.path)):
        yield broken(repo, module, call.line, message, "note" if call.main else "warning")


def _server(repo: Repository, near: str) -> str:
    """Return a file here or above that starts a real server, not one for development, or ""."""
    for path, file in repo.files.items():
        folder = path.rpartition("/")[0]
        if folder and not near.startswith(f"{folder}/"):
            continue
        for line in (file.text or "").splitlines() if STARTS.search(path) else ():
            plain = line.lstrip()
            if not plain.startswith("#") and SERVERS.search(plain) and "--reload" not in plain:
                return path
    return ""


BACKUP = re.compile(r"(?i)[._ -](bak|backup|old|orig|copy|save|disabled|unused)\d*$|~$")
FAULTY = re.compile(r"(?i)(^|[/_-])(faulty|insecure|vulnerable|broken)")  # to show what is wrong


def _apart(repo: Repository, path: str) -> bool:
    """Tell whether a file starts nothing in use: of a test or an example, put aside, or faulty."""
    aside = PUT_ASIDE.search(path) or BACKUP.search(path) or FAULTY.search(path)
    return repo.role(path) != "production" or bool(aside)


@check(
    "SE06",
    family="service",
    title="Containers run a fixed base as a plain user",
    why="As root, a hole in the service is a hole in the machine. An image without a"
    " version is another"
    " one tomorrow.",
    fix="End with a USER that is not root, and name the base with a version or a digest.",
    unless="there is no container file",
    severity="note",
    proves=("security", "I1"),
    bad={"Dockerfile": 'FROM python\nCMD ["python", "app.py"]\n'},
    good={"Dockerfile": 'FROM python:3.12-slim\nUSER 10001\nCMD ["python", "app.py"]\n'},
)
def containers(repo: Repository) -> Iterator[Mark]:
    """Judge the last stage by its user (note) and each stage by its base."""
    for path, lines in repo.docker.items():
        if _apart(repo, path) or "devcontainer" in path or path.endswith(".dev"):
            continue
        stages = {
            m[1]
            for e in lines
            if e.word == "FROM" and (m := re.search(r"(?i)\sas\s+(\S+)", e.rest))
        }
        ends = [number for number, each in enumerate(lines) if each.word == "FROM"]
        if not ends:
            continue
        last = lines[ends[-1] :]
        starts = [each.rest for each in last if each.word in {"CMD", "ENTRYPOINT"}]
        if all(re.fullmatch(r'\[?\s*"?(/bin/)?(ba)?sh"?\s*\]?', each) for each in starts):
            continue  # nothing starts, or a shell: an image for builds or jobs
        if any(re.match(r"\W*([\w/]+/)?crond?\b", each) for each in starts):
            continue  # it has to be root, to start each job as its user
        if starts and TOOL.fullmatch(starts[0]) and not any(e.word == "EXPOSE" for e in last):
            continue  # an image for jobs: who starts one says what runs, and as whom
        if any(TRIAL.search(each) or IDLES.match(each) for each in starts):
            continue
        for each in lines:
            if each.word == "FROM":
                yield from _base(repo, path, each.line, each.rest, stages)
        users = [each for each in last if each.word == "USER"]
        if users and users[-1].rest.split(":")[0] not in {"root", "0"}:
            yield at(repo, "held", path, users[-1].line)
        elif not users and re.search(r"nonroot|jovyan|lambda", last[0].rest):
            yield at(repo, "held", path, last[0].line, "the base sets a user")
        elif not users and not re.match(
            r"(docker\.io/)?(library/)?(python|ubuntu|debian|alpine|nvidia/cuda)[:@ ]?",
            last[0].rest,
        ):
            yield at(repo, "unknown", path, last[0].line, "the base may set a user")
        elif SETS_USER.search("\n".join(file.text or "" for file in repo.named(r".*\.ya?ml"))):
            yield at(repo, "unknown", path, last[-1].line, "what starts it may set a user")
        elif OF_SAGEMAKER.search(repo.text(path)):
            yield at(repo, "unknown", path, last[-1].line, "a job of SageMaker, which needs root")
        elif path == "Dockerfile" and SPACE.match(repo.text("README.md")):
            yield at(repo, "held", path, last[-1].line, "Hugging Face starts it as another user")
        else:
            yield at(repo, "fail", path, last[-1].line, "it runs as root", "note")


TOOL = re.compile(r'\[?\s*"?(python3?)"?\s*\]?')  # an entry point that only runs what it is given
TRIAL = re.compile(r"[/_-]test\.py|test_[\w-]+\.py")
IDLES = re.compile(r"\W*(tail\W+-[fF]|sleep\W+infinity)\b")  # a workspace: someone enters it
SPACE = re.compile(r"---\n(?:[^\n]*\n)*?sdk: docker\n")  # of a Space of Hugging Face
SETS_USER = re.compile(
    r"(?m)^\s*-?\s*(runAsNonRoot:\s*true|runAsUser:\s*[1-9]|user:\s*[\"']?([1-9]\d*|\$\{?UID))"
    r"|image:\s*\S*openshift-image-registry"  # OpenShift gives each container a user of its own
)
OF_SAGEMAKER = re.compile(r"(?m)/opt/ml/|^(COPY|ADD) .*\bsagemaker")
POD = (
    "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
    "        - name: a\n          image: a:1\n"
)


@check(
    "SE09",
    family="service",
    title="A container has limits",
    why="Without limits one service takes the memory of all others on the machine.",
    fix="Write resources.limits.memory for each container.",
    unless="there is no Kubernetes deployment that is plain YAML",
    severity="info",
    bad={"k8s/app.yaml": POD},
    good={"k8s/app.yaml": POD + "          resources: {limits: {memory: 1Gi}}\n"},
)
def limits(repo: Repository) -> Iterator[Mark]:
    """Judge the containers of deployments by their memory limit."""
    for path, documents in repo.yaml.items():
        if _apart(repo, path) or any(_of_others(each.data) for each in documents):
            continue
        for document in documents:
            data = document.data
            if not isinstance(data, dict) or data.get("kind") not in {"Deployment", "StatefulSet"}:
                continue
            for key in ("spec", "template", "spec", "containers"):
                data = data.get(key) if isinstance(data, dict) else None
            for number, each in enumerate(data if isinstance(data, list) else []):
                resources = each.get("resources") if isinstance(each, dict) else None
                place = ("spec", "template", "spec", "containers", number)
                if "patch" in path or not isinstance(each, dict) or "image" not in each:
                    continue  # only a part: the rest stands in another file
                limited = isinstance(resources, dict) and "memory" in str(resources.get("limits"))
                kind, said = ("held", "") if limited else ("fail", "it has no limit of memory")
                yield at(repo, kind, path, document.line(*place), said)


def _of_others(data: object) -> bool:
    """Tell whether a product's makers wrote it: it defines a kind, or Helm has filled it in."""
    if not isinstance(data, dict):
        return False
    return data.get("kind") == "CustomResourceDefinition" or "helm.sh/chart" in str(
        data.get("metadata")
    )


def _base(repo: Repository, path: str, line: int, rest: str, stages: set[str]) -> Iterator[Mark]:
    words = [word for word in rest.split() if not word.startswith("--")]
    image = words[0] if words else ""
    if image in stages or image == "scratch":
        return
    if "$" in image:
        yield at(repo, "unknown", path, line, "the base is a variable")
    elif "@sha256:" not in image and (
        ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
    ):
        yield at(repo, "fail", path, line, f"{image} is another image tomorrow")
    else:
        yield at(repo, "held", path, line)
