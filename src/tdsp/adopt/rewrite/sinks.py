"""Which calls take a path, and which of them write or destroy."""

import re
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite.layout import words
from tdsp.adopt.rewrite.walk import dotted

# The last part of a call's name is enough: its argument also has to be the path of a file.
READS = re.compile(
    r"open(_\w+)?|read(_\w+)?|load(_\w+|s?txt)?|scan_\w+|genfromtxt|fromfile|imread|exists|is_?file|"
    r"is_?dir|getsize|getmtime|listdir|walk|scandir|ExcelFile|HDFStore|File|Dataset|ZipFile|Booster|"
    r"image|send_file|send_from_directory|parse|fileConfig|flow_from_directory|ImageFolder|"
    r"image_dataset_from_directory|run_path|from_(file|csv|json|yaml)|csv|json|parquet|"
    r"StaticFiles|Jinja2Templates|FileSystemLoader|memmap|TabularDataset|KeyedVectors|local_css|"
    r"get_sheet_by_name|load_workbook|ImageDataGenerator|stat|SQLContext|FileResponse|local_file"
)
WRITES = re.compile(
    r"to_(csv|excel|parquet|json|pickle|feather|html|hdf|file|stata|latex|markdown|disk|netcdf)|"
    r"save(_\w+|fig|txt|z|z_compressed)?|dump|imwrite|imsave|write_(\w+)|makedirs|mkdir|"
    r"ExcelWriter|FileHandler|RotatingFileHandler|TimedRotatingFileHandler|basicConfig|export_\w+|"
    r"plot_model|SummaryWriter|ModelCheckpoint|CSVLogger|TensorBoard|FileWriter|to_file|sink_\w+"
)
BOTH = frozenset(("copy", "copy2", "copyfile", "copytree", "rename", "move"))
DESTROYS = frozenset(
    ("rmtree", "remove", "unlink", "rmdir", "removedirs", "glob", "iglob", "rglob")
)
SECOND = frozenset(("dump", "save", "imwrite"))
LOOKS = frozenset(("makedirs", "mkdir", "exists", "isdir", "is_dir"))
KEYWORDS = words(
    "path filename file fname fp filepath filepath_or_buffer path_or_buf io excel_writer source",
    "fileobj dst src directory root model_file path_or_fileobj save_path dirname",
)
STARTS = frozenset(("system", "popen", "Popen", "run", "call", "check_call", "check_output"))
SHOWS = frozenset(("print", "info", "debug", "warning", "error", "exception", "echo", "write"))
PATH_PARTS = words(
    "exists is_file is_dir mkdir open read_text write_text read_bytes write_bytes iterdir joinpath",
    "parent parents stat touch with_suffix with_name name stem suffix resolve absolute as_posix",
    "relative_to",
)
SAME = words(
    "Path PurePath PosixPath pathlib.Path str os.fspath os.path.abspath os.path.realpath",
    "os.path.normpath abspath realpath normpath os.path.expanduser",
)
SAME_METHODS = frozenset(("resolve", "absolute", "expanduser", "as_posix"))
JOINS = frozenset(("os.path.join", "path.join", "join", "osp.join", "op.join", "posixpath.join"))
HERE = frozenset(("os.getcwd", "Path.cwd", "pathlib.Path.cwd", "Path", "pathlib.Path"))
SPLITS = frozenset(("os.path.split", "path.split", "osp.split", "op.split"))
UPS = frozenset(("os.path.dirname", "path.dirname", "dirname", "osp.dirname", "op.dirname"))


def name_of(call: cst.Call) -> str:
    """Return the last part of the name of what is called."""
    if isinstance(call.func, cst.Attribute):
        return call.func.attr.value
    return call.func.value if isinstance(call.func, cst.Name) else ""


def destroys(call: cst.Call) -> bool:
    """Tell whether a call removes files, or gathers them: `remove` of a list does not."""
    return name_of(call) in DESTROYS or dotted(call.func) in {"os.remove", "remove"}


def is_join(call: cst.Call) -> bool:
    """Tell whether a call puts paths together: `join` of a text does not."""
    return dotted(call.func) in JOINS


def path_arguments(call: cst.Call) -> list[cst.BaseExpression]:
    """Return the arguments of a call that are paths of files to read or to write."""
    name = name_of(call)
    if not (READS.fullmatch(name) or WRITES.fullmatch(name) or name in BOTH):
        return []
    found: list[cst.BaseExpression] = []
    position = 0
    for each in call.args:
        if each.star:
            continue
        if each.keyword is not None:
            if each.keyword.value in KEYWORDS:
                found.append(each.value)
            continue
        if position == 0 or (position == 1 and (name in SECOND or name in BOTH)):
            found.append(each.value)
        position += 1
    return found


def writes(call: cst.Call) -> bool:
    """Tell whether a call makes the file that it names."""
    name = name_of(call)
    if name != "open":
        return bool(WRITES.fullmatch(name))
    mode: Any = None
    for number, each in enumerate(call.args):
        if (each.keyword is None and number == 1) or (
            each.keyword is not None and each.keyword.value == "mode"
        ):
            mode = each.value
    value = mode.evaluated_value if isinstance(mode, cst.SimpleString) else ""
    return isinstance(value, str) and bool(set("wax") & set(value))


def takes_path(name: str) -> bool:
    """Tell whether a call of this name takes a path first."""
    known = READS.fullmatch(name) or WRITES.fullmatch(name)
    return (bool(known) and name not in SECOND) or name in {"Path", "join"}
