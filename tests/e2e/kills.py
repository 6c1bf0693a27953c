"""A search that is killed again and again and resumed, against the same search
left alone."""
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time

import harness as h

MODEL = h.EXAMPLE / "model.onnx"
DATA = ["--calib", h.EXAMPLE / "calib.npz", "--eval", h.EXAMPLE / "eval.npz"]


def command(folder, options):
    return [str(h.BIN / "haq"), "search", str(MODEL), *map(str, DATA),
            "--out", str(folder), "--resume", "--quiet", *options]


def front(folder):
    return json.loads((folder / "front.json").read_text())


def points(doc):
    return sorted((p["id"], p["accuracy"]["value"], p["size_bytes"])
                  for p in doc["points"])


def count(folder, table, where="1"):
    store = folder / "store.sqlite"
    if not store.exists():
        return 0
    with sqlite3.connect(store) as db:
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return 0
        ok = db.execute("PRAGMA quick_check").fetchone()[0]
        assert ok == "ok", ok
        return db.execute(
            f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def group_is_gone(pgid, within_s):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.killpg(pgid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def kill_once(checks, folder, options, after_s, whole_group):
    """Start, wait, kill; true when the search was still running."""
    p = subprocess.Popen(command(folder, options), start_new_session=True,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        p.wait(after_s)
    except subprocess.TimeoutExpired:
        pass
    running = p.poll() is None
    if whole_group and running:
        os.killpg(p.pid, signal.SIGKILL)
    elif running:
        p.kill()
    p.wait()
    checks.that(group_is_gone(p.pid, 5), "a worker outlived its search")
    return running


def compare(checks, options, kills, seed, exact, workers=1):
    """Run once undisturbed, once with `kills` kills.  exact: both fronts must
    be equal; otherwise the second may have 3 % less hypervolume.  A kill may
    cost each worker one task and no more: no key is ever leased again after it
    was stored."""
    options = [*options, "--workers", str(workers)]
    rng = random.Random(seed)
    with h.scratch() as scratch:
        calm, killed = pathlib.Path(scratch, "calm"), pathlib.Path(
            scratch, "killed")
        start = time.monotonic()
        subprocess.run(command(calm, options), check=True, timeout=900)
        wall = time.monotonic() - start
        stored, hits = 0, 0
        for i in range(kills):
            after = rng.uniform(0.1, 0.3 + 1.5 * wall / kills)
            hits += kill_once(checks, killed, options, after, i % 3 != 2)
            now = count(killed, "measurements")
            checks.that(now >= stored, f"{stored} measurements became {now}")
            stored = now
        subprocess.run(command(killed, options), check=True, timeout=900)
        a, b = front(calm), front(killed)
        va, vb = a["hypervolume"]["value"], b["hypervolume"]["value"]
        leases = count(killed, "events", "type = 'lease'")
        answers = count(killed, "measurements") + count(killed, "failures")
        print(f"{hits} of {kills} kills hit; {answers} answers, "
              f"{leases - answers} tasks lost; hypervolume {vb:.4f} of "
              f"{va:.4f}; {wall:.1f} s undisturbed")
        checks.that(hits >= kills // 2, f"only {hits} kills hit the search")
        checks.that(0 <= leases - answers <= hits * workers,
                    f"{leases} leases for {answers} answers, {hits} kills")
        checks.that(vb >= 0.97 * va, f"hypervolume {vb} after kills, {va} not")
        checks.that(b["complete"], "the killed search did not complete")
        if exact:
            checks.that(points(a) == points(b), "the fronts differ")
