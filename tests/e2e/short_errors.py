#!/usr/bin/env python3
"""Bad input ends with the right exit code, one sentence that names the file,
and nothing half written."""
import json
import os
import pathlib
import subprocess

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


def refused(what, culprit, out, *args, code=3):
    r = h.run(*args, timeout=120)
    lines = [s for s in r.stderr.splitlines() if s.strip()]
    checks.that(r.returncode == code,
                f"{what}: exit {r.returncode}, not {code}: {r.stderr[:300]}")
    checks.that(len(lines) == 1, f"{what}: {len(lines)} lines on stderr")
    checks.that(pathlib.Path(culprit).name in r.stderr,
                f"{what}: {culprit} is not named in: {r.stderr[:300]}")
    checks.that(out is None or not pathlib.Path(out).exists(),
                f"{what}: {out} was left behind")


def save(path, **changes):
    data = dict(np.load(EVAL))
    data.update(changes)
    np.savez(path, **data)
    return path


def bad_models(tmp):
    good = MODEL.read_bytes()
    text = tmp / "text.onnx"
    text.write_text("this is a shopping list\n" * 40)
    empty = tmp / "empty.onnx"
    empty.write_bytes(b"")
    cut = tmp / "cut.onnx"
    cut.write_bytes(good[:len(good) // 2])

    lying = onnx.load(MODEL)
    lying.graph.initializer[0].dims[0] *= 1000
    onnx.save(lying, tmp / "lying.onnx")
    huge = onnx.load(MODEL)
    huge.graph.initializer[0].dims[0] = 2 ** 62
    onnx.save(huge, tmp / "huge.onnx")
    sick = onnx.load(MODEL)
    for t in sick.graph.initializer:
        if len(t.dims) == 4:
            w = numpy_helper.to_array(t).copy()
            w.flat[3] = np.nan
            t.CopyFrom(numpy_helper.from_array(w, t.name))
            break
    onnx.save(sick, tmp / "nan.onnx")
    for name in ("text", "empty", "cut", "lying", "huge", "nan", "absent"):
        path = tmp / f"{name}.onnx"
        out = tmp / f"{name}.json"
        refused(f"{name} model, eval", path, None,
                "eval", path, "--data", EVAL)
        refused(f"{name} model, quantize", path, out,
                "quantize", path, "--calib", CALIB, "-o", out)


def bad_data(tmp):
    x, y = np.load(EVAL)["x"], np.load(EVAL)["y"]
    sets = {
        "shape": save(tmp / "shape.npz", x=x[:, :, :8]),
        "rank": save(tmp / "rank.npz", x=x[0]),
        "dtype": save(tmp / "dtype.npz", x=x.astype("complex64")),
        "none": save(tmp / "none.npz", x=x[:0], y=y[:0]),
    }
    cut = tmp / "cut.npz"
    cut.write_bytes(EVAL.read_bytes()[:3000])
    sets["cut"] = cut
    for name, path in sets.items():
        out = tmp / f"{name}-calib.json"
        refused(f"{name} calibration", path, out,
                "quantize", MODEL, "--calib", path, "-o", out)
        refused(f"{name} evaluation", path, None,
                "eval", MODEL, "--data", path)
    far = save(tmp / "far.npz", y=np.where(np.arange(len(y)) == 5, 10, y))
    refused("label out of range", far, None, "eval", MODEL, "--data", far)
    short = save(tmp / "short.npz", y=y[:-1])
    refused("label missing", short, None, "eval", MODEL, "--data", short)


def bad_words(tmp):
    """What cannot be asked for on this machine, or anywhere."""
    isa = "avx2" if os.uname().machine == "aarch64" else "neon"
    out = tmp / "words.json"
    for name in (isa, "mmx"):
        refused(f"--isa {name}", name, None, "bench", MODEL, "--isa", name,
                code=2)
        refused(f"--isa {name}", name, None, "eval", MODEL, "--data", EVAL,
                "--isa", name, code=2)
        refused(f"--isa {name}", name, tmp / "job", "search", MODEL, "--eval",
                EVAL, "--out", tmp / "job", "--isa", name, code=2)
    for option, word in (("--weights", "ternaty"), ("--weights", "int8,int8"),
                         ("--weights", "binary:full"),
                         ("--activations", "ternary")):
        refused(f"{option} {word}", word, out, "quantize", MODEL, "--calib",
                CALIB, option, word, "-o", out, code=2)
    refused("formats of a search", "uint4", tmp / "job", "search", MODEL,
            "--eval", EVAL, "--out", tmp / "job", "--formats", "int4,uint4",
            code=2)
    refused("formats of a bench", "int9", None, "bench", MODEL, "--weights",
            "int8,int9", code=2)


def foreign_recipe(tmp):
    other = onnx.load(MODEL)
    for t in other.graph.initializer:
        if len(t.dims) == 4:
            w = numpy_helper.to_array(t) * np.float32(1.5)
            t.CopyFrom(numpy_helper.from_array(w, t.name))
            break
    onnx.save(other, tmp / "other.onnx")
    recipe = tmp / "foreign.json"
    h.haq("quantize", tmp / "other.onnx", "--calib", CALIB, "-o", recipe)
    refused("recipe for another model", recipe, None,
            "eval", MODEL, "--data", EVAL, "--recipe", recipe)
    broken = tmp / "broken.json"
    broken.write_text(recipe.read_text()[:200])
    refused("truncated recipe", broken, None,
            "eval", MODEL, "--data", EVAL, "--recipe", broken)


def foreign_folder(tmp):
    search = ["search", MODEL, "--calib", CALIB, "--trials", "2", "--seed"]
    out = tmp / "job-haq"
    h.haq(*search, "1", "--eval", EVAL, "--out", out, timeout=300)
    front = (out / "front.json").read_bytes()
    other = save(tmp / "other-eval.npz", x=np.load(EVAL)["x"][::-1])
    refused("folder of another job", out, None,
            *search, "1", "--eval", other, "--out", out)
    checks.that((out / "front.json").read_bytes() == front,
                "folder of another job: its front changed")


def bad_tables(tmp):
    """Tables for `haq allocate`."""
    good = {"sensitivity": {"4": [1.0, 2.0], "8": [0.1, 0.2]},
            "cost": {"size": {"4": [1, 1], "8": [2, 2]}}}
    broken = [
        ("no sensitivities", {"cost": good["cost"]}),
        ("no options", dict(good, sensitivity={})),
        ("no layers", dict(good, sensitivity={"4": [], "8": []})),
        ("lengths that differ",
         dict(good, sensitivity={"4": [1.0, 2.0], "8": [0.1]})),
        ("a cost without an option",
         dict(good, cost={"size": {"4": [1, 1]}})),
        ("a word for a number",
         dict(good, cost={"size": {"4": [1, "x"], "8": [2, 2]}})),
        ("a missing cost for an option",
         dict(good, cost={"size": {"4": [1, None], "8": [2, 2]}})),
        ("a tie to no layer", dict(good, ties=[[0, 2]])),
        ("a tie that is no list", dict(good, ties=[3])),
        ("names for other layers", dict(good, names=["one"])),
        ("nothing in common",
         dict(good, sensitivity={"4": [None, 2.0], "8": [0.1, None]},
              ties=[[0, 1]])),
        ("a list", [1, 2]),
    ]
    path = tmp / "table.json"
    for what, table in broken:
        path.write_text(json.dumps(table))
        refused(f"table with {what}", path, None, "allocate", path)
    path.write_text(json.dumps(good)[:-9])
    refused("a table cut short", path, None, "allocate", path)
    path.write_text(json.dumps(good))
    refused("a limit below everything", path, None,
            "allocate", path, "--limit", "size=1.5")
    for limit in ["size", "size=", "size=big", "size=1x", "weight=3"]:
        r = h.run("allocate", path, "--limit", limit)
        checks.that(r.returncode == 2 and limit in r.stderr,
                    f"--limit {limit}: exit {r.returncode}: {r.stderr}")
    r = h.run("allocate", path, "--limit", "size=3", "--json")
    checks.that(json.loads(r.stdout)["bits"] == [4, 8],
                f"a good table: {r.stdout} {r.stderr}")


def full_disk(tmp):
    disk = tmp / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)],
            capture_output=True).returncode:
        print("no small file system can be mounted: full disk not checked")
        return
    try:
        (disk / "filler").write_bytes(b"x" * 60 * 1024)
        out = disk / "big.npy"
        refused("full disk", out, out, "run", MODEL, "-i", EVAL, "-o", out,
                code=1)
        checks.that([p.name for p in disk.iterdir()] == ["filler"],
                    "full disk: a partial file was left")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


with h.scratch() as folder:
    tmp = pathlib.Path(folder)
    bad_models(tmp)
    bad_data(tmp)
    bad_words(tmp)
    foreign_recipe(tmp)
    bad_tables(tmp)
    full_disk(tmp)
    foreign_folder(tmp)
checks.finish()
