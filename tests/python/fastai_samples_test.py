"""Imports what learn.export() of four versions of fastai wrote, and compares class names and logits with
those that fastai gave.

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


def run(*arguments):
    result = subprocess.run([CUBBY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, f"{arguments}: {result.returncode}: {result.stderr}"
    return result


def logits_of(model, photos):
    lines = run("classify", "--model", model, "--exact", "--logits", "--json", *photos).stdout
    return {Path(line["path"]).name: line["logits"] for line in map(json.loads, lines.splitlines())}


def check(folder, name, expected):
    export, model = folder / "export.pkl", folder / f"{name}.safetensors"
    export.write_bytes(lzma.decompress((DATA / f"{name}.pkl.xz").read_bytes()))
    run("import", export, "-o", model)
    info = json.loads(run("info", model, "--json").stdout)
    assert info["classes"] == expected["vocab"], info["classes"]
    assert info["network"] == expected["arch"], info["network"]
    photos = sorted((DATA / "photos").glob("*.png"))
    got, want = logits_of(model, photos), expected["logits"]
    assert sorted(got) == sorted(want)
    largest = max(abs(value) for row in want.values() for value in row)
    worst = max(abs(a - b) for photo in want for a, b in zip(got[photo], want[photo]))
    print(f"{name}: {worst / largest:.1e} of the largest logit")
    assert worst <= TOLERANCE * largest, f"{name}: logits differ by {worst / largest}"
    # The export by itself is as good a model.
    assert logits_of(export, photos[:1]) == {photos[0].name: got[photos[0].name]}


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
