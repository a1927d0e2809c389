"""Projects of the answers that matter to hygiene, rendered once; their commands, offline."""

import functools
import os
import subprocess
from pathlib import Path

from tests.conftest import once
from tests.project.living import BIN, FOUND, UV, Done, Project, environment
from tests.render.engines import Answers, with_copier

HOSTILE = """Bob's "churn" \\ model: 100% # 顧客 🚀 é"""
TEXTS = dict.fromkeys(("project_name", "description", "organization", "author_name"), HOSTILE)
OWNER = {"author_email": "o_1+x.y%z-w@sub.example.com"}
ROWS: dict[str, Answers] = {
    "github": {"serving": "online", "cloud": "azure", "iac": "terraform", "rollout": "canary"},
    "azure-devops": {
        "ci": "azure-devops", "serving": "both", "cloud": "azure", "platform": "azureml",
        "iac": "bicep", "problem_type": "regression", "python_version": "3.12", **OWNER,
    },
    "gitlab": {"ci": "gitlab", "problem_type": "forecasting", "python_version": "3.13", **TEXTS},
    "none": {
        "ci": "none", "problem_type": "anomaly", "serving": "online", "responsible_ai": False,
        "license": "Proprietary", **TEXTS, **OWNER,
    },
}  # fmt: skip


@functools.cache
def project(repository: Path, name: str) -> Project:
    """The fresh, committed project of a CI service. Copy it to change it."""
    answers, warm = {"level": "govern", **ROWS[name]}, environment(FOUND[0])

    def make(root: Path) -> None:
        Project(with_copier(repository, root, answers), warm).commit()

    return Project(once(repository.parent / "hygiene" / name, make), warm)


def offline(project: Project, *words: str, **more: str) -> Done:
    """Run a program of the environment as its developer would, in a network without anything."""
    alone = ["unshare", "--net"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    path = os.pathsep.join(map(str, (project.environment / BIN, UV.parent, os.environ["PATH"])))
    env = {**project.env, "PATH": path, "UV_PROJECT_ENVIRONMENT": str(project.environment), **more}
    program = str(project.environment / BIN / words[0])
    return subprocess.run(
        [*alone, program, *words[1:]], cwd=project.root, env=env, capture_output=True, text=True
    )
