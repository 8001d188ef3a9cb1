"""Imports fastai-like exports, saved weights and whole modules, and exports models back.

usage: fastai_test.py BUILD_DIR     exit code 77 if torch or torchvision is missing

fastai itself is not needed: classes of the same module and class names, faked in sys.modules, pickle
to the same graph as learn.export() writes. The network is a ResNet-18 with random weights.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import types
from pathlib import Path

try:
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from torch import nn
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

CUBBY = Path(sys.argv[1]) / "cubby"
TOLERANCE = 1e-4  # of the largest logit
CLASSES = ["cat", "dog", 'hörse & "cow"']
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def fake(path, base=object):
    """A class that pickles as `path`."""
    module_name, name = path.rsplit(".", 1)
    for end in range(1, module_name.count(".") + 2):
        part = ".".join(module_name.split(".")[:end])
        sys.modules.setdefault(part, types.ModuleType(part))
    made = type(name, (base,), {"__module__": module_name})
    setattr(sys.modules[module_name], name, made)
    return made


def make(cls, **attributes):
    made = cls.__new__(cls)
    made.__dict__.update(attributes)
    return made


Learner = fake("fastai.learner.Learner")
DataLoaders = fake("fastai.data.core.DataLoaders")
TfmdDL = fake("fastai.data.core.TfmdDL")
Datasets = fake("fastai.data.core.Datasets")
TfmdLists = fake("fastai.data.core.TfmdLists")
Pipeline = fake("fasttransform.transform.Pipeline")
L = fake("fastcore.foundation.L")
CategoryMap = fake("fastai.data.transforms.CategoryMap")
fastuple = fake("fastcore.basics.fastuple", tuple)
TensorImage = fake("fastai.torch_core.TensorImage")
TRANSFORMS = {name: fake(f"fastai.{module}.{name}") for module, names in {
    "data.transforms": "Categorize MultiCategorize EncodedMultiCategorize RegressionSetup ToTensor "
                       "IntToFloatTensor Normalize",
    "vision.augment": "Resize RandomResizedCrop CropPad Flip Rotate RandomResizedCropGPU Brightness "
                      "FlipItem",
    "mine": "Posterize"}.items() for name in names.split()}
PILImage, PILImageBW = (fake(f"fastai.vision.core.{name}") for name in ("PILImage", "PILImageBW"))
MyImage = fake("mine.MyImage")



def create(cls, file):
    """As a bound method it pickles as getattr(cls, "create")."""


for image in (PILImage, PILImageBW, MyImage):
    image.create = classmethod(create)
Transform = TRANSFORMS["Transform"] = fake("fastcore.transform.Transform")
PlumTransform = fake("fasttransform.transform.Transform")
PlumFunction = fake("plum.function.Function")
noop = fake("fastai.imports.noop")  # pickles as the function does
find_file = fake("mine.find_file")
LOSSES = {name: fake(f"fastai.losses.{name}") for name in
          "CrossEntropyLossFlat BCEWithLogitsLossFlat MSELossFlat MyLoss".split()}


class AdaptiveConcatPool2d(nn.Module):
    def __init__(self):
        super().__init__()
        self.ap, self.mp = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)

    def forward(self, x):
        return torch.cat([self.mp(x), self.ap(x)], 1)


class SigmoidRange(nn.Module):
    def forward(self, x):
        return torch.sigmoid(x) * 5.5


for module in (AdaptiveConcatPool2d, SigmoidRange):
    module.__module__ = "fastai.layers"
    sys.modules.setdefault("fastai.layers", types.ModuleType("fastai.layers"))
    setattr(sys.modules["fastai.layers"], module.__name__, module)


# ---- models

def head(features, classes, ps=0.5, lin_ftrs=None, concat_pool=True, first_bn=True, bn_final=False,
         lin_first=False, y_range=False):
    """fastai's create_head."""
    width = features * 2 if concat_pool else features
    widths = [width] + (lin_ftrs if lin_ftrs is not None else [64]) + [classes]
    layers = [AdaptiveConcatPool2d() if concat_pool else nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if lin_first:
        layers.append(nn.Dropout(ps))
    relu = nn.ReLU(inplace=True)  # one object under several names, as in fastai
    for i in range(len(widths) - 1):
        last = i + 2 == len(widths)
        norm = [nn.BatchNorm1d(widths[i + 1 if lin_first else i])]
        drop = [nn.Dropout(ps)] if ps else []
        no_norm = (i == 0 and not first_bn) or (lin_first and last)
        linear = [nn.Linear(widths[i], widths[i + 1], bias=no_norm)]
        act = [] if last else [relu]
        if lin_first:
            layers += linear + act + ([] if last else norm + drop)
        else:
            layers += ([] if no_norm else norm) + drop + linear + act
    if bn_final:
        layers.append(nn.BatchNorm1d(classes))
    if y_range:
        layers.append(SigmoidRange())
    return nn.Sequential(*layers)


def calibrate(model):
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    model.train()
    batch = [nn.functional.interpolate(torch.rand(1, 3, 2 + i % 9, 3 + i % 5), (96, 96),
                                       mode="bicubic").clamp(0, 1) for i in range(24)]
    with torch.no_grad():
        model((torch.cat(batch) - 0.45) / 0.23)
    return model.eval()


def network(classes=len(CLASSES), **options):
    torch.manual_seed(3)
    resnet = torchvision.models.resnet18(weights=None)
    body = nn.Sequential(*list(resnet.children())[:-2])
    return calibrate(nn.Sequential(body, head(512, classes, **options)))


def pipeline(*steps):
    return make(Pipeline, split_idx=None, fs=make(L, items=list(steps)))


def invert(x):
    return 1 - x


def transform(name, **attributes):
    return make(TRANSFORMS[name], split_idx=None, **attributes)


def resize(width, height, method="crop", pad_mode="reflection"):
    made = transform("Resize", size=fastuple((width, height)), method=method, pad_mode=pad_mode,
                     resamples=(Image.Resampling.BILINEAR, Image.Resampling.NEAREST),
                     pcts=(0.1, 0.9))
    made.itself = made  # as Resize.before_call: the graph has cycles
    return made


def normalize(mean=MEAN, std=STD):
    return transform("Normalize", mean=torch.tensor(mean).view(1, 3, 1, 1),
                     std=torch.tensor(std).view(1, 3, 1, 1), axes=(0, 2, 3))


def steps(*functions):
    """Transforms made of functions, as fastcore keeps them."""
    return [make(Transform, init_enc=function, _name="a name") for function in functions]


def plum_steps(*functions):
    """The same as fasttransform keeps them, since fastai 2.8."""
    return [make(PlumTransform, encodes=make(PlumFunction, _f=function)) for function in functions]


def learner(model, item=None, batch=None, vocab=CLASSES, kind="Categorize",
            loss="CrossEntropyLossFlat", path=None, inputs=None):
    item = item if item is not None else [resize(64, 64)]
    batch = batch if batch is not None else [normalize()]
    labels = make(L, items=list(vocab)) if vocab is not None else None
    inputs = inputs if inputs is not None else steps(noop, PILImage.create)
    target = make(TRANSFORMS[kind], vocab=make(CategoryMap, items=labels, sort=True))
    datasets = make(Datasets, tls=make(L, items=[make(TfmdLists, tfms=pipeline(*inputs)),
                                                 make(TfmdLists, tfms=pipeline(target))]))
    loader = make(TfmdDL, dataset=datasets, after_item=pipeline(*item, transform("ToTensor")),
                  after_batch=pipeline(transform("IntToFloatTensor", div=255.0), *batch))
    return make(Learner, dls=make(DataLoaders, loaders=[make(TfmdDL), loader]), model=model,
                loss_func=make(LOSSES[loss]), opt=None, path=path or pathlib.PurePosixPath("."))


# ---- running cubby

def run(*arguments, code=0):
    result = subprocess.run([CUBBY, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != code:
        raise AssertionError(f"exit {result.returncode}, not {code}: {arguments}\n{result.stderr}")
    return result.stdout if code == 0 else result.stderr


class Work:
    def __init__(self, folder):
        self.folder, self.count = folder, 0
        rng = np.random.default_rng(5)
        self.photos = []
        for i, (width, height) in enumerate([(90, 70), (64, 64), (60, 131), (200, 96)]):
            pixels = rng.integers(0, 256, (5 + i, 6, 3)).astype(np.uint8)
            path = folder / f"{i}.png"
            Image.fromarray(pixels).resize((width, height), Image.BICUBIC).save(path)
            self.photos.append(path)

    def name(self, ending):
        self.count += 1
        return self.folder / f"{self.count}{ending}"

    def save(self, thing, **how):
        path = self.name(".pkl")
        torch.save(thing, path, **({"pickle_protocol": 2} | how))
        return path

    def load(self, thing, *options, **how):
        model = self.name(".safetensors")
        run("import", self.save(thing, **how), "-o", model, *options)
        return model

    def refused(self, thing, *parts):
        self.refused_with(thing, (), *parts)

    def refused_with(self, thing, options, *parts):
        error = run("import", self.save(thing), "-o", self.name(".safetensors"), *options, code=1)
        for part in parts:
            assert part in error, f"no '{part}' in: {error}"

    def info(self, model):
        return json.loads(run("info", model, "--json"))

    def logits(self, model):
        lines = run("classify", *self.photos, "--model", model, "--exact", "--logits",
                    "--json").splitlines()
        found = {json.loads(line)["path"]: json.loads(line) for line in lines}
        return np.array([found[str(path)]["logits"] for path in self.photos])

    def same_logits(self, model, reference, side=64):
        """Photos cut and resized to a square as fastai's Resize(side) does."""
        inputs = []
        for path in self.photos:
            image = Image.open(path)
            width, height = image.size
            m = min(width / side, height / side)
            cut = int(m * side)
            x, y = int(0.5 * (width - cut)), int(0.5 * (height - cut))
            image = image.crop((x, y, x + cut, y + cut)).resize((side, side), Image.BILINEAR)
            pixels = np.array(image).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
            inputs.append((torch.from_numpy(pixels) - torch.tensor(MEAN).view(3, 1, 1)) /
                          torch.tensor(STD).view(3, 1, 1))
        with torch.no_grad():
            want = reference(torch.stack(inputs)).numpy()
        error = np.abs(self.logits(model) - want).max() / np.abs(want).max()
        assert error < TOLERANCE, f"logits differ by {error:.1e}"


# ---- tests

def test_heads(work):
    for options in ({}, {"ps": 0}, {"lin_ftrs": []}, {"lin_ftrs": [48, 32]}, {"concat_pool": False},
                    {"first_bn": False}, {"bn_final": True}, {"lin_first": True}):
        model = network(**options)
        path = work.load(learner(model))
        assert work.info(path)["classes"] == CLASSES
        work.same_logits(path, model)


def test_transforms(work):
    model = network(lin_ftrs=[])
    extra = [transform("FlipItem"), transform("Posterize")]
    cases = [
        ([resize(80, 48, "pad", "zeros")], [normalize()],
         {"resize": "pad", "size": [80, 48], "pad": "zeros", "crop": [80, 48]}),
        ([resize(80, 48, "squish")], [], {"resize": "squish", "size": [80, 48], "mean": [0, 0, 0],
                                          "std": [1, 1, 1]}),
        ([transform("RandomResizedCrop", size=fastuple((64, 64)), val_xtra=0.14, resamples=(2, 0))],
         [normalize()], {"resize": "squish", "size": [80, 80], "crop": [64, 64], "centre": "down"}),
        ([resize(96, 96), transform("CropPad", size=fastuple((64, 48)), pad_mode="zeros")],
         [normalize()], {"resize": "crop", "size": [96, 96], "crop": [64, 48]}),
        ([resize(96, 64)] + extra,
         [transform("Flip", size=(48, 80), mode="bilinear", pad_mode="reflection",
                    align_corners=True), transform("Brightness"), normalize()],
         {"size": [96, 64], "resamples": [{"size": [80, 48], "align_corners": True}]}),
        ([resize(96, 96)],
         [transform("Flip", size=None, mode="bilinear", align_corners=True),
          transform("RandomResizedCropGPU", size=(64, 64), ratio=(1, 1), valid_scale=0.75,
                    mode="bilinear"), normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))],
         {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4],
          # The first changes only the seventh digit, which the second may make more of.
          "resamples": [{"size": [96, 96], "align_corners": True},
                        {"size": [64, 64], "align_corners": True,
                         "crop": {"ratio": [1, 1], "scale": 0.75}}]}),
    ]
    for item, batch, expected in cases:
        found = work.info(work.load(learner(model, item, batch)))["preprocessing"]
        for key, value in expected.items():
            assert found.get(key) == value, f"{key}: {found.get(key)}, not {value}"
    named = subprocess.run([CUBBY, "import", work.save(learner(model, [resize(64, 64)] + extra)),
                            "-o", work.name(".st")], capture_output=True, text=True).stderr
    assert "unknown to cubby, left out: Posterize" in named, named
    assert "only for training, left out: FlipItem" in named, named


