#!/usr/bin/env python3
"""haq sensitivity against NumPy, and a planted cause that it must name."""
import pathlib
import xml.etree.ElementTree

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

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


def weight_db(w, bits):
    most = 2 ** (bits - 1) - 1
    scale = np.abs(w).max(axis=1, keepdims=True) / most
    q = np.clip(np.round(w / scale), -most, most) * scale
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


with h.scratch() as folder:
    against_numpy(pathlib.Path(folder))
    planted(pathlib.Path(folder))
r = h.run("sensitivity", MODEL)
checks.that(r.returncode == 2 and "--calib" in r.stderr, r.stderr)
r = h.run("sensitivity", MODEL, "--calib", CALIB, "--weights", "int99")
checks.that(r.returncode == 2 and "int99" in r.stderr, r.stderr)
checks.finish()
