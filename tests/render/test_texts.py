"""Names and descriptions of every kind come out as they went in."""

import re
import tomllib
from pathlib import Path
from typing import Any

import jinja2
import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from local_extensions import FILTERS
from markdown_it import MarkdownIt
from pytest_cookies.plugin import Cookies
from tests.render.engines import (
    ROOT,
    files,
    recorded,
    with_cookiecutter,
    with_copier,
)
from tests.render.soundness import check_project

from tdsp.questions import configuration

TEXT_QUESTIONS = ("project_name", "description", "organization", "author_name")
TEXTS = (
    """Bob's "churn" \\ model: 100% # not a comment""",
    "проект-é 顧客 🚀👩‍💻",
    "مشروع البيانات עברית",
    "yes",
    "2024-01-01",
    "1. *a_b* [x](y) | ~z~ !t &amp; + = $HOME %(x)s {0} @me ; ' \" ''' \"\"\"",
    "a" * 80,
    "\\",
    '"',
    "\\n \\u0041 \\",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_out_as_it_went_in(
    text: str, repository: Path, cookies_session: Cookies, tmp_path: Path
) -> None:
    answers = {**dict.fromkeys(TEXT_QUESTIONS, text), "level": "govern"}
    project = with_copier(repository, tmp_path / "project", answers)
    assert files(with_cookiecutter(cookies_session, repository, answers)) == files(project)
    check_project(project)
    kept = recorded(project)
    assert {name: kept[name] for name in answers} == answers
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["description"] == text
    assert metadata["authors"][0]["name"] == text
    assert metadata["name"] == kept["project_slug"]


@pytest.mark.parametrize("text", [*TEXTS, "- a", "+ b", "= c", "12) d", "# e", "_g_"])
def test_markdown_shows_the_text(text: str) -> None:
    shown = MarkdownIt().render(compute("description_markdown", description=text))
    plain = re.sub(r"<[^>]+>", "", shown).strip()
    assert plain == text.replace("&", "&amp;").replace('"', "&quot;").replace(">", "&gt;")
    assert shown.startswith("<p>")
    assert shown.count("<") == 2


def compute(name: str, **answers: Any) -> str:
    """A computed value of copier.yml for the answers."""
    config = configuration(ROOT)
    environment = jinja2.Environment()
    environment.filters.update(FILTERS)
    fixed = {key: config[key]["default"] for key in config if key.startswith("markdown_")}
    return environment.from_string(config[name]["default"]).render(**fixed, **answers)


@pytest.mark.parametrize(
    ("name", "slug", "package"),
    [
        ("Churn model", "churn-model", "churn_model"),
        ("Bob's Café + Prévision", "bobs-cafe-prevision", "bobs_cafe_prevision"),
        ("e\u0301te\u0301", "ete", "ete"),
        ("проект-é", "e-project", "e_project"),
        ("顧客", "ml-project", "ml_project"),
        ("🚀", "ml-project", "ml_project"),
        ("2024 sales", "ml-2024-sales", "ml_2024_sales"),
        ("class", "class", "class_model"),
        ("test", "test", "test_model"),
        ("json", "json", "json_model"),
        ("con", "con-project", "con_project"),
        ("Scikit-learn", "scikit-learn-project", "scikit_learn_project"),
        ("pandas", "pandas-project", "pandas_project"),
        ("X", "x-project", "x_project"),
        ("x" * 39 + " y" * 9, "x" * 39, "x" * 39),
    ],
)
def test_the_short_names_are_derived(name: str, slug: str, package: str) -> None:
    context = generate_context(
        str(ROOT / "cookiecutter.json"), extra_context={"project_name": name}
    )
    answers = prompt_for_config(context, no_input=True)
    assert (answers["project_slug"], answers["package_name"]) == (slug, package)
