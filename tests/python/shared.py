"""What several tests use; a module, not a test. Needs numpy and Pillow: import it after looking for them."""
import numpy as np
from PIL import Image


def random_image(rng, width, height):
    """Noise, hard edges (where cubic overshoot must be clipped) or smooth."""
    kind = rng.integers(3)
    if kind == 0:
        pixels = rng.integers(0, 256, (height, width, 3))
    elif kind == 1:
        pixels = 255 * rng.integers(0, 2, (height, width, 3))
    else:
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([(x * 3 + y) % 256, (x + y * 2) % 256, (x * y) % 256], -1)
    return Image.fromarray(pixels.astype(np.uint8))


def hugging_face(name):
    """transformers' name of a tensor that torchvision calls `name`."""
    parts = name.split(".")
    if parts[0] == "fc":
        return f"classifier.1.{parts[1]}"
    kind = {"conv": "convolution", "bn": "normalization"}
    if parts[0] in ("conv1", "bn1"):
        return f"resnet.embedder.embedder.{kind[parts[0][:-1]]}.{parts[1]}"
    block = f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}"
    if parts[2] == "downsample":
        return f"{block}.shortcut.{'normalization' if parts[3] == '1' else 'convolution'}.{parts[4]}"
    return f"{block}.layer.{int(parts[2][-1]) - 1}.{kind[parts[2][:-1]]}.{parts[3]}"
