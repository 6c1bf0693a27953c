#!/usr/bin/env python3
"""The rotated residual stream against NumPy: which matrix it is, who is turned,
and that networks it cannot turn stay as they are."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(2)
WORDS, T, DIM, HIDDEN = 40, 6, 12, 10  # 12 = 3 * 4
node = helper.make_node


def norm(x, name, out):
    """Nodes of RMS normalization, as exporters spell it."""
    p = f"{name}_"
    return [node("Mul", [x, x], [p + "2"]),
            node("ReduceMean", [p + "2"], [p + "m"], axes=[-1], keepdims=1),
            node("Add", [p + "m", "eps"], [p + "e"]),
            node("Sqrt", [p + "e"], [p + "r"]),
            node("Div", ["one", p + "r"], [p + "i"]),
            node("Mul", [x, p + "i"], [p + "n"]),
            node("Mul", [p + "n", f"{name}_g"], [out])]


def make_model(path, table=True):
    """A block with two branches (one of them a single layer that reads and
    writes the stream), positions added, and a head."""
    w = {"emb": rng.normal(size=(WORDS, DIM)), "pos": rng.normal(size=(T, DIM)),
         "n1_g": rng.gamma(4, 0.3, size=DIM),
         "n2_g": rng.gamma(4, 0.3, size=DIM),
         "up": rng.normal(size=(DIM, HIDDEN)) / 4,
         "down": rng.normal(size=(HIDDEN, DIM)) / 4,
         "down_b": rng.normal(size=DIM),
         "mix": rng.normal(size=(DIM, DIM)) / 4,
         "head": rng.normal(size=(DIM, WORDS)) / 4}
    w = {k: v.astype(np.float32) for k, v in w.items()}
    consts = [numpy_helper.from_array(v, k if k[-2:] in ("_g", "_b") or
                                      k in ("emb", "pos") else f"{k}_w")
              for k, v in w.items()]
    consts += [numpy_helper.from_array(np.float32(1e-5), "eps"),
               numpy_helper.from_array(np.float32(1), "one")]
    start = [node("Gather", ["emb", "x"], ["e"])] if table else []
    nodes = start + [
        node("Add", ["e" if table else "x", "pos"], ["s0"]),
        *norm("s0", "n1", "a"), node("MatMul", ["a", "up_w"], ["up"]),
        node("Relu", ["up"], ["act"]), node("MatMul", ["act", "down_w"], ["dm"]),
        node("Add", ["dm", "down_b"], ["d"]),
        node("MatMul", ["a", "mix_w"], ["mix"]),
        node("Add", ["s0", "d"], ["s1"]), node("Add", ["mix", "s1"], ["s2"]),
        *norm("s2", "n2", "b"), node("MatMul", ["b", "head_w"], ["head"])]
    shape = ["n", T] if table else ["n", T, DIM]
    kind = TensorProto.INT64 if table else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("head", TensorProto.FLOAT,
                                       ["n", T, WORDS])], consts)
    h.save_model(graph, path)
    return {k: v.astype(np.float64) for k, v in w.items()}


def quantize(model, out, *more):
    r = h.run("quantize", model, "--weights", "int8", "--activations", "float",
              "--method", "hadamard", "-o", out, *more)
    checks.that(r.returncode == 0, r.stderr[:300])
    return h.safetensors(out.with_suffix(".safetensors")), r.stderr


def expected():
    """|R|, whatever the signs: cosine transform of 3, Hadamard of 4."""
    i, k = np.arange(3)[:, None], np.arange(3)[None]
    dct = np.sqrt(np.where(k, 2, 1) / 3) * np.cos(np.pi * (i + 0.5) * k / 3)
    two = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    return np.abs(np.kron(dct, np.kron(two, two)))


def everything_is_turned(tmp):
    w = make_model(tmp / "m.onnx")
    have, said = quantize(tmp / "m.onnx", tmp / "r.json")
    checks.that("rotated" not in said, said)
    turned = have["constant/emb"].astype(np.float64)
    rot = np.linalg.lstsq(w["emb"], turned, rcond=None)[0]
    checks.that(np.abs(rot @ rot.T - np.eye(DIM)).max() < 1e-5,
                "it is no rotation")
    checks.that(np.abs(np.abs(rot) - expected()).max() < 1e-5,
                "it is not the matrix that the documentation names")
    signs = np.sign(rot[:, 0])
    checks.that(0 < (signs > 0).sum() < DIM, "signs are not random")
    checks.that(np.abs(have["constant/pos"] - w["pos"] @ rot).max() < 1e-5,
                "positions")
    checks.that((have["constant/n1_g"] == 1).all() and
                (have["constant/n2_g"] == 1).all(), "scales of the norms")
    g1, g2 = w["n1_g"][:, None], w["n2_g"][:, None]
    for name, m in (("up", rot.T @ (g1 * w["up"])), ("dm", w["down"] @ rot),
                    ("mix", rot.T @ (g1 * w["mix"]) @ rot),
                    ("head", rot.T @ (g2 * w["head"]))):
        scale = have[f"weight/{name}/scale"].astype(np.float64)[:, None]
        codes = have[f"weight/{name}/codes"].reshape(m.T.shape)
        off = float(np.abs(codes * scale - m.T).max() / scale.max())
        checks.that(off < 0.51, f"{name}: {off} steps from the turned weight")
    checks.that(np.abs(have["bias/dm"] - w["down_b"] @ rot).max() < 1e-5,
                "the bias")


def outputs_stay(tmp):
    x = rng.integers(0, WORDS, size=(8, T))
    np.savez(tmp / "e.npz", x=x)
    for name, more in (("f", ()), ("q", ("--recipe", tmp / "r.json"))):
        r = h.run("run", tmp / "m.onnx", "-i", tmp / "e.npz", "-o",
                  tmp / f"{name}.npy", *more)
        checks.that(r.returncode == 0, r.stderr[:300])
    f, q = np.load(tmp / "f.npy"), np.load(tmp / "q.npy")
    checks.that(float(np.abs(f - q).max()) < 0.03 * float(np.abs(f).max()),
                "int8 weights of the rotated network")


def what_cannot_be_turned_stays(tmp):
    make_model(tmp / "in.onnx", table=False)
    for model, why in ((tmp / "in.onnx", "x is an input of the model"),
                       (h.EXAMPLE / "model.onnx", "no RMS norm")):
        have, said = quantize(model, tmp / "n.json")
        checks.that("nothing is rotated" in said and why in said,
                    f"{model}: {said}")
        checks.that(not any(k.startswith("constant/") for k in have),
                    f"{model}: constants were changed")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    everything_is_turned(tmp)
    outputs_stay(tmp)
    what_cannot_be_turned_stays(tmp)
checks.finish()
