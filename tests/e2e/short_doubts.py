#!/usr/bin/env python3
"""Layers and data that say too little: quantizing them works, gives finite
answers, and one warning names each layer that it concerns."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

MODEL, CALIB = h.EXAMPLE / "model.onnx", h.EXAMPLE / "calib.npz"
EVAL = h.EXAMPLE / "eval.npz"
METHODS = "clip,gptq,refine,bias"
CALIBRATIONS = ("minmax", "average:0.01", "percentile:99.9", "entropy", "mse",
                "octav")
checks = h.Checks()


def changed(tmp, name, change):
    """The model with initializers put through change(name, array)."""
    model = onnx.load(MODEL)
    for t in model.graph.initializer:
        w = numpy_helper.to_array(t).copy()
        change(t.name, w)
        t.CopyFrom(numpy_helper.from_array(w, t.name))
    path = tmp / f"{name}.onnx"
    onnx.save(model, path)
    return path


def samples(tmp, name, n=None, change=None):
    data = dict(np.load(CALIB))
    data = {k: v[:n] if n and len(v) == len(data["y"]) else v
            for k, v in data.items()}
    if change:
        data["x"] = change(data["x"].astype(np.float32))
    path = tmp / f"{name}.npz"
    np.savez(path, **data)
    return path


def quantized(tmp, model, calib, *more):
    """Warnings of a quantization whose network must have finite answers."""
    recipe, out = tmp / "r.json", tmp / "y.npy"
    r = h.run("quantize", model, "--calib", calib, "--weights", "int4", "-o",
              recipe, *more)
    checks.that(r.returncode == 0, f"{model.name} {more}: {r.stderr}")
    if r.returncode:
        return []
    h.haq("run", model, "-i", EVAL, "--recipe", recipe, "-o", out)
    checks.that(np.isfinite(np.load(out)).all(), f"{model.name} {more}: NaN")
    return [line for line in r.stderr.splitlines() if "warning" in line]


def accuracy(model, *more):
    return h.haq("eval", model, "--data", EVAL, "--json", *more)[
        "accuracy"]["value"]


def plain(tmp):
    lines = quantized(tmp, MODEL, CALIB, "--method", METHODS)
    checks.that(not lines, f"nothing is wrong, but: {lines}")


def zero_channel(tmp):
    def change(name, w):
        if name in ("stem.4.weight", "stem.4.bias"):
            w[3] = 0
    path = changed(tmp, "zeros", change)
    lines = quantized(tmp, path, CALIB, "--method", METHODS)
    checks.that(len(lines) == 1 and "stem.3/Conv" in lines[0] and
                "channel 3 first" in lines[0], f"{lines}")
    drop = accuracy(path) - accuracy(path, "--recipe", tmp / "r.json")
    checks.that(drop < 5, f"{drop} points lost to a channel of zeros")


def constant_layer(tmp):
    """All weights in front of a Relu are 0: the next layer reads the bias."""
    def change(name, w):
        if name == "stem.4.weight":
            w[:] = 0
    path = changed(tmp, "constant", change)
    for method in CALIBRATIONS:
        lines = quantized(tmp, path, CALIB, "--calibration", method)
        checks.that(sum("reads nothing but" in x for x in lines) <= 1,
                    f"{method}: {lines}")
    def all_equal(name, w):
        change(name, w)
        if name == "stem.4.bias":
            w[:] = 0.5
    path = changed(tmp, "equal", all_equal)
    for method in CALIBRATIONS:
        lines = [x for x in quantized(tmp, path, CALIB, "--calibration",
                                      method) if "reads nothing" in x]
        checks.that(len(lines) == 1 and "stem.6/Conv" in lines[0] and
                    "0.5" in lines[0], f"{method}: {lines}")


def one_sample(tmp):
    calib = samples(tmp, "one", 1)
    for method in CALIBRATIONS:
        lines = quantized(tmp, MODEL, calib, "--calibration", method)
        checks.that(len(lines) == 1 and "one.npz holds one sample" in lines[0],
                    f"{method}: {lines}")
    lines = quantized(tmp, MODEL, calib, "--method", METHODS)
    wide = [x for x in lines if "rows of input" in x]
    layers = {x.split("layer ")[1].split(":")[0] for x in wide}
    checks.that(wide and len(layers) == len(wide),
                f"layers wider than one sample: {lines}")
    for x in wide:
        words = x.split()
        rows, k = (int(words[i]) for i in (words.index("rows") - 1,
                                           words.index("weights") - 1))
        checks.that(rows < k, x)
    drop = accuracy(MODEL) - accuracy(MODEL, "--recipe", tmp / "r.json")
    checks.that(drop < 25, f"{drop} points lost with one sample")
    lines = quantized(tmp, MODEL, calib, "--method", "bias")
    checks.that(len(lines) == 1, f"means need no rank: {lines}")
    r = h.run("search", MODEL, "--calib", calib, "--eval", EVAL, "--trials",
              "12", "--objectives", "accuracy,size", "--quiet", "--out",
              tmp / "job")
    seen = [x for x in r.stderr.splitlines() if "rows of input" in x]
    # Its worker says so, and what writes the front's recipes at the end.
    checks.that(r.returncode == 0 and seen and len(seen) <= 2 * len(set(seen)),
                f"search: {r.stderr}")


def not_finite(tmp):
    def poison(x):
        x[7].flat[5] = np.nan
        return x
    calib = samples(tmp, "nan", change=poison)
    def infinite(name, w):
        if name == "stem.6.weight":
            w.flat[0] = np.inf
    def huge(name, w):
        if name in ("stem.4.weight", "stem.6.weight"):
            w *= 1e25
    broken = changed(tmp, "infinite", infinite)
    over = changed(tmp, "over", huge)
    for model, data, more, words in (
            (MODEL, calib, (), ("nan.npz", "sample 7")),
            (broken, CALIB, (), ("stem.6.weight", "infinite")),
            (over, CALIB, (), ("layer /stem/stem.9/Conv", "sample 0")),
            (over, CALIB, ("--method", "gptq", "--activations", "float"),
             ("layer /stem/stem.9/Conv",))):
        r = h.run("quantize", model, "--calib", data, "--weights", "int4",
                  "-o", tmp / "bad.json", *more)
        checks.that(r.returncode == 3 and all(w in r.stderr for w in words),
                    f"{model.name} {more}: exit {r.returncode}: {r.stderr}")
        checks.that(not (tmp / "bad.json").exists(), "a recipe was written")


with h.scratch() as folder:
    path = pathlib.Path(folder)
    for check in (plain, zero_channel, constant_layer, one_sample, not_finite):
        check(path)
checks.finish()
