"""What brings a package that no list asks for: a command, an image, a platform, the project."""

import re
from pathlib import Path

from tdsp.reading import Repository
from tdsp.reading.packages import normal
from tdsp.reading.python import Module


def brought(module: Module) -> bool:
    """Tell whether the platform of a file brings what it imports: a cluster, Colab, the build."""
    colab = any(each.module.startswith("google.colab") for each in module.imports)
    export = "colab.research.google.com" in module.source[:2000]
    cluster = module.line(1) == "# Databricks notebook source" or any(
        call.name.startswith("dbutils.") for call in module.calls
    )
    made = module.path.endswith(("setup.py", "webserver_config.py"))  # the latter by Airflow
    return cluster or colab or export or made


def installs(module: Module, names: set[str]) -> bool:
    """Tell whether a file calls pip for a package itself."""
    for line in module.lines:
        if "install" in line and re.search(r"\bpip3?\b", line):
            words = {normal(word) for word in re.findall(r"[A-Za-z][\w.-]+", line)}
            if names & words:
                return True
    return False


CONDA = re.compile(r"CondaDependencies\.create\([^\])]{0,300}_packages\s*=\s*\[([^)]{0,2000})\)")


def words_of_lists(repo: Repository) -> set[str]:
    """Return the words of commands that install, of addresses in requirements, and of images."""
    found: set[str] = set()
    for path, file in repo.files.items():
        asks = re.search(
            r"(^|/)([^/]*requirements?[^/]*\.txt|environment\.ya?ml|[^/]*dependenc[^/]*\.ya?ml)$",
            path,
        )
        texts = file.suffix in {".yml", ".yaml", ".sh", ".md", ".toml"} or "Dockerfile" in file.name
        if not file.text:
            continue
        for match in CONDA.finditer(file.text):  # an environment of Azure ML, in code
            found |= {normal(word) for word in re.findall(r"[A-Za-z][\w.-]+", match[1])}
        if not (asks or texts):
            continue
        for line in file.text.splitlines():
            listed = asks and ("git+" in line or re.match(r"\s*- *[\w.-]+ *[=<>~]", line))
            form = path.startswith(".github/")  # it tells people what to click
            if file.suffix == ".md" and not form and re.match(r"\s*([-*+]|\d+\.) ", line):
                listed = True  # a document lists what is needed
            asks_more = re.search(
                r"(?i)\b(pip3?|conda|uv|poetry) (install|add)\b|dependencies:", line
            )
            if listed or asks_more:
                found |= {normal(word) for word in re.findall(r"[A-Za-z][\w.-]+", line)}
                found |= {
                    normal(re.sub(r"\.git$", "", w))
                    for w in re.findall(r"/([\w.-]+?)(?=@|$|\s)", line)
                }
    return found


PLAIN = re.compile(
    r"(^|/)(python|debian|ubuntu|alpine|uv|node|nginx|busybox|scratch|lambda-python|amazonlinux|"
    r"mini(conda|forge)3?|mambaforge|micromamba|distroless\S*|ubi\d*)(?=[:@\s/]|$)|\$"
)


def image(repo: Repository) -> str:
    """Return the base of a container that brings libraries of its own, "" without one."""
    if any(Path(path).name == "kernel-metadata.json" for path in repo.files):
        return "Kaggle's image"
    for path, instructions in repo.docker.items():
        stages = {m[1] for e in instructions if (m := re.search(r"(?i)\sas\s+(\S+)", e.rest))}
        for each in instructions:
            base = each.rest.split()[0] if each.word == "FROM" and each.rest else ""
            known = not base or base in stages or PLAIN.search(each.rest)
            if not known and repo.role(path) == "production":
                return base
    named = {"container_uri", "image_uri"}  # of a job of Vertex or SageMaker
    if any(named & set(call.keywords) for m in repo.modules("production") for call in m.calls):
        return "the image of a job"
    return ""


# What Airflow brings, whose image or installation runs the files that import it.
AIRFLOW = frozenset({"requests", "pendulum", "jinja2", "pyyaml", "pytz", "sqlalchemy", "flask"})


def of_airflow(module: Module) -> bool:
    """Tell whether a file is run by Airflow, as it imports it."""
    return any(re.match(r"airflow(\.|$)", each.module) for each in module.imports)


def setups(repo: Repository) -> str:
    """Return what all setup files say, those of packages in folders included."""
    found = repo.named(r"(.*/)?(setup\.(py|cfg)|Pipfile)")
    return "\n".join(file.text or "" for file in found).lower()


def of_lambda(module: Module) -> bool:
    """Tell whether a file is a function of AWS Lambda, or makes part of a stack."""
    return any(re.match(r"(lambda_)?handler$", each.name) for each in module.functions) or any(
        each.module == "crhelper" for each in module.imports
    )


def close(root: str, name: str) -> bool:
    """Tell whether a distribution's name holds that of the import, as pytorch-x does x."""
    plain = normal(root)
    return plain in name or name.replace("-", "") == plain.replace("-", "") or f"py{plain}" == name


def own_names(repo: Repository) -> set[str]:
    found: set[str] = set()
    for path in repo.python:
        parts = path.removesuffix(".py").split("/")
        found.update(parts)
    return found
