"""What onboarding leaves in a project: everything, or nothing."""

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from pandera.io.pandas_io import from_yaml
from typer.testing import CliRunner

from tdsp.generate import make_look_alike, messy
from tdsp.onboard import OnboardError, Wishes, command, dictionary, onboard, report, write
from tdsp.onboard.flow import examine
from tdsp.onboard.profile import infer, typed
from tdsp.onboard.readers import read
from tdsp.onboard.write import safe_name

PARAMS = """\
# Every choice that changes a result.
data:
  path: data/raw/example.csv
  format: csv            # csv, parquet, excel or jsonl
  encoding: utf-8        # of csv and jsonl
  delimiter: ","         # of csv
  decimal: "."
  thousands: null
  missing: []            # texts that mean "no value"
  dates: {}
  drop_duplicates: true
  target: diagnosis
  id: []                 # carried along
  time: null
  group: null
  sensitive: []
  drop: []

split:
  seed: 42               # kept

train:
  candidates: [linear, boosting]

evaluate:
  metric: accuracy       # decides

gate:
  minimum: 0.95          # of the metric

fairness:
  metric: selection_rate # of groups
"""
PIPELINE = """\
# The pipeline.
stages:
  example:
    cmd: python -m churn.example data/raw/example.csv
    outs: [data/raw/example.csv]
  ingest:
    desc: Read the raw file.   # odd   spacing stays
    cmd: python -m churn.ingest
    deps: ["${data.path}"]
plots:
  - reports/plots/roc.csv: {x: a, y: b}
"""


