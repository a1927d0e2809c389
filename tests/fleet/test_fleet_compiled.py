"""What Jinja compiles is kept between renders, and changes nothing in them."""

import jinja2
import pytest
from jinja2.sandbox import SandboxedEnvironment

from tdsp.fleet import compiled


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