def test_transforms_refused(work):
    model = network(lin_ftrs=[])
    lanczos = resize(64, 64)
    lanczos.resamples = (1, 0)
    cases = [
        ([], [], "one size"), ([lanczos], [], "neither bilinear nor bicubic"),
        ([resize(64, 64), resize(32, 32)], [], "after another"),
        ([transform("CropPad", size=fastuple((64, 64)))], [], "without resizing"),
        ([resize(2000, 64)], [], "1024"),
        ([resize(64, 64)], [transform("Rotate", size=(32, 32), mode="nearest")], "Rotate"),
        ([resize(64, 64)], [normalize(), transform("Posterize")], "transform Posterize is not known"),
        ([resize(64, 64)], [transform("Transform", init_enc=invert, _name="invert")],
         "transform invert is not known"),
        ([resize(64, 64)], [transform("Transform", init_enc=None, _name="f")], "transform f is not known"),
    ]
    for item, batch, part in cases:
        work.refused(learner(model, item, batch), part, "--resize")
    path = work.load(learner(model, [lanczos]), "--resize", "96x64")
    assert work.info(path)["preprocessing"]["size"] == [96, 64]


def test_inputs(work):
    """How a Learner opens photos: only as cubby does, or the person says what to do."""
    model = network(lin_ftrs=[])
    for inputs in (plum_steps(noop, PILImage.create), steps(PILImage.create, noop),
                   steps(find_file, PILImage.create)):
        work.load(learner(model, inputs=inputs))
    found = subprocess.run([CUBBY, "import", work.save(learner(model, inputs=inputs)), "-o",
                            work.name(".st")], capture_output=True, text=True).stderr
    assert "find_file, which plays no part" in found, found
    for inputs, name in ((steps(noop, PILImageBW.create), "PILImageBW.create"),
                         (plum_steps(MyImage.create), "MyImage.create"),
                         (steps(noop, find_file), "with find_file"),
                         (steps(PILImage.create, find_file), "after opening them with find_file"),
                         ([transform("Posterize")], "with Posterize"), ([], "does not name"),
                         (steps(noop), "does not name")):
        one = learner(model, inputs=inputs)
        work.refused(one, name, "--resize")
        said = subprocess.run([CUBBY, "import", work.save(one), "-o", work.name(".st"), "--resize",
                               "64"], capture_output=True, text=True)
        assert said.returncode == 0 and f"{name}; cubby opens them" in said.stderr, said.stderr


