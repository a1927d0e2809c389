"""Tables that the template was not designed for: `tdsp new --data`, and everything runs."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_wine
from tests.conftest import git
from tests.delivery.hygiene_projects import offline
from tests.project.living import FOUND, TDSP, Done, Project, clean, environment, run
from tests.project.test_options import COMMITTED_LATER
from tests.render.engines import files

from tdsp.generate import make_look_alike, messy

OPEN = re.compile(r"\[open: (?!…)[^\]]+\]")


def german(path: Path) -> None:
    """Whether a customer leaves: semicolons, decimal commas, cp1252, umlauts, written dates."""
    frame = messy(600).rename(
        columns={
            "age": "Alter (Jahre)", "gender": "Geschlecht", "region": "Größe & Gebiet",
            "monthly_spend": "Umsatz in €", "signed_on": "Datum", "churned": "Kündigung",
        }
    )  # fmt: skip
    frame["Geschlecht"] = frame["Geschlecht"].map({"female": "weiblich", "male": "männlich"})
    frame["Datum"] = frame["Datum"].dt.strftime("%d.%m.%Y")
    frame.to_csv(path, sep=";", decimal=",", encoding="cp1252", index=False)


def wine(path: Path) -> None:
    """Three classes in Excel, with a title of many words and a line of copies."""
    table = load_wine(as_frame=True)
    frame = table.data.assign(**{"Grape variety": "class " + table.target.astype("str")})
    pd.concat([frame, frame.head(3)]).to_excel(path, index=False)


def invoices(path: Path) -> None:
    """A number to predict, from typed Parquet columns with gaps."""
    frame = messy(600)
    spend = frame["monthly_spend"].fillna(frame["monthly_spend"].mean())
    frame["invoice"] = spend * 3 + frame["tenure_months"] + 10 * frame["autopay"]
    frame.drop(columns="churned").to_parquet(path, index=False)


def contracts(path: Path) -> None:
    """JSON lines with gaps, dates and customers who come again."""
    make_look_alike("duplicates", 600).to_json(
        path, orient="records", lines=True, date_format="iso"
    )


TABLES = {
    "german.csv": (german, "Kündigung", "classification"),
    "Wine list.xlsx": (wine, "Grape variety", "classification"),
    "invoices.parquet": (invoices, "invoice", "regression"),
    "contracts.jsonl": (contracts, "churned", "classification"),
}


def tdsp(*arguments: object, cwd: Path, ok: bool = True) -> Done:
    return run(*TDSP, *arguments, cwd=cwd, env=clean(), ok=ok)


@pytest.fixture(scope="module", params=TABLES)
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `tdsp new churn --data FILE --target COLUMN --defaults` makes of a table."""
    place = tmp_path_factory.mktemp("own")
    make, target, _ = TABLES[request.param]
    make(place / request.param)
    words = ("--data", request.param, "--target", target, "--defaults", "--set", "level=govern")
    tdsp("new", "My model", *words, cwd=place)
    project = Project(place / "my-model", environment(FOUND[0]))
    assert project.status() == []  # asked here: tests may run in any order
    return project


