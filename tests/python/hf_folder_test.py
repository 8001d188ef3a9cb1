"""Imports folders as the Hugging Face hub has them, of transformers and of timm, and compares logits with
PyTorch's on photos preprocessed as those libraries do.

usage: hf_folder_test.py BUILD_DIR     exit code 77 if torch or torchvision is missing
"""
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

from shared import hugging_face

CUBBY = Path(sys.argv[1]).resolve() / "cubby"
TOLERANCE = 1e-4  # of the largest logit
CLASSES = ["chair", "table", "gate", "garden bench", "shelf"]
SIZES = [(401, 300), (300, 403), (224, 224), (640, 481)]


def network():
    torch.manual_seed(1)
    model = torchvision.models.resnet18(weights=None, num_classes=len(CLASSES)).eval()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            gain = 0.4 if name.endswith("bn2") else 1.0  # trained networks do not explode either
            torch.nn.init.uniform_(module.weight, 0.8 * gain, 1.2 * gain)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return model


def preprocess(path, resize, crop, name, even):
    """Shorter side to `resize`, centre crop: half a pixel goes to the even number, or is dropped."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    short, long = min(width, height), max(width, height)
    size = (resize, int(resize * long / short)) if width <= height else (int(resize * long / short), resize)
    if size != image.size:
        image = image.resize(size, {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}[name])
    x, y = [(side - crop) / 2 for side in image.size]
    x, y = (round(x), round(y)) if even else (math.floor(x), math.floor(y))
    pixels = np.asarray(image)[y:y + crop, x:x + crop]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def convert(folder, code=0):
    made = folder.parent / "made.safetensors"
    made.unlink(missing_ok=True)
    said = subprocess.run([CUBBY, "import", folder, "-o", made], capture_output=True, text=True)
    assert said.returncode == code, said.stderr
    return made, said.stderr


def check(folder, title, model, photos, inputs, mean, std):
    made, _ = convert(folder)
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    with torch.no_grad():
        want = model((torch.stack(inputs) - mean) / std).numpy()
    result = subprocess.run([CUBBY, "classify", "--model", made, "--exact", "--logits", "--json", "--top",
                             "5", *photos], capture_output=True, text=True)
    lines = {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}
    got = np.array([lines[str(photo)]["logits"] for photo in photos])
    assert {guess["class"] for guess in lines[str(photos[0])]["top"]} == set(CLASSES)
    worst = np.abs(got - want).max() / np.abs(want).max()
    print(f"{'ok' if worst <= TOLERANCE else 'FAILED'} {title}: {worst:.1e} of the largest logit")
    return worst <= TOLERANCE


def check_timm_names(folder, config):
    """The config alone tells a ResNet from relatives that have the same tensors."""
    for change, part in (({"architecture": "resnetaa18"}, "the architecture is resnetaa18"),
                         ({"architecture": "resnet34"}, "describes a resnet34, but the weights are"),
                         ({"global_pool": "max"}, "global_pool is max"),
                         ({"model_args": {"output_stride": 16}}, "output_stride")):
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        error = convert(folder, 1)[1]
        assert part in error, error


def check_multi_label(folder, config):
    (folder / "config.json").write_text(json.dumps(
        {**config, "problem_type": "multi_label_classification"}))
    made, said = convert(folder)
    assert "Assumed: a photo shows one" not in said, said
    info = subprocess.run([CUBBY, "info", made, "--json"], capture_output=True, text=True).stdout
    assert json.loads(info)["scores"] == "sigmoid", info


def main():
    model = network()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        photos = []
        for i, size in enumerate(SIZES):
            small = rng.integers(0, 256, (9, 7 + i, 3)).astype(np.uint8)
            photos.append(top / f"{i}.png")
            Image.fromarray(small).resize(size, Image.BICUBIC).save(photos[-1])
        folder = top / "transformers"
        folder.mkdir()
        torch.save({hugging_face(n): t for n, t in model.state_dict().items()},
                   folder / "pytorch_model.bin")
        config = {"architectures": ["ResNetForImageClassification"], "model_type": "resnet",
                  "hidden_act": "relu", "layer_type": "basic", "downsample_in_first_stage": False,
                  "id2label": {str(i): n for i, n in enumerate(CLASSES)}}
        (folder / "config.json").write_text(json.dumps(config))
        mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        (folder / "preprocessor_config.json").write_text(json.dumps(
            {"crop_pct": 0.875, "do_normalize": True, "do_resize": True, "image_mean": mean,
             "image_std": std, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3,
             "size": 224}))
        good = [check(folder, "transformers", model, photos,
                      [preprocess(p, 256, 224, "bicubic", False) for p in photos], mean, std)]
        check_multi_label(folder, config)
        folder = top / "timm"
        folder.mkdir()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]
        config = {"architecture": "resnet18", "num_classes": len(CLASSES), "label_names": CLASSES,
                  "pretrained_cfg": {"input_size": [3, 160, 160], "interpolation": "bilinear",
                                     "crop_pct": 0.95, "crop_mode": "center", "mean": mean, "std": std}}
        (folder / "config.json").write_text(json.dumps(config))
        good.append(check(folder, "timm", model, photos,
                          [preprocess(p, 168, 160, "bilinear", True) for p in photos], mean, std))
        flat = {**config, **config["pretrained_cfg"]}
        flat.pop("pretrained_cfg")  # as timm wrote it before 0.9
        (folder / "config.json").write_text(json.dumps(flat))
        good.append(check(folder, "timm before 0.9", model, photos,
                          [preprocess(p, 168, 160, "bilinear", True) for p in photos], mean, std))
        check_timm_names(folder, config)
    return 0 if all(good) else 1


sys.exit(main())
