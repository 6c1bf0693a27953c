#!/usr/bin/env python3
"""haq eval --groups against NumPy on the outputs of haq run."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402

MODEL = h.EXAMPLE / "model.onnx"
EVAL = h.EXAMPLE / "eval.npz"
checks = h.Checks()


def right(tmp, *more):
    h.haq("run", MODEL, "-i", EVAL, "-o", tmp / "y.npy", *more)
    return np.load(tmp / "y.npy").argmax(1) == np.load(EVAL)["y"]


def compare(doc, ids, before, after):
    checks.that([g["group"] for g in doc["groups"]] == sorted(set(ids)),
                "other groups")
    for g in doc["groups"]:
        of = ids == g["group"]
        want = (of.sum(), 100 * before[of].mean(), 100 * after[of].mean())
        got = (g["n"], g["float"]["value"], g["accuracy"]["value"])
        checks.that(np.allclose(got, want), f"{got}, not {want}")
        drop = g["drop"]
        checks.that(abs(drop["value"] - (want[1] - want[2])) < 1e-9 and
                    drop["ci_low"] <= drop["value"] <= drop["ci_high"],
                    f"{drop}")
    worst = max(doc["groups"], key=lambda g: g["drop"]["value"])
    checks.that(doc["worst_group"]["group"] == worst["group"], "the worst")
    checks.that(doc["worst_group"]["drop"]["ci_low"] <=
                worst["drop"]["ci_low"], "picked, and not any wider")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    recipe = tmp / "w3.json"
    h.haq("quantize", MODEL, "--calib", h.EXAMPLE / "calib.npz", "--weights",
          "int3", "-o", recipe)
    before, after = right(tmp), right(tmp, "--recipe", recipe)
    labels = np.load(EVAL)["y"]
    ids = (np.arange(len(labels)) * 7919 % 5 - 2).astype(np.int32)
    np.save(tmp / "g.npy", ids)
    data = tmp / "grouped.npz"
    np.savez(data, **dict(np.load(EVAL)), group=ids)
    common = ["eval", MODEL, "--recipe", recipe, "--json"]
    compare(h.haq(*common, "--data", EVAL, "--groups", "labels"), labels,
            before, after)
    compare(h.haq(*common, "--data", EVAL, "--groups", tmp / "g.npy"), ids,
            before, after)
    compare(h.haq(*common, "--data", data, "--groups", "data"), ids, before,
            after)
    plain = h.haq("eval", MODEL, "--data", EVAL, "--groups", "labels", "--json")
    checks.that(all(g["drop"] is None for g in plain["groups"]), "no recipe")

    np.save(tmp / "short.npy", ids[:-1])
    np.save(tmp / "real.npy", ids.astype(np.float32))
    for bad in (tmp / "short.npy", tmp / "real.npy", tmp / "none.npy", "data"):
        r = h.run("eval", MODEL, "--data", EVAL, "--groups", bad)
        checks.that(r.returncode == 3 and len(r.stderr.splitlines()) == 1,
                    f"{bad}: exit {r.returncode}: {r.stderr}")
    r = h.run("eval", MODEL, "--data", EVAL, "--groups", "labels", "--samples",
              "10")
    checks.that(r.returncode == 2, f"--samples: exit {r.returncode}")
checks.finish()
