#!/usr/bin/env python3
"""Latency of haq's float and int8 paths against ONNX Runtime's float path.

    bench_ort.py [--rounds 5] [--threads 2] [MODEL FOLDER...]

The two run in different processes, so short runs of both alternate and the
medians over the rounds are compared.
"""
import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import harness as h  # noqa: E402

h.need_haq()
h.need_packages()
import numpy as np  # noqa: E402


def ort_ms(session, x, seconds):
    name = session.get_inputs()[0].name
    for _ in range(5):
        session.run(None, {name: x})
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        session.run(None, {name: x})
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def haq_ms(model, recipe, threads):
    doc = h.haq("bench", model, "--recipe", recipe, "--threads", threads,
                "--json")
    by_name = {row["recipe"]: row["latency_ms"]["median"]
               for row in doc["results"]}
    return by_name["float"], by_name[str(recipe)]


def compare(folder, tmp, args):
    model, calib = folder / "model.onnx", folder / "calib.npz"
    recipe = tmp / f"{folder.name}.json"
    h.haq("quantize", model, "--calib", calib, "-o", recipe)
    session = h.ort_session(model, args.threads)
    x = h.inputs(dict(np.load(calib)))[:1]
    rows = []
    for _ in range(args.rounds):
        ort = ort_ms(session, x, 0.5)
        rows.append((ort, *haq_ms(model, recipe, args.threads)))
    ort, full, int8 = (statistics.median(c) for c in zip(*rows))
    print(f"{folder.name:20} {ort:9.3f} {full:9.3f} {int8:9.3f} "
          f"{full / ort:10.2f} {full / int8:11.2f}", flush=True)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("folders", nargs="*", type=pathlib.Path)
    args = args.parse_args()
    folders = args.folders or [h.EXAMPLE] + sorted(
        p.parent for p in h.SHARED.glob("*/model.onnx"))
    print(f"{'model':20} {'ORT ms':>9} {'float ms':>9} {'int8 ms':>9} "
          f"{'float/ORT':>10} {'float/int8':>11}")
    with h.scratch() as tmp:
        for folder in folders:
            compare(folder, pathlib.Path(tmp), args)


main()
