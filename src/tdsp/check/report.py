"""What `tdsp check` prints: for a person, and as JSON, SARIF and JUnit."""

import json
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

from tdsp import __version__
from tdsp.check.maturity import Maturity, Scale, Step
from tdsp.check.measured import confidence, grade, measured
from tdsp.check.rule import FAMILIES, SEVERITIES, Check, Mark
from tdsp.check.run import Report, Result, fingerprint, severity
from tdsp.check.stated import when
from tdsp.ladder import ANSWERED, AREAS, BRINGS
from tdsp.plain import counted, plain

PLACES = 3
COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan", "info": "dim"}
PAGE = "https://github.com/tdsp-template/tdsp"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def where(mark: Mark) -> str:
    """Return path and line as editors understand them."""
    return f"{plain(mark.path)}:{mark.line}"


def terminal(report: Report, console: Console, everything: bool = False) -> None:
    """Print the findings by family, what to do first, and the sums."""
    for family, title in FAMILIES.items():
        found = [each for each in report.failed if each.check.family == family]
        if found:
            console.print(Text(title, "bold"))
            for each in found:
                _finding(console, each, everything)
    if everything:
        _others(console, report)
    else:
        _open(console, report)
    _rest(console, report, everything)
    _first(console, report)
    _sums(console, report)


def _finding(console: Console, result: Result, everything: bool) -> None:
    level = result.severity
    line = Text.assemble(
        "  ",
        (f"{level:<8}", COLOURS[level]),
        (result.check.id, "bold"),
        f"  rule broken: {result.check.title}",
    )
    console.print(line)
    shown = result.marks if everything else result.marks[:PLACES]
    for mark in shown:
        console.print(
            Text.assemble("          ", (where(mark), "dim"), f"  {plain(mark.message)}"),
            soft_wrap=True,
        )
    if more := len(result.marks) - len(shown):
        console.print(Text(f"          and {more} more: --verbose", "dim"))


def _others(console: Console, report: Report) -> None:
    for outcome, title in (
        ("unknown", "Cannot be told"),
        ("pass", "Pass"),
        ("not applicable", "Do not apply"),
    ):
        found = [each for each in report.results if each.outcome == outcome]
        if found:
            console.print(Text(title, "bold"))
        for each in found:
            reason = (
                each.reason
                if not each.marks
                else f"{where(each.marks[0])}  {plain(each.marks[0].message)}"
            )
            console.print(
                Text(f"  {each.check.id}  {each.check.title}: {reason}".rstrip(": ")),
                soft_wrap=True,
            )


def _open(console: Console, report: Report) -> None:
    """Name the checks that cannot be told, so that people know what is asked."""
    names = [each.check.id for each in report.results if each.outcome == "unknown"]
    if names:
        line = f"Cannot be told: {', '.join(sorted(names))}. `--verbose` says why, and where."
        console.print(Text(line, "dim"), soft_wrap=True)


def _rest(console: Console, report: Report, everything: bool) -> None:
    """Print what was not read."""
    if report.about.git:
        line = f"Without git, so what is committed is not known: {plain(report.about.git)}"
        console.print(Text(line, "yellow"), soft_wrap=True)
    problems = report.about.problems
    if problems:
        console.print(Text(f"Not read, so not judged: {len(problems)}", "bold"))
        for path, problem in problems if everything else problems[:PLACES]:
            console.print(Text(f"  {plain(path)}  {plain(problem)}"), soft_wrap=True)
        if len(problems) > PLACES and not everything:
            console.print(Text(f"  and {len(problems) - PLACES} more: --verbose", "dim"))


def _first(console: Console, report: Report) -> None:
    first = report.failed[:3]
    if not first:
        return
    console.print(Text("Do first", "bold"))
    for number, each in enumerate(first, 1):
        console.print(Text(f"  {number}. {where(each.marks[0])}  {each.check.fix}"), soft_wrap=True)
    console.print(
        Text(f"  `tdsp check --explain {first[0].check.id}` says why, with an example.", "dim")
    )


