#!/usr/bin/env python3
"""Ten minutes on ResNet-20: a point within 1 point of float, 7.2 times smaller,
twice as fast, and a front above the uniform recipes.  HAQ_SEARCH_TIME shortens."""
import os
import subprocess
import sys
import tempfile

import frontcheck

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("HAQ_DATA", os.path.join(HERE, "../../../shared/data"))
BIN = os.environ.get("HAQ_BIN", os.path.join(HERE, "../../build/bin"))


def main():
    folder = os.path.join(DATA, "resnet20-cifar10")
    if not os.path.isdir(folder):
        print(f"skipped: no {folder}")
        return 77
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([os.path.join(BIN, "haq"), "search", f"{folder}/model.onnx",
                        "--calib", f"{folder}/calib.npz", "--eval",
                        f"{folder}/eval.npz", "--out", out, "--time",
                        os.environ.get("HAQ_SEARCH_TIME", "10m"), "--max-drop",
                        "1.0", "--seed", "1"], check=True)
        front, bad = frontcheck.load(out), frontcheck.problems(out, 2)
    base = front["baseline"]
    good = [p for p in front["points"]
            if p["accuracy"]["value"] >= base["accuracy"]["value"] - 1.0
            and 7.2 * p["size_bytes"] <= base["size_bytes"]
            and p["speedup"] >= 2.0]
    for p in front["points"]:
        print(f"{p['id']:>10}  {p['accuracy']['value']:6.2f}  "
              f"{base['size_bytes'] / p['size_bytes']:5.2f}x smaller  "
              f"{p['speedup']:5.2f}x faster")
    if not good:
        bad.append("no point within 1.0 point, 1/7.2 of the size, 2x as fast")
    print(f"hypervolume {front['hypervolume']['value']:.5g}, uniform recipes "
          f"{front['hypervolume']['uniform']:.5g}")
    for b in bad:
        print("FAILED:", b)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
