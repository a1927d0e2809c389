"""Do two samples of a column come from the same distribution? Nothing here reads or writes.

Rows are taken as independent. Where they are not, as with many rows of one customer, p-values are
too small, and the limits are what keeps small differences quiet; for rows in time see `usual`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from ..steps.cross_validation import filled

MISSING, RARE, NEW = "(missing)", "(rare)", "(new)"
OWN_SHARE, OWN_ROWS = 0.01, 10  # what a text needs to be a level of its own
KINDS = ("effect", "missing", "new", "moment")
PERIODS, PERIOD_ROWS = 60, 20  # most periods that are looked at, and the fewest rows of one
MOST = 10_000  # rows of either sample that the domain classifier is given


@dataclass(frozen=True)
class Difference:
    """How far apart two samples are, from 0 to 1, and how often chance alone would do that.

    `missing` is the change of the share of missing values, `new` the share of rows with new texts,
    `moment` how far the mean moved in standard deviations, or the change of that deviation itself.
    """

    test: str
    effect: float
    p: float
    missing: float = 0.0
    new: float = 0.0
    moment: float = 0.0


def difference(reference: pd.Series, window: pd.Series) -> Difference:
    """Compare numbers by Kolmogorov and Smirnov's test, texts and truth values by chi-square."""
    compare = _of_numbers if is_number(reference) else _of_texts
    missing = abs(float(window.isna().mean() - reference.isna().mean()))
    return replace(compare(reference, window), missing=missing)


def largest(found: Collection[Difference]) -> Difference:
    """Return the largest size of each kind."""
    sizes = {kind: max(getattr(one, kind) for one in found) for kind in KINDS}
    return Difference("", p=0.0, **sizes)


def together(reference: pd.DataFrame, window: pd.DataFrame) -> Difference:
    """Ask a classifier which rows are of the window: it sees changed relations between columns.

    It learns on one half of the rows. On the other half the effect is 2 AUC - 1, and p is that of
    Mann and Whitney's test (Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017).
    """
    cases = window.drop_duplicates()
    if len(cases) >= PERIOD_ROWS and reference.duplicated().mean() < 0.01:
        window = cases  # a row that was scored again would stand in both halves, and be recognized
    samples = [rows.sample(min(len(rows), MOST), random_state=0) for rows in (reference, window)]
    rows = pd.concat(samples, ignore_index=True)
    for name in rows:
        if is_number(reference[name]):
            rows[name] = numbers(rows[name]).replace([np.inf, -np.inf], np.nan)
        else:
            text = rows[name].astype("str").where(rows[name].notna())
            rows[name] = pd.factorize(text, sort=True)[0].astype("float64")
    is_window = np.repeat([0, 1], [len(sample) for sample in samples])
    learns = np.random.default_rng(0).random(len(rows)) < 1 / 2
    model = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, early_stopping=False, class_weight="balanced", random_state=0
    ).fit(filled(rows[learns]).to_numpy(), is_window[learns])
    score, side = model.predict_proba(rows[~learns].to_numpy())[:, 1], is_window[~learns]
    ranks = stats.mannwhitneyu(score[side == 1], score[side == 0], alternative="greater")
    auc = float(ranks.statistic) / int(side.sum()) / int((1 - side).sum())
    p = float(np.nan_to_num(ranks.pvalue, nan=1.0))  # all rows are equal
    return Difference("domain classifier", max(0.0, 2 * auc - 1), p)


def usual(reference: pd.Series, times: pd.Series, span: pd.Timedelta | float) -> Difference | None:
    """Return the largest differences of periods of `span` in the reference from all of it.

    A week of one season differs from the whole year, and the rows of a week resemble each other:
    what the training data did themselves is no news. None for fewer than five such periods.
    """
    if not span or times.isna().all():
        return None
    periods = (times - times.min()) // span
    counts = periods.value_counts()
    full = counts.index[counts >= PERIOD_ROWS].sort_values()
    if len(full) < 5:
        return None
    chosen = full[np.unique(np.linspace(0, len(full) - 1, PERIODS).astype(int))]
    return largest([difference(reference, reference[periods == number]) for number in chosen])