def _sums(console: Console, report: Report) -> None:
    numbers = report.counts.items()
    counts = [counted(number, level) for level, number in numbers]
    outcomes = (
        f"{report.count('pass')} checks pass, {report.count('unknown')} cannot be told,"
        f" {report.count('not applicable')} do not apply"
    )
    ignored = sum(len(each.ignored) for each in report.results)
    for number, which in (
        (report.known, "in the baseline"),
        (report.unchanged, "in files that did not change"),
        (report.hidden, "of checks that are right less often, which --all shows"),
        (ignored, "ignored, with a reason"),
    ):
        outcomes += f"; {counted(number, 'finding')} {which}" if number else ""
    files = counted(report.about.files, "file")
    console.print(
        Text(f"{', '.join(counts)}. {outcomes}. {files} read, none run."),
        soft_wrap=True,
    )


def explain(check: Check, console: Console) -> None:
    """Print all that is known of one check."""
    from tdsp.check.maturity import items

    console.print(Text(f"{check.id}  {check.title}", "bold"))
    console.print(Text(f"{check.why}\n"))
    console.print(Text.assemble(("What to do: ", "bold"), check.fix))
    severe = f"{check.severity}; a finding may say a lower one"
    console.print(Text.assemble(("Severity: ", "bold"), severe))
    console.print(Text.assemble(("Right: ", "bold"), _right(check)))
    unless = check.unless or "it always applies"
    console.print(Text.assemble(("Does not apply when: ", "bold"), unless))
    if answers := when(check.id):
        said = f"a project of tdsp answers {answers}"
        console.print(Text.assemble(("Asked of people when: ", "bold"), said))
    if proven := items(check):
        console.print(Text.assemble(("Proves: ", "bold"), proven))
    for title, texts in (("Fails", check.bad), ("Passes", check.good)):
        console.print(Text(f"\n{title}:", "bold"))
        for path, text in texts.items():
            console.print(Text(f"  {path}", "dim"))
            shown = text if len(text) < 2000 else f"({len(text):,} characters)"
            for line in shown.rstrip().split("\n"):
                console.print(Text(f"    {line}"), soft_wrap=True)


def _right(check: Check) -> str:
    found = measured(check.id, check.severity)
    if not found:
        return "nobody has read a finding of it in a public repository yet"
    share = f"{found['right']} of the {found['read']} findings that people have read"
    return f"{share}; of all, at least {found['low']:.0%} (95 % interval)"


def print_maturity(found: Maturity, console: Console) -> None:
    """Print all scales: the level, what shows it, and what is missing for the next."""
    console.print(
        Text(
            f"Microsoft's MLOps maturity: level {found.level} of 4, the lowest of these areas",
            "bold",
        ),
        soft_wrap=True,
    )
    for area in found.areas:
        _scale(console, area)
    _said(console, found)
    console.print(Text(f"Google's levels of automation: {found.google.level} of 2", "bold"))
    _scale(console, found.google)
    points = ", ".join(f"{name} {found.points(name)}" for name in found.sections)
    console.print(
        Text(f"ML Test Score: {found.score}, the lowest of {points} (of 7 each)", "bold"),
        soft_wrap=True,
    )
    claimed = {name: found.said_points(name) for name in found.sections}
    if any(claimed.values()):
        shown = ", ".join(f"{name} {points:g}" for name, points in claimed.items() if points)
        console.print(Text(f"  People say besides, unproven: {shown}"), soft_wrap=True)
    for steps in found.sections.values():
        for step in steps:
            _item(console, step)
    console.print(Text("The seven principles", "bold"))
    for step in found.principles:
        _item(console, step)
    _path(console, found)


def _said(console: Console, found: Maturity) -> None:
    """Print what people answered, apart from what is proven."""
    if not found.said:
        text = "  People: not judged. Only people can say; `tdsp assess` asks them."
        console.print(Text(text), soft_wrap=True)
        return
    console.print(Text("  Said by people, not proven"))
    for area, table in AREAS.items():
        given = [each for each in found.said if each.area == area]
        if not table.questions or not given:
            continue
        level = found.said_of(area)
        open_ones = len({*table.questions} - {each.question for each in given})
        whole = f"level {level}" if level is not None else f"{open_ones} answers measured or open"
        places = "; ".join(f"{e.question} {e.score:g} {e.path}:{e.line}" for e in given)
        shown = Text.assemble(f"    {area}: {whole}", (f"  ({places})", "dim"))
        console.print(shown, soft_wrap=True)


