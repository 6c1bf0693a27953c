#!/usr/bin/env python3
"""Train the example network and write model.onnx, calib.npz and eval.npz.

    train.py [--epochs 30] [--out FOLDER]

Needs torch 1.13, onnx and NumPy.  Same versions, same machine type: same
files.  README.md beside this script says what the data is.
"""
import argparse
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
SIDE = 16
CALIB = 256


def load(part):
    data = np.load(HERE / "bitmaps.npz")
    bits = np.unpackbits(data[part + "_bits"], axis=1)
    x = torch.from_numpy(bits.reshape(-1, 1, 32, 32).astype(np.float32))
    return x, torch.from_numpy(data[part + "_y"].astype(np.int64))


def distort(x, rng):
    """Turn, scale, shift, shrink to 16x16, fade and add noise: uint8."""
    n = len(x)
    u = torch.rand(n, 5, generator=rng) * 2 - 1
    angle, scale = u[:, 0] * 0.45, 1.15 + 0.25 * u[:, 1]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack([cos, -sin, u[:, 2] * 0.25,
                         sin, cos, u[:, 3] * 0.25], 1).reshape(n, 2, 3)
    grid = F.affine_grid(theta, x.shape, align_corners=False)
    x = F.grid_sample(x, grid, align_corners=False)
    x = F.avg_pool2d(x, 32 // SIDE)
    x = x * (0.7 + 0.3 * u[:, 4]).reshape(n, 1, 1, 1)
    x = x + 0.15 * torch.randn(x.shape, generator=rng)
    return (x * 255).round().clamp(0, 255).to(torch.uint8)


def conv(cin, cout, kernel, stride=1, groups=1):
    return [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups,
                      bias=False), nn.BatchNorm2d(cout)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            *conv(1, 16, 3), nn.ReLU(), *conv(16, 32, 3), nn.ReLU(),
            *conv(32, 32, 3, 2, 32), nn.ReLU(), *conv(32, 48, 1), nn.ReLU())
        self.block = nn.Sequential(
            *conv(48, 48, 3), nn.ReLU(), *conv(48, 48, 3))
        self.tail = nn.Sequential(
            *conv(48, 48, 3, 2, 48), nn.ReLU(), *conv(48, 96, 1), nn.ReLU(),
            *conv(96, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten())
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stem(x)
        x = F.relu(x + self.block(x))
        return self.head(self.tail(x))


def train(net, x, y, rng, epochs):
    batch = 64
    steps = epochs * (len(x) // batch)
    opt = torch.optim.AdamW(net.parameters(), 0.01, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, 0.01, steps)
    net.train()
    for epoch in range(epochs):
        seen = distort(x, rng).float() / 255
        order = torch.randperm(len(x), generator=rng)
        for i in range(len(x) // batch):
            pick = order[i * batch:(i + 1) * batch]
            loss = F.cross_entropy(net(seen[pick]), y[pick])
            opt.zero_grad()
            loss.backward()
            opt.step()
            plan.step()
        print(f"epoch {epoch + 1} of {epochs}, loss {loss.item():.3f}",
              flush=True)
    net.eval()


def save_data(path, x, y):
    np.savez_compressed(path, x=x.numpy(), y=y.numpy(),
                        x_scale=np.array([1 / 255], np.float32),
                        x_bias=np.array([0], np.float32))


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--epochs", type=int, default=30)
    args.add_argument("--out", type=pathlib.Path, default=HERE)
    args = args.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    rng = torch.Generator().manual_seed(2)
    x, y = load("train")
    net = Net()
    train(net, x, y, rng, args.epochs)

    test, test_y = load("test")
    test = distort(test, torch.Generator().manual_seed(3))
    seen = distort(x[:CALIB], torch.Generator().manual_seed(4))
    with torch.no_grad():
        right = (net(test.float() / 255).argmax(1) == test_y).sum().item()
    print(f"{right} of {len(test)} right")
    save_data(args.out / "eval.npz", test, test_y)
    save_data(args.out / "calib.npz", seen, y[:CALIB])
    torch.onnx.export(
        net, torch.zeros(1, 1, SIDE, SIDE), args.out / "model.onnx",
        opset_version=13, input_names=["input"], output_names=["logits"],
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=True,
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})


if __name__ == "__main__":
    main()
