"""Hostile answers: refused by both engines, with a reason, and nothing is written anywhere."""

import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import prompt_for_config
from tests.render.engines import ROOT

TEXTS = ("project_name", "description", "organization", "author_name")
BAD_TEXTS = (
    *("", "   ", "\t", "a\nb", "a\rb", "a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b"),
    *("a\u202eb", "a\u2066b", "\ufeffa", "a\uffffb", "a\udc80b", "`id`", "$(id)", "${HOME}"),
    *("{{ 7*7 }}", "${{ secrets.X }}", "{% raw %}", "{# x #}", "{{", "<b>", "a > b"),
    *(" a", "a ", "\u3000a", "x" * 301),
    *("\xad", "\u2063", "\u200b", "\u3164", "\u2800", "a\u200db", "a\u200c", "\u200dक", "\ufe0f"),
    *("Churn\U000e0049\U000e0067\U000e006e", "a\ufe01\ufe02b", "葛\U000e0100\U000e0101"),
)
BAD_NAMES = ("a/b", "/etc/passwd", "..", "../evil", "a..b", "-a", "--help", ".hidden", "x" * 81)
BAD_SLUGS = (
    *("", " ", "a", "A-b", "a b", "a_b", "-a", "a-", ".a", "1a", "a.b", "a/b", "../evil", "/abs"),
    *("a\\b", "C:\\x", 'a"b', "a'b", "a\n", "a\nb", "`id`", "$(id)", "{{ 7*7 }}", "проект"),
    *("con", "nul", "com1", "lpt9", "pandas", "scikit-learn", "dvc", "x" * 51),
)
BAD_PACKAGES = (
    *("", "a", "A", "a-b", "a b", "_a", "a_", "1a", "a.b", "a/b", "../evil", "a\nb", "проект"),
    *("class", "match", "lambda", "print", "list", "test", "json", "sys", "sklearn", "pandas"),
    *("dvc", "tests", "src", "yaml", "con", "nul", "com1", "x" * 51, "{{ 7*7 }}", "os\n"),
)
BAD_EMAILS = (
    *("", " ", "a", "a@b", "@example.com", "a@", "a b@example.com", "a@example..com", "a@-b.com"),
    *("a@example.com\n", 'a"@example.com', "a@b@example.com", ".a@example.com", "a..b@example.com"),
    *("a@example.c", "<a@example.com>", "a" * 250 + "@example.com", "{{ x }}@example.com"),
)
BAD_CHOICES = {
    "license": "WTFPL",
    "python_version": "2.7",
    "problem_type": "clustering",
    "serving": "",
    "ci": "jenkins",
    "cloud": "moon",
    "tuning": "perhaps",
}
UNSURE = ("responsible_ai", "perhaps")  # its default is worked out: to cookiecutter a text
REFUSED = [
    *((name, text) for name in TEXTS for text in BAD_TEXTS),
    *(("project_name", text) for text in BAD_NAMES),
    *(("project_slug", text) for text in BAD_SLUGS),
    *(("package_name", text) for text in BAD_PACKAGES),
    *(("author_email", text) for text in BAD_EMAILS),
    UNSURE,
]
COMMANDS = [
    ("project_name", "{{ 7*7 }}"),
    ("project_name", "$(touch evil)"),
    ("project_name", "a\nb"),
    ("description", ""),
    ("description", "${{ secrets.X }}"),
    ("project_slug", "../evil"),
    ("project_slug", "a/b"),
    ("package_name", "class"),
    ("package_name", "sklearn"),
    ("author_email", "nobody"),
]
BIN = Path(sys.executable).parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and the temporary folder, both inside an empty one."""
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def run(place: Path) -> Run:
    """Run an engine's command in the work folder, as a user would."""

    def start(*command: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(BIN / str(command[0])), *map(str, command[1:])],
            env={**os.environ, "TMPDIR": str(place / "temporary")},
            cwd=place / "work",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return start


@pytest.mark.parametrize(("name", "value"), [*REFUSED, *BAD_CHOICES.items()])
def test_copier_refuses(name: str, value: str, plain: Path, place: Path) -> None:
    before = names(place)
    with pytest.raises(ValueError, match=name):
        copier.run_copy(
            str(plain), place / "work/new", data={name: value}, defaults=True, quiet=True
        )
    assert names(place) == before


