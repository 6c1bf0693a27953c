#!/usr/bin/env python3
"""Calibration methods against NumPy: every method makes its own computation
from the activations that ONNX Runtime sees, and the ranges beside the recipe
must be as good."""
import json
import pathlib
import struct

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402

MODEL, CALIB = h.EXAMPLE / "model.onnx", h.EXAMPLE / "calib.npz"
BINS = 2048
checks = h.Checks()


def ranges_of(tmp, method, act):
    """{tensor: (lo, hi)} of the params file."""
    recipe = tmp / "r.json"
    h.haq("quantize", MODEL, "--calib", CALIB, "--weights", "int8",
          "--activations", act, "--calibration", method, "-o", recipe)
    checks.that(json.loads(recipe.read_text())["calibration"]["method"] ==
                method, f"the recipe names {method}")
    raw = recipe.with_suffix(".safetensors").read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    own = {k[4:-len(act) - 1]: v for k, v in head.items()
           if k.startswith("act/") and k.endswith(":" + act)}
    every = {k[4:]: v for k, v in head.items() if k.startswith("act/")}
    return {k: np.frombuffer(raw[8 + n:][slice(*own.get(k, v)[
        "data_offsets"])], "<f4").astype(np.float64)
        for k, v in every.items() if ":" not in k}


def read_by_layers():
    """The others' inputs are always uint8."""
    return {n.input[0] for n in onnx.load(MODEL).graph.node
            if n.op_type in ("Conv", "Gemm", "MatMul")}


def activations(tensors):
    """What ONNX Runtime computes for them on the calibration set."""
    model = onnx.load(MODEL)
    inputs = {i.name for i in model.graph.input}
    names = sorted(tensors - inputs)
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    import onnxruntime as ort
    session = ort.InferenceSession(model.SerializeToString(),
                                   providers=["CPUExecutionProvider"])
    x = h.inputs(np.load(CALIB)).astype(np.float32)
    first = session.get_inputs()[0].name
    out = dict(zip(names, session.run(names, {first: x})))
    out.update({n: x for n in tensors & inputs})
    return out


def codes(act, lo, hi):
    """scale, zero point, lowest and highest code."""
    bits, lo, hi = int(act[-1]), min(lo, 0), max(hi, 0)
    if act[0] == "u":
        scale = (hi - lo) / (2 ** bits - 1) or 1
        return scale, np.clip(np.rint(-lo / scale), 0, 2 ** bits - 1), 0, \
            2 ** bits - 1
    top = 2 ** (bits - 1) - 1
    return max(-lo, hi) / top or 1, 0, -top, top


def fine(x):
    """Values and how many, without the zeros: as good as all values at a
    hundredth of the time."""
    n, edges = np.histogram(x[x != 0], 30000)
    return (edges[1:] + edges[:-1])[n > 0] / 2, n[n > 0]


def error(x, n, act, lo, hi):
    scale, zero, qmin, qmax = codes(act, lo, hi)
    q = np.clip(np.rint(x / scale) + zero, qmin, qmax)
    return float((n * (x - (q - zero) * scale) ** 2).sum())


def minmax(x, act, lo, hi):
    return np.allclose([lo, hi], [x.min(), x.max()], rtol=1e-4, atol=1e-5)


def average(x, act, lo, hi):
    low, high = None, None
    for s in x.reshape(len(x), -1):
        low = s.min() if low is None else low + 0.01 * (s.min() - low)
        high = s.max() if high is None else high + 0.01 * (s.max() - high)
    return np.allclose([lo, hi], [low, high], rtol=1e-3, atol=1e-4)


def percentile(x, act, lo, hi):
    want = np.percentile(x, [0.05, 99.95])
    return np.allclose([lo, hi], want, atol=2 * np.ptp(x) / BINS)


def candidates(x, act):
    if act[0] != "u":
        return [(-t, t) for t in np.linspace(0.01, 1, 100) * abs(x).max()]
    lows = np.linspace(x.min(), 0, 12) if x.min() < 0 else [0]
    return [(a, b) for a in lows for b in np.linspace(0.04, 1, 49) * x.max()]


def mse(x, act, lo, hi):
    few = fine(x)
    best = min(error(*few, act, *r) for r in candidates(x, act))
    return error(*few, act, lo, hi) <= 1.01 * best


