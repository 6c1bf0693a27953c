#!/usr/bin/env python3
"""GPTQ, descent and bias correction against NumPy, written from the papers: on
a network with a strided, a grouped and a full convolution and a Gemm."""
import json
import pathlib
import struct

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(7)
QMAX = 3  # int3, narrow
LAYERS = [("c1", dict(out=6, inp=3, group=1, stride=2)),
          ("c2", dict(out=8, inp=6, group=2, stride=1)),
          ("c3", dict(out=8, inp=8, group=1, stride=1))]


def make_model(path):
    nodes, consts, x = [], [], "x"
    weights = {}
    for name, c in LAYERS:
        w = rng.normal(size=(c["out"], c["inp"] // c["group"], 3, 3))
        w = (w * rng.gamma(1, 1, size=w.shape)).astype(np.float32) / 4
        b = rng.normal(size=c["out"]).astype(np.float32)
        weights[name] = (w, b)
        consts += [numpy_helper.from_array(w, f"{name}_w"),
                   numpy_helper.from_array(b, f"{name}_b")]
        nodes += [helper.make_node("Conv", [x, f"{name}_w", f"{name}_b"],
                                   [name], pads=[1, 1, 1, 1],
                                   strides=[c["stride"]] * 2,
                                   group=c["group"]),
                  helper.make_node("Relu", [name], [f"{name}_r"])]
        x = f"{name}_r"
    w = rng.normal(size=(8 * 16, 5)).astype(np.float32) / 8
    b = rng.normal(size=5).astype(np.float32)
    weights["fc"] = (w, b)
    consts += [numpy_helper.from_array(w, "fc_w"),
               numpy_helper.from_array(b, "fc_b")]
    nodes += [helper.make_node("Flatten", [x], ["flat"]),
              helper.make_node("Gemm", ["flat", "fc_w", "fc_b"], ["fc"])]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                       ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("fc", TensorProto.FLOAT, ["n", 5])],
        consts)
    h.save_model(graph, path)
    return weights


