"""The contract of a row: schema.yaml and the roles in params.yaml, as a pydantic model of JSON."""

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError, to_jsonable_python

from ..errors import ProjectError
from ..io.cells import BOOLEANS
from ..settings import Data

STRICT = ConfigDict(extra="forbid", strict=True)
# What a column may say besides its checks.
NO_CHECKS = {"dtype", "coerce", "nullable", "unique", "required", "title", "description"}
SHORT = {"eq": "equal_to", "ne": "not_equal_to", "gt": "greater_than", "lt": "less_than"}
SHORT |= {"ge": "greater_than_or_equal_to", "le": "less_than_or_equal_to", "between": "in_range"}
SHOWN_REASONS = 100
SHOWN_NAME = 100  # characters of a name that the client made up
SHOWN_VALUES = 300  # characters of a list of values
LARGEST = 3.4e38  # as float32, which ONNX models take
# Years 1700 to 2199: what pandas has nanoseconds for.
ISO_8601 = r"^(1[7-9]|2[01])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
ISO_8601 += r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?$"

Check = Callable[..., list[Any]]
Reason = dict[str, Any]


class RefusedError(Exception):
    """A request breaks the contract; `reasons` says where: row from 1 or None, field, reason."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


def _rule(holds: Callable[[Any], object], reason: str, **shown: Any) -> list[Any]:
    """Make a rule of a test; `shown` is what OpenAPI says of it."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise PydanticCustomError("rule", "{reason}", {"reason": f"Input should {reason}"})
        return value

    return [AfterValidator(check), Field(json_schema_extra=to_jsonable_python(shown))]


def _compare(holds: Callable[[Any, Any], bool], words: str, key: str = "") -> Check:
    def make(limit: Any) -> list[Any]:
        shown = {key: limit} if key and isinstance(limit, int | float) else {}
        return _rule(lambda value: holds(value, limit), f"{words} {limit}", **shown)

    return make


