"""How long Pillow takes from a JPEG's bytes to the network's input, decoded whole as scripts do it and
with draft(), which uses libjpeg's scaling: decode_pillow.py FILE...   medians of the processor's time."""
import io
import statistics
import sys
import time
from pathlib import Path

from PIL import Image

ROUNDS = 7


def to_input(data, draft):
    image = Image.open(io.BytesIO(data))
    if draft:
        image.draft("RGB", (256, 256))
    image = image.convert("RGB")
    width, height = image.size
    short = min(width, height)
    image = image.resize((256 * width // short, 256 * height // short), Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return image.crop((left, top, left + 224, top + 224)).tobytes()


def median_ms(data, draft):
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        to_input(data, draft)
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e3


print(f"{'photo':24} {'whole':>8} {'draft':>8}")
for path in map(Path, sys.argv[1:]):
    data = path.read_bytes()
    print(f"{path.name[:24]:24} {median_ms(data, False):8.1f} {median_ms(data, True):8.1f}")
