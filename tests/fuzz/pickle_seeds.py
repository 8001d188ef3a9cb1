"""Pickles as torch and fastai write them, made without either: classes of the same module and name
pickle to the same graph. A module; make_seeds.py writes what it gives."""
import io
import pickle
import sys
import types
from collections import OrderedDict


def fake(path, base=object):
    """A class that pickles as `path`."""
    module_name, name = path.rsplit(".", 1)
    for end in range(1, module_name.count(".") + 2):
        part = ".".join(module_name.split(".")[:end])
        sys.modules.setdefault(part, types.ModuleType(part))
    made = getattr(sys.modules[module_name], name, None) or type(name, (base,), {"__module__": module_name})
    setattr(sys.modules[module_name], name, made)
    return made


def fake_function(path):
    module_name, name = path.rsplit(".", 1)
    fake(path)
    made = types.FunctionType((lambda *_: None).__code__, {}, name)
    made.__module__, made.__qualname__ = module_name, name
    setattr(sys.modules[module_name], name, made)
    return made


def make(path, **attributes):
    cls = fake(path)
    made = cls.__new__(cls)
    made.__dict__.update(attributes)
    return made


class Storage:
    def __init__(self, key, elements):
        self.key, self.elements = key, elements


class Tensor:
    count = 0

    def __init__(self, *shape):
        Tensor.count += 1
        self.shape, self.key = shape, str(Tensor.count)

    def __reduce__(self):
        strides, elements = [], 1
        for side in reversed(self.shape):
            strides.insert(0, elements)
            elements *= side
        return (fake_function("torch._utils._rebuild_tensor_v2"),
                (Storage(self.key, elements), 0, self.shape, tuple(strides), False, OrderedDict()))


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return fake_function("torch._utils._rebuild_parameter"), (self.tensor, True, OrderedDict())


