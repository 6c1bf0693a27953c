#!/usr/bin/env python3
"""Accuracy by calibration method on real models, as a Markdown table.

usage: tests/bench/bench_calibration.py DATA [HAQ]
(with the Python of scripts/test-venv)

DATA holds one folder per model with model.onnx, calib.npz and eval.npz.  Every
recipe is uniform, all layers; weights are rounded to nearest per channel, or at
4 bits clipped, so that what differs is the ranges of the activations.
"""
import pathlib
import sys
import tempfile

from bench_methods import accuracy, difference, run

METHODS = ("minmax", "average:0.01", "percentile:99.9", "percentile:99.99",
           "entropy", "mse", "octav")
WIDTHS = (("W8A8", "int8", "uint8", "rtn"),
          ("W8A4", "int8", "uint4", "rtn"),
          ("W4A4", "int4", "uint4", "clip"))


def main():
    data = pathlib.Path(sys.argv[1])
    haq = sys.argv[2] if len(sys.argv) > 2 else "build/bin/haq"
    models = [m.parent for m in sorted(data.glob("*/model.onnx"))]
    full = {m: accuracy(haq, m) for m in models}
    head = ["widths", "calibration"] + [f"{m.name} ({full[m][0]:.4g})"
                                        for m in models]
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    with tempfile.TemporaryDirectory() as tmp:
        recipe = pathlib.Path(tmp) / "r.json"
        for name, weights, act, tuned in WIDTHS:
            for method in METHODS:
                cells = [name, f"`{method}`"]
                for m in models:
                    run(haq, "quantize", m / "model.onnx", "--calib",
                        m / "calib.npz", "--weights", weights, "--activations",
                        act, "--calibration", method, "--method", tuned,
                        "--quiet", "-o", recipe)
                    value, metric = accuracy(haq, m, "--recipe", recipe)
                    cells.append(difference(value, full[m][0], metric))
                print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
