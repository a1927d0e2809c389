"""The same command line with another ENVIRONMENT: only what may differ does."""

from pathlib import Path

import pytest
from tests.delivery.hygiene_projects import ROWS, project
from tests.project.living import Project, run

PRINT = "from {0}.settings import load; from pathlib import Path; print(load(Path('params.yaml')))"


def settings(made: Project, environment: str | None) -> tuple[int, str]:
    env = made.env | ({} if environment is None else {"ENVIRONMENT": environment})
    python, code = made.environment / "bin/python", PRINT.format(made.package)
    done = run(python, "-c", code, cwd=made.root, env=env, ok=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ROWS)
def test_each_environment_differs_and_none_is_params_alone(name: str, repository: Path) -> None:
    made = project(repository, name)
    outputs = [settings(made, environment) for environment in (None, "", "dev", "test", "prod")]
    assert [code for code, _ in outputs] == [0] * 5
    assert outputs[0] == outputs[1]
    assert len({text for _, text in outputs}) == 4


@pytest.fixture
def broken(repository: Path, tmp_path: Path) -> Project:
    return project(repository, "github").copy(tmp_path / "project")


@pytest.mark.parametrize(
    ("environment", "text", "told"),
    [
        ("staging", None, "ENVIRONMENT is 'staging', but environments.yaml has dev, test, prod"),
        ("prod", "prod: {serve: {max_rowz: 1}}", "environments.yaml: prod.serve.max_rowz: "),
        ("prod", "prod: {serve: {max_rows: many}}", "environments.yaml: prod.serve.max_rows: "),
        ("prod", "prod: {train: {max_iter: 1}}", "environments.yaml: prod.train is the same"),
        ("prod", "prod: {gate: {minimum: 0}}", "environments.yaml: prod.gate is the same"),
    ],
)
def test_a_command_ends_with_one_line_that_names_file_and_key(
    environment: str, text: str | None, told: str, broken: Project
) -> None:
    if text is not None:
        (broken.root / "environments.yaml").write_text(text, encoding="utf-8")
    python = broken.environment / "bin/python"
    command = [python, "-m", broken.package, "score", "--input", "x.csv", "--output", "y.csv"]
    done = run(*command, cwd=broken.root, env=broken.env | {"ENVIRONMENT": environment}, ok=False)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert told in line
