"""Schemas: what is known of the columns, and whether that is enforced."""

import re
from collections.abc import Iterator

from tdsp.check.data import READ, READERS, VALIDATORS, trains
from tdsp.check.purpose import BEYOND, apart, columns_checked, lesson, shows, toy
from tdsp.check.rule import Mark, at, broken, check, held, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module

# They judge a table, and may know its columns.
SUITES = (
    "deepchecks",
    "soda",
    "pydeequ",
    "whylogs.core.constraints",
    "cuallee",
    "sagemaker.model_monitor",
)


@check(
    "DA05",
    family="data",
    title="The training table has a schema that a machine reads",
    why="Without one a changed unit or a renamed column is found by its effects, after weeks.",
    fix="Write a schema: pandera, Great Expectations, pydantic, or `tdsp onboard`.",
    unless="nothing is trained from a table, or this is a lesson",
    severity="info",
    proves=("D1", "P5"),
    bad={
        "train.py": READ
        + "from sklearn.svm import SVC\ndf = pd.read_csv('a.csv')\nSVC().fit(df, df)\n"
    },
    good={
        "train.py": READ
        + "import pandera as pa\nfrom sklearn.svm import SVC\nschema = pa.DataFrameSchema({})\n"
        "df = schema.validate(pd.read_csv('a.csv'))\nSVC().fit(df, df)\n"
    },
)
def schema_exists(repo: Repository) -> Iterator[Mark]:
    """Look for a schema as a file or in code."""
    if trains(repo) is None:
        return
    tables, opened = None, None
    known: list[tuple[Module, int]] = []
    for module in repo.modules("production", "notebook"):
        known += filter(None, [columns_checked(module)])
        other = BEYOND.search(module.path) or module.path.rsplit("/", 1)[-1] == "test.py"
        given = other or toy(module) or lesson(repo, module.path) or shows(module)
        for call in module.calls:
            if call.name.startswith(VALIDATORS):
                yield held(repo, module, call.line, "a schema in code")
                return
            read = READERS.match(call.name) and not given and not _uploaded(call)
            if read and _opens_any(module, call):
                opened = opened or (module, call)
            else:
                tables = tables or ((module, call) if read else None)
        for each in module.imports:
            if each.module.startswith(VALIDATORS):
                yield held(repo, module, each.line, "a library for schemas is imported")
                return
            if each.module.startswith(SUITES):
                known.append((module, each.line))
    for module in repo.modules("test"):
        for each in module.imports:
            if each.module.startswith(VALIDATORS):
                yield held(repo, module, each.line, "tests hold the table against a schema")
                return
    for file in repo.named(
        r"(.*/)?(schema|.*_schema|expectations?)\.(ya?ml|json|pbtxt)|great_expectations/.*"
    ):
        yield at(repo, "held", file.path, 1, "a schema as a file")
        return
    if tables is not None:
        module, call = tables
        near = [each for each in known if not apart(repo, each[0].path, module.path)]
        if near:
            yield unsure(repo, *near[0], "columns are checked here; whether all, cannot be told")
        else:
            yield broken(repo, module, call.line, "a table is read, and no schema describes it")
    elif opened is not None:
        module, call = opened
        yield unsure(repo, module, call.line, "it opens what it is given; what, is not said here")


def _opens_any(module: Module, call: Call) -> bool:
    """Tell whether a function opens the same name in several formats: it knows no table."""
    names = {name for value in call.args[:1] for name in value.names}
    formats = {
        other.method
        for other in module.calls
        if other.scope == call.scope and READERS.match(other.name)
        and names & {name for value in other.args[:1] for name in value.names}
    }  # fmt: skip
    return len(formats) > 1


def _uploaded(call: Call) -> bool:
    """Tell whether a user gives the table, or it has the cases of a test: nothing trains on it."""
    names = {name for value in call.args[:1] for name in value.names}
    return any(re.search(r"(?i)upload|^request|test_?set", name) for name in names)


VALIDATE = (
    "import pandas as pd\nimport pandera as pa\n\nschema = pa.DataFrameSchema({})\n"
    "df = pd.read_csv('a.csv')\n"
)


@check(
    "DA06",
    family="data",
    title="A table that breaks its schema stops the run",
    why="A validation whose result nobody reads lets wrong rows into training and scoring,"
    " and looks"
    " as if it did not.",
    fix="Let the error of the validation end the run, or raise when its result is not a success.",
    unless="no file validates a table with pandera or Great Expectations",
    severity="note",
    proves=("D1", "P5"),
    bad={
        "load.py": VALIDATE
        + "try:\n    schema.validate(df)\nexcept Exception as error:\n    print(error)\n"
    },
    good={"load.py": VALIDATE + "df = schema.validate(df)\n"},
)
def schema_enforced(repo: Repository) -> Iterator[Mark]:
    """Judge each validation by what becomes of its error or result."""
    for module in repo.modules("production"):
        libraries = {each.module.split(".")[0] for each in module.imports}
        if "pandera" in libraries or "tensorflow_data_validation" in libraries:
            yield from _pandera(repo, module)
        if "great_expectations" in libraries:
            yield from _expectations(repo, module)


