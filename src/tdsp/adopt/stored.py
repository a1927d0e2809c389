"""Large data leave git for DVC: pushed to a remote, read back from there, and only then untracked.

All of it happens in a scratch repository, so an interruption costs nothing: the commit is made when
every file that came back from the remote has the bytes that git, or the disk, has here. Git's
history keeps what it had.
"""

import configparser
import os
import posixpath
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tdsp.adopt import ignores
from tdsp.adopt.gitwork import LINK, PLAIN, Entry, Git, Tree
from tdsp.adopt.large import address
from tdsp.adopt.manifest import Manifest
from tdsp.adopt.pipeline import dvc
from tdsp.adopt.plan import Plan
from tdsp.adopt.tree import shown
from tdsp.errors import TdspError
from tdsp.reading.git import OFF

DATA = """Adopt: large data go to DVC

Git keeps a pointer to each file. What the remote has was read back, and compared with what git
had, which is in the history still. `dvc pull --allow-missing` brings the files. Made by
`tdsp adopt`.
"""
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".dvc", ".lock", ".gitignore", ".dvcignore")
MOST = 1_000_000  # bytes of a file that may be a setting of DVC
AT_ONCE = 300  # files in one call of a program


@dataclass(frozen=True)
class Store:
    """A scratch repository, in which DVC works: `data` is place -> blob of each large file."""

    git: Git
    plan: Plan
    program: str
    top: Path
    data: dict[str, str]

    @property
    def tree(self) -> Path:
        """Return the top of the scratch repository."""
        return self.top / "tree"

    @property
    def project(self) -> Path:
        """Return the project's folder in it."""
        return self.tree / self.plan.subdirectory

    @property
    def names(self) -> list[str]:
        """Return the large files as paths from the project's folder."""
        before = f"{self.plan.subdirectory}/" if self.plan.subdirectory else ""
        return [path.removeprefix(before) for path in self.data]

    def dvc(self, *words: str) -> None:
        """Run DVC in the project's folder. Raises TdspError with its words."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env = kept | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.top / "site")}
        done = subprocess.run(
            [self.program, *words], cwd=self.project, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            lines = done.stderr.decode(errors="replace").splitlines()
            errors = [each.removeprefix("ERROR: ") for each in lines if each.startswith("ERROR: ")]
            said = (errors or lines or ["it gives no reason"])[-1].rstrip(":")
            said += f" ({errors[0]})" if errors[1:] else ""  # the first says why, the last what
            said = said.replace(str(self.tree), ".")
            raise TdspError(
                f"`dvc {words[0]}` failed: {said[:500]}; the data stay in git, nothing was changed;"
                " `large:` and `remote:` in plan.yaml say what goes where"
            )


def check(git: Git, plan: Plan, tree: Tree) -> None:
    """Raise TdspError for large files that are not here as the plan has them."""
    if not plan.remote:
        return
    dvc("large data go to DVC", "plan without --dvc")
    address(plan.remote, git.root)
    items = {each.path: each for each in plan.items}
    before = f"{plan.subdirectory}/" if plan.subdirectory else ""
    for path in plan.large:
        if not path.startswith(before):
            raise TdspError(f"{shown(path)} is outside of {plan.subdirectory}: correct `large:`")
        item, here = items.get(path), git.root / path
        if item is not None and (not item.target or item.edits or tree[path].mode == LINK):
            what = "is a link, edited, or no longer tracked"
            raise TdspError(f"{shown(path)} {what}, so it cannot go to DVC: correct `large:`")
        if here.is_symlink() or not here.is_file():
            raise TdspError(f"{shown(path)} is no file here: correct `large:` in plan.yaml")
    tracked = [path for path in plan.large if path in items]
    sizes = git.sizes(tree[path].blob for path in tracked)
    for path in tracked:
        if (git.root / path).stat().st_size != sizes[tree[path].blob]:
            raise TdspError(
                f"{shown(path)} has other bytes on disk than in git (line ends, or a filter such as"
                " Git LFS), so it cannot go to DVC: take it out of `large:` in plan.yaml"
            )


def places(plan: Plan) -> dict[str, str]:
    """Return the path of each large file after the adoption -> its path before."""
    targets = {each.path: each.target for each in plan.items}
    return {targets.get(path, path): path for path in plan.large} if plan.remote else {}


def take_out(
    git: Git, plan: Plan, done: Manifest, tree: Tree, say: Callable[[str], None]
) -> tuple[Tree, Manifest]:
    """Return tree and manifest with the large files in DVC, all of them, proven."""
    say("Bringing large data to DVC")
    data, came = {}, places(plan)
    for place, path in came.items():
        data[place] = tree[place].blob if place in tree else _hashed(git, git.root, [path])[0]
    with tempfile.TemporaryDirectory(prefix="tdsp-dvc-") as folder:
        store = Store(git, plan, dvc(), Path(folder), data)
        before = _scratch(store, tree)
        _with_remote(store, tree, before, done)
        for place, path in came.items():
            target = store.tree / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if place in tree:
                git.save(tree[place].blob, target)
            else:
                shutil.copyfile(git.root / path, target)
        for names in _parts(store.names):
            store.dvc("add", "--", *names)
        say("Reading the data back from the remote")
        pointers = [f"{name}.dvc" for name in store.names]
        for names in _parts(pointers):
            store.dvc("push", "--", *names)
        _forget(store)
        for names in _parts(pointers):
            store.dvc("pull", "--", *names)
        _same(store)
        made = _made(store, tree)
    after = {path: entry for path, entry in tree.items() if path not in data} | made
    _ignored(git, after, data)
    return after, _listed(done, tree, after, data)


def _parts(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]


def _scratch(store: Store, tree: Tree) -> bool:
    """Make the scratch repository with DVC's settings; tell whether the project had any."""
    small = {
        path: entry for path, entry in tree.items()
        if path not in store.data and entry.mode != LINK
        and (path.endswith(SETTINGS) or "/.dvc/" in f"/{path}")
    }  # fmt: skip
    sizes = store.git.sizes(each.blob for each in small.values())
    store.git.export({p: e for p, e in small.items() if sizes[e.blob] < MOST}, store.tree)
    store.project.mkdir(parents=True, exist_ok=True)
    words = ["git", *OFF, "init", "--quiet", str(store.tree)]
    subprocess.run(words, check=True, capture_output=True)
    if (store.project / ".dvc/config").is_file():
        return True
    store.dvc("init", *(["--subdir"] if store.plan.subdirectory else []))
    return False


