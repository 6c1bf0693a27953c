#!/usr/bin/env python3
"""haq search --pin, --ban, --first-last, --space, --target: recipes keep to
them, and what cannot be kept is refused with its place."""
import harness as h

h.need_haq()
checks = h.Checks()
MODEL = h.EXAMPLE / "model.onnx"
DATA = ["--calib", h.EXAMPLE / "calib.npz", "--eval", h.EXAMPLE / "eval.npz"]
QUICK = ["--objectives", "accuracy,size", "--trials", "16"]
FIRST, LAST = "/stem/stem.0/Conv_output_0", "logits"
keep = h.scratch()
scratch = h.pathlib.Path(keep.name)


def search(name, *options):
    return h.run("search", MODEL, *DATA, *QUICK, "--json", "--out",
                 scratch / name, *options)


def refused(what, r, code, *words):
    checks.that(r.returncode == code,
                f"{what}: exit {r.returncode}: {r.stderr[-300:]}")
    checks.that(len(r.stderr.splitlines()) == 1, f"{what}: {r.stderr}")
    for word in words:
        checks.that(word in r.stderr, f"{what}: no \"{word}\" in {r.stderr}")


def words(front):
    """Words of the bits by layer, of every point of the front."""
    return [dict(zip(front["layers"], p["bits"]["layers"]))
            for p in front["points"]]


r = search("pins", "--pin", f"{FIRST}=int6", "--pin", "/block/*=int4:group32",
           "--ban", "float", "--ban", "/tail/*=int2")
checks.that(r.returncode == 0, f"pins: {r.stderr[-300:]}")
front = h.json.loads(r.stdout)
checks.that(front["points"], "no points")
for bits in words(front):
    checks.that(bits[FIRST] == "6", f"first layer is {bits[FIRST]}")
    checks.that(bits["/block/block.0/Conv_output_0"] == "4g", "block")
    checks.that("f" not in bits.values(), "a layer is float")
    checks.that(bits["/tail/tail.6/Conv_output_0"] not in ("2", "2g"), "tail")
checks.that(front["baseline"]["bits"]["average"] == 32, "float is gone")

checks.that(front["winners_curse"]["method"] == "cross-fitted",
            f"1,797 samples: {front['winners_curse']}")
race = front["racing"]
checks.that(race["candidates"] <= 16 and
            race["samples"] <= race["candidates"] * front["slice"],
            f"races: {race}")

# The same job, and another one, in the same folder.
r = search("pins", "--pin", f"{FIRST}=int7", "--resume")
refused("other rules", r, 3, "space")

space = scratch / "space.yaml"
space.write_text("space: 1\nformats: [int3]\nfirst_last: int8\n"
                 "activations: [static]\ngranularities: [channel]\n")
r = search("file", "--space", space)
checks.that(r.returncode == 0, f"file: {r.stderr[-300:]}")
for p, bits in zip(h.json.loads(r.stdout)["points"],
                   words(h.json.loads(r.stdout))):
    checks.that(bits[FIRST] == "8" and bits[LAST] == "8", f"ends: {bits}")
    checks.that(set(bits.values()) <= {"3", "8", "f"}, f"formats: {bits}")
    checks.that(set(p["bits"]["activations"]) <= {"s", "f"}, "activations")

space.write_text("space: 1\npin:\n  nothere: int8\n")
refused("no such layer", search("a", "--space", space), 3, f"{space}:3:3",
        "nothere")
space.write_text("space: 1\nformat: int8\n")
refused("unknown key", search("b", "--space", space), 3, f"{space}:2:1",
        "unknown key \"format\"")
refused("no file", search("c", "--space", scratch / "none.yaml"), 3,
        "none.yaml")
refused("contradiction", search("d", "--pin", f"{FIRST}=int6", "--pin",
                                "/stem/*=int8"), 2, FIRST, "/stem/*=int8")
refused("no format", search("e", "--ban", "int9"), 2, "--ban int9")
refused("size", search("f", "--pin", "*=int8", "--max-size", "50K"), 2,
        "--max-size 50000", "smallest choice")

board = scratch / "board.json"
board.write_text(h.json.dumps({
    "profile": 1, "name": "board", "source": "test", "devices": [{
        "device": "npu", "type": "npu", "name": "npu", "capabilities": [{
            "ops": ["conv", "matmul"], "weights": ["int8", "int4"],
            "activations": ["uint8:static"], "granularities": ["channel"],
            "kernel": "npu", "support": "native"}, {
            "ops": ["conv", "depthwise", "matmul"], "weights": ["fp32"],
            "activations": ["fp32"], "granularities": ["tensor"],
            "kernel": "npu", "support": "native"}]}]}))
r = search("target", "--target", f"{board}:npu")
checks.that(r.returncode == 0, f"target: {r.stderr[-300:]}")
checks.that("stays float, npu of board" in r.stderr, f"target: {r.stderr}")
for bits in words(h.json.loads(r.stdout)):
    checks.that(set(bits.values()) <= {"4", "8", "f"}, f"target: {bits}")
    checks.that(bits["/tail/tail.0/Conv_output_0"] == "f", "depthwise")
refused("no device", search("g", "--target", f"{board}:gpu"), 3, "gpu")

r = search("one", "--pin", "*=float")
checks.that(r.returncode == 0 and "one choice" in r.stderr, f"one: {r.stderr}")
checks.finish()
