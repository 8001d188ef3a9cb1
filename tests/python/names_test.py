"""Imports networks under every naming and wrapping that training scripts leave behind.

usage: names_test.py BUILD_DIR [SEED]     exit code 77 if torch or torchvision is missing
SEED: a number, or "random"; the same one every time when left out.

Each file holds the weights of one torchvision network. What `cubby import` makes of it must hold
the same tensors, bit for bit, under torchvision's names; network_test.py compares what these
compute. The layout of torch 0.1 is written here, and read by torch.load first.
"""
import argparse
import io
import json
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
from collections import OrderedDict
from pathlib import Path

try:
    import numpy as np
    import torch
    import torchvision
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

from shared import hugging_face

CUBBY = Path(sys.argv[1]) / "cubby"
SEED = sys.argv[2] if len(sys.argv) > 2 else 1
SEED = random.randrange(1 << 30) if SEED == "random" else int(SEED)
CLASSES = 7
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


def network(name):
    model = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
    return model


def renamed(tensors, change):
    return OrderedDict((change(name), tensor) for name, tensor in tensors.items())


# ---- the container of torch 0.1

class TarPickler(pickle.Pickler):
    """Tensors become the text of a number, and Parameters calls with one, as torch 0.1 did. The first
    time that a module's class is met it comes with its source, which torch compares."""

    def __init__(self, file):
        super().__init__(file, 2)
        self.tensors = {}
        self.classes = set()

    def persistent_id(self, item):
        if isinstance(item, type) and issubclass(item, torch.nn.Module):
            known, self.classes = item in self.classes, self.classes | {item}
            return None if known else (item, None, None)
        if not isinstance(item, torch.Tensor) or isinstance(item, torch.nn.Parameter):
            return None
        key = 140000000000000 + 32 * len(self.tensors)
        self.tensors[key] = item
        return str(key)

    def reducer_override(self, item):
        if isinstance(item, torch.nn.Parameter):
            return torch.nn.Parameter, (item.data,), (True, False, OrderedDict())
        return NotImplemented


def dump(item):
    file = io.BytesIO()
    pickle.dump(item, file, 2)
    return file.getvalue()


def dump_with_class(first, second, name):
    """The pickle of a tuple that ends in the class torch.NAME."""
    items = b"".join(dump(item)[2:-1] for item in (first, second))
    return b"\x80\x02" + items + f"ctorch\n{name}\n".encode() + b"\x87."


def save_tar(item, path, view):
    kinds = {torch.float32: "Float", torch.float16: "Half", torch.float64: "Double",
             torch.int64: "Long"}
    file = io.BytesIO()
    pickler = TarPickler(file)
    pickler.dump(item)
    members = {"sys_info": dump({"protocol_version": 1000, "little_endian": True,
                                 "type_sizes": {"short": 2, "int": 4, "long": 4}})}
    storages, tensors, views = b"", dump(len(pickler.tensors)), []
    for key, tensor in pickler.tensors.items():
        plain = tensor.detach().contiguous().reshape(-1).numpy()
        kind = kinds[tensor.dtype]
        root = key + 8
        place = root
        elements = plain.size
        if view:  # in the middle of a longer storage
            place = key + 16
            views.append((place, root, 3, elements))
            plain = np.concatenate([plain[:1]] * 3 + [plain, plain[:1]])
        storages += dump_with_class(root, "cpu", kind + "Storage")
        storages += struct.pack("<q", plain.size) + plain.tobytes()
        tensors += dump_with_class(key, place, kind + "Tensor")
        tensors += struct.pack("<ii", tensor.dim(), 0)
        tensors += struct.pack(f"<{tensor.dim()}q", *tensor.shape)
        tensors += struct.pack(f"<{tensor.dim()}q", *tensor.contiguous().stride())
        tensors += struct.pack("<q", 0)
    members["pickle"] = file.getvalue()
    members["tensors"] = tensors
    members["storages"] = dump(len(pickler.tensors)) + storages + dump(views)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mtime = 1500000000.25  # not a whole number: a header of its own
            tar.addfile(info, io.BytesIO(content))


# ---- cases

