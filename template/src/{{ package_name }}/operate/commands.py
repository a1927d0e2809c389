"""The commands after the gate: registry, lineage, monitoring, retraining."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from .. import paths
from ..settings import load
from ..steps.gate import lines

app = typer.Typer()
Model = Annotated[str, typer.Argument(help="champion, challenger, a version or a model id.")]
Reason = Annotated[str, typer.Option(prompt="Why?", help="Goes on record.")]
By = Annotated[str | None, typer.Option(help="Who decides. [default: git's user]")]


ALARM, UNJUDGED = 3, 4


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
    typer.echo("\n".join(lines(now.promotion.checks if now.promotion else [])))
    typer.echo(f"version {now.number} ({now.model_id}) is the champion")


@app.command()
def rollback(
    reason: Reason,
    by: By = None,
    to: Annotated[str | None, typer.Option(help="This version; can be repeated.")] = None,
) -> None:
    """Bring back the champion before this one; once more, the one before that.

    With --to, a second time changes nothing.
    """
    from . import registry

    before = registry.champion()
    now = registry.rollback(reason, by, to)
    if before and before.number == now.number:
        typer.echo(f"version {now.number} ({now.model_id}) is the champion already: nothing to do")
        return
    instead = f", instead of version {before.number} ({before.model_id})," if before else ""
    typer.echo(f"version {now.number} ({now.model_id}){instead} is the champion again")
    if not registry.same_code(now):
        typer.echo(
            "note: this version was made with other prediction code than this checkout has, so a"
            " service of this checkout refuses it: roll the release back, too"
        )


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="With lineage and history.")] = False,
) -> None:
    """List the registered models, newest first."""
    from . import lineage as told
    from . import registry

    if as_json:
        listed = [
            {
                "number": each.number,
                "model_id": each.model_id,
                "aliases": each.aliases,
                "created_at": each.created_at.isoformat(timespec="milliseconds"),
                "lineage": told.lineage(each),
            }
            for each in registry.versions()
        ]
        changes = [
            {"version": made.number, "model_id": made.model_id, **asdict(entry)}
            for made, entry in registry.history()
        ]
        typer.echo(json.dumps({"versions": listed, "history": changes}, indent=2))
        return
    for each in registry.versions():
        at = each.created_at.isoformat(sep=" ", timespec="seconds")
        typer.echo(f"{each.number:>4}  {each.model_id}  {at}  {', '.join(each.aliases)}")


@app.command()
def lineage(
    model: Model = "champion",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Only the commit of its code.")] = False,
) -> None:
    """Tell the data, code, parameters and environment of a model, its result, who approved it."""
    from ..io.files import replacing
    from . import lineage as told
    from .registry import find
    from .tracking import run_files

    version = find(model)
    if commit:
        typer.echo(told.commit(version))
        return
    answers = told.lineage(version)
    if html:
        page = told.as_page(answers, run_files(version.run_id, "reports/plots"))
        with replacing(html) as temporary:
            temporary.write_text(page, encoding="utf-8")
    if as_json:
        kept = {"files": str(run_files(version.run_id).resolve())}
        answers["Where is what was kept of its run?"] = kept
    typer.echo(json.dumps(answers, indent=2) if as_json else told.as_text(answers))


@app.command()
def monitor(
    since: Annotated[
        str | None, typer.Option(help="A time (2026-01-31T08:00), or how long ago (7d).")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="A file, instead of the collected rows.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="The target, by prediction_id or by the ids of data.id.")
    ] = None,
) -> None:
    """Compare scored rows with the training rows.

    Exit code 0: nothing found, 3: alarm, 4: too few rows to judge, 1: error. The verdict is in
    reports/monitoring: monitor.json, monitor.html, and monitor.prom for Prometheus.
    """
    from ..io.files import replacing, write_json
    from ..io.tables import read_table, text_columns
    from . import notify
    from .collect import collected, moment
    from .monitor import (
        monitor,
        of_collected,
        of_file,
        page,
        pairs,
        read_baseline,
        with_labels,
    )
    from .registry import champion, fetch
    from .verdict import publish

    settings, version = load(paths.PARAMS), champion()
    folder = fetch(version) if version else paths.PACKAGE
    data, baseline = settings.data, read_baseline(folder, paths.TEST_PREDICTIONS)
    if source:
        window = of_file(source, folder, baseline.schema, data)
    else:
        begin = moment(since, datetime.now(UTC)) if since else None
        kept = collected(paths.COLLECTED).to_pandas()
        window, baseline = of_collected(kept, begin, baseline, data.target)
    text = ["prediction_id", *text_columns(folder / "schema.yaml")]
    answers = read_table(labels, data, text) if labels else None
    labelled = with_labels(window, answers, baseline.schema, data)
    result = monitor(window, labelled, baseline, settings)
    compared = pairs(window, baseline, data.target) if result["checks"] else {}
    with replacing(paths.MONITORING / "monitor.html") as temporary:
        temporary.write_text(page(result, compared), encoding="utf-8")
    write_json(result, paths.MONITORED)
    publish(result, version.created_at if version else None, paths.MONITORING / "monitor.prom")
    typer.echo(f"{len(window)} rows of model {baseline.model_id}: {result['verdict']}")
    if result["alarm"]:
        told = f"{len(window)} rows of model {baseline.model_id}. {result['verdict']}"
        notify.send(f"{paths.PROJECT}: drift alarm", told)
        raise typer.Exit(ALARM)
    if not result["checks"]:
        raise typer.Exit(UNJUDGED)


@app.command()
def carry(
    to: Annotated[
        str, typer.Option(envvar="COLLECTED_URL", help="A path, s3://, gs://, azure://.")
    ],
) -> None:
    """Copy the collected rows that are new here to a folder elsewhere, where `monitor` runs."""
    from .collect import carry

    count = carry(paths.COLLECTED, to, load(paths.PARAMS).collect)
    typer.echo(f"{count} files of collected rows are new there")


@app.command()
def retrain(
    reason: Annotated[str, typer.Option(help="Goes on record.")],
    data: Annotated[
        Path | None, typer.Option(help="New rows with their target, to be learnt from too.")
    ] = None,
    if_drift: Annotated[bool, typer.Option(help="Only after an alarm of `monitor`.")] = False,
    if_new_data: Annotated[bool, typer.Option(help="Only when the raw table has grown.")] = False,
) -> None:
    """Run the pipeline, on new data if there are any; what passes the gate is the challenger.

    The champion stays what it is, whatever happens: see `promote`. Exit code 0: there is a
    challenger, or nothing to do, which is said; 1: no model passed.
    """
    from .retrain import retrain

    typer.echo(retrain(load(paths.PARAMS), data, if_drift, if_new_data, reason))


@app.command("notify")
def tell(
    title: Annotated[str, typer.Option(help="One line.")],
    text: Annotated[str, typer.Option(help="What happened, and where to look.")],
) -> None:
    """Tell whom the addresses in NOTIFY_URLS reach; with none, nobody."""
    from . import notify

    notify.send(title, text)
