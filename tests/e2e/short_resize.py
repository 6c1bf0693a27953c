#!/usr/bin/env python3
"""Resize in its spellings, against ONNX Runtime: nearest and linear, every
coordinate and rounding mode, sizes and scales; and codes that pass through."""
import itertools
import pathlib

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

checks = h.Checks()
random = np.random.default_rng(3)
COORDINATES = ["half_pixel", "asymmetric", "align_corners",
               "pytorch_half_pixel", "half_pixel_symmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def model(path, opset, scales=None, sizes=None, **attributes):
    """A convolution before and behind, so that the layout is NHWC."""
    w = random.normal(0, .3, (4, 3, 3, 3)).astype("f")
    v = random.normal(0, .3, (5, 4, 1, 1)).astype("f")
    constants = [numpy_helper.from_array(w, "w"),
                 numpy_helper.from_array(v, "v")]
    inputs = ["a"]
    if scales is not None:
        constants.append(numpy_helper.from_array(
            np.array(scales, "f"), "scales"))
        inputs += ["scales"] if opset < 11 else ["", "scales"]
    if sizes is not None:
        constants.append(numpy_helper.from_array(
            np.array(sizes, "i8"), "sizes"))
        inputs += ["", "", "sizes"]
    kind = "Upsample" if opset == 9 else "Resize"
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node(kind, inputs, ["b"], **attributes),
        helper.make_node("Conv", ["b", "v"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", 1, [1, 3, 7, 10])],
        [helper.make_tensor_value_info("y", 1, None)], constants)
    onnx.save(helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8),
        path)


def compare(tmp, name, opset, **what):
    path, x, y = tmp / "m.onnx", tmp / "x.npy", tmp / "y.npy"
    model(path, opset, **what)
    data = random.normal(0, 1, (1, 3, 7, 10)).astype("f")
    np.save(x, data)
    want, = ort.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]).run(None, {"x": data})
    h.haq("run", path, "-i", x, "-o", y)
    got = np.load(y)
    same = got.shape == want.shape
    checks.that(same and np.abs(got - want).max() < 1e-5,
                f"{name}: differs from ONNX Runtime by "
                f"{np.abs(got - want).max() if same else got.shape}")


def main():
    with h.scratch() as folder:
        tmp = pathlib.Path(folder)
        ways = [dict(scales=[1, 1, 2, 2]), dict(scales=[1, 1, 1.7, .6]),
                dict(sizes=[1, 4, 13, 5]), dict(sizes=[1, 4, 7, 1])]
        for way, c in itertools.product(ways, COORDINATES):
            compare(tmp, f"linear {c} {way}", 19, mode="linear",
                    coordinate_transformation_mode=c, **way)
            for r in ROUNDINGS:
                if c == "half_pixel_symmetric" and r in ("floor", "ceil"):
                    continue  # whole numbers but for the last bit
                compare(tmp, f"nearest {c} {r} {way}", 19, mode="nearest",
                        coordinate_transformation_mode=c, nearest_mode=r,
                        **way)
        compare(tmp, "Upsample", 9, scales=[1, 1, 2, 3], mode="nearest")
        compare(tmp, "Upsample linear", 9, scales=[1, 1, 2, 3], mode="linear")
        compare(tmp, "Resize 10", 10, scales=[1, 1, .5, 2], mode="nearest")
        compare(tmp, "nothing", 13, scales=[1, 1, 1, 1], mode="nearest")


main()
checks.finish()