def read_model(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    return {name: (entry["dtype"], entry["shape"],
                   data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
            for name, entry in header.items()}


def expected(tensors):
    names = {dtype: name for name, dtype in DTYPES.items()}
    return {name: (names[tensor.dtype], list(tensor.shape),
                   tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
            for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}


def cases(model18, model50):
    """Title, what is saved, the tensors that must come out (None: refused) and how to save."""
    s18, s50 = model18.state_dict(), model50.state_dict()
    for name, tensors in (("resnet18", s18), ("resnet50", s50)):
        yield f"Hugging Face, {name}", renamed(tensors, hugging_face), tensors, {}
    yield ("Hugging Face under module.", renamed(s50, lambda n: "module." + hugging_face(n)), s50,
           {})
    features = renamed(s50, lambda n: hugging_face(n).removeprefix("resnet."))
    yield ("Hugging Face, features alone",
           {n: t for n, t in features.items() if not n.startswith("classifier")},
           "ResNetForImageClassification", {})

    for prefix in ("module.", "model.", "net.", "module.model.", "_orig_mod.",
                   "model._orig_mod.module.", "timm_model."):
        yield f"prefix {prefix}", renamed(s18, lambda n: prefix + n), s18, {}
    averaged = torch.optim.swa_utils.AveragedModel(model18)
    yield "AveragedModel", averaged.state_dict(), s18, {}
    criterion = {"criterion.weight": torch.ones(CLASSES)}
    lightning = {**renamed(s18, lambda n: "model." + n), **criterion}
    optimizer = torch.optim.Adam(model18.parameters())
    model18(torch.rand(1, 3, 64, 64)).sum().backward()
    optimizer.step()
    s18 = model18.state_dict()
    lightning.update(renamed(s18, lambda n: "model." + n))
    trained = optimizer.state_dict()
    yield ("Lightning checkpoint",
           {"epoch": 3, "global_step": 99, "pytorch-lightning_version": "1.9.0",
            "state_dict": lightning, "optimizer_states": [trained], "lr_schedulers": [],
            "callbacks": {"ModelCheckpoint": {"best": torch.tensor(0.5)}},
            "hyper_parameters": {"lr": 0.1}}, s18, {})
    yield ("imagenet example", {"epoch": 90, "arch": "resnet18", "best_acc1": torch.tensor(69.0),
                                "state_dict": renamed(s18, lambda n: "module." + n),
                                "optimizer": trained, "args": argparse.Namespace(lr=0.1)}, s18, {})
    yield "fastai's learn.save", {"model": s18, "opt": trained}, s18, {}
    other = {n: t * 2 if t.is_floating_point() else t for n, t in s18.items()}
    yield "a config named model", {"model": {"name": "resnet18"}, "weights": s18}, s18, {}
    yield "under another key", {"epoch": 3, "net_state": renamed(s18, lambda n: "module." + n)}, s18, {}
    yield "two levels", {"model": {"state_dict": s18}, "epoch": torch.tensor(3)}, s18, {}
    yield "three levels", {"checkpoint": {"model": {"state_dict": s18}}}, s18, {}
    yield ("with averaged weights", {"model": s18, "model_ema": other}, s18,
           {"said": "Note: the file also has averaged weights (EMA) under 'model_ema'; those under 'model'"})
    both = {**renamed(s18, lambda n: "model." + n), **renamed(other, lambda n: "ema_model.module." + n)}
    yield "two networks", {"state_dict": both}, "two networks, under 'model.' and 'ema_model.module.'", {}
    for title, item, prefix, want in (
            ("a key", {"model": s18, "model_ema": other}, "model_ema.", other),
            ("a key and a key", {"a": {"b": {"state_dict": other}}, "model": s18}, "a.b.", other),
            ("a key and a name", {"a": both, "model": s18}, "a.ema_model.", other),
            ("a name", {"state_dict": both}, "ema_model.", other), ("a name", both, "model.", s18),
            ("nothing", both, "mode.", "no weights under 'mode.'")):
        yield f"chosen by {title}", item, want, {"options": ["--weights-prefix", prefix]}
    yield "averaged weights, nested", {"model": {"state_dict": s18}, "model_ema": other}, s18, {}
    yield "averaged weights alone", {"epoch": 1, "state_dict_ema": s18}, s18, {}
    yield "two under other keys", {"a": s18, "b": other}, "several networks in a dict with 'a' (a ", {}
    yield "nothing", {}, "the file holds an empty dict", {}
    yield "an optimizer", trained, "'state' (a dict), 'param_groups' (a list)", {}
    yield "sparse", {"w": torch.eye(3).to_sparse()}, "'w' (a torch._utils._rebuild_sparse_tensor)", {}
    yield "model_state_dict", {"model_state_dict": s18, "optimizer_state_dict": trained}, s18, {}
    old = {"_use_new_zipfile_serialization": False}
    yield "wrapped, before torch 1.6", {"state_dict": s18, "optimizer": trained}, s18, old

    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        cast = {n: t.to(dtype) if t.is_floating_point() else t for n, t in s18.items()}
        if dtype == torch.float64:  # values that float32 does not have
            cast = {n: t * (1 + 1e-9) if t.is_floating_point() else t for n, t in cast.items()}
        # cubby computes in float32 at most, and keeps no more.
        want = {n: t.float() for n, t in cast.items()} if dtype == torch.float64 else cast
        yield f"{dtype}", cast, want, {}
        yield f"{dtype}, before torch 1.6", cast, want, old
    last = {n: t.to(memory_format=torch.channels_last) if t.dim() == 4 else t
            for n, t in s18.items()}
    assert any(not t.is_contiguous() for t in last.values())
    yield "channels last", last, s18, {}
    yield "channels last, before torch 1.6", last, s18, old
    parameters = OrderedDict((n, dict(model18.named_parameters()).get(n, t))
                             for n, t in s18.items())
    yield "Parameters", parameters, s18, {}

    counted = {n: t for n, t in s18.items() if not n.endswith("num_batches_tracked")}
    yield "torch 0.1", counted, s18, {"tar": True, "view": False}
    yield "torch 0.1, views", OrderedDict(counted), s18, {"tar": True, "view": True}
    yield ("torch 0.1, Parameters",
           OrderedDict((n, parameters[n]) for n in counted), s18, {"tar": True, "view": False})
    yield ("torch 0.1, wrapped", {"epoch": 1, "state_dict": renamed(s18, lambda n: "module." + n)},
           s18, {"tar": True, "view": False})
    yield "torch 0.1, whole module", model18, s18, {"tar": True, "view": False}
    yield "before torch 1.6, whole module", model18, s18, old
    half = {n: t.half() for n, t in counted.items()}
    yield "torch 0.1, float16", half, half, {"tar": True, "view": True}


def check(title, item, want, how, folder):
    weights, made = folder / "weights.pth", folder / "model.safetensors"
    made.unlink(missing_ok=True)
    how = dict(how)
    said, options = how.pop("said", ""), how.pop("options", [])
    if how.get("tar"):
        save_tar(item, weights, how["view"])
        again, tensors = (x.state_dict() if isinstance(x, torch.nn.Module)
                          else x.get("state_dict", x) for x in (torch.load(weights), item))
        assert again.keys() == tensors.keys()
        assert all(torch.equal(again[n], tensors[n]) for n in tensors)
    else:
        torch.save(item, weights, **how)
    result = subprocess.run([CUBBY, "import", weights, "-o", made, "--labels",
                             folder / "labels.txt", *options], capture_output=True, text=True)
    if isinstance(want, str):
        good = result.returncode == 1 and want in result.stderr and not made.exists()
        why = f"exit {result.returncode}: {result.stderr.strip()}"
    elif result.returncode != 0:
        good, why = False, result.stderr.strip()
    else:
        got, want = read_model(made), expected(want)
        good = got == want
        good = good and said in result.stderr
        names = [n for n in sorted(got.keys() | want.keys()) if got.get(n) != want.get(n)]
        why = f"{len(names)} tensors differ, the first is {names[:1]}"
    print(f"ok {title}" if good else f"FAILED {title}: {why} (seed {SEED})", flush=True)
    return good


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "labels.txt").write_text("".join(f"class {i}\n" for i in range(CLASSES)))
        for case in cases(network("resnet18"), network("resnet50")):
            results.append(check(*case, folder))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return not all(results)


sys.exit(main())
