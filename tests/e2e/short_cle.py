#!/usr/bin/env python3
"""Cross-layer equalization: a depthwise network whose channels were rescaled by
factors that change no output is as good as before, where one scale per tensor
fails without it."""
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

checks = h.Checks()
rng = np.random.default_rng(3)


LAYERS = (("c", 1), ("d", 8), ("p", 1))  # full, depthwise, pointwise


def chain(path):
    """Convolution, depthwise, pointwise, with channels of very different
    ranges; one of them is dead."""
    w = {"c": rng.normal(size=(8, 3, 3, 3)), "d": rng.normal(size=(8, 1, 3, 3)),
         "p": rng.normal(size=(4, 8, 1, 1))}
    w["c"] *= np.exp(rng.normal(size=(8, 1, 1, 1)))
    w["d"] *= np.exp(rng.normal(size=(8, 1, 1, 1)))
    w["c"][5] *= 1e-30
    w = {k: v.astype(np.float32) for k, v in w.items()}
    b = {k: rng.normal(size=len(v)).astype(np.float32) for k, v in w.items()}
    nodes, consts, x = [], [], "x"
    for name, group in LAYERS:
        consts += [numpy_helper.from_array(w[name], f"{name}_w"),
                   numpy_helper.from_array(b[name], f"{name}_b")]
        pad = [1 if w[name].shape[2] == 3 else 0] * 4
        nodes += [helper.make_node("Conv", [x, f"{name}_w", f"{name}_b"],
                                   [name], group=group, pads=pad),
                  helper.make_node("Relu", [name], [f"{name}_r"])]
        x = f"{name}_r"
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                                   ["n", 3, 6, 6])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", 4, 6, 6])],
        consts)
    h.save_model(graph, path)
    return w, b


def ranges_agree(tmp):
    w, b = chain(tmp / "m.onnx")
    out = tmp / "r.json"
    r = h.run("quantize", tmp / "m.onnx", "--weights", "int8:channel",
              "--method", "cle", "-o", out)
    checks.that(r.returncode == 0, r.stderr[:300])
    have = h.safetensors(out.with_suffix(".safetensors"))

    def real(name):
        v = have[f"weight/{name}/codes"].astype(np.float64)
        v = v * have[f"weight/{name}/scale"][:, None]
        return v.reshape(w[name].shape)

    new = {name: real(name) for name, _ in LAYERS}
    top = {"c": np.abs(new["c"]).max((1, 2, 3)),
           "d": np.abs(new["d"]).max((1, 2, 3)),
           "p": np.abs(new["p"]).max((0, 2, 3))}
    live = np.arange(8) != 5
    for one, two in (("c", "d"), ("d", "p")):
        off = float(np.abs(top[one] / top[two] - 1)[live].max())
        checks.that(off < 0.01, f"{one} and {two}: ranges differ by {off}")
    checks.that(np.allclose(have["bias/c"][5], b["c"][5]),
                "a dead channel was moved")
    # What a channel is multiplied with in one layer it is divided by in the
    # next: the product along the chain is what it was.
    def product(t):
        c = np.abs(t["c"]).max((1, 2, 3)) * np.abs(t["d"]).max((1, 2, 3))
        return c * np.abs(t["p"]).max((0, 2, 3))
    old = {k: v.astype(np.float64) for k, v in w.items()}
    ratio = (product(new) / product(old))[live]
    checks.that(np.abs(ratio - 1).max() < 0.01, f"the chain changed: {ratio}")
    factor = np.abs(new["c"]).max((1, 2, 3)) / np.abs(old["c"]).max((1, 2, 3))
    checks.that(np.allclose(have["bias/c"][live] / b["c"][live], factor[live],
                            rtol=0.01), "biases did not follow")
    np.savez(tmp / "e.npz", x=rng.normal(size=(4, 3, 6, 6)).astype("f4"))
    for name, more in (("float", ()), ("cle", ("--recipe", out))):
        r = h.run("run", tmp / "m.onnx", "-i", tmp / "e.npz", "-o",
                  tmp / f"{name}.npy", *more)
        checks.that(r.returncode == 0, r.stderr[:300])
    y, z = np.load(tmp / "float.npy"), np.load(tmp / "cle.npy")
    checks.that(float(np.abs(y - z).max()) < 0.03 * float(np.abs(y).max()),
                "the function changed")


