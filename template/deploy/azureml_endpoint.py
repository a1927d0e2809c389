"""Put an image behind a managed online endpoint: two deployments, blue and green, take turns.

`az` needs the extension ml, a login, and defaults of group and workspace (`az configure`).
"""

import json
import os
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from . import checks
from .plan import Figures, Plan, RolloutError, Step
from .steps import Say

ENDPOINT = Path("azureml/online/endpoint.yml")
DEPLOYMENT = Path("azureml/online/deployment.yml")
PARAMS = Path("params.yaml")
SLOTS = ("blue", "green")
PACKAGE = Path("models/package")
EXPIRED = "AADSTS700024"  # the token that `az` logged in with has ended, as in a rollout of an hour
MODEL_HEADER = "azureml-model-deployment"  # calls one deployment, whatever the traffic


class Endpoint:
    """The endpoint of an environment. Its tag `live` names the deployment that is in service."""

    pause = 60.0  # a metric of Azure Monitor has a value a minute

    def __init__(self, environment: str, plan: Plan, say: Say) -> None:
        self.plan, self.say = plan, say
        written = yaml.safe_load(ENDPOINT.read_text(encoding="utf-8"))["name"]
        # Names are unique in a region: an environment in the same one has a name of its own.
        if environment != "prod":
            written = f"{written.removesuffix('-online')}-{environment}"
        self.name = os.environ.get(f"AZUREML_ENDPOINT_{environment.upper()}", written)
        found = self._endpoint("show")
        self.id, self.url = found["id"], found["scoring_uri"].removesuffix("/predict")
        self.traffic: dict[str, int] = found.get("traffic") or {}
        tags = found.get("tags") or {}
        self.live = tags.get("live") or max(self.traffic, key=self.traffic.__getitem__, default="")
        self.new = SLOTS[1] if self.live == SLOTS[0] else SLOTS[0]
        self.images: dict[str, str] = {slot: tags.get(f"image_{slot}", "") for slot in SLOTS}
        self.before: str = tags.get("image_before", "")
        self.created = False
        self.in_place = bool(self.live) and plan.strategy == "ramped"

    def serves(self, image: str) -> bool:
        """Tell whether this image is in service already, alone."""
        whole = self.traffic.get(self.live) == 100
        return bool(self.live) and whole and self.images[self.live] == image

    # WHAT `steps.roll` CALLS

    def release(self, image: str, compare: bool) -> None:
        """Say what the new version is: an image with the model of this project."""
        self.image, self.compare = image, compare
        self.model = checks.require_passed(Path())
        self.began = datetime.now(UTC)

    def settle(self) -> None:
        """Give the live deployment all traffic, if an interrupted rollout has not."""
        if self.live:
            self._restore()

    def start(self) -> bool:
        """Bring the new version up and try it."""
        floor = self._floor()
        self.created = True
        if self.in_place:  # the service replaces a deployment's instances one by one
            self.new = self.live
        elif self.live and self.plan.strategy == "recreate":
            self._endpoint("update", "--traffic", f"{self.live}=0")
            self._deployment("delete", self.live, "--yes")
            self.traffic = {}
        kept = {"image_before": self.images[self.live]} if self.in_place else {}
        self._tag({f"image_{self.new}": self.image, **kept})  # for an `undo` after a kill
        self._create(self.new, self.image)
        headers = {**self._key(), MODEL_HEADER: self.new}
        args = (self.url, PACKAGE, headers, self.model, floor, self.plan.abort, True)
        for line in checks.require_sound(*args):
            self.say(f"  {line}")
        return bool(self.live)

    def apply(self, step: Step) -> None:
        """Give the new deployment its share."""
        if not self.in_place:
            self._mirror(step.mirror)
            self._send(step.weight)
        self.began = datetime.now(UTC)

    def seen(self) -> Figures:
        """Ask Azure Monitor; it is two or three minutes late, so bake for five at least."""
        classes = self._metric("RequestsPerMinute", "statusCodeClass eq '*'")
        requests = sum(sum(values) for values in classes.values())
        errors = sum(classes.get("5xx", []))
        times = self._metric("RequestLatency_P99").values()
        slowest = max((value for values in times for value in values), default=0.0)
        return Figures(round(requests), round(errors), slowest)

    def finish(self) -> None:
        """Make the new deployment the live one; the old one stays, without traffic, for `undo`."""
        if not self.in_place:
            self._send(100)
        before = self.images[self.live] if self.live else ""
        tags = {"live": self.new, f"image_{self.new}": self.image, "image_before": before}
        self._tag(tags)

    def back(self) -> None:
        """Give the live deployment all traffic again, and remove the new one."""
        if not (self.live and self.created):
            return
        if self.in_place:
            self._create(self.live, self._known(self.images[self.live]))
            self._tag({f"image_{self.live}": self.images[self.live], "image_before": self.before})
            return
        self._mirror(0)
        self._restore()
        with suppress(RolloutError):  # it may never have come to be
            self._deployment("delete", self.new, "--yes", "--no-wait")

    def undo(self) -> None:
        """Bring back the version before the live one; after a kill, the live one."""
        other = self.new in self.traffic and self.images[self.new] != self.before
        if not self.in_place and self.live and (other or self.traffic.get(self.live) != 100):
            self.created = True
            self.back()
            return
        before = self._known(self.before)
        if self.in_place:
            self.new = self.live
        if self.new not in self.traffic or self.in_place:
            self._create(self.new, before)
        if not self.in_place:
            self._send(100)
        now = self.images[self.live]
        self._tag({"live": self.new, f"image_{self.new}": before, "image_before": now})

    # HOW

    def _floor(self) -> float:
        if not self.live or not self.compare:
            return checks.on_record(Path(), self.model)
        headers = {**self._key(), MODEL_HEADER: self.live}
        value = checks.metric(self.url, PACKAGE, headers, batches=False)
        self.say(f"in service: {self.live}, {value:.4f} on the validation set")
        return value

    def _restore(self) -> None:
        """Give the live deployment all traffic; `recreate` may have deleted it."""
        if self.live not in self.traffic:
            self._create(self.live, self._known(self.images[self.live]))
        self._send(0)

    def _send(self, weight: int) -> None:
        """Move the traffic; a deployment that is not there cannot be named."""
        shares = {self.live: 100 - weight} if self.live in self.traffic or not weight else {}
        if weight or self.new in self.traffic:
            shares[self.new] = weight
        if shares == self.traffic:
            return
        self.traffic = shares
        words = " ".join(f"{name}={share}" for name, share in shares.items())
        self._endpoint("update", "--traffic", words)

    def _create(self, slot: str, image: str) -> None:
        settings = (f"environment.image={image}", *logging(PARAMS))
        self._deployment("create", slot, "--file", str(DEPLOYMENT), "--set", *settings)

    def _mirror(self, share: int) -> None:
        if self.plan.strategy == "shadow":
            self._endpoint("update", "--mirror-traffic", f"{self.new}={share}")

    def _tag(self, tags: dict[str, str]) -> None:
        words = [f"tags.{name}={value}" for name, value in tags.items() if value]
        self._endpoint("update", "--set", *words)

    def _known(self, image: str) -> str:
        if not image:
            raise RolloutError(f"{self.name} has no tag that names the previous image")
        return image

    def _key(self) -> dict[str, str]:
        found = self._endpoint("get-credentials")
        return {"Authorization": f"Bearer {found.get('accessToken') or found['primaryKey']}"}

    def _metric(self, name: str, also: str = "") -> dict[str, list[float]]:
        """Return the values since the step began, one a minute, by the class of the status."""
        one = f"deployment eq '{self.new}'"
        found = _az(
            "monitor", "metrics", "list", "--resource", self.id, "--metrics", name,
            "--aggregation", "Average", "--interval", "PT1M",
            "--start-time", self.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "--filter", f"{one} and {also}" if also else one,
        )  # fmt: skip
        values: dict[str, list[float]] = {}
        for series in found["value"][0]["timeseries"]:
            names = {m["name"]["value"].lower(): m["value"] for m in series["metadatavalues"]}
            seen = [point.get("average") for point in series["data"]]
            known = values.setdefault(names.get("statuscodeclass", ""), [])
            known += [value for value in seen if value is not None]
        return values

    def _endpoint(self, verb: str, *options: str) -> Any:
        return _az("ml", "online-endpoint", verb, "--name", self.name, *options)

    def _deployment(self, verb: str, slot: str, *options: str) -> Any:
        words = ("--name", slot, "--endpoint-name", self.name)
        return _az("ml", "online-deployment", verb, *words, *options)


def logging(params: Path) -> tuple[str, ...]:
    """Return what makes Azure ML log requests as `collect` says: whole ones, or none at all."""
    collect = yaml.safe_load(params.read_text(encoding="utf-8")).get("collect") or {}
    share = float(collect.get("share", 1))
    if collect.get("mask") or not collect.get("max_rows", 1) or share <= 0:
        return ()
    parts = [f"data_collector.collections.{name}.enabled=true" for name in ("request", "response")]
    return (*parts, f"data_collector.sampling_rate={share:g}")


def _az(*words: str) -> Any:
    """Run az; return the JSON that it prints. Raises RolloutError."""
    if (program := shutil.which("az")) is None:
        raise RolloutError("az is not installed")
    command = [program, *words, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    login = os.environ.get("AZURE_LOGIN")
    if done.returncode and login and EXPIRED in done.stderr:
        subprocess.run([login], check=False)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RolloutError(f"az {' '.join(words[:3])} failed: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout or "null")
