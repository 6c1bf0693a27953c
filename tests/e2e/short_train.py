#!/usr/bin/env python3
"""Methods that train, as a user meets them: few bits become useful again, what
is found is all in the params file, and wrong words are refused."""
import re

import harness as h

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402

MODEL = h.EXAMPLE / "model.onnx"
CALIB = h.EXAMPLE / "calib.npz"
EVAL = h.EXAMPLE / "eval.npz"
TUNED = "clip,gptq,refine,bias"
checks = h.Checks()


def quantize(out, methods, *more, weights="int2", activations="uint2"):
    return h.run("quantize", MODEL, "--calib", CALIB, "--weights", weights,
                 "--activations", activations, "--calibration", "mse",
                 "--method", methods, "-o", out, *more)


def outputs(tmp, *more):
    h.haq("run", MODEL, "-i", EVAL, "--quiet", "-o", tmp / "y.npy", *more)
    return np.load(tmp / "y.npy").astype(np.float64)


def log_softmax(z):
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def judge(tmp, recipe):
    """Accuracy in percent and mean divergence from the float model."""
    y = outputs(tmp, "--recipe", recipe)
    p, q = log_softmax(outputs(tmp)), log_softmax(y)
    right = (y.argmax(1) == np.load(EVAL)["y"]).mean()
    return 100 * right, (np.exp(p) * (p - q)).sum(1).mean()


def losses(text):
    found = re.search(r"held-out samples ([0-9.]+) before, ([0-9.]+) after",
                      text)
    return float(found[1]), float(found[2])


def check_gain(tmp):
    """Both start from the tuned codes and come nearer to the float model."""
    base = tmp / "tuned.json"
    checks.that(quantize(base, TUNED).returncode == 0, "tuned")
    before, kl_before = judge(tmp, base)
    for method, more in (("brecq", ()), ("qat", ("--epochs", "10"))):
        recipe = tmp / f"{method}.json"
        r = quantize(recipe, f"{TUNED},{method}", *more)
        checks.that(r.returncode == 0, f"{method}: {r.stderr}")
        after, kl = judge(tmp, recipe)
        checks.that(kl < 0.9 * kl_before,
                    f"{method}: divergence {kl_before} -> {kl}")
        checks.that(after > before - 0.5,
                    f"{method}: accuracy {before} -> {after}")
        if method == "qat":
            was, now = losses(r.stderr)
            checks.that(now < was, f"held-out loss {was} -> {now}")


def check_labels(tmp):
    """The loss may be of labels; sgd is there, too."""
    recipe = tmp / "labels.json"
    r = quantize(recipe, "clip,qat", "--train", CALIB, "--labels", "1",
                 "--epochs", "3", "--optimizer", "sgd", "--rate", "0.01")
    checks.that(r.returncode == 0, f"labels: {r.stderr}")
    if r.returncode == 0:
        was, now = losses(r.stderr)
        checks.that(now <= was, f"never worse by its own measure: {was} {now}")


def check_repeatable(tmp):
    """The same command writes the same bytes."""
    files = []
    for name in ("a", "b"):
        quantize(tmp / f"{name}.json", "clip,qat", "--epochs", "2",
                 "--threads", "2")
        files.append((tmp / f"{name}.safetensors").read_bytes())
    checks.that(files[0] == files[1], "two runs find the same")


def check_export(tmp):
    """What ran here runs in ONNX Runtime: codes, biases and ranges."""
    recipe, model = tmp / "w4.json", tmp / "w4.onnx"
    r = quantize(recipe, f"{TUNED},qat", "--epochs", "5", weights="int4",
                 activations="uint8")
    checks.that(r.returncode == 0, f"int4: {r.stderr}")
    h.haq("export", recipe, "--model", MODEL, "--format", "onnx-qdq", "-o",
          model)
    data = np.load(EVAL)
    theirs = 100 * h.ort_top1(model, data) / len(data["y"])
    ours, _ = judge(tmp, recipe)
    checks.that(abs(ours - theirs) < 0.35, f"accuracy {ours}, theirs {theirs}")


def search(out, *more):
    return h.run("search", MODEL, "--calib", CALIB, "--eval", EVAL, "--formats",
                 "int2,int3", "--trials", "16", "--objectives", "accuracy,size",
                 "--out", out, "--quiet", *more)


def check_search(tmp):
    """The points that are left are trained; what is kept is what was better,
    and the recipe that is saved is what was measured."""
    r = search(tmp / "front", "--finish", "qat")
    checks.that(r.returncode == 0, f"search: {r.stderr}")
    front = h.json.loads((tmp / "front" / "front.json").read_text())
    tried = [p for p in front["points"] if p["refined"]]
    checks.that(tried, "points are trained at the end")
    for p in tried:
        checks.that(p["refined"]["finish"] == "qat", p["refined"])
        if not p["refined"]["kept"]:
            continue
        checks.that(p["refined"]["gain"] > 0, p["refined"])
        recipe = tmp / "front" / "recipes" / f"{p['id'][:12]}.json"
        value, _ = judge(tmp, recipe)
        checks.that(abs(value - p["accuracy"]["value"]) < 1e-6,
                    f"{recipe.name}: {p['accuracy']['value']}, saved {value}")


def check_refusals(tmp):
    bad = dict(np.load(CALIB))
    bad["y"] = np.full(len(bad["x"]), 99, np.int64)
    np.savez(tmp / "bad.npz", **bad)
    for args, code, words in (
            (("--optimizer", "lion"), 2, "adam, sgd"),
            (("--epochs", "0"), 2, "at least 1 epoch"),
            (("--labels", "1.5"), 2, "share"),
            (("--train", tmp / "bad.npz"), 3, "bad.npz"),
            (("--train", tmp / "none.npz"), 3, "none.npz")):
        out = tmp / "refused.json"
        r = quantize(out, "clip,qat", *args)
        checks.that(r.returncode == code and words in r.stderr,
                    f"{args}: exit {r.returncode}, {r.stderr}")
        checks.that(not out.exists(), f"{args}: nothing is written")
    r = quantize(tmp / "nf4.json", "qat", weights="nf4", activations="float")
    checks.that(r.returncode == 3 and "integers" in r.stderr, r.stderr)
    for args, words in ((("--method", "clip,qat"), "--method clip,qat"),
                        (("--finish", "gptq"), "methods that train"),
                        (("--finish", "brecq", "--method", "rtn"),
                         "other than rtn")):
        r = search(tmp / "refused", *args)
        checks.that(r.returncode == 2 and words in r.stderr,
                    f"search {args}: {r.returncode}, {r.stderr}")


def main():
    with h.scratch() as tmp:
        tmp = h.pathlib.Path(tmp)
        check_gain(tmp)
        check_labels(tmp)
        check_repeatable(tmp)
        check_export(tmp)
        check_search(tmp)
        check_refusals(tmp)
    checks.finish()


main()
