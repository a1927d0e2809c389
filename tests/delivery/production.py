"""A production that remembers: kubectl, az and the registry, as stand-ins with a state."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from tests.delivery.ci_play import FAKE, Stage

HOST = "registry/ml-project"
OLDER, OLD = (f"{HOST}@sha256:{digit * 64}" for digit in "12")
DEPLOYS = {"kubernetes": "kubectl", "azureml": "az"}
# In place of the model's own checks, which other tests run against a real service.
CHECKS = '''"""Stand-in: every version is sound."""


def require_passed(project): return "model"
def on_record(project, model): return 0.0
def metric(*args, **kwargs): return 0.9
def require_sound(*args): return []
'''
# `uv run poe deploy` and `undo` are the project's own; `ml_project` is a registry with a history.
UV = """#!/bin/bash
case "$*" in
  "run poe deploy "* | "run poe undo "*)
    echo "uv $*" >> "$FAKE_LOG"
    shift 2
    exec env PYTHONPATH=src {python} -m deploy.rollout "$@" ;;
  "run ml_project register"* | "run ml_project promote"* | "run ml_project rollback"*)
    {standin} "$@" || exit 1 ;;
esac
. {fake}
"""
STANDIN = '''#!{python} -SE
"""kubectl, az and the registry of models, over one file."""
import fnmatch, json, os, pathlib, signal, sys

STATE = pathlib.Path({folder!r}) / f"state-{{os.environ.get('ENVIRONMENT') or 'prod'}}.json"
state = json.loads(STATE.read_text())
program, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
line = " ".join([program, *words])


def say(what):
    print(what if isinstance(what, str) else json.dumps(what))


def fail(why):
    print(why, file=sys.stderr)
    save()
    sys.exit(1)


def save():
    STATE.write_text(json.dumps(state))


def option(name):
    for place, word in enumerate(words):
        if word == name:
            return words[place + 1]
        if word.startswith(name + "="):
            return word.partition("=")[2]
    return ""


def allowed(group, resource, *verbs):
    """What the Role of the release does not grant is refused, as the API server does it."""
    if state["role"] is None:
        return
    for verb in verbs:
        if not any(
            group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"]
            for rule in state["role"]
        ):
            fail(f"Error from server (Forbidden): cannot {{verb}} {{resource}} of {{group!r}}")


def kubectl():
    kube = state["kube"]
    group, kind = ("argoproj.io", "rollouts") if state["argo"] else ("apps", "deployments")
    watched = [(group, kind)]
    if state["argo"]:
        watched += [("apps", "replicasets"), ("apps", "deployments"), ("", "pods")]
        watched += [("argoproj.io", "experiments"), ("argoproj.io", "analysisruns")]
    argo = words[:2] == ["argo", "rollouts"]
    verb = words[2] if argo else words[1] if words[0] == "rollout" else words[0]
    if words[0] == "kustomize":
        return say(pathlib.Path(STATE.parent / "manifests.yaml").read_text())
    if verb == "get" and words[1] == "replicasets":
        allowed("apps", "replicasets", "list")
        found = kube["revisions"]
        if wanted := option("--selector").partition("=")[2]:
            found = [one for one in found if one[1] == wanted]
        note = "rollout.argoproj.io" if state["argo"] else "deployment.kubernetes.io"
        return say({{"items": [{{
            "metadata": {{
                "annotations": {{f"{{note}}/revision": str(number)}},
                "ownerReferences": [{{"name": "ml-project"}}],
            }},
            "spec": {{"template": {{"spec": {{"containers": [{{"image": image}}]}}}}}},
        }} for number, image in found]}})
    if verb == "get":
        allowed(group, kind, "get")
        note = "rollout.argoproj.io" if state["argo"] else "deployment.kubernetes.io"
        number = max([n for n, image in kube["revisions"] if image == kube["template"]], default="")
        notes = {{f"{{note}}/revision": str(number), **kube["notes"]}}
        return say({{
            "metadata": {{"annotations": notes}},
            "spec": {{"template": {{"spec": {{"containers": [{{"image": kube["template"]}}]}}}}}},
            "status": {{"stableRS": kube["stable"], "currentPodHash": kube["template"]}},
        }})
    if verb == "annotate":
        allowed(group, kind, "get", "patch")
        name, _, value = words[-1].partition("=")
        kube["notes"][name] = value
        return
    if verb == "apply":
        for each in state["kinds"]:
            allowed(*each, "get", "create", "patch")
        text = (pathlib.Path(words[words.index("-k") + 1]) / "kustomization.yaml").read_text()
        name = text.partition("newName: ")[2].split()[0]
        digest = text.partition("digest: ")[2].split()[0]
        kube["jobs"] = image = f"{{name}}@{{digest}}"
        if image != kube["template"]:
            newest(image)
        return
    if verb == "undo":
        allowed(group, kind, "get", "patch")
        allowed("apps", "replicasets", "list")
        numbers = sorted(kube["revisions"])
        to = option("--to-revision")
        found = [i for n, i in numbers if str(n) == to] if to else [i for _, i in numbers[-2:-1]]
        if not found:
            fail("error: unable to find the specified revision")
        if found[0] != kube["template"]:
            newest(found[0])
        return
    if verb == "set":
        allowed("batch", "cronjobs", "get", "patch")
        kube["jobs"] = words[3].removeprefix("*=")
        return
    if verb == "status":
        for each in watched:
            allowed(*each, "list", "watch")
        if kube["template"].startswith(state["broken"] or "-"):
            fail("error: timed out: ImagePullBackOff")
        kube["stable"] = kube["template"]


def newest(image):
    kube = state["kube"]
    number = 1 + max(n for n, _ in kube["revisions"])
    kube["revisions"] = [one for one in kube["revisions"] if one[1] != image] + [[number, image]]
    kube["template"] = image


def az():
    end = state["endpoint"]
    if words[0] == "login":
        if state["expired"] and not state["renewable"]:
            fail("ERROR: AADSTS70021: no matching federated identity record found")
        state["expired"] = False
        return
    if words[:2] == ["account", "get-access-token"]:
        if not state["tokens"]:
            fail("ERROR: AADSTS700024: there is no token for this resource")
        return say("t")
    if words[1:2] == ["online-endpoint"]:
        if words[2] == "show":
            return say({{"id": "/e", "scoring_uri": "http://e/predict", **end}})
        if words[2] == "get-credentials":
            return say({{"accessToken": "t"}})
        if "--traffic" in words:
            shares = [one.partition("=") for one in option("--traffic").split()]
            end["traffic"] = {{name: int(share) for name, _, share in shares}}
        if "--set" in words:
            for word in words[words.index("--set") + 1:]:
                name, _, value = word.partition("=")
                if name.startswith("tags."):
                    end["tags"][name[5:]] = value
        return say({{}})
    if words[1:2] == ["online-deployment"]:
        slot = option("--name")
        if words[2] == "delete":
            if end["traffic"].get(slot):
                fail("ERROR: the deployment has traffic")
            end["traffic"].pop(slot, None)
            state["deployments"].pop(slot, None)
        else:
            (image,) = [w.partition("=")[2] for w in words if w.startswith("environment.image=")]
            if image.startswith(state["broken"] or "-"):
                fail("ERROR: ImagePullBackOff")
            state["deployments"][slot] = image
            end["traffic"].setdefault(slot, 0)
        return say({{}})
    if words[:2] == ["monitor", "metrics"]:
        return say({{"value": [{{"timeseries": []}}]}})
    if words[:2] == ["ml", "schedule"]:
        state["schedule"] = state["deployments"].get(end["tags"].get("live"), "")


def uv():
    """run ml_project register | promote | rollback: champions, the last one in service."""
    what, models = words[2], state["models"]
    if what == "register":
        if state["model"] not in models["versions"]:
            models["versions"].append(state["model"])
    elif what == "promote":
        if models["champions"][-1] != state["model"]:
            models["champions"].append(state["model"])
    elif len(models["champions"]) > 1:
        models["champions"].pop()
    else:
        fail("error: no champion before this one")


if program != "uv":
    with open({log!r}, "a") as log:
        log.write(line + "\\n")
for rule in pathlib.Path({rules!r}).read_text().splitlines():
    pattern, code, output = rule.split("|", 2)
    if fnmatch.fnmatchcase(line, pattern):
        if int(code):
            fail("error: " + (output or "not reached"))
        break
KNOWN = "kustomize get annotate apply argo rollout set login ml monitor account"
if program == "uv" or words[0] in KNOWN.split():
    counted = state["deploying"] and words[0] not in ("kustomize", "login", "account")
    state["calls"] += counted
    reached = state["calls"] == state["stop_at"]
    if counted and reached and state["how"] == "expires":
        state["expired"] = True
    if counted and reached and state["how"] == "killed before":
        save()
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(1)
    if state["expired"] and words[0] not in ("kustomize", "login"):
        fail("error: You must be logged in to the server (Unauthorized)" if program == "kubectl"
             else "ERROR: AADSTS700024: Client assertion is not within its valid time range")
    {{"kubectl": kubectl, "az": az, "uv": uv}}[program]()
    save()
    if counted and reached and state["how"] == "killed after":
        os.kill(os.getppid(), signal.SIGKILL)
'''
PLAN = {
    "strategy": "canary",
    "steps": [{"weight": share, "bake": "0s"} for share in (5, 25, 100)],
    "abort": {"max_error_rate": 0.01, "max_p99_ms": 5000, "max_metric_loss": 0.02},
}
KINDS = {
    "ConfigMap": ("", "configmaps"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "Service": ("", "services"),
    "ServiceAccount": ("", "serviceaccounts"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
    "HTTPRoute": ("gateway.networking.k8s.io", "httproutes"),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets"),
    "CronJob": ("batch", "cronjobs"),
    "AnalysisTemplate": ("argoproj.io", "analysistemplates"),
    "Rollout": ("argoproj.io", "rollouts"),
    "Deployment": ("apps", "deployments"),
}


def prepare(project: Path, strategy: str = "canary") -> None:
    """Before the project is committed: steps without waiting, and every version is sound."""
    if (project / "deploy").exists():
        plan: dict[str, Any] = {**PLAN, "strategy": strategy}
        if strategy not in ("canary", "ab-test"):
            plan["steps"] = [{"weight": 100, "bake": "0s"}]
        if strategy == "shadow":
            plan["steps"] = [{"mirror": 50, "bake": "0s"}, *plan["steps"]]
        (project / "deploy/rollout.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
        (project / "deploy/checks.py").write_text(CHECKS, encoding="utf-8")


class Production:
    """What is in service, behind the stand-ins of a stage."""

    def __init__(self, stage: Stage, argo: bool = True, host: str = "ml.acme.org") -> None:
        self.stage, self.argo = stage, argo
        self.folder = stage.folder / "production"
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / "state-prod.json"
        (self.folder / "bin").mkdir(exist_ok=True)
        text = STANDIN.format(
            python=sys.executable,
            folder=str(self.folder),
            log=str(stage.log),
            rules=str(stage.rules),
        )
        for path in (stage.bin / "kubectl", stage.bin / "az", self.folder / "bin/uv"):
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        (self.folder / "fake.sh").write_text(FAKE, encoding="utf-8")
        uv = {"python": sys.executable, "standin": self.folder / "bin/uv"}
        (stage.bin / "uv").write_text(
            UV.format(**uv, fake=self.folder / "fake.sh"), encoding="utf-8"
        )
        self.role = None
        role = stage.project / "deploy/kubernetes/release.yaml"
        if role.exists():
            self.role = yaml.safe_load(role.read_text(encoding="utf-8"))["rules"]
        self.host = host
        self.reset()

    def reset(self, **changed: Any) -> None:
        """Put OLD into service, after OLDER, everywhere; then what is to go wrong."""
        workload = {
            "kind": "Rollout" if self.argo else "Deployment",
            "metadata": {"name": "ml-project", "namespace": "ml-project-prod"},
            "spec": {"template": {"spec": {"containers": [{"image": f"{HOST}@sha256:0"}]}}},
        }
        route = {
            "kind": "HTTPRoute",
            "metadata": {"name": "ml-project"},
            "spec": {"hostnames": [changed.pop("host", self.host)]},
        }
        job = {"kind": "CronJob", "metadata": {"name": "ml-project-score"}}
        written = yaml.safe_dump_all([workload, route, job])
        (self.folder / "manifests.yaml").write_text(written, encoding="utf-8")
        kinds = [KINDS[kind] for kind in KINDS if kind not in ("Rollout", "Deployment")]
        kinds = [one for one in kinds if self.argo or one[0] != "argoproj.io"]
        state = {
            "kube": {
                "revisions": [[6, OLDER], [7, OLD]], "stable": OLD, "template": OLD, "jobs": OLD,
                "notes": {"release/images-before": OLDER},
            },
            "endpoint": {
                "traffic": {"blue": 100},
                "tags": {
                    "live": "blue", "image_blue": OLD, "image_before": OLDER, "image_green": OLDER,
                },
            },
            "deployments": {"blue": OLD}, "schedule": OLD, "models": {
                "versions": [OLDER, OLD], "champions": [OLDER, OLD],
            },
            "model": "new", "role": self.role, "argo": self.argo,
            "kinds": [*kinds, KINDS["Rollout" if self.argo else "Deployment"]],
            "broken": "", "renewable": True, "expired": False, "calls": 0, "stop_at": -1,
            "how": "", "deploying": True, "tokens": True,
        }  # fmt: skip
        (self.folder / "state-test.json").write_text(json.dumps(state), encoding="utf-8")
        self.file.write_text(json.dumps(state | changed), encoding="utf-8")

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return found

    def change(self, **changed: Any) -> None:
        self.file.write_text(json.dumps(self.state | changed), encoding="utf-8")

    def serving(self, platform: str) -> str:
        return serving(self.state, platform)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call one of the project's release commands, as a person does."""
        env = {**self.stage.env, "PATH": f"{self.stage.bin}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            [self.stage.bin / "uv", "run", *words], cwd=self.stage.project, env=env,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def undo(self, platform: str) -> subprocess.CompletedProcess[str]:
        """By the next morning, with a login that works."""
        self.change(stop_at=-1, how="", expired=False, renewable=True, broken="")
        self.stage.rules.write_text("", encoding="utf-8")
        if platform == "registry":
            return self.run("ml_project", "rollback", "--reason", "undone")
        return self.run("poe", "undo", "--environment", "prod")


def serving(state: dict[str, Any], platform: str) -> str:
    """The image, or model, that answers everybody; empty where more than one does, or none."""
    if platform == "registry":
        return str(state["models"]["champions"][-1])
    if platform == "kubernetes":
        kube = state["kube"]
        return str(kube["stable"] if kube["stable"] == kube["template"] else "")
    whole = [slot for slot, share in state["endpoint"]["traffic"].items() if share == 100]
    return str(state["deployments"].get(whole[0], "")) if whole else ""
