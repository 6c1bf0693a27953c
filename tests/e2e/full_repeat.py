#!/usr/bin/env python3
"""The same search three times: the knees agree within the intervals that the
fronts print, and where they do not, one contest of the recipes says the same as
the intervals did.  HAQ_REPEAT_TRIALS shortens."""
import itertools
import json
import os
import pathlib

import harness as h

h.need_haq()
TRIALS = os.environ.get("HAQ_REPEAT_TRIALS", "300")
MODELS = ["fashion-mnist-cnn", "dscnn-kws"]
REPEATS = 3
checks = h.Checks()


def knee_of(folder):
    front = json.loads((folder / "front.json").read_text())
    point = next(p for p in front["points"] if p["id"] == front["knee"])
    return dict(point, recipe=str(folder / point["recipe"]))


def overlap(a, b):
    return a["ci_low"] <= b["ci_high"] and b["ci_low"] <= a["ci_high"]


def contest(model, points):
    """Pairwise ratios of the recipes in one run: {(i, j): comparison}."""
    recipes = [x for p in points for x in ("--recipe", p["recipe"])]
    doc = h.haq("bench", model, *recipes, "--budget-ms", "3000", "--json")
    verdicts = {r["verdict"] for r in doc["results"]}
    return doc["comparisons"], verdicts


def one(name, tmp):
    data = h.SHARED / name
    if not data.is_dir():
        h.skip(f"{data} is absent")
    knees = []
    for i in range(REPEATS):
        out = tmp / f"{name}-{i}"
        h.haq("search", data / "model.onnx", "--calib", data / "calib.npz",
              "--eval", data / "eval.npz", "--out", out, "--trials", TRIALS,
              "--max-drop", "2.0", "--seed", "1", timeout=1800)
        knees.append(knee_of(out))
    for i, k in enumerate(knees):
        a, t = k["accuracy"], k["latency_ms"]
        print(f"{name} run {i}: knee {k['id']}  {a['value']:.2f} "
              f"[{a['ci_low']:.2f}, {a['ci_high']:.2f}]  {t['median']:.4f} ms "
              f"[{t['ci_low']:.4f}, {t['ci_high']:.4f}]  {k['size_bytes']} B")
    distinct = {k["id"]: k for k in knees}
    for a, b in itertools.combinations(distinct.values(), 2):
        what = f"{name}: knees {a['id']} and {b['id']}"
        checks.that(overlap(a["accuracy"], b["accuracy"]),
                    f"{what}: accuracies {a['accuracy']} {b['accuracy']}")
        explained(data / "model.onnx", a, b, what)
    if len(distinct) == 1:
        checks.that(True, "")
        print(f"{name}: the same recipe three times")


def explained(model, a, b, what):
    """Side by side, the ratio of the two lies where the fronts' intervals put
    it."""
    pairs, verdicts = contest(model, [a, b])
    pair = next(p for p in pairs if "float" not in (p["faster"], p["slower"])
                and p["caches"] == "warm")
    first = pair["faster"] == a["recipe"]
    fast, slow = (a, b) if first else (b, a)
    low = slow["latency_ms"]["ci_low"] / fast["latency_ms"]["ci_high"]
    high = slow["latency_ms"]["ci_high"] / fast["latency_ms"]["ci_low"]
    seen = [1 + p / 100 for p in pair["percent_ci"]]
    print(f"{what}: side by side {1 + pair['percent'] / 100:.3f} "
          f"[{seen[0]:.3f}, {seen[1]:.3f}] ({', '.join(verdicts)}), by the "
          f"fronts [{low:.3f}, {high:.3f}]")
    checks.that(seen[0] <= high and low <= seen[1],
                f"{what}: the fronts said [{low:.3f}, {high:.3f}]")


with h.scratch() as folder:
    for name in MODELS:
        one(name, pathlib.Path(folder))
checks.finish()
