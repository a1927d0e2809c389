"""Which version has which alias. `champion` and `challenger` are MLflow's aliases, or tags.

Azure ML has no aliases. There an alias is a tag of the version, and its value is one more than any
value before: the highest counts. So an alias moves in one write, and what a killed command or
another one at the same moment leaves behind is read in one way by all. A value that is no number
was written by hand and does not count.
"""

from mlflow.entities.model_registry import ModelVersion

from .tracking import NAME, client, in_azure, registered

ALIASES = ("champion", "challenger")


def aliases(versions: list[ModelVersion]) -> dict[str, str]:
    """Return the number of the version that has each alias."""
    if not versions:
        return {}
    if not in_azure():
        found = client().get_registered_model(NAME).aliases
        return {alias: str(number) for alias, number in found.items()}
    last = {alias: _marks(alias, versions)[-1:] for alias in ALIASES}
    return {alias: str(number) for alias, marks in last.items() for _, number in marks}


def give(alias: str, number: str) -> None:
    """Let this version have the alias, and no other one."""
    if not in_azure():
        client().set_registered_model_alias(NAME, alias, number)
        return
    before = _marks(alias, registered())
    newest = max((value for value, _ in before), default=0) + 1
    client().set_model_version_tag(NAME, number, alias, str(newest))
    _clear(alias, [other for _, other in before if str(other) != number])


def take(alias: str) -> None:
    """Let no version have the alias."""
    if in_azure():
        _clear(alias, [number for _, number in _marks(alias, registered())])
    else:
        client().delete_registered_model_alias(NAME, alias)


def _marks(alias: str, versions: list[ModelVersion]) -> list[tuple[int, int]]:
    """Return the value of the tag, and the version that has it: the one that counts is the last."""
    tags = [(each.tags.get(alias, ""), int(each.version)) for each in versions]
    return sorted((int(value), number) for value, number in tags if value.isdecimal())


def _clear(alias: str, numbers: list[int]) -> None:
    """Remove the tag; the one that counts goes last, so that none before it comes back."""
    for number in numbers:
        client().delete_model_version_tag(NAME, str(number), alias)