def is_number(column: pd.Series) -> bool:
    """Tell whether the column is compared as numbers; truth values are not."""
    return column.dtype.kind in "iuf"


def _of_numbers(reference: pd.Series, window: pd.Series) -> Difference:
    """Missing values count as below all others, so that more or fewer of them are a shift too."""
    before, after = numbers(reference), numbers(window)
    found = stats.ks_2samp(before.fillna(-np.inf), after.fillna(-np.inf), method="asymp")
    effect, p, spread = float(found.statistic), float(found.pvalue), before.std(ddof=0)
    shift, wider = abs(after.mean() - before.mean()), abs(after.std(ddof=0) - spread)
    moment = max(shift, wider) / spread if spread > 0 and after.notna().any() else 0.0
    return Difference("Kolmogorov-Smirnov", effect, p, moment=float(moment))


def numbers(column: pd.Series) -> pd.Series:
    """Return the numbers of a column; another cell is missing."""
    return pd.to_numeric(column, errors="coerce").astype("float64")


def levels(reference: pd.Series, window: pd.Series) -> pd.DataFrame:
    """Count the rows of each level in `reference` and `window`; what is rare in both is pooled.

    Of that, a text that `reference` has not is (new). A row of `reference` counts as new when no
    other row there has its text: so often would new ones come anyway (Good, Biometrika 40, 1953).
    A window larger than that is drawn from: in it the rows of one new text would come in heaps.
    """
    window = window.sample(min(len(window), len(reference)), random_state=0)
    old, now = (column.astype("str").fillna(MISSING) for column in (reference, window))
    counts, all_counts = old.value_counts(), pd.concat([old, now]).value_counts()
    own = all_counts.index[all_counts >= max(OWN_ROWS, OWN_SHARE * all_counts.sum())]
    before = old.where(old.isin(own), RARE).mask(~old.isin(own) & old.map(counts).eq(1), NEW)
    after = now.where(now.isin(own), RARE).mask(~now.isin(own) & ~now.isin(counts.index), NEW)
    sides = {"reference": before.value_counts(), "window": after.value_counts()}
    return pd.DataFrame(sides).fillna(0).astype("int64")


def _of_texts(reference: pd.Series, window: pd.Series) -> Difference:
    """Return the total variation, the share of rows that would have to change their level, and p.

    Chi-square needs five expected rows in each cell. Otherwise the most telling level decides, by
    the exact hypergeometric test with Bonferroni's correction for the number of levels.
    """
    table = levels(reference, window)
    counts = table.to_numpy()
    shares = counts / counts.sum(axis=0)
    effect = float(np.abs(shares[:, 0] - shares[:, 1]).sum() / 2)
    fresh = (table["reference"].eq(0) | (table.index == NEW)) & (table.index != MISSING)
    new = max(0.0, float((shares[fresh, 1] - shares[fresh, 0]).sum()))
    if stats.contingency.expected_freq(counts).min() >= 5:
        found = stats.chi2_contingency(counts, correction=False)
        return Difference("chi-square", effect, float(found.pvalue), new=new)
    drawn = stats.hypergeom(counts.sum(), counts.sum(axis=1), counts[:, 1].sum())
    tails = np.minimum(drawn.cdf(counts[:, 1]), drawn.sf(counts[:, 1] - 1))
    p = float(min(1.0, 2 * len(counts) * tails.min()))
    return Difference("exact", effect, p, new=new)


def holm(p: list[float]) -> list[float]:
    """Adjust p-values: those at most a are all wrong with a probability of at most a (1979)."""
    ordered = pd.Series(p, dtype="float64").sort_values()
    adjusted = (ordered * np.arange(len(p), 0, -1)).cummax().clip(upper=1)
    return adjusted.sort_index().tolist()
