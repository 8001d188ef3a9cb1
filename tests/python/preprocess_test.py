"""Compares cubby's preprocessing with Pillow, numpy and torch: whole pipelines of fastai,
torchvision, timm and Hugging Face at validation, written out from their sources.

usage: preprocess_test.py BUILD_DIR [SEED]   exit code 77 if a library is missing
SEED: a number, or "random"; the same one every time when left out.
"""
import math
import os
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# What cubby repeats bit by bit is torch with vectors of 8 floats.
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

warnings.filterwarnings("ignore", message=".*affine_grid.*")
from shared import random_image

DUMP = Path(sys.argv[1]) / "preprocess_dump"
SEED = sys.argv[2] if len(sys.argv) > 2 else 1
SEED = random.randrange(1 << 30) if SEED == "random" else int(SEED)
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
PADS = {"zeros": "constant", "border": "edge", "reflection": "reflect"}
FASTAI_CASES = 240
CENTRE_CASES = 80
RESAMPLE_CASES = 120
TOLERANCE = 1e-4 * 255

failures = 0
checks = 0
worst_float = 0.0


# ---- the libraries

def crop_pad(pixels, size, top_left, mode):
    """fastai's Image.crop_pad() and _do_crop_pad(); size and top_left are (x, y)."""
    height, width = pixels.shape[:2]
    (w, h), (x, y) = size, top_left
    pixels = pixels[max(y, 0):min(y + h, height), max(x, 0):min(x + w, width)]
    left, top = max(-x, 0), max(-y, 0)
    right, bottom = max(w - width + x, 0), max(h - height + y, 0)
    if left or top or right or bottom:
        pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), PADS[mode])
    return pixels


def fastai_resize(image, size, method, mode, name):
    """Resize.before_call() and encodes(), split_idx 1. None where fastai itself gives up."""
    if method == "squish":
        return np.asarray(image.resize(size, FILTERS[name]))
    width, height = image.size
    ratios = width / size[0], height / size[1]
    pick = max if method == "pad" else min
    m = pick(ratios)
    part = int(m * size[0]), int(m * size[1])
    if 0 in part:
        return None
    top_left = int(0.5 * (width - part[0])), int(0.5 * (height - part[1]))
    pixels = crop_pad(np.asarray(image), part, top_left, mode)
    return np.asarray(Image.fromarray(pixels).resize(size, FILTERS[name]))


def shorter_side(image, resize, name):
    width, height = image.size
    short, long = min(width, height), max(width, height)
    scaled = int(resize * long / short)
    size = (resize, scaled) if width <= height else (scaled, resize)
    return np.asarray(image.resize(size, FILTERS[name]))


