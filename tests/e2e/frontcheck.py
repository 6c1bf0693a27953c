"""What a user relies on in a front.json, as functions for the end-to-end tests."""
import json
import os


def load(folder):
    with open(os.path.join(folder, "front.json"), encoding="utf-8") as f:
        return json.load(f)


def overlap(a, b):
    return a["ci_low"] <= b["ci_high"] and b["ci_low"] <= a["ci_high"]


def distinguishable(p, q):
    """At least 3 % apart in size, or latency intervals that do not meet."""
    small, large = sorted((p["size_bytes"], q["size_bytes"]))
    return large >= 1.03 * small or not overlap(p["latency_ms"], q["latency_ms"])


def bits_of(folder, point):
    """Weight bits per layer of a point, 32 for float layers."""
    if not point.get("recipe"):
        return [32]
    with open(os.path.join(folder, point["recipe"]), encoding="utf-8") as f:
        recipe = json.load(f)
    words = [layer["weight"].split(":")[0] for layer in recipe["layers"]]
    return [32 if w in ("float", "fp32") else int(w.lstrip("uint")) for w in words]


def required_keys(front):
    need = ("model", "metric", "baseline", "uniform_int8", "points", "knee",
            "hypervolume", "evaluations", "seconds", "seed", "device")
    missing = [k for k in need if k not in front]
    for p in front["points"]:
        missing += [f"points[].{k}" for k in ("id", "recipe", "accuracy",
                    "latency_ms", "speedup", "size_bytes") if k not in p]
    return sorted(set(missing))


def problems(folder, least_points):
    """Everything that is wrong with a front that a demo shows."""
    front, bad = load(folder), []
    bad += [f"key {k} is missing" for k in required_keys(front)]
    points = front["points"]
    if len(points) < least_points:
        bad.append(f"{len(points)} points, at least {least_points} wanted")
    for i, p in enumerate(points):
        for q in points[i + 1:]:
            if not distinguishable(p, q):
                bad.append(f"points {p['id']} and {q['id']} cannot be told apart")
    if not any(min(bits_of(folder, p)) <= 4 for p in points):
        bad.append("no point has a layer of 4 bits or fewer")
    if not front["hypervolume"]["value"] > front["hypervolume"]["uniform"]:
        bad.append("the front is not better than the uniform recipes")
    return bad
