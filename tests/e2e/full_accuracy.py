#!/usr/bin/env python3
"""The accuracy table: every shared model, float and six quantizations, against
the reference numbers of its meta.json; exports against ONNX Runtime; integer
execution against simulation."""
import json
import pathlib
import sys

import harness as h

h.need_haq()
if not h.SHARED.is_dir():
    h.skip(f"{h.SHARED} is absent")
h.need_packages()
import numpy as np  # noqa: E402

# Row of meta.json, weights, activations.
VARIANTS = [
    ("fp32", None, None),
    ("int8 QDQ W8A8", "int8:channel", "uint8"),
    ("W6 per-channel", "int6:channel", "float"),
    ("W4 per-channel", "int4:channel", "float"),
    ("W4 g32", "int4:group32", "float"),
    ("W3 per-channel", "int3:channel", "float"),
]
# Integer execution against --simulate; the last is the share that must agree.
INTEGER = [
    ("int8:channel", "uint8", 0.999), ("int8:tensor", "uint8", 0.999),
    ("int8:channel", "uint8:dynamic", 0.999), ("int6:channel", "uint8", 0.999),
    ("int4:channel", "uint8", 0.999), ("int4:group32", "uint8", 0.999),
    ("int3:channel", "uint8", 0.99), ("int2:group32", "uint8", 0.99),
]
# The widths between, where a run is short.
BETWEEN = [("int7:channel", "uint8", 0.999), ("int5:channel", "uint8", 0.999),
           ("int7:group32", "uint8:dynamic", 0.999),
           ("int5:group32", "uint8:dynamic", 0.999)]
SHORT = ("fashion-mnist-cnn", "resnet20-cifar10")
EXPORTED = ("resnet20-cifar10", "stories260k-lm")
checks = h.Checks()


class Model:
    def __init__(self, folder, tmp):
        self.folder, self.tmp, self.name = folder, tmp, folder.name
        self.meta = json.loads((folder / "meta.json").read_text())
        self.onnx, self.data = folder / "model.onnx", folder / "eval.npz"
        self.text = self.meta["metric"] == "perplexity"

    def recipe(self, weights, activations):
        stem = f"{self.name}-{weights}-{activations}".replace(":", "_")
        path = self.tmp / f"{stem}.json"
        if not path.exists():
            h.haq("quantize", self.onnx, "--calib", self.folder / "calib.npz",
                  "--weights", weights, "--activations", activations,
                  "-o", path)
        return path

    def evaluate(self, recipe=None, *more):
        args = ["--recipe", recipe] if recipe else []
        return h.haq("eval", self.onnx, "--data", self.data, *args, *more,
                     "--json", timeout=3600)

    def reference(self, variant):
        value = self.meta["reference"][variant]
        return value[1] if self.text else value


def allowance(model, variant, want, n):
    """The largest difference from the reference, in the metric's units."""
    if model.text:
        return want * (0.001 if variant == "fp32" else 0.005)
    if variant == "fp32":
        return max(0.05, 100 / n) + 1e-9
    if variant == "int8 QDQ W8A8":
        return 0.3 + 1e-9
    return max(0.3, 100 / n) + 1e-9


def table(model):
    for variant, weights, activations in VARIANTS:
        recipe = model.recipe(weights, activations) if weights else None
        doc = model.evaluate(recipe)
        got, n = doc["accuracy"]["value"], doc["accuracy"]["n"]
        want = model.reference(variant)
        may = allowance(model, variant, want, n)
        good = checks.that(abs(got - want) <= may,
                           f"{model.name} {variant}: {got:.4f}, not {want:.4f}")
        print(f"{model.name:20} {variant:16} {got:10.4f} {want:10.4f} "
              f"{got - want:+9.4f} {may:8.4f}  {'ok' if good else 'NO'}",
              flush=True)


def golden(model):
    data = np.load(model.folder / "golden.npz")
    x, y = model.tmp / "x.npy", model.tmp / "y.npy"
    np.save(x, data["x"])
    h.haq("run", model.onnx, "-i", x, "-o", y)
    worst = np.abs(np.load(y) - data["out"]).max() / np.abs(data["out"]).max()
    checks.that(worst <= 1e-4, f"{model.name}: golden outputs {worst:.2e} off")
    print(f"{model.name:20} golden outputs differ by {worst:.1e}")


def exported(model):
    recipe = model.recipe("int8:channel", "uint8")
    path = model.tmp / f"{model.name}-qdq.onnx"
    h.haq("export", recipe, "--model", model.onnx, "--format", "onnx-qdq",
          "-o", path)
    doc, data = model.evaluate(recipe), dict(np.load(model.data))
    if model.text:
        got, want = doc["accuracy"]["value"], h.ort_perplexity(path, data)
        may = want * 0.003
    else:
        got, want = doc["correct"], h.ort_top1(path, data)
        may = max(1, len(data["y"]) // 1000)
    checks.that(abs(got - want) <= may,
                f"{model.name} exported: {got}, ONNX Runtime {want}")
    print(f"{model.name:20} exported int8: {got}, ONNX Runtime {want}")


def run_outputs(model, recipe, name, *more):
    path = model.tmp / f"{name}.npy"
    h.haq("run", model.onnx, "--recipe", recipe, "-i", model.data, "-o", path,
          *more, timeout=3600)
    return np.load(path).argmax(-1).reshape(-1)


def simulated(model):
    formats = INTEGER + (BETWEEN if model.name in SHORT else [])
    for weights, activations, share in formats:
        recipe = model.recipe(weights, activations)
        integer = run_outputs(model, recipe, "integer")
        fake = run_outputs(model, recipe, "fake", "--simulate")
        n, differ = len(integer), int((integer != fake).sum())
        may = max(1, int(n * (1 - share) + 1e-6))
        checks.that(differ <= may, f"{model.name} {weights} {activations}: "
                    f"{differ} of {n} differ from --simulate, {may} may")
        print(f"{model.name:20} {weights:14} {activations:14} "
              f"{differ:4} of {n} differ from --simulate, "
              f"{100 * differ / n:.3f} %", flush=True)


only = sys.argv[1:]
with h.scratch() as folder:
    models = [Model(p, pathlib.Path(folder))
              for p in sorted(h.SHARED.iterdir())
              if (p / "meta.json").exists() and (not only or p.name in only)]
    print(f"{'model':20} {'variant':16} {'haq':>10} {'reference':>10} "
          f"{'difference':>9} {'allowed':>8}")
    for m in models:
        table(m)
    for m in models:
        golden(m)
    for m in models:
        if m.name in EXPORTED:
            exported(m)
    for m in models:
        simulated(m)
checks.finish()