def test_labels(work):
    model = network(lin_ftrs=[])
    for vocab, expected in (([1, 2, 30], ["1", "2", "30"]), ([False, True, "x"], ["False", "True", "x"]),
                            ([np.int64(-3), np.str_("zwölf"), np.float64(0.1)], ["-3", "zwölf", "0.1"]),
                            ([np.bool_(True), np.float32(2.5), 1e22], ["True", "2.5", "1e+22"]),
                            ([0.5, 20.0, 100.0], ["0.5", "20.0", "100.0"])):
        assert [str(x) for x in vocab] == expected
        assert work.info(work.load(learner(model, vocab=vocab)))["classes"] == expected
        assert work.info(work.load(learner(model, vocab=vocab),
                                   pickle_protocol=4))["classes"] == expected
    reals = [0.0, -0.0, 1e15, 1e16, 123456789012345680.0, 9999999999999998.0, 0.0001, 0.00012, 1e-5,
             -1234.5, 1 / 3, 1e100, 5e-324, 2.0**53, float("inf"), float("nan"), -1e-7, 1e-4 / 3]
    rng = np.random.default_rng(3)
    reals += [float(x) * 10.0**int(e) for x, e in zip(rng.normal(size=60), rng.integers(-20, 20, 60))]
    reals += [np.float32(x) for x in (20, 0.1, 16777216, 123456789, 1.5e-5, 3e9, 1 / 3)]
    wide = network(len(reals), lin_ftrs=[])
    assert work.info(work.load(learner(wide, vocab=reals)))["classes"] == [str(x) for x in reals]
    work.refused(learner(model, vocab=["a", "a", "b"]), "two classes are named a")
    work.refused(learner(model, vocab=["a", "b"]), "2 class names")
    work.refused(learner(model, vocab=["a", "b", "c\x1b[2J"]), "class 3")
    work.refused(learner(model, vocab=["a", "b", ("c",)]), "class 3", "--labels FILE")
    given = work.folder / "given.txt"
    given.write_text("x\ny\nz\n")
    for one in (learner(model, vocab=["a", "b", "c\n"]), learner(model, vocab=["a", "b", ("c",)]),
                learner(model, kind="RegressionSetup", vocab=None)):
        assert work.info(work.load(one, "--labels", given))["classes"] == ["x", "y", "z"]


