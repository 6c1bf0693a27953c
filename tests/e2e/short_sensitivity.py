#!/usr/bin/env python3
"""haq sensitivity against NumPy, and a planted cause that it must name."""
import pathlib
import xml.etree.ElementTree

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

MODEL, CALIB = h.EXAMPLE / "model.onnx", h.EXAMPLE / "calib.npz"
checks = h.Checks()


def folded(path):
    """{layer: weights [channels, reduction]} with batch norms multiplied in."""
    graph = onnx.load(path).graph
    init = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    norm = {n.input[0]: n for n in graph.node
            if n.op_type == "BatchNormalization"}
    out = {}
    for n in graph.node:
        if n.op_type not in ("Conv", "Gemm"):
            continue
        w = init[n.input[1]].astype(np.float64)
        w = w.reshape(w.shape[0], -1)
        if n.output[0] in norm:
            gamma, _, _, var = (init[i] for i in norm[n.output[0]].input[1:])
            w = w * (gamma / np.sqrt(var + 1e-5))[:, None]
        out[n.output[0]] = w
    return out


def quantized(w, bits):
    most = 2 ** (bits - 1) - 1
    scale = np.abs(w).max(axis=1, keepdims=True) / most
    return np.clip(np.round(w / scale), -most, most) * scale


def weight_db(w, bits):
    q = quantized(w, bits)
    return 10 * np.log10((w ** 2).sum() / ((w - q) ** 2).sum())


def against_numpy(tmp):
    doc = h.haq("sensitivity", MODEL, "--calib", CALIB, "--weights", "int4",
                "--samples", "100000", "--one-out", "--json")
    weights = folded(MODEL)
    checks.that({l["layer"] for l in doc["layers"]} == set(weights),
                "other layers than the model's")
    for l in doc["layers"]:
        want = weight_db(weights[l["layer"]], 4)
        checks.that(abs(l["weight_db"] - want) < 0.01,
                    f"{l['layer']}: {l['weight_db']} dB, NumPy {want}")
        checks.that(l["one_out_kl"] <= doc["all"]["kl"] * 1.5,
                    f"{l['layer']}: leaving it out hurts: {l}")
    shares = [l["share"] for l in doc["layers"]]
    checks.that(abs(sum(shares) - 1) < 1e-9, f"shares {shares}")
    checks.that(shares == sorted(shares, reverse=True), "not ranked")
    recipe, x = tmp / "w4.json", tmp / "x.npy"
    np.save(x, np.load(CALIB)["x"])
    h.haq("quantize", MODEL, "--calib", CALIB, "--weights", "int4",
          "--activations", "uint8", "-o", recipe)
    outs = []
    for i, more in enumerate([[], ["--recipe", recipe]]):
        h.haq("run", MODEL, "-i", CALIB, "-o", tmp / f"y{i}.npy", *more)
        outs.append(np.load(tmp / f"y{i}.npy").astype(np.float64))
    want = 10 * np.log10((outs[0] ** 2).sum() /
                         ((outs[0] - outs[1]) ** 2).sum())
    checks.that(abs(doc["all"]["sqnr_db"] - want) < 0.01,
                f"all layers: {doc['all']['sqnr_db']} dB, NumPy {want}")


