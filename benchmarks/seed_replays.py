"""``python -m benchmarks.seed_replays RUN``: a grid over a fixed number of seeds, its seeds in
other orders, as if they had stopped themselves: which of its claims come out, and how many seeds
that takes.
"""

import argparse
from itertools import product

import numpy as np
import pandas as pd

from analysis.numerics.looks import Looks
from analysis.records.load import Run, load_run
from analysis.stats.paired import comparison_table
from analysis.stats.settling import EQUAL, SUPPORTED, Rule, settle
from analysis.stats.tables import seed_table
from benchmarks.seed_proofs import FUTILITY


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--orders", type=int, default=50)
    options = parser.parse_args()
    _print_replayed(load_run(options.run), options.orders)


def replayed(run: Run, rule: Rule, studies: int) -> pd.DataFrame:
    """The comparisons of a grid with its recorded seeds in other orders, a row per study. Columns:
    of the claims of the whole run, how many were ``reproduced``, ``open`` or ``contradicted``
    (the other way round, or called equal although the difference matters); ``new`` claims;
    ``spent``, the share of the seeds that were needed.
    """
    table, numbers = comparison_table(run), ["first_setting", "value_setting"]
    pairs, families = table[numbers].to_numpy(dtype=int), np.zeros(len(table), dtype=int)
    values = seed_table(run)[run.metric].to_numpy(dtype=float).reshape(-1, rule.looks.sizes[-1])
    ways = np.sign(table["difference"].to_numpy()) * table["supported"].to_numpy()
    matters = (ways != 0) & (table["difference"].abs().to_numpy() >= rule.smallest)
    rng, rows = np.random.default_rng(0), []
    for _ in range(studies):
        drawn = values[:, rng.permutation(values.shape[1])]
        found = settle(rule, drawn, np.ones_like(drawn, dtype=bool), pairs, families)
        sizes = np.array(rule.looks.sizes)[found.looks - 1]
        differences = drawn[pairs[:, 1]] - drawn[pairs[:, 0]]
        means = [row[:size].mean() for row, size in zip(differences, sizes, strict=True)]
        now = np.sign(means) * (found.reasons == SUPPORTED)
        seeds = np.full(len(values), rule.looks.sizes[0])
        np.maximum.at(seeds, pairs.ravel(), sizes.repeat(2))
        wrong = (now * ways < 0) | (matters & (found.reasons == EQUAL))
        rows.append(
            {
                "reproduced": int(((now == ways) & (ways != 0)).sum()),
                "open": int(((now == 0) & (ways != 0) & ~wrong).sum()),
                "contradicted": int(wrong.sum()),
                "new": int(((now != 0) & (ways == 0)).sum()),
                "spent": float(seeds.sum() / values.size),
            }
        )
    return pd.DataFrame(rows)


def _print_replayed(run: Run, studies: int) -> None:
    claims, most = int(comparison_table(run)["supported"].sum()), len(run.spec["seeds"])
    print(f"{run.paths.root.name} in {studies} orders of its seeds, {claims} claims")
    for block, smallest, futility in product((5, 10, 20), (0.02, 0.05, 0.1), (0.0, FUTILITY)):
        looks = Looks((*range(block, most, block), most))
        means = replayed(run, Rule(looks, smallest, futility), studies).mean()
        said = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
        print(
            f"    {block} at a time, smallest {smallest}, futility {futility}: {said}", flush=True
        )


if __name__ == "__main__":
    main()