def test_scores_and_refusals(work):
    model = network(lin_ftrs=[])
    multi = work.load(learner(model, kind="MultiCategorize", loss="BCEWithLogitsLossFlat"))
    assert work.info(multi)["scores"] == "sigmoid"
    unknown = work.load(learner(model, kind="EncodedMultiCategorize", loss="MyLoss"))
    assert work.info(unknown)["scores"] == "sigmoid"
    assert "scores" not in work.info(work.load(learner(model, loss="MyLoss")))
    work.refused(learner(model, loss="MSELossFlat"), "regression")
    work.refused(learner(model, kind="RegressionSetup", vocab=None), "no list of classes")
    work.refused(learner(network(y_range=True)), "fastai.layers.SigmoidRange")
    work.refused(learner(torchvision.models.alexnet(weights=None)), "AlexNet")
    wrong = network()
    wrong[1][5], wrong[1][6] = wrong[1][6], wrong[1][5]  # batch norm in front of the ReLU
    work.refused(learner(wrong), "ReLU")
    eps = network()
    eps[0][1].eps = 1e-3
    work.refused(learner(eps), "eps")
    # a path of the other system, which stops load_learner, is nothing here
    work.load(learner(model, path=pathlib.PureWindowsPath("C:/models")))


def test_modules(work):
    torch.manual_seed(4)
    resnet = calibrate(torchvision.models.resnet18(weights=None, num_classes=3))
    labels = work.folder / "labels.txt"
    labels.write_text("a\nb\nc\n")
    rules = ("--labels", labels, "--resize-rule", "crop", "--resize", "64")
    for thing in (resnet, nn.DataParallel(resnet), {"model": resnet, "cls": "Learner"}):
        work.same_logits(work.load(thing, *rules), resnet)
    work.same_logits(work.load(resnet, *rules, _use_new_zipfile_serialization=True), resnet)
    model = network()
    work.same_logits(work.load(model, *rules), model)