def planted(tmp):
    """Channel 5 of a layer is 16 times as large, the next layer divides by 16:
    the same function, but one scale for all channels no longer does."""
    model = onnx.load(MODEL)
    for t in model.graph.initializer:
        w = numpy_helper.to_array(t).copy()
        if t.name in ("stem.4.weight", "stem.4.bias"):
            w[5] *= 16
        elif t.name == "stem.6.weight":
            w[5] /= 16
        else:
            continue
        t.CopyFrom(numpy_helper.from_array(w, t.name))
    path = tmp / "rescaled.onnx"
    onnx.save(model, path)
    chart = tmp / "chart.svg"
    doc = h.haq("sensitivity", path, "--calib", CALIB, "--weights",
                "int4:tensor", "--activations", "float", "--chart", chart,
                "--json")
    first = doc["layers"][0]
    checks.that(first["layer"] == "/stem/stem.3/Conv_output_0",
                f"blames {first['layer']}")
    checks.that(first["channel_range_ratio"] > 8, f"{first}")
    checks.that("scale per channel" in first["advice"], f"{first['advice']}")
    svg = xml.etree.ElementTree.parse(chart).getroot()
    bars = svg.findall(".//{http://www.w3.org/2000/svg}g/"
                       "{http://www.w3.org/2000/svg}rect")
    checks.that(len(bars) == len(doc["layers"]), f"{len(bars)} bars")
    text = h.haq("sensitivity", path, "--calib", CALIB, "--weights", "int4",
                 "--activations", "float")
    checks.that("all layers in int4" in text and len(text.splitlines()) > 12,
                text)


WIDTHS, SAMPLES = [8, 10, 6, 9, 4], 60


class Perceptron:
    """Layers with tanh between them, and all that gradients say of them, in
    float64 by hand."""

    def __init__(self, rng):
        pairs = list(zip(WIDTHS[1:], WIDTHS))
        self.w = [rng.normal(size=p) * g
                  for p, g in zip(pairs, (0.9, 0.5, 0.8, 0.4))]
        self.b = [rng.normal(size=p[0]) * 0.1 for p in pairs]
        self.x = rng.normal(size=(SAMPLES, WIDTHS[0]))
        self.w, self.b, (self.x,) = (
            [a.astype(np.float32).astype(np.float64) for a in l]
            for l in (self.w, self.b, [self.x]))
        _, p = self.run(self.w)
        self.y = np.array([rng.choice(WIDTHS[-1], p=row) for row in p])

    def save(self, path):
        """As ONNX; {name of a layer: its place}."""
        nodes, init, at, last = [], [], "x", len(self.w) - 1
        for i, (w, b) in enumerate(zip(self.w, self.b)):
            init += [numpy_helper.from_array(a.astype(np.float32), n + str(i))
                     for n, a in (("w", w), ("b", b))]
            nodes.append(helper.make_node("Gemm", [at, f"w{i}", f"b{i}"],
                                          [f"h{i}"], transB=1))
            at = f"h{i}"
            if i < last:
                nodes.append(helper.make_node("Tanh", [at], [f"t{i}"]))
                at = f"t{i}"
        real = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            nodes, "perceptron",
            [helper.make_tensor_value_info("x", real, ["n", WIDTHS[0]])],
            [helper.make_tensor_value_info(at, real, ["n", WIDTHS[-1]])], init)
        onnx.save(helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8), path)
        return {f"h{i}": i for i in range(len(self.w))}

    def run(self, w):
        """What each layer reads, and the classes' probabilities."""
        inputs = [self.x]
        for i, m in enumerate(w):
            z = inputs[-1] @ m.T + self.b[i]
            inputs.append(np.tanh(z))
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return inputs, e / e.sum(axis=1, keepdims=True)

    def gradients(self, w):
        """Of each sample's cross-entropy: a list of [sample, n, k]."""
        out = []
        inputs, d = self.run(w)
        d[np.arange(SAMPLES), self.y] -= 1
        for i in reversed(range(len(w))):
            out.insert(0, d[:, :, None] * inputs[i][:, None, :])
            d = (d @ w[i]) * (1 - inputs[i] ** 2)
        return out

    def trace(self, layer):
        """Of the Hessian, one weight after the other."""
        sum, step = 0, 1e-5
        for at in np.ndindex(self.w[layer].shape):
            g = []
            for sign in (1, -1):
                w = [m.copy() for m in self.w]
                w[layer][at] += sign * step
                g.append(self.gradients(w)[layer].mean(axis=0)[at])
            sum += (g[0] - g[1]) / (2 * step)
        return sum


