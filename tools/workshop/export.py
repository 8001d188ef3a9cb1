#!/usr/bin/python3
"""Writes a trained model.pt as a cubby model file.

  export.py MODEL.pt OUT.safetensors --accuracy "free text" [--date 2026-01-31] [--scale 1.6]

Tensors keep torchvision's names and become float16; num_batches_tracked is
dropped. The last layer is multiplied by --scale (an inverse temperature,
calibrate.py finds it): training with smoothed labels leaves the network less
sure than it has reason to be, and photos would end in unsure/. The metadata carries everything needed to use the file: class names in
order, network, preprocessing, and where the model comes from.
"""
import argparse, hashlib, json, os, struct
import torch

CLASSES = ["table", "console", "cabinet", "chair", "bench",
           "bed", "shelf", "gate", "railing", "stairs"]


def metadata(accuracy, date, side):
    preprocessing = {"resize": "shorter", "size": [side, side], "crop": [side, side], "interpolation": "bilinear",
                     "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "exif": True}
    provenance = {"name": "cubby workshop",
                  "data": "Rendered photos of procedurally built metal-workshop furniture (tools/workshop/generate.py, POV-Ray 3.7); no photo taken by a camera",
                  "training": "ResNet-50 from random weights (tools/workshop/train.py); models/workshop.md has the recipe",
                  "licence": "MIT", "test accuracy": accuracy, "date": date}
    def text(x): return json.dumps(x, ensure_ascii=False, separators=(",", ":"))
    return {"format": "pt", "cubby.version": "1", "cubby.classes": text(CLASSES), "cubby.network": "resnet50",
            "cubby.head": "fc", "cubby.preprocessing": text(preprocessing), "cubby.provenance": text(provenance)}


def write(path, state, meta):
    state = {k: v.detach().contiguous().to(torch.float16).contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}
    for k, v in state.items():
        assert torch.isfinite(v).all(), k
        # Below 6e-5 a variance would lose digits in float16.
        assert not k.endswith("running_var") or (v > 6e-5).all(), k
    header, at = {"__metadata__": meta}, 0
    for k in sorted(state):
        size = state[k].numel() * 2
        header[k] = {"dtype": "F16", "shape": list(state[k].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for k in sorted(state): f.write(state[k].numpy().astype("<f2").tobytes())
    os.replace(path + ".part", path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model"); ap.add_argument("out")
    ap.add_argument("--accuracy", default="not measured"); ap.add_argument("--date", default="")
    ap.add_argument("--side", type=int, default=224)
    ap.add_argument("--scale", type=float, default=1.0, help="inverse temperature of the scores")
    o = ap.parse_args()
    state = torch.load(o.model, map_location="cpu", weights_only=True)
    for k in ("fc.weight", "fc.bias"): state[k] = state[k] * o.scale
    write(o.out, state, metadata(o.accuracy, o.date, o.side))
    data = open(o.out, "rb").read()
    print("%s: %d bytes, SHA-256 %s" % (o.out, len(data), hashlib.sha256(data).hexdigest()))


if __name__ == "__main__":
    main()