def test_modules_that_differ(work):
    """The tensors of a ResNet, and another computation: told from the modules alone."""
    labels = work.folder / "labels.txt"
    labels.write_text("a\nb\nc\n")
    rules = ("--labels", labels, "--resize-rule", "crop", "--resize", "64")

    def altered(**changes):
        model = torchvision.models.resnet18(weights=None, num_classes=3)
        for path, value in changes.items():
            *names, last = path.split("__")
            setattr(model.get_submodule(".".join(names)), last, value)
        return model

    changes = [
        ({"maxpool": nn.Identity()}, "Identity at maxpool where there should be MaxPool2d"),
        ({"maxpool": nn.MaxPool2d(2, 2)}, "MaxPool2d at maxpool that is not the usual one"),
        ({"maxpool": nn.MaxPool2d(3, 2, 1, ceil_mode=True)}, "that is not the usual one"),
        ({"maxpool": nn.MaxPool2d(3, 2, 1, dilation=2)}, "that is not the usual one"),
        ({"relu": nn.Identity()}, "Identity at relu where there should be ReLU"),
        ({"layer1__0__relu": nn.Identity()}, "Identity at layer1.0.relu"),
        ({"avgpool": nn.AdaptiveMaxPool2d(1)}, "AdaptiveMaxPool2d at avgpool"),
        ({"avgpool": nn.AdaptiveAvgPool2d(2)}, "that leaves several pixels"),
        ({"conv1__stride": (1, 1)}, "conv1.weight steps by 1 with a padding of 3"),
        ({"conv1__padding": (2, 2)}, "conv1.weight steps by 2 with a padding of 2"),
        ({"conv1__stride": (2, 1)}, "same number of pixels both ways"),
        ({"layer4__0__conv1__stride": (1, 1), "layer4__0__downsample__0__stride": (1, 1)},
         "layer4.0.conv1.weight steps by 1"),
        ({"layer2__0__downsample__0__stride": (1, 1)}, "layer2.0.downsample.0.weight steps by 1"),
        ({"layer3__1__conv2__groups": 2}, "with groups"),
        ({"layer3__1__bn2__eps": 0}, "another eps"),
    ]
    for change, part in changes:
        work.refused_with(altered(**change), rules, part)
    tail = altered()
    tail.layer3.add_module("2", nn.MaxPool2d(3, 2, 1))
    work.refused_with(tail, rules, "layer3.2 where there should be BasicBlock or Bottleneck")
    for outer in (nn.Sequential(altered(), nn.ReLU()), nn.Sequential(nn.MaxPool2d(3, 2, 1), altered())):
        work.refused_with(outer, rules, "not put together like")
    work.load(nn.Sequential(altered()), *rules)

    def fastai(change):
        model = network()
        change(model)
        return model
    changes = [
        (lambda m: m[0].__setitem__(3, nn.Identity()), "Identity at 0.3 where there should be MaxPool2d"),
        (lambda m: m[0].__setitem__(2, nn.Identity()), "Identity at 0.2 where there should be ReLU"),
        (lambda m: m[0].append(nn.AdaptiveAvgPool2d(1)), "0.8 where there should be nothing"),
        (lambda m: m[1].__setitem__(0, nn.Identity()), "before anything pools"),
        (lambda m: m[1].__setitem__(0, nn.AdaptiveMaxPool2d(1)), "AdaptiveMaxPool2d at 1.0"),
        (lambda m: m[1].__setitem__(1, nn.AdaptiveAvgPool2d(1)), "behind the layer that pools"),
        (lambda m: m.append(nn.ReLU()), "not put together like"),
    ]
    for change, part in changes:
        work.refused(learner(fastai(change)), part)


