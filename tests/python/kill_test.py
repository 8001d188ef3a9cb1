"""Kills `cubby sort` with SIGKILL again and again, lets it continue, and compares what it ends with
with an undisturbed run: the tree, the archives by entry and content, the catalogue.

usage: kill_test.py BUILD_DIR [KILLS] [SEED]    30 kills for each way of filing when left out; the long
set is 200. With a seed the same moments are tried again (as far as the machine lets them).
"""
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

STUB = Path(sys.argv[1]).resolve() / "cubby_stub"
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 30
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
TREE = Path(__file__).resolve().parents[1] / "cli" / "lib" / "make_tree.py"
WAYS = [[], ["--move"], ["--pack", "zip", "--pack-size", "1M"], ["--pack", "tar.zst"], ["--pack", "7z"],
        ["--link"]]


def digest(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def look(folder):
    """All files with content, time and mode; archives by their bytes, zips by their entries too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if ".cubby/" in name or path.is_dir():
            continue
        archive = path.suffix in (".zip", ".zst", ".7z")
        info = path.lstat()
        found[name] = (digest(path), None if archive else info.st_mtime_ns, oct(info.st_mode))
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as entries:
                assert entries.testzip() is None, name
                found[name] += tuple((e.filename, e.CRC) for e in entries.infolist())
    return found


def look_at_catalogue(output):
    """Photos and filings without what differs from run to run: ids, times of runs, temporaries."""
    with contextlib.closing(sqlite3.connect(f"{output}/.cubby/catalogue.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        photos = database.execute("SELECT path, status, class, p, filed_as, reason, size, hash FROM photos"
                                  " ORDER BY path").fetchall()
        filings = database.execute("SELECT how, state, member, source, target, size, hash FROM filings"
                                   " ORDER BY source, target").fetchall()
        archives = database.execute("SELECT state, folder, name, part, size, hash FROM archives"
                                    " ORDER BY name").fetchall()
        runs = database.execute("SELECT state, settings FROM runs").fetchall()
    return photos, filings, archives, runs


def sort(way, delay, kill_after=None):
    """The exit code; None: it was killed."""
    environment = dict(os.environ, CUBBY_STUB_DELAY_MS=str(delay))
    process = subprocess.Popen([STUB, "sort", "photos", "--into", "out", "-q", *way], env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if kill_after is not None:
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    output = process.communicate()[0].decode()
    if process.returncode in (0, 3):
        return process.returncode
    if process.returncode == -signal.SIGKILL:
        return None
    raise AssertionError(f"exit code {process.returncode}: {output}")


def begin():
    for name in ("photos", "out"):
        shutil.rmtree(name, ignore_errors=True)
    subprocess.run([sys.executable, TREE, "photos", "48"], check=True)


def try_way(way, rng):
    begin()
    started = time.monotonic()
    assert sort(way, 2) == 3
    whole = time.monotonic() - started
    expected = look(Path("photos")), look(Path("out")), look_at_catalogue("out")
    assert expected[1]
    kills = 0
    while kills < KILLS:
        begin()
        moments = []
        while True:
            # Early moments are the most crowded; now and then one process is left to go far.
            moment = whole * rng.random() ** 1.5 * 1.3
            # Give up killing once in a while, or a run that is killed early each time never ends.
            last = len(moments) >= 12
            result = sort(way, 2, None if last else moment)
            moments.append(moment)
            if result is not None:
                break
            kills += 1
        actual = look(Path("photos")), look(Path("out")), look_at_catalogue("out")
        for what, a, b in zip(("sources", "output", "catalogue"), expected, actual):
            if a != b:
                different = ({k for k in a | b if a.get(k) != b.get(k)} if isinstance(a, dict)
                             else [(x, y) for x, y in zip(a, b) if x != y])
                print(f"FAILED {' '.join(way) or 'copy'}: {what} differ after kills at {moments} "
                      f"(seed {SEED}): {different}")
                return False
        check = subprocess.run([STUB, "verify", "out"], capture_output=True, text=True)
        if check.returncode != 0:
            print(f"FAILED {' '.join(way)}: verify (seed {SEED}): {check.stderr}")
            return False
    print(f"ok {' '.join(way) or 'copy'}: {kills} kills, no difference")
    return True


def main():
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        failed = sum(not try_way(way, rng) for way in WAYS)
        os.chdir("/")
    return 1 if failed else 0


sys.exit(main())