def make_project(root: Path, problem: str = "classification") -> Path:
    files = {
        "params.yaml": PARAMS,
        "schema.yaml": "columns: {}\n",
        "dvc.yaml": PIPELINE,
        ".copier-answers.yml": f"package_name: churn\nproblem_type: {problem}\n",
        "src/churn/example.py": "",
        "src/churn/ingest.py": "",
        "data/raw/example.csv": "a\n1\n",
        "data/raw/.gitignore": "/example.csv\n",
        "data/raw/mine.txt": "kept",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "Äpfel & Birnen.CSV"
    messy(300).to_csv(path, index=False)
    return path


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about the report: its plots take longer than all the rest."""
    monkeypatch.setattr(report, "build", lambda *_: "<!doctype html>")


def snapshot(root: Path) -> dict[str, bytes]:
    files = {str(p.relative_to(root)): p for p in root.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else b"" for name, path in files.items()}


def test_writes_configuration_schema_and_documents(project: Path, table: Path) -> None:
    result = onboard(table, Wishes("churned", sensitive=("gender",), time="signed_on"), project)
    params = yaml.safe_load((project / "params.yaml").read_text("utf-8"))
    assert params["data"] == {
        "path": "data/raw/apfel_birnen.csv", "format": "csv", "encoding": "utf-8",
        "delimiter": ",", "decimal": ".", "thousands": None, "missing": [],
        "dates": {"signed_on": "ISO8601"}, "drop_duplicates": False, "target": "churned",
        "id": ["contract_id"], "time": "signed_on", "group": None, "sensitive": ["gender"],
        "drop": ["customer_id"],
    }  # fmt: skip
    assert params["evaluate"]["metric"] == "roc_auc"
    assert params["gate"]["minimum"] == 0.6
    assert params["fairness"]["metric"] == "accuracy"
    assert (project / result.raw).read_bytes() == table.read_bytes()
    dictionary = (project / "docs/data/dictionary.md").read_text("utf-8")
    assert "| plan | [open: meaning] | - | category |" in dictionary
    assert "| [open: meaning] | [open: unit] | number |" in dictionary
    assert result.commands[-1] == "dvc add data/raw/apfel_birnen.csv"


@pytest.mark.usefixtures("undrawn")
def test_the_given_encoding_is_what_the_project_reads_in(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{'Москва' if number % 3 else 'Тверь'},{number},{number % 2}" for number in range(90)]
    path.write_text("\n".join(["city,x,churned", *lines]), encoding="cp1251")
    profile = onboard(path, Wishes("churned", encoding="windows-1251"), project).profile
    params = yaml.safe_load((project / "params.yaml").read_text("utf-8"))
    assert params["data"]["encoding"] == "cp1251"
    assert "Тверь" in (project / "docs/data/dictionary.md").read_text("utf-8")
    assert "encoding" not in {finding.code for finding in profile.findings}


@pytest.mark.usefixtures("undrawn")
def test_keeps_comments_and_what_is_not_its_own(project: Path, table: Path) -> None:
    onboard(table, Wishes("churned"), project)
    text = (project / "params.yaml").read_text("utf-8")
    assert text.count("#") == PARAMS.count("#")
    assert text[text.index("split:") : text.index("evaluate:")] in PARAMS
    pipeline = (project / "dvc.yaml").read_text("utf-8")
    start, end = PIPELINE.index("  example:"), PIPELINE.index("  ingest:")
    assert pipeline == PIPELINE[:start] + PIPELINE[end:]


@pytest.mark.usefixtures("undrawn")
def test_removes_only_the_example_data(project: Path, table: Path) -> None:
    onboard(table, Wishes("churned"), project)
    left = set(snapshot(project))
    assert left.isdisjoint({"data/raw/example.csv", "src/churn/example.py", "data/raw/.gitignore"})
    assert {"data/raw/mine.txt", "src/churn/ingest.py"} <= left
    assert not [name for name in left if ".tdsp" in name]


@pytest.mark.usefixtures("undrawn")
def test_removes_the_example_data_of_a_project_from_before_0_1(project: Path, table: Path) -> None:
    older = PIPELINE.replace("example", "sample")
    (project / "dvc.yaml").write_text(older, encoding="utf-8")
    (project / "src/churn/example.py").rename(project / "src/churn/sample.py")
    onboard(table, Wishes("churned"), project)
    assert "sample" not in (project / "dvc.yaml").read_text("utf-8")
    assert {"src/churn/sample.py", "data/raw/sample.csv"}.isdisjoint(snapshot(project))


@pytest.mark.usefixtures("undrawn")
def test_second_time_keeps_the_earlier_file(project: Path, table: Path) -> None:
    first = onboard(table, Wishes("churned"), project).raw
    again = onboard(table, Wishes("churned"), project).raw
    messy(400, seed=1).to_csv(table, index=False)
    other = onboard(table, Wishes("churned"), project).raw
    assert (first, other) == (again, Path("data/raw/apfel_birnen_2.csv"))
    assert (project / first).exists()
    assert yaml.safe_load((project / "params.yaml").read_text())["data"]["path"] == other.as_posix()


@pytest.mark.usefixtures("undrawn")
def test_file_already_in_place_is_not_copied(project: Path, table: Path) -> None:
    inside = Path(shutil.move(table, project / "data/raw/My Table.csv"))
    assert onboard(inside, Wishes("churned"), project).raw == Path("data/raw/My Table.csv")
    assert inside.exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "kind", ["names", "markers", "duplicates", "target_missing", "infinite", "mixed"]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx", ".jsonl"])
def test_schema_accepts_its_own_table(
    project: Path, tmp_path: Path, kind: str, suffix: str
) -> None:
    frame, path = make_look_alike(kind, 200), tmp_path / f"table{suffix}"  # type: ignore[arg-type]
    writers = {
        ".csv": lambda: frame.to_csv(path, sep=";", encoding="utf-16", index=False),
        ".parquet": lambda: frame.to_parquet(path, index=False),
        ".xlsx": lambda: frame.to_excel(path, index=False),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True, date_format="iso"),
    }
    writers[suffix]()
    profile = onboard(path, Wishes("churned"), project).profile
    raw, source = read(path)
    schema = from_yaml(project / "schema.yaml")
    checked = schema.validate(typed(raw, infer(raw, source)[0]).drop_duplicates().assign(extra=1))
    assert list(checked.columns) == list(frame.columns)
    bad = checked.assign(tenure_months=-1.0)
    with pytest.raises(Exception, match="tenure_months"):
        schema.validate(bad)
    assert profile.rows == len(frame)


class _Page(HTMLParser):
    """Collects what a browser would fetch, the images without words, and tags left open."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.silent = 0
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        addresses = [found.get("src"), found.get("href")]
        self.fetched += [a for a in addresses if a and not a.startswith(("data:", "#"))]
        self.images += tag == "img"
        self.silent += tag == "img" and not found.get("alt")


def test_report_is_whole_offline_and_escaped(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    frame = make_look_alike("names", 300).assign(churned=lambda f: f["churned"] + "<b>&")
    frame.rename(columns={"gender": "<script>alert(1)</script>$x$"}).to_csv(path, index=False)
    onboard(path, Wishes("churned", sensitive=("âge (années)",), group="customer_id"), project)
    text = (project / "docs/data/report.html").read_text("utf-8")
    page = _Page()
    page.feed(text)
    assert page.fetched == []
    assert page.silent == 0
    assert page.images >= 10
    assert "<script" not in text
    assert "groups" in text
    assert len(text) < 3_000_000


def test_wide_table_is_capped_and_says_so(
    project: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "DRAWN", 4)
    monkeypatch.setattr(report, "SAMPLED", 100)
    onboard(table, Wishes("churned"), project)
    text = (project / "docs/data/report.html").read_text("utf-8")
    assert "8 further columns are not drawn" in text
    assert "random sample of 100 rows" in text


def test_the_report_begins_with_what_tells_most_about_the_target(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"noise": random.normal(size=300), "kind": list("abc") * 100})
    frame["near"] = random.normal(size=300)
    frame["y"] = np.where(frame["near"] + (frame["kind"] == "a") > 0.3, "ja", "nein")
    frame.to_csv(tmp_path / "a.csv", index=False)
    profile, sample = examine(tmp_path / "a.csv", Wishes("y"), None, lambda _: None)
    parts = report._parts(sample, profile)
    told = {c.name: report._told(c, sample, parts) for c in profile.columns}
    assert told["near"] > told["kind"] > told["noise"] > 0 == told["y"]
    picture = report._correlation(profile.columns, sample, parts)
    assert picture is not None
    assert picture.alt.startswith("Rank correlations: share of nein and near -0.7")


def test_dry_run_writes_nothing(project: Path, table: Path) -> None:
    before = snapshot(project)
    result = onboard(table, Wishes("churned"), project, dry_run=True)
    assert snapshot(project) == before
    assert Path("schema.yaml") in result.written
    assert Path("src/churn/example.py") in result.removed


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("step", ["_swap", "_track", "_prepare"])
def test_a_failure_restores_everything(
    project: Path, table: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(project)
    real = getattr(write, step)

    def fail(*args: object) -> None:
        real(*args)
        raise OSError("disk full")

    monkeypatch.setattr(write, step, fail)
    with pytest.raises(OSError, match="disk full"):
        onboard(table, Wishes("churned"), project)
    assert snapshot(project) == before


@pytest.mark.parametrize("wishes", [Wishes("nope"), Wishes("monthly_spend"), Wishes("signed_on")])
def test_refusals_write_nothing(project: Path, table: Path, wishes: Wishes) -> None:
    before = snapshot(project)
    with pytest.raises(OnboardError):
        onboard(table, wishes, project)
    assert snapshot(project) == before


def test_other_problem_type_names_both_ways_out(project: Path, table: Path) -> None:
    with pytest.raises(OnboardError) as error:
        onboard(table, Wishes("monthly_spend"), project)
    message = str(error.value)
    assert "--problem classification" in message
    assert "copier update --data problem_type=regression" in message
    assert "tdsp new NAME --data" in message


def test_forecasting_has_roles_and_steps_of_its_own(tmp_path: Path, undrawn: None) -> None:
    project = make_project(tmp_path / "project", "forecasting")
    days = pd.date_range("2024-01-01", periods=100)
    frame = pd.DataFrame({"day": days, "sold": range(100)})
    pd.concat([frame.assign(shop=shop) for shop in "ab"]).to_csv(tmp_path / "s.csv", index=False)
    wishes = Wishes("sold", time="day", series=("shop",), horizon=14)
    onboard(tmp_path / "s.csv", wishes, project)
    data = yaml.safe_load((project / "params.yaml").read_text("utf-8"))["data"]
    wanted = {"time": "day", "series": ["shop"], "step": "D", "season": 7, "horizon": 14}
    assert {name: data[name] for name in wanted} == wanted
    columns = yaml.safe_load((project / "schema.yaml").read_text("utf-8"))["columns"]
    assert columns["sold"]["dtype"] == "float64"


def test_a_project_says_that_its_target_marks_anomalies(tmp_path: Path, undrawn: None) -> None:
    project = make_project(tmp_path / "project", "anomaly")
    frame = messy(300).assign(churned=lambda f: (f.index % 20 == 3).astype(int))
    frame.to_csv(tmp_path / "a.csv", index=False)
    onboard(tmp_path / "a.csv", Wishes("churned"), project)
    params = yaml.safe_load((project / "params.yaml").read_text("utf-8"))
    assert params["evaluate"]["metric"] == "average_precision"
    assert "horizon" not in params["data"]


def test_outside_a_project(tmp_path: Path, table: Path) -> None:
    with pytest.raises(OnboardError, match=r"params\.yaml, schema\.yaml, \.copier-answers\.yml"):
        onboard(table, Wishes("churned"), tmp_path)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("../x y", "x_y"),
        ("CON", "data_con"),
        ("顧客", "data"),
        ("Ünï-Code", "uni_code"),
        ("-a", "a"),
    ],
)
def test_safe_name(stem: str, name: str) -> None:
    assert safe_name(stem) == name


