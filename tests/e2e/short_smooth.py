#!/usr/bin/env python3
"""SmoothQuant and AWQ against NumPy, written from the papers: on a normalization
and a gated pair of layers, the factors, who takes them, and the codes."""
import json
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(9)
DIM, HIDDEN, OUT, QMAX = 24, 20, 10, 7  # int4, narrow


def make_model(path):
    w = {"gamma": rng.gamma(2, 1, size=DIM),
         "up": rng.normal(size=(DIM, HIDDEN)) / 5,
         "gate": rng.normal(size=(DIM, HIDDEN)) / 5,
         "down": rng.normal(size=(HIDDEN, OUT)) / 4}
    w["gamma"][[3, 7]] *= 30  # outliers of the activations
    w["up"][:, 5] *= 20
    w = {k: v.astype(np.float32) for k, v in w.items()}
    node = helper.make_node
    consts = [numpy_helper.from_array(v, f"{k}_w") for k, v in w.items()]
    for name, v in (("two", 2.0), ("eps", 1e-5), ("one", 1.0)):
        consts.append(numpy_helper.from_array(np.float32(v), name))
    nodes = [node("Pow", ["x", "two"], ["x2"]),
             node("ReduceMean", ["x2"], ["m"], axes=[-1], keepdims=1),
             node("Add", ["m", "eps"], ["me"]), node("Sqrt", ["me"], ["r"]),
             node("Div", ["one", "r"], ["ri"]), node("Mul", ["x", "ri"], ["n"]),
             node("Mul", ["n", "gamma_w"], ["xn"]),
             node("MatMul", ["xn", "up_w"], ["up"]),
             node("MatMul", ["xn", "gate_w"], ["gate"]),
             node("Sigmoid", ["gate"], ["sg"]),
             node("Mul", ["gate", "sg"], ["silu"]),
             node("Mul", ["silu", "up"], ["hidden"]),
             node("MatMul", ["hidden", "down_w"], ["down"])]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", DIM])],
        [helper.make_tensor_value_info("down", TensorProto.FLOAT, ["n", OUT])],
        consts)
    h.save_model(graph, path)
    return {k: v.astype(np.float64) for k, v in w.items()}


def activations(w, x):
    xn = x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-5) * w["gamma"]
    gate = xn @ w["gate"]
    return xn, gate / (1 + np.exp(-gate)) * (xn @ w["up"])


def cost(weights, x, s, acts):
    """weights: [in, out] of all that read x."""
    total, hess = 0, x.T @ x / len(x)
    lo, hi = min((x / s).min(), 0), max((x / s).max(), 0)
    step = (hi - lo) / 255 if acts else 0
    for w in weights:
        ws = (w * s[:, None]).T
        scale = np.abs(ws).max(1, keepdims=True) / QMAX
        d = (np.clip(np.rint(ws / scale), -QMAX, QMAX) * scale - ws) / s
        total += np.einsum("rk,kl,rl->", d, hess, d)
        total += step * step / 12 * (ws * ws).sum()
    return total


def smoothquant(weights, x, alpha):
    top = np.max([np.abs(w).max(1) for w in weights], axis=0)
    return np.abs(x).max(0) ** alpha / top ** (1 - alpha)


def awq(weights, x, alpha):
    return np.maximum(np.abs(x).mean(0) ** alpha, 1e-4)


def search(factors, weights, x, acts):
    tries = [np.ones(x.shape[1])]
    tries += [factors(weights, x, i / 20) for i in range(21)]
    tries = [s / np.sqrt(s.max() * s.min()) for s in tries]
    costs = [cost(weights, x, s, acts) for s in tries]
    return tries[int(np.argmin(costs))], min(costs) / costs[0]


def quantize(tmp, method, acts):
    out = tmp / f"{method}.json"
    r = h.run("quantize", tmp / "m.onnx", "--calib", tmp / "c.npz",
              "--weights", "int4", "--activations", acts, "--method", method,
              "-o", out)
    checks.that(r.returncode == 0, f"{method}: {r.stderr[:300]}")
    return h.safetensors(out.with_suffix(".safetensors"))


def same(a, b, what):
    off = float(np.abs(a / b - 1).max())
    checks.that(off < 1e-4, f"{what}: off by {off}")


def factors_are_those_of_the_paper(tmp, w, x, method, factors, acts):
    have = quantize(tmp, method, acts)
    xn, hidden = activations(w, x)
    first, gain = search(factors, [w["up"], w["gate"]], xn, acts != "float")
    checks.that(gain < 0.9, f"{method}: NumPy gains nothing: {gain}")
    second, _ = search(factors, [w["down"]], hidden, acts != "float")
    same(have["constant/gamma_w"], w["gamma"] / first, f"{method}: the norm")
    for name, s, rows in (("up", first, second),
                          ("gate", first, np.ones(HIDDEN)),
                          ("down", second, np.ones(OUT))):
        m = (w[name] * s[:, None] / rows).T
        scale = have[f"weight/{name}/scale"].astype(np.float64)[:, None]
        if method == "smoothquant":
            same(scale[:, 0], np.abs(m).max(1) / QMAX, f"{name}: scales")
        codes = have[f"weight/{name}/codes"].reshape(m.shape)
        want = np.clip(np.rint(m / scale), -QMAX, QMAX)
        good = float(np.mean(codes == want))
        checks.that(good > 0.99, f"{method} {name}: {100 * good:.2f} % of the "
                    "codes are NumPy's")
        if method == "awq" and name != "down":  # behind layers that are codes
            ranges_are_cut(name, m, scale, xn / first)