def ask_cookiecutter(answers: dict[str, Any]) -> None:
    """What cookiecutter does with answers before it writes anything."""
    context = generate_context(str(ROOT / "cookiecutter.json"), extra_context=answers)
    prompt_for_config(context, no_input=True)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_cookiecutter_refuses(
    name: str, value: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(place)
    with pytest.raises(SystemExit) as stopped:
        ask_cookiecutter({name: value})
    assert stopped.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith((f"{name}: ", "An answer must not contain code"))
    assert told.endswith("Nothing was written.\n")
    assert names(place) == before


@pytest.mark.parametrize(("name", "value"), BAD_CHOICES.items())
def test_cookiecutter_refuses_what_was_not_offered(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        ask_cookiecutter({name: value})


@pytest.mark.parametrize(("name", "value"), COMMANDS)
def test_the_copier_command_refuses(
    name: str, value: str, plain: Path, place: Path, run: Run
) -> None:
    before = names(place)
    done = run("copier", "copy", "--defaults", "-d", f"{name}={value}", plain, "new")
    assert done.returncode == 1
    assert f"Validation error for question '{name}': " in done.stderr.splitlines()[-1]
    assert names(place) == before


@pytest.mark.parametrize(("name", "value"), COMMANDS)
def test_the_cookiecutter_command_refuses(
    name: str, value: str, repository: Path, place: Path, run: Run
) -> None:
    before = names(place)
    done = run("cookiecutter", repository, "--no-input", f"{name}={value}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("Nothing was written.\n")
    assert names(place) == before


def test_the_cookiecutter_command_refuses_what_was_not_offered(
    repository: Path, place: Path, run: Run
) -> None:
    """Cookiecutter itself checks choices, before it loads anything of ours."""
    done = run("cookiecutter", repository, "--no-input", "license=WTFPL")
    assert done.returncode == 1
    assert "the choices are ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'Proprietary']" in done.stderr
    assert names(place / "work") == set()


@pytest.mark.parametrize("serving", ["online", "both"])
def test_forecasts_are_not_served_online(
    serving: str, plain: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, given = names(place), {"problem_type": "forecasting", "serving": serving}
    with pytest.raises(ValueError, match="answer serving=batch"):
        copier.run_copy(str(plain), place / "work/new", data=given, defaults=True, quiet=True)
    with pytest.raises(SystemExit):
        ask_cookiecutter(given)
    assert "answer serving=batch" in " ".join(capsys.readouterr().err.split())
    assert names(place) == before


@pytest.mark.parametrize("name", ["tuning", "responsible_ai"])
def test_the_level_train_has_no_room_for(
    name: str, plain: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, given = names(place), {"level": "train", name: "yes"}
    with pytest.raises(ValueError, match="answer level=operate, or"):
        copier.run_copy(str(plain), place / "work/new", data=given, defaults=True, quiet=True)
    with pytest.raises(SystemExit):
        ask_cookiecutter(given)
    assert "answer level=operate, or" in " ".join(capsys.readouterr().err.split())
    ask_cookiecutter({"level": "train", name: "no"})
    assert names(place) == before


@pytest.mark.parametrize("value", ["x", 'x" evil'])
@pytest.mark.parametrize("name", ["project_name_quoted", "windows_names", "description_markdown"])
def test_a_computed_value_cannot_be_given(
    name: str, value: str, plain: Path, repository: Path, place: Path, run: Run
) -> None:
    before = names(place)
    with pytest.raises(ValueError, match="worked out from the other answers"):
        copier.run_copy(str(plain), place / "work/new", data={name: value}, defaults=True)
    done = run("cookiecutter", repository, "--no-input", f"__{name}={value}")
    assert (done.returncode, names(place)) == (1, before)
    assert "worked out from the other answers" in done.stderr


@pytest.mark.parametrize(
    "given",
    [
        {"_directory": "evil"},
        {"__exclude": "/src"},
        {"__asked": {"project_name": "False"}},
        {"__check_project_slug": "", "project_slug": "../evil"},
        {"__slug_pattern": ".", "project_slug": "../evil"},
        {"_copier_conf": {"answers_file": "../evil"}},
        {"project_name": "{{ cookiecutter.__class__ }}", "_code_message": " "},
    ],
)
def test_the_rules_cannot_be_given(given: dict[str, Any], repository: Path, place: Path) -> None:
    """Also what protects a replay file that somebody edited."""
    before = names(place)
    with pytest.raises(SystemExit) as stopped:
        cookiecutter(str(repository), no_input=True, extra_context=given)
    assert stopped.value.code == 1
    assert names(place / "work") == set()
    assert names(place) == before


def test_an_edited_replay_is_refused(
    repository: Path, place: Path, run: Run, tmp_path: Path
) -> None:
    assert run("cookiecutter", repository, "--no-input").returncode == 0
    replay = Path(os.environ["COOKIECUTTER_CONFIG"]).parent / "replay/tdsp.json"
    text = replay.read_text(encoding="utf-8")
    edited = tmp_path / "edited.json"
    for old, new in (("ml-project", "../evil"), ("classification", "clustering")):
        edited.write_text(text.replace(f'"{old}"', f'"{new}"'), encoding="utf-8")
        before = names(place)
        done = run("cookiecutter", repository, "--replay-file", edited)
        assert (done.returncode, names(place)) == (1, before)
        assert "Nothing was written." in done.stderr


def test_a_project_leaves_nothing_else_behind(repository: Path, place: Path, run: Run) -> None:
    assert run("cookiecutter", repository, "--no-input").returncode == 0
    assert run("copier", "copy", "--defaults", repository, "new").returncode == 0
    assert {path.name for path in (place / "work").iterdir()} == {"ml-project", "new"}
    assert names(place / "temporary") == set()


def test_cookiecutter_leaves_an_existing_folder_alone(
    repository: Path, place: Path, run: Run
) -> None:
    mine = place / "work/ml-project/README.md"
    mine.parent.mkdir()
    mine.write_text("mine\n", encoding="utf-8")
    before = names(place)
    done = run("cookiecutter", repository, "--no-input")
    assert done.returncode == 1
    assert "already exists" in done.stdout + done.stderr
    assert names(place) == before
    assert mine.read_text(encoding="utf-8") == "mine\n"


def test_copier_overwrites_nothing_unasked(repository: Path, place: Path, run: Run) -> None:
    mine = place / "work/new/README.md"
    mine.parent.mkdir()
    mine.write_text("mine\n", encoding="utf-8")
    done = run("copier", "copy", "--defaults", repository, "new")
    assert done.returncode == 1
    assert "--overwrite" in done.stderr
    assert mine.read_text(encoding="utf-8") == "mine\n"


REFUSED_TEXT = re.compile(
    yaml.safe_load((ROOT / "words.yml").read_text("utf-8"))["refused_text"]["default"]
)


@pytest.mark.parametrize("text", ["{}", "a{}b", "क{}b", "{0}{0}"])
def test_no_character_of_format_is_welcome(text: str) -> None:
    """By Unicode's class, whatever the database of this Python knows; tags and fillers, too."""
    kept = [
        hex(code)
        for code in range(0x110000)
        if (unicodedata.category(chr(code)) == "Cf" or 0xE0000 <= code < 0xE0100)
        and not REFUSED_TEXT.search(text.format(chr(code)))
    ]
    assert kept == []


def test_every_letter_digit_and_mark_with_a_shape_is_welcome() -> None:
    shapeless = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    shapeless |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
    refused = {
        code
        for code in range(0x110000)
        if unicodedata.category(chr(code))[0] in "LNMPS" and REFUSED_TEXT.search(f"a{chr(code)}b")
    }
    assert refused == shapeless - {0x180E} | set(map(ord, "`<>"))


JOINED = ["می\u200cخواهم", "क\u200dष", "ශ\u200dරී", "❤\ufe0f\u200d🔥", "#\ufe0f⃣", "葛\U000e0100城"]  # noqa: RUF001


@pytest.mark.parametrize(
    "value", ["Bob's", "a $ b", "100%", "a } b", "{ a }", "проект", "🚀👩‍💻", *JOINED]
)
def test_ordinary_texts_are_welcome(value: str, place: Path) -> None:
    ask_cookiecutter(dict.fromkeys(TEXTS, value))


@pytest.mark.parametrize("value", ["a@b.de", "first.last+tag@mail.example.co.uk", "a_b-c@x-y.org"])
def test_ordinary_addresses_are_welcome(value: str, place: Path) -> None:
    ask_cookiecutter({"author_email": value})
