#!/usr/bin/env python3
"""Kill a search of accuracy and size five times: the front is the same."""
import harness as h
import kills

h.need_haq()
checks = h.Checks()
kills.compare(checks, ["--objectives", "accuracy,size", "--trials", "40",
                       "--seed", "3"], kills=5, seed=1, exact=True)
checks.finish()
