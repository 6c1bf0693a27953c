#!/usr/bin/env python3
"""Measure every recipe of a small space on the digits network and write the
table that `haq bench-search` replays (docs/bench-search.md).

    examples/digits/record_table.py --haq build/bin/haq -o table.json

Eight genes (each depthwise convolution shares one with its pointwise), three
widths: 6,561 recipes, each run by `haq eval` on all 1,797 images; about a
quarter of an hour on one core.  Widths, scales and sizes come from `haq
quantize` and `haq inspect`; nothing but the standard library is needed.
"""
import argparse
import hashlib
import itertools
import json
import pathlib
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WIDTHS = (2, 3, 4)
GENES = ((0,), (1,), (2, 3), (4,), (5,), (6, 7), (8,), (9,))


def haq(args, *words):
    words = [args.haq, *map(str, words), "--json"]
    return json.loads(subprocess.run(words, check=True, text=True,
                                     stdout=subprocess.PIPE).stdout)


def tensors(path):
    """Header of a safetensors file and where its data begins."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    return data, json.loads(data[8:8 + size]), 8 + size


class Space:
    """Uniform recipes of each width, from which the mixed ones are put
    together: activation scales are the same in all of them."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.uniform, self.params, self.size = {}, {}, {}
        for bits in WIDTHS:
            path = folder / f"int{bits}.json"
            made = haq(args, "quantize", HERE / "model.onnx", "--calib",
                       HERE / "calib.npz", "--weights",
                       f"int{bits}:channel", "-o", path)
            self.size[bits] = made["size_bytes"]
            self.uniform[bits] = json.loads(path.read_text())
            self.params[bits] = tensors(path.with_suffix(".safetensors"))
        self.layers = haq(args, "inspect", HERE / "model.onnx")["layers"]
        for layer in self.layers:
            assert self.weights(layer) % 8 == 0, "codes fill whole bytes"
        for bits in WIDTHS:
            assert self.bytes([bits] * len(self.layers)) == self.size[bits]

    @staticmethod
    def weights(layer):
        return layer["channels"] * layer["reduction"]

    def bits(self, choice):
        bits = [0] * len(self.layers)
        for gene, value in zip(GENES, choice):
            for layer in gene:
                bits[layer] = WIDTHS[value]
        return bits

    def bytes(self, bits):
        least = WIDTHS[0]
        return self.size[least] + sum(
            self.weights(layer) * (b - least) // 8
            for layer, b in zip(self.layers, bits))

    def megabops(self, bits):
        """Multiply-adds times bits of both operands, in millions."""
        return round(sum(layer["macs"] * b * 8 for layer, b in
                         zip(self.layers, bits)) / 1e6, 2)

    def wrong(self, bits):
        data, header, begin = self.params[WIDTHS[0]]
        data = bytearray(data)
        recipe = json.loads(json.dumps(self.uniform[WIDTHS[0]]))
        for i, b in enumerate(bits):
            recipe["layers"][i] = self.uniform[b]["layers"][i]
            key = f"weight/{recipe['layers'][i]['tensor']}/scale"
            lo, hi = (begin + x for x in header[key]["data_offsets"])
            data[lo:hi] = self.params[b][0][lo:hi]
        file = self.folder / "mixed.safetensors"
        file.write_bytes(data)
        recipe["params"] = {"file": file.name,
                            "sha256": hashlib.sha256(data).hexdigest()}
        path = self.folder / "mixed.json"
        path.write_text(json.dumps(recipe, sort_keys=True,
                                   separators=(",", ":")))
        got = haq(self.args, "eval", HERE / "model.onnx", "--data",
                  HERE / "eval.npz", "--recipe", path, "--threads", 1)
        return got["accuracy"]["n"] - got["correct"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--haq", default="haq")
    parser.add_argument("--most", type=int, help="recipes, to try it out")
    parser.add_argument("-o", "--output", default="table.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = Space(args, pathlib.Path(folder))
        columns = {"wrong": [], "bytes": [], "megabops": []}
        choices = itertools.product(range(len(WIDTHS)), repeat=len(GENES))
        for choice in itertools.islice(choices, args.most):
            bits = space.bits(choice)
            for name in columns:
                columns[name].append(getattr(space, name)(bits))
    table = {
        "bench_table": 1,
        "about": "digits (examples/digits): wrong answers of 1,797 by haq "
                 "eval, bytes, millions of bit operations",
        "genes": [{"name": "+".join(space.layers[i]["weight"].rsplit(".", 1)[0]
                                    for i in gene),
                   "values": [f"int{b}" for b in WIDTHS]} for gene in GENES],
        "objectives": list(columns),
        "values": columns,
    }
    pathlib.Path(args.output).write_text(
        json.dumps(table, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
