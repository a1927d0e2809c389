"""Where a registered model comes from, in the words of the four questions."""

from typing import Any

from ..errors import ProjectError
from .registry import SHA256, Version, history
from .tracking import NAME, client, plain_errors

Answers = dict[str, dict[str, Any]]


@plain_errors()
def lineage(version: Version) -> Answers:
    """Answer each question from what is on record."""
    run = client().get_run(version.run_id).data
    changes = {
        f"{entry.at}, version {made.number}": f"{entry.kind} by {entry.by}: {entry.reason}"
        f"{'' if entry.compared or entry.kind != 'promotion' else ' (nothing to compare with)'}"
        for made, entry in history()
    }
    mine = {at: told for at, told in changes.items() if at.endswith(f" {version.number}")}
    code = {name: said for name, said in run.tags.items() if name.startswith(("git_", "lock_"))}
    return {
        "Which model is it?": {
            "version": version.number,
            "model_id": version.model_id,
            SHA256: version.tags.get(SHA256, "not on record"),
            "aliases": ", ".join(version.aliases) or "none",
            "registered": version.created_at.isoformat(timespec="seconds"),
        },
        "What data has been used?": {
            "file": run.params["data.path"],
            "data_md5": run.tags["data_md5"],
            "schema_md5": run.tags["schema_md5"],
        },
        "What code?": code,
        "What code + data resulted in my model?": {
            "run": version.run_id,
            "the proof": f"tdsp reproduce {version.number}",
            "trained_by": run.tags.get("trained_by", "unknown"),
            **dict(sorted(run.params.items())),
        },
        f"What was the result for model {version.number}?": {
            "gate": run.tags["gate"],
            **{name: round(value, 6) for name, value in sorted(run.metrics.items())},
        },
        "Who approved it?": mine or {"nobody": "it was never promoted"},
        "Which models have worked, newest first?": changes or {"none": "nothing was promoted"},
    }


@plain_errors()
def commit(version: Version) -> str:
    """Return the commit whose code made a model. Raises ProjectError when none is on record."""
    made: str = client().get_run(version.run_id).data.tags["git_commit"]
    if made == "none":
        raise ProjectError("it was made outside of git: its code is not on record")
    return made


def as_text(answers: Answers) -> str:
    """Return the answers as Markdown, which reads well as it stands."""
    lines = [f"# {NAME}: lineage of a model"]
    for question, facts in answers.items():
        lines += ["", f"## {question}", "", *(f"- {name}: {fact}" for name, fact in facts.items())]
    return "\n".join(lines) + "\n"
