#!/usr/bin/env python3
"""haqfleet and other quantization tools on the same models, calibration samples
and bits, as a Markdown table.

usage: tests/bench/bench_peers.py DATA [HAQ] [--only PEER,..] [--models M,..]
(with the Python of scripts/test-venv)

DATA holds one folder per model with model.onnx, calib.npz and eval.npz.  Each
peer gets a virtual environment of its own under build/peers, made when it is
not there; one that cannot be installed is named with the reason.  A peer's
model is one with quantize/dequantize pairs, and ONNX Runtime runs it; ours is
`haq quantize` and `haq run`.  All layers are quantized, weights per channel.

Ours twice: "plain" is round to nearest with ranges by --calibration mse, what
the peers do at 8 bits; "tuned" has methods for the weights on top.  Differences
are ours minus the peer's, paired on the same samples, in points with 95 %
intervals; "worse" marks one whose interval lies below 0.  "agree" is how often
each says what the float model says, in percent.  Seconds are processor time of
all threads (which other load on the machine moves less than the clock), those
of the peer's call alone, without its imports, and of our whole process.
"""
import argparse
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENVS = ROOT / "build" / "peers"
MODELS = ("resnet20-cifar10", "fashion-mnist-cnn", "dscnn-kws",
          "mobilenetv1-vww")
OURS = {"plain": ("--calibration", "mse"),
        "tuned": ("--calibration", "mse", "--method", "clip,gptq,refine,bias")}
WEIGHTS = {"W8A8": "int8", "W4A8": "int4"}
THREADS = 2
BATCH = 32


# ---- peers: each runs in its own environment --------------------------------

def batches(x, size=BATCH):
    return [x[i:i + size] for i in range(0, len(x), size)]


def clock(work):
    """Result and processor seconds of a call."""
    start = time.process_time()
    return work(), time.process_time() - start


def onnxruntime_static(method):
    def quantize(model, x, out):
        from onnxruntime.quantization import (CalibrationDataReader,
                                              CalibrationMethod, QuantFormat,
                                              QuantType, quantize_static)

        class Reader(CalibrationDataReader):
            def __init__(self):
                self.rest = iter(batches(x))

            def get_next(self):
                part = next(self.rest, None)
                return None if part is None else {input_name(model): part}

        return clock(lambda: quantize_static(
            str(model), str(out), Reader(), per_channel=True,
            quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method]))[1]
    return quantize


def nncf_ptq(model, x, out):
    """Defaults (mean of minima and maxima, fast bias correction) but for the
    7 bits of first layers, which are for processors without VNNI."""
    import nncf
    import onnx
    name = input_name(model)
    data = nncf.Dataset([{name: p} for p in batches(x, 1)])
    advanced = nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.DISABLE)
    q, cost = clock(lambda: nncf.quantize(
        onnx.load(model), data, subset_size=len(x),
        advanced_parameters=advanced))
    onnx.save(q, out)
    return cost


def neural_compressor(model, x, out):
    from neural_compressor import PostTrainingQuantConfig, quantization

    class Loader:
        batch_size = 1

        def __iter__(self):
            return ((p, 0) for p in batches(x, 1))

    config = PostTrainingQuantConfig(
        quant_format="QDQ", calibration_sampling_size=[len(x)],
        op_type_dict={".*": {"weight": {"granularity": ["per_channel"]}}})
    q, cost = clock(lambda: quantization.fit(str(model), config,
                                              calib_dataloader=Loader()))
    q.save(str(out))
    return cost


def aimet(bits, tune=None):
    def quantize(model, x, out):
        import aimet_onnx
        import onnx
        from aimet_onnx.common.defs import QuantScheme
        name = input_name(model)
        data = [{name: p} for p in batches(x)]

        def work():
            scheme = (QuantScheme.min_max if tune == "seq_mse" else
                      QuantScheme.post_training_tf_enhanced)
            sim = aimet_onnx.QuantizationSimModel(
                onnx.load(model), param_type=f"int{bits}",
                activation_type="int8", quant_scheme=scheme,
                providers=["CPUExecutionProvider"])
            if tune == "adaround":
                aimet_onnx.apply_adaround(sim, data)
            elif tune == "seq_mse":
                aimet_onnx.apply_seq_mse(sim, data)
            sim.compute_encodings(data)
            return sim
        sim, cost = clock(work)
        onnx.save(sim.to_onnx_qdq(), out)
        return cost
    return quantize


