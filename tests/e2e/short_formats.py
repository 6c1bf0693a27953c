#!/usr/bin/env python3
"""Weights in formats that are no integers: what runs is what NumPy and
ml_dtypes decode, and a params file brings back the same numbers."""
import hashlib
import json
import pathlib
import struct

import harness as h

h.need_haq()
h.need_packages("ml_dtypes")
import ml_dtypes as ml  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

MODEL = h.EXAMPLE / "model.onnx"
EVAL = h.EXAMPLE / "eval.npz"
checks = h.Checks()

F32 = np.float32
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367,
                -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0,
                0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
                0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], F32)


# ---- how scales are stored --------------------------------------------------

def in_groups(w, size):
    """[n, k] as [n, groups, size], filled up with zeros."""
    pad = -w.shape[1] % size
    return np.pad(w, ((0, 0), (0, pad))).reshape(len(w), -1, size)


def half(s):
    return np.maximum(s.astype(np.float16), np.float16(6e-8)).astype(F32)


def power_of_two(s):
    return (2.0 ** np.floor(np.log2(s.astype(np.float64)))).astype(F32)


def nvfp4_scales(s):
    unit = s.max() / F32(448)
    return (s / unit).astype(ml.float8_e4m3fn).astype(F32) * unit


def dynamic_map():
    """bitsandbytes: fractions of each decade, both signs, 0 and 1."""
    levels = [0.0, 1.0]
    for i in range(7):
        edges = np.linspace(0.1, 1, 2 ** i + 1)
        middle = (edges[1:] + edges[:-1]) / 2 * 10.0 ** (i - 6)
        levels += [*middle, *-middle]
    assert len(levels) == 256
    return np.sort(np.array(levels, F32))


def double_quantized(s):
    flat, levels = s.ravel(), dynamic_map()
    mean = F32(flat.astype(np.float64).mean())
    out = []
    for at in range(0, len(flat), 256):
        rest = flat[at:at + 256] - mean
        top = np.abs(rest).max()
        near = levels[np.abs((rest / top)[:, None] - levels).argmin(1)]
        out.append(near * top + mean)
    return np.concatenate(out).reshape(s.shape)


# ---- how numbers are rounded ------------------------------------------------

def to_type(t, largest):
    return lambda v: np.clip(v, -largest, largest).astype(t).astype(F32)


def to_levels(levels):
    levels = np.asarray(levels, np.float64)
    middle = (levels[1:] + levels[:-1]) / 2
    return lambda v: levels[np.searchsorted(middle, v)].astype(F32)


def sums(*terms):
    positive = {0.0}
    for t in terms:
        positive = {a + b for a in positive for b in (0.0, *t)}
    top = max(positive)
    return np.array(sorted({s * p / top for p in positive for s in (1, -1)}))


def powers(bits):
    one = [2.0 ** -i for i in range(2 ** (bits - 1) - 1)]
    return np.array(sorted([0.0, *one, *[-p for p in one]]))


def by_scale(rounding, top, group=None, stored=None):
    """absmax / top per row or group, stored somehow, then codes."""
    def decode(w):
        g = in_groups(w, group) if group else w[:, None, :]
        s = (np.abs(g).max(2).astype(np.float64) / top).astype(F32)
        s = stored(s) if stored else half(s) if group else s
        back = rounding(g / s[..., None]) * s[..., None]
        return back.reshape(len(w), -1)[:, :w.shape[1]]
    return decode


def k_means(x, k):
    """Exact, by the plain dynamic program over sorted numbers."""
    x = np.sort(x.astype(np.float64))
    n = len(x)
    s1 = np.concatenate([[0], x.cumsum()])
    s2 = np.concatenate([[0], (x * x).cumsum()])
    i, j = np.arange(n)[:, None], np.arange(n)[None]
    count = np.maximum(j - i + 1, 1)
    cost = s2[j + 1] - s2[i] - (s1[j + 1] - s1[i]) ** 2 / count
    cost = np.where(i <= j, cost, np.inf)
    best, cut = cost[0], []
    for _ in range(k - 1):
        total = np.concatenate([[np.inf], best[:-1]])[:, None] + cost
        cut.append(total.argmin(0))
        best = total.min(0)
    levels, end = [], n
    for c in [*cut[::-1], np.zeros(n, int)]:
        begin = c[end - 1]
        levels.append((s1[end] - s1[begin]) / (end - begin))
        end = begin
    return np.array(levels[::-1])


def by_codebook(bits, group=None):
    def row(x):
        k = 2 ** bits
        if len(np.unique(x)) <= k:
            levels = np.unique(x).astype(np.float64)
        else:
            levels = k_means(x, k)
        return to_levels(levels.astype(np.float16 if group else F32))(x)

    def decode(w):
        step = group or w.shape[1]
        return np.concatenate([np.stack([row(r) for r in w[:, i:i + step]])
                               for i in range(0, w.shape[1], step)], 1)
    return decode


