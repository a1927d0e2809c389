"""What a file is, told by its bytes; its name decides only where bytes cannot."""

import json
import pickletools
import re

from tdsp.adopt.tree import LFS
from tdsp.reading.files import MODELS, File
from tdsp.reading.python import Module
from tdsp.reading.repository import Repository

MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image"), (b"\xff\xd8\xff", "image"), (b"GIF8", "image"),
    (b"II*\0", "image"), (b"MM\0*", "image"), (b"BM", "image"), (b"\0\0\1\0", "image"),
    (b"%PDF", "pdf"), (b"\x7fELF", "program"), (b"MZ", "program"), (b"\xcf\xfa\xed\xfe", "program"),
    (b"PAR1", "table"), (b"ARROW1", "table"), (b"FEA1", "table"),
    (b"SQLite format 3\0", "database"),
    (b"\0\0\x08\x01\0", "array"), (b"\0\0\x08\x03\0", "array"),  # as MNIST has them
    (b"\x93NUMPY", "array"), (b"\x89HDF", "hdf5"), (b"\x1f\x8b", "compressed"),
    (b"BZh", "compressed"),
    (b"\xfd7zXZ\0", "compressed"), (b"7z\xbc\xaf", "compressed"), (b"Rar!", "compressed"),
    (b"\xd0\xcf\x11\xe0", "office"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
    (b".snd", "media"), (b"MThd", "media"),
    (b"ID3", "media"), (b"OggS", "media"), (b"fLaC", "media"), (b"\x1aE\xdf\xa3", "media"),
)  # fmt: skip
EMPTY = ("__init__.py", ".gitkeep")
PLAIN = frozenset(("os", "sys", "pathlib", "logging", "shutil", "argparse", "json", "typing"))
SUFFIXES = {
    "source": ".c .cc .cpp .cxx .h .hh .hpp .java .scala .go .rs .m .jl .f .f90 .f95 .cu .cuh .cl"
    " .cs .rb .pl .pm .lua .kt .kts .dart .swift .ino .pde .vb .vbs .bas .vba .hs .sas .do .ado"
    " .stan .bug .jags .wl .mlx .proto .thrift .pyx .pxd .fcl .praat .groovy .clj .erl .ex .exs"
    " .fs .fsx .ml .mli .nim .zig .pas .v .sv .vhd .asm .glsl .metal .sol .tcl .mm .mq5",
    "stub": ".pyi",
    "web": ".html .htm .xhtml .css .scss .sass .less .js .jsx .ts .tsx .mjs .cjs .vue .svelte"
    " .astro .woff .woff2 .ttf .otf .eot .map .jinja .jinja2 .j2 .mustache .hbs .ejs .pug .erb .php"
    " .jsp .aspx .wasm .webmanifest .kv",
    "image": ".png .jpg .jpeg .jfif .gif .bmp .tif .tiff .svg .webp .ico .eps .dot .gv .pgm .ppm"
    " .psd .xcf .heic .avif .emf .wmf",
    "media": ".wav .mp3 .mp4 .avi .mov .ogg .flac .webm .m4a .au .aiff .aif .mid .mpg .mpeg .mkv"
    " .m4v .wmv .flv .aac .wma .opus .amr",
    "r": ".r .rmd .qmd .rnw", "sql": ".sql .sqlx .ddl .hql",
    "shell": ".sh .bash .zsh .csh .ksh .bat .ps1 .cmd .fish .pbs .slurm .sbatch .sge .command",
    "markup": ".md .markdown .mdx .rst .tex .bib .adoc .org .textile .typ .sty .cls .bst .bbx .cbx"
    " .dbx .dtx .ins .clo",
    "yaml": ".yaml .yml", "toml": ".toml",
    "config": ".ini .cfg .conf .properties .env .example .tf .tfvars .hcl .gin .jsonnet .json5"
    " .jsonc .plist .cmake .nix .bzl .bazel .editorconfig .config .ui .pbtxt .rules", "pdf": ".pdf",
    "office": ".docx .docm .doc .pptx .pptm .ppt .odt .odp .odg .rtf .pages .key .drawio .vsdx .vsd"
    " .pbix .pbit .twbx .twb .graffle .puml .plantuml .mmd .xmind .bpmn .excalidraw .epub .djvu",
    "spreadsheet": ".xlsx .xls .ods .xlsm .xlsb .numbers",
    "table": ".csv .tsv .psv .parquet .feather .arrow .orc .avro .dta .sas7bdat .xpt .por .dbf"
    " .arff .jsonl .ndjson .libsvm .svmlight .conll .conllu .fasta .fastq .vcf .bed .gff .smi .sdf"
    " .tfrecord .tfrecords .shp .shx .geojson .gpx .kml",
    "array": ".npy .npz .mat .rds .rdata .rda .nc .fits .nii .dcm .edf",
    "database": ".db .sqlite .sqlite3 .mdb .duckdb",
    "compressed": ".gz .bz2 .xz .7z .rar .tgz .tar .zst", "zip": ".zip",
    "log": ".log",
}  # fmt: skip
BY_SUFFIX = {suffix: kind for kind, listed in SUFFIXES.items() for suffix in listed.split()}
DATA = frozenset({"table", "spreadsheet", "array", "database", "compressed", "zip"})
NUMBERS = re.compile(r"^\s*[-+]?\d[\d.eE+-]*(\s+[-+]?[\d.][\d.eE+-]*)+\s*$")
DRAWING = re.compile(r"\s*(strict\s+)?(di)?graph\b[^{]{0,200}\{")  # of Graphviz
SENTENCE = re.compile(r"\w[.!?:](\s|$)")
CODE = re.compile(r"(?m)^(import \w|from [\w.]+ import|def \w+\(|class \w+[(:]|#include|library\()")
LOGGED = re.compile(  # of a cluster, with the job's number, or of a terminal
    r"(?i)\.(job)?(log|(std)?out|(std)?err)(\.\d{3,})?$|(^|[/_-])(train(ing)?[_-])?logs?[_-]?\d*\.txt$"
)
SHEBANG = re.compile(r"#!.*\b(python|bash|sh|Rscript)")


