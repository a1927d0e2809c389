"""`fleet.yml`: which repositories a fleet has, whose they are, and in which wave they change.

The file stands beside the policy, the cache and the snapshots that it names. All paths in it are
relative to its folder. An error names the file, the line, the key, and what is allowed there.
"""

import fnmatch
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from tdsp.errors import TdspError
from tdsp.people.sources import Line, Part, parse

KINDS = ("path", "glob", "url", "file", "github", "gitlab", "azure", "all-repos")
STDIN = "-"


class ListingError(TdspError):
    """A list of repositories could not be had; each line says which one, and why."""


@dataclass(frozen=True, slots=True)
class Target:
    """One repository of the fleet. `source` is an absolute path or a URL that git understands."""

    name: str
    source: str
    group: str
    owners: tuple[str, ...]
    wave: str

    @property
    def local(self) -> bool:
        """Whether it is a folder of this machine, which is read in place."""
        return Path(self.source).is_absolute()


class Strict(Part):
    """A part of the file; an unknown key is answered with the keys that there are."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            if unknown := [key for key in given if key not in names]:
                listed = ", ".join(map(str, unknown))
                raise ValueError(f"{listed}: not a key here; allowed are {', '.join(names)}")
        return given


class Azure(Strict):
    """An organisation of Azure DevOps; without projects, all of them."""

    organization: Line
    projects: tuple[Line, ...] = ()

    @field_validator("organization")
    @classmethod
    def _address(cls, value: str) -> str:
        return value if "://" in value else f"https://dev.azure.com/{value}"


class AllRepos(Strict):
    """A source module of all-repos, with its settings as all-repos documents them."""

    module: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]
    settings: dict[str, Any] = Field(default_factory=dict)


class Source(Strict):
    """Where repositories are listed: exactly one of the kinds."""

    path: Line | None = None
    glob: Line | None = None
    url: Line | None = None
    file: Line | None = None
    github: Line | None = None
    gitlab: Line | None = None
    azure: Azure | None = None
    all_repos: AllRepos | None = Field(default=None, alias="all-repos")
    name: Line | None = None
    prefix: str = ""
    exclude: tuple[Line, ...] = ()
    archived: bool = False
    ssh: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """Read a plain text as `-`, a URL or a path."""
        if not isinstance(given, str):
            return given
        if given == STDIN:
            return {"file": STDIN}
        return {"url" if is_url(given) else "path": given}

    @field_validator("azure", mode="before")
    @classmethod
    def _organization(cls, given: Any) -> Any:
        return {"organization": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if len(given := self._given()) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"exactly one of {', '.join(KINDS)} is needed, not {found}")
        if self.name and given[0] not in {"path", "url"}:
            raise ValueError("name is for one path or url; a list may have a prefix")
        if self.url and (wrong := refused(self.url)):
            raise ValueError(wrong)
        return self

    def _given(self) -> list[str]:
        return [kind for kind in KINDS if getattr(self, kind.replace("-", "_")) is not None]

    @property
    def kind(self) -> str:
        """Return which of the kinds it is."""
        return self._given()[0]

    def __str__(self) -> str:
        value = getattr(self, self.kind.replace("-", "_"))
        if isinstance(value, Azure):
            value = value.organization
        elif isinstance(value, AllRepos):
            value = value.module
        return f"{self.kind}: {value}"


class Group(Strict):
    """A team or a product: its repositories, and who answers for them."""

    owners: tuple[Line, ...] = ()
    repositories: tuple[Source, ...]


class Wave(Strict):
    """Repositories that change together, by the patterns of their names or groups."""

    name: Line
    repositories: tuple[Line, ...] = ()
    groups: tuple[Line, ...] = ()


class Template(Strict):
    """The template that the fleet follows: a path or URL, and other addresses of the same."""

    source: Line
    also: tuple[Line, ...] = ()
    release: Line | None = None


class Prometheus(Strict):
    """A Prometheus server; `select` chooses the series of a service, {name} is its repository."""

    server: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    select: Line = 'namespace="{name}"'
    project: Line = "{name}"
    config: str = ""


class Azured(Strict):
    """Resources of Azure: a managed endpoint, and what the costs of a service are added up by."""

    resource: Annotated[str, Field(pattern=r"^(/subscriptions/\S+)?$")] = ""
    cost: Annotated[str, Field(pattern=r"^(/subscriptions/\S+)?$")] = ""


class Measures(Strict):
    """Who measures the services of some repositories."""

    repositories: tuple[Line, ...]
    prometheus: Prometheus | None = None
    azure: Azured | None = None

    @model_validator(mode="after")
    def _asks(self) -> "Measures":
        if self.prometheus is None and self.azure is None:
            raise ValueError("prometheus or azure: one at least")
        return self


class Settings(Strict):
    """All of fleet.yml."""

    title: Line = "Fleet"
    owners: tuple[Line, ...] = ()
    groups: dict[Line, Group] = Field(default_factory=dict)
    repositories: tuple[Source, ...] = ()
    waves: tuple[Wave, ...] = ()
    template: Template | None = None
    measures: tuple[Measures, ...] = ()
    policy: Line | None = None
    cache: Line = ".fleet"
    snapshots: Line = "snapshots"
    telemetry: Line = "telemetry.json"
    history: bool = False
    seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    jobs: Annotated[int, Field(ge=1, le=64)] = 8

    @model_validator(mode="after")
    def _some(self) -> "Settings":
        if not self.repositories and not any(each.repositories for each in self.groups.values()):
            raise ValueError("name repositories, or groups that have them")
        names = [wave.name for wave in self.waves]
        if len(set(names)) < len(names):
            raise ValueError("waves: each name stands there once")
        known = set(self.groups)
        for wave in self.waves:
            if unknown := [name for name in wave.groups if name not in known]:
                listed = ", ".join(sorted(known)) or "none"
                raise ValueError(f"waves: no such group: {', '.join(unknown)}; there are {listed}")
        return self


@dataclass(frozen=True, slots=True)
class Listing:
    """What could be listed; `problems` has a line for each list that could not be had."""

    targets: list[Target]
    problems: list[str]


@dataclass(frozen=True)
class Fleet:
    """A fleet as its file says it; `folder` is the file's own."""

    path: Path
    settings: Settings
    shard: str = ""

    @property
    def folder(self) -> Path:
        """Return the folder that paths are relative to."""
        return self.path.parent

    def place(self, name: str) -> Path:
        """Return the absolute path of something that the file names."""
        return (self.folder / Path(name).expanduser()).resolve()

    @property
    def digest(self) -> str:
        """Return what tells the settings of one fleet from another's."""
        said = self.settings.model_dump_json(by_alias=True, exclude={"cache", "snapshots"})
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def cache(self) -> Path:
        """Return the folder of clones and of what was worked out before."""
        return self.place(self.settings.cache) / self.shard

    @property
    def updates(self) -> Path:
        """Return the folder of `tdsp fleet update`, the same one for all shards."""
        return self.place(self.settings.cache) / "update"

    def part(self, name: str) -> "Fleet":
        """Return the same fleet with a cache of its own, for a shard."""
        return replace(self, shard=name)

    @property
    def snapshots(self) -> Path:
        """Return the folder of snapshots."""
        return self.place(self.settings.snapshots)

    def listing(self) -> Listing:
        """List all repositories, each source once, sorted by name.

        A list that cannot be had costs only itself. Raises ListingError for two repositories of
        one name, and TdspError for a pattern or file that is wrong.
        """
        from tdsp.fleet.sources import listed

        found: dict[str, Target] = {}
        seen: set[str] = set()
        problems: list[str] = []
        for group, owners, source in self._sources():
            try:
                repositories, wrong = listed(source, self.folder)
            except ListingError as error:
                problems.append(str(error))
                continue
            problems += wrong
            for name, address in repositories:
                if address in seen or self._excluded(name, source):
                    continue
                if (other := found.get(name)) is not None:
                    raise TdspError(
                        f"{self.path}: two repositories have the name {name}: {other.source} and"
                        f" {address}; give one of them a name, or its list a prefix"
                    )
                seen.add(address)
                found[name] = Target(name, address, group, owners, self.wave(name, group))
        return Listing([found[name] for name in sorted(found)], problems)

    def repositories(self) -> list[Target]:
        """Return all repositories. Raises ListingError when one list could not be had."""
        listing = self.listing()
        if listing.problems:
            raise ListingError("\n".join(listing.problems))
        return listing.targets

    def wave(self, name: str, group: str) -> str:
        """Return the first wave whose patterns or groups fit, "" if none does."""
        for wave in self.settings.waves:
            by_name = any(fnmatch.fnmatchcase(name, each) for each in wave.repositories)
            if by_name or group in wave.groups:
                return wave.name
        return ""

    def _sources(self) -> list[tuple[str, tuple[str, ...], Source]]:
        settings = self.settings
        grouped = [
            (name, group.owners or settings.owners, source)
            for name, group in settings.groups.items()
            for source in group.repositories
        ]
        return grouped + [("", settings.owners, source) for source in settings.repositories]

    @staticmethod
    def _excluded(name: str, source: Source) -> bool:
        return any(fnmatch.fnmatchcase(name, each) for each in source.exclude)


def is_url(text: str) -> bool:
    """Tell a URL, or git's `user@host:path`, from a path."""
    head, found, _ = text.partition(":")
    return "://" in text or "::" in text or (bool(found) and "/" not in head and "@" in head)


def refused(url: str) -> str:
    """Say why a URL is not taken, "" for one that is."""
    scheme, found, rest = url.partition("://")
    if not url.isprintable() or " " in url or url.startswith("-") or "::" in url:
        shown = re.sub(r"//[^/]*@", "//", url)
        return f"{shown!a} is not a URL of a repository"
    if not found:
        return ""
    if scheme not in {"https", "http", "ssh", "git", "file"}:
        return f"{scheme}:// is not read; allowed are https, http, ssh, git and file"
    user, found, _ = rest.split("/", 1)[0].rpartition("@")
    if found and ":" in user:
        host = rest.split("/", 1)[0].rpartition("@")[2]
        return f"a URL of {host} holds a password: take it out; git's credential helper knows it"
    return ""


def read_fleet(path: Path) -> Fleet:
    """Read fleet.yml. Raises TdspError that names the line, the key and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TdspError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise TdspError(f"{path} cannot be read: {error.strerror}") from error
    return Fleet(path.resolve(), parse(str(path), text, Settings))
