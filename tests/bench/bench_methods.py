#!/usr/bin/env python3
"""Accuracy of post-training methods on real models, as a Markdown table.

usage: tests/bench/bench_methods.py DATA [HAQ] [--compare|--train] [MODEL...]

DATA holds one folder per model with model.onnx, calib.npz and eval.npz.  Every
recipe is uniform: all layers, weights per channel (in groups where it says so),
first and last included.  "tuned" is --method clip,gptq,refine,bias, with
--calibration mse for activations below 8 bits.  Differences are to the float
model on the same samples, paired, with 95 % intervals, in points (percent for
perplexity); "agree" is how often both say the same, in percent.  Seconds and
peak memory are those of the tuning `haq quantize`.

--compare: methods beside each other: at weights of 3 bits, where they differ
most, and for a language model those that change the graph.  It takes long.
--train: methods that train, behind "tuned", where few bits cost most: brecq on
the calibration data, qat on train.npz where there is one.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

WIDTHS = ((8, 8), (6, 6), (4, 8), (4, 4), (3, 8), (2, 8))
# Language models as they are deployed: weights in groups, activations float.
GROUPED = ("int6:group32", "int4:group32", "uint4:group32", "uint3:group32",
           "uint2:group32")
TUNED = "clip,gptq,refine,bias"
# What is asked for at (weight bits, activation bits): largest drop in points.
GOALS = {("fashion-mnist-cnn", 8): 0.3, ("resnet20-cifar10", 8): 0.3,
         ("resnet20-cifar10", 4): 0.5, ("fashion-mnist-cnn", 4): 0.4,
         ("dscnn-kws", 4): 0.8, ("resnet20-cifar10", 3): 2.0,
         ("fashion-mnist-cnn", 3): 2.0, ("dscnn-kws", 3): 2.0,
         ("resnet20-cifar10", 2): 5.0, ("fashion-mnist-cnn", 2): 3.0,
         ("stories260k-lm", "int6:group32"): 0.7,
         ("stories260k-lm", "uint4:group32"): 5.5,
         ("stories260k-lm", "uint3:group32"): 40}

# Beside each other: weights, activations, methods.
ROUNDED = ("rtn", "clip", "clip,gptq", "clip,refine", "clip,adaround",
           "clip,adaquant", "clip,gptq,refine,bias", "clip,adaround,refine,bias",
           "clip,adaquant,bias", "clip,gptq,adaquant,bias")
MOVED = ("rtn", "hadamard", "smoothquant", "hadamard,smoothquant", "outliers")
COMPARED = {
    "stories260k-lm":
        [("int3:group32", "float", m) for m in (*ROUNDED, "awq", "hadamard")] +
        [("int4:group32", "float", m) for m in
         ("rtn", "hadamard", "clip", "awq", "clip,gptq", "awq,gptq")] +
        [("int4:tensor", "float", m) for m in
         ("rtn", "ocs", "refine", "ocs,refine")] +
        [(f"int{b}", f"uint{b}", m) for b in (8, 6) for m in MOVED]}

TRAINED = (("int4", "uint4"), ("int2", "uint8"))
TRAINED_TEXT = (("int4", "uint8"), ("uint3:group32", "float"))


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


class Reference:
    """The float model's answers, sample by sample."""

    def __init__(self, haq, folder, tmp):
        self.haq, self.folder, self.tmp = haq, folder, tmp
        self.value, self.metric = accuracy(haq, folder)
        self.labels = np.load(folder / "eval.npz")["y"]
        self.counts = self.metric == "top1"
        if self.counts:
            self.answers = self.outputs()

    def outputs(self, *more):
        out = self.tmp / "outputs.npy"
        run(self.haq, "run", self.folder / "model.onnx", "-i",
            self.folder / "eval.npz", "--quiet", "-o", out, *more)
        y = np.load(out)
        return y.reshape(len(self.labels), -1).argmax(axis=1)

    def compare(self, recipe):
        """Accuracy, paired difference with its 95 % interval, agreement."""
        value, _ = accuracy(self.haq, self.folder, "--recipe", recipe)
        if not self.counts:
            return [f"{value:.4g}", f"{100 * (value / self.value - 1):+.1f} %",
                    ""]
        got = self.outputs("--recipe", recipe)
        d = ((got == self.labels).astype(float) -
             (self.answers == self.labels).astype(float)) * 100
        half = 1.96 * d.std(ddof=1) / math.sqrt(len(d))
        return [f"{value:.4g}", f"{d.mean():+.2f} ± {half:.2f}",
                f"{100 * (got == self.answers).mean():.1f}"]


