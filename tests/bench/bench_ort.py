#!/usr/bin/env python3
"""Whole networks against ONNX Runtime.

    bench_ort.py [--threads 1,2] [--rounds 5] [--only NAME,...] [--json]
    bench_ort.py --throughput [--threads 1,2] [--json]

Networks: ResNet-18, ResNet-50 and MobileNetV2 at 224x224 with random weights,
the example and the shared models; float and int8 (uint8 activations, weights
per channel). ONNX Runtime gets the QDQ file that haq exports and must fuse it;
what it leaves unfused is said. Batch 1; both sides keep input and output in
place, and are timed in turns in short runs at the same threads, on the same
cores, at a high priority where that is allowed. --lock FILE takes turns with
other benches.

--throughput: ResNet-20 int8 over its evaluation set, in useful
multiply-adds against the VNNI peak (--peak GOP/s of one core, as
haq-bench-kernels prints it) and against ONNX Runtime at its best batch.
"""
import argparse
import collections
import contextlib
import fcntl
import json
import math
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import harness as h  # noqa: E402

h.need_haq()
h.need_packages()
import make_networks  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402

SPAN = 0.25          # seconds of one short run
REST = 0.05          # until spinning threads are asleep
RESNET20_MACS = 40.55e6
UNFUSED = {"Conv", "FusedConv", "MatMul", "Gemm", "DequantizeLinear", "Add",
           "MatMulIntegerToFloat"}
INT8_EACH, INT8_MEAN, BULK_PEAK, BULK_ORT = 1.2, 1.5, 0.45, 1.5


# ---- taking turns ----------------------------------------------------------

def raise_priority():
    """Of all that we start, against other sessions: the scheduler groups
    processes by session.  (At real-time priority some kernels slow two busy
    threads down after a while.)"""
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text("-20")


