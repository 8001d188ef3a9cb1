"""Compares cubby's resize, crop and exact JPEG decoding with Pillow, bit for bit.

usage: resize_test.py BUILD_DIR [SEED]      exit code 77 if Pillow or numpy is missing
"""
import random
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    from PIL import Image, ImageOps
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

from shared import random_image

DUMP = Path(sys.argv[1]) / "preprocess_dump"
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
RESIZE_CASES = 140
PRESET_CASES = 60

failures = 0
checks = 0


def dump(path, *arguments):
    result = subprocess.run([DUMP, path, *map(str, arguments)], capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"{arguments}: {result.stderr.decode().strip()}")
    return result.stdout


def check(name, got, want):
    """got: raw bytes; want: a Pillow image or an array."""
    global failures, checks
    checks += 1
    want = np.asarray(want)
    got = np.frombuffer(got, np.uint8)
    if got.size != want.size:
        print(f"FAILED {name}: {got.size} bytes instead of {want.size} (seed {SEED})")
        failures += 1
        return
    difference = np.abs(got.reshape(want.shape).astype(int) - want.astype(int))
    if difference.max():
        where = np.unravel_index(difference.argmax(), want.shape)
        print(f"FAILED {name}: {np.count_nonzero(difference)} of {want.size} values differ, "
              f"by at most {difference.max()} at {where} (seed {SEED})")
        failures += 1


def random_side(rng):
    return int(rng.choice([1, 2, 3, 7, rng.integers(1, 40), rng.integers(1, 400),
                           rng.integers(200, 1200)]))


def test_resize(rng, folder):
    path = folder / "photo.png"
    for case in range(RESIZE_CASES):
        width, height = random_side(rng), random_side(rng)
        out_width, out_height = random_side(rng), random_side(rng)
        if case % 10 == 0:
            out_width = width
        if case % 10 == 1:
            out_height = height
        image = random_image(rng, width, height)
        image.save(path, compress_level=0)
        name = list(FILTERS)[case % 2]
        check(f"resize {name} {width}x{height} -> {out_width}x{out_height}",
              dump(path, "resize", name, out_width, out_height),
              image.resize((out_width, out_height), FILTERS[name]))


def preset(image, name, resize, crop):
    """torchvision's Resize and CenterCrop for Pillow images (0.14), written out."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    scaled = int(resize * long / short)
    size = (resize, scaled) if width <= height else (scaled, resize)
    pixels = np.asarray(image.resize(size, FILTERS[name]))
    height, width = pixels.shape[:2]
    left, top = max(crop - width, 0), max(crop - height, 0)
    pixels = np.pad(pixels, ((top // 2, (top + 1) // 2), (left // 2, (left + 1) // 2), (0, 0)))
    height, width = pixels.shape[:2]
    top, left = int(round((height - crop) / 2.0)), int(round((width - crop) / 2.0))
    return pixels[top:top + crop, left:left + crop]


def test_presets(rng, folder):
    path = folder / "photo.png"
    presets = [(256, 224, "bilinear"), (232, 224, "bilinear"), (235, 224, "bicubic"),
               (195, 176, "bicubic"), (200, 224, "bilinear"), (33, 32, "bicubic")]
    for case in range(PRESET_CASES):
        width, height = int(rng.integers(20, 900)), int(rng.integers(20, 900))
        resize, crop, name = presets[case % len(presets)]
        image = random_image(rng, width, height)
        image.save(path, compress_level=0)
        check(f"preset {resize}/{crop} {name} of {width}x{height}",
              dump(path, "preprocess", "exact", name, resize, crop),
              preset(image, name, resize, crop))


def decoded(data):
    return data[data.index(b"\n") + 1:]


def photo(rng, width, height):
    """Something a camera could see: JPEG's blocks are not saturated."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([128 + 100 * np.sin(x / 30 + y / 50), 128 + 100 * np.cos(x / 20 - y / 40),
                       255 * (x + y) / (width + height)], -1)
    pixels = pixels + rng.normal(0, 12, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_jpeg(rng, folder):
    path = folder / "photo.jpg"
    for size in [(640, 480), (333, 251), (17, 5), (1, 1), (8, 200)]:
        image = photo(rng, *size)
        for subsampling in ["4:4:4", "4:2:2", "4:2:0"]:
            for progressive in [False, True]:
                for mode in ["RGB", "L", "CMYK"]:
                    image.convert(mode).save(path, quality=int(rng.integers(20, 96)),
                                             progressive=progressive,
                                             **({} if mode == "L" else
                                                {"subsampling": subsampling}))
                    with Image.open(path) as opened:
                        want = opened.convert("RGB")
                    check(f"jpeg {size} {subsampling} {mode} progressive={progressive}",
                          decoded(dump(path, "decode", "exact")), want)
    # Four independent inks, not only those that RGB comes from.
    inks = Image.fromarray(rng.integers(0, 256, (40, 60, 4)).astype(np.uint8), "CMYK")
    inks.save(path, quality=95)
    check("jpeg of random inks", decoded(dump(path, "decode", "exact")),
          Image.open(path).convert("RGB"))


def test_png(rng, folder):
    path = folder / "photo.png"
    image = photo(rng, 61, 43)
    alpha = image.copy()
    alpha.putalpha(Image.fromarray(rng.integers(0, 256, (43, 61)).astype(np.uint8)))
    for name, variant in [("RGB", image), ("RGBA", alpha), ("L", image.convert("L")),
                          ("LA", alpha.convert("LA")), ("P", image.quantize(64)),
                          ("1", image.convert("1"))]:
        variant.save(path)
        check(f"png {name}", decoded(dump(path, "decode", "exact")),
              Image.open(path).convert("RGB"))


def test_scaled(rng, folder):
    """The fast path is not Pillow's, but must look like it: a mean difference of a few levels."""
    global failures, checks
    path = folder / "photo.jpg"
    for size in [(4000, 3000), (1600, 1200), (700, 900), (300, 260)]:
        image = photo(rng, *size).resize(size)
        image.save(path, quality=90)
        with Image.open(path) as opened:
            want = preset(opened.convert("RGB"), "bilinear", 256, 224).astype(int)
        got = np.frombuffer(dump(path, "preprocess", "scaled", "bilinear", 256, 224), np.uint8)
        mean = np.abs(got.reshape(want.shape).astype(int) - want).mean()
        checks += 1
        if mean > 3.0:
            print(f"FAILED scaled {size}: mean difference {mean:.2f} (seed {SEED})")
            failures += 1


def test_orientation(rng, folder):
    """Upright as ImageOps.exif_transpose does it; fastai and torchvision do not turn photos."""
    path = folder / "photo.jpg"
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo(rng, 37, 22).save(path, quality=90, exif=exif)
        with Image.open(path) as opened:
            check(f"orientation {orientation}", decoded(dump(path, "decode", "upright")),
                  ImageOps.exif_transpose(opened).convert("RGB"))
            check(f"as stored {orientation}", decoded(dump(path, "decode", "exact")),
                  opened.convert("RGB"))


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        for test in [test_resize, test_presets, test_jpeg, test_png, test_scaled,
                     test_orientation]:
            test(rng, Path(folder))
    print(f"{checks - failures} of {checks} comparisons agree (seed {SEED})")
    return 1 if failures else 0


sys.exit(main())
