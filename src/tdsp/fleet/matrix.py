"""`tdsp fleet matrix`: a CI file, or a Kubernetes job, that judges a fleet in shards."""

from typing import Any

import yaml

from tdsp import __version__
from tdsp.fleet.shards import count

TDSP = f"tdsp=={__version__}"
IMAGE = "ghcr.io/astral-sh/uv:0.11.6-python3.13-trixie"
CHECKOUT, UPLOAD, DOWNLOAD, SETUP = (
    "actions/checkout",
    "actions/upload-artifact",
    "actions/download-artifact",
    "astral-sh/setup-uv",
)
# As the template's workflows pin them; a test compares the two.
PINS = {
    CHECKOUT: "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    UPLOAD: "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    DOWNLOAD: "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    SETUP: "20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1",
}
START = ({"uses": CHECKOUT, "with": {"persist-credentials": False}}, {"uses": SETUP})
NEWEST = "snapshots/merged.json"
HEAD = "# Written by `tdsp fleet matrix`. Every shard judges its part of the fleet.\n# {note}\n"
NOTES = {
    "github": "GH_TOKEN and git need a token that reads all repositories: the secret FLEET_TOKEN.",
    "gitlab": "GITLAB_TOKEN has to read all repositories: a masked variable of this project.",
    "azure": "The build service has to read all repositories: project settings, repositories.",
    "kubernetes": "The volume `fleet` holds fleet.yml. Set FLEET_TAKEN to now, and merge shards/.",
}


