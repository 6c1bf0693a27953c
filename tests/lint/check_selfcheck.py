#!/usr/bin/env python3
"""Fail when a kernel table is not walked by the self-check.

kernels/x.h declares haq_x_impls(); some tests/kernels/selfcheck/check_*.c must
call it, and test_selfcheck.c must list every function of those files.
"""
import pathlib
import re
import sys

checks = {p: p.read_text()
          for p in pathlib.Path("tests/kernels/selfcheck").glob("check_*.c")}
program = pathlib.Path("tests/kernels/test_selfcheck.c").read_text()
bad = 0
for header in sorted(pathlib.Path("kernels").glob("*.h")):
    for table in re.findall(r"\b(haq_\w+_impls)\(size_t \*", header.read_text()):
        if not any(f"{table}(&" in text for text in checks.values()):
            print(f"{header}: no tests/kernels/selfcheck/check_*.c walks {table}")
            bad = 1
for path in checks:
    if not re.search(rf"\b{path.stem}\b", program):
        print(f"{path}: tests/kernels/test_selfcheck.c does not run it")
        bad = 1
sys.exit(bad)
