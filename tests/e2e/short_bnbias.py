#!/usr/bin/env python3
"""Bias correction by batch normalizations against NumPy, without any data: alone
and behind equalization, which scales what is known of the channels."""
import math
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(6)
EPS = 1e-5


def make_model(path):
    """Convolution and depthwise with batch norms, a convolution without."""
    w = {"c": rng.normal(size=(8, 3, 3, 3)), "d": rng.normal(size=(8, 1, 3, 3)),
         "p": rng.normal(size=(4, 8, 1, 1))}
    w["c"] *= np.exp(rng.normal(size=(8, 1, 1, 1)))
    b = rng.normal(size=4)
    nodes, consts, x, bn = [], [], "x", {}
    for name, group in (("c", 1), ("d", 8), ("p", 1)):
        consts.append((f"{name}_w", w[name]))
        ins = [x, f"{name}_w"] + (["p_b"] if name == "p" else [])
        pad = [1 if w[name].shape[2] == 3 else 0] * 4
        nodes.append(helper.make_node("Conv", ins, [name], group=group,
                                      pads=pad))
        x = name
        if name == "p":
            continue
        bn[name] = (rng.uniform(-1, 1, 8), rng.normal(size=8),
                    rng.normal(size=8), rng.uniform(0.5, 2, 8))
        names = [f"{name}_{k}" for k in ("gamma", "beta", "mean", "var")]
        consts += list(zip(names, bn[name]))
        nodes += [helper.make_node("BatchNormalization", [name, *names],
                                   [f"{name}_n"], epsilon=EPS),
                  helper.make_node("Relu", [f"{name}_n"], [f"{name}_r"])]
        x = f"{name}_r"
    consts.append(("p_b", b))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                                   ["n", 3, 6, 6])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 4, 6, 6])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in consts])
    h.save_model(graph, path)
    f = {}
    for name, (gamma, beta, mean, var) in bn.items():
        k = gamma / np.sqrt(var + EPS)
        f[name] = (w[name] * k[:, None, None, None], beta - mean * k)
    f["p"] = (w["p"], b)
    return f, bn


def expected_relu(mean, std):
    z = mean / std
    cdf = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z])
    return std * np.exp(-z * z / 2) / math.sqrt(2 * math.pi) + mean * cdf


def tune(tmp, method):
    out = tmp / f"{method}.json"
    r = h.run("quantize", tmp / "m.onnx", "--weights", "int3:tensor",
              "--method", method, "-o", out)
    checks.that(r.returncode == 0, f"{method}: {r.stderr[:300]}")
    return h.safetensors(out.with_suffix(".safetensors"))


def real(have, name, shape):
    s = have[f"weight/{name}/scale"].astype(np.float64)[:, None]
    return (have[f"weight/{name}/codes"] * s).reshape(shape)


def close(a, b, what):
    off = float(np.abs(a - b).max() / np.abs(b).max())
    checks.that(off < 1e-4, f"{what}: off by {off}")


def alone(tmp, f, bn):
    have = tune(tmp, "bnbias")
    checks.that("bias/c" not in have, "nothing stands in front of c")
    for name, front in (("d", "c"), ("p", "d")):
        w, b = f[name]
        s = have[f"weight/{name}/scale"].astype(np.float64)[0]
        v = np.clip(np.rint(w / s), -3, 3) * s
        gamma, beta = bn[front][:2]
        e = expected_relu(beta, np.abs(gamma))
        lost = (w - v).sum((2, 3))
        shift = lost[:, 0] * e if name == "d" else lost @ e
        close(have[f"bias/{name}"], b + shift, f"bias of {name}")


def behind_equalization(tmp, f, bn):
    plain, have = tune(tmp, "cle"), tune(tmp, "cle,bnbias")
    top = {n: np.abs(f[n][0]).reshape(8, -1).max(1) for n in ("c", "d")}
    top["p"] = np.abs(f["p"][0]).max((0, 2, 3))
    goal = np.cbrt(top["c"] * top["d"] * top["p"])
    into_d, into_p = top["c"] / goal, goal / top["p"]
    w = {"d": f["d"][0] * (into_d / into_p)[:, None, None, None],
         "p": f["p"][0] * into_p[None, :, None, None]}
    for name, front, by in (("d", "c", into_d), ("p", "d", into_p)):
        gamma, beta = bn[front][:2]
        e = expected_relu(beta / by, np.abs(gamma) / by)
        lost = (w[name] - real(have, name, w[name].shape)).sum((2, 3))
        shift = lost[:, 0] * e if name == "d" else lost @ e
        got = have[f"bias/{name}"].astype(float) - plain[f"bias/{name}"]
        off = float(np.abs(got - shift).max() / np.abs(shift).max())
        checks.that(off < 0.02, f"bias of {name} behind cle: off by {off}")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    f, bn = make_model(tmp / "m.onnx")
    alone(tmp, f, bn)
    behind_equalization(tmp, f, bn)
    r = h.run("quantize", tmp / "m.onnx", "--weights", "int3", "--method",
              "bias,bnbias", "-o", tmp / "two.json")
    checks.that(r.returncode == 2 and "same biases" in r.stderr, r.stderr)
checks.finish()