class _Dumper(yaml.SafeDumper):
    """Writes what stands twice twice: not every platform reads aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def matrix(platform: str, shards: int, fleet: str, image: str = "") -> str:
    """Return the file of a platform. Raises TdspError when it does not take so many jobs."""
    count(platform, shards)
    makers = {"github": _github, "gitlab": _gitlab, "azure": _azure}
    if platform == "kubernetes":
        documents = _kubernetes(shards, fleet, image or IMAGE)
    else:
        documents = [makers[platform](shards, fleet)]
    body = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=1000)
    for name, pin in PINS.items():
        body = body.replace(f"uses: {name}\n", f"uses: {name}@{pin}\n")
    return HEAD.format(note=NOTES[platform]) + str(body)


def _judge(fleet: str, taken: str, shard: str, output: str) -> str:
    words = f'--shard {shard} --taken "{taken}" --output "{output}"'
    return f"uvx {TDSP} fleet status {fleet} {words} || test $? -eq 3"


def _merge(output: str) -> str:
    return f"uvx {TDSP} fleet merge shards/*.json --output {output} || test $? -eq 3"


def _github(shards: int, fleet: str) -> dict[str, Any]:
    now = 'echo "taken=$(date -u +%Y-%m-%dT%H:%M:%SZ)" >> "$GITHUB_OUTPUT"'
    start = {
        "runs-on": "ubuntu-24.04",
        "outputs": {"taken": "${{ steps.now.outputs.taken }}"},
        "steps": [{"id": "now", "run": now}],
    }
    own = "shards/${{ matrix.shard }}.json"
    judge = {
        "needs": "start",
        "runs-on": "ubuntu-24.04",
        "strategy": {"fail-fast": False, "matrix": {"shard": list(range(1, shards + 1))}},
        "env": {
            "GH_TOKEN": "${{ secrets.FLEET_TOKEN }}",
            "TAKEN": "${{ needs.start.outputs.taken }}",
            "SHARD": "${{ matrix.shard }}",
        },
        "steps": [
            *START,
            {"run": "gh auth setup-git"},
            {"run": _judge(fleet, "$TAKEN", f"$SHARD/{shards}", "shards/$SHARD.json")},
            {"uses": UPLOAD, "with": {"name": "shard-${{ matrix.shard }}", "path": own}},
        ],
    }
    parts = {"path": "shards", "pattern": "shard-*", "merge-multiple": True}
    merged = {
        "needs": "judge",
        "runs-on": "ubuntu-24.04",
        "steps": [
            *START,
            {"uses": DOWNLOAD, "with": parts},
            {"run": _merge(NEWEST)},
            {"uses": UPLOAD, "with": {"name": "snapshot", "path": NEWEST}},
        ],
    }
    return {
        "name": "Fleet",
        "on": {"schedule": [{"cron": "17 4 * * *"}], "workflow_dispatch": None},
        "permissions": {"contents": "read"},
        "jobs": {"start": start, "judge": judge, "merge": merged},
    }


def _gitlab(shards: int, fleet: str) -> dict[str, Any]:
    judge: dict[str, Any] = {
        "stage": "judge",
        "script": [
            "mkdir -p shards",
            _judge(fleet, "$CI_PIPELINE_CREATED_AT", "auto", "shards/$CI_NODE_INDEX.json"),
        ],
        "artifacts": {"paths": ["shards"], "expire_in": "1 day"},
    }
    if shards > 1:
        judge["parallel"] = shards
    else:
        judge["variables"] = {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "1"}
    return {
        "stages": ["judge", "merge"],
        "workflow": {"rules": [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]},
        "default": {"image": IMAGE},
        "judge": judge,
        "merge": {
            "stage": "merge",
            "script": [_merge(NEWEST)],
            "artifacts": {"paths": ["snapshots"], "expire_in": "1 year"},
        },
    }


def _azure(shards: int, fleet: str) -> dict[str, Any]:
    tools = {"bash": "pipx install uv", "displayName": "uv"}
    own = "shards/$(System.JobPositionInPhase).json"
    bash = _judge(fleet, "$TAKEN", "auto", own)
    env = {
        "AZURE_DEVOPS_EXT_PAT": "$(System.AccessToken)",
        "TAKEN": "$(System.PipelineStartTime)",
    }
    basic = (
        'git config --global "http.https://dev.azure.com/.extraheader"'
        ' "AUTHORIZATION: bearer $SYSTEM_ACCESSTOKEN"'
    )
    sign_in = {"bash": basic, "env": {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}}
    judge = {
        "job": "judge",
        "strategy": {"parallel": str(shards)},  # the schema asks for a text
        "steps": [
            {"checkout": "self"},
            tools,
            {**sign_in, "displayName": "git signs in"},
            {"bash": f"mkdir -p shards\n{bash}\n", "env": env, "displayName": "Judge"},
            {"publish": "shards", "artifact": "shard-$(System.JobPositionInPhase)"},
        ],
    }
    copied = 'cp "$PIPELINE_WORKSPACE"/shard-*/*.json shards/'
    merged = {
        "job": "merge",
        "dependsOn": "judge",
        "steps": [
            {"checkout": "self"},
            tools,
            {"download": "current"},
            {
                "bash": f"mkdir -p shards\n{copied}\n{_merge(NEWEST)}\n",
            },
            {"publish": NEWEST, "artifact": "snapshot"},
        ],
    }
    schedule = {"cron": "17 4 * * *", "branches": {"include": ["main"]}, "always": "true"}
    return {
        "trigger": "none",
        "schedules": [schedule],
        "pool": {"vmImage": "ubuntu-24.04"},
        "jobs": [judge, merged],
    }


def _kubernetes(shards: int, fleet: str, image: str) -> list[dict[str, Any]]:
    command = _judge(
        f"/fleet/{fleet}", "$FLEET_TAKEN", "auto", "/fleet/shards/$JOB_COMPLETION_INDEX.json"
    )
    container = {
        "name": "fleet",
        "image": image,
        "command": ["sh", "-c", command],
        "env": [
            {"name": "FLEET_SHARDS", "value": str(shards)},
            {"name": "FLEET_TAKEN", "value": "2027-01-31T04:00:00Z"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108
        ],
        "resources": {
            "requests": {"cpu": "1", "memory": "512Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "fleet", "mountPath": "/fleet"}],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "fleet", "persistentVolumeClaim": {"claimName": "fleet"}}],
    }
    spec = {
        "completionMode": "Indexed",
        "completions": shards,
        "parallelism": min(shards, 20),
        "backoffLimitPerIndex": 1,
        "ttlSecondsAfterFinished": 86400,
        "template": {"spec": pod},
    }
    return [
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fleet"}, "spec": spec},
    ]
