#!/usr/bin/env python3
"""A small network of hard-swish, squeeze-and-excite, SiLU and concatenation,
quantized: no float step between layers, and ONNX Runtime computes the same
from the export."""
import json
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

checks = h.Checks()
random = np.random.default_rng(1)
nodes, constants = [], []


def constant(name, value):
    constants.append(numpy_helper.from_array(value.astype("f"), name))
    return name


def op(kind, inputs, out, **attributes):
    nodes.append(helper.make_node(kind, inputs, [out], **attributes))
    return out


def conv(name, x, channels, out, kernel, stride=1, group=1):
    fan = channels // group * kernel * kernel
    w = random.normal(0, (2 / fan) ** .5,
                      (out, channels // group, kernel, kernel))
    return op("Conv", [x, constant(name + "_w", w),
                       constant(name + "_b", random.normal(0, .1, out))],
              name, kernel_shape=[kernel] * 2, strides=[stride] * 2,
              pads=[kernel // 2] * 4, group=group)


def network(path):
    x = op("HardSwish", [conv("stem", "x", 3, 16, 3, 2)], "stem_act")
    d = op("HardSwish", [conv("depth", x, 16, 16, 3, 1, 16)], "depth_act")
    s = op("ReduceMean", [d], "squeeze", axes=[2, 3], keepdims=1)
    s = op("Relu", [conv("reduce", s, 16, 8, 1)], "reduce_act")
    s = op("HardSigmoid", [conv("expand", s, 8, 16, 1)], "gate", alpha=1 / 6,
           beta=.5)
    s = op("Mul", [d, s], "excite")
    e = conv("left", s, 16, 24, 3, 2)
    e = op("Mul", [e, op("Sigmoid", [e], "sigmoid")], "silu")
    r = op("LeakyRelu", [conv("right", s, 16, 8, 3, 2)], "leaky", alpha=.1)
    j = op("Relu", [op("Concat", [e, r], "joined", axis=1)], "joined_act")
    p = op("GlobalAveragePool", [conv("last", j, 32, 32, 1)], "pooled")
    op("Gemm", [op("Flatten", [p], "flat"),
                constant("fc_w", random.normal(0, .2, (10, 32))),
                constant("fc_b", np.zeros(10))], "y", transB=1)
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", 1, ["N", 3, 32, 32])],
        [helper.make_tensor_value_info("y", 1, ["N", 10])], constants)
    model = helper.make_model(graph,
                              opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    onnx.save(model, path)


def between_layers(model, recipe):
    doc = h.haq("bench", model, "--recipe", recipe, "--layers", "--json",
                "--budget-ms", "50")
    text = json.dumps(doc["results"][-1])
    for kernel in ("elementwise", "gemm_f32"):
        checks.that(f'"{kernel}' not in text, f"{kernel} in a plan of codes")
    for kernel in ("lookup_u8", "mul_u8"):
        checks.that(f'"{kernel}' in text, f"no {kernel} in the plan")


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    model, recipe, exported = (tmp / n for n in ("n.onnx", "r.json", "q.onnx"))
    network(model)
    x = random.normal(0, 1, (64, 3, 32, 32)).astype("f")
    np.savez(tmp / "d.npz", x=x, y=np.zeros(64, "i8"))
    h.haq("quantize", model, "--calib", tmp / "d.npz", "--weights",
          "int8:channel", "--activations", "uint8", "-o", recipe)
    h.haq("export", recipe, "--model", model, "--format", "onnx-qdq", "-o",
          exported)
    np.save(tmp / "x.npy", x)
    h.haq("run", model, "--recipe", recipe, "-i", tmp / "x.npy", "-o",
          tmp / "y.npy")
    got, want = np.load(tmp / "y.npy"), h.ort_outputs(exported, x)
    near = np.abs(got - want) <= 1e-5 * np.abs(want).max()
    checks.that(near.mean() >= 0.99, f"{near.mean():.4f} of outputs agree")
    between_layers(model, recipe)
checks.finish()
