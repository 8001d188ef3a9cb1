#!/usr/bin/python3
"""Accuracy of a cubby model file on photos it never saw, prepared as cubby prepares them.

  evaluate.py MODEL.safetensors PHOTOS... [--threads 1]

PHOTOS are folders that generate.py filled (the true class is in the name).
The file itself is read, so float16 rounding is part of the result: shorter
side to 224 (bilinear as Pillow does), centre crop, mean and deviation.
"""
import argparse, collections, glob, json, os, struct
import numpy as np
import torch, torchvision
from PIL import Image, ImageOps


def load(path):
    """Network, class names and preprocessing of a model file."""
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    meta = header.pop("__metadata__")
    state = {}
    for k, t in header.items():
        a, b = (8 + n + x for x in t["data_offsets"])
        state[k] = torch.from_numpy(np.frombuffer(data[a:b], "<f2").reshape(t["shape"]).astype(np.float32))
    classes = json.loads(meta["cubby.classes"])
    model = torchvision.models.resnet50(weights=None, num_classes=len(classes))
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys and all(k.endswith("num_batches_tracked") for k in missing.missing_keys)
    return model.eval().to(memory_format=torch.channels_last), classes, json.loads(meta["cubby.preprocessing"])


def prepare(path, p):
    im = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    (w, h), s, (cw, ch) = im.size, p["size"][0], p["crop"]
    w, h = (s, int(s * h / w)) if w <= h else (int(s * w / h), s)
    im = im.resize((w, h), Image.BILINEAR)
    x, y = round((w - cw) / 2), round((h - ch) / 2)
    a = np.asarray(im.crop((x, y, x + cw, y + ch)), np.float32) / 255
    return ((a - np.float32(p["mean"])) / np.float32(p["std"])).transpose(2, 0, 1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model"); ap.add_argument("photos", nargs="+"); ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--bf16", action="store_true", help="faster, less exact")
    o = ap.parse_args()
    torch.set_num_threads(o.threads)
    model, classes, p = load(o.model)
    table = np.zeros((len(classes), len(classes)), int)
    votes, wrong = collections.defaultdict(lambda: 0), []
    for folder in o.photos:
        files = sorted(glob.glob(os.path.join(folder, "*.jpg")))
        before = table.copy()
        for k in range(0, len(files), 16):
            x = torch.from_numpy(np.stack([prepare(f, p) for f in files[k:k + 16]])).contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.bf16):
                y = model(x).float().softmax(1).numpy()
            for f, q in zip(files[k:k + 16], y):
                item, name = os.path.basename(f).split("_")[:2]
                t, g = classes.index(name), int(q.argmax())
                table[t, g] += 1
                votes[int(item), t] = votes[int(item), t] + q
                if t != g: wrong.append("%s %s %.2f" % (f, classes[g], q.max()))
        new = table - before
        print("%s: %d photos, %.2f %% right" % (folder, new.sum(), 100 * new.trace() / new.sum()), flush=True)
    right = sum(int(np.argmax(v)) == t for (_, t), v in votes.items())
    print("all: %d photos, %.2f %% right; %d items (their photos together), %.2f %% right" % (
        table.sum(), 100 * table.trace() / table.sum(), len(votes), 100 * right / len(votes)))
    print("rows are the truth, columns the answer")
    print("| |" + "|".join(classes) + "|\n|---" * 1 + "|---" * len(classes) + "|")
    for c, row in zip(classes, table): print("|%s|%s|" % (c, "|".join(str(n or "") for n in row)))
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
