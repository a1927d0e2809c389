"""Put an image into a cluster: kubectl applies, the cluster rolls out, kubectl waits.

Recreate and ramped are a Deployment's own; the other strategies are a Rollout of Argo Rollouts.
Both step and abort by themselves, as the manifests say, which a test holds against rollout.yaml.
"""

import re
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
LEFT = re.compile(r"\b(?:[\w-]+\.)*example\.com\b")  # a host that nobody replaced
REGISTRY = "registry.example.com"  # the release puts the image's own in its place
NOTE = "release/images-before"  # an annotation: what `undo` brings back, newest first
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
        self.left = sorted({found[0] for found in LEFT.finditer(written)} - {REGISTRY})
        self.jobs = [f"cronjob/{one['metadata']['name']}" for one in _of(written, "CronJob")]
        kind, metadata = self.workload["kind"].lower(), self.workload["metadata"]
        self.typed, self.space = f"{kind}/{metadata['name']}", ["-n", metadata["namespace"]]
        argo = kind == "rollout"
        self.rollout = ["kubectl", "argo", "rollouts"] if argo else ["kubectl", "rollout"]
        self.target = metadata["name"] if argo else self.typed
        self.annotation = "rollout.argoproj.io" if argo else "deployment.kubernetes.io"

    def deploy(self, image: str) -> None:
        """Apply the overlay with the image, and wait. Raises RolloutError when it is undone."""
        if self.left:
            raise RolloutError(f"replace {', '.join(self.left)} in {self.overlay}: nobody owns it")
        found = self._found()
        killed, noted = self._killed(found), _noted(found)
        before, now = killed or self._number(found), _image(found)
        if not killed and now != image:  # before anything moves: for an `undo` after a kill
            self._note(now, *noted)
        try:
            with tempfile.TemporaryDirectory(dir=OVERLAYS, prefix=".release-") as folder:
                self._kustomize(Path(folder), image)
                self.say(_run("kubectl", "apply", "-k", folder).strip())
            self._wait()
        except BaseException as error:
            self.say(f"aborted: {error or type(error).__name__}")
            if before:
                self.undo(f"--to-revision={before}")
                self._note(*noted)
                self.say("the version before is back in service")
            raise

    def undo(self, *to: str) -> None:
        """Bring back the version before; after a kill, the one in service. Raises RolloutError."""
        then: list[str] = []
        if not to:
            found = self._found()
            now, noted = _image(found), _noted(found)
            if number := self._killed(found):
                then = noted[1:]
            elif noted:  # the revision before may be of a release that was aborted
                number, then = self._revision(noted[0]), [now, *noted[1:]]
            to = (f"--to-revision={number}",) if number else ()
        _run(*self.rollout, "undo", self.target, *self.space, *to)
        for job in self.jobs:  # an undo of a workload changes nothing else
            _run("kubectl", "set", "image", job, f"*={_image(self._found())}", *self.space)
        self._wait()
        self._note(*then)

    def _found(self) -> Manifest:
        """Return the workload as the cluster has it, without anything where it has none."""
        words = ["get", self.typed, *self.space, "--ignore-not-found", "-o", "json"]
        found: Manifest = yaml.safe_load(_run("kubectl", *words)) or {"metadata": {}}
        return found

    def _note(self, *images: str) -> None:
        if images and images[0]:
            words = ["annotate", self.typed, *self.space, "--overwrite"]
            _run("kubectl", *words, f"{NOTE}={' '.join(images[:2])}")

    def _revision(self, image: str) -> str:
        """Return the number of the workload's newest version with this image, or nothing."""
        sets = yaml.safe_load(_run("kubectl", "get", "replicasets", *self.space, "-o", "json"))
        name = self.workload["metadata"]["name"]
        owned = [
            one for one in sets["items"]
            if name in [owner["name"] for owner in one["metadata"].get("ownerReferences", [])]
        ]  # fmt: skip
        numbers = [self._number(one) for one in owned if _image(one) == image]
        return max(numbers, key=lambda number: int(number or 0), default="")

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


def _image(found: Manifest) -> str:
    """Return the image of a workload or one of its versions; nothing where there is none."""
    if "spec" not in found:
        return ""
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _noted(found: Manifest) -> list[str]:
    """Return the images that were in service before, newest first."""
    noted = found["metadata"].get("annotations", {}).get(NOTE, "").split()
    return [image for image in noted if image != _image(found)]


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
