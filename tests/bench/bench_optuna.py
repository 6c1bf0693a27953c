#!/usr/bin/env python3
"""`haq search` against Optuna's NSGA-II that drives ONNX Runtime on exported
QDQ candidates: wall time to equal hypervolume, on the same space.

    bench_optuna.py [--model M.onnx --calib C.npz --eval E.npz] [--seeds 1,2,3]
                    [--trials 60] [--limit 600] [--threads 1] [--venv DIR]

What ONNX Runtime can run decides the space: each layer float, or int8 per
channel with static uint8 activations.  Objectives are accuracy on one half of
the evaluation set and stored bytes; the other half is the hold-out.  Optuna's
candidates are made by `haq export` from one calibrated recipe and scored by
ONNX Runtime alone; the final front of haq is exported and scored in the same
way, so that both sides are compared by one judge.  Optuna stops when it has as
much hypervolume, or after --limit seconds.

The script makes a virtual environment of its own (.venv-bench) with optuna,
onnxruntime and numpy.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits"
PACKAGES = ("numpy", "onnxruntime", "optuna")
BATCH = 64


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--haq", default=ROOT / "build" / "bin" / "haq")
    p.add_argument("--model", default=EXAMPLE / "model.onnx")
    p.add_argument("--calib", default=EXAMPLE / "calib.npz")
    p.add_argument("--eval", default=EXAMPLE / "eval.npz")
    p.add_argument("--seeds", default="1,2,3")
    p.add_argument("--trials", type=int, default=60)
    p.add_argument("--limit", type=float, default=600)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--venv", default=ROOT / ".venv-bench")
    return p.parse_args()


def enter(venv):
    """Start again inside the environment, made when it is missing."""
    python = pathlib.Path(venv) / "bin" / "python"
    if os.environ.get("HAQ_BENCH_VENV"):
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    if subprocess.run([python, "-c", "import " + ",".join(PACKAGES)],
                      stderr=subprocess.DEVNULL).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet",
                        "--disable-pip-version-check", *PACKAGES], check=True)
    os.environ["HAQ_BENCH_VENV"] = "1"
    os.execv(python, [python, *sys.argv])


args = arguments()
enter(args.venv)
import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402
import optuna  # noqa: E402


def haq(*words):
    r = subprocess.run([args.haq, *map(str, words)], text=True,
                       capture_output=True)
    if r.returncode:
        raise RuntimeError(f"haq {words[0]}: {r.stderr.strip()}")
    return r.stdout


class Data:
    """The two halves of the evaluation set, as files and as arrays."""

    def __init__(self, folder):
        npz = dict(np.load(args.eval))
        order = np.random.default_rng(0).permutation(len(npz["y"]))
        self.path, self.x, self.y = {}, {}, {}
        for name, part in (("chosen on", order[::2]), ("hold-out", order[1::2])):
            half = {k: v[part] if k in ("x", "y", "group") else v
                    for k, v in npz.items()}
            self.path[name] = folder / f"{name.replace(' ', '-')}.npz"
            np.savez(self.path[name], **half)
            x = half["x"].astype(np.float32)
            shape = [1, -1] + [1] * (x.ndim - 2)
            if "x_scale" in half:
                x = x * half["x_scale"].astype(np.float32).reshape(shape)
            if "x_bias" in half:
                x = x + half["x_bias"].astype(np.float32).reshape(shape)
            self.x[name], self.y[name] = x, half["y"]


class Judge:
    """Accuracy by ONNX Runtime of a recipe exported by haq."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data
        self.full = folder / "int8.json"
        haq("quantize", args.model, "--calib", args.calib, "--weights",
            "int8:channel", "-o", self.full)
        self.recipe = json.loads(self.full.read_text())
        self.layers = [layer["tensor"] for layer in self.recipe["layers"]]
        facts = json.loads(haq("inspect", args.model, "--json"))
        self.rows = {layer["tensor"]: layer for layer in facts["layers"]}
        self.base = sum(4 * self.weights(t) for t in self.layers)

    def weights(self, tensor):
        return self.rows[tensor]["channels"] * self.rows[tensor]["reduction"]

    def bytes(self, quantized):
        """Weights alone: a byte each with a scale per channel, or four."""
        return sum(self.weights(t) + 4 * self.rows[t]["channels"]
                   if t in quantized else 4 * self.weights(t)
                   for t in self.layers)

    def errors(self, quantized, half):
        recipe = dict(self.recipe, layers=[
            layer for layer in self.recipe["layers"]
            if layer["tensor"] in quantized])
        recipe.pop("params", None)
        path, onnx = self.folder / "one.json", self.folder / "one.onnx"
        path.write_text(json.dumps(recipe))
        if quantized:
            haq("export", path, "--format", "onnx-qdq", "--model", args.model,
                "--calib", args.calib, "-o", onnx)
        options = ort.SessionOptions()
        options.intra_op_num_threads = args.threads
        options.log_severity_level = 3
        session = ort.InferenceSession(
            str(onnx if quantized else args.model), options,
            providers=["CPUExecutionProvider"])
        name, x, y = session.get_inputs()[0].name, self.data.x[half], \
            self.data.y[half]
        fixed = session.get_inputs()[0].shape[0]
        batch = fixed if isinstance(fixed, int) else BATCH
        right = 0
        for i in range(0, len(y) - len(y) % batch, batch):
            out = session.run(None, {name: x[i:i + batch]})[0]
            right += int((out.argmax(-1) == y[i:i + batch]).sum())
        n = len(y) - len(y) % batch
        return 100 * (n - right) / n


