"""Play what CI would do, on this machine: the real scripts, with recording stand-ins for tools."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock
from tests.conftest import ROOT, git

NAMES = ("uv", "uvx", "az", "kubectl", "kubelogin", "docker", "cosign", "gh", "terraform", "curl")
NAMES += ("pipx", "apk", "helm", "glab")
DIGEST, OTHER = "sha256:" + "5" * 64, "sha256:" + "4" * 64
# Records how it was called; answers by the first rule whose pattern fits: PATTERN|EXIT|OUTPUT.
# `docker buildx build` writes the digest where it is asked to; git reaches no other place.
# In uv's own images, uv and the programs of `uv tool install` go to the same folder.
FAKE = f"""#!/bin/bash
BIN=/usr/local/bin
line="$(basename "$0") $*"
case $line in
  "gh auth token") exit 1 ;; # act itself asks
  "git push "* | "git fetch "*) echo "$line" >> "$FAKE_LOG"; exit 0 ;;
  "git "*) exec {shutil.which("git")} "$@" ;;
  "sudo "*) exec "$@" ;;
  "curl "*/oidc*) echo "$line" >> "$FAKE_LOG"; echo '{{"value": "t", "oidcToken": "t"}}'; exit ;;
esac
echo "$line" >> "$FAKE_LOG"
if [[ -p /dev/stdin ]]; then cat > /dev/null; fi # else the pipe's writer may die of SIGPIPE
if [[ $line == "docker buildx build"* ]]; then
  while [ "$1" != --metadata-file ]; do shift; done
  echo '{{"containerimage.config.digest": "{OTHER}", "containerimage.digest": "{DIGEST}"}}' > "$2"
fi
if [[ $line == "uv tool install "*" uv=="* && ${{UV_TOOL_BIN_DIR:-$BIN}} == "$BIN" ]]; then
  echo "error: Executables already exist: uv, uvx" >&2; exit 2
fi
if [[ $line == "uv run dvc plots diff"* ]]; then mkdir -p plots; fi
if [[ $line == "uv run poe pipeline"* ]]; then mkdir -p reports; fi
if [[ $line == "az ml job download"* ]]; then mkdir -p "${{@: -1}}/named-outputs/documents"; fi
while IFS='|' read -r who action pattern; do # what the identity of this job has no grant for
  if [[ $who == "${{FAKE_IDENTITY:-$AZURE_CLIENT_ID}}" && $line =~ $pattern ]]; then
    echo "ERROR: (AuthorizationFailed) $who may not perform $action" >&2; exit 1
  fi
done < "$FAKE_REFUSED"
while IFS='|' read -r pattern code output; do
  if [[ $line == $pattern ]]; then
    [ -z "$output" ] || echo "$output"
    exit "$code"
  fi
done < "$FAKE_RULES"
"""
# In place of an action: nothing is done, but artifacts are really handed on.
STUB = """\
name: stub
inputs: {{name: {{}}, path: {{}}}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{{{ inputs.name }}}}
        ITEMS: ${{{{ inputs.path }}}}
      run: |
        {script}
"""
SCRIPTS = {
    "actions/upload-artifact": 'mkdir -p "$FAKE_STORE/$NAME"; cp -r $ITEMS "$FAKE_STORE/$NAME"',
    "actions/download-artifact": 'cp -r "$FAKE_STORE/$NAME/." "${ITEMS:-.}"',
}
# What GitHub gives a job that may ask for a token of its own.
ASKS = "  ACTIONS_ID_TOKEN_REQUEST_TOKEN: t\n  ACTIONS_ID_TOKEN_REQUEST_URL: https://own/oidc?a=b\n"
# What a team writes over the words in capitals before its first deployment.
FILLED = {"@OWNER-ID": "@1", "@REPOSITORY-ID": "@2", "OWNER": "acme", "YEAR-MONTH": "2026-12"}
FILLED |= {"ORGANISATION-ID": "3", "ORGANISATION": "acme", ":GROUP/": ":acme/"}
FILLED |= {"STATEACCOUNT": "state1"}
SHELL_NAMES = ("git", "sudo")
COMMIT = "c" * 40
# Tasks of a release: of any, of a service in one environment, of batch up to the champion.
JUDGED, ROUND = ["verdict", "approve"], ["deploy", "probe", "notify"]
PROMOTED = [*JUDGED, "register", "promote"]


@dataclass
class Played:
    """What was called, in order; how it ended; what was written for people to see."""

    calls: list[str]
    code: int
    output: str
    summary: str = ""

    def of(self, start: str) -> list[str]:
        """The calls that begin so, without that beginning."""
        return [call.removeprefix(start).strip() for call in self.calls if call.startswith(start)]

    @property
    def tasks(self) -> list[str]:
        """The project's own commands, in order."""
        own = r"uv run (?:(?:--group \w+ )?poe|ml_project) (\S+)"
        ran = (re.match(own, call) for call in self.calls)
        return [task[1] for task in ran if task]

    def before(self, first: str, second: str) -> bool:
        """Whether the one call came before the other; both have to be there."""
        places = [
            next(place for place, call in enumerate(self.calls) if call.startswith(start))
            for start in (first, second)
        ]
        return places[0] < places[1]