@contextlib.contextmanager
def turn(args):
    """Hold the lock; let threads that spin fall asleep."""
    if args.lock:
        fcntl.flock(args.lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        time.sleep(REST)
        if args.lock:
            fcntl.flock(args.lock, fcntl.LOCK_UN)


@contextlib.contextmanager
def on_first_core():
    """Where haq's caller is pinned, too."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


class Ours:
    def __init__(self, model, data, threads, batch=1, recipe=None):
        line = [h.BIN / "haq-bench-network", model, data, threads, batch]
        self.child = subprocess.Popen(
            [str(x) for x in line + ([recipe] if recipe else [])], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError(f"{model}: haq-bench-network failed")

    def sample(self, args):
        """(median, best) in ms of one short run."""
        with turn(args):
            self.child.stdin.write(f"{SPAN}\n")
            self.child.stdin.flush()
            return tuple(map(float, self.child.stdout.readline().split()))

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Ort:
    def __init__(self, model, x, threads, optimized=None):
        o = ort.SessionOptions()
        o.intra_op_num_threads = threads
        o.inter_op_num_threads = 1
        o.log_severity_level = 3
        if threads > 1:     # the caller is one of them; processors count from 1
            o.add_session_config_entry(
                "session.intra_op_thread_affinities",
                ";".join(str(i + 1) for i in range(1, threads)))
        if optimized:
            o.optimized_model_filepath = str(optimized)
        self.session = ort.InferenceSession(
            str(model), o, providers=["CPUExecutionProvider"])
        name = self.session.get_inputs()[0].name
        out = self.session.get_outputs()[0].name
        self.result = self.session.run(None, {name: x})[0]
        self.binding = self.session.io_binding()
        self.keep = [ort.OrtValue.ortvalue_from_numpy(a)
                     for a in (x, self.result)]
        self.binding.bind_ortvalue_input(name, self.keep[0])
        self.binding.bind_ortvalue_output(out, self.keep[1])

    def once(self):
        start = time.perf_counter()
        self.session.run_with_iobinding(self.binding)
        return (time.perf_counter() - start) * 1e3

    def sample(self, args):
        times = []
        with turn(args), on_first_core():
            end = time.perf_counter() + SPAN
            for _ in range(3):
                self.once()
            while time.perf_counter() < end or not times:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
                ms = self.once()
                after = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
                if after == before or time.perf_counter() >= end:
                    times.append(ms)
        return statistics.median(times), min(times)

    def close(self):
        self.session = self.binding = None


# ---- one network -----------------------------------------------------------

def prepare(folder, tmp):
    """Recipe and QDQ file of the int8 network."""
    model, calib = folder / "model.onnx", folder / "calib.npz"
    recipe, qdq = tmp / f"{folder.name}.json", tmp / f"{folder.name}.onnx"
    h.haq("quantize", model, "--weights", "int8", "--calib", calib, "-o",
          recipe)
    h.haq("export", recipe, "--format", "onnx-qdq", "--model", model, "-o",
          qdq)
    return model, calib, recipe, qdq


def unfused(path):
    count = collections.Counter(n.op_type for n in onnx.load(path).graph.node)
    return {op: n for op, n in sorted(count.items()) if op in UNFUSED}


def race(folder, tmp, threads, args):
    model, calib, recipe, qdq = prepare(folder, tmp)
    x = h.inputs(dict(np.load(calib)))[:1]
    who = {"ort float": Ort(model, x, threads),
           "ort int8": Ort(qdq, x, threads, tmp / "optimized.onnx"),
           "float": Ours(model, calib, threads),
           "int8": Ours(model, calib, threads, recipe=recipe)}
    times = collections.defaultdict(list)
    for i in range(args.rounds):
        for name in list(who) if i % 2 else reversed(who):
            times[name].append(who[name].sample(args))
    for entry in who.values():
        entry.close()
    row = {"network": folder.name, "threads": threads,
           "unfused": unfused(tmp / "optimized.onnx")}
    for name, samples in times.items():
        row[name] = {"median": statistics.median(s[0] for s in samples),
                     "best": min(s[1] for s in samples)}
    for kind in ("float", "int8"):
        for which in ("median", "best"):
            row[f"{kind} x {which}"] = (row["ort " + kind][which]
                                        / row[kind][which])
    return row


NAMES = ("ort float", "float", "ort int8", "int8")


def print_row(row):
    cells = "".join(f"{row[n]['median']:9.3f} {row[n]['best']:8.3f}"
                    for n in NAMES)
    left = " ".join(f"{op} x{n}" for op, n in row["unfused"].items())
    print(f"{row['network']:18}{cells} {row['float x median']:7.2f}"
          f" {row['int8 x median']:7.2f} {row['int8 x best']:7.2f}  {left}",
          flush=True)


def mean(rows, key):
    return math.exp(statistics.mean(math.log(r[key]) for r in rows))


def latency(args):
    rows = []
    with h.scratch() as tmp:
        tmp = pathlib.Path(tmp)
        folders = make_networks.make(tmp) + [h.EXAMPLE] + sorted(
            p.parent for p in h.SHARED.glob("*/model.onnx"))
        only = args.only and args.only.split(",")
        folders = [f for f in folders if not only or f.name in only]
        for threads in args.threads:
            mine = []
            if not args.json:
                print(f"{threads} thread(s), batch 1, ms: median and best\n"
                      f"{'network':18}{'ORT float':>18}{'float':>18}"
                      f"{'ORT int8':>18}{'int8':>18}"
                      f"  float x  int8 x  (best)  left unfused by ORT")
            for folder in folders:
                mine.append(race(folder, tmp, threads, args))
                if not args.json:
                    print_row(mine[-1])
            if not args.json:
                low = min(r["int8 x median"] for r in mine)
                print(f"int8 x, geometric mean "
                      f"{mean(mine, 'int8 x median'):.2f} (asked "
                      f"{INT8_MEAN}), lowest {low:.2f} (asked {INT8_EACH}); "
                      f"float x, geometric mean "
                      f"{mean(mine, 'float x median'):.2f}\n")
            rows += mine
    return rows


# ---- many samples ----------------------------------------------------------

def ort_rate(session, x, batch):
    start = time.perf_counter()
    name = session.get_inputs()[0].name
    for i in range(0, len(x), batch):
        session.run(None, {name: x[i:i + batch]})
    return len(x) / (time.perf_counter() - start)


def our_rate(model, recipe, data, threads):
    doc = h.haq("eval", model, "--recipe", recipe, "--data", data, "-t",
                threads, "--json")
    return doc["samples_per_second"]


def throughput(args):
    folder = h.SHARED / "resnet20-cifar10"
    rows = []
    with h.scratch() as tmp:
        model, _, recipe, qdq = prepare(folder, pathlib.Path(tmp))
        data = folder / "eval.npz"
        x = h.inputs(dict(np.load(data)))
        for threads in args.threads:
            session = Ort(qdq, x[:1], threads).session
            with turn(args):
                batch = max((1, 8, 64, 256),
                            key=lambda b: ort_rate(session, x[:1024], b))
            ours, theirs = [], []
            for _ in range(args.rounds):
                with turn(args):
                    ours.append(our_rate(model, recipe, data, threads))
                with turn(args), on_first_core():
                    theirs.append(ort_rate(session, x[:2048], batch))
            row = {"network": folder.name, "threads": threads,
                   "ort_batch": batch}
            for name, rate in (("ours", ours), ("ort", theirs)):
                row[name] = {"median": statistics.median(rate),
                             "best": max(rate)}
            for which in ("median", "best"):
                row["x " + which] = row["ours"][which] / row["ort"][which]
                row["peak " + which] = (2e-9 * RESNET20_MACS / threads
                                        / args.peak * row["ours"][which])
            rows.append(row)
            if not args.json:
                print(f"{folder.name} int8, {threads} thread(s), samples/s: "
                      f"ours {row['ours']['median']:.0f} (best "
                      f"{row['ours']['best']:.0f}), ORT batch {batch} "
                      f"{row['ort']['median']:.0f} (best "
                      f"{row['ort']['best']:.0f}); {row['x median']:.2f}x "
                      f"(asked {BULK_ORT}), {100 * row['peak median']:.1f} % "
                      f"of {args.peak:.0f} GOP/s per core (best "
                      f"{100 * row['peak best']:.1f} %, asked "
                      f"{100 * BULK_PEAK:.0f} %)", flush=True)
    return rows


def main():
    args = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--threads", default="1,2",
                      type=lambda t: [int(x) for x in t.split(",")])
    args.add_argument("--only")
    args.add_argument("--lock", type=lambda p: open(p, "a"))
    args.add_argument("--throughput", action="store_true")
    args.add_argument("--peak", type=float, default=470)
    args.add_argument("--json", action="store_true")
    args = args.parse_args()
    raise_priority()
    rows = throughput(args) if args.throughput else latency(args)
    if args.json:
        print(json.dumps({"rows": rows}, indent=1))


main()
