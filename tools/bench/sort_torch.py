"""What somebody who knows PyTorch would write to do what `cubby sort` does:
sort_torch.py WEIGHTS CLASSES PHOTOS INTO WORKERS THREADS whole|draft

Decoding in DataLoader's worker processes, batches of 8, channels_last, inference_mode, torchvision's own
preprocessing, copies into a folder for each class, `unsure` below one half. `draft` lets libjpeg decode at
a smaller scale. Prints {"photos": N, "seconds": S}: without importing torch, loading the weights and
starting the workers."""
import json
import shutil
import sys
import time
from pathlib import Path

import safetensors.torch
import torch
import torchvision
from PIL import Image, ImageOps
from torchvision import transforms

SIDE = 224


class Photos(torch.utils.data.Dataset):
    def __init__(self, paths, draft):
        self.paths = paths
        self.draft = draft
        self.to_tensor = transforms.Compose([
            transforms.Resize(SIDE, antialias=True), transforms.CenterCrop(SIDE), transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            if self.draft:
                image.draft("RGB", (SIDE, SIDE))
            return self.to_tensor(ImageOps.exif_transpose(image).convert("RGB")), index


def main(weights, classes, photos, into, workers, threads, decoding):
    torch.set_num_threads(int(threads))
    names = Path(classes).read_text().splitlines()
    network = torchvision.models.resnet50(weights=None, num_classes=len(names))
    network.load_state_dict(safetensors.torch.load_file(weights))
    network = network.eval().to(memory_format=torch.channels_last)
    paths = sorted(path for path in Path(photos).rglob("*") if path.is_file())
    loader = torch.utils.data.DataLoader(Photos(paths, decoding == "draft"), batch_size=8, num_workers=int(workers))
    for name in [*names, "unsure"]:
        (Path(into) / name).mkdir(parents=True)
    batches = iter(loader)  # starts the workers
    started = time.perf_counter()
    with torch.inference_mode():
        for pixels, indexes in batches:
            logits = network(pixels.to(memory_format=torch.channels_last))
            best = torch.softmax(logits, 1).max(1)
            for index, p, label in zip(indexes.tolist(), best.values.tolist(), best.indices.tolist()):
                folder = names[label] if p >= 0.5 else "unsure"
                shutil.copy2(paths[index], Path(into) / folder)
    print(json.dumps({"photos": len(paths), "seconds": time.perf_counter() - started}))


main(*sys.argv[1:])
