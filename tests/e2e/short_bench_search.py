#!/usr/bin/env python3
"""haq bench-search on the recorded digits table: what it prints follows from
the table, the model's search needs fewer results than evolution, and bad files
are refused by name."""
import json
import pathlib

import harness as h

h.need_haq()
TABLE = h.EXAMPLE / "table.json"
checks = h.Checks()
table = json.loads(TABLE.read_text())


def bench(*args):
    return h.haq("bench-search", TABLE, "--json", *args)


def front(points):
    """By brute force: nobody is nowhere worse and somewhere better."""
    points = sorted(set(points))
    return [p for p in points
            if not any(q != p and all(a <= b for a, b in zip(q, p))
                       for q in points)]


# The table's own front, two objectives, a limit.
got = bench("--objectives", "wrong,bytes", "--limit", "wrong=200", "--runs", 5,
            "--evaluations", 200, "--algorithm", "surrogate", "--algorithm",
            "random")
pairs = [(w, b) for w, b in zip(table["values"]["wrong"],
                                table["values"]["bytes"]) if w <= 200]
want = front(pairs)
checks.that(got["front"] == len(want), f"front of {got['front']} points")
for k, o in enumerate(got["objectives"]):
    column = [p[k] for p in want]
    checks.that((o["best"], o["worst"]) == (min(column), max(column)),
                f"{o['name']}: {o['best']} .. {o['worst']}")
model, luck = got["algorithms"]
checks.that([a["name"] for a in got["algorithms"]] == ["surrogate", "random"],
            "the named algorithms in their order")
for a in got["algorithms"]:
    medians = [p["median"] for p in a["hypervolume"]]
    checks.that(medians == sorted(medians), f"{a['name']}: volume shrinks")
    checks.that(all(p["low"] <= p["median"] <= p["high"] <= 100 + 1e-9
                    for p in a["hypervolume"]), f"{a['name']}: intervals")
    for x, y in a["median_attainment"]:
        checks.that(any(p[0] <= x + 1e-6 and p[1] <= y + 1e-6 for p in want),
                    f"{a['name']}: attains ({x}, {y}), which nobody can")
checks.that(model["hypervolume"][-1]["low"] > luck["hypervolume"][-1]["high"],
            "the search with a model is not clearly better than chance")
checks.that(model["igd_plus"]["median"] < luck["igd_plus"]["median"], "IGD+")

# All three objectives: fewer results than evolution needs, and the same again.
args = ("--runs", 7, "--evaluations", 600, "--algorithm", "surrogate",
        "--algorithm", "nsga2")
got, again = bench(*args), bench(*args)
checks.that(got == again, "not the same for the same seed")
model, evolution = got["algorithms"]
price = [a["evaluations_to"][0] for a in (model, evolution)]
checks.that(price[0]["high"] is not None and price[0]["high"] <
            (price[1]["low"] or 1e9), f"results to 95 %: {price}")

# Everything is found when everything is measured; null is a failure.
with h.scratch() as folder:
    folder = pathlib.Path(folder)
    tiny = {"bench_table": 1, "genes": [{"values": ["a", "b", "c"]},
                                        {"values": [1, 2]}],
            "objectives": ["x", "y"],
            "values": {"x": [0, 1, 2, 3, 4, 5], "y": [9, None, 3, 4, 1, 0]}}
    path = folder / "tiny.json"
    path.write_text(json.dumps(tiny))
    got = h.haq("bench-search", path, "--json", "--runs", 3)
    checks.that(got["front"] == 4 and got["evaluations"] == 6,
                f"{got['front']} points after {got['evaluations']}")
    for a in got["algorithms"]:
        checks.that(abs(a["hypervolume"][-1]["median"] - 100) < 1e-9,
                    f"{a['name']} does not end with all")
    chart = folder / "c.svg"
    h.haq("bench-search", TABLE, "--runs", 2, "--evaluations", 60,
          "--algorithm", "greedy", "--chart", chart, "--quiet")
    checks.that(chart.read_text().startswith("<svg"), "no chart")

    def refused(change, words, code=3):
        bad = json.loads(json.dumps(tiny))
        change(bad)
        path.write_text(json.dumps(bad))
        r = h.run("bench-search", path)
        checks.that(r.returncode == code and "tiny.json" in r.stderr
                    and words in r.stderr, f"{words}: {r.stderr}")

    refused(lambda t: t.update(bench_table=2), "version 2")
    refused(lambda t: t.pop("genes"), "genes: missing")
    refused(lambda t: t["genes"][0].update(values=[]), "genes[0].values")
    refused(lambda t: t["values"]["y"].pop(), "values.y")
    refused(lambda t: t["values"]["x"].__setitem__(2, "2"), "values.x[2]")
    refused(lambda t: t["objectives"].append("x"), "objectives[2]")
    refused(lambda t: t.update(genes=t["genes"] * 30), "genes: more than")
    refused(lambda t: t["values"].update(x=[None] * 6), "within the limits")
for args, words in (
        (("--limit", "wrong=-1"), "within the limits"),
        (("--limit", "bytes"), "--limit bytes"),
        (("--objectives", "speed"), "speed"),
        (("--algorithm", "simplex"), "simplex"),
        (("--runs", "0"), "--runs")):
    r = h.run("bench-search", TABLE, *args)
    checks.that(r.returncode in (2, 3) and words in r.stderr,
                f"{args}: exit {r.returncode}: {r.stderr}")
checks.finish()
