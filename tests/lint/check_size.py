#!/usr/bin/env python3
"""Fail when a function is longer than 100 lines or a file than 1000.

clang-format puts the braces of a function, and of nothing else, alone into the
first column.
"""
import pathlib
import subprocess
import sys

FUNCTION_MAX, FILE_MAX = 100, 1000

bad = 0
files = subprocess.check_output(["git", "ls-files", "*.c", "*.h"], text=True)
for path in map(pathlib.Path, files.split()):
    if not path.exists():
        continue
    lines, start = path.read_text().splitlines(), 0
    if len(lines) > FILE_MAX:
        print(f"{path}: {len(lines)} lines, {FILE_MAX} are allowed")
        bad = 1
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            length = number - start + 1
            if length > FUNCTION_MAX:
                print(f"{path}:{start}: function of {length} lines, "
                      f"{FUNCTION_MAX} are allowed")
                bad = 1
            start = 0
sys.exit(bad)
