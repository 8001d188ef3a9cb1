"""Writes seeds for the fuzz targets: make_seeds.py FOLDER. Below it a folder for each target gets small
files: those of tests/data/hostile-models.tar.xz, the pickles in them, some JSON, and some JPEGs."""
import io
import random
import struct
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


# A JPEG needs no picture: its code tables (all codes of one length) and random codes make a sound one.
DC_SIZES = list(range(12))
AC_SYMBOLS = [0, 0xf0] + [run << 4 | size for run in range(16) for size in range(1, 11)]


def jpeg_segment(marker, data):
    return struct.pack(">BBH", 0xff, marker, len(data) + 2) + data


def jpeg_tables():
    out = jpeg_segment(0xdb, bytes([0] + [3] * 64))
    for number, symbols, length in ((0x00, DC_SIZES, 4), (0x10, AC_SYMBOLS, 8)):
        counts = bytes(len(symbols) if i == length else 0 for i in range(1, 17))
        out += jpeg_segment(0xc4, bytes([number]) + counts + bytes(symbols))
    return out


def jpeg_block(rng, mean):
    """The bits of one block as a string of 0 and 1, and its mean."""
    size = rng.randrange(6)
    value = rng.getrandbits(size) if size else 0
    difference = value if size and value >> (size - 1) else value - (1 << size) + 1
    if size and abs(mean + difference) > 250:
        value ^= (1 << size) - 1
        difference = -difference
    bits = f"{size:04b}" + (f"{value:0{size}b}" if size else "")
    place = 1
    while place < 64 and rng.random() < 0.8:
        symbol = rng.randrange(1, len(AC_SYMBOLS))
        run, size = AC_SYMBOLS[symbol] >> 4, AC_SYMBOLS[symbol] & 15
        if place + run + 1 > 64 or size > 7:
            continue
        bits += f"{symbol:08b}" + "".join(rng.choice("01") for _ in range(size))
        place += run + 1
    return bits + ("" if place == 64 else "00000000"), mean + difference


def jpeg_scan(rng, mcus, blocks, restart):
    out, bits, means = b"", "", [0] * 4
    for mcu in range(mcus + 1):
        if mcu == mcus or (restart and mcu and mcu % restart == 0):
            bits += "1" * (-len(bits) % 8)
            data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
            out += data + (bytes([0xff, 0xd0 + (mcu // restart - 1) % 8]) if mcu < mcus else b"")
            bits, means = "", [0] * 4
        for component, count in enumerate(blocks if mcu < mcus else []):
            for _ in range(count):
                more, means[component] = jpeg_block(rng, means[component])
                bits += more
    return out


def jpeg(rng, samplings, restart):
    side = rng.randrange(1, 60)
    alone = len(samplings) == 1
    blocks = [1 if alone else across * down for across, down in samplings]
    unit_x, unit_y = (8 * (1 if alone else max(s[i] for s in samplings)) for i in (0, 1))
    mcus = -(-side // unit_x) * -(-side // unit_y)
    count = len(samplings)
    frame = struct.pack(">BHHB", 8, side, side, count)
    frame += b"".join(bytes([i + 1, x << 4 | y, 0]) for i, (x, y) in enumerate(samplings))
    scan = bytes([count]) + b"".join(bytes([i + 1, 0]) for i in range(count)) + bytes([0, 63, 0])
    out = b"\xff\xd8" + jpeg_tables() + jpeg_segment(0xc0, frame)
    if restart:
        out += jpeg_segment(0xdd, struct.pack(">H", restart))
    return out + jpeg_segment(0xda, scan) + jpeg_scan(rng, mcus, blocks, restart) + b"\xff\xd9"


def write_jpegs(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    one = (1, 1)
    for name, samplings in {"420": [(2, 2), one, one], "422": [(2, 1), one, one],
                            "440": [(1, 2), one, one], "444": [one] * 3, "grey": [one],
                            "cmyk": [one] * 4, "410": [(4, 2), one, one]}.items():
        for restart in (0, 3):
            (folder / f"{name}-{restart}.jpg").write_bytes(jpeg(rng, samplings, restart))


def main():
    top = Path(sys.argv[1])
    write_jpegs(top / "jpeg_dc_fuzz")
    write_jpegs(top / "decode_fuzz")
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
