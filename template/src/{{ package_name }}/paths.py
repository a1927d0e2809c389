"""Where each artefact lies, relative to the project's root. dvc.yaml names the same paths."""

from pathlib import Path

PROJECT = str(__package__)  # the name of the package

PARAMS = Path("params.yaml")
SCHEMA = Path("schema.yaml")
LOCK = Path("requirements.lock")
ROLLOUT = Path("deploy/rollout.yaml")

INGESTED = Path("data/interim/ingested.parquet")
VALIDATED = Path("data/interim/validated.parquet")
TRAIN = Path("data/processed/train.parquet")
TEST = Path("data/processed/test.parquet")
SCORED = Path("data/processed/scored.csv")
COLLECTED = Path("data/collected")

PACKAGE = Path("models/package")
MODEL = PACKAGE / "model.skops"
BASELINES = Path("models/baselines.skops")
TEST_PREDICTIONS = Path("models/test_predictions.parquet")
TRIALS = Path("models/tuning.db")

REPORTS = Path("reports")
INGESTION = REPORTS / "ingestion.json"
SUMMARY = REPORTS / "summary.json"
TUNING = REPORTS / "tuning.json"
SELECTION = REPORTS / "cross_validation.json"
METRICS = REPORTS / "metrics.json"
GATE = REPORTS / "gate.json"
PLOTS = REPORTS / "plots"
EXPLAINED = REPORTS / "explained"
MONITORING = REPORTS / "monitoring"
MONITORED = MONITORING / "monitor.json"

FACTS = Path("docs/project/facts.yaml")
DOCUMENTS = {
    "report": Path("docs/model/report.md"),
    "card": Path("docs/model/card.md"),
    "baseline": Path("docs/model/baseline.md"),
    "definition": Path("docs/data/definition.md"),
    "data": Path("docs/data/report.md"),
    "exit": Path("docs/project/exit.md"),
}
PAGES = {name: REPORTS / f"{name}.html" for name in DOCUMENTS}
REPORT = PAGES["report"]