def rescaled(model):
    """Every channel between two layers times a factor of 1/16 .. 16: batch norm
    in front, the next weight behind."""
    g = model.graph
    init = {i.name: i for i in g.initializer}
    reads = {}
    for n in g.node:
        for name in n.input:
            reads.setdefault(name, []).append(n)

    def scale(name, by, axis):
        v = numpy_helper.to_array(init[name]).copy()
        shape = [1] * v.ndim
        shape[axis] = -1
        init[name].CopyFrom(numpy_helper.from_array(
            (v * by.reshape(shape)).astype(np.float32), name))

    changed = 0
    for bn in [n for n in g.node if n.op_type == "BatchNormalization"]:
        relu = reads[bn.output[0]]
        if len(relu) != 1 or relu[0].op_type != "Relu":
            continue
        conv = reads.get(relu[0].output[0], [])
        if len(conv) != 1 or conv[0].op_type != "Conv":
            continue
        weight = numpy_helper.to_array(init[conv[0].input[1]])
        channels = numpy_helper.to_array(init[bn.input[1]]).size
        by = np.exp2(rng.uniform(-4, 4, channels))
        scale(bn.input[1], by, 0)
        scale(bn.input[2], by, 0)
        scale(conv[0].input[1], 1 / by, 1 if weight.shape[1] > 1 else 0)
        changed += 1
    return changed


def accuracy(model, data, *more):
    doc = h.haq("eval", model, "--data", data / "eval.npz", *more, "--json")
    return doc["accuracy"]["value"]


def a_rescaled_network_is_brought_back(tmp):
    data = h.SHARED / "mobilenetv1-vww"
    if not data.is_dir():
        print(f"skipped: {data} is absent")
        return
    model = onnx.load(data / "model.onnx")
    checks.that(rescaled(model) > 20, "few channels were rescaled")
    onnx.save(model, tmp / "v.onnx")
    full = accuracy(tmp / "v.onnx", data)
    plain = accuracy(data / "model.onnx", data)
    checks.that(abs(full - plain) < 0.01, f"float: {plain} became {full}")
    got = {}
    for name, source, method in (("before", data / "model.onnx", "cle"),
                                 ("rtn", tmp / "v.onnx", "rtn"),
                                 ("cle", tmp / "v.onnx", "cle")):
        recipe = tmp / f"{name}.json"
        h.run("quantize", source, "--calib", data / "calib.npz", "--weights",
              "int8:tensor", "--method", method, "-o", recipe)
        got[name] = accuracy(source, data, "--recipe", recipe)
    print(f"float {full:.2f}, int8 with one scale per tensor: rescaled "
          f"{got['rtn']:.2f}, equalized {got['cle']:.2f}, equalized without "
          f"rescaling {got['before']:.2f}")
    checks.that(got["rtn"] < full - 10, f"rescaled: still {got['rtn']}")
    sample = 100 / 211
    checks.that(abs(got["cle"] - full) < sample + 0.05,
                f"equalized: {got['cle']}, float {full}")


def a_search_cannot_have_it(tmp):
    r = h.run("search", h.EXAMPLE / "model.onnx", "--eval",
              h.EXAMPLE / "eval.npz", "--method", "cle", "--out", tmp / "out")
    checks.that(r.returncode == 2 and "several layers" in r.stderr and
                not (tmp / "out").exists(), f"search: {r.stderr}")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    ranges_agree(tmp)
    a_search_cannot_have_it(tmp)
    a_rescaled_network_is_brought_back(tmp)
checks.finish()
