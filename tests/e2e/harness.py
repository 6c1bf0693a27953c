"""What the end-to-end checks share: finding the programs, running them,
making recipes, comparing with ONNX Runtime, counting checks."""
import importlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HAQ_BIN", ROOT / "build" / "bin"))
SHARED = pathlib.Path(os.environ.get("HAQ_DATA",
                                     ROOT.parent / "shared" / "data"))
EXAMPLE = ROOT / "examples" / "digits"
SKIP = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIP)


def need_haq():
    if not (BIN / "haq").exists():
        skip(f"{BIN / 'haq'} is not built")


def need_packages(*more):
    """Start again under HAQ_PYTHON (or .venv) when the packages are there."""
    try:
        for name in ("numpy", "onnx", "onnxruntime", *more):
            importlib.import_module(name)
        return
    except ImportError:
        pass
    python = os.environ.get("HAQ_PYTHON", str(ROOT / ".venv/bin/python"))
    if os.environ.get("HAQ_REEXEC") or not os.path.exists(python):
        skip(", ".join(("NumPy, ONNX, ONNX Runtime", *more)) +
             ": something is absent; see scripts/test-venv")
    os.environ["HAQ_REEXEC"] = "1"
    os.execv(python, [python] + sys.argv)


def run(*args, timeout=600):
    return subprocess.run([str(BIN / "haq"), *map(str, args)], text=True,
                          capture_output=True, timeout=timeout)


def haq(*args, timeout=600):
    """Run, expect success, return the parsed document of --json if any."""
    r = run(*args, timeout=timeout)
    if r.returncode != 0:
        line = " ".join(map(str, args))
        raise RuntimeError(f"haq {line}: exit {r.returncode}: {r.stderr}")
    return json.loads(r.stdout) if "--json" in args else r.stdout


def scratch():
    return tempfile.TemporaryDirectory(prefix="haq-e2e-")


def inputs(npz):
    """Network input of a data set: x * x_scale + x_bias per channel."""
    import numpy as np
    x = npz["x"]
    if "x_scale" not in npz:
        return x
    shape = [1, -1] + [1] * (x.ndim - 2)
    scale = np.asarray(npz["x_scale"], np.float32).reshape(shape)
    bias = np.asarray(npz["x_bias"], np.float32).reshape(shape)
    return x.astype(np.float32) * scale + bias


def safetensors(path):
    """The arrays of a params file."""
    import numpy as np
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    kinds = {"F32": "<f4", "F16": "<f2", "I8": "i1", "I64": "<i8"}
    return {k: np.frombuffer(raw[8 + n:][slice(*v["data_offsets"])],
                             kinds[v["dtype"]]).reshape(v["shape"])
            for k, v in json.loads(raw[8:8 + n]).items()
            if k != "__metadata__"}


def save_model(graph, path):
    """A graph of onnx.helper in the versions that all tests use."""
    import onnx
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


def ort_session(path, threads=2):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options,
                                providers=["CPUExecutionProvider"])


def ort_outputs(path, x, batch=64):
    import numpy as np
    s = ort_session(path)
    name = s.get_inputs()[0].name
    return np.concatenate([s.run(None, {name: x[i:i + batch]})[0]
                           for i in range(0, len(x), batch)])


def ort_top1(path, npz):
    return int((ort_outputs(path, inputs(npz)).argmax(1) == npz["y"]).sum())


def ort_perplexity(path, npz, batch=32):
    import numpy as np
    s = ort_session(path)
    name = s.get_inputs()[0].name
    loss, count = 0.0, 0
    for i in range(0, len(npz["x"]), batch):
        z = s.run(None, {name: npz["x"][i:i + batch]})[0].astype(np.float64)
        y = npz["y"][i:i + batch]
        z = z - z.max(-1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
        keep = y >= 0
        pick = np.take_along_axis(log_p, np.where(keep, y, 0)[..., None], -1)
        loss -= pick[..., 0][keep].sum()
        count += int(keep.sum())
    return float(np.exp(loss / count))


class Checks:
    """Counts checks, prints the failed ones, ends the script."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def that(self, good, sentence):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED:", sentence)
        return bool(good)

    def finish(self):
        print(f"{self.passed} checks passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