def im2col(x, stride):
    """[n, c, h, w] -> [n, oh, ow, c, 9], pad 1."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    win = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    win = win[:, :, ::stride, ::stride]
    n, c, oh, ow = win.shape[:4]
    return win.transpose(0, 2, 3, 1, 4, 5).reshape(n, oh, ow, c, 9)


def conv(x, w, b, c):
    cols = im2col(x, c["stride"])
    n, oh, ow = cols.shape[:3]
    g, per = c["group"], c["inp"] // c["group"]
    cols = cols.reshape(n, oh, ow, g, per * 9)
    w = w.reshape(g, c["out"] // g, per * 9)
    y = np.einsum("nhwgk,gok->nhwgo", cols, w).reshape(n, oh, ow, c["out"])
    return np.maximum(y + b, 0).transpose(0, 3, 1, 2)


def rows(x, name):
    """Inputs of a layer, [parts][rows][k]."""
    if name == "fc":
        return x.reshape(1, len(x), -1)
    c = dict(LAYERS)[name]
    cols = im2col(x, c["stride"])
    per = c["inp"] // c["group"]
    cols = cols.reshape(-1, c["group"], per * 9)
    return cols.transpose(1, 0, 2)


def moments(f, q):
    hess = q.T @ q / len(q)
    damped = hess + 0.01 * np.mean(np.diag(hess)) * np.eye(len(hess))
    return damped, f.T @ q / len(q) - hess


def code(x, s):
    return np.clip(np.rint(x / s), -QMAX, QMAX)


def gptq(w, scale, f, q):
    """One part: [rows][k] weights; codes, target and H."""
    hess, moved = moments(f, q)
    target = w + w @ moved @ np.linalg.inv(hess)
    order = np.argsort(-np.diag(hess), kind="stable")
    u = np.linalg.cholesky(np.linalg.inv(hess[np.ix_(order, order)])).T
    left, codes = target[:, order].copy(), np.zeros_like(w)
    for i in range(w.shape[1]):
        c = code(left[:, i], scale)
        e = (left[:, i] - c * scale) / u[i, i]
        left[:, i:] -= np.outer(e, u[i, i:])
        codes[:, order[i]] = c
    return codes, target, hess


def tune(tmp, method):
    out = tmp / f"{method}.json"
    r = h.run("quantize", tmp / "m.onnx", "--calib", tmp / "c.npz",
              "--weights", "int3", "--method", method, "-o", out)
    checks.that(r.returncode == 0, f"{method}: {r.stderr[:300]}")
    return out, h.safetensors(out.with_suffix(".safetensors"))


def matrix(name, w):
    return w.T if name == "fc" else w.reshape(len(w), -1)


def forward(x, name, w, b):
    return None if name == "fc" else conv(x, w, b, dict(LAYERS)[name])


def follow(weights, x, have, look):
    """Walk the layers as they are tuned: look(name, W, b, codes, scale, f, q)
    with the inputs of both networks; have says what runs behind."""
    f = q = x.astype(np.float64)
    for name, (w, b) in weights.items():
        scale = have[f"weight/{name}/scale"].astype(np.float64)
        codes = have.get(f"weight/{name}/codes")
        m = matrix(name, w).astype(np.float64)
        if codes is None:
            codes = code(m, scale[:, None])
        bias = have.get(f"bias/{name}", b).astype(np.float64)
        look(name, m, b, codes, scale, rows(f, name), rows(q, name), bias)
        v = codes * scale[:, None]
        f = forward(f, name, w.astype(np.float64), b)
        q = forward(q, name, v.reshape(w.shape) if name != "fc" else v, bias)


def output_error(w, v, f, q):
    return float(np.mean(((f @ w.T - q @ v.T) ** 2).sum(axis=1)))


def codes_are_those_of_the_paper(weights, x, have):
    def look(name, w, b, codes, scale, f, q, bias):
        per = len(w) // len(f)
        for p in range(len(f)):
            at = slice(p * per, (p + 1) * per)
            want, _, _ = gptq(w[at], scale[at], f[p], q[p])
            same = float(np.mean(want == codes[at]))
            checks.that(same > 0.98, f"{name}: {100 * same:.2f} % of the codes "
                        f"of part {p} are NumPy's")
            nearest = code(w[at], scale[at, None]) * scale[at, None]
            ours = output_error(w[at], codes[at] * scale[at, None], f[p], q[p])
            checks.that(ours < output_error(w[at], nearest, f[p], q[p]),
                        f"{name}: no better than round to nearest")
    follow(weights, x, have, look)


def total_error(weights, x, have):
    """Of the first layer, which sees the same inputs whatever was tuned."""
    errors = []

    def look(name, w, b, codes, scale, f, q, bias):
        errors.append(output_error(w, codes * scale[:, None], f[0], q[0])
                      if len(f) == 1 else None)
    follow(weights, x, have, look)
    return errors[0]


def descent_leaves_less(weights, x, plain, refined):
    before = total_error(weights, x, plain)
    after = total_error(weights, x, refined)
    checks.that(after < before, f"c1: descent from {before} to {after}")

    def settled(name, w, b, codes, scale, f, q, bias):
        """No single code can move and make the error less."""
        per = len(w) // len(f)
        for p in range(len(f)):
            at = slice(p * per, (p + 1) * per)
            hess, moved = moments(f[p], q[p])
            left = (w[at] + w[at] @ moved @ np.linalg.inv(hess) -
                    codes[at] * scale[at, None])
            size = float(np.einsum("rk,kl,rl->", left, hess, left))
            for step in (-1, 1):
                d = step * scale[at, None]
                gain = 2 * d * (left @ hess) - d * d * np.diag(hess)
                worst = float((gain * (np.abs(codes[at] + step) <= QMAX)).max())
                checks.that(worst <= 1e-4 * size + 1e-9,
                            f"{name}: a code could move and gain {worst} of "
                            f"{size}")
    follow(weights, x, refined, settled)


def means_are_kept(weights, x, have):
    def look(name, w, b, codes, scale, f, q, bias):
        per = len(w) // len(f)
        checks.that(f"bias/{name}" in have, f"{name} has no bias")
        for p in range(len(f)):
            s = slice(p * per, (p + 1) * per)
            v = codes[s] * scale[s, None]
            want = f[p].mean(0) @ w[s].T + b[s]
            got = q[p].mean(0) @ v.T + bias[s]
            off = float(np.abs(want - got).max())
            checks.that(off < 1e-4, f"{name}: the mean is off by {off}")
    follow(weights, x, have, look)


def runs_without_calibration(tmp, recipe):
    """What was found lies in the file: no data is needed any more, and a file
    that was changed is refused by name."""
    args = ("eval", tmp / "m.onnx", "--data", tmp / "e.npz", "--json",
            "--recipe")
    r = h.run(*args, recipe)
    checks.that(r.returncode == 0, r.stderr[:300])
    st = recipe.with_suffix(".safetensors")
    raw = bytearray(st.read_bytes())
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    raw[8 + n + head["weight/c2/codes"]["data_offsets"][0] + 5] = 100
    st.write_bytes(raw)
    doc = json.loads(recipe.read_text())
    import hashlib
    doc["params"]["sha256"] = hashlib.sha256(raw).hexdigest()
    recipe.write_text(json.dumps(doc))
    r = h.run(*args, recipe)
    checks.that(r.returncode == 3 and "weight/c2/codes[5]" in r.stderr,
                f"a code of 100: exit {r.returncode}: {r.stderr}")
    out = tmp / "none.json"
    r = h.run("quantize", tmp / "m.onnx", "--weights", "int3", "--method",
              "gptq", "-o", out)
    checks.that(r.returncode == 2 and "--calib" in r.stderr and
                not out.exists(), f"no calibration: {r.stderr}")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    weights = make_model(tmp / "m.onnx")
    x = rng.normal(size=(60, 3, 8, 8)).astype(np.float32)
    x *= rng.gamma(2, 1, size=(1, 3, 8, 8)).astype(np.float32)
    np.savez(tmp / "c.npz", x=x)
    np.savez(tmp / "e.npz", x=x, y=np.zeros(len(x), dtype=np.int64))
    recipe, plain = tune(tmp, "gptq")
    codes_are_those_of_the_paper(weights, x, plain)
    descent_leaves_less(weights, x, plain, tune(tmp, "gptq,refine")[1])
    means_are_kept(weights, x, tune(tmp, "bias")[1])
    means_are_kept(weights, x, tune(tmp, "gptq,bias")[1])
    runs_without_calibration(tmp, recipe)
checks.finish()