def _scale(console: Console, scale: Scale) -> None:
    console.print(Text(f"  {scale.name}: level {scale.level}"))
    for step in scale.steps:
        console.print(Text(f"    {step.name}: {step.state}"))
        for each in step.results:
            mark = f"  {where(each.marks[0])}" if each.marks else f"  {each.reason}"
            console.print(
                Text(f"      {each.outcome:<15} {each.check.id} {each.check.title}{mark}", "dim"),
                soft_wrap=True,
            )
        if step.record is not None:
            shown = f"      on record       {step.record[0]}:{step.record[1]}"
            console.print(Text(shown, "dim"), soft_wrap=True)
        elif step.lacks:
            console.print(Text(f"      not found       {step.lacks}", "dim"), soft_wrap=True)


def _item(console: Console, step: Step) -> None:
    wanted = {"fail", "unknown"} if step.state == "open" else {"pass"}
    shown = [
        f"{each.check.id} {where(each.marks[0])}"
        for each in step.results
        if each.outcome in wanted and each.marks
    ]
    if step.said is not None:
        shown = [f"{step.said.score:g} by people, {step.said.path}:{step.said.line}"]
    shown = [f"not found: {step.lacks}"] if step.lacks else shown
    evidence = f"  ({'; '.join(shown[:PLACES])})" if shown else ""
    console.print(
        Text.assemble(f"  {step.state:<10} {step.name}", (evidence, "dim")), soft_wrap=True
    )


def _path(console: Console, found: Maturity) -> None:
    """Print the shortest way to the next level: what the lowest areas lack."""
    if not (found.lacking or found.deeds):
        return
    console.print(Text(f"To level {found.level + 1}", "bold"))
    for deed in found.deeds:
        text = f"  {deed}; of what no file shows, `tdsp assess` asks people"
        console.print(Text(text), soft_wrap=True)
    for each in found.lacking:
        place = f"{where(each.marks[0])}  " if each.marks else ""
        reason = f" (not judged now: {each.reason})" if each.outcome == "not applicable" else ""
        console.print(Text(f"  {each.check.id}  {place}{each.check.fix}{reason}"), soft_wrap=True)
        console.print(Text(f"        {way(each.check, found.grows_to)}", "dim"), soft_wrap=True)


def way(check: Check, level: str = "") -> str:
    """Return the shortest way to pass a check, in commands and files."""
    if level and check.id in BRINGS.get(level, ()):
        return f"`tdsp grow --to {level}` brings it"
    if level == "govern" and check.id in ANSWERED:  # the project has level operate
        return f"`uvx copier update --data {ANSWERED[check.id]}` brings it"
    files = [path for path, text in check.good.items() if check.bad.get(path) != text]
    return f"`tdsp check --explain {check.id}` shows one: {', '.join(files)}"


def as_json(report: Report, found: Maturity | None = None) -> str:
    """Return everything as JSON."""
    about = report.about
    data: dict[str, Any] = {
        "tdsp": __version__,
        "commit": about.commit,
        "files": about.files,
        "findings": {level: report.findings(level) for level in SEVERITIES},
        "results": [_result(each) for each in report.results],
        "not_read": [{"path": path, "reason": reason} for path, reason in about.problems],
    }
    if found is not None:
        data["maturity"] = _maturity(found)
    return json.dumps(data, indent=2)


def _result(result: Result) -> dict[str, Any]:
    check = result.check
    return {
        "id": check.id, "family": check.family, "title": check.title, "outcome": result.outcome,
        "severity": result.severity or None, "reason": result.reason or None,
        "why": check.why, "fix": check.fix,
        "proves": list(check.proves),
        "places": [_place(check, mark) for mark in result.marks],
        "ignored": [_place(check, mark) for mark in result.ignored],
    }  # fmt: skip