# name: (packages, versions to show, width, function)
ORT = ("onnxruntime", "onnx", "numpy")
INC = ("neural-compressor==2.6", "onnx==1.16.2", "onnxruntime==1.18.1",
       "numpy<2", "setuptools<80", "six")
PEERS = {
    "ort": (ORT, "onnxruntime", "W8A8", onnxruntime_static("MinMax")),
    "ort-entropy": (ORT, "onnxruntime", "W8A8", onnxruntime_static("Entropy")),
    "ort-percentile": (ORT, "onnxruntime", "W8A8",
                       onnxruntime_static("Percentile")),
    "nncf": (("nncf", "onnx", "onnxruntime"), "nncf", "W8A8", nncf_ptq),
    "inc": (INC, "neural-compressor", "W8A8", neural_compressor),
    "aimet": (("aimet-onnx",), "aimet-onnx", "W8A8", aimet(8)),
    "aimet-seqmse": (("aimet-onnx",), "aimet-onnx", "W4A8",
                     aimet(4, "seq_mse")),
    "aimet-adaround": (("aimet-onnx",), "aimet-onnx", "W4A8",
                       aimet(4, "adaround")),
}


def input_name(model):
    import onnx
    return onnx.load(model, load_external_data=False).graph.input[0].name


def inputs(path):
    """Network input of a data set: x * x_scale + x_bias per channel."""
    import numpy as np
    npz = np.load(path)
    x = npz["x"].astype(np.float32)
    if "x_scale" not in npz:
        return x
    shape = [1, -1] + [1] * (x.ndim - 2)
    return (x * npz["x_scale"].reshape(shape).astype(np.float32) +
            npz["x_bias"].reshape(shape).astype(np.float32))


def run_peer(name, model, calib, out):
    """What the peer's own Python does."""
    import importlib.metadata
    cpu = PEERS[name][3](pathlib.Path(model), inputs(calib), pathlib.Path(out))
    print("\n" + json.dumps({
        "cpu": cpu,
        "version": importlib.metadata.version(PEERS[name][1])}))


# ---- the comparison ---------------------------------------------------------

def environment(packages):
    """Python of a virtual environment with the packages; RuntimeError with
    pip's reason."""
    folder = VENVS / packages[0].split("=")[0]
    python, done = folder / "bin" / "python", folder / ".installed"
    if done.exists():
        return python
    VENVS.mkdir(parents=True, exist_ok=True)
    for step in ([sys.executable, "-m", "venv", folder],
                 [python, "-m", "pip", "install", "--quiet",
                  "--disable-pip-version-check", *packages]):
        r = subprocess.run(list(map(str, step)), text=True,
                           capture_output=True)
        if r.returncode:
            raise RuntimeError((r.stderr.strip().splitlines() or ["?"])[-1])
    done.touch()
    return python


