#!/usr/bin/env python3
"""Write ResNet-18, ResNet-50 and MobileNetV2 with random weights.

    make_networks.py FOLDER [NAME...]

makes FOLDER/NAME/model.onnx (224x224, symbolic batch) and calib.npz. Weights
are drawn with a fixed seed, scaled so that activations keep their size from
layer to layer; batch normalization is folded in, as exporters do.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import harness as h  # noqa: E402

h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SIZE, CLASSES, SAMPLES = 224, 1000, 8


class Net:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, **attributes):
        out = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], name=out + "_op",
                                           **attributes))
        return out

    def weights(self, prefix, shape, gain):
        fan_in = int(np.prod(shape[1:]))
        w = self.rng.normal(0, gain / np.sqrt(fan_in), shape)
        b = self.rng.normal(0, 0.1, shape[0])
        return [self.constant(prefix + "_w", w.astype(np.float32)),
                self.constant(prefix + "_b", b.astype(np.float32))]

    def conv(self, x, cin, cout, kernel, stride=1, group=1, act="relu",
             gain=2 ** 0.5):
        at = f"conv{len(self.nodes)}"
        shape = (cout, cin // group, kernel, kernel)
        x = self.node("Conv", [x] + self.weights(at, shape, gain),
                      kernel_shape=[kernel] * 2, strides=[stride] * 2,
                      pads=[kernel // 2] * 4, group=group)
        return self.activation(x, act)

    def activation(self, x, act):
        if act == "relu":
            return self.node("Relu", [x])
        if act == "relu6":
            if not any(c.name == "six" for c in self.constants):
                self.constant("zero", np.float32(0))
                self.constant("six", np.float32(6))
            return self.node("Clip", [x, "zero", "six"])
        return x

    def classifier(self, x, channels):
        x = self.node("GlobalAveragePool", [x])
        x = self.node("Flatten", [x], axis=1)
        return self.node("Gemm",
                         [x] + self.weights("fc", (CLASSES, channels), 1),
                         transB=1)

    def save(self, folder, name, out):
        shape = ["N", 3, SIZE, SIZE]
        float32 = TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, name,
            [helper.make_tensor_value_info("x", float32, shape)],
            [helper.make_tensor_value_info(out, float32, ["N", CLASSES])],
            self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")
        x = self.rng.normal(0, 1, (SAMPLES, 3, SIZE, SIZE))
        np.savez(folder / "calib.npz", x=x.astype(np.float32))


def basic(net, x, cin, width, stride):
    y = net.conv(x, cin, width, 3, stride)
    y = net.conv(y, width, width, 3, act=None, gain=0.5)
    return y, width


def bottleneck(net, x, cin, width, stride):
    y = net.conv(x, cin, width, 1)
    y = net.conv(y, width, width, 3, stride)
    y = net.conv(y, width, 4 * width, 1, act=None, gain=0.5)
    return y, 4 * width


def resnet(net, block, depths):
    x = net.conv("x", 3, 64, 7, 2)
    x = net.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2],
                 pads=[1] * 4)
    cin = 64
    for stage, depth in enumerate(depths):
        for i in range(depth):
            stride = 2 if stage and not i else 1
            y, cout = block(net, x, cin, 64 << stage, stride)
            if cin != cout or stride > 1:
                x = net.conv(x, cin, cout, 1, stride, act=None, gain=1)
            x = net.activation(net.node("Add", [y, x]), "relu")
            cin = cout
    return net.classifier(x, cin)


def mobilenet_v2(net):
    x, cin = net.conv("x", 3, 32, 3, 2, act="relu6"), 32
    for expand, cout, depth, stride in [(1, 16, 1, 1), (6, 24, 2, 2),
                                        (6, 32, 3, 2), (6, 64, 4, 2),
                                        (6, 96, 3, 1), (6, 160, 3, 2),
                                        (6, 320, 1, 1)]:
        for i in range(depth):
            s, wide = (1 if i else stride), cin * expand
            y = net.conv(x, cin, wide, 1, act="relu6") if expand > 1 else x
            y = net.conv(y, wide, wide, 3, s, group=wide, act="relu6")
            y = net.conv(y, wide, cout, 1, act=None, gain=1)
            x = net.node("Add", [x, y]) if s == 1 and cin == cout else y
            cin = cout
    return net.classifier(net.conv(x, cin, 1280, 1, act="relu6"), 1280)


NETWORKS = {
    "resnet18": lambda net: resnet(net, basic, [2, 2, 2, 2]),
    "resnet50": lambda net: resnet(net, bottleneck, [3, 4, 6, 3]),
    "mobilenetv2": mobilenet_v2,
}


def make(folder, names=NETWORKS):
    """The folders made, one per name."""
    made = []
    for name in names:
        net = Net(seed=1)
        made.append(pathlib.Path(folder) / name)
        net.save(made[-1], name, NETWORKS[name](net))
    return made


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in make(sys.argv[1], sys.argv[2:] or NETWORKS):
        print(path)
