"""Where each artefact lies, relative to the project's root. dvc.yaml names the same paths."""

from pathlib import Path

PARAMS = Path("params.yaml")
SCHEMA = Path("schema.yaml")

INGESTED = Path("data/interim/ingested.parquet")
VALIDATED = Path("data/interim/validated.parquet")
TRAIN = Path("data/processed/train.parquet")
TEST = Path("data/processed/test.parquet")
SCORED = Path("data/processed/scored.csv")

PACKAGE = Path("models/package")
MODEL = PACKAGE / "model.skops"
BASELINES = Path("models/baselines.skops")
TRIALS = Path("models/tuning.db")

REPORTS = Path("reports")
INGESTION = REPORTS / "ingestion.json"
TUNING = REPORTS / "tuning.json"
SELECTION = REPORTS / "selection.json"
METRICS = REPORTS / "metrics.json"
GATE = REPORTS / "gate.json"
PLOTS = REPORTS / "plots"
REPORT = REPORTS / "report.html"
