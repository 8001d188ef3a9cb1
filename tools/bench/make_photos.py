"""Photos as cameras make them, of 12 megapixels and 3 to 4 MB: make_photos.py FOLDER COUNT

Enlarged sample photos with detail at every scale and sensor noise, so that the entropy coder has as much
to do as with a real photo. A few scenes take long to make, so each is saved COUNT / SCENES times with
another comment in the file: no program here looks at more than one photo at a time, and cubby, which files
the same content only once, sees different files."""
import io
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 4000, 3000
SAMPLES = Path(__file__).parents[2] / "models" / "samples"
# detail, sensor noise, JPEG quality
SCENES = [(2, 5, 93), (5.5, 4.5, 93), (2, 9.5, 91), (2, 3.5, 95), (2, 5, 90), (1.5, 3.5, 95), (4, 4, 93), (3, 6, 91)]


def enlarge(plane, size=(WIDTH, HEIGHT)):
    return np.asarray(Image.fromarray(plane).resize(size, Image.BICUBIC))


def noise(random, scale, channels):
    shape = (HEIGHT // scale + 2, WIDTH // scale + 2)
    planes = [random.normal(0, 1, shape).astype(np.float32) for _ in range(channels)]
    if scale > 1:
        planes = [enlarge(plane) for plane in planes]
    return np.stack([plane[:HEIGHT, :WIDTH] for plane in planes], -1)


def make_scene(job):
    index, picture = job
    detail, sensor, quality = SCENES[index]
    random = np.random.default_rng(index)
    pixels = np.asarray(picture.resize((WIDTH, HEIGHT), Image.BICUBIC), dtype=np.float32)
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    mask = enlarge(np.abs(grey - 128) / 128)[..., None]  # detail where there is something to see
    for strength, scale in ((6, 2), (6, 3), (6, 5), (8, 9), (8, 17)):
        pixels = pixels + mask * (detail * strength) * noise(random, scale, 1)
    # What demosaicing leaves: noise that neighbours share a little.
    pixels = pixels + noise(random, 1, 3) * (sensor * 0.5) + noise(random, 2, 3) * (sensor * 0.8)
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality, subsampling=2)
    return file.getvalue()


def sample_pictures():
    for path in sorted(SAMPLES.rglob("*")):
        try:
            with Image.open(path) as image:
                if image.format == "JPEG":
                    yield image.convert("RGB")
        except OSError:  # some samples are damaged on purpose
            pass


def main(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    pictures = list(sample_pictures())
    step = max(1, len(pictures) // len(SCENES))
    jobs = [(i, pictures[i * step % len(pictures)]) for i in range(min(count, len(SCENES)))]
    with ProcessPoolExecutor(2) as pool:
        scenes = list(pool.map(make_scene, jobs))
    for i in range(count):
        data = scenes[i % len(scenes)]
        text = f"photo {i:05}".encode()
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        (folder / f"IMG_{i:05}.JPG").write_bytes(data[:2] + comment + data[2:])
    sizes = [len(data) / 1e6 for data in scenes]
    print(f"{count} photos of {min(sizes):.1f} to {max(sizes):.1f} MB in {folder}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
