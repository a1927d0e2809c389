"""The options that describe a table: one list for every command that takes a table."""

# No `from __future__ import annotations`: typer takes the types of a signature as they are.
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tdsp.onboard.flow import Wishes

Names = list[str] | None


def wishes(
    target: str,
    problem: Annotated[
        Literal["classification", "regression", "forecasting", "anomaly"] | None,
        typer.Option(help="The kind of problem. Without it the target decides."),
    ] = None,
    id: Annotated[  # noqa: A002, the name of the option
        Names,
        typer.Option(help="A column that identifies a row: kept in the output, never a feature."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="The column that orders the rows: the newest become the test set."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="The column whose groups are never split between training and test."),
    ] = None,
    sensitive: Annotated[
        Names,
        typer.Option(
            help="A column with an attribute of people; responsible_ai=yes measures fairness by it."
        ),
    ] = None,
    drop: Annotated[Names, typer.Option(help="A column that is never a feature.")] = None,
    keep: Annotated[
        Names,
        typer.Option(help="A column that is a feature, although onboarding would leave it out."),
    ] = None,
    series: Annotated[
        Names, typer.Option(help="Forecast: a column that tells the series apart.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Forecast: how many steps ahead.")
    ] = None,
    text: Annotated[Names, typer.Option(help="A column that stays text.")] = None,
    date: Annotated[
        Names,
        typer.Option(help="COLUMN=FORMAT: dates, such as %d.%m.%y, ISO8601, 'epoch s', excel."),
    ] = None,
    decimal: Annotated[
        Names, typer.Option(help="COLUMN=SIGN: the decimal sign of its numbers.")
    ] = None,
    value: Annotated[
        Names, typer.Option(help="COLUMN=TEXT: a value, such as NA, not a missing one.")
    ] = None,
    missing: Annotated[
        Names, typer.Option(help="COLUMN=TEXT: stands for no value, such as -99.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Excel: the sheet with the table.")] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="The text encoding, such as cp1252, where the guess is wrong."),
    ] = None,
) -> "Wishes":
    """Return what the options say of a table; their names, types and helps stand only here."""
    from tdsp.onboard.flow import Wishes
    from tdsp.onboard.profile import Hints

    return Wishes(
        target, problem, tuple(id or ()), time, group, tuple(sensitive or ()), tuple(drop or ()),
        tuple(keep or ()), tuple(series or ()), horizon,
        Hints(tuple(text or ()), pairs(date), pairs(decimal), pairs(value), pairs(missing)), sheet,
        encoding,
    )  # fmt: skip


def pairs(options: Names) -> dict[str, str]:
    """Read options of the form COLUMN=SOMETHING."""
    for option in options or ():
        if not option.rpartition("=")[0] or not option.rpartition("=")[2]:
            raise typer.BadParameter(f"{option!r} is not COLUMN=...")
    return {o.rpartition("=")[0]: o.rpartition("=")[2] for o in options or ()}


OPTIONS = [each for name, each in inspect.signature(wishes).parameters.items() if name != "target"]


def takes_table(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `wishes`; it gets those that were given as `table`."""

    @functools.wraps(command)
    def taking(**values: Any) -> None:
        given = {option.name: values.pop(option.name) for option in OPTIONS}
        command(**values, table={k: v for k, v in given.items() if v not in (None, [])})

    every = [
        option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, own in inspect.signature(command).parameters.items()
        for option in (OPTIONS if name == "table" else [own])
    ]
    taking.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    taking.__annotations__ = {option.name: option.annotation for option in every}
    return taking