@pytest.mark.usefixtures("undrawn")
def test_puts_the_file_under_dvc(project: Path, table: Path) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run([*dvc, "init", "-q"], cwd=project, check=True)
    result = onboard(table, Wishes("churned"), project)
    assert result.commands == []
    assert (project / f"{result.raw.as_posix()}.dvc").is_file()
    assert "/apfel_birnen.csv" in (project / "data/raw/.gitignore").read_text()


@pytest.mark.usefixtures("undrawn")
def test_a_table_that_git_has_stays_in_git(project: Path, table: Path) -> None:
    """As in an adopted repository: DVC refuses what git tracks."""
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=project, check=True)
    here = project / "data/raw/own.csv"
    here.parent.mkdir(parents=True, exist_ok=True)
    here.write_bytes(table.read_bytes())
    subprocess.run(["git", "add", str(here)], cwd=project, check=True)
    result = onboard(here, Wishes("churned"), project)
    assert result.raw == Path("data/raw/own.csv") and result.commands == []
    assert here.is_file() and not here.with_name("own.csv.dvc").exists()


def test_command_prints_a_summary_or_a_reason(project: Path, table: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    flags = ["--target", "churned", "--project", str(project), "--sensitive", "gender", "--dry-run"]
    good = CliRunner().invoke(app, [str(table), *flags], env={"COLUMNS": "200"})
    assert good.exit_code == 0, good.output
    assert "300 rows" in good.output
    assert "Would write: params.yaml" in good.output
    bad = CliRunner().invoke(app, [str(table), *flags, "--id", "[red]x"], env={"COLUMNS": "200"})
    assert bad.exit_code == 1
    assert "Nothing was written. --id '[red]x' is not a column" in " ".join(bad.stderr.split())


def test_frames_of_pandas_are_what_the_reader_gives(table: Path) -> None:
    raw, source = read(table)
    reading, _ = infer(raw, source)
    plain = pd.read_csv(table, dtype={"contract_id": "str"})
    frame = typed(raw, reading)
    pd.testing.assert_series_equal(frame["monthly_spend"], plain["monthly_spend"])
    pd.testing.assert_series_equal(frame["plan"], plain["plan"])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("&lt;script&gt;", "\\&lt;script\\&gt;"),
        ("a\u202eb", "a\\[U+202E]b"),
        ("a\U000e0041", "a\\[U+E0041]"),
        ("می\u200cخ", "می\u200cخ"),
    ],
)
def test_the_dictionary_shows_names_as_they_are(name: str, shown: str) -> None:
    assert dictionary._cell(name) == shown


@pytest.mark.usefixtures("undrawn")
def test_tables_that_stay_in_data_raw_are_named_and_only_they(project: Path, table: Path) -> None:
    mine = Path("data/raw/mine.txt")
    assert onboard(table, Wishes("churned"), project).earlier == [mine]
    (project / "data/raw/old.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert onboard(table, Wishes("churned"), project).earlier == [mine, Path("data/raw/old.csv")]
