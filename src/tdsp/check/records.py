"""What files show of deeds: that a model was trained, and that one was registered or deployed."""

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

from tdsp.reading import Repository

Place = tuple[str, int]
# A version of a registered model, as MLflow and Azure ML address it.
NUMBERED = re.compile(r"models:/[\w.-]+/\d+(?![\w.])")
AZURE_NUMBERED = re.compile(r"azureml:[\w.-]+:\d+|azureml://\S+/models/[\w.-]+/versions/\d+")
# What a project's registry tells of its promotions, where its workflow keeps it in git: the file,
# the list in it ("" for the file itself), and the key that says what was done.
TOLD = {"reports/registry.json": ("history", "kind"), "reports/trail.json": ("", "what")}
PROMOTED = "promotion"


def records(repo: Repository) -> dict[str, Place]:
    """Return where files show that a model was trained, and that one was registered or deployed."""
    found: dict[str, Place] = {}
    for deed, places in (("trained", _trained(repo)), ("released", _released(repo))):
        if place := next(places, None):
            found[deed] = place
    return found


def _trained(repo: Repository) -> Iterator[Place]:
    for path, documents in repo.yaml.items():
        data = documents[0].data if documents and path.endswith("dvc.lock") else None
        if isinstance(data, dict) and data.get("stages"):
            yield path, documents[0].line("stages")
    files = [*repo.models, *repo.named(r"(.*/)?[^/]*metrics\.json")]
    for path in (*(each.path for each in repo.saved), *(each.path for each in files)):
        if repo.role(path) == "production":
            yield path, 1


def _released(repo: Repository) -> Iterator[Place]:
    for each in repo.azureml:
        if "Deployment" in each.kind and AZURE_NUMBERED.fullmatch(str(each.get("model"))):
            yield each.path, each.document.line("model")
    for file in repo.named(r"(.*/)?registered_model_meta"):  # MLflow puts it beside the model
        yield file.path, 1
    for path, file in repo.files.items():
        told = file.suffix in {".yaml", ".yml", ".env", ".toml"} and file.text
        if told and repo.role(path) == "production" and (match := NUMBERED.search(file.text or "")):
            yield path, (file.text or "").count("\n", 0, match.start()) + 1
    yield from _promoted(repo)


def _promoted(repo: Repository) -> Iterator[Place]:
    """Yield where the registry's own record says which model was put to use, and when."""
    for path, (inside, key) in TOLD.items():
        text = repo.text(path)
        try:
            data = json.loads(text or "[]")
            events = data.get(inside) if inside and isinstance(data, dict) else data
        except (ValueError, RecursionError):
            continue
        for each in events if isinstance(events, list) else ():
            if isinstance(each, dict) and each.get(key) == PROMOTED and _whole(each):
                yield path, text[: text.find(str(each["at"]))].count("\n") + 1


def _whole(event: dict[str, Any]) -> bool:
    """Tell whether an event names its model and its time."""
    try:
        datetime.datetime.fromisoformat(event["at"])
    except (KeyError, TypeError, ValueError):
        return False
    return isinstance(event.get("model_id"), str) and bool(event["model_id"])
