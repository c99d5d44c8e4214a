#!/usr/bin/python3
"""Writes statistics_reference.json: ranks and rank correlations of lists with and without ties, computed by scipy."""

import json
import pathlib

import numpy as np
from scipy import stats

RANDOM = np.random.default_rng(11)


def case(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return {"a": a.tolist(), "b": b.tolist(), "ranks_of_a": stats.rankdata(a).tolist(),
            "deviation_of_a": float(np.std(a, ddof=1)),
            "spearman": float(stats.spearmanr(a, b).statistic),
            "kendall": float(stats.kendalltau(a, b, variant="b").statistic)}


def main():
    cases = [case([1, 2], [3, 4]), case([1, 2], [4, 3]), case([1, 1, 2], [1, 2, 2])]
    for count in (3, 7, 40, 201):
        x = RANDOM.standard_normal(count)
        cases.append(case(x, x + RANDOM.standard_normal(count)))
        cases.append(case(np.exp(x), -x + 0.1 * RANDOM.standard_normal(count)))
        cases.append(case(RANDOM.integers(0, 3, count), np.round(x)))
        cases.append(case(np.round(x), np.round(x + RANDOM.standard_normal(count), 1)))
    # Lists in which a correlation is not defined are left to the test.
    cases = [c for c in cases if np.isfinite(c["spearman"]) and np.isfinite(c["kendall"])]
    path = pathlib.Path(__file__).with_name("statistics_reference.json")
    path.write_text(json.dumps({"cases": cases}) + "\n")


if __name__ == "__main__":
    main()
