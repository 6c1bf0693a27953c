#!/usr/bin/env python3
"""A full disk: exit code 1, one sentence that names the store, the store
readable; with room again the same command with --resume ends well."""
import subprocess

import harness as h
import kills

h.need_haq()
checks = h.Checks()

# In a mount name space of its own, so that no privilege is needed.
SCRIPT = """
mount -t tmpfs -o size=300k tmpfs "$1" || exit 77
shift
"$@" 2>"$0.full"; echo $? >"$0.code"
cp "$OUT/store.sqlite" "$OUT/store.sqlite-wal" "$0.store/"
mount -o remount,size=64M "$ROOM" && exec "$@"
"""
OPTIONS = ["--objectives", "accuracy,size", "--trials", "16", "--seed", "1"]

with h.scratch() as scratch:
    room, out = f"{scratch}/room", f"{scratch}/room/job"
    for folder in (room, f"{scratch}/log.store"):
        subprocess.run(["mkdir", folder], check=True)
    r = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT,
         f"{scratch}/log", room, *kills.command(out, OPTIONS)],
        env={"OUT": out, "ROOM": room, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, timeout=300)
    if r.returncode == 77 or "unshare" in r.stderr:
        h.skip("no mount name space for this user")
    full = open(f"{scratch}/log.full").read()
    code = int(open(f"{scratch}/log.code").read())
    checks.that(code == 1, f"full disk: exit {code}: {full}")
    checks.that(len(full.splitlines()) == 1 and "store.sqlite" in full,
                f"full disk: not one sentence naming the store: {full}")
    stored = kills.count(kills.pathlib.Path(scratch, "log.store"),
                         "measurements")
    print(f"{stored} measurements were stored when the disk was full")
    checks.that(stored > 0, "nothing was stored before the disk was full")
    checks.that(r.returncode == 0,
                f"with room again: exit {r.returncode}: {r.stderr}")
checks.finish()
