#!/usr/bin/env python3
"""The bundled example through every command, against ONNX Runtime."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402

MODEL = h.EXAMPLE / "model.onnx"
CALIB = h.EXAMPLE / "calib.npz"
EVAL = h.EXAMPLE / "eval.npz"
checks = h.Checks()


def has_keys(where, document, *keys):
    for key in keys:
        checks.that(key in document, f"{where} lacks the key {key}")


def inspect():
    doc = h.haq("inspect", MODEL, "--json")
    has_keys("inspect", doc, "layers")
    layers = doc["layers"]
    macs = sum(layer.get("macs", 0) for layer in layers)
    checks.that(len(layers) >= 8, f"only {len(layers)} layers")
    checks.that(macs >= 2_000_000, f"only {macs} multiply-adds")


def accuracy(data):
    doc = h.haq("eval", MODEL, "--data", EVAL, "--json")
    has_keys("eval", doc, "accuracy", "correct", "samples_per_second")
    has_keys("accuracy", doc["accuracy"], "value", "ci_low", "ci_high", "n")
    want = h.ort_top1(MODEL, data)
    checks.that(doc["correct"] == want,
                f"float: {doc['correct']} right, ONNX Runtime {want}")
    checks.that(doc["accuracy"]["n"] == len(data["y"]), "n of samples")


def outputs(tmp, data):
    x = h.inputs(data)[:32]
    np.save(tmp / "x.npy", x)
    h.haq("run", MODEL, "-i", tmp / "x.npy", "-o", tmp / "y.npy")
    got, want = np.load(tmp / "y.npy"), h.ort_outputs(MODEL, x)
    checks.that(got.shape == want.shape, f"run: shape {got.shape}")
    checks.that(np.abs(got - want).max() <= 1e-4 * np.abs(want).max(),
                "run: outputs differ from ONNX Runtime")


def exported(tmp, data):
    recipe, qdq = tmp / "int8.json", tmp / "int8.onnx"
    h.haq("quantize", MODEL, "--calib", CALIB, "--weights", "int8:channel",
          "--activations", "uint8", "-o", recipe)
    doc = h.haq("eval", MODEL, "--data", EVAL, "--recipe", recipe, "--json")
    h.haq("export", recipe, "--model", MODEL, "--format", "onnx-qdq",
          "-o", qdq)
    want = h.ort_top1(qdq, data)
    allowed = max(1, len(data["y"]) // 1000)
    checks.that(abs(doc["correct"] - want) <= allowed,
                f"int8: {doc['correct']} right, ONNX Runtime {want}")
    print(f"int8: {doc['correct']} right, ONNX Runtime {want}")
    return recipe


def refused_export(tmp):
    recipe = tmp / "int3.json"
    h.haq("quantize", MODEL, "--calib", CALIB, "--weights", "int3:channel",
          "-o", recipe)
    r = h.run("export", recipe, "--model", MODEL, "--format", "onnx-qdq",
              "-o", tmp / "int3.onnx")
    checks.that(r.returncode != 0, "export of int3 weights is refused")
    checks.that(not (tmp / "int3.onnx").exists(), "int3.onnx left behind")


def bench(recipe):
    doc = h.haq("bench", MODEL, "--recipe", recipe, "--json")
    has_keys("bench", doc, "results")
    for row in doc["results"]:
        has_keys("bench row", row, "recipe", "device", "threads", "batch",
                 "latency_ms", "speedup", "verdict")
        has_keys("latency", row["latency_ms"], "median", "ci_low", "ci_high",
                 "rounds")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    data = dict(np.load(EVAL))
    inspect()
    accuracy(data)
    outputs(tmp, data)
    bench(exported(tmp, data))
    refused_export(tmp)
checks.finish()
