"""A fleet past one machine: shards by a stable hash, merged to what one run would have written."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tdsp.errors import TdspError
from tdsp.fleet.snapshot import Snapshot

if TYPE_CHECKING:
    from tdsp.fleet.config import Target

SHARD = re.compile(r"(\d{1,4})/(\d{1,4})")
MOST = {"github": 256, "gitlab": 200, "azure": 256, "kubernetes": 1000}


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `index` of `total`, counted from 1."""

    index: int
    total: int

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"


def of(name: str, total: int) -> int:
    """Return the shard of a repository, from 1. It changes for no other repository's sake."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % total + 1


def shard(text: str, env: Mapping[str, str] = os.environ) -> Shard | None:
    """Read `i/n`, or `auto`: what CI, Kubernetes or Slurm say; None for "".

    Raises TdspError for anything else.
    """
    if not text:
        return None
    if text == "auto":
        return _told(env)
    match = SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise TdspError(f"--shard is i/n with 1 ≤ i ≤ n, such as 3/16, or auto; not {text}")
    return Shard(int(match[1]), int(match[2]))


def _told(env: Mapping[str, str]) -> Shard:
    """Return the shard by the variables of Kubernetes, GitLab and others, Azure, or Slurm."""
    known = (
        ("JOB_COMPLETION_INDEX", "FLEET_SHARDS", 0),
        ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
        ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1),
        ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", 0),
    )
    for index, total, first in known:
        if index not in env:
            continue
        if total not in env:
            raise TdspError(f"--shard auto: {index} is set, {total} is not: set both")
        start = int(env.get("SLURM_ARRAY_TASK_MIN", "0")) if index.startswith("SLURM") else first
        try:
            return _checked(int(env[index]) - start + 1, int(env[total]))
        except ValueError:
            raise TdspError(
                f"--shard auto: {index}={env[index]}, {total}={env[total]} are no part of a whole"
            ) from None
    names = ", ".join(f"{index} and {total}" for index, total, _ in known)
    raise TdspError(f"--shard auto needs one of these pairs of variables: {names}")


def _checked(index: int, total: int) -> Shard:
    if not 1 <= index <= total:
        raise ValueError
    return Shard(index, total)


def part(targets: "list[Target]", wanted: Shard | None) -> "list[Target]":
    """Return the repositories of a shard; all of them without one."""
    if wanted is None:
        return targets
    return [each for each in targets if of(each.name, wanted.total) == wanted.index]


def merge(parts: list[tuple[str, Snapshot]]) -> Snapshot:
    """Put shards together. Raises TdspError for a shard that is missing, doubled or foreign.

    `parts` are snapshots with the names of their files, for the messages.
    """
    if not parts:
        raise TdspError("there is nothing to merge")
    _check_alike(parts)
    total = parts[0][1].shards or 1
    found: dict[int, str] = {}
    for origin, snapshot in parts:
        if (other := found.get(snapshot.shard)) is not None:
            raise TdspError(f"{origin} and {other} are both shard {snapshot.shard}/{total}")
        found[snapshot.shard] = origin
        for row in snapshot.rows:
            if of(row.name, total) != snapshot.shard:
                raise TdspError(
                    f"{origin} is shard {snapshot.shard}/{total}, {row.name} is not of it"
                )
    if missing := [str(index) for index in range(1, total + 1) if index not in found]:
        raise TdspError(f"of {total} shards these are missing: {', '.join(missing)}")
    rows = sorted((row for _, each in parts for row in each.rows), key=lambda row: row.name)
    problems = tuple(dict.fromkeys(line for _, each in parts for line in each.problems))
    first = parts[0][1]
    return replace(first, rows=tuple(rows), problems=problems, shard=0, shards=0)


def _check_alike(parts: list[tuple[str, Snapshot]]) -> None:
    origin, first = parts[0]
    for other, each in parts:
        if not each.shards:
            raise TdspError(f"{other} is a whole snapshot and no shard")
        for name in ("shards", "taken", "tdsp", "release", "released", "fleet"):
            mine, theirs = getattr(first, name), getattr(each, name)
            if mine != theirs:
                raise TdspError(
                    f"{origin} and {other} are of different runs: {name} is {mine} and {theirs}"
                )


def count(platform: str, asked: int) -> int:
    """Return a number of shards. Raises TdspError when the platform does not take as many."""
    if not 1 <= asked <= MOST[platform]:
        raise TdspError(f"{platform} takes 1 to {MOST[platform]} jobs, not {asked}")
    return asked
