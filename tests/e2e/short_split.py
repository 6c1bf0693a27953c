#!/usr/bin/env python3
"""Outlier decomposition and channel splitting against NumPy, written from the
papers: which channels, which codes, which outputs, also after export."""
import json
import pathlib
import struct

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(4)
DIM, HIDDEN, OUT = 48, 32, 10
LOUD = [5, 17, 40]


def make_model(path):
    w = {"one": rng.normal(size=(DIM, HIDDEN)) / 4,
         "two": rng.normal(size=(HIDDEN, OUT)) / 4}
    w["one"][7] *= 12  # a weight for channel splitting
    w = {k: v.astype(np.float32) for k, v in w.items()}
    b = rng.normal(size=HIDDEN).astype(np.float32)
    nodes = [helper.make_node("Gemm", ["x", "one_w", "b"], ["one"]),
             helper.make_node("Relu", ["one"], ["act"]),
             helper.make_node("MatMul", ["act", "two_w"], ["two"])]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", DIM])],
        [helper.make_tensor_value_info("two", TensorProto.FLOAT, ["n", OUT])],
        [numpy_helper.from_array(v, f"{k}_w") for k, v in w.items()] +
        [numpy_helper.from_array(b, "b")])
    h.save_model(graph, path)
    return {k: v.astype(np.float64) for k, v in w.items()}, b


def quantize(tmp, method, weights="int8", acts="uint8"):
    out = tmp / f"{method}.json"
    r = h.run("quantize", tmp / "m.onnx", "--calib", tmp / "c.npz",
              "--weights", weights, "--activations", acts, "--method", method,
              "-o", out)
    checks.that(r.returncode == 0, f"{method}: {r.stderr[:300]}")
    return h.safetensors(out.with_suffix(".safetensors"))


def outputs(tmp, name, *more):
    r = h.run("run", tmp / "m.onnx", "-i", tmp / "c.npz", "-o",
              tmp / f"{name}.npy", *more)
    checks.that(r.returncode == 0, r.stderr[:300])
    return np.load(tmp / f"{name}.npy").astype(np.float64)


def codes_of(have, name, m):
    scale = have[f"weight/{name}/scale"].astype(np.float64)[:, None]
    codes = have[f"weight/{name}/codes"]
    checks.that(codes.shape == m.T.shape, f"{name}: codes {codes.shape}")
    off = float(np.abs(codes * scale - m.T).max() / scale.max())
    checks.that(off < 0.51, f"{name}: {off} steps from its weights")


def loud_channels_are_float(tmp, w, b, x):
    have = quantize(tmp, "outliers")
    beyond = np.abs(x).max(0) > 6 * np.sqrt(np.mean(x * x))
    checks.that(sorted(np.flatnonzero(beyond)) == LOUD, "the test's own data")
    checks.that(list(have["split/one/kept"]) == LOUD,
                f"kept: {have['split/one/kept']}")
    rest = [i for i in range(DIM) if i not in LOUD]
    checks.that(list(have["split/one/inputs"]) == rest, "the others")
    checks.that("split/two/inputs" not in have, "two reads nothing loud")
    codes_of(have, "one", w["one"][rest])
    lo, hi = min(v[0] for k, v in have.items() if k.startswith("act/x")), \
        max(v[1] for k, v in have.items() if k.startswith("act/x"))
    checks.that(np.isclose(lo, x[:, rest].min()) and
                np.isclose(hi, x[:, rest].max()),
                f"range {lo} .. {hi} is not that of the others")
    full, error = outputs(tmp, "float"), {}
    for method in ("rtn", "outliers"):
        if method == "rtn":
            quantize(tmp, method)
        y = outputs(tmp, method, "--recipe", tmp / f"{method}.json")
        error[method] = float(np.square(y - full).mean())
    checks.that(error["outliers"] < 0.2 * error["rtn"], str(error))
    # The first layer in integers and float, as NumPy has it.
    s = have["weight/one/scale"].astype(np.float64)
    step = (hi - min(lo, 0)) / 255
    zero = np.rint(-min(lo, 0) / step)
    q = (np.clip(np.rint(x[:, rest] / step) + zero, 0, 255) - zero) * step
    want = np.maximum(q @ (have["weight/one/codes"] * s[:, None]).T +
                      x[:, LOUD] @ w["one"][LOUD] + b, 0)
    key = next(k for k in have if k.startswith("act/act"))
    checks.that(abs(float(want.max() / have[key][1]) - 1) < 0.02,
                "the hidden layer is not what NumPy computes")