def test_saved(work):
    """learn.save(): no class names, no preprocessing."""
    model = network()
    photos = work.folder / "training"
    for name in ["b", "Z", "ö", ".hidden"]:
        (photos / name).mkdir(parents=True)
        (photos / name / "1.jpg").write_text("")
    (photos / "models").mkdir()  # where learn.save() writes
    (photos / "models" / "saved.pth").write_text("")
    (photos / "file.txt").write_text("")
    plain = model.state_dict()
    optimizer = {"model": plain, "opt": {"state": [{"mom": torch.zeros(3)}], "hypers": make(L, items=[])}}
    for thing in (plain, optimizer):
        path = work.load(thing, "--labels-from", photos, "--resize", "64")
        info = work.info(path)
        assert info["classes"] == ["Z", "b", "ö"], info["classes"]
        assert info["preprocessing"]["crop"] == [64, 64] and info["preprocessing"]["resize"] == "crop"
        work.same_logits(path, model)
    work.refused(plain, "no class names", "3 classes", "--labels FILE", "--labels-from FOLDER")
    usual = work.load(plain, "--labels-from", photos)
    assert work.info(usual)["preprocessing"]["size"] == [224, 224]
    both = run("import", work.save(plain), "-o", work.name(".st"), "--labels", "x", "--labels-from",
               photos, code=2)
    assert "--labels-from" in both
    (photos / "more").mkdir()
    (photos / "more" / "1.png").write_text("")
    more = run("import", work.save(plain), "-o", work.name(".st"), "--labels-from", photos, code=1)
    assert "there are 4 class names (Z, b, more, ö), but the network has 3 classes" in more, more
    (photos / "more" / "1.png").unlink()
    empty = work.folder / "empty"
    empty.mkdir()
    for folder in (empty, work.folder / "nowhere"):
        error = run("import", work.save(plain), "-o", work.name(".st"), "--labels-from", folder,
                    code=1)
        assert folder.name in error, error
    sampled = work.load(plain, "--labels-from", photos, "--resize", "96", "--resample", "64x48")
    assert work.info(sampled)["preprocessing"]["resamples"] == [{"size": [64, 48], "align_corners": True}]
    # as test_transforms has it of an export
    sampled = work.load(plain, "--labels-from", photos, "--resize-rule", "crop", "--resize", "96x80",
                        "--resample", "same,64")
    assert work.info(sampled)["preprocessing"]["resamples"] == [
        {"size": [96, 80], "align_corners": True},
        {"size": [64, 64], "align_corners": True, "crop": {"ratio": [1, 1], "scale": 1}}]
    said = subprocess.run([CUBBY, "import", work.save(plain), "-o", work.name(".st"), "--labels-from",
                           photos], capture_output=True, text=True).stderr
    assert "Assumed: a photo shows one of the classes" in said, said
    sigmoid = work.load(plain, "--labels-from", photos, "--scores", "sigmoid")
    assert work.info(sigmoid)["scores"] == "sigmoid"


