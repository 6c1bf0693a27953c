#!/usr/bin/env python3
"""haq inspect --calib against NumPy: every channel of what layers read, and an
outlier channel that was planted."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
from onnx import numpy_helper  # noqa: E402

MODEL, CALIB = h.EXAMPLE / "model.onnx", h.EXAMPLE / "calib.npz"
checks = h.Checks()


def activations(path, names):
    model = onnx.load(path)
    inputs = {i.name for i in model.graph.input}
    names = sorted(set(names) - inputs)
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    s = ort.InferenceSession(model.SerializeToString(),
                             providers=["CPUExecutionProvider"])
    x = h.inputs(np.load(CALIB)).astype(np.float32)
    out = dict(zip(names, s.run(names, {s.get_inputs()[0].name: x})))
    out.update({n: x for n in inputs})
    return out


def by_channel(x):
    """[values, channels] of an NCHW or NK tensor."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]).astype(np.float64)


def against_numpy(path, doc):
    seen = activations(path, [i["tensor"] for i in doc["inputs"]])
    for i in doc["inputs"]:
        x = by_channel(seen[i["tensor"]])
        where = f"{i['layer']} reads {i['tensor']}"
        far = np.abs(x - x.mean()) > 6 * x.std()
        reach = np.abs(x).max(0)
        used = np.sort(reach[reach > 0])
        want = {"min": x.min(), "max": x.max(), "mean": x.mean(),
                "std": x.std(), "beyond_6_sigma_ratio": far.mean(),
                "above_6_ratio": (np.abs(x) > 6).mean(),
                "zero_channels": (reach == 0).sum(),
                "channels_above_6": (reach > 6).sum(), "values": x.size,
                "channel_range_ratio": used[-1] / used[len(used) // 2]}
        for key, value in want.items():
            checks.that(np.isclose(i[key], value, rtol=1e-4, atol=1e-6),
                        f"{where}: {key} {i[key]}, NumPy {value}")
        for key, value in (("min", x.min(0)), ("max", x.max(0)),
                           ("mean", x.mean(0)), ("std", x.std(0)),
                           ("beyond_6_sigma", far.sum(0))):
            ours = np.array([c[key] for c in i["channels"]])
            checks.that(np.allclose(ours, value, rtol=1e-3, atol=1e-4),
                        f"{where}: {key} of channels")
        checks.that(reach[i["worst_channels"][0]] >= reach.max() * 0.9999,
                    f"{where}: worst channel {i['worst_channels']}")


def planted(tmp):
    """A channel 30 times as large, which the next layer divides again."""
    model = onnx.load(MODEL)
    for t in model.graph.initializer:
        w = numpy_helper.to_array(t).copy()
        if t.name in ("stem.4.weight", "stem.4.bias"):
            w[5] *= 30
        elif t.name == "stem.6.weight":
            w[5] /= 30
        else:
            continue
        t.CopyFrom(numpy_helper.from_array(w, t.name))
    path = tmp / "planted.onnx"
    onnx.save(model, path)
    doc = h.haq("inspect", path, "--calib", CALIB, "--json")
    found = [i for i in doc["inputs"] if i["channel_range_ratio"] > 8]
    checks.that(len(found) == 1 and found[0]["worst_channels"][0] == 5,
                f"{[(i['layer'], i['channel_range_ratio']) for i in found]}")
    checks.that(found and "few channels" in found[0]["advice"], "no advice")
    text = h.haq("inspect", path, "--calib", CALIB)
    checks.that("few channels" in text and "6 sigma" in text, text)


doc = h.haq("inspect", MODEL, "--calib", CALIB, "--json")
checks.that(doc["samples"] == len(np.load(CALIB)["x"]), "samples")
checks.that(len(doc["inputs"]) == len(h.haq("inspect", MODEL, "--json")[
    "layers"]), "a row per layer")
against_numpy(MODEL, doc)
one = h.haq("inspect", MODEL, "--calib", CALIB, "--json", "--threads", "1")
checks.that(one == doc, "one thread says otherwise")
with h.scratch() as folder:
    planted(pathlib.Path(folder))
r = h.run("inspect", MODEL, "--calib", MODEL)
checks.that(r.returncode == 3 and "model.onnx" in r.stderr, r.stderr)
checks.finish()
