"""Where each artefact lies, relative to the project's root. dvc.yaml names the same paths."""

from pathlib import Path

PARAMS = Path("params.yaml")
SCHEMA = Path("schema.yaml")

INGESTED = Path("data/interim/ingested.parquet")
VALIDATED = Path("data/interim/validated.parquet")
TRAIN = Path("data/processed/train.parquet")
TEST = Path("data/processed/test.parquet")
SCORED = Path("data/processed/scored.csv")

MODEL = Path("models/model.skops")
BASELINES = Path("models/baselines.skops")

REPORTS = Path("reports")
INGESTION = REPORTS / "ingestion.json"
SELECTION = REPORTS / "selection.json"
METRICS = REPORTS / "metrics.json"
GATE = REPORTS / "gate.json"
PLOTS = REPORTS / "plots"
REPORT = REPORTS / "report.html"
