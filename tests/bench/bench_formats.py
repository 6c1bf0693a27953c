#!/usr/bin/env python3
"""Accuracy and bits per weight of every weight format on real models, weights
alone (float activations), as a Markdown table.

usage: tests/bench/bench_formats.py DATA [HAQ]

DATA holds one folder per model with model.onnx, calib.npz and eval.npz.  Every
recipe is uniform: all layers, first and last included, no method.  Bits count
scales, zero points and codebooks over all weights of layers.
"""
import json
import pathlib
import sys
import tempfile

from bench_methods import accuracy, difference, run

FORMATS = ("bf16", "fp16", "fp8_e4m3", "fp8_e5m2", "mxfp8_e4m3", "mxfp8_e5m2",
           "mxint8", "int8", "int8:pow2", "mxfp6_e2m3", "mxfp6_e3m2", "cb6",
           "int6", "cb5", "apot5", "int5", "fp4_e2m1", "fp4_e2m1:group32",
           "mxfp4", "nvfp4", "nf4", "nf4_dq", "nf4:channel", "cb4",
           "cb4:channel", "apot4", "pot4", "int4", "int4:group32",
           "uint4:group32", "int4:pow2", "cb3", "cb3:channel", "pot3", "int3",
           "uint3:group32", "cb2", "cb2:channel", "ternary")


def main():
    data = pathlib.Path(sys.argv[1])
    haq = sys.argv[2] if len(sys.argv) > 2 else "build/bin/haq"
    models = [m.parent for m in sorted(data.glob("*/model.onnx"))]
    full = {m: accuracy(haq, m) for m in models}
    weights = {}
    for m in models:
        layers = json.loads(run(haq, "inspect", m / "model.onnx", "--json",
                                "--quiet")[0])["layers"]
        weights[m] = sum(x["channels"] * x["reduction"] for x in layers)
    head = ["weights"] + [f"{m.name} ({full[m][0]:.4g})" for m in models]
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    with tempfile.TemporaryDirectory() as tmp:
        recipe = pathlib.Path(tmp) / "r.json"
        for words in FORMATS:
            cells = [f"`{words}`"]
            for m in models:
                made = json.loads(run(haq, "quantize", m / "model.onnx",
                                      "--weights", words, "--json", "--quiet",
                                      "-o", recipe)[0])
                saved = made["float_size_bytes"] - made["size_bytes"]
                value, metric = accuracy(haq, m, "--recipe", recipe)
                cells.append(f"{difference(value, full[m][0], metric)} at "
                             f"{32 - 8 * saved / weights[m]:.2f}")
            print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
