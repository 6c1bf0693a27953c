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
    recipe = tmp / "groups.json"
    h.haq("quantize", MODEL, "--calib", CALIB, "--weights", "int3:group32",
          "-o", recipe)
    r = h.run("export", recipe, "--model", MODEL, "--format", "onnx-qdq",
              "-o", tmp / "groups.onnx")
    checks.that(r.returncode != 0, "export of groups is refused")
    checks.that(not (tmp / "groups.onnx").exists(), "groups.onnx left behind")


def few_bits(tmp, data):
    """Codes of few bits: integers, simulation and ONNX Runtime agree."""
    for weights in ("ternary", "binary"):
        recipe, path = tmp / f"{weights}.json", tmp / f"{weights}.onnx"
        doc = h.haq("quantize", MODEL, "--calib", CALIB, "--weights", weights,
                    "-o", recipe, "--json")
        checks.that(doc["size_bytes"] < doc["float_size_bytes"] / 7,
                    f"{weights}: {doc['size_bytes']} bytes")
        args = ["eval", MODEL, "--data", EVAL, "--recipe", recipe, "--json"]
        integer, fake = h.haq(*args), h.haq(*args, "--simulate")
        h.haq("export", recipe, "--model", MODEL, "--format", "onnx-qdq",
              "-o", path)
        want, n = h.ort_top1(path, data), len(data["y"])
        allowed = max(1, n // 200)
        for name, got in (("integer", integer), ("simulated", fake)):
            checks.that(abs(got["correct"] - want) <= allowed,
                        f"{weights} {name}: {got['correct']} right, "
                        f"ONNX Runtime {want}")
        print(f"{weights}: {integer['correct']} right, simulated "
              f"{fake['correct']}, ONNX Runtime {want} of {n}")


def bench_of_widths():
    """Uniform formats in one run, with every step's kernel and weights."""
    doc = h.haq("bench", MODEL, "--weights", "float,int8,int2,binary:group64",
                "--layers", "--budget-ms", "50", "--isa", "none", "--json")
    names = [row["recipe"] for row in doc["results"]]
    checks.that(names == ["float", "int8", "int2", "binary:group64"],
                f"bench rows {names}")
    layers = len(h.haq("inspect", MODEL, "--json")["layers"])
    for row in doc["results"]:
        has_keys("bench row", row, "weight_bytes", "steps")
        for step in row["steps"]:
            has_keys("step", step, "step", "layer", "kernel", "ms", "gops",
                     "weight_bytes")
            for isa in ("avx", "neon", "dotprod", "i8mm"):
                checks.that(isa not in step["kernel"],
                            f"--isa none ran {step['kernel']}")
        named = [s for s in row["steps"] if s["layer"]]
        checks.that(sum(s["layout"] for s in row["steps"]) <= 1,
                    f"{row['recipe']}: layout changes inside the network")
        checks.that(len({s["layer"] for s in named}) == layers,
                    f"{row['recipe']}: {len(named)} steps of {layers} layers")
        checks.that(sum(s["weight_bytes"] for s in named) ==
                    row["weight_bytes"], f"{row['recipe']}: weight bytes")


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
    bench_of_widths()
    refused_export(tmp)
    few_bits(tmp, data)
checks.finish()
