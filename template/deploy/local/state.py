"""What runs locally, in a file: from it the next command knows where a killed one stopped."""

import os
from pathlib import Path

from pydantic import BaseModel

Upstreams = dict[str, list[int]]


class Version(BaseModel):
    """A copy of a project, and the ports of its instances that answer."""

    name: str
    model: str
    ports: list[int] = []


class State(BaseModel):
    """The version in service, the one that comes, the one before; who gets how much."""

    port: int = 8080
    instances: int = 2
    live: Version | None = None
    new: Version | None = None
    before: Version | None = None
    mixed: bool = False  # the instances of both take turns: ramped
    weight: int = 0
    mirror: int = 0

    def versions(self) -> list[Version]:
        """Return those that there are."""
        return [version for version in (self.live, self.new, self.before) if version]

    def upstreams(self) -> tuple[Upstreams, int]:
        """Return the ports by `live` and `new`, and the share of the traffic that `new` gets."""
        live = self.live.ports if self.live else []
        new = self.new.ports if self.new else []
        if self.mixed:
            return {"live": [*live, *new]}, 0
        found = {name: ports for name, ports in (("live", live), ("new", new)) if ports}
        return found, self.weight if new else 0


def read(path: Path) -> State:
    """Read the state; without a file nothing runs."""
    try:
        return State.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()


def write(state: State, path: Path) -> None:
    """Write the state, all or nothing."""
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(state.model_dump_json(indent=2))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
