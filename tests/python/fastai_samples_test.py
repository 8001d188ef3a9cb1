"""Imports what learn.export() and learn.save() of four versions of fastai wrote, and compares class names
and logits with those that fastai gave.

usage: fastai_samples_test.py BUILD_DIR

The networks are made up: their logits move by a thousandth when a pixel moves by a millionth, and by
0.0003 between float32 and float64. So differences are measured against the largest logit of all photos.
"""
import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path

CUBBY = Path(sys.argv[1]).resolve() / "cubby"
DATA = Path(__file__).resolve().parents[1] / "data" / "fastai"
TOLERANCE = 2e-4
# What a person says of a saved model whose pipeline was that of the export.
OPTIONS = {"pad": ["--resize-rule", "pad", "--resize", "304x200", "--pad-mode", "zeros"],
           "crop224": ["--resize", "224"],
           "std": ["--resize-rule", "crop", "--resize", "460", "--resample", "same,224"],
           "squish": ["--resize-rule", "squish", "--resize", "256"]}


def run(*arguments):
    result = subprocess.run([CUBBY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, f"{arguments}: {result.returncode}: {result.stderr}"
    return result


def logits_of(model, photos):
    lines = run("classify", "--model", model, "--exact", "--logits", "--json", *photos).stdout
    return {Path(line["path"]).name: line["logits"] for line in map(json.loads, lines.splitlines())}


def compare(title, model, photos, want):
    got = logits_of(model, photos)
    assert sorted(got) == sorted(want)
    largest = max(abs(value) for row in want.values() for value in row)
    worst = max(abs(a - b) for photo in want for a, b in zip(got[photo], want[photo]))
    print(f"{title}: {worst / largest:.1e} of the largest logit")
    assert worst <= TOLERANCE * largest, f"{title}: logits differ by {worst / largest}"
    return got


def make_training_folder(folder, vocab):
    """As fastai has it when learn.save() has written into it."""
    for name in [*vocab, "models"]:
        (folder / name).mkdir(parents=True)
        (folder / name / ("saved.pth" if name == "models" else "1.jpg")).write_bytes(b"")
    return folder


def check(folder, name, expected):
    photos = sorted((DATA / "photos").glob("*.png"))
    export, model = folder / "export.pkl", folder / f"{name}.safetensors"
    export.write_bytes(lzma.decompress((DATA / f"{name}.pkl.xz").read_bytes()))
    run("import", export, "-o", model)
    info = json.loads(run("info", model, "--json").stdout)
    assert info["classes"] == expected["vocab"], info["classes"]
    assert info["network"] == expected["arch"], info["network"]
    got = compare(f"{name} export", model, photos, expected["logits"])
    # The export by itself is as good a model.
    assert logits_of(export, photos[:1]) == {photos[0].name: got[photos[0].name]}

    saved, second = folder / "saved.pth", folder / f"{name}-saved.safetensors"
    saved.write_bytes(lzma.decompress((DATA / f"{name}.pth.xz").read_bytes()))
    training = make_training_folder(folder / f"{name}-training", expected["vocab"])
    run("import", saved, "-o", second, "--labels-from", training, *OPTIONS[name.split("-")[-1]])
    info_saved = json.loads(run("info", second, "--json").stdout)
    for key in ("classes", "network", "preprocessing"):
        assert info_saved[key] == info[key], f"{name}: {info_saved[key]}, not {info[key]}"
    compare(f"{name} saved", second, photos, expected["logits"])


def main():
    expected = json.loads((DATA / "expected.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        for name, one in expected.items():
            check(Path(folder), name, one)
        export = Path(folder) / "export.pkl"
        export.write_bytes(export.read_bytes()[:-1000])
        cut = subprocess.run([CUBBY, "import", export, "-o", Path(folder) / "cut.safetensors"],
                             capture_output=True, text=True)
        assert cut.returncode == 1 and cut.stderr.count("cubby: error: ") == 1, cut.stderr
    return 0


sys.exit(main())