def test_messages(work):
    """Each says what is wrong, and only that."""
    three = work.folder / "three.txt"
    three.write_text("a\nb\nc\n")
    model = torchvision.models.resnet18(weights=None, num_classes=3).state_dict()
    deep = dict(model)
    deep["conv1.0.weight"] = deep.pop("conv1.weight")
    error = run("import", work.save(deep), "-o", work.name(".st"), code=1)
    assert "--labels" not in error, error
    plain = work.save(model)
    for command in (("info",), ("export", "-o", work.name(".st")), ("devices", "--check"),
                    ("classify", work.photos[0], "--model")):
        error = run(*command, plain, code=1)
        assert "cubby import FILE -o MODEL --labels NAMES" in error, error
        assert error.count("cubby: error") == 1, error
        error = run(*command, work.folder, code=1)
        assert "is a folder" in error, error
    for options in ((), ("--inspect",)):
        error = run("import", work.folder, "-o", work.name(".st"), *options, code=1)
        assert "folder without config.json" in error, error
    one = torchvision.models.resnet18(weights=None, num_classes=1).state_dict()
    name = work.folder / "one.txt"
    name.write_text("yes\n")
    work.refused_with(one, ("--labels", name), "one output", "--scores sigmoid")
    assert work.info(work.load(one, "--labels", name, "--scores", "sigmoid"))["scores"] == "sigmoid"


# ---- self-test and export

def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    kinds = {"F32": np.float32, "I64": np.int64, "F16": np.float16}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + size + begin:8 + size + end], kinds[entry["dtype"]])
        tensors[name] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    return metadata, tensors


def write_metadata(path, out, change):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    change(header["__metadata__"])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    out.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size:])
    return out


