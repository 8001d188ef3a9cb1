"""The program for Windows, run by Wine, does what the one for Linux does: models that both import,
logits, the tree and the report of a sort, archives.

usage: same_answers_test.py WINDOWS_BUILD LINUX_BUILD"""
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parents[1] / "models" / "samples"
WINDOWS, LINUX = (Path(folder).resolve() for folder in sys.argv[1:3])
LIBRARY = HERE.parent / "cli" / "lib"


def run(build, program, *arguments, codes=(0,)):
    result = subprocess.run([build / program, *arguments], capture_output=True)
    if result.returncode not in codes:
        sys.exit(f"{build.name}/{program} {arguments}: exit code {result.returncode}\n{result.stderr.decode()}")
    return result.stdout.decode()


def same_file(a, b, what):
    assert Path(a).read_bytes() == Path(b).read_bytes(), f"{what}: {a} and {b} differ"


def models():
    """What one imports, the other reads: the files are the same."""
    subprocess.run([sys.executable, LIBRARY / "make_model.py", "plain.safetensors"], check=True)
    Path("labels.txt").write_text("rot\ngrün\n写\n")
    packed = HERE.parent / "data" / "fastai" / "2.7.12-resnet18-crop224.pkl.xz"
    Path("export.pkl").write_bytes(lzma.decompress(packed.read_bytes()))
    for source, options in (("plain.safetensors", ["--labels", "labels.txt"]), ("export.pkl", [])):
        for build in (WINDOWS, LINUX):
            run(build, "cubby", "import", source, "-o", f"{source} {build.name}.safetensors", "-q", *options)
        same_file(f"{source} {WINDOWS.name}.safetensors", f"{source} {LINUX.name}.safetensors", "import")
    return [None, f"export.pkl {LINUX.name}.safetensors", f"plain.safetensors {WINDOWS.name}.safetensors"]


def logits(build, photos, model):
    options = ["--model", model] if model else []
    lines = [json.loads(line) for line in run(build, "cubby", "classify", "--json", "--logits", *options,
                                              *photos).splitlines()]
    return [line["logits"] for line in lines if "logits" in line]


def answers():
    shutil.copytree(SAMPLES / "workshop bench", "bench")
    photos = sorted(str(path) for path in Path("bench").rglob("*.*") if path.suffix != ".txt")
    for model in models():
        windows, linux = (logits(build, photos, model) for build in (WINDOWS, LINUX))
        assert len(windows) == len(linux) == len(photos)
        worst = max(abs(a - b) / max(map(abs, y)) for x, y in zip(windows, linux) for a, b in zip(x, y))
        print(f"{model or 'the built-in model'}: {len(photos)} photos, logits differ by {worst:.2g} of the largest")
        # The same shaders, driver and decoders; the driver may still compile differently for each.
        assert worst < 1e-5
        assert all(x.index(max(x)) == y.index(max(y)) for x, y in zip(windows, linux))


def tree(folder):
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns // 100, path.stat().st_mode)
            for path in Path(folder).rglob("*") if path.is_file() and ".cubby" not in path.parts}


def report(folder):
    """Lines in no order (groups of photos end when they end), without the drive."""
    text = Path(folder, ".cubby", "report.jsonl").read_text()
    return sorted(re.sub(rf"Z:(?={re.escape(os.getcwd())})", "", text).splitlines())


def sorting():
    shutil.copytree(SAMPLES, "Fotos für 山田")
    started = time.monotonic()
    run(WINDOWS, "cubby", "Fotos für 山田", codes=[3])  # as dragging the folder onto it does
    print(f"sorting the samples took {time.monotonic() - started:.1f} s")
    os.rename("Fotos für 山田-sorted", "windows")
    run(LINUX, "cubby", "sort", "Fotos für 山田", codes=[3])
    os.rename("Fotos für 山田-sorted", "linux")
    assert len(tree("linux")) > 40
    assert tree("windows") == tree("linux"), tree("windows").keys() ^ tree("linux").keys()
    for a, b in zip(report("windows"), report("linux")):
        # Probabilities have four digits; the last may be the next one.
        a, b = json.loads(a), json.loads(b)
        assert abs(a.pop("p", 0) - b.pop("p", 0)) < 2e-4, (a, b)
        assert a == b, (a, b)
    # A catalogue goes from one to the other.
    run(LINUX, "cubby", "verify", "linux")
    run(WINDOWS, "cubby", "verify", "linux", codes=[0, 4])
    for name in ("windows", "linux"):
        shutil.rmtree(name)


def first_result():
    """Seconds from the start to the first line, with warm caches."""
    photo = next(Path("bench").rglob("IMG_0412.JPG"))
    run(WINDOWS, "cubby", "classify", photo)
    started = time.monotonic()
    run(WINDOWS, "cubby", "classify", photo)
    print(f"the first result came after {time.monotonic() - started:.2f} s")


def archives():
    subprocess.run([sys.executable, LIBRARY / "make_tree.py", "tree", "30"], check=True,
                   env=dict(os.environ, SYSTEM="windows"))
    os.rename("tree/project 0/pic 0.ppm", "tree/project 0/été 写 🎉.ppm")
    for kind in ("zip", "tar.zst", "7z"):
        for build in (WINDOWS, LINUX):
            run(build, "cubby_stub", "sort", "tree", "--into", f"{kind}-{build.name}", "--pack", kind, codes=[3])
        made = sorted(path.name for path in Path(f"{kind}-{LINUX.name}").glob(f"*.{kind}"))
        assert len(made) == 4, made
        for name in made:
            same_file(f"{kind}-{WINDOWS.name}/{name}", f"{kind}-{LINUX.name}/{name}", "archive")


def main():
    if not (LINUX / "cubby").exists() or not (LINUX / "cubby_stub").exists():
        print(f"skipped: nothing to compare with in {LINUX}")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            answers()
            first_result()
            sorting()
            archives()
        finally:
            os.chdir("/")
    return 0


sys.exit(main())
