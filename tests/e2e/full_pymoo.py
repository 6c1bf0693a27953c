#!/usr/bin/env python3
"""NSGA-II covers as much as pymoo's at equal evaluations, within the noise of
seeds; hypervolume and IGD+ are pymoo's numbers.

Both search the same integers: ZDT1-3 and DTLZ2 with every variable cut into
1,001 values, and a knapsack of two profits. pymoo breeds with its own integer
operators (SBX and polynomial mutation, rounded; for the knapsack uniform
crossover and bit flips). Its problems compute the objectives of both.
"""
import subprocess
import sys

import harness as h

h.need_packages("pymoo")
import numpy as np  # noqa: E402
from pymoo.algorithms.moo.nsga2 import NSGA2  # noqa: E402
from pymoo.core.problem import Problem  # noqa: E402
from pymoo.indicators.hv import HV  # noqa: E402
from pymoo.indicators.igd_plus import IGDPlus  # noqa: E402
from pymoo.operators.crossover.sbx import SBX  # noqa: E402
from pymoo.operators.crossover.ux import UX  # noqa: E402
from pymoo.operators.mutation.bitflip import BitflipMutation  # noqa: E402
from pymoo.operators.mutation.pm import PM  # noqa: E402
from pymoo.operators.repair.rounding import RoundingRepair  # noqa: E402
from pymoo.operators.sampling.rnd import (BinaryRandomSampling,  # noqa: E402
                                          IntegerRandomSampling)
from pymoo.optimize import minimize  # noqa: E402
from pymoo.problems import get_problem  # noqa: E402

PIPE = h.BIN.parent / "tests" / "pipe_search"
SEEDS = range(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
POPULATION, VALUES = 100, 1001


class Grid(Problem):
    """A problem of pymoo's with its variables on a grid."""

    def __init__(self, inner):
        super().__init__(n_var=inner.n_var, n_obj=inner.n_obj, xl=0,
                         xu=VALUES - 1, vtype=int)
        self.inner, self.values = inner, [VALUES] * inner.n_var

    def _evaluate(self, x, out, *args, **kwargs):
        part = np.asarray(x, float) / (VALUES - 1)
        unit = self.inner.xl + part * (self.inner.xu - self.inner.xl)
        out["F"] = self.inner.evaluate(unit, return_values_of=["F"])


class Knapsack(Problem):
    """100 things of two profits, half of their weight may be carried."""

    def __init__(self):
        super().__init__(n_var=100, n_obj=2, n_ieq_constr=1, xl=0, xu=1,
                         vtype=bool)
        rng = np.random.default_rng(1)
        self.profit = rng.integers(10, 101, (100, 2))
        self.weight = rng.integers(10, 101, 100)
        self.values = [2] * 100

    def _evaluate(self, x, out, *args, **kwargs):
        x = np.asarray(x, int)
        out["F"] = -(x @ self.profit)
        out["G"] = (x @ self.weight - self.weight.sum() / 2)[:, None]


def of_pymoo(problem, evaluations, seed):
    if isinstance(problem, Knapsack):
        operators = dict(sampling=BinaryRandomSampling(), crossover=UX(),
                         mutation=BitflipMutation())
    else:
        operators = dict(
            sampling=IntegerRandomSampling(),
            crossover=SBX(prob=0.9, eta=15, vtype=float,
                          repair=RoundingRepair()),
            mutation=PM(eta=20, vtype=float, repair=RoundingRepair()))
    result = minimize(problem, NSGA2(pop_size=POPULATION, **operators,
                                     eliminate_duplicates=True),
                      ("n_eval", evaluations), seed=seed)
    return np.atleast_2d(result.F) if result.F is not None else None


def survivors(f, population):
    """What a population keeps of all: as pymoo returns no more than that."""
    keep = []
    for i in np.lexsort(f.T[::-1]):
        if not any((f[j] <= f[i]).all() for j in keep):
            keep.append(i)
    return f[keep]


def of_ours(problem, evaluations, seed, name="nsga2"):
    pipe = subprocess.Popen(
        [str(PIPE), "ask", name, str(problem.n_obj), str(POPULATION),
         str(seed), *map(str, problem.values)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told, n = [], 0
    while n < evaluations:
        rows = []
        for line in pipe.stdout:
            if line[0] in "we":
                break
            rows.append([int(w) for w in line.split()])
        x = np.array(rows)[:, 1:]
        out = problem.evaluate(x, return_as_dictionary=True)
        f = out["F"]
        g = out.get("G")
        g = np.zeros(len(f)) if g is None or not g.size else g.max(1)
        for row, y, v in zip(rows, f, np.maximum(g, 0)):
            print(row[0], *map(repr, map(float, y)), float(v),
                  file=pipe.stdin)
        pipe.stdin.flush()
        told.append(f[g <= 0])
        n += len(rows)
    pipe.stdin.close()
    pipe.stdout.close()
    pipe.wait()
    return survivors(np.concatenate(told), POPULATION)


def indicator(name, f, last):
    words = [name, f.shape[1], len(f), *f.ravel().tolist(),
             *np.ravel(last).tolist()]
    return float(subprocess.run([str(PIPE), *map(str, words)], check=True,
                                text=True, capture_output=True).stdout)


def thinned(f, most):
    """As many points as a population has, the least crowded ones."""
    from pymoo.operators.survival.rank_and_crowding.metrics import \
        calc_crowding_distance
    while len(f) > most:
        f = np.delete(f, np.argmin(calc_crowding_distance(f)), axis=0)
    return f


checks = h.Checks()
if not PIPE.exists():
    h.skip(f"{PIPE} is not built")

rng = np.random.default_rng(5)
for m in (2, 3, 4):
    f = rng.random((40, m))
    z = rng.random((25, m))
    ref = np.full(m, 0.9)
    ours, theirs = indicator("hypervolume", f, ref), HV(ref_point=ref)(f)
    checks.that(abs(ours - theirs) < 1e-12, f"hypervolume {ours}, {theirs}")
    ours, theirs = indicator("igd+", f, z), IGDPlus(z)(f)
    checks.that(abs(ours - theirs) < 1e-12, f"IGD+ {ours}, {theirs}")

PROBLEMS = {
    "zdt1": (Grid(get_problem("zdt1")), 10000, [1.1, 1.1]),
    "zdt2": (Grid(get_problem("zdt2")), 10000, [1.1, 1.1]),
    "zdt3": (Grid(get_problem("zdt3")), 10000, [1.1, 1.1]),
    "dtlz2": (Grid(get_problem("dtlz2", n_var=12, n_obj=3)), 10000, [1.1] * 3),
    "knapsack": (Knapsack(), 10000, None),
}
for name in sys.argv[2:] or PROBLEMS:
    problem, evaluations, ref = PROBLEMS[name]
    if ref is None:
        ref = -problem.profit.sum(0) * 0.3
    hv = HV(ref_point=np.array(ref, float))
    theirs = np.array([hv(of_pymoo(problem, evaluations, s)) for s in SEEDS])
    ours = np.array([hv(thinned(of_ours(problem, evaluations, s), POPULATION))
                     for s in SEEDS])
    noise = np.hypot(theirs.std(ddof=1), ours.std(ddof=1)) / len(SEEDS) ** .5
    print(f"{name}: hypervolume {ours.mean():.6g} +- {ours.std(ddof=1):.2g}, "
          f"pymoo {theirs.mean():.6g} +- {theirs.std(ddof=1):.2g}",
          flush=True)
    checks.that(ours.mean() > theirs.mean() - 3 * noise,
                f"{name}: below pymoo by more than three standard errors")
checks.finish()