@dataclass
class Stage:
    """A place to play in: the project, the stand-ins, what they answer."""

    project: Path
    folder: Path
    answers: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # IDENTITY|ACTION|EXPRESSION of a command

    def __post_init__(self) -> None:
        self.bin = self.folder / "bin"
        self.bin.mkdir(parents=True)
        for name in (*NAMES, *SHELL_NAMES):
            (self.bin / name).write_text(FAKE, encoding="utf-8")
            (self.bin / name).chmod(0o755)
        if (tools := self.project / "deploy/kubernetes/tools.sh").exists():
            tools.write_text('echo "tools.sh $*" >> "$FAKE_LOG"\n', encoding="utf-8")
        for path in (self.project / "infra").rglob("*"):
            if path.suffix in (".bicepparam", ".tfvars", ".tfbackend"):
                text = path.read_text(encoding="utf-8")
                for word, value in FILLED.items():
                    text = text.replace(word, value)
                path.write_text(text, encoding="utf-8")
        self.log, self.rules = self.folder / "log", self.folder / "rules"
        self.store = self.folder / "store"

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        files = {"FAKE_LOG": self.log, "FAKE_RULES": self.rules, "FAKE_STORE": self.store}
        files["FAKE_REFUSED"] = self.folder / "refused"
        return {**kept, "PATH": path, **{name: str(path) for name, path in files.items()}}

    def start(self, answers: list[str]) -> None:
        shutil.rmtree(self.store, ignore_errors=True)
        self.log.write_text("", encoding="utf-8")
        self.rules.write_text("".join(f"{line}\n" for line in answers), encoding="utf-8")
        refused = "".join(f"{line}\n" for line in self.refused)
        (self.folder / "refused").write_text(refused, encoding="utf-8")

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


def fails(pattern: str, code: int = 1) -> str:
    """A rule: calls like this end with an error."""
    return f"{pattern}|{code}|"


def says(pattern: str, output: str) -> str:
    """A rule: calls like this print something."""
    return f"{pattern}|0|{output}"


class GitHub(Stage):
    """Workflows, executed by act on this very machine, without a container."""

    def prepare(self, act: Path) -> "GitHub":
        self.act = act
        text = ""
        for path in sorted((self.project / ".github").rglob("*.yml")):
            # act does not know GitHub's own word for "this repository at this commit" yet.
            plain = path.read_text(encoding="utf-8").replace("uses: $/", "uses: ./")
            plain = re.sub(r"\n +ref: \S.*", "", plain)  # it would fetch another commit
            plain = re.sub(r"\n +queue: max.*", "", plain)  # of May 2026: act does not know it yet
            plain = plain.replace("\nenv:\n", f"\nenv:\n{ASKS}", 1)
            path.write_text(plain, encoding="utf-8")
            text += plain
        used = sorted(set(re.findall(r"uses: ([\w.-]+/\S+@[0-9a-f]{40})", text)))
        self.stubs = []
        for each in used:
            stub = self.folder / each.replace("/", "-")
            stub.mkdir()
            script = SCRIPTS.get(each.partition("@")[0], "true")
            (stub / "action.yml").write_text(STUB.format(script=script), encoding="utf-8")
            self.stubs += ["--local-repository", f"{each}={stub}"]
        git(self.project, "init", "-q", "-b", "main")
        git(self.project, "add", "-A")
        git(self.project, "commit", "-q", "-m", "as it is")
        return self

    def play(
        self,
        workflow: str,
        event: str,
        answers: list[str] | None = None,
        job: str | None = None,
        payload: dict[str, Any] | None = None,
        **variables: str,
    ) -> Played:
        """Run a workflow as an event starts it."""
        self.start(answers or [])
        told = self.folder / "event.json"
        told.write_text(json.dumps(payload or {}), encoding="utf-8")
        words = [self.act, event, "--workflows", f".github/workflows/{workflow}.yml"]
        words += ["--platform", "ubuntu-24.04=-self-hosted", "--action-offline-mode", *self.stubs]
        words += ["--eventpath", told, "--actor", "someone"]
        words += ["--job", job] if job else []
        words += ["--secret", "GITHUB_TOKEN=token", "--secret", "NOTIFY_URLS=https://teams"]
        given = {name: value for name, value in self.env.items() if name.startswith("FAKE_")}
        words += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        words += [w for name, value in variables.items() for w in ("--var", f"{name}={value}")]
        # Two of act at the same time, of two test processes, disturb each other.
        with FileLock(ROOT / "build/act.lock"):
            done = subprocess.run(
                list(map(str, words)), cwd=self.project, env=self.env, text=True, timeout=300,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                check=False,
            )  # fmt: skip
        return Played(self.calls(), done.returncode, done.stdout)


