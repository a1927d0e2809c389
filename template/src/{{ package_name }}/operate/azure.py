"""MLflow's client for a workspace of Azure ML: what such a registry lacks is made of tags.

It has no aliases. Here an alias is a tag of the version, and its value is one more than any value
before: the highest counts. So an alias moves in one write, and what a killed command or another one
at the same moment leaves behind is read in one way by all. A value that is no number was written by
hand and does not count.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion, RegisteredModel, RegisteredModelAlias
from mlflow.store.entities import PagedList

from ..errors import ProjectError
from ..model.identity import identified

ALIASES = ("champion", "challenger")
PLACE = "model"  # of the registered model among what is kept of its run, as in tracking.py
LONGEST = 1000  # characters of a tag: Azure ML documents no more for runs
METRICS = 50  # names a run: Azure ML takes no more


class Workspace(MlflowClient):
    """A client that makes no call which Azure ML refuses."""

    def __init__(
        self,
        uri: str,
        registered: Callable[[MlflowClient], list[ModelVersion]],
        run_files: Callable[[str, str], Path],
    ) -> None:
        super().__init__(uri, registry_uri=uri)
        self._registered, self._run_files = registered, run_files

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model with its aliases, and no more."""
        last = [(alias, self._marks(alias)[-1:]) for alias in ALIASES]
        aliases = [RegisteredModelAlias(alias, str(n)) for alias, marks in last for _, n in marks]
        return RegisteredModel(name, aliases=aliases)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let this version have the alias, and no other one."""
        before = self._marks(alias)
        newest = max((value for value, _ in before), default=0) + 1
        self.set_model_version_tag(name, version, alias, str(newest))
        self._clear(name, alias, [number for _, number in before if str(number) != version])

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Let no version have the alias."""
        self._clear(name, alias, [number for _, number in self._marks(alias)])

    def _marks(self, alias: str) -> list[tuple[int, int]]:
        """Return each value of the tag and the version that has it; the last one counts."""
        tags = [(each.tags.get(alias, ""), int(each.version)) for each in self._registered(self)]
        return sorted((int(value), number) for value, number in tags if value.isdecimal())

    def _clear(self, name: str, alias: str, numbers: list[int]) -> None:
        """Remove the tag; the one that counts goes last, so that none before it comes back."""
        for number in numbers:
            self.delete_model_version_tag(name, str(number), alias)

    def set_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag, a long one in parts. It is there once its first part is, the last written."""
        text = str(value)
        for start in reversed(range(0, max(len(text), 1), LONGEST)):
            part = f"{key}.{start // LONGEST}" if start else key
            super().set_model_version_tag(name, version, part, text[start : start + LONGEST], stage)

    def search_model_versions(self, *given: Any, **named: Any) -> PagedList[ModelVersion]:
        """Find versions; the tags that were set in parts are whole again."""
        found: PagedList[ModelVersion] = super().search_model_versions(*given, **named)
        for tags in [version.tags for version in found]:
            for key in tags:
                parts = takewhile(bool, (tags.get(f"{key}.{number}", "") for number in count(1)))
                tags[key] += "".join(parts)
        return found

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric] = (), *more: Any, **named: Any
    ) -> Any:
        """Log as many metrics as a run may have, those of the model first."""
        first = sorted(metrics, key=lambda metric: not metric.key.startswith("model."))
        return super().log_batch(run_id, first[:METRICS], *more, **named)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep files with a run, unless it has this very model: no file can be written twice."""
        here = Path(local_dir, PLACE)
        with suppress(ProjectError):
            package, there = identified(here / "package"), self._run_files(run_id, PLACE)
            names = [{path.relative_to(at) for path in at.rglob("*")} for at in (here, there)]
            if names[0] == names[1] and package == identified(there / "package"):
                return
        super().log_artifacts(run_id, local_dir, artifact_path)