def it_leaves_the_house(tmp):
    r = h.run("export", tmp / "outliers.json", "--model", tmp / "m.onnx",
              "--format", "onnx-qdq", "-o", tmp / "q.onnx")
    checks.that(r.returncode == 0, f"export: {r.stderr[:300]}")
    r = h.run("bench", tmp / "m.onnx", "--recipe", tmp / "outliers.json",
              "--budget-ms", "200", "--layers")
    checks.that(r.returncode == 0 and "one:kept" in r.stdout,
                f"bench: {r.stdout[-500:]} {r.stderr[:300]}")
    try:
        import onnxruntime
    except ImportError:
        return
    s = onnxruntime.InferenceSession(str(tmp / "q.onnx"),
                                     providers=["CPUExecutionProvider"])
    y = s.run(None, {"x": np.load(tmp / "c.npz")["x"]})[0]
    off = float(np.abs(y - np.load(tmp / "outliers.npy")).max())
    checks.that(off < 0.02 * float(np.abs(y).max()), f"exported: off by {off}")


def large_weights_are_read_twice(tmp, w):
    have = quantize(tmp, "ocs", "int4:tensor", "float")
    for name in ("one", "two"):
        most = np.abs(w[name]).max(1)
        times = np.ones(len(most), int)
        for _ in range(-(-len(most) // 20)):
            times[np.argmax(most / times)] += 1
        want = np.repeat(np.arange(len(most)), times)
        checks.that(list(have[f"split/{name}/inputs"]) == list(want),
                    f"{name}: {have[f'split/{name}/inputs']}")
        codes_of(have, name, (w[name] / times[:, None])[want])
        checks.that(f"split/{name}/kept" not in have, "nothing is float")
    full = outputs(tmp, "float")
    quantize(tmp, "rtn", "int4:tensor", "float")
    error = {m: float(np.square(outputs(tmp, m, "--recipe",
                                        tmp / f"{m}.json") - full).mean())
             for m in ("rtn", "ocs")}
    checks.that(error["ocs"] < 0.7 * error["rtn"], str(error))


def a_changed_file_is_refused(tmp):
    import hashlib
    recipe = tmp / "ocs.json"
    st = recipe.with_suffix(".safetensors")
    raw = bytearray(st.read_bytes())
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    raw[8 + n + head["split/one/inputs"]["data_offsets"][0]] = 200
    st.write_bytes(raw)
    doc = json.loads(recipe.read_text())
    doc["params"]["sha256"] = hashlib.sha256(raw).hexdigest()
    recipe.write_text(json.dumps(doc))
    r = h.run("run", tmp / "m.onnx", "-i", tmp / "c.npz", "-o",
              tmp / "bad.npy", "--recipe", recipe)
    checks.that(r.returncode == 3 and "split/one/inputs[0]" in r.stderr,
                f"channel 200: exit {r.returncode}: {r.stderr}")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    w, b = make_model(tmp / "m.onnx")
    x = rng.uniform(-1, 1, size=(200, DIM))
    x[:, LOUD] *= 60
    x = x.astype(np.float32)
    x[:, LOUD] *= 0.3
    np.savez(tmp / "c.npz", x=x)
    loud_channels_are_float(tmp, w, b, x.astype(np.float64))
    it_leaves_the_house(tmp)
    large_weights_are_read_twice(tmp, w)
    a_changed_file_is_refused(tmp)
checks.finish()
