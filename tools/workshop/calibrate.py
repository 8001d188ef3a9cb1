#!/usr/bin/python3
"""Finds the inverse temperature for export.py --scale, on validation photos.

  calibrate.py MODEL.pt VALIDATION_PHOTOS [--side 224]

The scale with the lowest cross-entropy makes a probability of 0.8 right about
80 % of the time (Guo et al., "On Calibration of Modern Neural Networks", 2017).
It changes no answer, only how sure the model says it is.
"""
import argparse, glob, os
import numpy as np
import torch, torchvision
import torch.nn.functional as F
from PIL import Image
from export import CLASSES

MEAN = torch.tensor([.485, .456, .406]).view(1, 3, 1, 1)
STD = torch.tensor([.229, .224, .225]).view(1, 3, 1, 1)


def scores(model, files, side):
    out = []
    with torch.no_grad():
        for k in range(0, len(files), 32):
            images = [np.array(Image.open(f).convert("RGB").resize((side, side), Image.BILINEAR)) for f in files[k:k + 32]]
            x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
            out.append(model(((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)))
    return torch.cat(out)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model"); ap.add_argument("photos")
    ap.add_argument("--side", type=int, default=224)
    o = ap.parse_args()
    model = torchvision.models.resnet50(weights=None, num_classes=len(CLASSES)).to(memory_format=torch.channels_last)
    model.load_state_dict(torch.load(o.model, map_location="cpu", weights_only=True))
    model.eval()
    files = sorted(glob.glob(os.path.join(o.photos, "*.jpg")))
    truth = torch.tensor([CLASSES.index(os.path.basename(f).split("_")[1]) for f in files])
    z = scores(model, files, o.side)
    for scale in (1.0, min(np.arange(.5, 4, .05), key=lambda s: F.cross_entropy(z * s, truth).item())):
        p = (z * scale).softmax(1)
        print("scale %.2f: cross-entropy %.3f, %.1f %% right, %.1f %% sure on average" % (
            scale, F.cross_entropy(z * scale, truth), 100 * (p.argmax(1) == truth).float().mean(), 100 * p.max(1).values.mean()))


if __name__ == "__main__":
    main()