class Pickler(pickle._Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = {}

    def persistent_id(self, item):
        if isinstance(item, Storage):
            self.storages[item.key] = item.elements
            return "storage", fake("torch.FloatStorage"), item.key, "cpu", item.elements
        return None


def dump(item, protocol=2):
    """The pickle, and how many numbers each storage in it has."""
    file = io.BytesIO()
    pickler = Pickler(file, protocol)
    pickler.dump(item)
    return file.getvalue(), pickler.storages


# ---- modules

def module(path, tensors=(), buffers=(), children=(), **attributes):
    return make(path, _parameters=OrderedDict(tensors), _buffers=OrderedDict(buffers),
                _modules=OrderedDict(children), **attributes)


def conv(out, into, kernel, stride=1):
    return module("torch.nn.modules.conv.Conv2d", {"weight": Tensor(out, into, kernel, kernel), "bias": None},
                  stride=(stride, stride), padding=(kernel // 2,) * 2, dilation=(1, 1), groups=1,
                  padding_mode="zeros")


def norm(width, rank=2):
    return module(f"torch.nn.modules.batchnorm.BatchNorm{rank}d", {"weight": Tensor(width), "bias": Tensor(width)},
                  {"running_mean": Tensor(width), "running_var": Tensor(width)}, eps=1e-5)


def linear(out, into):
    return module("torch.nn.modules.linear.Linear", {"weight": Tensor(out, into), "bias": Tensor(out)})


def sequential(*children):
    return module("torch.nn.modules.container.Sequential",
                  children={str(i): child for i, child in enumerate(children)})


def plain(name, **attributes):
    return module(f"torch.nn.modules.{name}", **attributes)


def pooling():
    return plain("pooling.MaxPool2d", kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)


def relu():
    return plain("activation.ReLU")


def block(out, into, stride):
    children = {"conv1": conv(out, into, 3, stride), "bn1": norm(out), "relu": relu(),
                "conv2": conv(out, out, 3), "bn2": norm(out)}
    if stride > 1:
        children["downsample"] = sequential(conv(out, into, 1, stride), norm(out))
    return module("torchvision.models.resnet.BasicBlock", children=children)


def layers():
    return [sequential(block(2 << i, 1 << i if i else 2, 1 + (i > 0)), block(2 << i, 2 << i, 1))
            for i in range(4)]


def average():
    return plain("pooling.AdaptiveAvgPool2d", output_size=(1, 1))


def resnet():
    children = {"conv1": conv(2, 3, 7, 2), "bn1": norm(2), "relu": relu(), "maxpool": pooling(),
                **{f"layer{i + 1}": layer for i, layer in enumerate(layers())},
                "avgpool": average(), "fc": linear(3, 16)}
    return module("torchvision.models.resnet.ResNet", children=children)


def fastai_model():
    body = sequential(conv(2, 3, 7, 2), norm(2), relu(), pooling(), *layers())
    concat = module("fastai.layers.AdaptiveConcatPool2d", children={
        "ap": average(), "mp": plain("pooling.AdaptiveMaxPool2d", output_size=1)})
    head = sequential(concat, plain("flatten.Flatten"), norm(32, 1), plain("dropout.Dropout"), linear(8, 32),
                      relu(), norm(8, 1), plain("dropout.Dropout"), linear(3, 8))
    return sequential(body, head)


# ---- Learners

def step(name, **attributes):
    return make(f"fastai.vision.augment.{name}", split_idx=None, **attributes)


def pipeline(*steps):
    return make("fastcore.transform.Pipeline", fs=make("fastcore.foundation.L", items=list(steps)))


def learner(model, vocab, items, batches, kind="Categorize", loss="CrossEntropyLossFlat"):
    labels = make("fastcore.foundation.L", items=vocab)
    target = make(f"fastai.data.transforms.{kind}", vocab=make("fastai.data.transforms.CategoryMap", items=labels))
    inputs = make("fastai.data.core.TfmdLists", tfms=pipeline(
        make("fastcore.transform.Transform", init_enc=fake_function("fastai.vision.core.create"))))
    lists = make("fastcore.foundation.L", items=[inputs, make("fastai.data.core.TfmdLists", tfms=pipeline(target))])
    loader = make("fastai.data.core.TfmdDL", dataset=make("fastai.data.core.Datasets", tls=lists),
                  after_item=pipeline(*items), after_batch=pipeline(*batches))
    return make("fastai.learner.Learner", model=model, loss_func=make(f"fastai.losses.{loss}"),
                dls=make("fastai.data.core.DataLoaders", loaders=[loader, loader]))


def learners():
    resize = step("Resize", size=(64, 48), method="pad", pad_mode="reflection", resamples=(2, 0))
    crop = step("RandomResizedCrop", size=(64, 48), val_xtra=0.14, resamples=(3, 0))
    normalize = make("fastai.data.transforms.Normalize", mean=Tensor(1, 3, 1, 1), std=Tensor(1, 3, 1, 1))
    affine = step("Flip", size=(32, 32), mode="bilinear", pad_mode="zeros", align_corners=True)
    gpu = step("RandomResizedCropGPU", size=(24, 24), ratio=(0.75, 1.5), valid_scale=0.9, mode="bilinear")
    to_float = make("fastai.data.transforms.IntToFloatTensor", div=255.0)
    mine = make("fastcore.transform.Transform", init_enc=fake_function("__main__.mine"), _name="mine")
    yield learner(fastai_model(), ["cat", "dog", "hörse"], [resize], [to_float, affine, gpu, normalize])
    yield learner(resnet(), [1, True, 2.5], [crop, step("CropPad", size=(32, 32))],
                  [to_float, step("Brightness"), normalize], "MultiCategorize", "BCEWithLogitsLossFlat")
    yield learner(plain("activation.ReLU"), ["a"], [resize, mine], [mine], loss="Mine")


def seeds():
    """Names, and what dump() gives."""
    state = {"conv1.weight": Tensor(2, 3, 7, 7), "fc.weight": Tensor(3, 2), "fc.bias": Tensor(3)}
    yield "state_dict", dump(OrderedDict(state))
    yield "checkpoint", dump({"epoch": 3, "model": {"name": "x"}, "net": state, "model_ema": state})
    yield "parameter", dump({"w": Parameter(state["fc.bias"])})
    yield "resnet", dump(resnet())
    yield "parallel", dump({"model": module("torch.nn.parallel.data_parallel.DataParallel",
                                            children={"module": resnet()})}, 4)
    yield "fastai_model", dump(fastai_model())
    for i, item in enumerate(learners()):
        yield f"learner{i}", dump(item, 2 + i)