def ranges_are_cut(name, m, scale, x):
    """Of 1, 0.95 .. 0.55 of the range the best for each row."""
    hess = x.T @ x / len(x)
    whole = np.abs(m).max(1, keepdims=True) / QMAX

    def error(s):
        d = np.clip(np.rint(m / s), -QMAX, QMAX) * s - m
        return np.einsum("rk,kl,rl->r", d, hess, d)
    best = np.min([error(whole * (1 - i / 20)) for i in range(10)], axis=0)
    checks.that((error(scale) <= best * 1.01 + 1e-12).all(),
                f"{name}: a share of the range would have been better")
    checks.that((scale < whole * 0.99).any(), f"{name}: no range was cut")


def outputs(tmp, name, *more):
    r = h.run("run", tmp / "m.onnx", "-i", tmp / "c.npz", "-o",
              tmp / f"{name}.npy", *more)
    checks.that(r.returncode == 0, r.stderr[:300])
    return np.load(tmp / f"{name}.npy").astype(np.float64)


def it_helps_and_leaves_the_house(tmp):
    """Less error than without; ONNX Runtime computes the exported model."""
    full, error = outputs(tmp, "float"), {}
    for method in ("rtn", "smoothquant"):
        recipe = tmp / f"{method}.json"
        h.run("quantize", tmp / "m.onnx", "--calib", tmp / "c.npz",
              "--weights", "int8", "--method", method, "-o", recipe)
        error[method] = float(np.square(
            outputs(tmp, method, "--recipe", recipe) - full).mean())
    checks.that(error["smoothquant"] < 0.5 * error["rtn"], str(error))
    r = h.run("export", tmp / "smoothquant.json", "--model", tmp / "m.onnx",
              "--format", "onnx-qdq", "-o", tmp / "q.onnx")
    checks.that(r.returncode == 0, f"export: {r.stderr[:300]}")
    try:
        import onnxruntime
    except ImportError:
        return
    s = onnxruntime.InferenceSession(str(tmp / "q.onnx"),
                                     providers=["CPUExecutionProvider"])
    y = s.run(None, {"x": np.load(tmp / "c.npz")["x"]})[0]
    ours = np.load(tmp / "smoothquant.npy")
    off = float(np.abs(y - ours).max() / np.abs(full).max())
    checks.that(off < 0.02, f"exported: off by {off}")


def a_changed_file_is_refused(tmp):
    recipe = tmp / "smoothquant.json"
    st = recipe.with_suffix(".safetensors")
    raw = st.read_bytes()
    bad = raw.replace(b"constant/gamma_w", b"constant/gamma_x")
    st.write_bytes(bad)
    import hashlib
    doc = json.loads(recipe.read_text())
    doc["params"]["sha256"] = hashlib.sha256(bad).hexdigest()
    recipe.write_text(json.dumps(doc))
    r = h.run("run", tmp / "m.onnx", "-i", tmp / "c.npz", "-o",
              tmp / "bad.npy", "--recipe", recipe)
    checks.that(r.returncode == 3 and "gamma_x" in r.stderr,
                f"no such constant: exit {r.returncode}: {r.stderr}")


def dead_channels_do_no_harm(tmp):
    """Training leaves channels with weights and activations of 1e-30 beside
    biases of 0.1."""
    data = h.SHARED / "mobilenetv1-vww"
    if not data.is_dir():
        print(f"skipped: {data} is absent")
        return
    for method in ("smoothquant", "awq"):
        out = tmp / "dead.json"
        r = h.run("quantize", data / "model.onnx", "--calib",
                  data / "calib.npz", "--weights", "int8", "--method", method,
                  "-o", out)
        checks.that(r.returncode == 0, r.stderr[:300])
        doc = h.haq("eval", data / "model.onnx", "--data", data / "eval.npz",
                    "--recipe", out, "--json")
        got = doc["accuracy"]["value"]
        checks.that(got > 84, f"{method}: {got} %, float has 85.8")


def no_place_for_factors_is_said(tmp):
    r = h.run("quantize", h.EXAMPLE / "model.onnx", "--weights", "int8",
              "--method", "awq", "-o", tmp / "none.json")
    checks.that(r.returncode == 2 and "--calib" in r.stderr,
                f"no calibration: {r.stderr}")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    w = make_model(tmp / "m.onnx")
    x = (rng.normal(size=(250, DIM)) * rng.gamma(2, 1, size=DIM)).astype("f4")
    np.savez(tmp / "c.npz", x=x)
    for args in (("smoothquant", smoothquant, "uint8"), ("awq", awq, "float")):
        factors_are_those_of_the_paper(tmp, w, x.astype(np.float64), *args)
    it_helps_and_leaves_the_house(tmp)
    a_changed_file_is_refused(tmp)
    dead_channels_do_no_harm(tmp)
    no_place_for_factors_is_said(tmp)
checks.finish()
