"""Writes seeds for the fuzz targets: make_seeds.py FOLDER. Below it a folder for each target gets small
files: those of tests/data/hostile-models.tar.xz, the pickles in them, those of pickle_seeds.py and
jpeg_seeds.py, and some JSON."""
import io
import pickle
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import jpeg_seeds
from pickle_seeds import seeds

DATA = Path(__file__).resolve().parents[1] / "data" / "hostile-models.tar.xz"
MAX_BYTES = 4096
METADATA = {
    0: ['["cat", "dog"]', '["\\u00e4"]'],
    1: ['{"resize": "shorter", "size": [256, 256], "crop": [224, 224], "interpolation": "bilinear",'
        '"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "exif": false}',
        '{"resize": "pad", "size": [304, 200], "crop": [304, 200], "interpolation": "bicubic",'
        '"pad": "reflection", "centre": "down", "mean": [0, 0, 0], "std": [1, 1, 1], "exif": true,'
        '"resamples": [{"size": [224, 224], "align_corners": true,'
        '"crop": {"ratio": [0.75, 1.25], "scale": 1}}]}'],
    2: ['{"source": "a.pth", "container": "torch zip"}'],
}
LABELS = ["cat\ndog\n", "\ufeffcat\r\nh\u00f6rse\r\n\r\n", '["cat", "dog"]', '{"0": "cat", "1": "dog"}']
HF_FOLDERS = [
    '{"model_type": "resnet", "layer_type": "bottleneck", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512,'
    '1024, 2048], "embedding_size": 64, "hidden_act": "relu", "downsample_in_first_stage": false, "id2label":'
    '{"0": "cat", "1": "dog"}, "problem_type": "multi_label_classification"}\0'
    '{"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "size": {"shortest_edge": 224},'
    '"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2],'
    '"resample": 3, "rescale_factor": 0.00392156862745098}',
    '{"architecture": "resnet50", "num_classes": 2, "global_pool": "avg", "label_names": ["cat", "dog"],'
    '"model_args": {}, "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct":'
    '0.95, "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}',
    '{"architecture": "tv_resnet34", "num_classes": 2, "input_size": [3, 224, 224], "crop_pct": 0.875}',
]


def torch_zip(data, storages):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", data)
        for key, elements in storages.items():
            archive.writestr(f"a/data/{key}", struct.pack("<f", 1) * elements)
    return file.getvalue()


def torch_tar():
    """Of torch 0.1: a storage of eight numbers, a part of it, and a tensor in each."""
    def dump(item):
        return pickle.dumps(item, 2)

    def triple(first, second, name):
        return b"\x80\x02" + dump(first)[2:-1] + dump(second)[2:-1] + f"ctorch\n{name}\n".encode() + b"\x87."
    text = b"X\x01\x00\x00\x00"
    shape = struct.pack("<ii5q", 2, 0, 2, 2, 3, 1, 1)
    members = {
        "sys_info": dump({"protocol_version": 1000, "little_endian": True}),
        "storages": dump(1) + triple(5, "cpu", "FloatStorage") + struct.pack("<q8f", 8, *range(8)) +
        dump([(6, 5, 2, 6)]),
        "tensors": dump(2) + triple(7, 5, "FloatTensor") + shape + triple(8, 6, "FloatTensor") + shape,
        "pickle": b"\x80\x02}(" + text + b"w" + text + b"7Q" + text + b"p" + text + b"8Qu.",
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def main():
    top = Path(sys.argv[1])
    for target in ("jpeg_dc", "decode"):
        jpeg_seeds.write(top / f"{target}_fuzz")

    def write(target, name, data):
        folder = top / f"{target}_fuzz"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with tarfile.open(DATA) as archive:
        files = {Path(member.name).name: archive.extractfile(member).read()
                 for member in archive if member.isfile() and member.size <= MAX_BYTES}
    for name, data in files.items():
        kind = "safetensors" if name.startswith("st_") else "legacy" if name.startswith("legacy") else "zip"
        for target in ("model", kind):
            write(target, name, data)
        if kind == "zip":
            try:
                with zipfile.ZipFile(io.BytesIO(data)) as inner:
                    inside = [entry for entry in inner.namelist() if entry.endswith("data.pkl")]
                    write("pickle", name, inner.read(inside[0]))
            except (zipfile.BadZipFile, IndexError, RuntimeError, NotImplementedError, OSError):
                pass
    for name, (data, storages) in seeds():
        write("pickle", name, data)
        for target in ("model", "zip"):
            write(target, name, torch_zip(data, storages))
    for target in ("model", "tar"):
        write(target, "torch_tar", torch_tar())
    for number, texts in METADATA.items():
        for i, text in enumerate(texts):
            write("metadata", f"{number}-{i}", bytes([number]) + text.encode())
    for target, texts in (("labels", LABELS), ("hf_folder", HF_FOLDERS)):
        for i, text in enumerate(texts):
            write(target, str(i), text)


main()
