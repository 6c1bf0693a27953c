#!/usr/bin/env python3
"""The nine published allocations of ResNet-18 (HAWQ-V3) come out, each proven
optimal within milliseconds."""
import json

import harness as h

h.need_haq()
TABLE = h.SHARED.parent / "reference/hawq-ilp/resnet18.json"
if not TABLE.exists():
    h.skip(f"{TABLE} is absent")

checks = h.Checks()
for name, p in json.loads(TABLE.read_text())["problems"].items():
    got = h.haq("allocate", TABLE, "--limit", f"{p['cost']}={p['limit']!r}",
                "--json")
    checks.that(got["bits"] == p["published_bits"],
                f"{name}: {got['bits']}, not {p['published_bits']}")
    checks.that(got["optimal"], f"{name}: not proven")
    checks.that(got["ms"] < 100, f"{name}: {got['ms']} ms")
    checks.that(got["cost"][p["cost"]] <= p["limit"] * (1 + 1e-9),
                f"{name}: {got['cost']} exceeds {p['limit']}")
checks.finish()