def quantize(haq, folder, recipe, weights, acts, *more):
    return run(haq, "quantize", folder / "model.onnx", "--calib",
               folder / "calib.npz", "--weights", weights, "--activations",
               acts, "--json", "--quiet", "-o", recipe, *more)[1:]


def rows(haq, folder, tmp):
    ref = Reference(haq, folder, tmp)
    yield [folder.name, "float", f"{ref.value:.4g}"] + [""] * 8
    formats = [(f"int{w}", f"uint{a}", f"W{w}A{a}", w) for w, a in WIDTHS]
    if ref.metric == "perplexity":
        formats += [(w, "float", f"{w}, float", w) for w in GROUPED]
    recipe = tmp / "r.json"
    for weights, acts, name, key in formats:
        few = acts not in ("uint8", "float")
        quantize(haq, folder, recipe, weights, acts)
        cells = ref.compare(recipe)
        cost = quantize(haq, folder, recipe, weights, acts, "--method", TUNED,
                        *(("--calibration", "mse") if few else ()))
        cells += ref.compare(recipe)
        goal = None if few else GOALS.get((folder.name, key))
        yield [folder.name, name, *cells, f"{goal:g}" if goal else "",
               f"{cost[0]:.1f}", f"{cost[1]:.0f}"]


def compared(haq, folder, tmp):
    ref = Reference(haq, folder, tmp)
    recipe = tmp / "r.json"
    for weights, acts, methods in COMPARED.get(
            folder.name, [("int3", "uint8", m) for m in ROUNDED]):
        cost = quantize(haq, folder, recipe, weights, acts, "--method", methods)
        yield [folder.name, f"{weights}, {acts}", methods, *ref.compare(recipe),
               f"{cost[0]:.1f}", f"{cost[1]:.0f}"]


def trained(haq, folder, tmp):
    ref = Reference(haq, folder, tmp)
    recipe = tmp / "r.json"
    train = folder / "train.npz"
    widths = TRAINED_TEXT if ref.metric == "perplexity" else TRAINED
    for weights, acts in widths:
        for more in ("", ",brecq", ",qat"):
            cost = quantize(haq, folder, recipe, weights, acts, "--method",
                            TUNED + more, "--calibration", "mse",
                            *(("--train", train)
                              if more == ",qat" and train.exists() else ()))
            yield [folder.name, f"{weights}, {acts}", TUNED + more,
                   *ref.compare(recipe), f"{cost[0]:.1f}", f"{cost[1]:.0f}"]


HEADS = {rows: ["model", "widths", "rtn", "to float", "agree", "tuned",
                "to float", "agree", "may lose", "s", "MB"],
         trained: ["model", "widths", "methods", "accuracy", "to float",
                   "agree", "s", "MB"],
         compared: ["model", "widths", "methods", "accuracy", "to float",
                    "agree", "s", "MB"]}


def main():
    tables = {"--compare": compared, "--train": trained}
    args = [a for a in sys.argv[1:] if a not in tables]
    table = next((tables[a] for a in sys.argv if a in tables), rows)
    data = pathlib.Path(args[0])
    haq = args[1] if len(args) > 1 else "build/bin/haq"
    head = HEADS[table]
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    with tempfile.TemporaryDirectory() as tmp:
        for model in sorted(data.glob("*/model.onnx")):
            if args[2:] and model.parent.name not in args[2:]:
                continue
            for row in table(haq, model.parent, pathlib.Path(tmp)):
                print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
