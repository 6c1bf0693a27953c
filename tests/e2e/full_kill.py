#!/usr/bin/env python3
"""Kill a search of all objectives ten times, with one worker and with two."""
import harness as h
import kills

h.need_haq()
checks = h.Checks()
for workers in (1, 2):
    kills.compare(checks, ["--trials", "60", "--seed", "5"], kills=10, seed=2,
                  exact=False, workers=workers)
checks.finish()