def _pandera(repo: Repository, module: Module) -> Iterator[Mark]:
    makers = {
        target for each in module.assigns for target in each.targets
        if each.value.call is not None and each.value.call.name.startswith("pandera.")
    }  # fmt: skip
    for call in module.calls:
        if call.method != "validate" or call.receiver is None:
            continue
        if not (call.receiver.name in makers or "schema" in call.receiver.name.lower()):
            continue
        handler = next(
            (
                h
                for h in module.handlers
                if call.tries and h.number == call.tries[-1] and _catches(h.types)
            ),
            None,
        )
        if handler is not None and handler.silent:
            used = _after_handler(module, handler.line)
            if used:
                yield unsure(
                    repo, module, call.line, "the error is kept; what reads it cannot be told"
                )
            else:
                message = f"the error is caught in line {handler.line}, and the run goes on"
                yield broken(repo, module, call.line, message)
        else:
            yield held(repo, module, call.line, "its error ends the run")


def _catches(types: tuple[str, ...]) -> bool:
    return any(
        each in {"", "Exception", "BaseException"} or "SchemaError" in each for each in types
    )


def _after_handler(module: Module, line: int) -> bool:
    """Tell whether a handler keeps something: an assignment or `append` in its next lines."""
    near = range(line, line + 8)
    assigned = any(each.line in near for each in module.assigns)
    return assigned or any(
        c.line in near and c.method in {"append", "add", "extend"} for c in module.calls
    )


def _expectations(repo: Repository, module: Module) -> Iterator[Mark]:
    source = "\n".join(module.lines)
    reads = bool(re.search(r"\.success\b|\[['\"]success['\"]\]|raise_for_status", source))
    for call in module.calls:
        run = call.method in {"run_checkpoint", "run_validation_operator"} or (
            call.method in {"run", "validate"} and call.receiver is not None
            and re.search(r"(?i)checkpoint|validator|validation", call.receiver.name)
        )  # fmt: skip
        if not run:
            continue
        if reads:
            yield held(repo, module, call.line, "its success is read")
        elif call.order in module.discarded:
            yield broken(repo, module, call.line, "its result is thrown away")
        else:
            yield unsure(repo, module, call.line, "what reads its result cannot be told")


SCHEMA = "columns:\n  age: {{dtype: int64}}\n  {}: {{dtype: str}}\n"
PERSONAL = re.compile(
    r"(?i)(^|_)(e_?mail|phone|telephone|mobile|ssn|iban|birth_?(day|date)?|date_of_birth|dob|passport"
    r"|first_?name|last_?name|surname|full_?name|street|address|ip_?address|tax_?id|credit_?card)(_|$)"
)


def columns(repo: Repository) -> Iterator[tuple[str, str, int]]:
    """Yield (file, column, line) of the schemas that are files: pandera's form."""
    for path, documents in repo.yaml.items():
        if not re.search(r"(^|/)(\w*_)?schema\.ya?ml$", path) or repo.role(path) != "production":
            continue
        for document in documents:
            listed = document.data.get("columns") if isinstance(document.data, dict) else None
            for name in listed if isinstance(listed, dict) else {}:
                yield path, str(name), document.line("columns", name)


@check(
    "DA07",
    family="data",
    title="The dictionary explains every column",
    why="A column that nobody explained is used for what its name suggests.",
    fix="Add the missing columns to the dictionary, or renew it: `tdsp onboard`.",
    unless="there is no schema file with a data dictionary beside it",
    severity="note",
    proves=(),
    bad={"schema.yaml": SCHEMA.format("city"), "docs/dictionary.md": "| age | years |\n"},
    good={
        "schema.yaml": SCHEMA.format("city"),
        "docs/dictionary.md": "| age | years |\n| city | where |\n",
    },
)
def explained(repo: Repository) -> Iterator[Mark]:
    """Look for each column of the schema in the data dictionary."""
    pages = repo.named(r"(?i)(.*/)?(data[-_]?)?dictionary\.(md|csv|ya?ml|rst)")
    text = "\n".join(page.text or "" for page in pages)
    if not text:
        return
    for path, name, line in columns(repo):
        if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text):
            yield at(repo, "held", path, line)
        else:
            yield at(repo, "fail", path, line, f"{pages[0].path} does not explain {name}")


@check(
    "DA09",
    family="data",
    title="Personal data are named as such",
    why="A column of names or addresses may need a legal ground, an owner and a day of deletion.",
    fix="Say in a document what they are for, who may see them and when they go; or drop them.",
    unless="no schema file has a column that is named like personal data",
    severity="note",
    proves=(),
    bad={"schema.yaml": SCHEMA.format("email")},
    good={
        "schema.yaml": SCHEMA.format("email"),
        "docs/data-protection.md": "# Data protection\n\nWe keep `email` for a year.\n",
    },
)
def personal(repo: Repository) -> Iterator[Mark]:
    """Look for columns that are named like personal data, and for a document about them."""
    found = [each for each in columns(repo) if PERSONAL.search(each[1])]
    pages = repo.named(r"(?i)(.*/)?[^/]*(data[-_]?protection|privacy|dpia|gdpr)[^/]*\.(md|rst)")
    for path, name, line in found:
        if pages:
            yield at(repo, "held", path, line, f"{pages[0].path} speaks of data protection")
        else:
            yield at(repo, "fail", path, line, f"{name} sounds personal; no document speaks of it")
