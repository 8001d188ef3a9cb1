"""One ResNet-50 v1.5 for everybody: prepare.py FOLDER

Random weights (how fast a network is does not depend on what it knows) whose batch norms have been
settled on noise, so that activations have the size that a trained network's have and no 16-bit mode
overflows. Written as torchvision's state dict, as ONNX, and for ncnn by its own converter, pnnx."""
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_network():
    torch.manual_seed(5)
    network = torchvision.models.resnet50(weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # plain averages
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            coarse = torch.nn.functional.interpolate(torch.randn(8, 3, 28, 28), size=224, mode="bilinear")
            network(coarse + 0.3 * torch.randn(8, 3, 224, 224))
    return network.eval()


def make_inputs(folder):
    """Two pictures whose logits are compared: as the networks take them, and as cubby reads them."""
    pixels = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    values = (pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    np.save(folder / "input.npy", np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
    for i, picture in enumerate(pixels):
        (folder / f"input-{i}.ppm").write_bytes(b"P6 224 224 255\n" + picture.tobytes())


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    network = make_network()
    torch.save(network.state_dict(), folder / "resnet50.pth")
    (folder / "labels.txt").write_text("".join(f"class {i:03}\n" for i in range(1000)))
    example = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.onnx.export(network, example, str(folder / "resnet50.onnx"), dynamo=False,
                          input_names=["x"], output_names=["logits"],
                          dynamic_axes={"x": {0: "n"}, "logits": {0: "n"}})
    import pnnx
    pnnx.export(network, str(folder / "resnet50.pt"), (example,), fp16=False)
    make_inputs(folder)


main(Path(sys.argv[1]))
