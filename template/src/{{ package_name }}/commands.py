"""The commands of the registry: which models there are, which one works, where it comes from."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from .errors import ProjectError

app = typer.Typer()
Model = Annotated[str, typer.Argument(help="champion, challenger, a version or a model id.")]
Reason = Annotated[str, typer.Option(prompt="Why?", help="Goes on record.")]
By = Annotated[str | None, typer.Option(help="Who decides. [default: git's user]")]


def show(checks: Iterable[dict[str, Any]]) -> None:
    """Print the checks of a verdict, one a line."""
    for check in checks:
        mark = "pass" if check["passed"] else "FAIL"
        typer.echo(f"{mark}  {check['rule']} ({check['figures']})")


@app.command()
def register() -> None:
    """Make the model that passed the gate the challenger. A second time changes nothing."""
    from . import registry

    version = registry.register()
    typer.echo(f"version {version.number} ({version.model_id}) is {' and '.join(version.aliases)}")


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="A new or empty folder.")],
) -> None:
    """Write the model that passed the gate as an MLflow model, for a registry elsewhere."""
    from . import registry

    typer.echo(f"model {registry.export(output)} is in {output}")


@app.command()
def promote(
    reason: Reason,
    version: Annotated[str, typer.Argument(help="Version, alias or model id.")] = "challenger",
    by: By = None,
    without_comparison: Annotated[
        bool, typer.Option("--without-comparison", help="When the champion cannot be compared.")
    ] = False,
) -> None:
    """Make a version the champion, unless it fails on what the champion does as well."""
    from . import registry

    now = registry.promote(version, reason, by, compare=not without_comparison)
    show(now.entries[now.place[1]]["checks"])
    typer.echo(f"version {now.number} ({now.model_id}) is the champion")


@app.command()
def rollback(reason: Reason, by: By = None) -> None:
    """Bring back the champion before this one; once more, the one before that."""
    from . import registry

    now = registry.rollback(reason, by)
    typer.echo(f"version {now.number} ({now.model_id}) is the champion again")


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="With lineage and history.")] = False,
) -> None:
    """List the registered models, newest first."""
    from . import lineage as told
    from . import registry

    if as_json:
        found = [
            {
                "number": each.number,
                "model_id": each.model_id,
                "aliases": each.aliases,
                "created_at": each.created_at.isoformat(timespec="milliseconds"),
                "lineage": told.lineage(each),
            }
            for each in registry.versions()
        ]
        typer.echo(json.dumps({"versions": found, "history": registry.history()}, indent=2))
        return
    for each in registry.versions():
        at = each.created_at.isoformat(sep=" ", timespec="seconds")
        typer.echo(f"{each.number:>4}  {each.model_id}  {at}  {', '.join(each.aliases)}")


@app.command()
def lineage(
    model: Model = "champion",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
) -> None:
    """Tell the data, code, parameters and environment of a model, its result, who approved it."""
    from . import lineage as told
    from .registry import find
    from .tables import replacing
    from .tracking import run_files

    version = find(model)
    answers = told.lineage(version)
    if html:
        page = told.as_page(answers, run_files(version.run_id, "reports/plots"))
        with replacing(html) as temporary:
            temporary.write_text(page, encoding="utf-8")
    typer.echo(json.dumps(answers, indent=2) if as_json else told.as_text(answers))


@app.command()
def reproduce(
    model: Model,
    keep: Annotated[Path | None, typer.Option(help="Work in this new folder; keep it.")] = None,
) -> None:
    """Make a model again from the code, data and parameters on record, and compare."""
    from .lineage import other_versions, reproduce
    from .registry import find

    version = find(model)
    for line in other_versions(version):
        typer.echo(f"note  installed is {line}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        checks = reproduce(version, keep or Path(folder) / "again")
    show(map(vars, checks))
    if not all(check.passed for check in checks):
        raise ProjectError(f"version {version.number} could not be made again: see above")
    typer.echo(f"version {version.number} ({version.model_id}) was made again and is equal")
