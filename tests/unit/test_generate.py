"""The synthetic table is what its documentation says."""

from pathlib import Path

import pandas as pd
import pytest
import typer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

from tdsp.generate import messy
from tdsp.onboard import generate_command


def test_same_seed_same_table() -> None:
    pd.testing.assert_frame_equal(messy(100, seed=3), messy(100, seed=3))
    assert not messy(100, seed=3).equals(messy(100, seed=4))


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_any_number_of_rows(rows: int) -> None:
    assert len(messy(rows)) == rows


def test_has_gaps_groups_ids_and_order() -> None:
    frame = messy(2000)
    assert frame["contract_id"].is_unique
    assert frame["customer_id"].nunique() < 1000
    assert frame["signed_on"].is_monotonic_increasing
    assert 0.06 < frame["monthly_spend"].isna().mean() < 0.10
    assert 0.25 < (frame["churned"] == "yes").mean() < 0.35


def test_target_has_signal() -> None:
    frame = messy(2000)
    inputs = frame.drop(columns=["churned", "contract_id", "customer_id", "signed_on"])
    numbers = pd.get_dummies(inputs).astype("float64")
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    scores = cross_val_score(model, numbers, frame["churned"] == "yes", scoring="roc_auc", cv=3)
    assert 0.72 < scores.mean() < 0.9


def test_drift_moves_inputs_and_outcome() -> None:
    calm, moved = messy(2000), messy(2000, drift=1)
    assert moved["monthly_spend"].mean() > 1.3 * calm["monthly_spend"].mean()
    assert (moved["plan"] == "business").mean() > 2 * (calm["plan"] == "business").mean()
    assert (moved["churned"] == "yes").mean() > (calm["churned"] == "yes").mean()
    assert moved["signed_on"].min() > calm["signed_on"].max() - pd.Timedelta(days=2)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_command(tmp_path: Path, suffix: str) -> None:
    app = typer.Typer()
    app.command()(generate_command)
    output = tmp_path / f"synthetic{suffix}"
    result = CliRunner().invoke(app, ["--rows", "20", "--seed", "1", "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert "synthetic" in result.output
    assert output.stat().st_size > 0


def test_command_refuses_other_formats(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(generate_command)
    assert CliRunner().invoke(app, ["-o", str(tmp_path / "x.sqlite")]).exit_code == 2
