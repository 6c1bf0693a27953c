#!/usr/bin/env python3
"""Pack the bitmaps of UCI optdigits into bitmaps.npz, which train.py reads.

    prepare.py FOLDER

FOLDER holds optdigits-orig.tra and optdigits-orig.windep, uncompressed, from
https://archive.ics.uci.edu/dataset/80 (doi 10.24432/C50P49, CC BY 4.0).
"""
import hashlib
import pathlib
import sys

import numpy as np

# SHA-256 of the bits and labels, so that line ends do not matter.
SOURCES = {
    "train": ("optdigits-orig.tra", 1934,
              "5a9b6a91ea5bd928243f7fde773a28bb7a10e69a85e46a95482865941efacbd5"),
    "test": ("optdigits-orig.windep", 1797,
             "d237dc5688bb4f0edc14b239d0356945586698551069634f8df7181c8755127c"),
}


def read_bitmaps(path):
    """32 lines of 32 digits 0 or 1, then a line with the label."""
    images, labels, rows = [], [], []
    for line in path.read_text(encoding="ascii").splitlines():
        line = line.strip()
        if len(line) == 32 and set(line) <= {"0", "1"}:
            rows.append([int(c) for c in line])
        elif len(rows) == 32:
            images.append(rows)
            labels.append(int(line))
            rows = []
    return np.array(images, np.uint8), np.array(labels, np.uint8)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    arrays = {}
    for part, (name, count, digest) in SOURCES.items():
        x, y = read_bitmaps(pathlib.Path(sys.argv[1]) / name)
        bits = np.packbits(x.reshape(len(x), -1), axis=1)
        found = hashlib.sha256(bits.tobytes() + y.tobytes()).hexdigest()
        if len(x) != count or found != digest:
            sys.exit(f"{name}: not the published file ({len(x)} images, "
                     f"sha256 {found})")
        arrays[part + "_bits"], arrays[part + "_y"] = bits, y
    np.savez_compressed(pathlib.Path(__file__).parent / "bitmaps.npz",
                        **arrays)


if __name__ == "__main__":
    main()