def call(*args):
    """Output and processor seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    r = subprocess.run(list(map(str, args)), text=True, capture_output=True,
                       env=dict(os.environ, OMP_NUM_THREADS=str(THREADS)))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode:
        raise RuntimeError((r.stderr.strip().splitlines() or ["?"])[-1])
    cpu = (after.ru_utime - before.ru_utime) + (after.ru_stime -
                                                before.ru_stime)
    return r.stdout, cpu


def answers_of(path, x):
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    s = ort.InferenceSession(str(path), options,
                             providers=["CPUExecutionProvider"])
    name = s.get_inputs()[0].name
    return np.concatenate([s.run(None, {name: p})[0].reshape(len(p), -1)
                           .argmax(1) for p in batches(x)])


class Model:
    """One model: its float answers, ours at each width, the peers'."""

    def __init__(self, haq, folder, tmp):
        import numpy as np
        self.haq, self.folder, self.tmp = haq, folder, tmp
        self.x = inputs(folder / "eval.npz")
        self.labels = np.load(folder / "eval.npz")["y"]
        self.float = answers_of(folder / "model.onnx", self.x)
        self.made = {}

    def ours(self, width, how):
        """Answers and processor seconds."""
        import numpy as np
        if (width, how) not in self.made:
            recipe, out = self.tmp / "ours.json", self.tmp / "ours.npy"
            _, cpu = call(
                self.haq, "quantize", self.folder / "model.onnx", "--calib",
                self.folder / "calib.npz", "--weights", WEIGHTS[width],
                "--activations", "uint8", "--quiet", "-o", recipe, *OURS[how])
            call(self.haq, "run", self.folder / "model.onnx", "-i",
                 self.folder / "eval.npz", "--recipe", recipe, "--quiet",
                 "-o", out)
            y = np.load(out).reshape(len(self.labels), -1).argmax(1)
            self.made[width, how] = (y, cpu)
        return self.made[width, how]

    def peer(self, name):
        packages = PEERS[name][0]
        out = self.tmp / f"{name}.onnx"
        text, _ = call(environment(packages), __file__, "--peer", name,
                          "--model", self.folder / "model.onnx", "--calib",
                          self.folder / "calib.npz", "--out", out)
        cost = json.loads(text.strip().splitlines()[-1])
        return answers_of(out, self.x), cost

    def difference(self, mine, theirs):
        """Words, and whether ours is worse."""
        d = 100 * ((mine == self.labels).astype(float) -
                   (theirs == self.labels).astype(float))
        half = 1.96 * d.std(ddof=1) / math.sqrt(len(d))
        worse = " worse" if d.mean() + half < 0 else ""
        return f"{d.mean():+.2f} ± {half:.2f}{worse}"

    def row(self, name):
        width = PEERS[name][2]
        theirs, cost = self.peer(name)
        ours = [self.ours(width, how) for how in OURS]

        def agree(y):
            return f"{100 * (y == self.float).mean():.1f}"
        return [self.folder.name, f"{name} {cost['version']}", width,
                f"{100 * (theirs == self.labels).mean():.2f}",
                *(self.difference(y, theirs) for y, _ in ours),
                " / ".join([agree(theirs)] + [agree(y) for y, _ in ours]),
                " / ".join([f"{cost['cpu']:.1f}"] +
                           [f"{cpu:.1f}" for _, cpu in ours])]


def compare(args):
    head = ["model", "peer", "widths", "peer %"] + [f"{how} - peer"
                                                    for how in OURS]
    head += ["agree: peer / plain / tuned", "s: peer / plain / tuned"]
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|", flush=True)
    bad = {}
    for model in args.models.split(","):
        with tempfile.TemporaryDirectory() as tmp:
            m = Model(args.haq, pathlib.Path(args.data) / model,
                      pathlib.Path(tmp))
            for name in args.only.split(","):
                try:
                    print("|", " | ".join(m.row(name)), "|", flush=True)
                except RuntimeError as e:
                    bad[f"{model}, {name}"] = e
    for what, why in bad.items():
        print(f"\n{what}: {why}")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse
                                .RawDescriptionHelpFormatter)
    p.add_argument("data", nargs="?")
    p.add_argument("haq", nargs="?", default=ROOT / "build" / "bin" / "haq")
    p.add_argument("--only", default=",".join(PEERS))
    p.add_argument("--models", default=",".join(MODELS))
    for name in ("peer", "model", "calib", "out"):
        p.add_argument(f"--{name}", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.peer:
        run_peer(args.peer, args.model, args.calib, args.out)
    elif args.data:
        compare(args)
    else:
        p.error("DATA is missing")


if __name__ == "__main__":
    main()