def _place(check: Check, mark: Mark) -> dict[str, Any]:
    found = {"path": mark.path, "line": mark.line, "text": mark.text[:300], "message": mark.message}
    if mark.kind == "fail":
        level = severity(check, mark)
        found |= {
            "severity": level, "confidence": confidence(check.id, level),
            "fingerprint": fingerprint(check, mark),
        }  # fmt: skip
    return found


def _maturity(found: Maturity) -> dict[str, Any]:
    return {
        "microsoft": {
            "level": found.level,
            "areas": {area.name: area.level for area in found.areas},
            "missing": {
                area.name: [each.check.id for each in area.missing] for area in found.areas
            },
            "not_on_record": {area.name: area.lacks for area in found.areas if area.lacks},
        },
        "google": {
            "level": found.google.level,
            "missing": [e.check.id for e in found.google.missing],
            "not_on_record": found.google.lacks or None,
        },
        "ml_test_score": {
            "score": found.score,
            "sections": {name: found.points(name) for name in found.sections},
            "items": {step.name: step.state for steps in found.sections.values() for step in steps},
        },
        "principles": {step.name: step.state for step in found.principles},
        "said": [
            {
                "question": e.question,
                "area": e.area,
                "score": e.score,
                "path": e.path,
                "line": e.line,
            }
            for e in found.said
        ],
    }


def as_sarif(report: Report) -> str:
    """Return the findings as SARIF 2.1.0, as code hosts show them beside the lines."""
    checks = [each.check for each in report.results]
    number = {check.id: index for index, check in enumerate(checks)}
    results = [
        _sarif(each.check, number[each.check.id], mark)
        for each in report.results
        for mark in each.marks
        if mark.kind == "fail"
    ]
    driver = {
        "name": "tdsp", "version": __version__, "informationUri": PAGE,
        "rules": [_rule(check) for check in checks],
    }  # fmt: skip
    notes = [
        {"level": "note", "message": {"text": f"{path}: {reason}"}}
        for path, reason in report.about.problems
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _level(severity: str) -> str:
    """Return a level of SARIF, whose lowest for what fails is a note."""
    return "note" if severity == "info" else severity


def _rule(check: Check) -> dict[str, Any]:
    known = grade(check.id, check.severity)
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.judge.__name__.split("_")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": check.fix},
        "defaultConfiguration": {"level": _level(check.severity)},
        "properties": {"precision": known} if known else {},
    }


def _sarif(check: Check, number: int, mark: Mark) -> dict[str, Any]:
    from urllib.parse import quote

    place = {
        "artifactLocation": {"uri": quote(mark.path), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": max(mark.line, 1)},
    }
    return {
        "ruleId": check.id, "ruleIndex": number, "level": _level(severity(check, mark)),
        "kind": "fail",
        "message": {"text": f"{mark.message}. {check.fix}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"tdsp/v1": fingerprint(check, mark)},
        "properties": {"confidence": confidence(check.id, severity(check, mark))},
    }  # fmt: skip


def as_junit(report: Report, level: str) -> str:
    """Return one test case a check; what is below `level` is no failure."""
    top = ElementTree.Element("testsuites", name="tdsp check")
    levels = () if level == "never" else SEVERITIES[SEVERITIES.index(level) :]
    for family, title in FAMILIES.items():
        results = [each for each in report.results if each.check.family == family]
        if not results:
            continue
        suite = ElementTree.SubElement(top, "testsuite", name=title, tests=str(len(results)))
        failures = skipped = 0
        for each in results:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"tdsp.{family}",
                name=f"{each.check.id} {each.check.title}",
            )
            lines = "\n".join(
                f"{where(mark)} {plain(mark.message)}" for mark in each.marks if mark.kind == "fail"
            )
            if each.severity in levels:
                failures += 1
                ElementTree.SubElement(
                    case, "failure", message=each.check.fix, type=each.severity
                ).text = lines
            elif each.outcome in {"unknown", "not applicable"}:
                skipped += 1
                ElementTree.SubElement(
                    case, "skipped", message=f"{each.outcome}: {each.reason}".rstrip(": ")
                )
            elif lines:
                ElementTree.SubElement(case, "system-out").text = lines
        suite.set("failures", str(failures))
        suite.set("skipped", str(skipped))
    return ElementTree.tostring(top, encoding="unicode", xml_declaration=True)
