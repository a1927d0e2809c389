"""What `tdsp check` misses: mistakes put into a clean project, and rewrites of known mistakes.

    python -m benchmarks.recall

It renders a project of level govern, makes one edit at a time on its texts in memory, and asks the
check that is about it. It writes benchmarks/recall.md.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants import MEANT, mutants

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

ROOT = Path(__file__).parents[1]
ANSWERS = {"level": "govern", "serving": "both", "project_name": "churn", "ci": "github"}
CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yml"
TRAIN, DOCKER = ".github/workflows/train.yml", "deploy/container/Dockerfile"
GATE, SERVICE = "src/churn/steps/gate.py", "src/churn/service/service.py"
NEW = r"\A"  # a pattern that stands once, at the start of any text
SPLIT = (
    "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n"
    "from sklearn.preprocessing import StandardScaler\n\n\ndef split(path):\n"
    "    X = pd.read_parquet(path)\n    X = StandardScaler().fit_transform(X)\n"
    "    return train_test_split(X, random_state=0)\n"
)


@dataclass(frozen=True)
class Edit:
    """One mistake: the check that has to find it, the file, and what becomes what.

    A file without a pattern is removed; one that is not there is written.
    """

    check: str
    name: str
    path: str
    old: str = ""
    new: str = ""


EDITS = (
    Edit("CI03", "tests may fail", CI, r"(uv run poe check --all)", r"\1 || true"),
    Edit("CI03", "a step may fail", CI, r"( +)- run: uv run poe check --all",
         r"\1- continue-on-error: true\n\1  run: uv run poe check --all"),
    Edit("CI03", "the shell goes on", CI, r"( +)- run: (uv run poe check --all)",
         r"\1- run: |\n\1    set +e\n\1    \2\n\1    echo done"),
    Edit("CI05", "all rights", CI, r"permissions: \{\}", "permissions: write-all"),
    Edit("CI06", "a title becomes a command", CI, r"( +)- run: uv lock --check",
         r'\1- run: echo "${{ github.event.pull_request.title }}"'),
    Edit("CI06", "a branch becomes a command", CI, r"( +)- run: uv lock --check",
         r"\1- run: git checkout ${{ github.head_ref }}"),
    Edit("CI08", "production asks nobody", RELEASE, r"environment: \w+[^\n]*", ""),
    Edit("CI09", "a retired machine", CI, r"ubuntu-24\.04", "ubuntu-20.04"),
    Edit("CI09", "another retired machine", RELEASE, r"ubuntu-24\.04", "ubuntu-18.04"),
    Edit("CI04", "an action by a branch", RELEASE, r"cosign-installer@\w+", "cosign-installer@main"),
    Edit("IN04", "a stored key", RELEASE, r"( +)- uses: actions/checkout@\w+",
         r"\1- uses: aws-actions/configure-aws-credentials@v4\n\1  with:\n"
         r"\1    aws-secret-access-key: ${{ secrets.KEY }}\n\g<0>"),
    Edit("EV05", "the verdict is hidden", RELEASE, r"(uv run poe verdict)", r"\1 || true"),
    Edit("EV05", "the verdict may fail", RELEASE, r"( +)run: uv run poe verdict",
         r"\1continue-on-error: true\n\g<0>"),
    Edit("MN03", "the monitor is hidden", TRAIN, r"(run: .*poe monitor[^\n]*)", r"\1 || true"),
    Edit("SE06", "root", DOCKER, r"USER 10001:10001", "USER root"),
    Edit("SE06", "no user", DOCKER, r"USER 10001:10001", ""),
    Edit("SE06", "the newest base", DOCKER, r"python:3\.11-slim-trixie", "python:latest"),
    Edit("SE05", "the server starts anew", SERVICE, r"uvicorn\.Config\(\n", "uvicorn.Config(\n        reload=True,\n"),
    Edit("SC01", "a key in the code", "src/churn/keys.py", "", "KEY = 'AKIA" + "QX7ZR2M5KD9WJ4TB'\n"),
    Edit("SC01", "a key in the parameters", "params.yaml", NEW, "key: ghp_" + "x7Kq2ZbN9vLw4TyR8mPc3HdF6gJs1AeU5oXi\n"),
    Edit("SC01", "a private key", "deploy/id_rsa", "", "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7Zb1xQ9vLw4TyR8mPc3HdF6gJs1AeU5oXi" * 2 + "\n"),
    Edit("SC04", "an undeclared import", "src/churn/features.py", NEW, "import geopandas\n"),
    Edit("SC07", "YAML makes objects", "src/churn/more.py", "", "import yaml\n\n\ndef f(t):\n    return yaml.load(t, Loader=yaml.Loader)\n"),
    Edit("IN03", "a state of Terraform", "infra/terraform.tfstate", "", '{"version": 4}\n'),
    Edit("LA02", "a path of one machine", "src/churn/more.py", "", "import pandas as pd\n\nT = pd.read_csv('/Users/anna/data/a.csv')\n"),
    Edit("LA03", "the path of imports", "src/churn/cli.py", r"\nimport ", "\nimport sys\nsys.path.append('..')\nimport "),
    Edit("LA04", "a module named pandas", "src/churn/pandas.py", "", "def read_csv(path):\n    return path\n"),
    Edit("LA05", "a file that does not parse", "src/churn/features.py", NEW, "def f(:\n"),
    Edit("LA06", "a notebook by schedule", TRAIN, r"( +)- uses: actions/checkout@\w+",
         r"\1- run: jupyter nbconvert --to notebook --execute notebooks/a.ipynb\n\g<0>"),
    Edit("TR03", "scaled before the split", "src/churn/more.py", "", SPLIT),
    Edit("TR03", "scaled before the split, in a method", "src/churn/more.py", "",
         SPLIT.replace("def split(path):\n", "class A:\n  def split(self, path):\n")),
    Edit("TR01", "no seed", "src/churn/more.py", "", SPLIT.replace("random_state=0", "test_size=0.2")),
    Edit("TR07", "fitted on test rows", "src/churn/more.py", "", CHECKS["TR07"].bad["train.py"]),
    Edit("TR10", "stopped by test rows", "src/churn/more.py", "", CHECKS["TR10"].bad["train.py"]),
    Edit("EV01", "measured on training rows", "src/churn/more.py", "", CHECKS["EV01"].bad["train.py"]),
    Edit("EV06", "a metric with a default", "src/churn/steps/bound.py", "", CHECKS["EV06"].bad["gate.py"]),
    Edit("DA06", "the schema's error is caught", "src/churn/more.py", "", next(iter(CHECKS["DA06"].bad.values()))),
    Edit("DA10", "the target among the inputs", "src/churn/more.py", "", CHECKS["DA10"].bad["train.py"]),
    Edit("DA11", "bad lines are left out", "src/churn/more.py", "", "import pandas as pd\n\n\ndef f(p):\n    return pd.read_csv(p, on_bad_lines='skip')\n"),
    Edit("MO01", "a pickle from the network", "src/churn/more.py", "", CHECKS["MO01"].bad["load.py"]),
    Edit("MO08", "fitted again when scoring", "src/churn/more.py", "", CHECKS["MO08"].bad["score.py"]),
    Edit("MO09", "no signature", "src/churn/more.py", "", CHECKS["MO09"].bad["train.py"]),
    Edit("MO10", "an SDK past its end", "src/churn/more.py", "", "from azureml.core import Workspace\n"),
    Edit("TP02", "half a merge", "params.yaml", NEW, "<<<<<<< before\na: 1\n=======\na: 2\n>>>>>>> after\n"),
    Edit("TP02", "a rejected part", "params.yaml.rej", "", "diff a/params.yaml b/params.yaml\n@@ -1 +1 @@\n-a\n+b\n"),
    Edit("TP03", "a day that is past", "expiry.yaml", r"\d{4}-\d\d-\d\d", "2020-01-01"),
    Edit("PR04", "no licence", "LICENSE"),
    Edit("PR01", "no owner", "CODEOWNERS"),
    Edit("SC05", "no bot", ".github/dependabot.yml"),
    Edit("SE01", "no contract", SERVICE, r"from \.contract import [^\n]+\n", ""),
    Edit("SE04", "no health", SERVICE, r"/health/\w+|health|[Aa]live|[Rr]eady", "x"),
    Edit("EV07", "no bad model in the tests", "tests/model/test_bad_model.py"),
)  # fmt: skip


def project() -> dict[str, str]:
    """Render a project, and return its texts."""
    with tempfile.TemporaryDirectory() as folder:
        data = [word for key, value in ANSWERS.items() for word in ("--data", f"{key}={value}")]
        command = [sys.executable, "-m", "copier", "copy", "--defaults", "--trust", "--quiet"]
        subprocess.run(
            [*command, "--skip-tasks", "--vcs-ref", "HEAD", *data, str(ROOT), folder],
            check=True, capture_output=True,
        )  # fmt: skip
        found = {}
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and ".git" not in path.relative_to(folder).parts:
                content = path.read_bytes()
                if b"\0" not in content:
                    found[path.relative_to(folder).as_posix()] = content.decode("utf-8", "replace")
        return found


def applied(texts: dict[str, str], edit: Edit) -> dict[str, str]:
    """Return the texts with one mistake. Raises ValueError for an edit that changes nothing."""
    found = dict(texts)
    if not edit.old and not edit.new:
        found.pop(edit.path, None)
    elif not edit.old:
        found[edit.path] = edit.new
    elif edit.path in found:
        found[edit.path] = re.sub(edit.old, edit.new, found[edit.path])
    if found == texts:
        raise ValueError(f"{edit.check}, {edit.name}: {edit.path} does not have it")
    return found


def findings(texts: dict[str, str], check: str) -> tuple[str, int]:
    """Return the outcome of a check and how many places fail."""
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    return result.outcome, len(result.marks) if result.outcome == "fail" else 0


def seeded(texts: dict[str, str]) -> Iterator[tuple[Edit, bool, str]]:
    """Yield each edit, whether it was found, and the outcome."""
    clean = {check: findings(texts, check)[1] for check in {edit.check for edit in EDITS}}
    for edit in EDITS:
        outcome, places = findings(applied(texts, edit), edit.check)
        yield edit, places > clean[edit.check], outcome


def page(found: list[tuple[Edit, bool, str]]) -> str:
    """Return the table: by check, the edits of the project and the rewrites of its example."""
    edits, caught = (
        Counter(e.check for e, *_ in found),
        Counter(e.check for e, ok, _ in found if ok),
    )
    made = {c.id: [t for _, t in mutants(c.id, c.family, c.bad)] for c in CHECKS.values()}
    right = {
        check: sum(findings(t, check)[0] == "fail" for t in all_) for check, all_ in made.items()
    }
    total, every = sum(right.values()), sum(map(len, made.values()))
    lines = [
        "# Recall of the checks",
        "",
        "`python -m benchmarks.recall` writes this page. *Project*: one mistake at a time in a clean project of level",
        "govern. *Forms*: rewrites of the check's bad example that mean the same: other names, imports, a function",
        "around it, another CI system, other line ends. Many forms are easy, and all begin with an example that the",
        "check's author wrote: this is no measure of what is missed in the code of others.",
        "",
        f"Project: {sum(caught.values())} of {len(found)}. Forms: {total} of {every}; {len(MEANT)} are left out, as they mean something else.",
        "",
        "| check | project | forms |",
        "| --- | ---: | ---: |",
    ]
    for check in sorted(CHECKS):
        project_ = f"{caught[check]} of {edits[check]}" if edits[check] else ""
        lines.append(f"| {check} | {project_} | {right[check]} of {len(made[check])} |")
    missed = [f"* {e.check}, {e.name}: {outcome}" for e, ok, outcome in found if not ok]
    return (
        "\n".join([*lines, "", *(["Missed:", "", *missed] if missed else ["Nothing was missed."])])
        + "\n"
    )


def main() -> None:
    """Run all, and write the page."""
    text = page(list(seeded(project())))
    (ROOT / "benchmarks/recall.md").write_text(text, encoding="utf-8")
    print(text[-1500:])


if __name__ == "__main__":
    main()