def octav(x, act, lo, hi):
    """Its own model of the noise, over a grid of ranges."""
    bits, few, n = int(act[-1]), *fine(x)
    steps = 2 ** bits - 1 if act[0] == "u" else 2 ** (bits - 1) - 1

    def noise(lo, hi):
        inside = n[(few >= lo) & (few <= hi)].sum()
        width = hi - lo if act[0] == "u" else hi
        return (width / steps) ** 2 / 12 * inside + (
            n * (few - np.clip(few, lo, hi)) ** 2).sum()
    if act[0] != "u" and not np.isclose(lo, -hi):
        return False
    best = min(noise(*r) for r in candidates(x, act))
    return noise(lo, hi) <= 1.02 * best


def divergence(hist, i, levels):
    """KL of a histogram clipped behind bin i and of its quantized form, as in
    TensorRT's calibration, written with np.digitize."""
    p = hist[:i].copy()
    p[-1] += hist[i:].sum()
    digit = np.digitize(np.arange(i) + 1e-9, np.linspace(0, i, levels + 1)) - 1
    mass = np.bincount(digit, hist[:i], levels)
    full = np.bincount(digit, hist[:i] > 0, levels)
    q = np.where(hist[:i] > 0, (mass / np.maximum(full, 1))[digit], 0)
    if q.sum() == 0 or (q[p > 0] == 0).any():
        return np.inf
    p, q = p / p.sum(), q / q.sum()
    return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())


def entropy(x, act, lo, hi):
    """Bins of [min, max] are folded into bins of |x|: of tensors with two ends
    the histograms differ a little, so a flat minimum may lie elsewhere."""
    hist, edges = np.histogram(np.abs(x), BINS)
    hist = hist.astype(np.float64)
    hist[0] = hist[1]

    def at(i):
        levels, top = 2 ** (int(act[-1]) - 1), edges[i]
        if act[0] == "u":
            low = min(max(x.min(), -top), 0)
            levels = int(round(2 * levels * top / (min(x.max(), top) - low)))
        if i < levels or hist[:i].sum() < 0.9 * hist.sum():
            return np.inf
        return divergence(hist, i, levels)
    mine = int(round(max(-lo, hi) / edges[1]))
    ours = min(at(i) for i in range(mine - 2, min(mine + 3, BINS + 1)))
    best = min(at(i) for i in range(4, BINS + 1, 13))
    return ours <= best * (1.02 if x.min() >= 0 else 1.2)


METHODS = (("minmax", minmax), ("average:0.01", average),
           ("percentile:99.9", percentile), ("entropy", entropy),
           ("mse", mse), ("octav", octav))


def against_numpy(tmp):
    seen, layers = None, read_by_layers()
    for method, good in METHODS:
        for act in ("uint8", "int8", "uint4"):
            ranges = ranges_of(tmp, method, act)
            seen = seen or activations(set(ranges))
            checks.that(len(ranges) > 4, f"only {len(ranges)} ranges")
            for tensor, (lo, hi) in ranges.items():
                x = seen[tensor].astype(np.float64)
                words = act if tensor in layers else "uint8"
                checks.that(good(x, words, lo, hi),
                            f"{method} {words} {tensor}: {lo} .. {hi} of "
                            f"{x.min()} .. {x.max()}")


def clipping_differs_from_minmax(tmp):
    """Not ONNX Runtime's trap: entropy that has one candidate."""
    whole, entropy4 = (ranges_of(tmp, m, "uint4") for m in
                       ("minmax", "entropy"))
    cut = sum(not np.allclose(whole[t], entropy4[t]) for t in whole)
    checks.that(cut > len(whole) // 2, f"{cut} of {len(whole)} were clipped")


def words(tmp):
    text = h.haq("quantize", "--help")
    checks.that("average:C" in text and "octav" in text, "help names methods")
    for command in ("quantize", "search", "sensitivity"):
        r = h.run(command, MODEL, "--calib", CALIB, "--calibration", "kl",
                  *(("-o", tmp / "x.json") if command == "quantize" else ()),
                  *(("--eval", h.EXAMPLE / "eval.npz", "--out", tmp / "job")
                    if command == "search" else ()))
        checks.that(r.returncode == 2 and "entropy" in r.stderr,
                    f"{command}: exit {r.returncode}: {r.stderr}")


with h.scratch() as folder:
    path = pathlib.Path(folder)
    against_numpy(path)
    clipping_differs_from_minmax(path)
    words(path)
checks.finish()