def content_of(repo: Repository, file: File) -> str:
    """Return what a file holds, in one word."""
    if file.link:
        return "link"
    if file.head.startswith(LFS):
        return "pointer"
    if file.path in repo.python:
        module = repo.python[file.path]
        return "python" if not module.problem else "python 2" if module.python2 else "broken python"
    if file.path in repo.notebooks:
        return "broken notebook" if repo.notebooks[file.path].problem else "notebook"
    return (_by_magic(file) or _by_text(file)) if file.size else "empty"


def pointed(file: File) -> str:
    """Return what the name of a large file's pointer says that it holds."""
    known = BY_SUFFIX | {".json": "json", ".xml": "xml", ".txt": "text"}
    return "model" if file.suffix in MODELS else known.get(file.suffix, "binary")


def _by_magic(file: File) -> str:
    head, suffix = file.head, file.suffix
    if suffix in MODELS and suffix != ".pb" and _is_model(file):
        return "model"
    for magic, kind in MAGIC:
        if head.startswith(magic):
            if len(magic) < 4 and BY_SUFFIX.get(suffix) != kind and b"\0" not in head:
                continue
            return _container(kind, suffix)
    if head[:4] == b"RIFF":
        return "image" if head[8:12] == b"WEBP" else "media"
    if head[4:8] == b"ftyp":
        return "media"
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        return "model"
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not wide:
        kind = BY_SUFFIX.get(suffix, "")
        return kind if kind in {"array", "media", "table", "office", "image", "web"} else "binary"
    return ""


def _is_model(file: File) -> bool:
    kind, head = MODELS[file.suffix], file.head
    if kind == "pickle" and file.suffix == ".sav":
        return head[:1] in b"\x80(c\x78\x1f"
    return b"\0" in head or head[:1] in b"\x80(\x89\x1fP" or kind in {"keras", "catboost"}


def _container(kind: str, suffix: str) -> str:
    named = BY_SUFFIX.get(suffix, "")
    if kind in {"zip", "office", "compressed"} and named in {"spreadsheet", "office", "array"}:
        return named
    if kind == "compressed" and named == "table":
        return named
    return kind