def crop_torchvision(pixels, crop_width, crop_height):
    """transforms.functional.center_crop(), 0.14."""
    height, width = pixels.shape[:2]
    left, top = max(crop_width - width, 0), max(crop_height - height, 0)
    pixels = np.pad(pixels, ((top // 2, (top + 1) // 2), (left // 2, (left + 1) // 2), (0, 0)))
    height, width = pixels.shape[:2]
    top, left = int(round((height - crop_height) / 2.0)), int(round((width - crop_width) / 2.0))
    return pixels[top:top + crop_height, left:left + crop_width]


def crop_hugging_face(pixels, crop_width, crop_height):
    """image_transforms.center_crop()."""
    height, width = pixels.shape[:2]
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    if top < 0 or left < 0:
        tall, wide = max(crop_height, height), max(crop_width, width)
        padded = np.zeros((tall, wide, 3), np.uint8)
        y, x = math.ceil((tall - height) / 2), math.ceil((wide - width) / 2)
        padded[y:y + height, x:x + width] = pixels
        pixels, top, left = padded, top + y, left + x
    return pixels[max(0, top):top + crop_height, max(0, left):left + crop_width]


def affine(x, size, align_corners):
    """affine_coord() with the identity, and _grid_sample() with its mixed-up sides."""
    coords = F.affine_grid(torch.eye(2, 3, dtype=x.dtype)[None], (1, 3, *size),
                           align_corners=align_corners)
    low, high = coords.min(), coords.max()
    if high > low:
        z = 1 / (high - low).item() * 2
        d = min(x.shape[-2] / coords.shape[-2], x.shape[-1] / coords.shape[-1]) / 2
        if d > 1 and d > z:
            x = F.interpolate(x, scale_factor=1 / d, mode="area", recompute_scale_factor=True)
    return F.grid_sample(x, coords, mode="bilinear", padding_mode="reflection",
                         align_corners=align_corners)


def crop_gpu(x, ratio, valid_scale):
    """RandomResizedCropGPU.before_call(), split_idx 1."""
    h, w = x.shape[-2:]
    if w / h < ratio[0]:
        size = int(w / ratio[0]), w
    elif w / h > ratio[1]:
        size = h, int(h * ratio[1])
    else:
        size = h, w
    size = int(size[0] * valid_scale), int(size[1] * valid_scale)
    top, left = (h - size[0]) // 2, (w - size[1]) // 2
    return x[..., top:top + size[0], left:left + size[1]]


# ---- comparisons

def dump(path, *arguments, decode="exact"):
    result = subprocess.run([DUMP, path, "rule", decode, *map(str, arguments)],
                            capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"{arguments}: {result.stderr.decode().strip()}")
    return result.stdout


def fail(name, what):
    global failures
    failures += 1
    print(f"FAILED {name}: {what} (seed {SEED})")


def check(name, got, want):
    global checks
    checks += 1
    got = np.frombuffer(got, np.uint8)
    if got.size != want.size:
        fail(name, f"{got.size} bytes instead of {want.size}")
        return
    difference = np.abs(got.reshape(want.shape).astype(int) - want.astype(int))
    if difference.max():
        where = np.unravel_index(difference.argmax(), want.shape)
        fail(name, f"{np.count_nonzero(difference)} of {want.size} values differ, by at most "
                   f"{difference.max()} at {where}")


def check_float(name, got, want):
    global checks, worst_float
    checks += 1
    got = np.frombuffer(got, np.float32)
    if got.size != want.size:
        fail(name, f"{got.size} values instead of {want.size}")
        return
    difference = np.abs(got.reshape(want.shape).astype(np.float64) - want)
    worst_float = max(worst_float, difference.max())
    if not difference.max() <= TOLERANCE:
        where = np.unravel_index(difference.argmax(), want.shape)
        fail(name, f"differs by {difference.max():g} at {where}")


HAS_AVX2 = " avx2 " in open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else False


def check_bits(name, got, x):
    """The same bits as torch's own float32."""
    global checks
    if not HAS_AVX2:
        return
    checks += 1
    got, want = np.frombuffer(got, np.float32), (x * 255)[0].permute(1, 2, 0).numpy()
    different = np.count_nonzero(got.reshape(want.shape) != want)
    if different:
        fail(name, f"{different} of {want.size} values are not torch's")


def random_side(rng):
    return int(rng.choice([1, 2, 3, 7, rng.integers(1, 40), rng.integers(1, 400),
                           rng.integers(200, 1000)]))


def random_target(rng):
    return int(rng.choice([1, 5, 49, rng.integers(1, 60), rng.integers(100, 320)]))


def photos(rng, count, size):
    """Sizes of photos: random ones, the target's, one axis of it, multiples, strips."""
    width, height = size
    for case in range(count):
        yield [(random_side(rng), random_side(rng)), (random_side(rng), random_side(rng)),
               (width, height), (width, random_side(rng)), (random_side(rng), height),
               (3 * width, 2 * height), (1, int(rng.integers(1, 1500))),
               (int(rng.integers(1, 1500)), 1)][case % 8]


def test_fastai(rng, path):
    settings = [(method, mode) for method in ["crop", "pad"] for mode in PADS]
    settings += [("squish", "zeros")]
    given_up = 0
    for case in range(FASTAI_CASES // 8):
        size = random_target(rng), random_target(rng)
        if case % 3 == 0:
            size = [(224, 224), (304, 200), (460, 460)][case // 3 % 3]
        for width, height in photos(rng, 8, size):
            method, mode = settings[rng.integers(len(settings))]
            name = str(rng.choice(list(FILTERS)))
            image = random_image(rng, width, height)
            image.save(path, compress_level=0)
            want = fastai_resize(image, size, method, mode, name)
            what = f"fastai {method} {mode} {name} {width}x{height} -> {size}"
            got = dump(path, method, name, *size, mode, *size, "down")
            if want is None:
                given_up += 1
            else:
                check(what, got, want)
    return given_up


def test_strips(rng, path):
    """Padded to a square they would be gigabytes; a narrow target keeps them small for numpy."""
    for width, height, size in [(1, 65000, (3, 400)), (65000, 1, (400, 3)), (2, 30000, (4, 900)),
                                (30000, 3, (900, 4)), (5, 20000, (7, 224))]:
        image = random_image(rng, width, height)
        image.save(path, compress_level=0)
        for mode in PADS:
            check(f"strip {mode} {width}x{height} -> {size}",
                  dump(path, "pad", "bilinear", *size, mode, *size, "down"),
                  fastai_resize(image, size, "pad", mode, "bilinear"))


def test_squares_of_strips(rng, path):
    """Strips in squares that would take gigabytes: the two passes of Pillow's resize by hand."""
    for width, height in [(1, 40000), (40000, 2)]:
        side = max(width, height)
        Image.new("RGB", (width, height), (255, 255, 255)).save(path)
        line = np.zeros((1, side, 3), np.uint8)
        before = (side - min(width, height)) // 2
        line[:, before:before + min(width, height)] = 255
        if width < height:
            row = np.asarray(Image.fromarray(line).resize((224, 1), Image.BILINEAR))
            want = Image.fromarray(np.repeat(row, side, 0)).resize((224, 224), Image.BILINEAR)
        else:
            line = np.repeat(line.transpose(1, 0, 2), 224, 1)
            want = Image.fromarray(line).resize((224, 224), Image.BILINEAR)
        size = (224, 224, "zeros", 224, 224, "even")
        check(f"white strip {width}x{height}", dump(path, "pad", "bilinear", *size),
              np.asarray(want))
        for mode in ["border", "reflection"]:
            check(f"white strip {mode}", dump(path, "pad", "bilinear", 224, 224, mode, 224, 224,
                                              "even"), np.full((224, 224, 3), 255, np.uint8))


def test_presets(rng, path):
    """torchvision V1 and V2, timm's crop_pct, Hugging Face; and crops of other shapes."""
    presets = [(256, 224, "bilinear", "even"), (232, 224, "bilinear", "even"),
               (math.floor(224 / .95), 224, "bicubic", "even"),
               (math.floor(176 / .9), 176, "bicubic", "even"),
               (math.floor(160 / .95), 160, "bicubic", "even"),
               (math.floor(224 / .875), 224, "bicubic", "even"),
               (math.floor(176 / .875), 176, "bilinear", "even"),
               (int(224 / (224 / 256)), 224, "bicubic", "down"), (200, 224, "bilinear", "even"),
               (200, 225, "bicubic", "down"), (33, 32, "bilinear", "down"),
               (34, 31, "bicubic", "even")]
    for case in range(CENTRE_CASES):
        width, height = int(rng.integers(20, 900)), int(rng.integers(20, 900))
        resize, crop, name, centre = presets[case % len(presets)]
        crops = (crop, crop if case % 2 else crop + int(rng.integers(40)))
        image = random_image(rng, width, height)
        image.save(path, compress_level=0)
        cut = crop_torchvision if centre == "even" else crop_hugging_face
        check(f"preset {resize}/{crops} {name} {centre} of {width}x{height}",
              dump(path, "shorter", name, resize, resize, "zeros", *crops, centre),
              cut(shorter_side(image, resize, name), *crops))


def test_random_resized_crop(rng, path):
    """fastai's RandomResizedCrop at validation: squished to a little more, then cropped."""
    for case in range(20):
        width, height, side = random_side(rng), random_side(rng), int(rng.integers(20, 300))
        extra = math.ceil(side * 0.14 / 8) * 8
        image = random_image(rng, width, height)
        image.save(path, compress_level=0)
        want = np.asarray(image.resize((side + extra, side + extra), FILTERS["bilinear"]))
        want = want[extra // 2:extra // 2 + side, extra // 2:extra // 2 + side]
        check(f"RandomResizedCrop {side} of {width}x{height}",
              dump(path, "squish", "bilinear", side + extra, side + extra, "zeros", side, side,
                   "down"), want)


RATIOS = [(1.0, 1.0), (3 / 4, 4 / 3), (2 / 3, 3 / 2), (0.7, 0.8), (0.9, 1.1)]
SCALES = [1.0, 0.9, 0.8, 0.875, 0.33]


def random_resample(rng, xs):
    """Arguments for cubby, and what torch makes of both xs."""
    height, width = xs[0].shape[-2:]
    size = int(rng.integers(1, 300)), int(rng.integers(1, 300))
    if rng.integers(4) == 0:
        size = height, width
    align = bool(rng.integers(3))
    crop = "whole"
    if rng.integers(3) == 0:
        ratio, scale = RATIOS[rng.integers(len(RATIOS))], SCALES[rng.integers(len(SCALES))]
        xs = [crop_gpu(x, ratio, scale) for x in xs]
        if 0 in xs[0].shape:
            return None, None
        crop = f"{ratio[0]:.9g},{ratio[1]:.9g},{scale:.9g}"
    return [size[1], size[0], "align" if align else "centres", crop], [
        affine(x, size, align) for x in xs]


def test_resamples(rng, path):
    common = [((460, 460), [[224, 224, "align", "whole"]]),
              ((460, 460), [[460, 460, "align", "whole"], [224, 224, "align", "1,1,1"]]),
              ((608, 200), [[608, 200, "align", "whole"]]),
              ((200, 608), [[200, 608, "align", "whole"]]), # three times as tall: pooled
              ((640, 480), [[224, 224, "align", "1,1,1"]])]
    for case in range(RESAMPLE_CASES):
        item = int(rng.integers(1, 400)), int(rng.integers(1, 400))
        given = None
        if case < len(common):
            item, given = common[case]
        image = random_image(rng, *item)
        image.save(path, compress_level=0)
        x = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None]
        xs = [x.double(), x.float() / 255]
        arguments = []
        for step in range(1 + case % 2 if given is None else len(given)):
            if given is None:
                words, xs = random_resample(rng, xs)
                if words is None:
                    break
            else:
                words = given[step]
                if words[3] != "whole":
                    xs = [crop_gpu(x, (1.0, 1.0), 1.0) for x in xs]
                xs = [affine(x, (words[1], words[0]), True) for x in xs]
            arguments += words
        if xs is None:
            continue
        check_float(f"{item[0]}x{item[1]} resampled {arguments}",
                    dump(path, "squish", "bilinear", *item, "zeros", *item, "even", *arguments),
                    xs[0][0].permute(1, 2, 0).numpy())
        if "centres" not in arguments:
            check_bits(f"{item[0]}x{item[1]} resampled as torch {arguments}",
                       dump(path, "squish", "bilinear", *item, "zeros", *item, "even", *arguments,
                            decode="torch"), xs[1])


def test_scaled(rng, path):
    """JPEGs decoded at a reduced scale, as by default: not Pillow's pixels, but like them."""
    global checks
    path = path.with_suffix(".jpg")
    for width, height in [(4000, 3000), (1600, 1200), (700, 900), (480, 470), (3000, 300)]:
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([128 + 100 * np.sin(x / 30 + y / 50), 128 + 100 * np.cos(x / 20 - y / 40),
                           255 * (x + y) / (width + height)], -1)
        pixels = pixels + rng.normal(0, 12, pixels.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        for method, mode, size in [("crop", "zeros", (224, 224)), ("pad", "zeros", (304, 200)),
                                   ("pad", "reflection", (224, 224)), ("crop", "zeros", (460, 460))]:
            want = fastai_resize(image, size, method, mode, "bilinear").astype(np.float64)
            arguments = [method, "bilinear", *size, mode, *size, "down"]
            if size == (460, 460):
                arguments += [224, 224, "align", "1,1,1"]
                want = affine(torch.from_numpy(want).permute(2, 0, 1)[None], (224, 224), True)
                want = want[0].permute(1, 2, 0).numpy()
            got = dump(path, *arguments, decode="scaled")
            got = np.frombuffer(got, np.float32 if len(arguments) > 8 else np.uint8)
            checks += 1
            mean = np.abs(got.reshape(want.shape).astype(np.float64) - want).mean()
            # Mirrored again and again they drift: the pixel at the edge, which is not repeated, is
            # larger in a reduced photo.
            limit = 3.0 if mode != "reflection" else 5.0 if width < 3 * height else 9.0
            if not mean <= limit:
                fail(f"scaled {arguments} of {width}x{height}", f"mean difference {mean:.2f}")


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.png"
        given_up = test_fastai(rng, path)
        for test in [test_strips, test_squares_of_strips, test_presets, test_random_resized_crop,
                     test_resamples, test_scaled]:
            test(rng, path)
    print(f"{checks - failures} of {checks} comparisons agree (seed {SEED}); {given_up} photos "
          f"that fastai cannot resize; floats differ by at most {worst_float:.2g} of 255")
    return 1 if failures else 0


sys.exit(main())
