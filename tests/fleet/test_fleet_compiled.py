"""What Jinja compiles is kept between renders, and changes nothing in them."""

import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from jinja2.sandbox import SandboxedEnvironment
from tests.conftest import ROOT, module_of
from tests.fleet.repositories import commit, git

from tdsp.fleet import compiled, render


def test_a_text_is_compiled_once_and_renders_by_its_own_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    real = jinja2.Environment._generate

    def counting(self: jinja2.Environment, source: object, *more: object, **named: object) -> str:
        made.append("")
        return real(self, source, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(jinja2.Environment, "_generate", counting)
    monkeypatch.setattr(compiled, "_KNOWN", {})
    before = jinja2.Environment.compile
    with compiled.compiled_once():
        for answer in "ab":
            loader = jinja2.DictLoader({"x.jinja": "{{ a }}{% include 'y' %}", "y": "<{{ a }}>"})
            environment = SandboxedEnvironment(loader=loader)
            environment.globals["g"] = answer
            assert (
                environment.from_string("{{ a }}-{{ g }}").render(a=answer) == f"{answer}-{answer}"
            )
            assert environment.get_template("x.jinja").render(a=answer) == f"{answer}<{answer}>"
    assert len(made) == 3
    assert jinja2.Environment.compile is before


def test_other_settings_are_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_KNOWN", {})
    text = "{{ a }}[[ a ]]\n"
    other = {"variable_start_string": "[[", "variable_end_string": "]]"}
    with compiled.compiled_once():
        assert jinja2.Environment().from_string(text).render(a=1) == "1[[ a ]]"
        assert jinja2.Environment(**other).from_string(text).render(a=1) == "{{ a }}1"  # type: ignore[arg-type]
        kept = jinja2.Environment(keep_trailing_newline=True).from_string(text).render(a=1)
        assert kept == "1[[ a ]]\n"
        assert jinja2.Environment(autoescape=True).from_string("{{ a }}").render(a="<") == "&lt;"
        assert jinja2.Environment().from_string("{{ a }}").render(a="<") == "<"
        with pytest.raises(jinja2.TemplateSyntaxError):
            jinja2.Environment().from_string("{% if %}")


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_KNOWN", {})
    monkeypatch.setattr(compiled, "MOST", 3)
    with compiled.compiled_once():
        for number in range(10):
            assert jinja2.Environment().from_string(f"{number}").render() == str(number)
    assert len(compiled._KNOWN) <= 3


def test_an_update_of_our_own_template_is_what_copier_makes(
    repository: Path, tmp_path: Path
) -> None:
    """Byte for byte: all files, their modes, and what is in conflict; each text compiled once."""
    from copier import run_copy

    forty = module_of(ROOT / "scripts/fleet_forty.py")
    origin: Path = forty.template(repository, tmp_path / "template")
    for name in ("README.md.jinja", "pyproject.toml.jinja"):
        text = (origin / "template" / name).read_text(encoding="utf-8")
        commit(origin, {f"template/{name}": f"# {{{{ level }}}}\n{text}"})
    git(origin, "tag", "v2.0.0")
    made = tmp_path / "made"
    run_copy(
        str(origin), made, vcs_ref="v1.0.0", data={"level": "train"}, defaults=True, quiet=True
    )
    commit(made, {})
    readme = (made / "README.md").read_text(encoding="utf-8")
    commit(made, {forty.LINE: "Made by us.\n", "README.md": f"{readme}\nOurs.\n"})
    trees = []
    words = ["update", "--defaults", "--skip-answered", "--quiet", "--conflict=inline"]
    for command in ((sys.executable, "-P", "-m", "copier"), render.COPIER):
        place = tmp_path / str(len(trees))
        git(made, "clone", "--quiet", str(made), str(place))
        asked = [*command, *words, "--vcs-ref=v2.0.0", "--data=level=govern", str(place)]
        subprocess.run(asked, check=True, capture_output=True)
        unmerged = git(place, "ls-files", "--unmerged")
        git(place, "add", "--all", "--force")
        trees.append((unmerged, git(place, "write-tree")))
    assert trees[0] == trees[1]
    assert forty.LINE in trees[0][0], "the conflict is there"
    assert "Ours." in git(place, "show", ":README.md")
    assert "level: govern" in git(place, "show", ":.copier-answers.yml")