def _by_text(file: File) -> str:
    named, text = BY_SUFFIX.get(file.suffix, ""), file.text
    if named in {
        "source",
        "stub",
        "web",
        "r",
        "shell",
        "sql",
        "markup",
        "yaml",
        "toml",
        "config",
        "log",
        "office",
    }:
        return named
    if LOGGED.search(file.path):
        return "log"
    if text is None:
        text = file.head.decode("utf-8", "replace")
    if text.lstrip().startswith("<svg") or (named == "image" and "<svg" in text[:2000]):
        return "image"
    if named == "image" and (DRAWING.match(text) or text.startswith("%!PS")):
        return "image"
    if text.lstrip()[:1] in "{[" and (file.suffix in {".json", ".geojson", ""} or named == "table"):
        return _json(file, text)
    if file.suffix == ".txt" and text.lstrip().startswith("{") and '"nbformat"' in text:
        return "notebook"
    if is_table(text, file):
        return "table"
    if match := SHEBANG.match(text):
        return {"python": "python", "Rscript": "r"}.get(match[1], "shell")
    if file.suffix in {".xml", ".json"}:
        return file.suffix[1:]
    return "text" if named in {"", "table"} or file.text is not None else named


def _json(file: File, text: str) -> str:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()[:5]
        rows = [line for line in lines if line.startswith("{") and line.rstrip().endswith("}")]
        return "table" if len(rows) > 1 or len(text) > 100_000 else "json"
    if isinstance(data, dict) and "nbformat" in data and "cells" in data:
        return "notebook"
    if isinstance(data, dict) and isinstance(data.get("learner"), dict) and "version" in data:
        return "model"  # as XGBoost writes it
    if isinstance(data, dict) and {"class_name", "config"} <= data.keys():
        return "model"  # as Keras writes what a network is built of
    listed = (
        isinstance(data, list) and len(data) > 1 and all(isinstance(e, dict) for e in data[:20])
    )
    if listed or (isinstance(data, dict) and data.get("type") == "FeatureCollection"):
        return "table"
    return "json"


def is_prose(text: str) -> bool:
    """Tell whether a text is sentences: neither a list of names, nor code, nor one line."""
    return (
        len(text.split()) >= 15 and SENTENCE.search(text) is not None and CODE.search(text) is None
    )


def is_table(text: str, file: File) -> bool:
    """Tell whether lines have one number of cells, whatever the suffix says."""
    lines = text[:8192].splitlines()
    lines = [line for line in (lines[:-1] if len(text) > 8192 or len(lines) > 2 else lines) if line]
    sample = lines[:40]
    if file.suffix in {".csv", ".tsv"}:
        return bool(lines)
    if len(sample) < 3:
        return False
    if all(NUMBERS.match(line) for line in sample[1:]):
        return True
    for mark in ",;\t|":
        counts = [line.count(mark) for line in sample]
        usual = max(set(counts), key=counts.count)
        if usual and counts.count(usual) >= 0.9 * len(counts):
            prose = sum(f"{mark} " in line for line in sample) > len(sample) / 2
            if usual > 1 or mark == "\t" or not prose:
                return not prose or usual > 3
    return False


def pickled_modules(content: bytes) -> tuple[frozenset[str], bool]:
    """Return the modules that a pickle names, and whether all of it could be read.

    The pickle is taken apart, not loaded.
    """
    found: set[str] = set()
    texts: list[str] = []
    memo: dict[int, str] = {}
    before = ""
    try:
        for code, given, _ in pickletools.genops(content):
            if code.name == "GLOBAL" and isinstance(given, str):
                found.add(given.split(" ")[0])
            elif code.name == "STACK_GLOBAL" and len(texts) > 1:
                found.add(texts[-2])
            elif code.name in {"MEMOIZE", "BINPUT", "LONG_BINPUT"}:
                place = given if isinstance(given, int) else len(memo)
                memo[place] = texts[-1] if "UNICODE" in before and texts else ""
            elif "UNICODE" in code.name:
                texts = [*texts[-3:], str(given)]
            elif code.name in {"BINGET", "LONG_BINGET"} and memo.get(int(str(given))):
                texts = [*texts[-3:], memo[int(str(given))]]
            before = code.name
    except Exception:  # joblib puts raw arrays between the instructions
        return frozenset(found), False
    return frozenset(found), True


def lays_out(module: Module) -> bool:
    """Tell whether code makes folders and the empty files of a package, and loads nothing for more.

    It has made them once, when the repository began.
    """
    plain = all(each.name.split(".")[0] in PLAIN for each in module.imports)
    makes = any(each.method in {"makedirs", "mkdir", "touch"} for each in module.calls)
    return plain and makes and any(each.value.endswith(EMPTY) for each in module.texts)
