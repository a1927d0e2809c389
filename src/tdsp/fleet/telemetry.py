"""`telemetry.json`: what a running service reports of itself, as a file that its project keeps.

All values but source and time may be missing. What is missing was not reported; it is never 0.
"""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tdsp.fleet.snapshot import Telemetry

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Time: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class Reported(BaseModel):
    """The file: one object. Shares are from 0 to 1, `p95_ms` is in milliseconds."""

    model_config = ConfigDict(extra="forbid", strict=True, title="telemetry.json")

    source: Word = Field(description="what measured it, such as Azure Monitor or Prometheus")
    time: Word = Field(description="when it was measured, in ISO form with its zone")
    availability: Share | None = Field(None, description="share of requests or probes answered")
    error_rate: Share | None = Field(None, description="share of requests that failed")
    p95_ms: Amount | None = Field(None, description="95 % of answers took at most this long")
    predictions_a_day: Amount | None = Field(None, description="mean of the last 7 days")
    drift: Word | None = Field(None, description="the verdict of the last drift check")
    quota_used: Share | None = Field(None, description="share of the quota of compute in use")
    cost_this_month: Amount | None = Field(None, description="since the first of the month")
    currency: str = Field("", pattern=r"^([A-Z]{3})?$", description="ISO 4217, with a cost")


def read(text: str) -> tuple[Telemetry | None, str]:
    """Return (what the file reports, ""), or (None, what is wrong with it)."""
    try:
        given = Reported.model_validate_json(text)
        Time.validate_python(given.time)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        return None, f"{place}: {first['msg']}"
    if given.cost_this_month is not None and not given.currency:
        return None, "currency: a cost needs its currency, such as EUR"
    return Telemetry(**given.model_dump()), ""


def schema() -> str:
    """Return the JSON schema of the file."""
    found: dict[str, Any] = Reported.model_json_schema()
    return json.dumps(found, indent=2)
