"""Who reads, writes and names which file, from calls with paths that can be worked out."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tdsp.reading.python import NOTHING, Call, Module, Single, Value

READS = frozenset(
    [
        "read_csv",
        "read_table",
        "read_excel",
        "read_json",
        "read_parquet",
        "read_feather",
        "read_pickle",
        "read_hdf",
        "read_sql",
        "read_stata",
        "read_sas",
        "read_fwf",
        "read_xml",
        "read_html",
        "read_spss",
        "read_orc",
        "scan_csv",
        "scan_parquet",
        "read_file",
        "load",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "imread",
        "imread_collection",
        "load_model",
        "load_weights",
        "load_img",
        "load_dataset",
        "from_csv",
        "from_file",
        "loadmat",
        "read_text",
        "read_bytes",
        "load_npz",
        "listdir",
        "scandir",
        "glob",
        "rglob",
        "iglob",
        "iterdir",
        "ImageFolder",
        "flow_from_directory",
        "image_dataset_from_directory",
        "connect",
        "ZipFile",
        "load_state_dict",
        "restore",
        "safe_load",
        "parse",
        "loadarff",
        "open_dataset",
        "textFile",
        "make_csv_dataset",
        "TabularDataset",
        "walk",
        "exists",
        "isfile",
        "getsize",
        "from_pretrained",
        "SQLiteDatabase",
        "load_workbook",
    ]
)
WRITES = frozenset(
    [
        "to_csv",
        "to_excel",
        "to_json",
        "to_parquet",
        "to_feather",
        "to_pickle",
        "to_hdf",
        "to_stata",
        "to_html",
        "to_markdown",
        "to_latex",
        "to_file",
        "savefig",
        "save",
        "save_model",
        "save_weights",
        "savetxt",
        "savez",
        "savez_compressed",
        "dump",
        "imsave",
        "imwrite",
        "write_text",
        "write_bytes",
        "write_image",
        "write_html",
        "write_csv",
        "write_parquet",
        "savemat",
        "export_text",
        "export_graphviz",
        "sink_csv",
        "save_pretrained",
        "to_disk",
        "mkdir",
        "makedirs",
        "write_json",
        "ModelCheckpoint",
        "FileHandler",
        "CSVLogger",
    ]
)
OPENS = frozenset({"open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"})
OPENS_METHOD = "open"
COPIES = frozenset({"shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move", "os.rename"})
JOINS = frozenset({"os.path.join", "posixpath.join", "path.join", ".joinpath", "join"})
SAME = frozenset(
    [
        "os.path.abspath",
        "os.path.normpath",
        "os.path.realpath",
        "os.path.expanduser",
        "str",
        "Path",
        "pathlib.Path",
        "PurePath",
        "pathlib.PurePath",
        "os.fspath",
        "Path.cwd",
    ]
)
HERE = "\0/"  # before a path that starts at the root of the repository
LIMIT = 8


@dataclass(frozen=True, slots=True)
class Use:
    """A path in a call: `how` is reads or writes; after HERE stands a path from the root."""

    path: str
    how: str
    line: int
    call: str


def uses(module: Module) -> Iterator[Use]:
    """Yield the paths that a module hands to calls that read or write."""
    names = _constants(module)
    names["__file__"] = [Single(constant=HERE + module.path)]
    for call in module.calls:
        for value, how in _paths(call):
            for path in _texts(value, names):
                yield Use(path, how, call.line, call.name)


def _constants(module: Module) -> dict[str, list[Value]]:
    """Return what each name, attribute and default argument may be, if it is told in the file."""
    found: dict[str, list[Value]] = {}
    for each in module.assigns:
        if len(each.targets) == 1 and each.targets[0] and not each.augmented:
            found.setdefault(each.targets[0], []).append(each.value)
    return found


def _paths(call: Call) -> Iterator[tuple[Value, str]]:
    method = call.method
    if call.name in OPENS or method == OPENS_METHOD:
        yield from _opened(call)
    elif call.name in COPIES and len(call.args) > 1:
        yield call.args[0], "reads"
        yield call.args[1], "writes"
    elif method in WRITES:
        for each in (*call.args[:2], *call.keywords.values()):
            yield each, "writes"
        if call.receiver is not None and method in {"write_text", "write_bytes", "mkdir"}:
            yield call.receiver, "writes"
    elif method in READS:
        for each in (*call.args[:2], *call.keywords.values()):
            yield each, "reads"
        if call.receiver is not None:
            yield call.receiver, "reads"


def _opened(call: Call) -> Iterator[tuple[Value, str]]:
    is_method = call.name not in OPENS and not call.name.endswith("Image.open")
    mode = call.get("mode", 1)
    if is_method and call.receiver is not None and call.receiver.name not in {"Image", "PIL.Image"}:
        first = call.args[0].constant if call.args else "r"
        text = first if isinstance(first, str) and len(first) < 4 else "r"
        how = "writes" if set(text) & set("wax") else "reads"
        yield call.receiver, how
    text = mode.constant if mode is not None and isinstance(mode.constant, str) else "r"
    if call.args or "file" in call.keywords:
        target = call.get("file", 0)
        if target is not None:
            yield target, "writes" if set(text) & set("wax") and len(text) < 4 else "reads"


def _texts(value: Value, names: dict[str, list[Value]], depth: int = 0) -> list[str]:
    """Return the texts that an expression may be; nothing where it cannot be told."""
    if depth > LIMIT:
        return []
    if value.constant is not NOTHING:
        return [value.constant] if isinstance(value.constant, str) else []
    if value.kind in {"name", "attribute"} and value.name in names:
        return [t for each in names[value.name][:4] for t in _texts(each, names, depth + 1)][:8]
    if value.kind == "attribute" and value.keys and value.base is not None:
        if value.keys[0] == "parent":
            return [posixpath.dirname(t) for t in _texts(value.base, names, depth + 1)]
        # `self.config.path` of a class that says `path = "x.csv"`
        given = names.get(value.keys[0], ())
        return [text for each in given[:2] for text in _texts(each, names, depth + 1)]
    if value.kind == "subscript" and value.base is not None:
        return _parents(value, names, depth)
    if value.call is not None:
        return _called(value.call, names, depth)
    if value.kind == "binary" and len(value.items) == 2:
        left = _texts(value.items[0], names, depth + 1)
        right = _texts(value.items[1], names, depth + 1)
        both = [(a, b) for a in left for b in right]
        return [f for a, b in both for f in (a + b, posixpath.join(a, b))][:16]
    if value.kind == "items":
        return [text for each in value.items[:20] for text in _texts(each, names, depth + 1)][:20]
    return []


def _parents(value: Value, names: dict[str, list[Value]], depth: int) -> list[str]:
    """Return what `Path(__file__).parents[2]` is, or the value under a key of a dictionary."""
    base = value.base
    if base is not None and base.kind == "attribute" and base.keys == ("parents",):
        index = value.items[0].constant if value.items else NOTHING
        if isinstance(index, int) and base.base is not None and 0 <= index < 9:
            found = _texts(base.base, names, depth + 1)
            for _ in range(index + 1):
                found = [posixpath.dirname(text) for text in found]
            return found
    return []


def _called(call: Call, names: dict[str, list[Value]], depth: int) -> list[str]:
    if call.name in JOINS and call.args:
        parts = call.args
        if call.name == ".joinpath" and call.receiver is not None:
            parts = (call.receiver, *parts)
        found = [""]
        for part in parts:
            texts = _texts(part, names, depth + 1)
            found = [posixpath.join(a, b) for a in found for b in texts][:8]
        return found
    if call.name in {"os.path.dirname", "path.dirname"} and call.args:
        return [posixpath.dirname(text) for text in _texts(call.args[0], names, depth + 1)]
    if call.name in {"os.getcwd", "Path.cwd", "pathlib.Path.cwd"}:
        return ["."]
    if call.name in SAME and call.args:
        return _texts(call.args[0], names, depth + 1)
    if call.method in {"resolve", "absolute", "as_posix", "format"} and call.receiver is not None:
        return _texts(call.receiver, names, depth + 1)
    if call.method == "add_argument":
        return []
    return _texts(call.args[0], names, depth + 1) if call.name in OPENS and call.args else []


R_USE = re.compile(
    r"\b(read\w*(?:\.\w+)?|fread|load|source|readRDS|write\w*(?:\.\w+)?|fwrite|saveRDS|save|ggsave|"
    r"png|pdf|jpeg)\s*\([^()\n]*?[\"']([^\"'\n]+\.\w+)[\"']"
)


def r_uses(text: str) -> Iterator[Use]:
    """Yield the paths that R code reads and writes."""
    for match in R_USE.finditer(text):
        word = match[1].lower()
        writes = word.startswith(("write", "fwrite", "save", "ggsave", "png", "pdf", "jpeg"))
        line = text.count("\n", 0, match.start()) + 1
        yield Use(match[2], "writes" if writes else "reads", line, match[1])