def only(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("own", names, indirect=True)


def test_the_table_is_under_dvc(own: Project) -> None:
    [pointer] = (own.root / "data/raw").glob("*.dvc")
    assert own.yaml("params.yaml")["data"]["path"] == f"data/raw/{pointer.stem}"
    assert own.run("dvc", "status", pointer).stdout.strip() == "Data and pipelines are up to date."
    assert not (own.root / "src/my_model/example.py").exists()
    assert (own.root / "docs/data/report.html").stat().st_size > 10_000


@only("german.csv", "contracts.jsonl")
def test_a_clone_gets_the_table_back(own: Project, tmp_path: Path) -> None:
    """A pattern of .gitignore must not hide the pointers from DVC: it looks into no such folder."""
    own.run("dvc", "push")
    run("git", "clone", "-q", own.root, tmp_path / "clone", cwd=tmp_path, env=clean())
    clone = Project(tmp_path / "clone", own.environment)
    address = (own.root / "../my-model-dvc-remote").resolve()
    clone.run("dvc", "remote", "modify", "--local", "local", "url", address)
    clone.run("dvc", "pull", "--allow-missing")
    name = own.yaml("params.yaml")["data"]["path"]
    assert (clone.root / name).read_bytes() == (own.root / name).read_bytes()


def test_the_problem_type_fits_the_target(own: Project, request: pytest.FixtureRequest) -> None:
    expected = TABLES[request.node.callspec.params["own"]][2]
    assert own.yaml(".copier-answers.yml")["problem_type"] == expected


@only("german.csv", "Wine list.xlsx", "invoices.parquet")
def test_the_pipeline_is_green_and_the_raw_file_can_be_scored(own: Project, tmp_path: Path) -> None:
    own.poe("pipeline")
    assert own.yaml("reports/gate.json")["passed"] is True
    raw = own.root / own.yaml("params.yaml")["data"]["path"]
    own.score(raw, tmp_path / "scored.parquet")
    scored = pd.read_parquet(tmp_path / "scored.parquet")
    counts = own.yaml("reports/ingestion.json")
    assert scored["row"].tolist() == list(range(1, counts["rows_read"] + 1))
    ids = own.yaml("params.yaml")["data"]["id"]
    assert scored["prediction"].nunique() > 1
    assert all(scored[name].is_unique for name in ids)


@only("german.csv")
def test_check_is_green(own: Project) -> None:
    own.poe("format")
    assert set(own.status()) <= COMMITTED_LATER
    answer_all(own)
    own.poe("check")


def answer_all(project: Project) -> None:
    """Answer each `[open: …]`, as a project has done that is near its end."""
    for path in (project.root / "docs").rglob("*"):
        if path.suffix not in {".md", ".yaml"}:
            continue
        text = path.read_text(encoding="utf-8")
        text = re.sub(r'(?m)^( +answer:) "\[open: .*', r"\1 0", text)  # the lowest, which all have
        text = re.sub(r'(?m)^( +review:) "\[open: .*', r"\1 2099-12-31", text)
        path.write_text(OPEN.sub("answered", text), encoding="utf-8", newline="\n")
    for command in ("roles", "risks"):
        tdsp(command, cwd=project.root)
    assert "nothing is open" in tdsp("docs", cwd=project.root).stdout


@only("german.csv")
def test_each_stage_is_left_when_what_it_asks_for_is_done(own: Project, tmp_path: Path) -> None:
    answer_all(own)
    own.poe("pipeline")
    own.score(own.root / own.yaml("params.yaml")["data"]["path"], tmp_path / "scored.csv")
    own.step("register")
    own.step("promote", "--reason", "the first")
    own.commit()
    git(own.root, "tag", "--annotate", "v0.1.0", "--message", "the first")
    own.run("dvc", "push")
    for stage in ("business-understanding", "modeling", "acceptance"):  # each asks the one before
        done = offline(own, sys.executable, "-m", "tdsp", "stage", stage)
        assert (done.returncode, done.stdout.count("[ ]")) == (0, 0), done.stdout


def test_a_bad_row_in_the_raw_file_stops_the_pipeline(tmp_path: Path) -> None:
    german(tmp_path / "g.csv")
    tdsp("new", "My model", "--data", "g.csv", "--target", "Kündigung", "--defaults", cwd=tmp_path)
    project = Project(tmp_path / "my-model", environment(FOUND[0]))
    raw = project.root / "data/raw/g.csv"
    lines = raw.read_text(encoding="cp1252").splitlines()
    place = lines[0].split(";").index("Alter (Jahre)")
    cells = lines[5].split(";")
    cells[place] = "-40"
    lines[5] = ";".join(cells)
    raw.write_text("\n".join(lines) + "\n", encoding="cp1252")
    done = project.repro(ok=False)
    assert done.returncode != 0
    assert "Alter (Jahre)" in done.stdout + done.stderr
    assert "-40" in done.stdout + done.stderr


@pytest.fixture
def grouped(project: Project, tmp_path: Path) -> Path:
    contracts(tmp_path / "contracts.jsonl")
    return tmp_path / "contracts.jsonl"


def halves(project: Project) -> tuple[pd.DataFrame, pd.DataFrame]:
    project.repro("split")
    train, test = (f"data/processed/{side}.parquet" for side in ("train", "test"))
    return pd.read_parquet(project.root / train), pd.read_parquet(project.root / test)


def test_groups_are_never_on_both_sides(project: Project, grouped: Path) -> None:
    tdsp("onboard", grouped, "--target", "churned", "--group", "customer_id", cwd=project.root)
    train, test = halves(project)
    assert not set(train["customer_id"]) & set(test["customer_id"])
    assert 0.1 < len(test) / (len(train) + len(test)) < 0.3
    assert "customer_id" not in project.yaml("params.yaml")["data"]["drop"]


def test_the_newest_rows_are_the_test_set(project: Project, grouped: Path) -> None:
    tdsp("onboard", grouped, "--target", "churned", "--time", "signed_on", cwd=project.root)
    train, test = halves(project)
    assert train["signed_on"].max() < test["signed_on"].min()
    assert 0.1 < len(test) / (len(train) + len(test)) < 0.3


@pytest.mark.parametrize(
    ("rows", "target", "reason"),
    [(300, "churn", "is not a column of the file"), (20, "churned", "too few")],
)
def test_a_refused_table_changes_nothing(
    rows: int, target: str, reason: str, project: Project, tmp_path: Path
) -> None:
    messy(rows).to_csv(tmp_path / "table.csv", index=False)
    before = files(project.root)
    done = tdsp("onboard", tmp_path / "table.csv", "--target", target, cwd=project.root, ok=False)
    assert done.returncode == 1
    assert reason in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert files(project.root) == before
