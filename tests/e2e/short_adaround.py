#!/usr/bin/env python3
"""AdaRound and AdaQuant against NumPy, written from the papers: descent on the
error of one layer's output, seen through the second moments of its inputs."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(5)
N, K, QMAX, STEPS = 16, 40, 3, 500


def make_model(path):
    w = rng.normal(size=(N, K)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["fc"], transB=1)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", K])],
        [helper.make_tensor_value_info("fc", TensorProto.FLOAT, ["n", N])],
        [numpy_helper.from_array(w, "w")])
    h.save_model(graph, path)
    return w.astype(np.float64)


def tune(tmp, method):
    out = tmp / f"{method}.json"
    r = h.run("quantize", tmp / "m.onnx", "--calib", tmp / "c.npz",
              "--weights", "int3", "--activations", "float", "--method",
              method, "-o", out)
    checks.that(r.returncode == 0, f"{method}: {r.stderr[:300]}")
    have = h.safetensors(out.with_suffix(".safetensors"))
    return (have["weight/fc/codes"].reshape(N, K).astype(np.float64),
            have["weight/fc/scale"].astype(np.float64)[:, None])


def hessian(x):
    hess = x.T @ x / len(x)
    return hess + 0.01 * np.mean(np.diag(hess)) * np.eye(K)


def error(d, hess):
    return np.einsum("rk,kl,rl->r", d, hess, d)


class Adam:
    def __init__(self, shape):
        self.m, self.v, self.t = np.zeros(shape), np.zeros(shape), 0

    def step(self, x, g, rate):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        m, v = self.m / (1 - 0.9 ** self.t), self.v / (1 - 0.999 ** self.t)
        return x - rate * m / (np.sqrt(v) + 1e-8)


def rectified(p):
    return np.clip(1.2 / (1 + np.exp(-p)) - 0.1, 0, 1)


def adaround(w, s, hess):
    near = np.clip(np.rint(w / s), -QMAX, QMAX)
    below = np.floor(w / s)
    below = np.where(below > near, near, below)
    free = (below >= -QMAX) & (below < QMAX)
    share = np.clip(w / s - below, 0.01, 0.99)
    p = -np.log(1.2 / (share + 0.1) - 1)
    start = error(near * s - w, hess)
    adam = Adam(w.shape)
    for step in range(STEPS):
        sig, hp = 1 / (1 + np.exp(-p)), rectified(p)
        v = np.where(free, (below + hp) * s, near * s)
        g = 2 * (v - w) @ hess * s * (K / start)[:, None]
        if step >= 100:
            rel = (step - 100) / (STEPS - 100)
            beta = 2 + 9 * (1 + np.cos(np.pi * rel))
            far = 2 * hp - 1
            g -= 20 * 2 * beta * np.abs(far) ** (beta - 1) * np.sign(far)
        inside = free & (hp > 0) & (hp < 1)
        p = adam.step(p, np.where(inside, g * 1.2 * sig * (1 - sig), 0), 0.03)
    codes = np.where(free, below + (rectified(p) >= 0.5), near)
    better = error(codes * s - w, hess) < start
    return np.where(better[:, None], codes, near)


def adaquant(w, s, hess):
    near = np.clip(np.rint(w / s), -QMAX, QMAX)
    at = np.clip(w / s, near - 0.4995, near + 0.4995)
    logs, now = np.zeros_like(s), s
    best = error(near * s - w, hess)
    kept = near * s
    a, b = Adam(w.shape), Adam(s.shape)
    unit = np.where(best > 0, best, 1)[:, None]
    for step in range(STEPS + 1):
        real = at * s
        codes = np.clip(np.rint(real / now), -QMAX, QMAX)
        v = codes * now
        found = error(v - w, hess)
        better = found < best
        best = np.where(better, found, best)
        kept = np.where(better[:, None], v, kept)
        unit = best[:, None]
        g = (v - w) @ hess / unit
        inside = np.abs(real - v) <= now / 2
        slope = (g * np.where(inside, v - real, v)).sum(1, keepdims=True)
        left = 0.5 * (1 + np.cos(np.pi * step / STEPS))
        at = a.step(at, np.where(inside, g * s, 0), 0.003 * left)
        logs = np.maximum(b.step(logs, slope, 0.001 * left), np.log(0.25))
        now = s * np.exp(logs)
    return kept


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    w = make_model(tmp / "m.onnx")
    x = (rng.normal(size=(300, 6)) @ rng.normal(size=(6, K)) +
         0.5 * rng.normal(size=(300, K))).astype(np.float32)
    np.savez(tmp / "c.npz", x=x)
    hess = hessian(x.astype(np.float64))

    codes, s = tune(tmp, "adaround")
    want = adaround(w, s, hess)
    near = np.clip(np.rint(w / s), -QMAX, QMAX)
    same = float(np.mean(codes == want))
    checks.that(same > 0.98, f"adaround: {100 * same:.1f} % are NumPy's codes")
    checks.that(float(np.abs(codes - near).max()) <= 1,
                "a code that is neither of the two neighbours")
    before, after = error(near * s - w, hess), error(codes * s - w, hess)
    checks.that((after <= before * (1 + 1e-9)).all() and
                after.sum() < 0.5 * before.sum(),
                f"adaround: {before.sum()} became {after.sum()}")

    codes, now = tune(tmp, "adaquant")
    want = error(adaquant(w, s, hess) - w, hess)
    after = error(codes * now - w, hess)
    checks.that(abs(float(after.sum() / want.sum()) - 1) < 0.05,
                f"adaquant: error {after.sum()}, NumPy's {want.sum()}")
    checks.that((after <= before * (1 + 1e-9)).all() and
                after.sum() < 0.5 * before.sum(),
                f"adaquant: {before.sum()} became {after.sum()}")
    checks.that(float(np.abs(now / s - 1).max()) > 0.001, "no scale moved")

    # What gptq left is where both go on from.
    codes, s = tune(tmp, "gptq")
    gptq = error(codes * s - w, hess)
    for method in ("gptq,adaround", "gptq,adaquant"):
        codes, now = tune(tmp, method)
        after = error(codes * now - w, hess)
        checks.that((after <= gptq * (1 + 1e-9)).all(),
                    f"{method}: {gptq.sum()} became {after.sum()}")
checks.finish()