def as_type(t, largest):
    return lambda w: to_type(t, largest)(w)


E2M1, E2M3 = to_type(ml.float4_e2m1fn, 6), to_type(ml.float6_e2m3fn, 7.5)
E3M2, E4M3 = to_type(ml.float6_e3m2fn, 28), to_type(ml.float8_e4m3fn, 448)
E5M2 = to_type(ml.float8_e5m2, 57344)


def in_64ths(v):
    return np.clip(np.rint(v * 64), -128, 127) / F32(64)


# words: how NumPy decodes, bits per weight without scales
FORMATS = {
    "fp16": (as_type(np.float16, 65504), 16),
    "bf16": (as_type(ml.bfloat16, 3.38e38), 16),
    "fp8_e4m3": (by_scale(E4M3, 448), 8),
    "fp8_e5m2:group32": (by_scale(E5M2, 57344, 32), 8),
    "fp4_e2m1": (by_scale(E2M1, 6), 4),
    "fp4_e2m1:group32": (by_scale(E2M1, 6, 32), 4),
    "nf4": (by_scale(to_levels(NF4), 1, 64), 4),
    "nf4:channel": (by_scale(to_levels(NF4), 1), 4),
    "nf4_dq": (by_scale(to_levels(NF4), 1, 64, double_quantized), 4),
    "mxfp4": (by_scale(E2M1, 4, 32, power_of_two), 4),
    "mxfp6_e2m3": (by_scale(E2M3, 4, 32, power_of_two), 6),
    "mxfp6_e3m2": (by_scale(E3M2, 16, 32, power_of_two), 6),
    "mxfp8_e4m3": (by_scale(E4M3, 256, 32, power_of_two), 8),
    "mxfp8_e5m2": (by_scale(E5M2, 2 ** 15, 32, power_of_two), 8),
    "mxint8": (by_scale(in_64ths, 1, 32, power_of_two), 8),
    "nvfp4": (by_scale(E2M1, 6, 16, nvfp4_scales), 4),
    "pot3": (by_scale(to_levels(powers(3)), 1), 3),
    "pot4": (by_scale(to_levels(powers(4)), 1), 4),
    "apot4": (by_scale(to_levels(sums([.5, .25, .0625], [.125])), 1), 4),
    "apot5": (by_scale(to_levels(sums([.5, .125, .03125],
                                      [.25, .0625, .015625])), 1), 5),
    "cb2:channel": (by_codebook(2), 2),
    "cb4:channel": (by_codebook(4), 4),
    "cb3:group64": (by_codebook(3, 64), 3),
}


# ---- the model with other weights -------------------------------------------

def folded():
    """The network without batch norms: [(node, weight, bias)] in place."""
    model = onnx.load(MODEL)
    graph = model.graph
    value = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    layers = []
    for n in list(graph.node):
        if n.op_type in ("Conv", "Gemm"):
            bias = value[n.input[2]] if len(n.input) > 2 else None
            layers.append([n, value[n.input[1]], bias])
        if n.op_type != "BatchNormalization":
            continue
        conv = next(x for x in layers if x[0].output[0] == n.input[0])
        gamma, beta, mean, var = (value[i].astype(np.float64)
                                  for i in n.input[1:5])
        eps = next(a.f for a in n.attribute if a.name == "epsilon")
        factor = gamma / np.sqrt(var + eps)
        before = 0 if conv[2] is None else conv[2].astype(np.float64)
        conv[1] = (conv[1] * factor[:, None, None, None]).astype(F32)
        conv[2] = ((before - mean) * factor + beta).astype(F32)
        conv[0].output[0] = n.output[0]
        graph.node.remove(n)
    return model, layers


def with_weights(decode, path):
    model, layers = folded()
    for i, (node, w, b) in enumerate(layers):
        back = decode(w.reshape(len(w), -1)).astype(F32).reshape(w.shape)
        del node.input[1:]
        node.input.extend([f"w{i}", f"b{i}"])
        model.graph.initializer.extend([numpy_helper.from_array(back, f"w{i}"),
                                        numpy_helper.from_array(b, f"b{i}")])
    onnx.save(model, path)