def gradients(tmp):
    net = Perceptron(np.random.default_rng(4))
    model, calib = tmp / "tanh.onnx", tmp / "tanh.npz"
    layers = net.save(model)
    np.savez(calib, x=net.x.astype(np.float32), y=net.y)
    want = {}
    for name, i in layers.items():
        g, dw = net.gradients(net.w)[i], quantized(net.w[i], 4) - net.w[i]
        want[name] = {
            "first_order": abs((g.mean(axis=0) * dw).sum()),
            "fisher": 0.5 * ((g ** 2).mean(axis=0) * dw ** 2).sum(),
            "hessian_trace": net.trace(i)}
        want[name]["hessian"] = (want[name]["hessian_trace"] / dw.size *
                                 (dw ** 2).sum())
    common = ["sensitivity", model, "--calib", calib, "--weights", "int4",
              "--activations", "float", "--json"]
    for rank, key in (("first-order", "first_order"), ("fisher", "fisher"),
                      ("hessian", "hessian")):
        doc = h.haq(*common, "--rank", rank, "--probes", "3000")
        checks.that(doc["gradients"]["labels"] == "data",
                    f"labels {doc['gradients']}")
        checks.that([l["layer"] for l in doc["layers"]] ==
                    sorted(want, key=lambda l: -want[l][key]),
                    f"--rank {rank}: {doc['layers']}, NumPy {want}")
    for l in doc["layers"]:
        w = want[l["layer"]]
        for key in ("first_order", "fisher"):
            checks.that(abs(l[key] - w[key]) < 1e-3 * w[key] + 1e-7,
                        f"{l['layer']} {key}: {l[key]}, NumPy {w[key]}")
        error = l["hessian_trace_error"]
        checks.that(abs(l["hessian_trace"] - w["hessian_trace"]) < 4 * error,
                    f"{l['layer']} trace: {l}, NumPy {w}")
        checks.that(error <= 0.05 * abs(l["hessian_trace"]),
                    f"{l['layer']}: it stopped early: {l}")
    np.savez(calib, x=net.x.astype(np.float32))
    doc = h.haq(*common, "--gradients", "--probes", "2")
    checks.that(doc["gradients"]["labels"] == "drawn" and
                doc["gradients"]["probes"] == 2, f"{doc['gradients']}")
    shares = [l["share"] for l in doc["layers"]]
    checks.that(shares == sorted(shares, reverse=True), "not by share")
    text = h.haq(*common[:-1], "--gradients", "--probes", "2")
    checks.that("Fisher" in text and "drawn from the model" in text, text)


def no_gradient(tmp):
    model, calib = tmp / "max.onnx", tmp / "max.npz"
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["h"], transB=1),
         helper.make_node("ReduceMax", ["h"], ["y"], axes=[1], keepdims=1)],
        "max", [helper.make_tensor_value_info("x", real, ["n", 4])],
        [helper.make_tensor_value_info("y", real, ["n", 1])],
        [numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")])
    onnx.save(helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        model)
    np.savez(calib, x=np.eye(4, dtype=np.float32))
    r = h.run("sensitivity", model, "--calib", calib, "--gradients")
    checks.that(r.returncode == 3 and "ReduceMax" in r.stderr, r.stderr)
    r = h.run("sensitivity", model, "--calib", calib)
    checks.that(r.returncode == 0, f"without gradients: {r.stderr}")


with h.scratch() as folder:
    against_numpy(pathlib.Path(folder))
    planted(pathlib.Path(folder))
    gradients(pathlib.Path(folder))
    no_gradient(pathlib.Path(folder))
r = h.run("sensitivity", MODEL)
checks.that(r.returncode == 2 and "--calib" in r.stderr, r.stderr)
r = h.run("sensitivity", MODEL, "--calib", CALIB, "--weights", "int99")
checks.that(r.returncode == 2 and "int99" in r.stderr, r.stderr)
r = h.run("sensitivity", MODEL, "--calib", CALIB, "--rank", "luck")
checks.that(r.returncode == 2 and "luck" in r.stderr, r.stderr)
checks.finish()