def _with_remote(store: Store, tree: Tree, before: bool, done: Manifest) -> None:
    """Let DVC know the remote: in its settings, and for the scratch in those of this machine."""
    place = address(store.plan.remote, store.git.root)
    real = store.git.root / store.plan.subdirectory / ".dvc"
    settings = _read(store.project / ".dvc/config")
    known = {name[len("'remote \"") : -2]: name for name in settings if "remote " in name}
    default = settings.get("core", "remote", fallback="")
    path = posixpath.join(store.plan.subdirectory, ".dvc/config")
    theirs = before and path not in done.added
    local = _read(real / "config.local") if theirs else _settings()
    if place in known and theirs:
        if place != default:
            raise TdspError(f"the remote {place} is not the default one of .dvc/config: make it so")
        name = place
    elif theirs and default:
        raise TdspError(f".dvc/config has a default remote: `--dvc {default}` takes it")
    elif "://" not in place and not Path(place).is_absolute():
        raise TdspError(f".dvc/config has no remote {place}: name a folder, with its path, or an"
                        " address such as s3://bucket/data")  # fmt: skip
    else:
        if default:
            name = default  # the template's: a place that waits for a better one
            store.dvc("remote", "modify", name, "url", place)
        else:
            name = "adopted" if "data" in known else "data"
            store.dvc("remote", "add", "--default", name, place)
    section = f"'remote \"{name}\"'"
    url = local.get(section, "url", fallback="") or settings.get(section, "url", fallback="")
    url = url if name == place else place
    full = url if "://" in url else os.path.normpath(real / url)
    for title, key, value in ((section, "url", full), ("cache", "dir", str(store.top / "cache"))):
        if not local.has_section(title):
            local.add_section(title)
        local[title][key] = value
    with (store.project / ".dvc/config.local").open("w", encoding="utf-8") as file:
        local.write(file)


