"""Moves misfiled photos as a person would, and shows that `cubby correct` learns from it: what it
says itself about photos that were held out, and what its model answers for photos that were never
in the folder.

The built-in model knows neither stools nor ladders. 30 stools are put among the chairs, as some
workshop may want it, and 10 ladders into a new folder; the sample photos stay where they are.

usage: correct_test.py BUILD_DIR   exit code 77 without POV-Ray, Pillow or a Vulkan device
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUBBY = Path(sys.argv[1]).resolve() / "cubby"
RENDERER = ROOT / "tools/workshop/new_classes.py"
MOVED = {"stool": ("chair", 30), "ladder": ("ladder", 10)}  # kind: where to, how many
HELD_OUT = 14  # of each kind, never in the folder


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


try:
    import numpy  # noqa: F401, what the renderer needs
    import PIL  # noqa: F401
except ImportError as error:
    skip(error)
if not shutil.which("povray"):
    skip("no povray here")
if not RENDERER.exists():
    skip(f"no {RENDERER}")


def cubby(*arguments, codes=(0, 3)):
    result = subprocess.run([CUBBY, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode not in codes:
        sys.exit(f"FAILED: cubby {' '.join(map(str, arguments))} gave {result.returncode}\n{result.stderr}")
    return result


def answers(photos, *arguments):
    lines = cubby("classify", *photos, "--json", *arguments).stdout.splitlines()
    return [json.loads(line)["top"][0]["class"] for line in lines]


def correct(output, *arguments):
    lines = cubby("correct", "sorted", "-o", output, "--json", *arguments).stdout.splitlines()
    return [json.loads(line) for line in lines]


def check(good, what):
    print(("ok      " if good else "FAILED  ") + what)
    if not good:
        check.failed = True


check.failed = False


def place(kind, folder):
    """Puts photos of a kind into a folder, wherever the sort has put them. Returns how many moved."""
    moved = 0
    for path in sorted(Path("sorted").glob(f"*/{kind} *.jpg")):
        if path.parent.name != folder:
            Path("sorted", folder).mkdir(exist_ok=True)
            path.rename(Path("sorted", folder, path.name))
            moved += 1
    return moved


def render(kind, count):
    """Photos of that many different items. Returns their paths, in no order."""
    arguments = [RENDERER, kind, "--items", count, "--views", 1, "--tell", "nothing", "--classes", kind,
                 "--seed", 5]
    subprocess.run([sys.executable, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    photos = sorted(Path(kind).glob(f"train/{kind}/*.jpg"))
    assert len(photos) == count, photos
    random.Random(1).shuffle(photos)
    return photos


def main():
    held_out = {}
    shutil.copytree(ROOT / "models/samples", "photos/samples")
    for kind, (_, count) in MOVED.items():
        photos = render(kind, count + HELD_OUT)
        held_out[kind] = photos[count:]
        for i, photo in enumerate(photos[:count]):
            shutil.copy(photo, f"photos/{kind} {i}.jpg")
    cubby("sort", "photos", "--into", "sorted")
    moved = {kind: place(kind, to) for kind, (to, _) in MOVED.items()}
    print(f"moved: {moved}")

    # What the command says itself, of photos held out in folds of whole items.
    *told, learned = correct("first.safetensors")
    learned, computed = learned["learned"], learned["computed"]
    placed, left = learned["held_out_placed"], learned["held_out_left"]
    check(sum(line.get("kind") == "moved" for line in told) == sum(moved.values()), "every move is told")
    check(placed["photos"] == sum(moved.values()) and computed > 0, f"all moved photos are held out: {placed}")
    check(placed["right_after"] >= placed["right_before"] + placed["photos"] / 2,
          "at least half of what was wrong is right when held out")
    check(left["right_after"] >= 0.85 * left["photos"], f"what was right stays right: {left}")

    # And what its model says of photos that it never saw.
    for kind, (to, _) in MOVED.items():
        before = sum(answer == to for answer in answers(held_out[kind]))
        after = sum(answer == to for answer in answers(held_out[kind], "--model", "first.safetensors"))
        check(after >= before + HELD_OUT // 3, f"unseen photos of a {kind}: {before} -> {after} of {HELD_OUT} right")
    samples = sorted(Path("photos/samples").rglob("*.jp*g"))[:16]
    with_answer = [json.loads(line) for line in cubby("classify", *samples, "--json").stdout.splitlines()]
    with_answer = [line for line in with_answer if "top" in line]
    good, before = [line["path"] for line in with_answer], [line["top"][0]["class"] for line in with_answer]
    after = answers(good, "--model", "first.safetensors")
    check(sum(a == b for a, b in zip(before, after)) >= 0.8 * len(good), "the other classes are not forgotten")

    # Again: nothing is computed anew, and the same model comes out, byte for byte.
    *_, again = correct("second.safetensors")
    check(again["computed"] == 0, "features come from the cache")
    check(Path("first.safetensors").read_bytes() == Path("second.safetensors").read_bytes(), "the same model")

    # From corrections alone: all classes are still there.
    *_, only = correct("only.safetensors", "--only-corrections")
    check(only["learned"]["left"] == 0, "nothing else was used")
    some = answers(good, "--model", "only.safetensors")
    others = set(some) - {to for to, _ in MOVED.values()}
    kept = sum(a == b for a, b in zip(before, some))
    check(len(others) >= 2 and kept >= len(good) / 4,
          f"classes without corrections are not all forgotten: {kept} of {len(good)} as before")

    # The new model sorts: what was placed stays, and a new class gets what it should.
    for i, photo in enumerate(held_out["ladder"]):
        shutil.copy(photo, f"photos/ladder new {i}.jpg")
    cubby("sort", "photos", "--into", "sorted", "--model", "first.safetensors", "--again")
    check(len(list(Path("sorted/ladder").glob("ladder new *.jpg"))) >= HELD_OUT // 3, "new photos go into the new class")
    for kind, (to, count) in MOVED.items():
        there = [i for i in range(count) if Path("sorted", to, f"{kind} {i}.jpg").exists()]
        check(len(there) == count, f"{len(there)} of {count} {kind}s are where they were put")
    check(cubby("verify", "sorted", codes=(0, 4)).returncode == 0, "verify finds all well")

    # Learning once more, from that model: what it was made from is no test of it.
    *_, third = correct("third.safetensors")
    third = third["learned"]
    judged = third["held_out_placed"]["photos"] + third["held_out_left"]["photos"]
    check(third["seen_before"] >= sum(moved.values()) and judged <= 2 * HELD_OUT,
          f"{third['seen_before']} photos were seen before, {judged} judge")
    return 1 if check.failed else 0


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.environ["CUBBY_CACHE_DIR"] = str(Path(folder) / "cache")
    if subprocess.run([CUBBY, "devices"], capture_output=True).returncode:
        skip("no Vulkan device")
    code = main()
    os.chdir(ROOT)
sys.exit(code)
