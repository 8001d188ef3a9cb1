"""Kills `cubby sort` at its first, second, third ... system call of each kind that changes anything,
until a run is clean; kills the run that has to recover as well; and compares what it all ends with
with an undisturbed run. Exit code 77 where strace cannot do it.

usage: syscall_test.py BUILD_DIR [STEP]    STEP 1 (when left out: 3) tries every call, not every third.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(sys.argv[1]).resolve() / "cubby_stub"
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 3
TREE = Path(__file__).resolve().parents[1] / "cli" / "lib" / "make_tree.py"
SNAPSHOT = Path(__file__).resolve().parents[1] / "cli" / "lib" / "snapshot.py"
# Each set is counted by itself: strace counts the calls of a set together.
SETS = ["/^(rename|renameat|renameat2|link|linkat|unlink|unlinkat|symlink|mkdir|rmdir)$",
        "/^(fsync|fdatasync|ftruncate|utimensat|fchmod)$",
        "/^(write|pwrite64)$"]
WAYS = [[], ["--move"], ["--pack", "zip"]]


def sort(way, inject=None):
    command = [STUB, "sort", "photos", "--into", "out", "-q", "--threads", "1", *way]
    if inject:
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + inject, *command]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def begin():
    for name in ("photos", "out"):
        shutil.rmtree(name, ignore_errors=True)
    subprocess.run([sys.executable, TREE, "photos", "6"], check=True)


def look():
    lines = subprocess.run([sys.executable, SNAPSHOT, "photos", "out"], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    lines = [line for line in lines if " folder " not in line]
    return [line.rsplit(" ", 1)[0] if line.startswith("out") and ".zip" in line else line for line in lines]


def try_set(way, calls, expected):
    """Whether all is well; how many kills there were."""
    kills, number = 0, 1
    while True:
        begin()
        code, said = sort(way, f"{calls}:signal=KILL:when={number}")
        if code == 3:
            return True, kills  # never came that far
        if code not in (137, -9):
            print(f"FAILED {way} {calls} at {number}: exit code {code}: {said}")
            return False, kills
        kills += 1
        # The run that recovers is killed, too, at a place that moves along.
        sort(way, f"{calls}:signal=KILL:when={1 + number % 7}")
        code, said = sort(way)
        if code != 3 or look() != expected:
            difference = set(look()) ^ set(expected)
            print(f"FAILED {way} {calls} at {number}: exit code {code}: {said} {difference}")
            return False, kills
        number += STEP


def main():
    if not shutil.which("strace") or subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"],
            capture_output=True).returncode:
        print("skipped: strace cannot trace here")
        return 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for way in WAYS:
            begin()
            code, said = sort(way)
            assert code == 3, said
            expected = look()
            total = 0
            for calls in SETS:
                good, kills = try_set(way, calls, expected)
                failed += not good
                total += kills
            check = subprocess.run([STUB, "verify", "out"], capture_output=True, text=True)
            failed += check.returncode != 0
            print(f"{'FAILED' if failed else 'ok'} {' '.join(way) or 'copy'}: killed at {total} system calls")
            if total < 10:
                print("FAILED: too few, this tests nothing")
                failed += 1
        os.chdir("/")
    return 1 if failed else 0


sys.exit(main())