def _settings() -> configparser.RawConfigParser:
    found = configparser.RawConfigParser(strict=False)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    return found


def _read(path: Path) -> configparser.RawConfigParser:
    found = _settings()
    try:
        found.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise TdspError(f"{path.name} of .dvc cannot be read: {error}") from error
    return found


def _forget(store: Store) -> None:
    """Remove all that is here of the data, so that it can come from the remote alone."""
    shutil.rmtree(store.top / "cache", ignore_errors=True)
    shutil.rmtree(store.project / ".dvc/cache", ignore_errors=True)
    for place in store.data:
        (store.tree / place).unlink()


def _same(store: Store) -> None:
    """Raise TdspError unless what came back is what git, or the disk, has."""
    found = _hashed(store.git, store.tree, list(store.data))
    for (place, blob), now in zip(store.data.items(), found, strict=True):
        if blob != now:
            raise TdspError(f"{shown(place)} came back from the remote with other bytes:"
                            " nothing was changed, the data stay in git")  # fmt: skip


def _hashed(git: Git, folder: Path, paths: list[str]) -> list[str]:
    """Return the blob ids that files on disk would have, without filters."""
    found: list[str] = []
    for names in _parts(paths):
        words = ("hash-object", "--no-filters", "--", *(str(folder / each) for each in names))
        found += git.run(*words).decode().split()
    return found


def _made(store: Store, tree: Tree) -> Tree:
    """Return what DVC has written beside the data: pointers, settings, and lists of ignored."""
    made: Tree = {}
    settings = posixpath.join("/", store.plan.subdirectory, ".dvc")
    passing = ("/.git/", *(f"{settings}/{each}" for each in ("cache/", "tmp/", "config.local")))
    for path in sorted(store.tree.rglob("*")):
        name = path.relative_to(store.tree).as_posix()
        ours = name in store.data or f"/{name}".startswith(passing)
        if ours or not path.is_file():
            continue
        old = tree.get(name)
        blob = store.git.store(path.read_bytes())
        if old is None or old.blob != blob:
            made[name] = Entry(old.mode if old else PLAIN, blob)
    return made


def _ignored(git: Git, after: Tree, data: Iterable[str]) -> None:
    """Raise TdspError unless git ignores the data from now on, and none of their pointers."""
    rules = {
        path: git.blob(entry.blob) for path, entry in after.items()
        if posixpath.basename(path) == ".gitignore" and entry.mode != LINK
    }  # fmt: skip
    wanted = list(data)
    names = [*wanted, *(f"{each}.dvc" for each in wanted)]
    found = ignores.hidden(rules, dict.fromkeys(names, Entry(PLAIN, "")))
    for place in wanted:
        if place not in found:
            raise TdspError(f"git would not ignore {shown(place)}; nothing was changed")
        if f"{place}.dvc" in found:
            rule = found[f"{place}.dvc"]
            raise TdspError(f"the rule {rule} in .gitignore hides {shown(place)}.dvc: change it")


def _listed(done: Manifest, tree: Tree, after: Tree, data: Iterable[str]) -> Manifest:
    """Return the manifest with the data in DVC, and with what that has added and changed."""
    gone = set(data)
    changed = {path for path in tree.keys() & after.keys() if tree[path] != after[path]}
    done = done.merged(after, changed)
    files = tuple(
        replace(each, fate="dvc") if each.target in gone and each.path else each
        for each in done.files
    )
    return replace(done, files=files, added=(*done.added, *sorted(after.keys() - tree.keys())))