def executes_what_numpy_decodes(tmp, words):
    decode, bits = FORMATS[words]
    recipe = tmp / "r.json"
    made = h.haq("quantize", MODEL, "--weights", words, "-o", recipe, "--json")
    with_weights(decode, tmp / "m.onnx")
    data = dict(np.load(EVAL))
    want = h.ort_outputs(tmp / "m.onnx", h.inputs(data))
    h.haq("run", MODEL, "-i", EVAL, "-o", tmp / "y.npy", "--recipe", recipe)
    got = np.load(tmp / "y.npy")
    error = np.abs(got - want).max() / np.abs(want).max()
    checks.that(error < 1e-4, f"{words}: off by {error}")
    args = ("eval", MODEL, "--data", EVAL, "--recipe", recipe, "--json")
    engine, simulated = h.haq(*args), h.haq(*args, "--simulate")
    top1 = int((want.argmax(1) == data["y"]).sum())
    checks.that(engine["correct"] == simulated["correct"] == top1,
                f"{words}: {engine['correct']} and {simulated['correct']} "
                f"right, NumPy's weights {top1}")
    layers = folded()[1]
    checks.that(len(engine["weight_only"]) == len(layers) and
                engine["weight_only"][0]["weight"].startswith(
                    words.split(":")[0]), f"{words}: {engine['weight_only']}")
    codes = sum(-(-w.size * bits // 8) for _, w, _ in layers)
    most = sum(4 * w.size for _, w, _ in layers)
    size = made["size_bytes"] - sum(4 * b.size for *_, b in layers)
    checks.that(codes <= size < min(codes * 2, most),
                f"{words}: {size} bytes, the codes alone {codes}")


def safetensors(path):
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:8 + n]), raw[8 + n:]


def broken_codebooks_are_refused(tmp):
    recipe = tmp / "c.json"
    h.haq("quantize", MODEL, "--weights", "cb2", "-o", recipe)
    file = recipe.with_suffix(".safetensors")
    head, data = safetensors(file)
    name = next(k for k in head if k.endswith("/codebook"))
    begin = head[name]["data_offsets"][0]
    for at, number in ((1, float("nan")), (0, 1e9)):
        new = bytearray(data)
        struct.pack_into("<f", new, begin + 4 * at, number)
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        file.write_bytes(struct.pack("<Q", len(text)) + text + new)
        doc = json.loads(recipe.read_text())
        doc["params"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        recipe.write_text(json.dumps(doc))
        r = h.run("eval", MODEL, "--data", EVAL, "--recipe", recipe)
        checks.that(r.returncode == 3 and name in r.stderr,
                    f"codebook with {number}: exit {r.returncode}: {r.stderr}")


def what_cannot_be_said_is_refused(tmp):
    recipe = tmp / "n.json"
    h.haq("quantize", MODEL, "--weights", "nf4", "-o", recipe)
    r = h.run("export", recipe, "--model", MODEL, "--format", "onnx-qdq", "-o",
              tmp / "x.onnx")
    checks.that(r.returncode == 3 and "logits" in r.stderr + r.stdout and
                "integer" in r.stderr, f"export: {r.returncode}: {r.stderr}")
    h.haq("export", recipe, "--model", MODEL, "--format", "recipe", "-o",
          tmp / "copy.json")
    args = ("eval", MODEL, "--data", EVAL, "--json", "--recipe")
    checks.that(h.haq(*args, recipe)["correct"] ==
                h.haq(*args, tmp / "copy.json")["correct"], "exported recipe")
    for words in ("mxfp4:channel", "nf4:full", "bf16:group32", "nf5"):
        r = h.run("quantize", MODEL, "--weights", words, "-o", tmp / "q.json")
        checks.that(r.returncode == 2 and len(r.stderr.splitlines()) == 1,
                    f"{words}: exit {r.returncode}: {r.stderr}")
    r = h.run("quantize", MODEL, "--calib", h.EXAMPLE / "calib.npz",
              "--weights", "nf4", "--activations", "uint8", "-o",
              tmp / "q.json")
    checks.that(r.returncode in (2, 3) and "float activations" in r.stderr,
                f"nf4 with codes: exit {r.returncode}: {r.stderr}")
    rows = h.haq("bench", MODEL, "--weights", "nf4,cb4", "--budget-ms", "50",
                 "--json")
    checks.that("nf4" in json.dumps(rows), "bench lacks nf4")


def methods_for_integers_are_refused(tmp):
    out = tmp / "nf4-gptq.json"
    r = h.run("quantize", h.EXAMPLE / "model.onnx", "--calib",
              h.EXAMPLE / "calib.npz", "--weights", "nf4", "--method",
              "gptq", "-o", out)
    checks.that(r.returncode == 3 and "gptq is for integers" in r.stderr and
                not out.exists(), f"gptq of nf4: {r.returncode} {r.stderr}")


with h.scratch() as folder:
    path = pathlib.Path(folder)
    for each in FORMATS:
        executes_what_numpy_decodes(path, each)
    broken_codebooks_are_refused(path)
    what_cannot_be_said_is_refused(path)
    methods_for_integers_are_refused(path)
checks.finish()
