#!/usr/bin/env python3
"""`haq devices`: this machine, recorded ones and profiles; what is respected
and what is refused."""
import json
import os
import pathlib
import shutil
import subprocess

import harness as h

h.need_haq()
MACHINES = h.ROOT / "tests" / "fixtures" / "machines"
PROFILES = h.ROOT / "hwprofiles" / "data"
checks = h.Checks()


def devices(*args):
    return h.haq("devices", *args, "--json")


def refused(what, culprit, *args, code=3):
    r = h.run("devices", *args)
    checks.that(r.returncode == code, f"{what}: exit {r.returncode}")
    checks.that(len(r.stderr.strip().splitlines()) == 1 and
                culprit in r.stderr, f"{what}: {r.stderr!r}")
    checks.that(r.stdout == "", f"{what}: something on standard output")


def this_machine(tmp):
    here = devices()
    cpu = here["devices"][0]
    checks.that(cpu["device"] == "cpu" and len(cpu["fingerprint"]) == 64,
                "the CPU comes first, with a fingerprint")
    checks.that(cpu["fingerprint"] == devices()["devices"][0]["fingerprint"],
                "the fingerprint is stable")
    checks.that(any(row["support"] == "native" for row in
                    cpu["capabilities"]), "the CPU executes something")
    checks.that(here["machine"]["allowed_pus"] == len(os.sched_getaffinity(0)),
                "allowed CPUs are those of the affinity mask")
    checks.that("fingerprint" in h.haq("devices"), "it prints readably")
    save = tmp / "here.json"
    h.run("devices", "--save", save)
    again = tmp / "again.json"
    h.run("devices", "--from", save, "--save", again)
    checks.that(save.read_bytes() == again.read_bytes(),
                "a saved profile reads back to the same bytes")
    checks.that(json.loads(save.read_text()) == here,
                "--save and --json say the same")


def changes_since(tmp):
    """A saved profile, and the same machine with another quota."""
    save = tmp / "was.json"
    folder = tmp / "machine"
    shutil.copytree(MACHINES / "container-quota", folder)
    h.run("devices", "--from", folder, "--save", save)
    same = devices("--from", folder, "--since", save)
    checks.that(same["changes"] == "", f"nothing changed: {same}")
    quota = folder / "sys" / "fs" / "cgroup" / "docker" / "cpu.max"
    quota.write_text("100000 100000\n")
    new = devices("--from", folder, "--since", save)
    checks.that("CPU quota" in new["changes"], f"a new quota: {new}")
    text = h.haq("devices", "--from", folder, "--since", save)
    checks.that("changed since" in text and "1500 -> 1000" in text, text)
    refused("a profile without a machine", "describes no machine", "--since",
            PROFILES / "x86-avx2.json")


def affinity():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return
    one = json.loads(subprocess.run(
        [str(h.BIN / "haq"), "devices", "--json"], check=True, text=True,
        capture_output=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus[-1:])).stdout)
    checks.that(one["machine"]["allowed_cpus"] == str(cpus[-1]),
                "an affinity mask is respected")
    checks.that(one["devices"][0]["fingerprint"] !=
                devices()["devices"][0]["fingerprint"],
                "with another number of cores it is another machine")


def recorded(tmp):
    folder = tmp / "rec"
    h.run("devices", "--record", folder)
    back, here = devices("--from", folder), devices()
    checks.that(back["devices"] == here["devices"],
                "a recording reads back as the same devices")
    checks.that((folder / "ORIGIN").read_text().startswith("recorded"),
                "it says that it was recorded")
    refused("a folder in use", "not empty", "--record", folder)
    for machine in sorted(p.parent for p in MACHINES.glob("*/ORIGIN")):
        want = json.loads((machine / "expect.json").read_text())["machine"]
        got = devices("--from", machine)["machine"]
        checks.that(got["cores"] == want["cores"], f"{machine.name}: cores")
        checks.that(h.run("devices", "--from", machine).returncode == 0,
                    f"{machine.name} prints")


def profiles():
    for path in sorted(PROFILES.glob("*.json")):
        shown = h.haq("devices", "--from", path, "--capabilities")
        checks.that("native" in shown, f"{path.name} has rows")
        checks.that(path.stem in h.haq("devices", "--from", path),
                    f"{path.name} says its name")


def bad_input(tmp):
    bad = tmp / "bad"
    shutil.copytree(MACHINES / "skylake-2s", bad)
    xml = bad / "topology.xml"
    whole = xml.read_text()
    xml.write_text(whole[:len(whole) // 2])
    refused("a truncated XML", "topology.xml", "--from", bad)
    xml.write_text(whole.replace('version="2.0"', 'version="1.0"'))
    refused("another version", "topology.xml", "--from", bad)
    xml.write_text(whole.replace('os_index="63"', 'os_index="999999"'))
    refused("an absurd CPU", "topology.xml", "--from", bad)
    xml.write_text(whole)
    (bad / "sys/fs/cgroup/cpu.max").write_text("banana\n")
    refused("a counter that is none", "cpu.max", "--from", bad)
    (bad / "sys/fs/cgroup/cpu.max").unlink()
    (bad / "proc/meminfo").unlink()
    (bad / "proc/meminfo").mkdir()
    refused("a counter that is a folder", "meminfo", "--from", bad)
    refused("no machine", "nowhere", "--from", tmp / "nowhere")
    refused("an empty folder", "machine.txt", "--from", tmp_dir(tmp, "empty"))
    profile = tmp / "profile.json"
    profile.write_text('{"profile": 9}')
    refused("another profile version", "profile.json", "--from", profile)
    profile.write_text('{"profile": 1')
    refused("a truncated profile", "profile.json", "--from", profile)
    refused("both ways at once", "--record", "--from", bad, "--record", bad,
            code=2)


def tmp_dir(tmp, name):
    (tmp / name).mkdir()
    return tmp / name


with h.scratch() as name:
    scratch = pathlib.Path(name)
    this_machine(scratch)
    changes_since(scratch)
    affinity()
    recorded(scratch)
    profiles()
    bad_input(scratch)
checks.finish()
