"""Writes seeds for the fuzz targets: make_seeds.py FOLDER. Below it a folder for each target gets small
files: those of tests/data/hostile-models.tar.xz, the pickles in them, and some JSON."""
import io
import sys
import tarfile
import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "hostile-models.tar.xz"
MAX_BYTES = 4096
JSON = {
    0: ['["cat", "dog"]', '["\\u00e4"]'],
    1: ['{"resize": "shorter", "size": [256, 256], "crop": [224, 224], "interpolation": "bilinear",'
        '"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "exif": false}',
        '{"resize": "pad", "size": [304, 200], "crop": [304, 200], "interpolation": "bicubic",'
        '"pad": "reflection", "centre": "down", "mean": [0, 0, 0], "std": [1, 1, 1], "exif": true,'
        '"resamples": [{"size": [224, 224], "align_corners": true,'
        '"crop": {"ratio": [0.75, 1.25], "scale": 1}}]}'],
    2: ['{"source": "a.pth", "container": "torch zip"}'],
}


def main():
    top = Path(sys.argv[1])
    folders = {name: top / f"{name}_fuzz"
               for name in ("model", "pickle", "zip", "legacy", "tar", "safetensors", "metadata")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(DATA) as archive:
        files = {Path(member.name).name: archive.extractfile(member).read()
                 for member in archive if member.isfile() and member.size <= MAX_BYTES}
    for name, data in files.items():
        kind = "safetensors" if name.startswith("st_") else "legacy" if name.startswith("legacy") else "zip"
        for target in ("model", kind):
            (folders[target] / name).write_bytes(data)
        if kind == "zip":
            try:
                with zipfile.ZipFile(io.BytesIO(data)) as inner:
                    inside = [entry for entry in inner.namelist() if entry.endswith("data.pkl")]
                    (folders["pickle"] / name).write_bytes(inner.read(inside[0]))
            except (zipfile.BadZipFile, IndexError, RuntimeError, NotImplementedError, OSError):
                pass
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = 8
            archive.addfile(member, io.BytesIO(b"\x80\x02K\x00.\0\0\0"))
    (folders["tar"] / "empty").write_bytes(out.getvalue()[:MAX_BYTES])
    for number, texts in JSON.items():
        for i, text in enumerate(texts):
            (folders["metadata"] / f"{number}-{i}").write_bytes(bytes([number]) + text.encode())


main()