Text = dict[str, str]
Node = dict[str, Any]


class Scripts(Stage):
    """Jobs of a system that cannot run here: their scripts, in the order of their needs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        git(self.project, "init", "-q", "-b", "main")
        git(self.project, "add", "-A")
        git(self.project, "commit", "-q", "-m", "as it is")

    def reset(self, answers: list[str]) -> None:
        self.start(answers)
        self.output = ""
        git(self.project, "checkout", "-q", "--force", "main")
        git(self.project, "clean", "-fdxq")

    def bash(self, script: str, env: Text, *options: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", *options, "-c", script], cwd=self.project, env={**self.env, **env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        self.output += f"$ {script}\n{done.stdout}"
        return done.returncode, done.stdout


class Bag(dict[str, Any]):
    """What expressions of Azure Pipelines see: a name that is not there is nothing."""

    def __missing__(self, name: str) -> Any:
        return ""

    def __getattr__(self, name: str) -> Any:
        return self.get(name, Bag())


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class AzurePipelines(Scripts):
    """Stages, jobs and steps; a script runs as the agent runs it, without `set -e`."""

    def play(self, name: str, answers: list[str] | None = None, **variables: str) -> Played:
        self.reset(answers or [])
        folder = self.folder / "agent"
        folder.mkdir(exist_ok=True)
        known = {"Pipeline.Workspace": str(folder), "Agent.ToolsDirectory": str(folder)}
        known |= {"Agent.TempDirectory": str(folder), "Build.SourceVersion": COMMIT}
        known |= {"Build.ArtifactStagingDirectory": str(folder / "run"), "Build.BuildId": "9"}
        known |= {"Build.SourceBranchName": "v1", "Build.RequestedForEmail": "a@example.com"}
        known |= {"System.CollectionUri": "https://dev/", "System.TeamProjectId": "p"}
        known |= {"Build.Repository.ID": "r", "System.PullRequest.PullRequestId": "7"}
        known |= {"API_KEY": "", "NOTIFY_URLS": "https://teams"}
        known |= {"System.OidcRequestUri": "https://dev/oidc"}
        shutil.rmtree(folder / "run", ignore_errors=True)
        (folder / "run").mkdir()
        pipeline = self.load(name)
        shared = self.values(pipeline, known | variables, Bag())
        done: Bag = Bag()
        previous: list[str] = []
        for stage in pipeline["stages"]:
            names = listed(stage.get("dependsOn", previous))
            jobs: Bag = Bag()
            after = Bag({each: done[each] for each in names})
            previous = [stage["stage"]]
            result = "Skipped"
            if self.holds(stage.get("condition"), shared, after, after.values()):
                own = self.values(stage, shared, Bag({each: d.jobs for each, d in done.items()}))
                for job in stage["jobs"]:
                    self.job(job, own, jobs)
                ends = [each.result for each in jobs.values()]
                result = "Failed" if "Failed" in ends else "Succeeded"
            outputs = {
                f"{j}.{key}": v for j, each in jobs.items() for key, v in each.outputs.items()
            }
            done[stage["stage"]] = Bag(result=result, outputs=Bag(outputs), jobs=jobs)
        failed = any(each.result == "Failed" for each in done.values())
        return Played(self.calls(), int(failed), self.output)

    def load(self, name: str) -> Node:
        path = self.project / "azure-pipelines" / f"{name}.yml"
        loaded: Node = yaml.safe_load(path.read_text(encoding="utf-8"))
        return loaded

    def values(self, holder: Node, known: Text, stages: Bag) -> Text:
        """The variables of a pipeline, stage or job, over those that are known."""
        found = dict(known)
        for each in holder.get("variables", []):
            if "name" in each:
                text = self.macro(str(each["value"]), found)
                if asked := re.fullmatch(
                    r"\$\[stageDependencies\.(\w+)\.(\w+)\.outputs\['(.+)'\]\]", text
                ):
                    stage, job, output = asked.groups()
                    text = stages[stage][job].outputs[output] if stages[stage] else ""
                found[each["name"]] = text
        return found

    @staticmethod
    def macro(text: str, known: Text) -> str:
        return re.sub(r"\$\(([\w.]+)\)", lambda found: known.get(found[1], found[0]), text)

    def holds(self, condition: str | None, known: Text, after: Bag, before: Any) -> bool:
        ends = [each.result for each in before if each]
        good = all(end == "Succeeded" for end in ends)
        words = re.sub(r"\b(and|or|not|in)\(", r"\1_(", condition or "succeeded()")
        names = {
            "and_": lambda *found: all(found), "or_": lambda *found: any(found),
            "not_": lambda found: not found, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
            "in_": lambda found, *among: found in among, "always": lambda: True,
            "succeeded": lambda: good, "failed": lambda: "Failed" in ends,
            "canceled": lambda: False, "variables": Bag(known), "dependencies": after,
        }  # fmt: skip
        return bool(eval(words, {"__builtins__": {}}, names))  # noqa: S307  of our own files

    def job(self, job: Node, known: Text, jobs: Bag) -> None:
        name = job.get("job") or job["deployment"]
        after = Bag({each: jobs[each] for each in listed(job.get("dependsOn", []))})
        if not self.holds(job.get("condition"), known, after, after.values()):
            jobs[name] = Bag(result="Skipped", outputs=Bag())
            return
        own, outputs, state = self.values(job, known, Bag()), Bag(), Bag(result="Succeeded")
        steps = job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]
        for step in self.expanded(steps, {}):
            if self.holds(step.get("condition"), own, after, [state]):
                own["Agent.JobStatus"] = state.result
                if self.step(step, own, outputs):
                    state["result"] = "Failed"
        jobs[name] = Bag(result=state.result, outputs=outputs)

    def expanded(self, steps: list[Node], given: Node) -> Iterator[Node]:
        """The steps, with those of templates in place, as `parameters` ask for."""
        for step in steps:
            (first, inner), *_ = step.items()
            if asked := re.fullmatch(r"\$\{\{ if parameters\.(\w+) \}\}", first):
                if str(given[asked[1]]).lower() == "true":
                    yield from self.expanded(inner, given)
            elif first == "template":
                template = self.load(inner.removesuffix(".yml"))
                wanted = {each["name"]: each.get("default") for each in template["parameters"]}
                yield from self.expanded(template["steps"], wanted | step.get("parameters", {}))
            else:
                text = yaml.safe_dump(step)
                fill = lambda found: str(given[found[1]])  # noqa: E731
                yield yaml.safe_load(re.sub(r"\$\{\{ parameters\.(\w+) \}\}", fill, text))

    def step(self, step: Node, known: Text, outputs: Bag) -> int:
        """Run a step; returns its exit code."""
        if step.get("download"):
            return 0
        if "publish" in step:
            source = self.project / self.macro(step["publish"], known)
            target = Path(known["Pipeline.Workspace"]) / step["artifact"]
            if source != target:
                shutil.copytree(source, target, dirs_exist_ok=True)
            return 0
        script = step.get("bash") or step.get("inputs", {}).get("inlineScript")
        if script is None:
            return 0
        # The step that logs in does so for those after it.
        asked = step.get("inputs", {}).get("azureSubscription")
        known["FAKE_IDENTITY"] = asked or known.get("FAKE_IDENTITY", "none")
        own = {name: self.macro(str(value), known) for name, value in step.get("env", {}).items()}
        env = {name.upper().replace(".", "_"): value for name, value in known.items()} | own
        env |= {"servicePrincipalId": "id", "tenantId": "tenant", "idToken": "token"}
        env |= {"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "connection"}
        code, text = self.bash(script, env)
        for name, out, value in re.findall(
            r"##vso\[task\.setvariable variable=(\w+)(;isOutput=true)?\](.*)", text
        ):
            if out:
                outputs[f"{step['name']}.{name}"] = value
            known[f"{step['name']}.{name}" if out else name] = value
        return code


class GitLab(Scripts):
    """Jobs by stage; the variables of reports go on to those that need the job."""

    def play(
        self, answers: list[str] | None = None, approved: bool = True, **variables: str
    ) -> Played:
        self.reset(answers or [])
        config = self.config()
        fixed = {
            "CI_PROJECT_DIR": str(self.project),
            "CI_COMMIT_SHA": COMMIT,
            "CI_PIPELINE_ID": "9",
        }
        fixed |= {"CI_DEFAULT_BRANCH": "main", "CI_REGISTRY_IMAGE": "registry/ml-project"}
        fixed |= {"CI_REGISTRY": "registry", "CI_JOB_TOKEN": "t", "CI_SERVER_HOST": "gitlab"}
        fixed |= {"CI_PROJECT_PATH": "a/b", "GITLAB_USER_EMAIL": "a@example.com"}
        fixed |= {"CI_REGISTRY_USER": "ci", "CI_REGISTRY_PASSWORD": "p"}
        fixed |= {"CI_API_V4_URL": "https://gitlab/api", "CI_PROJECT_ID": "1"}
        fixed |= {name: str(value) for name, value in config["variables"].items()} | variables
        ended: dict[str, str] = {}
        told: dict[str, Text] = {}
        jobs = [(n, j) for n, j in config.items() if isinstance(j, dict) and "script" in j]
        for stage in config["stages"]:
            for name, job in jobs:
                if name.startswith(".") or job["stage"] != stage:
                    continue
                when = self.when(job.get("rules", [{}]), fixed)
                needs = [
                    each if isinstance(each, str) else each["job"] for each in job.get("needs", [])
                ]
                before = needs if "needs" in job else [n for n in ended if ended[n] != "skipped"]
                ready = all(ended.get(each, "skipped") in ("success", "skipped") for each in before)
                if when == "on_failure":
                    ready = "failed" in [ended.get(each) for each in before]
                lacking = [e for e in job.get("needs", []) if isinstance(e, str) and e not in told]
                if when == "never" or not ready or lacking or (when == "manual" and not approved):
                    ended[name] = "skipped" if when == "never" else "blocked"
                    continue
                handed = {k: v for each in needs for k, v in told.get(each, {}).items()}
                for target in self.targets(job):
                    code, told[name] = self.job(job, {**fixed, **handed, **target})
                    ended[name] = "failed" if code else "success"
        return Played(self.calls(), int("failed" in ended.values()), self.output)

    @staticmethod
    def targets(job: Node) -> list[Text]:
        matrix = job.get("parallel", {}).get("matrix", [])
        return [{k: v} for each in matrix for k, values in each.items() for v in values] or [{}]

    def config(self) -> Node:
        """All files as one, with what jobs extend laid under them."""
        merged: Node = yaml.safe_load((self.project / ".gitlab-ci.yml").read_text("utf-8"))
        for each in merged["include"]:
            merged |= yaml.safe_load((self.project / each["local"]).read_text("utf-8"))
        return {name: self.extended(job, merged) for name, job in merged.items()}

    def extended(self, job: Any, merged: Node) -> Any:
        if not isinstance(job, dict) or "extends" not in job:
            return job
        base: Node = {}
        for name in listed(job["extends"]):
            base |= self.extended(merged[name], merged)
        both = {"variables": base.get("variables", {}) | job.get("variables", {})}
        return base | job | both

    @staticmethod
    def when(rules: list[Node], known: Text) -> str:
        for rule in rules:
            words = rule.get("if", "True").replace("&&", " and ").replace("||", " or ")
            words = re.sub(r"\$(\w+) =~ /(.+?)/", r"matches(r'\2', '\1')", words)
            words = re.sub(r"\$(\w+)", r"known.get('\1')", words).replace("null", "None")
            names = {"known": known, "matches": lambda p, n: re.search(p, known.get(n) or "")}
            if eval(words, {"__builtins__": {}}, names):  # noqa: S307  of our own files
                return str(rule.get("when", "on_success"))
        return "never"

    def job(self, job: Node, known: Text) -> tuple[int, Text]:
        env = dict(known)
        for name, value in job.get("variables", {}).items():
            env[name] = re.sub(r"\$(\w+)", lambda found: env.get(found[1], ""), str(value))
        env |= dict.fromkeys(job.get("id_tokens", {}), "token")
        lines = [*listed(job.get("before_script", [])), *listed(job["script"])]
        script = "\n".join(lines)
        if "AZURE_BUILDER_CLIENT_ID" in script:  # it logs in by hand: its image has no az
            env["FAKE_IDENTITY"] = env.get("AZURE_BUILDER_CLIENT_ID", "")
        code, _ = self.bash(script, env, "-eo", "pipefail")
        if "after_script" in job:
            status = {"CI_JOB_STATUS": "failed" if code else "success"}
            self.bash("\n".join(job["after_script"]), env | status, "-eo", "pipefail")
        report = job.get("artifacts", {}).get("reports", {}).get("dotenv")
        if code or not report:
            return code, {}
        text = (self.project / report).read_text(encoding="utf-8")
        return code, dict(line.split("=", 1) for line in text.splitlines())