def test_selftest(work):
    model = network()
    path = work.load(learner(model))
    stored = json.loads(read_safetensors(path)[0]["cubby.selftest"])
    state, pixels = 1, []
    for _ in range(64 * 64 * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        pixels.append(state >> 24)
    inputs = torch.tensor(pixels).view(1, 64, 64, 3).permute(0, 3, 1, 2).float() / 255
    inputs = (inputs - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        want = model(inputs).numpy()[0]
    assert np.abs(np.array(stored["logits"]) - want).max() < TOLERANCE * np.abs(want).max()
    half = work.load(learner(model), "--fp16")
    # On the device its photos are floats.
    resampled = work.load(learner(model, None, [transform("Flip", size=(48, 48), mode="bilinear",
                                                          align_corners=True), normalize()]))
    for good in (path, half, resampled):
        devices = json.loads(run("devices", "--check", good, "--json"))
        assert [d["self_test"]["agrees"] for d in devices if d["usable"]].count(False) == 0
    assert "agrees" in run("devices", "--check", path)

    def tampered(change):
        def apply(metadata):
            test = json.loads(metadata["cubby.selftest"])
            change(test)
            metadata["cubby.selftest"] = json.dumps(test)
        return write_metadata(path, work.name(".st"), apply)

    def check(bad):
        return subprocess.run([CUBBY, "devices", "--check", bad], capture_output=True, text=True)
    wrong = check(tampered(lambda t: t["logits"].__setitem__(1, t["logits"][1] + 0.05 * max(want))))
    assert wrong.returncode == 1 and "DISAGREES" in wrong.stdout, wrong
    for change in (lambda t: t["logits"].pop(), lambda t: t.update(input="0" * 32),
                   lambda t: t.update(side=10**9), lambda t: t.update(logits=["x", "y", "z"])):
        bad = check(tampered(change))
        assert bad.returncode == 1 and "self-test is damaged" in bad.stderr, bad
    for text in ("{", "[" * 1000, "null"):
        bad = check(write_metadata(path, work.name(".st"),
                                   lambda m: m.update({"cubby.selftest": text})))
        assert bad.returncode == 1 and "cubby: error" in bad.stderr, bad
    none = check(write_metadata(path, work.name(".st"), lambda m: m.pop("cubby.selftest")))
    assert none.returncode == 1 and "no self-test" in none.stderr, none


def test_export(work):
    torch.manual_seed(4)
    resnet = calibrate(torchvision.models.resnet18(weights=None, num_classes=3))
    labels = work.folder / "names.txt"
    labels.write_text("a\nb\nc\n")
    path = work.load(resnet, "--labels", labels, "--resize-rule", "crop", "--resize", "64")
    for library in ("torchvision", "timm"):
        out = work.name(".safetensors")
        run("export", path, "-o", out, "--names", library)
        metadata, tensors = read_safetensors(out)
        assert metadata["format"] == "pt" and json.loads(metadata["cubby.classes"]) == ["a", "b", "c"]
        again = torchvision.models.resnet18(weights=None, num_classes=3)
        again.load_state_dict(tensors, strict=True)
        for name, tensor in resnet.state_dict().items():
            assert name.endswith("num_batches_tracked") or torch.equal(again.state_dict()[name], tensor)
        work.same_logits(out, resnet)
    # one linear layer behind a batch norm on averages: foldable
    model = network(lin_ftrs=[], concat_pool=False)
    out = work.name(".safetensors")
    run("export", work.load(learner(model)), "-o", out)
    again = torchvision.models.resnet18(weights=None, num_classes=3)
    again.load_state_dict(read_safetensors(out)[1], strict=True)
    work.same_logits(out, model)
    work.same_logits(out, again.eval())
    # not foldable
    model = network()
    out = work.name(".safetensors")
    source = work.load(learner(model))
    said = subprocess.run([CUBBY, "export", source, "-o", out], capture_output=True, text=True)
    assert said.returncode == 0 and "head.N" in said.stderr, said
    tensors = read_safetensors(out)[1]
    parts = {name[5:]: value for name, value in tensors.items() if name.startswith("head.")}
    network()[1].load_state_dict(parts, strict=True)
    work.same_logits(out, model)
    assert "already" in run("export", source, "-o", out, code=1)


def main():
    torch.set_num_threads(2)
    failed = 0
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Work(Path(folder)))
                print(f"ok {name}")
            except AssertionError as error:
                failed += 1
                print(f"FAILED {name}: {error} (line {error.__traceback__.tb_next.tb_lineno})")
    return failed != 0


sys.exit(main())
