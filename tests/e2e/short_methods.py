#!/usr/bin/env python3
"""Methods from the command line to execution: tuned scales are those of NumPy,
lie beside the recipe, and are what runs."""
import hashlib
import json
import pathlib
import struct

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

MODEL = h.EXAMPLE / "model.onnx"
CALIB = h.EXAMPLE / "calib.npz"
EVAL = h.EXAMPLE / "eval.npz"
checks = h.Checks()


def rows_of(graph, tensor):
    """Weight of a layer, one output channel per row; None with batch norm."""
    node = next(n for n in graph.node if tensor in n.output)
    w = {i.name: numpy_helper.to_array(i) for i in graph.initializer}.get(
        node.input[1])
    if w is None or any(n.op_type == "BatchNormalization" and
                        n.input[0] == tensor for n in graph.node):
        return None
    attrs = {a.name: a.i for a in node.attribute}
    if node.op_type == "Conv" or attrs.get("transB"):
        return w.reshape(w.shape[0], -1)
    return w.T


def error(row, scale, qmax):
    codes = np.clip(np.rint(row / scale), -qmax, qmax)
    return float(((row - codes * scale).astype(np.float64) ** 2).sum())


def least_error(row, qmax):
    """By every thousandth share of the range, not by a refined grid."""
    top = np.abs(row).max()
    return min(error(row, np.float32(top * s / 1000 / qmax), qmax)
               for s in range(20, 1001))


def quantize(tmp, bits, method):
    out = tmp / f"{method}{bits}.json"
    r = h.run("quantize", MODEL, "--calib", CALIB, "--weights", f"int{bits}",
              "--method", method, "-o", out)
    checks.that(r.returncode == 0, f"quantize: {r.stderr[:300]}")
    return out


def scales_match_numpy(tmp):
    graph = onnx.load(MODEL).graph
    seen = 0
    for bits in (2, 3, 4):
        recipe = quantize(tmp, bits, "clip")
        have = h.safetensors(recipe.with_suffix(".safetensors"))
        for layer in json.loads(recipe.read_text())["layers"]:
            checks.that(layer["methods"] == ["clip"], "the recipe names clip")
            w = rows_of(graph, layer["tensor"])
            if w is None:
                continue
            qmax = 2 ** (bits - 1) - 1
            for row, s in zip(w, have[f"weight/{layer['tensor']}/scale"]):
                ours, best = error(row, s, qmax), least_error(row, qmax)
                seen += 1
                checks.that(ours <= best * 1.02 + 1e-12,
                            f"{layer['tensor']} int{bits}: error {ours} where "
                            f"{best} can be had")
    checks.that(seen > 20, f"only {seen} channels were compared")


def file_is_what_runs(tmp):
    recipe = quantize(tmp, 2, "clip")
    args = ("eval", MODEL, "--data", EVAL, "--json", "--recipe")
    r = h.run(*args, recipe)
    rtn = h.run(*args, quantize(tmp, 2, "rtn"))
    checks.that(r.returncode == 0 and rtn.returncode == 0, r.stderr[:300])
    better = json.loads(r.stdout)["accuracy"]["value"]
    plain = json.loads(rtn.stdout)["accuracy"]["value"]
    checks.that(better > plain, f"clip at 2 bits: {better}, rtn: {plain}")

    bare = json.loads(recipe.read_text())
    del bare["params"]
    (tmp / "bare.json").write_text(json.dumps(bare))
    r = h.run(*args, tmp / "bare.json", "--calib", CALIB)
    again = json.loads(r.stdout)["accuracy"]["value"] if r.stdout else None
    checks.that(r.returncode == 0 and again == better,
                f"tuned again where it runs: {again}, {better} from the file")

    doc = json.loads(recipe.read_text())
    lone = doc["layers"][:1]
    lone[0]["methods"] = ["gptq"]
    empty = tmp / "empty.safetensors"
    empty.write_bytes(struct.pack("<Q", 8) + b"{}      ")
    doc["params"] = {"file": empty.name, "sha256":
                     hashlib.sha256(empty.read_bytes()).hexdigest()}
    doc["layers"] = lone
    (tmp / "lone.json").write_text(json.dumps(doc))
    r = h.run(*args, tmp / "lone.json")
    checks.that(r.returncode == 3 and "gptq" in r.stderr,
                f"a params file without the layer: exit {r.returncode}: "
                f"{r.stderr}")


def unknown_names_are_listed(tmp):
    out = tmp / "magic.json"
    for word in ("magic", "clip,clip", "clip,"):
        r = h.run("quantize", MODEL, "--calib", CALIB, "--weights", "int4",
                  "--method", word, "-o", out)
        checks.that(r.returncode == 2 and "clip" in r.stderr,
                    f"{word}: exit {r.returncode}: {r.stderr}")
        checks.that(not out.exists(), f"{word}: a recipe was written")
    r = h.run("quantize", "--help")
    checks.that("clip (" in r.stdout, "help lists the methods")


with h.scratch() as folder:
    path = pathlib.Path(folder)
    scales_match_numpy(path)
    file_is_what_runs(path)
    unknown_names_are_listed(path)
checks.finish()