def _range(
    *, min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> list[Any]:
    low, high = "ge" if include_min else "gt", "le" if include_max else "lt"
    return [Field(**{low: min_value, high: max_value})]


def _length(
    *, min_value: int | None = None, max_value: int | None = None, exact_value: int | None = None
) -> list[Any]:
    return [Field(min_length=exact_value or min_value, max_length=exact_value or max_value)]


def _some(values: list[Any]) -> str:
    """Join values; each reason of a request shows the list, so a long one ends early."""
    text = ", ".join(map(str, values))
    return text if len(text) <= SHOWN_VALUES else f"{text[:SHOWN_VALUES]}… ({len(values)} in all)"


# By pandera's names, with pandera's arguments.
CHECKS: dict[str, Check] = {
    "equal_to": lambda value: _rule(lambda v: v == value, f"be {value}", enum=[value]),
    "not_equal_to": _compare(operator.ne, "not be"),
    "greater_than": _compare(operator.gt, "be greater than", "exclusiveMinimum"),
    "greater_than_or_equal_to": _compare(operator.ge, "be at least", "minimum"),
    "less_than": _compare(operator.lt, "be less than", "exclusiveMaximum"),
    "less_than_or_equal_to": _compare(operator.le, "be at most", "maximum"),
    "in_range": _range,
    "isin": lambda values: _rule(
        frozenset(values).__contains__, f"be one of {_some(values)}", enum=values
    ),
    "notin": lambda values: _rule(lambda v: v not in values, f"be none of {_some(values)}"),
    "str_matches": lambda text: _rule(
        re.compile(text).match, f"match {text}", pattern=f"^(?:{text})"
    ),
    "str_contains": lambda text: _rule(re.compile(text).search, f"contain {text}", pattern=text),
    "str_startswith": _compare(str.startswith, "start with"),
    "str_endswith": _compare(str.endswith, "end with"),
    "str_length": _length,
}


def row_model(schema: Path, data: Data) -> type[BaseModel]:
    """Return the model of one row: a field for each column in their order, `alias` its name.

    A row has the model's inputs, and may have ids, time and group; neither target nor more.
    Raises ProjectError for a rule that cannot be kept: none is left out in silence.
    """
    table = yaml.safe_load(schema.read_text(encoding="utf-8"))
    if wide := [name for name in ("checks", "index", "unique") if table.get(name)]:
        raise ProjectError(f"{schema}: a service sees single rows and cannot keep {wide}")
    fields: dict[str, Any] = {}
    for number, (name, column) in enumerate(table["columns"].items()):
        if name in {data.target, *data.drop}:
            continue
        carried = name in data.not_features
        if column.get("unique") and not carried:
            raise ProjectError(f"{schema}: a service cannot keep {name!r} unique")
        kind = _type(name, column, data)
        if carried or column.get("nullable"):
            fields[f"column_{number}"] = (kind | None, Field(None, alias=name))
        else:
            fields[f"column_{number}"] = (kind, Field(alias=name))
    return create_model("Row", __config__=STRICT, **fields)


def batch_model(row: Any, max_rows: int) -> type[BaseModel]:
    """Return the model of `{"rows": [...]}` with 1 to `max_rows` rows."""
    rows = Annotated[list[row], Field(min_length=1, max_length=max_rows)]
    return create_model("Batch", __config__=STRICT, rows=(rows, ...))


def parse(body: bytes) -> Any:
    """Return the JSON of a request; no object has a key twice. Raises RefusedError."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        where = f": {error.msg} at character {error.pos}"
    except (ValueError, RecursionError):  # no UTF-8, a number of thousands of digits, too deep
        where = ""
    raise RefusedError([_reason(None, "", f"Invalid JSON{where}")])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise RefusedError([_reason(None, "", "Invalid JSON: an object has a key twice")])
    return made


def _constant(name: str) -> Any:
    raise ValueError(name)


def validated(model: type[BaseModel], contents: Iterable[Any], numbered: bool) -> list[BaseModel]:
    """Return what the contents hold. Raises RefusedError, at the latest after 100 reasons.

    Pydantic sees no unknown name: the cost of a refusal is bound by the columns, not by the client.
    """
    names = frozenset(str(field.alias or name) for name, field in model.model_fields.items())
    made, reasons = list[BaseModel](), list[Reason]()
    for number, content in enumerate(contents, 1):
        row = number if numbered else None
        unknown: set[str] = content.keys() - names if isinstance(content, dict) else set()
        try:
            known = {k: content[k] for k in names & content.keys()} if unknown else content
            made.append(model.model_validate(known))
        except ValidationError as error:
            reasons += _told(error, row)
        for name in sorted(unknown)[:SHOWN_REASONS]:
            reasons.append(_reason(row, name, "Extra inputs are not permitted"))
        if len(reasons) >= SHOWN_REASONS:
            break
    if reasons:
        raise RefusedError(reasons[:SHOWN_REASONS])
    return made


def _told(error: ValidationError, row: int | None) -> Iterator[Reason]:
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        yield _reason(row, ".".join(map(str, one["loc"])), one["msg"])


def _reason(row: int | None, field: str, reason: str) -> Reason:
    field = field[:SHOWN_NAME].encode(errors="replace").decode()  # JSON may hold half a character
    return {"row": row, "field": field, "reason": reason}


def _type(name: str, column: dict[str, Any], data: Data) -> Any:
    dtype = str(column["dtype"])
    kind, last = _base(dtype, data.reads(name).missing or [])
    if kind is None:
        raise ProjectError(f"schema.yaml: JSON has nothing for {dtype!r}, the dtype of {name!r}")
    dates = dtype.startswith("datetime64")
    for check, value in column.items():
        if check in NO_CHECKS or value is None:
            continue
        try:
            value = _moments(value) if dates else value
            rule = CHECKS[SHORT.get(check, check)]
            kind = Annotated[kind, *(rule(**value) if isinstance(value, dict) else rule(value))]
        except (KeyError, TypeError, ValueError, re.error) as error:
            said = f"schema.yaml: the service cannot keep {check!r} of the column {name!r}"
            raise ProjectError(f"{said} ({error!r})") from error
    # A file has true and false in several spellings, and a schema that comes of it in one.
    values = column.get("isin") or ["other"]
    truth = dtype.startswith("str") and {*map(str, values)} <= {*BOOLEANS.values()}
    spelled = BeforeValidator(_spelled, json_schema_input_type=bool | str)
    rules = [spelled, *last] if truth else last
    return Annotated[kind, *rules] if rules else kind


def _spelled(value: Any) -> Any:
    return BOOLEANS.get(str(value).strip().casefold(), value)


def _base(dtype: str, missing: list[str]) -> tuple[Any, list[Any]]:
    """Return what JSON has for a dtype, None where nothing is plain, and rules after the others."""
    if re.fullmatch(r"float(32|64)", dtype, re.IGNORECASE):
        return Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST)], []
    if re.fullmatch(r"u?int(8|16|32|64)", dtype, re.IGNORECASE):
        limits = np.iinfo(dtype.lower())
        return int, _rule(lambda v: limits.min <= v <= limits.max, f"fit {dtype}")
    if dtype in ("bool", "boolean"):
        return bool, []
    if dtype.startswith("datetime64") and "," not in dtype:
        words = "be an ISO 8601 date, or date and time"
        text = _rule(re.compile(ISO_8601).match, words, pattern=ISO_8601)
        return Annotated[str, *text, AfterValidator(_moment)], []
    if dtype.startswith("str"):
        # In a file these texts and the empty one stand for "no value", which JSON calls null.
        return Annotated[str, Field(min_length=1)], missing and CHECKS["notin"](missing)
    return None, []


def _moment(text: str) -> datetime:
    """Read a date as `io.cells` does: in UTC, without a zone."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _moments(value: Any) -> Any:
    """Read the dates in what a check says; YAML may have read them already."""
    if isinstance(value, dict):
        return {key: _moments(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_moments(one) for one in value]
    return value if isinstance(value, bool) else _moment(str(value))
