"""What is deployed to, as files say it: Terraform, Bicep, Azure ML, and MLflow's models."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tdsp.reading.files import File
from tdsp.reading.yamls import Document

TERRAFORM = re.compile(r'^[ \t]*(resource|module)[ \t]+"([^"\n]+)"(?:[ \t]+"([^"\n]+)")?', re.M)
BICEP = re.compile(
    r"^[ \t]*(resource|module)[ \t]+(\w+)[ \t]+'([^'\n]+)'(?P<known>[ \t]+existing)?", re.M
)
COMMENTS = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
SCHEMA = re.compile(r"azuremlschemas[\w.-]*/\w+/(\w+)\.schema\.json")


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that is made: `kind` is the provider's type, or the source of a module."""

    path: str
    line: int
    tool: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class AzureML:
    """One YAML file of Azure ML: `kind` as its schema says, such as managedOnlineDeployment."""

    path: str
    kind: str
    document: Document

    def get(self, *place: str) -> Any:
        """Return what stands at a place, None for nothing."""
        data = self.document.data
        for key in place:
            data = data.get(key) if isinstance(data, dict) else None
        return data


@dataclass(frozen=True, slots=True)
class Saved:
    """A model that MLflow has saved: what loads it, since when it is there, what is written of it.

    `environment` are the files that it names for its libraries, beside it. `line` is that of its
    signature, or the first.
    """

    path: str
    line: int
    flavours: tuple[str, ...]
    signature: bool
    run: str
    created: str = ""
    environment: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Return the folder of the model."""
        return self.path.rpartition("/")[0]


def resources(files: Iterable[File]) -> Iterator[Resource]:
    """Yield what Terraform and Bicep make, by text; what only exists already is left out."""
    for file in files:
        if file.suffix not in {".tf", ".bicep"} or not file.text:
            continue
        text = COMMENTS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), file.text)
        for match in (TERRAFORM if file.suffix == ".tf" else BICEP).finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            if file.suffix == ".tf":
                kind, name = match[2], match[3] or match[2]
                yield Resource(file.path, line, "terraform", kind, name)
            elif not match["known"]:
                yield Resource(file.path, line, "bicep", match[3].split("@")[0], match[2])


def azureml(documents: dict[str, tuple[Document, ...]]) -> Iterator[AzureML]:
    """Yield the YAML files of Azure ML, by the schema that they name."""
    for path, several in documents.items():
        for document in several[:1]:
            data = document.data
            named = data.get("$schema") if isinstance(data, dict) else None
            if isinstance(named, str) and (match := SCHEMA.search(named)):
                yield AzureML(path, match[1], document)


def saved(documents: dict[str, tuple[Document, ...]]) -> Iterator[Saved]:
    """Yield what MLflow says of the models that it has saved."""
    for path, several in documents.items():
        if path.rsplit("/", 1)[-1] != "MLmodel":
            continue
        for document in several[:1]:
            data = document.data
            flavours = data.get("flavors") if isinstance(data, dict) else None
            if isinstance(data, dict) and isinstance(flavours, dict):
                line = document.line("signature")
                run, created = (str(data.get(key) or "") for key in ("run_id", "utc_time_created"))
                signature, named = bool(data.get("signature")), tuple(map(str, flavours))
                environment = tuple(_environment(flavours.get("python_function")))
                yield Saved(path, line, named, signature, run, created, environment)


def _environment(python: Any) -> Iterator[str]:
    """Yield the files of an environment: one in old models, one by manager in newer ones."""
    given = python.get("env") if isinstance(python, dict) else None
    for name in given.values() if isinstance(given, dict) else (given,):
        if isinstance(name, str) and name:
            yield name
