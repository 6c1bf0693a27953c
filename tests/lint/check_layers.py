#!/usr/bin/env python3
"""Fail when a file includes a header of a folder it may not depend on.

A folder that is no key of ALLOWED is not checked.
"""
import pathlib
import re
import subprocess
import sys

ALLOWED = {
    "base": "",
    "wire": "",
    "graph": "",
    "quant/format": "",
    "search/algo": "",
    "coordinator/store": "",
    "kernels": "quant/format",
    "quant": "graph quant/format",
    "hwprofiles": "graph quant/format",
    "quant/method": "graph quant quant/format kernels",
    "quant/export": "graph quant quant/format",
    "runtime": "graph quant quant/format kernels hwprofiles",
    "search": "graph quant quant/format hwprofiles search/algo",
    "train": "graph quant quant/format quant/method kernels runtime",
    "report": "graph quant search",
    "worker": "wire graph quant quant/format quant/method quant/export train"
              " runtime hwprofiles kernels",
    "coordinator": "wire graph quant hwprofiles search search/algo report"
                   " coordinator/store",
    "cli": "wire graph quant quant/format quant/export hwprofiles runtime"
           " search search/algo report coordinator worker",
}
# Of these folders' headers only the named ones may be seen from the others.
ONLY = {("search", "graph"): {"graph/layers.h"},
        ("coordinator", "graph"): {"graph/layers.h"}}
UNITS = sorted(ALLOWED, key=len, reverse=True)  # longest prefix wins


def unit(path):
    return next((u for u in UNITS if path.startswith(u + "/")), None)


def complaint(me, header):
    to = unit(header)
    if not to or to == me or to == "base":
        return None
    if to not in ALLOWED[me].split():
        return f"{me} must not include {to}"
    if header not in ONLY.get((me, to), {header}):
        return f"{me} must not include {header}"
    if header.endswith("_priv.h"):
        return f"{header} is private to {to}"
    return None


bad = 0
files = subprocess.check_output(["git", "ls-files", "*.c", "*.h"], text=True)
for name in files.split():
    me, path = unit(name), pathlib.Path(name)
    if not me or not path.exists():
        continue
    for number, text in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', text)
        wrong = match and complaint(me, match.group(1))
        if wrong:
            print(f"{name}:{number}: {wrong}")
            bad = 1
sys.exit(bad)
