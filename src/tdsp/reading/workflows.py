"""What CI runs, in one form for GitHub, GitLab and Azure Pipelines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tdsp.reading.yamls import Document, Path

GITLAB_WORDS = frozenset(
    [
        "image",
        "services",
        "stages",
        "variables",
        "cache",
        "before_script",
        "after_script",
        "include",
        "default",
        "workflow",
        "pages:deploy",
        "spec",
    ]
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it runs or uses. `soft` is the setting that lets it fail unseen, if any."""

    path: str
    line: int
    name: str
    run: str = ""
    run_line: int = 1
    uses: str = ""
    with_: str = ""
    soft: str = ""
    soft_line: int = 1
    id: str = ""
    condition: str = ""
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job, with what bounds it: environment, permissions, image."""

    path: str
    line: int
    name: str
    steps: tuple[Step, ...]
    environment: str = ""
    permissions: Any = None
    image: str = ""
    image_line: int = 1
    condition: str = ""
    manual: bool = False
    calls: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """One file of a CI system. `text` is searched for what a later step asks about an earlier."""

    path: str
    host: str
    jobs: tuple[Job, ...]
    triggers: frozenset[str]
    permissions: Any
    document: Document
    text: str

    @property
    def steps(self) -> Iterator[Step]:
        """Yield the steps of all jobs."""
        for job in self.jobs:
            yield from job.steps


def read(path: str, document: Document, text: str) -> Workflow | None:
    """Return a file as a workflow, or None for one that is none."""
    data, name = document.data, path.rsplit("/", 1)[-1]
    if not isinstance(data, dict):
        return None
    if path.startswith(".github/workflows/"):
        return _github(path, document, text)
    if path.startswith(".github/actions/") or name in {"action.yml", "action.yaml"}:
        runs = data.get("runs")
        if not isinstance(runs, dict):
            return None
        steps = _github_steps(path, document, ("runs", "steps"), runs.get("steps"))
        job = Job(path, 1, "action", steps)
        return Workflow(path, "action", (job,), frozenset(), None, document, text)
    if name in {".gitlab-ci.yml", ".gitlab-ci.yaml"} or path.startswith(
        (".gitlab/", ".gitlab-ci/")
    ):
        return _gitlab(path, document, text)
    if _is_azure(path, data):
        jobs = tuple(_azure_jobs(path, document, data, ()))
        triggers = {
            key for key in ("trigger", "pr", "schedules") if data.get(key) not in (None, "none")
        }
        return Workflow(path, "azure", jobs, frozenset(triggers), None, document, text)
    return None


def _is_azure(path: str, data: dict[str, Any]) -> bool:
    parts = data.get("stages") or data.get("jobs") or data.get("steps")
    if not isinstance(parts, list):
        return False
    known = {"script", "bash", "task", "pwsh", "powershell", "template", "checkout"}
    steps = any(isinstance(part, dict) and known & set(part) for part in parts)
    return steps or "pool" in data or "trigger" in data or "azure-pipelines" in path


def _github(path: str, document: Document, text: str) -> Workflow:
    data = document.data
    on = data.get("on")
    triggers = [on] if isinstance(on, str) else list(on) if isinstance(on, dict | list) else []
    jobs = data.get("jobs") if isinstance(data.get("jobs"), dict) else {}
    found = tuple(
        _github_job(path, document, name, job)
        for name, job in jobs.items()
        if isinstance(job, dict)
    )
    return Workflow(
        path,
        "github",
        found,
        frozenset(map(str, triggers)),
        data.get("permissions"),
        document,
        text,
    )


def _github_job(path: str, document: Document, name: str, job: dict[str, Any]) -> Job:
    place = ("jobs", name)
    environment = job.get("environment")
    if isinstance(environment, dict):
        environment = environment.get("name")
    steps = _github_steps(path, document, (*place, "steps"), job.get("steps"))
    if (soft := _soft(job.get("continue-on-error"))) and steps:
        line = document.line(*place, "continue-on-error")
        steps = tuple(_softened(step, f"continue-on-error: {soft}", line) for step in steps)
    return Job(
        path, document.line(*place), name, steps, str(environment or ""), job.get("permissions"),
        str(job.get("runs-on") or ""), document.line(*place, "runs-on"), str(job.get("if") or ""),
        calls=str(job.get("uses") or ""),
    )  # fmt: skip


def _github_steps(path: str, document: Document, place: Path, steps: Any) -> tuple[Step, ...]:
    if not isinstance(steps, list):
        return ()
    found = []
    for number, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        here, soft = (*place, number), _soft(step.get("continue-on-error"))
        found.append(
            Step(
                path,
                document.line(*here),
                str(step.get("name") or ""),
                _text(step.get("run")),
                document.line(*here, "run"),
                str(step.get("uses") or ""),
                str(step.get("with") or ""),
                f"continue-on-error: {soft}" if soft else "",
                document.line(*here, "continue-on-error"),
                str(step.get("id") or ""),
                str(step.get("if") or ""),
                str(step.get("shell") or ""),
            )
        )
    return tuple(found)


def _softened(step: Step, soft: str, line: int) -> Step:
    from dataclasses import replace

    return replace(step, soft=step.soft or soft, soft_line=step.soft_line if step.soft else line)


def _soft(value: Any) -> str:
    """Return "true" for yes and "?" for an expression, which only a run can tell."""
    if value is True or (isinstance(value, str) and value.strip().lower() == "true"):
        return "true"
    return "?" if isinstance(value, str) and "{" in value else ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        parts = [_text(each) for each in value]
        return "\n".join(parts)
    return "" if value is None else str(value)


def _gitlab(path: str, document: Document, text: str) -> Workflow:
    data, jobs = document.data, []
    for name, job in data.items():
        if name in GITLAB_WORDS or not isinstance(job, dict):
            continue
        script = _text(job.get("script"))
        soft = job.get("allow_failure")
        line = document.line(name, "script")
        step = Step(
            path, document.line(name), name, script, line,
            soft="allow_failure: true" if soft is True else "",
            soft_line=document.line(name, "allow_failure"),
        )  # fmt: skip
        environment = job.get("environment")
        if isinstance(environment, dict):
            environment = environment.get("name")
        image = job.get("image")
        image = image.get("name") if isinstance(image, dict) else image
        jobs.append(
            Job(
                path,
                document.line(name),
                name,
                (step,) if script else (),
                str(environment or ""),
                None,
                str(image or ""),
                document.line(name, "image"),
                _text(job.get("rules") or job.get("only")),
                manual="manual" in str(job.get("when"))
                or "'when': 'manual'" in str(job.get("rules")),
            )
        )
    return Workflow(path, "gitlab", tuple(jobs), frozenset({"push"}), None, document, text)


def _azure_jobs(path: str, document: Document, data: Any, place: Path) -> Iterator[Job]:
    if not isinstance(data, dict):
        return
    for key in ("stages", "jobs"):
        parts = data.get(key)
        if isinstance(parts, list):
            for number, part in enumerate(parts):
                yield from _azure_jobs(path, document, part, (*place, key, number))
    steps = data.get("steps")
    environment = data.get("environment")
    if isinstance(environment, dict):
        environment = environment.get("name")
    strategy = data.get("strategy")
    if isinstance(strategy, dict) and isinstance(strategy.get("runOnce"), dict):
        deploy = strategy["runOnce"].get("deploy")
        if isinstance(deploy, dict):
            steps = deploy.get("steps")
            place = (*place, "strategy", "runOnce", "deploy")
    if isinstance(steps, list):
        found = tuple(_azure_steps(path, document, steps, (*place, "steps"), data))
        name = str(data.get("job") or data.get("deployment") or "")
        pool = data.get("pool")
        image = pool.get("vmImage") if isinstance(pool, dict) else None
        yield Job(
            path, document.line(*place), name, found, str(environment or ""), None,
            str(image or ""), document.line(*place, "pool", "vmImage"),
            str(data.get("condition") or ""),
        )  # fmt: skip


def _azure_steps(
    path: str, document: Document, steps: list[Any], place: Path, job: dict[str, Any]
) -> Iterator[Step]:
    for number, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        here = (*place, number)
        key = next((k for k in ("script", "bash", "pwsh", "powershell") if k in step), "")
        inputs = step.get("inputs")
        run = _text(step.get(key)) if key else ""
        if not run and isinstance(inputs, dict):
            run = _text(inputs.get("inlineScript") or inputs.get("script"))
        soft = _soft(step.get("continueOnError")) or _soft(job.get("continueOnError"))
        yield Step(
            path, document.line(*here), str(step.get("displayName") or ""), run,
            document.line(*here, key) if key else document.line(*here), str(step.get("task") or ""),
            str(inputs or ""), f"continueOnError: {soft}" if soft else "",
            document.line(*here, "continueOnError"), str(step.get("name") or ""),
            str(step.get("condition") or ""), key,
        )  # fmt: skip
