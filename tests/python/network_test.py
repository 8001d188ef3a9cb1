"""Compares whole networks with PyTorch: the logits of `cubby classify --exact --logits`.

usage: network_test.py BUILD_DIR [SEED]     exit code 77 if torch or torchvision is missing
SEED: a number, or "random"; the same one every time when left out.

The weights are random and the batch norm statistics calibrated on random photos, so that signals
neither vanish nor explode. Heads: torchvision's fc, and fastai's concat-pool head built here from
its description. Files: torch.save (zip) and safetensors written by hand.
"""
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from torchvision.models.resnet import BasicBlock, Bottleneck
    from torchvision.transforms import functional as F
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

CUBBY = Path(sys.argv[1]) / "cubby"
SEED = sys.argv[2] if len(sys.argv) > 2 else 1
SEED = random.randrange(1 << 30) if SEED == "random" else int(SEED)
TOLERANCE = 1e-4  # of the largest logit
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(400, 300), (300, 400), (224, 224), (1000, 257), (640, 481)]


def make_photos(folder):
    rng = np.random.default_rng(SEED)
    paths = []
    for i, (width, height) in enumerate(SIZES):
        small = rng.integers(0, 256, (7 + i, 9, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize((width, height), Image.BICUBIC)
        path = folder / (f"{i}.png" if i % 2 else f"{i}.jpg")
        image.save(path, **({} if i % 2 else {"quality": 92}))
        paths.append(path)
    return paths


def preprocess(path):
    """torchvision's ImageClassification preset: resize 256, centre crop 224."""
    image = F.center_crop(F.resize(Image.open(path).convert("RGB"), 256), 224)
    return F.normalize(F.to_tensor(image), MEAN, STD)


class ConcatPool(torch.nn.Module):
    def forward(self, x):
        return torch.cat([x.amax((2, 3), keepdim=True), x.mean((2, 3), keepdim=True)], 1)


def fastai_model(network, classes):
    nn = torch.nn
    features = network.fc.in_features
    body = nn.Sequential(*list(network.children())[:-2])
    head = nn.Sequential(ConcatPool(), nn.Flatten(), nn.BatchNorm1d(2 * features), nn.Dropout(0.25),
                         nn.Linear(2 * features, 512, bias=False), nn.ReLU(), nn.BatchNorm1d(512),
                         nn.Dropout(0.5), nn.Linear(512, classes, bias=False))
    return nn.Sequential(body, head)


def calibrate(model):
    """Random gains and offsets, and the statistics of photos as different as real ones are: on
    photos that all look alike, batch norm would divide by next to nothing and amplify rounding.

    A residual branch adds less than what it is added to, as in trained networks. With gains near 1
    in all fifty blocks of a ResNet-152 the network is chaotic: PyTorch's fp32 logits are then
    themselves more than 1e-4 from its fp64 logits, by an amount that depends on the processor, and
    no second implementation can be held to 1e-4."""
    generator = torch.Generator().manual_seed(SEED)
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.momentum = None  # plain average of what it sees
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    for module in model.modules():
        if isinstance(module, (BasicBlock, Bottleneck)):
            last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
            torch.nn.init.uniform_(last.weight, 0.3, 0.7)
    batch = []
    for i in range(24):
        coarse = torch.rand(1, 3, 2 + i % 12, 2 + i % 7, generator=generator)
        image = torch.nn.functional.interpolate(coarse, (224, 224), mode="bicubic")
        low, high = torch.rand(2, generator=generator)
        batch.append(image.clamp(0, 1) * high + low * (1 - high))
    model.train()
    with torch.no_grad():
        model(F.normalize(torch.cat(batch), MEAN, STD))
    model.eval()


def save_safetensors(tensors, path):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def run(*arguments):
    result = subprocess.run([CUBBY, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"cubby {arguments}: exit {result.returncode}\n{result.stderr}")
    return result.stdout


def check(name, model, photos, folder, kernels, safetensors, classes):
    weights = folder / ("weights.safetensors" if safetensors else "weights.pth")
    cubby_model, labels = folder / "model.safetensors", folder / "labels.txt"
    labels.write_text("".join(f"class {i}\n" for i in range(classes)))
    cubby_model.unlink(missing_ok=True)
    if safetensors:
        save_safetensors(model.state_dict(), weights)
    else:
        torch.save(model.state_dict(), weights)
    named = [] if classes == 1000 else ["--labels", labels]
    # For fastai's names another preprocessing would be assumed.
    run("import", weights, "-o", cubby_model, *named, "--resize-rule", "shorter", "--resize", "256",
        "--crop", "224")

    inputs = torch.stack([preprocess(p) for p in photos])
    with torch.no_grad():
        want = model(inputs).numpy()
    worst = 0.0
    for family in kernels:
        lines = run("classify", *photos, "--model", cubby_model, "--exact", "--logits", "--json",
                    "--kernels", family, "--batch", 4).splitlines()
        results = {json.loads(line)["path"]: json.loads(line) for line in lines}
        got = np.array([results[str(p)]["logits"] for p in photos])
        error = np.abs(got - want).max() / np.abs(want).max()
        worst = max(worst, error)
        tops = [results[str(p)]["top"][0]["class"] for p in photos]
        names = json.loads(run("info", cubby_model, "--json"))["classes"]
        if error > TOLERANCE or tops != [names[i] for i in want.argmax(1)]:
            with torch.no_grad():  # how far PyTorch itself is from the truth, for scale
                exact = model.double()(inputs.double()).numpy()
            own = np.abs(want - exact).max() / np.abs(want).max()
            print(f"FAILED {name}, {family}: logits differ by {error:.2e}, PyTorch from its own "
                  f"fp64 by {own:.2e} (seed {SEED})")
            return False
    print(f"ok {name}: largest difference {worst:.1e} of the largest logit")
    return True


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    both, lane = ["lane", "tile"], ["lane"]
    cases = [
        ("resnet18 fc, torch zip", "resnet18", False, both, False, 10),
        ("resnet18 fastai head, torch zip", "resnet18", True, both, False, 10),
        ("resnet34 fc, safetensors", "resnet34", False, lane, True, 37),
        ("resnet50 fc, 1000 classes, torch zip", "resnet50", False, both, False, 1000),
        ("resnet50 fastai head, safetensors", "resnet50", True, lane, True, 10),
        ("wide_resnet50_2 fc, torch zip", "wide_resnet50_2", False, lane, False, 5),
        ("resnet101 fc, torch zip", "resnet101", False, lane, False, 10),
        ("resnet152 fc, torch zip", "resnet152", False, lane, False, 10),
    ]
    passed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = make_photos(folder)
        for title, network, fastai, kernels, safetensors, classes in cases:
            model = getattr(torchvision.models, network)(weights=None, num_classes=classes)
            if fastai:
                model = fastai_model(model, classes)
            calibrate(model)
            passed += check(title, model, photos, folder, kernels, safetensors, classes)
    print(f"{passed} passed, {len(cases) - passed} failed")
    return passed != len(cases)


sys.exit(main())
