#!/usr/bin/env python3
"""What a folder of `haq search` promises: it holds one job, keeps it over an
interrupt, answers a finished job at once, and does not mind lost workers."""
import os
import pathlib
import signal
import subprocess
import time

import harness as h
import kills

h.need_haq()
checks = h.Checks()
OPTIONS = ["--objectives", "accuracy,size", "--trials", "24", "--seed", "4"]


def search(folder, *more):
    return h.run("search", kills.MODEL, *kills.DATA, "--out", folder,
                 *OPTIONS, *more)


def expect(what, r, code, *words):
    checks.that(r.returncode == code,
                f"{what}: exit {r.returncode}, not {code}: {r.stderr[-300:]}")
    for word in words:
        checks.that(word in r.stderr, f"{what}: no \"{word}\" in {r.stderr}")


def children(pid):
    path = f"/proc/{pid}/task/{pid}/children"
    return [int(c) for c in pathlib.Path(path).read_text().split()]


def one_job_per_folder(calm):
    before = (calm / "front.json").read_bytes()
    r = search(calm, "--seed", "5")
    expect("another seed", r, 3, "seed is 4 there and 5 here", str(calm))
    checks.that(len(r.stderr.splitlines()) == 1, f"not one line: {r.stderr}")
    checks.that((calm / "front.json").read_bytes() == before,
                "a refused job changed the front")
    start = time.monotonic()
    r = search(calm)
    expect("finished job", r, 0, "finished")
    checks.that(time.monotonic() - start < 10, "a finished job took long")
    checks.that(kills.points(kills.front(calm)) ==
                kills.points(h.json.loads(before)), "its front changed")


def interrupted(folder, calm):
    p = subprocess.Popen(
        [a for a in kills.command(folder, OPTIONS) if a != "--resume"],
        start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    while p.poll() is None and kills.count(folder, "measurements") < 20:
        time.sleep(0.01)
    os.killpg(p.pid, signal.SIGINT)
    stderr = p.communicate(timeout=30)[1]
    checks.that(p.returncode == 130, f"Ctrl-C: exit {p.returncode}: {stderr}")
    checks.that("--resume" in stderr, f"no word of --resume: {stderr}")
    checks.that(kills.group_is_gone(p.pid, 5), "a worker outlived Ctrl-C")
    checks.that(not kills.front(folder)["complete"], "it claims to be complete")
    expect("no --resume", search(folder), 3, "--resume")
    expect("--resume", search(folder, "--resume"), 0)
    checks.that(kills.points(kills.front(folder)) ==
                kills.points(kills.front(calm)), "the resumed front differs")


def workers_lost(folder, calm):
    p = subprocess.Popen(kills.command(folder, OPTIONS),
                         stdout=subprocess.DEVNULL)
    killed, enough = 0, 15
    while p.poll() is None and killed < 3:
        if kills.count(folder, "measurements") >= enough:
            for c in children(p.pid):
                os.kill(c, signal.SIGKILL)
            killed, enough = killed + 1, enough + 25
        time.sleep(0.01)
    p.wait(120)
    deaths = kills.count(folder, "events", "type = 'death'")
    checks.that(p.returncode == 0, f"lost workers: exit {p.returncode}")
    checks.that(killed == 3 and deaths >= 2, f"{killed} kills, {deaths} deaths")
    checks.that(kills.count(folder, "failures") == 0, "a task was blamed")
    checks.that(kills.points(kills.front(folder)) ==
                kills.points(kills.front(calm)), "the front differs")
    print(f"{killed} workers killed, the front is the same")


def nothing_left_behind(folder):
    bad = folder.with_suffix(".onnx")
    bad.write_text("no model\n" * 99)
    for model in (bad, folder.with_suffix(".absent")):
        r = h.run("search", model, *kills.DATA, "--out", folder, *OPTIONS)
        expect(f"{model.name}", r, 3, model.name)
        checks.that(len(r.stderr.splitlines()) == 1, f"lines: {r.stderr}")
        checks.that(not folder.exists(), f"{model.name}: a folder was left")


with h.scratch() as scratch:
    root = pathlib.Path(scratch)
    expect("first run", search(root / "calm"), 0)
    one_job_per_folder(root / "calm")
    interrupted(root / "interrupted", root / "calm")
    workers_lost(root / "lost", root / "calm")
    nothing_left_behind(root / "none")
checks.finish()
