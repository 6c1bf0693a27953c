#!/usr/bin/env python3
"""How far the table of layer times is from whole networks.

    bench_latency_model.py [--trials 60] [--time 8m] [--only NAME,...]
                           [--threads 0] [--lock FILE]

For each network a search of random recipes (`--algorithm random`, latency and
size): up to 40 of them are timed long, interleaved with float, after the table
has predicted them; what front.json says of both is printed.  The recipes of
the front are then timed once more with `haq bench`: their second times against
the first are the test-retest that predictions are to be compared with.
--lock FILE takes turns with other benches.
"""
import argparse
import contextlib
import fcntl
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import harness as h  # noqa: E402

h.need_haq()


def networks():
    yield "digits", h.EXAMPLE
    for name in ("resnet20-cifar10", "mobilenetv1-vww", "dscnn-kws"):
        if (h.SHARED / name / "model.onnx").exists():
            yield name, h.SHARED / name


@contextlib.contextmanager
def turn(path):
    if not path:
        yield
        return
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def tau(pairs):
    """Kendall's, as front.json has it."""
    same = [(a - c) * (b - d) for i, (a, b) in enumerate(pairs)
            for c, d in pairs[:i]]
    return (sum((s > 0) - (s < 0) for s in same) / len(same)
            if same else float("nan"))


def retest(folder, model, front, threads):
    """Second speed-ups over first ones, and how well the order is kept."""
    points = [p for p in front["points"] if p["speedup"] and not p["label"]]
    if not points:
        return None
    recipes = [a for p in points
               for a in ("--recipe", folder / p["recipe"])]
    again = h.haq("bench", model, *recipes, "--threads", threads, "--json")
    second = [r["speedup"] for r in again["results"] if r["recipe"]]
    second = [s["value"] if isinstance(s, dict) else s for s in second]
    pairs = [(p["speedup"], s) for p, s in zip(points, second) if s]
    off = [abs(s / p - 1) for p, s in pairs]
    return (len(off), 100 * sum(off) / len(off), 100 * max(off), tau(pairs)) \
        if off else None


def measure(name, place, args):
    with h.scratch() as scratch, turn(args.lock):
        folder = pathlib.Path(scratch)
        front = h.haq("search", place / "model.onnx", "--calib",
                      place / "calib.npz", "--eval", place / "eval.npz",
                      "--algorithm", "random", "--objectives", "latency,size",
                      "--method", "rtn", "--trials", args.trials, "--time",
                      args.time, "--threads", args.threads, "--out", folder,
                      "--json", "--quiet", timeout=3600)
        front = json.loads((folder / "front.json").read_text())
        model = front["latency_model"]
        again = retest(folder, place / "model.onnx", front, args.threads)
    if not model:
        print(f"{name:18} no calm timing")
        return
    print(f"{name:18} {model['points']:3} recipes: off by "
          f"{model['mean_percent']:.1f} % on the average, "
          f"{model['max_percent']:.1f} % at most, timings within "
          f"{model['measured_within_percent']:.1f} %; order "
          f"{model['kendall_tau'] or float('nan'):.3f}")
    if again:
        print(f"{'':18} {again[0]:3} timed again: {again[1]:.1f} % on the "
              f"average, {again[2]:.1f} % at most; order {again[3]:.3f}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--trials", type=int, default=60)
    p.add_argument("--time", default="8m")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--only")
    p.add_argument("--lock")
    args = p.parse_args()
    for name, place in networks():
        if not args.only or name in args.only.split(","):
            measure(name, place, args)


main()
