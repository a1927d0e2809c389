"""Put an image into a cluster: kubectl applies, the cluster rolls out, kubectl waits.

Recreate and ramped are a Deployment's own; the other strategies are a Rollout of Argo Rollouts.
Both step and abort by themselves, as the manifests say, which a test holds against rollout.yaml.
"""

import shutil
import subprocess
import tempfile
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
        written = _run("kubectl", "kustomize", str(self.overlay))
        self.workload = _workload(written)
        self.jobs = [f"cronjob/{one['metadata']['name']}" for one in _of(written, "CronJob")]
        kind, metadata = self.workload["kind"].lower(), self.workload["metadata"]
        self.typed, self.space = f"{kind}/{metadata['name']}", ["-n", metadata["namespace"]]
        argo = kind == "rollout"
        self.rollout = ["kubectl", "argo", "rollouts"] if argo else ["kubectl", "rollout"]
        self.target = metadata["name"] if argo else self.typed
        self.annotation = "rollout.argoproj.io" if argo else "deployment.kubernetes.io"

    def deploy(self, image: str) -> None:
        """Apply the overlay with the image, and wait. Raises RolloutError when it is undone."""
        before = self._revision()
        try:
            with tempfile.TemporaryDirectory(dir=OVERLAYS, prefix=".release-") as folder:
                self._kustomize(Path(folder), image)
                self.say(_run("kubectl", "apply", "-k", folder).strip())
            self._wait()
        except BaseException as error:
            self.say(f"aborted: {error or type(error).__name__}")
            if before:
                self.undo(f"--to-revision={before}")
                self.say("the version before is back in service")
            raise

    def undo(self, *to: str) -> None:
        """Bring back the version before; after a kill, the one in service. Raises RolloutError."""
        if not to and self.annotation.startswith("rollout."):
            words = ["get", self.typed, *self.space, "-o", "json"]
            number = self._killed(yaml.safe_load(_run("kubectl", *words)))
            to = (f"--to-revision={number}",) if number else ()
        _run(*self.rollout, "undo", self.target, *self.space, *to)
        for job in self.jobs:  # an undo of a workload changes nothing else
            _run("kubectl", "set", "image", job, f"*={self._image()}", *self.space)
        self._wait()

    def _image(self) -> str:
        """Return the image that the workload has now."""
        found = yaml.safe_load(_run("kubectl", "get", self.typed, *self.space, "-o", "json"))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def _revision(self) -> str:
        """Return the number of what is in service now, empty where nothing is."""
        words = ["get", self.typed, *self.space, "--ignore-not-found", "-o", "json"]
        found = yaml.safe_load(_run("kubectl", *words)) or {"metadata": {}}
        return str(self._killed(found) or self._number(found))

    def _killed(self, workload: Manifest) -> str:
        """Return what serves beside a Rollout's version that a kill left on its way, or nothing."""
        status = workload.get("status") or {}
        stable = status.get("stableRS", "")
        if not stable or stable == status.get("currentPodHash"):
            return ""
        label = f"--selector=rollouts-pod-template-hash={stable}"
        found = yaml.safe_load(
            _run("kubectl", "get", "replicasets", label, *self.space, "-o", "json")
        )
        return "".join(self._number(one) for one in found["items"][:1])

    def _number(self, found: Manifest) -> str:
        notes = found["metadata"].get("annotations", {})
        return str(notes.get(f"{self.annotation}/revision", ""))

    def _wait(self) -> None:
        seconds = START_SECONDS + round(sum(step.bake for step in self.plan.steps))
        _run(*self.rollout, "status", self.target, *self.space, "--timeout", f"{seconds}s")

    def _kustomize(self, folder: Path, image: str) -> None:
        """Write an overlay over the overlay: nothing that is committed changes."""
        name, digest = image.split("@", 1)
        used = self.workload["spec"]["template"]["spec"]["containers"][0]["image"].split("@")[0]
        content = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../{self.overlay.name}"],
            "images": [{"name": used, "newName": name, "digest": digest}],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _of(manifests: str, *kinds: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(manifests) if one and one.get("kind") in kinds]


def _workload(manifests: str) -> Manifest:
    found = _of(manifests, *KINDS)
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
