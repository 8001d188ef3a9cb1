"""Makes every n-th file operation of `cubby sort` and of `cubby undo` fail, once or from then on, with
each error; and all writes short. Whatever happens: no original is lost or changed, no copy is
half-written or doubled, the exit code and the account agree, and the same command afterwards completes
the work.

usage: fault_test.py BUILD_DIR [STEP]    STEP 1 tries every operation; when left out, every 7th.
"""
import collections
import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(sys.argv[1]).resolve() / "cubby_stub"
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 7
TREE = Path(__file__).resolve().parents[1] / "cli" / "lib" / "make_tree.py"
WAYS = [[], ["--move"], ["--pack", "zip"], ["--symlink"]]
CODES = ["IO", "NOSPC", "ACCES", "INTR"]


def cubby(*arguments, fault=None, count=False):
    environment = dict(os.environ)
    if fault:
        environment["CUBBY_STUB_FAULT"] = fault
    if count:
        environment["CUBBY_STUB_COUNT"] = "1"
    return subprocess.run([STUB, *arguments], capture_output=True, text=True, env=environment)


def begin():
    for name in ("photos", "out"):
        shutil.rmtree(name, ignore_errors=True)
    subprocess.run([sys.executable, TREE, "photos", "8"], check=True)
    for name in ("broken.ppm", "words.jpg", "notes.txt"):
        os.unlink(f"photos/{name}")


def contents(folder):
    """(place, hash) of each file; a place is the class folder or archive, or "photos"."""
    found = collections.Counter()
    for path in Path(folder).rglob("*"):
        # What could not be removed is removed by the next run; the end of the test looks for it.
        if path.is_dir() or ".cubby" in path.parts or path.name.startswith(".cubby-"):
            continue
        place = path.relative_to(folder).parts[0] if folder == "out" else "photos"
        found[place, hashlib.md5(path.read_bytes()).hexdigest()] += 1
    return found


def hashes(counter):
    return {key[1] for key in counter}


def check_half_way(way, originals, result):
    sources, output = contents("photos"), contents("out") if os.path.exists("out") else {}
    if "--move" in way:
        assert hashes(originals) == hashes(sources) | hashes(output), "an original was lost"
    else:
        assert sources == originals, "the sources were changed"
    if "zip" not in way:
        assert hashes(output) <= hashes(originals), "a copy is not what its original is"
    assert not [p for p in Path("out").rglob("*.zip") if subprocess.run(
        ["unzip", "-tqq", p], capture_output=True).returncode], "an archive is broken"
    assert result.returncode in (0, 1, 3, 5), f"exit code {result.returncode}: {result.stderr}"
    if result.returncode in (1, 5):
        assert "cubby: error: " in result.stderr, "nobody says why"
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    if lines and "summary" in lines[-1]:
        summary = lines.pop()["summary"]
        counts = collections.Counter(line["status"] for line in lines)
        assert len(lines) == summary["found"] == len({line["path"] for line in lines})
        assert all(counts[s] == summary[s] for s in ("filed", "unsure", "failed", "skipped"))
        if result.returncode == 0:
            assert not summary["failed"]


def try_fault(way, fault, originals, expected):
    begin()
    result = cubby("sort", "photos", "--into", "out", "--json", *way, fault=fault)
    try:
        check_half_way(way, originals, result)
        again = cubby("sort", "photos", "--into", "out", *way)
        assert again.returncode == 0, f"again: exit code {again.returncode}: {again.stderr}"
        if "zip" in way:
            entries = subprocess.run(["unzip", "-Z1", "out/*.zip"], capture_output=True, text=True)
            assert entries.stdout.count(".ppm") == 8, entries.stdout
        else:
            assert contents("out") == expected, contents("out") - expected or expected - contents("out")
        verify = cubby("verify", "out")
        assert verify.returncode == 0, "verify: " + verify.stderr
        with contextlib.closing(sqlite3.connect("out/.cubby/catalogue.sqlite")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not list(Path(".").rglob("*.tmp")), "a temporary was left"
    except AssertionError as error:
        print(f"FAILED {' '.join(way) or 'copy'}, {fault}: {error}\n{result.stderr}")
        return False
    return True


def try_undo_fault(way, fault, originals):
    begin()
    assert cubby("sort", "photos", "--into", "out", *way).returncode == 0
    result = cubby("undo", "out", fault=fault)
    try:
        kept = hashes(contents("photos")) | (hashes(contents("out")) if os.path.exists("out") else set())
        assert hashes(originals) <= kept, "an original was lost"
        assert result.returncode in (0, 1, 3, 5), f"exit code {result.returncode}: {result.stderr}"
        # Until there is nothing to take back: an undo that could not look at all keeps some.
        again = result
        for _ in range(4):
            if not os.path.exists("out/.cubby/catalogue.sqlite"):
                break
            again = cubby("undo", "out")
            assert again.returncode in (0, 1), f"again: {again.returncode}: {again.stderr}"
        assert contents("photos") == originals, "not all is as it was: " + again.stderr
        left = [path for path in Path(".").rglob("*") if path.parts[0] == "out" and path.is_file()
                and ".cubby" not in path.parts]
        assert not left, f"something was left: {left}"
        assert not list(Path(".").rglob("*.tmp")), "a temporary was left"
    except AssertionError as error:
        print(f"FAILED undo of {' '.join(way) or 'copy'}, {fault}: {error}\n{result.stderr}")
        return False
    return True


def try_undo(way, originals):
    begin()
    assert cubby("sort", "photos", "--into", "out", *way).returncode == 0
    whole = cubby("undo", "out", count=True)
    assert whole.returncode == 0, whole.stderr
    operations = int(re.search(r"(\d+) operations", whole.stderr)[1])
    tried = failed = 0
    for index, number in enumerate(range(1, operations + 1, STEP)):
        codes = CODES if STEP == 1 else [CODES[index % len(CODES)]]
        for code in codes:
            for when in ("once", "on"):
                tried += 1
                failed += not try_undo_fault(way, f"{number}:{code}:{when}", originals)
    print(f"{'FAILED' if failed else 'ok'} undo of {' '.join(way) or 'copy'}: {tried} faults at "
          f"{operations} operations")
    return failed


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for way in WAYS:
            begin()
            originals = contents("photos")
            whole = cubby("sort", "photos", "--into", "out", *way, count=True)
            assert whole.returncode == 0, whole.stderr
            operations = int(re.search(r"(\d+) operations", whole.stderr)[1])
            expected = contents("out")
            tried = 1
            failed += not try_fault(way, "short", originals, expected)
            for index, number in enumerate(range(1, operations + 1, STEP)):
                # All errors at all places in the long run; in the short one they take turns.
                codes = CODES if STEP == 1 else [CODES[index % len(CODES)]]
                for code in codes:
                    for when in ("once", "on"):
                        tried += 1
                        failed += not try_fault(way, f"{number}:{code}:{when}", originals, expected)
            print(f"{'FAILED' if failed else 'ok'} {' '.join(way) or 'copy'}: {tried} faults at "
                  f"{operations} operations")
            failed += try_undo(way, originals)
        os.chdir("/")
    return 1 if failed else 0


sys.exit(main())
