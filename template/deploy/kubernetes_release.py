"""Put an image into a cluster: kubectl applies, the cluster rolls out, kubectl waits.

Recreate and ramped are a Deployment's own; the other strategies are a Rollout of Argo Rollouts.
Both step by themselves: the image and the numbers of deploy/rollout.yaml are put in here, no more.
"""

import copy
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .plan import Plan, RolloutError
from .steps import Say

OVERLAYS = Path("deploy/kubernetes/overlays")
KINDS = ("Deployment", "Rollout")
START_SECONDS = 600  # for pods to be scheduled, pulled and ready, besides the time of the steps

Manifest = dict[str, Any]


class Release:
    """One environment of the overlays, and the workload in it."""

    def __init__(self, environment: str, plan: Plan, say: Say) -> None:
        self.overlay, self.plan, self.say = OVERLAYS / environment, plan, say
        if not self.overlay.is_dir():
            raise RolloutError(f"there is no {self.overlay}")
        self.workload = _workload(_run("kubectl", "kustomize", str(self.overlay)))
        kind, metadata = self.workload["kind"].lower(), self.workload["metadata"]
        self.name, self.space = metadata["name"], ["--namespace", metadata["namespace"]]
        argo = kind == "rollout"
        self.rollout = ["kubectl", "argo", "rollouts"] if argo else ["kubectl", "rollout"]
        self.target = self.name if argo else f"{kind}/{self.name}"

    def deploy(self, image: str) -> None:
        """Apply the overlay with the image, and wait. Raises RolloutError when it is undone."""
        try:
            with tempfile.TemporaryDirectory(dir=OVERLAYS, prefix=".release-") as folder:
                self._kustomize(Path(folder), image)
                self.say(_run("kubectl", "apply", "--kustomize", folder).strip())
            self._wait()
        except BaseException as error:
            self.say(f"aborted: {error or type(error).__name__}")
            self._back()
            raise

    def undo(self) -> None:
        """Bring back the version before. Raises RolloutError."""
        _run(*self.rollout, "undo", self.target, *self.space)
        self._wait()

    def _back(self) -> None:
        if self.workload["kind"] == "Rollout":  # all traffic to the stable version, now
            _run(*self.rollout, "abort", self.target, *self.space)
        self.undo()

    def _wait(self) -> None:
        seconds = START_SECONDS + round(sum(step.bake for step in self.plan.steps))
        _run(*self.rollout, "status", self.target, *self.space, "--timeout", f"{seconds}s")

    def _kustomize(self, folder: Path, image: str) -> None:
        """Write an overlay over the overlay: nothing that is committed changes."""
        name, digest = image.split("@", 1)
        used = self.workload["spec"]["template"]["spec"]["containers"][0]["image"]
        used = used.partition("@")[0]
        head, _, last = used.rpartition("/")
        placeholder = f"{head}/{last.partition(':')[0]}".lstrip("/")
        changed = with_numbers(self.workload, self.plan)
        patch = {key: changed[key] for key in ("apiVersion", "kind")}
        patch |= {"metadata": {"name": self.name, "namespace": changed["metadata"]["namespace"]}}
        patch |= {"spec": {key: changed["spec"][key] for key in PATCHED if key in changed["spec"]}}
        content = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../{self.overlay.name}"],
            "images": [{"name": placeholder, "newName": name, "digest": digest}],
            "patches": [{"patch": yaml.safe_dump(patch, sort_keys=False)}],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


PATCHED = ("minReadySeconds", "strategy")


def with_numbers(workload: Manifest, plan: Plan) -> Manifest:
    """Put the weights and times of the plan where the manifest has some. Raises RolloutError."""
    changed = copy.deepcopy(workload)
    spec = changed["spec"]
    if changed["kind"] == "Deployment":
        spec["minReadySeconds"] = round(plan.steps[-1].bake)
        return changed
    found = list(_numbers(spec["strategy"]))
    weights = [part for part in found if "setWeight" in part]
    pauses = [part["pause"] for part in found if "pause" in part]
    mirrors = [part for part in found if "percentage" in part]
    _fill(weights, "setWeight", [step.weight for step in plan.steps if step.weight])
    _fill(pauses, "duration", [f"{step.bake:g}s" for step in plan.steps])
    _fill(mirrors, "percentage", [step.mirror for step in plan.steps if step.mirror])
    limits = plan.abort.model_dump()
    for part in found:
        if (name := str(part.get("name", "")).replace("-", "_")) in limits:
            part["value"] = str(limits[name])
    return changed


def _numbers(node: Any) -> Iterator[Manifest]:
    """Yield every mapping below a node, in order."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _numbers(child)


def _fill(places: list[Manifest], key: str, values: list[Any]) -> None:
    if places and len(places) != len(values):
        said = f"deploy/kubernetes has {len(places)} steps with {key}, deploy/rollout.yaml"
        raise RolloutError(f"{said} has {len(values)}: give both as many")
    for place, value in zip(places, values, strict=False):
        place[key] = value


def _workload(manifests: str) -> Manifest:
    found = [one for one in yaml.safe_load_all(manifests) if one and one.get("kind") in KINDS]
    if len(found) != 1:
        raise RolloutError(f"the overlay has {len(found)} Deployments and Rollouts, not one")
    workload: Manifest = found[0]
    return workload


def _run(*command: str) -> str:
    if (program := shutil.which(command[0])) is None:
        raise RolloutError(f"{command[0]} is not installed")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-1000:]
        raise RolloutError(f"{' '.join(command[:4])} failed: {said}")
    return done.stdout
