"""The commands that close the loop: what is scored is watched, what has changed is learnt."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from . import paths
from .settings import load

app = typer.Typer()
ALARM = 3


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
    """Compare scored rows with the training rows. Exit code 0: nothing found, 3: alarm, 1: error.

    The verdict is in reports/monitoring: monitor.json and monitor.html.
    """
    from . import notify
    from .collect import collected
    from .monitor import (
        moment,
        monitor,
        of_collected,
        of_file,
        page,
        pairs,
        read_baseline,
        with_labels,
    )
    from .registry import champion, fetch
    from .tables import read_table, replacing, text_columns

    settings, version = load(paths.PARAMS), champion()
    folder = fetch(version) if version else paths.PACKAGE
    data, baseline = settings.data, read_baseline(folder, paths.HELD_OUT)
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
    with replacing(paths.MONITORED) as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{len(window)} rows of model {baseline.model_id}: {result['verdict']}")
    if result["alarm"]:
        told = f"{len(window)} rows of model {baseline.model_id}. {result['verdict']}"
        notify.send(f"{__package__}: drift alarm", told)
        raise typer.Exit(ALARM)


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
    """Tell whom NOTIFY_SLACK_URL, NOTIFY_TEAMS_URL or NOTIFY_EMAIL name; else nobody."""
    from . import notify

    notify.send(title, text)
