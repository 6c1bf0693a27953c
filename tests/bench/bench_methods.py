#!/usr/bin/env python3
"""Accuracy of post-training methods on real models, as a Markdown table.

usage: tests/bench/bench_methods.py DATA [HAQ]

DATA holds one folder per model with model.onnx, calib.npz and eval.npz.  Every
recipe is uniform: all layers, weights per channel, first and last included.
Differences are to the float model on the same samples, in points (percent for
perplexity).  Seconds and peak memory are those of `haq quantize` with the
method.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

WIDTHS = ((8, 8), (6, 6), (4, 8), (3, 8), (2, 8))
METHODS = ("rtn", "clip")
# What is asked for at (weight bits, activation bits): largest drop in points.
GOALS = {("fashion-mnist-cnn", 8): 0.3, ("resnet20-cifar10", 8): 0.3,
         ("resnet20-cifar10", 4): 0.5, ("fashion-mnist-cnn", 4): 0.4,
         ("dscnn-kws", 4): 0.8, ("resnet20-cifar10", 3): 2.0,
         ("fashion-mnist-cnn", 3): 2.0, ("dscnn-kws", 3): 2.0}


def run(*args):
    """Output, seconds and peak memory in MB of one process."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        p = subprocess.Popen([str(a) for a in args], stdout=out)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            sys.exit(f"{' '.join(map(str, args))}: exit {p.returncode}")
        out.seek(0)
        return out.read(), time.monotonic() - start, usage.ru_maxrss / 1024


def accuracy(haq, folder, *more):
    out, _, _ = run(haq, "eval", folder / "model.onnx", "--data",
                    folder / "eval.npz", "--json", "--quiet", *more)
    result = json.loads(out)
    return result["accuracy"]["value"], result["metric"]


def difference(value, full, metric):
    if metric == "perplexity":
        return f"{100 * (value / full - 1):+.1f} %"
    return f"{value - full:+.2f}"


def rows(haq, folder, tmp):
    full, metric = accuracy(haq, folder)
    yield [folder.name, "float", f"{full:.4g}", "", "", "", "", "", ""]
    for w, a in WIDTHS:
        cells, cost = [], None
        for method in METHODS:
            recipe = tmp / f"{folder.name}-w{w}a{a}-{method}.json"
            _, *cost = run(haq, "quantize", folder / "model.onnx", "--calib",
                           folder / "calib.npz", "--weights", f"int{w}",
                           "--activations", f"uint{a}", "--method", method,
                           "--json", "--quiet", "-o", recipe)
            value, _ = accuracy(haq, folder, "--recipe", recipe)
            cells += [f"{value:.4g}", difference(value, full, metric)]
        goal = GOALS.get((folder.name, w)) if a == 8 else None
        yield [folder.name, f"W{w}A{a}", *cells,
               f"{-goal:+.1f}" if goal else "", f"{cost[0]:.2f}",
               f"{cost[1]:.0f}"]


def main():
    data = pathlib.Path(sys.argv[1])
    haq = sys.argv[2] if len(sys.argv) > 2 else "build/bin/haq"
    head = ["model", "widths", *(c for m in METHODS for c in (m, "to float")),
            "goal", "s", "MB"]
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    with tempfile.TemporaryDirectory() as tmp:
        for model in sorted(data.glob("*/model.onnx")):
            for row in rows(haq, model.parent, pathlib.Path(tmp)):
                print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