def volume(points, edge):
    """Hypervolume of (errors, bytes) as a part of the rectangle to `edge`."""
    area, top = 0.0, edge[1]
    for x, y in sorted(points):
        if x < edge[0] and y < top:
            area += (edge[0] - x) * (top - y)
            top = y
    return area / (edge[0] * edge[1])


def run_haq(folder, data, seed):
    space = folder / "space.yaml"
    space.write_text("space: 1\nformats: [int8]\nactivations: [static]\n"
                     "granularities: [channel]\n")
    start = time.monotonic()
    front = json.loads(haq(
        "search", args.model, "--calib", args.calib, "--eval",
        data.path["chosen on"], "--objectives", "accuracy,size", "--space",
        space, "--method", "rtn", "--trials", args.trials, "--seed", seed,
        "--threads", args.threads, "--out", folder / f"job{seed}", "--json",
        "--quiet"))
    seconds = time.monotonic() - start
    return seconds, [{t for t, word in zip(front["layers"],
                                           p["bits"]["layers"]) if word == "8"}
                     for p in front["points"]]


def run_optuna(judge, seed, edge, enough):
    """Seconds and trials until `enough`, or None; the front; the curve."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=["minimize"] * 2,
        sampler=optuna.samplers.NSGAIISampler(seed=seed))
    points, curve, start = {}, [], time.monotonic()
    while time.monotonic() - start < args.limit:
        trial = study.ask()
        quantized = {t for i, t in enumerate(judge.layers)
                     if trial.suggest_categorical(f"layer{i}", [0, 1])}
        key = frozenset(quantized)
        if key not in points:
            points[key] = (judge.errors(quantized, "chosen on"),
                           judge.bytes(quantized))
        study.tell(trial, points[key])
        curve.append((time.monotonic() - start, volume(points.values(), edge)))
        if curve[-1][1] >= enough:
            return curve[-1][0], len(curve), points, curve
    return None, len(curve), points, curve


def best(points, judge):
    """Hold-out accuracy of the most accurate front point that was chosen."""
    key = min(points, key=lambda k: points[k])
    return 100 - judge.errors(set(key), "hold-out")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = Data(folder)
        judge = Judge(folder, data)
        edge = (judge.errors(set(), "chosen on") + 5, 1.1 * judge.base)
        print(f"reference point: {edge[0]:.2f} % errors, {edge[1]:.0f} bytes")
        for seed in map(int, args.seeds.split(",")):
            seconds, front = run_haq(folder, data, seed)
            scored = {frozenset(q): (judge.errors(q, "chosen on"),
                                     judge.bytes(q)) for q in front}
            enough = volume(scored.values(), edge)
            took, trials, points, curve = run_optuna(judge, seed, edge, enough)
            print(f"seed {seed}: haq {seconds:.1f} s, hypervolume "
                  f"{enough:.5f}, hold-out {best(scored, judge):.2f} %")
            print(f"seed {seed}: Optuna with ONNX Runtime "
                  + (f"{took:.1f} s for as much, {took / seconds:.1f} x"
                     if took else f"{curve[-1][1]:.5f} after {args.limit:.0f} "
                     f"s, more than {args.limit / seconds:.1f} x")
                  + f", {trials} trials, hold-out "
                  f"{best(points, judge):.2f} %")
            for t, v in curve[::max(1, len(curve) // 8)]:
                print(f"    {t:8.1f} s  {v:.5f}")


main()
