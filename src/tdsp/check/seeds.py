"""Seeds: whether a split comes out the same again."""

import re
from collections.abc import Iterator
from pathlib import Path

from tdsp.check.flow import SPLITS
from tdsp.check.leakage import IMPORT, JUDGED, TABLE
from tdsp.check.purpose import exported
from tdsp.check.rule import Mark, broken, check, first, held, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module

SEEDED = frozenset(["KFold", "StratifiedKFold"])
ALWAYS = frozenset(
    [
        "ShuffleSplit",
        "StratifiedShuffleSplit",
        "GroupShuffleSplit",
        "RepeatedKFold",
        "RepeatedStratifiedKFold",
    ]
)


@check(
    "TR01",
    family="leakage",
    title="A split can be repeated",
    why="Without a seed each run tests other rows. Two results cannot be compared, and no result"
    " can be reproduced.",
    fix="Give random_state, as a constant or from the configuration.",
    unless="no file splits rows at random",
    severity="info",
    proves=("I1",),
    bad={"train.py": IMPORT + TABLE + "X_train, X_test = train_test_split(X)\n"},
    good={"train.py": IMPORT + TABLE + "X_train, X_test = train_test_split(X, random_state=0)\n"},
)
def seeded_split(repo: Repository) -> Iterator[Mark]:
    """Judge each random split by its random_state."""
    yield from first(_seeded(repo))


def _seeded(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules(*JUDGED):
        legacy = any(
            each.name in {"numpy.random.seed", "random.seed"} or each.method in _SEEDERS
            for each in module.calls
        )
        for call in module.calls:
            if _by_hash(module, call):
                yield held(repo, module, call.line, "a hash decides, which is the same in each run")
            if not random_split(call):
                continue
            state = call.get("random_state")
            if state is not None and state.constant is not None and not exported(module):
                yield held(repo, module, call.line, "random_state is given")
            elif exported(module) or (call.loop and not legacy):
                message = "written by a tool as a start, or drawn anew in each turn of a loop"
                yield unsure(repo, module, call.line, message)
            elif call.starred or _open(call):
                yield unsure(repo, module, call.line, "its arguments are not written here")
            elif legacy:
                yield held(repo, module, call.line, "NumPy's global seed is set in this file")
            else:
                yield broken(repo, module, call.line, f"{call.method} has no random_state")


# Python's own hash() of a text is another in each run.
HASHES = re.compile(
    r"^(pandas\.util\.hash_(array|pandas_object)|zlib\.(crc32|adler32)|farmhash\..+|mmh3\.hash\w*|"
    r"xxhash\..+|hashlib\.(md5|sha\d+|blake2[bs]))$"
)


def _by_hash(module: Module, call: Call) -> bool:
    """Tell whether a function that divides rows, by its file's name or its own, hashes them."""
    if not HASHES.match(call.name):  # few calls are, and this is asked of each
        return False
    named = f"{Path(module.path).name} {call.scope}"
    return re.search(r"(?i)split|holdout|hold_out", named) is not None


_SEEDERS = frozenset(
    ["seed_everything", "set_seed", "set_random_seed", "seed_all", "fix_seed", "seed_torch"]
)


def _open(call: Call) -> bool:
    shuffle = call.get("shuffle")
    return shuffle is not None and not isinstance(shuffle.constant, bool)


def random_split(call: Call) -> bool:
    """Tell whether a call divides rows at random."""
    if call.name in SPLITS:
        shuffle = call.get("shuffle")
        return shuffle is None or shuffle.constant is not False
    if not call.name.startswith("sklearn.model_selection."):
        return False
    if call.method in SEEDED:
        shuffle = call.get("shuffle")
        return shuffle is not None and shuffle.constant is not False
    return call.method in ALWAYS
