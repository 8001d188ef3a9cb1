"""Shows `cubby import --inspect` model files that lie: those of tests/data/hostile-models.tar.xz against
their manifest, and more that are made here. Each is answered in one sentence, within 2 seconds and 256 MB
(under sanitizers a stated multiple of them), and never by a signal.

usage: hostile_models_test.py BUILD_DIR [COUNT]     COUNT damaged copies of each sound file, 120 when left out
"""
import io
import json
import os
import pickle
import random
import resource
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CUBBY = Path(sys.argv[1]).resolve() / "cubby"
SERVE = "serve"
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != SERVE else 120
DATA = Path(__file__).resolve().parents[1] / "data" / "hostile-models.tar.xz"
SECONDS, MEGABYTES = 2, 256
# Under sanitizers: shadow memory and red zones, and what is freed and kept back for a while.
SANITIZED_SECONDS, SANITIZED_MEGABYTES = 3, 1.5
ENDLESS = 30  # seconds of processor time after which a program is ended
KEPT_BACK = ":quarantine_size_mb=16"

checked = failed = 0
slowest = largest = 0.0


def inspect(path):
    """Exit code (negative: a signal), seconds of processor time, megabytes, what was said."""
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen([CUBBY, "import", "--inspect", "--json", path], stdout=nowhere,
                                   stderr=subprocess.PIPE, text=True, errors="replace")
        said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def serve():
    """Linux counts to a process what its parent had when it was made, so a small one makes them."""
    resource.setrlimit(resource.RLIMIT_CPU, (ENDLESS, ENDLESS))
    for line in sys.stdin:
        print(json.dumps(inspect(json.loads(line))), flush=True)


class Measurer:
    def __init__(self):
        environment = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + KEPT_BACK}
        self.process = subprocess.Popen([sys.executable, Path(__file__).resolve(), CUBBY.parent, SERVE],
                                        text=True, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def inspect(self, path):
        print(json.dumps(str(path)), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


# Nothing in these is damaged or dangerous: read whole, and no network that cubby knows.
READABLE = {"Learner: wide", "Learner: relu", "Learner: absurd size",
            "Learner: children are a list", "Learner: vocab is a number"}


def check(path, expectation, name=None):
    global checked, failed, slowest, largest
    code, seconds, megabytes, said = measurer.inspect(Path(path).resolve())
    slowest, largest = max(slowest, seconds), max(largest, megabytes)
    wrong = None
    if name in READABLE:
        expectation = "ok"
    if code not in {"ok": (0,), "refuse": (1,)}.get(expectation, (0, 1)):
        wrong = f"exit code {code}, expected {expectation}"
    elif code == 1 and said.count("cubby: error: ") != 1:
        wrong = "not refused in one sentence"
    elif seconds > SECONDS:
        wrong = f"{seconds:.1f} s"
    elif megabytes > MEGABYTES:
        wrong = f"{megabytes:.0f} MB"
    checked += 1
    if wrong:
        failed += 1
        print(f"FAILED {name or Path(path).name}: {wrong}\n{said[:500]}")


def check_manifest(folder):
    with tarfile.open(DATA) as archive:
        archive.extractall(folder)
    folder = folder / "hostile-models"
    lines = (folder / "manifest.tsv").read_text().splitlines()
    for line in lines:
        name, expectation = line.split("\t")[:2]
        check(folder / name, expectation)
    return folder


# ---- made here

def torch_zip(data, storages=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", data)
        for key, value in storages:
            archive.writestr(f"a/data/{key}", value)
    return out.getvalue()


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def cyclic():
    value = []
    value.append(value)
    return pickle.dumps({"a": value}, 2)


class Named:
    """Pickles as an object of any class: Named("m", "C")(state)."""
    def __init__(self, module, name):
        self.text = f"c{module}\n{name}\n)\x81".encode("latin1")

    def __call__(self, state):
        return self.text + state + b"b"


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def pairs(**values):
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def learner(model=b"N", vocab=b"]", items=b"]", batches=b"]"):
    pipeline = Named("fastcore.transform", "Pipeline")
    transform = Named("fastai.data.transforms", "Categorize")(pairs(vocab=vocab))
    tls = b"](" + Named("x", "T")(pairs(tfms=pipeline(pairs(fs=b"](" + transform + b"e")))) + b"e"
    loader = Named("x", "D")(pairs(dataset=Named("x", "S")(pairs(tls=tls)),
                                   after_item=pipeline(pairs(fs=items)),
                                   after_batch=pipeline(pairs(fs=batches))))
    dls = Named("x", "L")(pairs(loaders=b"](" + loader + b"e"))
    return b"\x80\x02" + Named("fastai.learner", "Learner")(pairs(dls=dls, model=model)) + b"."


def module(name, children=b"}"):
    return Named("torch.nn.modules." + name.rsplit(".", 1)[0], name.rsplit(".", 1)[1])(
        pairs(_parameters=b"}", _buffers=b"}", _modules=children))


def learners():
    relu = module("activation.ReLU")
    # A Sequential that is its own child: memoised, then fetched inside of its own state.
    itself = (b"ctorch.nn.modules.container\nSequential\n)\x81q\x05" +
              pairs(_parameters=b"}", _buffers=b"}", _modules=b"}(" + text("0") + b"h\x05u") + b"b")
    deep = relu
    for _ in range(200):
        deep = module("container.Sequential", b"}(" + text("0") + deep + b"u")
    wide = module("container.Sequential",
                  b"}(" + b"".join(text(str(i)) + b"N" for i in range(100000)) + b"u")
    evil = Named("os", "system")(pairs(_parameters=b"}", _buffers=b"}", _modules=b"}"))
    size = pairs(size=b"J\xff\xff\xff\x7f", method=text("crop"), pad_mode=text("zeros"))
    resize = b"](" + Named("fastai.vision.augment", "Resize")(size) + b"e"
    many = b"](" + (b"K\x01" * 300000) + b"e"
    return {"no model": learner(), "itself": learner(itself), "deep": learner(deep),
            "wide": learner(wide), "evil": learner(evil), "relu": learner(relu),
            "vocab is a number": learner(relu, b"K\x03"), "many classes": learner(relu, many),
            "absurd size": learner(relu, b"](" + text("a") + b"e", resize),
            "module key is a number": learner(module("container.Sequential",
                                                     b"}(K\x01" + relu + b"u")),
            "children are a list": learner(module("container.Sequential", b"]")),
            "child is a text": learner(module("container.Sequential",
                                              b"}(" + text("0") + text("x") + b"u"))}


def headers():
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    return {
        "two of a name": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                         b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        "overlap": {"a": one, "b": one},
        "rank 9": {"a": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}},
        "rank 100000": {"a": {"dtype": "F32", "shape": [1] * 100000, "data_offsets": [0, 4]}},
        "control character": {"a\x1b[2J": one},
        "long name": {"a" * 5000: one},
        "float shape": {"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}},
        "huge shape": {"a": {"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 4]}},
        "no shape": {"a": {"dtype": "F32", "data_offsets": [0, 4]}},
        "offsets of three": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        "array": [one], "number": 7, "empty": b"", "deep": b"[" * 100000, "null": None,
        "deep object": b'{"a":' * 100000,
        "lone surrogate": b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        "nul": b'{"a\\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        "million values": {"__metadata__": {str(i): "" for i in range(300000)}, "a": one},
        "million entries": b'{"__metadata__":{' + b",".join(b'"%x":""' % i for i in range(1000000)) + b"}}",
        "entries as many as allowed values": b'{"__metadata__":{' + b",".join(
            b'"%x":""' % i for i in range(790000)) + b"}}",
        "long text": b'{"__metadata__":{"a":"' + b"x" * 99000000 + b'"}}',
        "many tensors": {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
                         for i in range(120000)},
    }


def pickles():
    return {
        "cyclic": cyclic(), "empty dict": pickle.dumps({}, 2), "a list": pickle.dumps([1, 2], 2),
        "deep lists": b"\x80\x02" + b"](" * 100000 + b"e" * 100000 + b".",
        "a text": pickle.dumps("x" * 1000000, 2), "stop": b"\x80\x02.", "nothing": b"",
        "protocol 255": b"\x80\xff.", "wrong opcode": b"\x80\x02\xff.",
        "get of nothing": b"\x80\x02h\x07.", "persistent id": b"\x80\x02NQ.",
        "set of itself": b"\x80\x04\x8f\x94(h\x00\x90.",
        "dict in itself": b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
        "wrapped in itself": b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s.",
        "system": b"cos\nsystem\n(S'touch evil'\ntR.",
        "huge dict": b"\x80\x02}(" + b"".join(b"J" + struct.pack("<i", i) + b"N"
                                              for i in range(400000)) + b"u.",
    }


def unfolding():
    """Small pickles that cost much memory, or much time when what is in them is looked up."""
    itself = b"}q\x01(" + text("model_ema") + b"h\x01u"
    pair = text("zzzzz") + b"q\x000"
    # A ReLU with 200,000 attributes, as every child of a Sequential.
    child = (b"ctorch.nn.modules.activation\nReLU\n)\x81q\x01}(" + text("_modules") + b"}" +
             text("_parameters") + b"}" + (text("a") + b"q\x02N") + b"h\x02h\x02" * 200000 + b"ub0")
    shared = child + module("container.Sequential",
                            b"}(" + b"".join(text(str(i)) + b"h\x01" for i in range(5000)) + b"u")
    # 100,000 targets of 100,000 steps, all the same.
    target = Named("x", "T")(pairs(tfms=Named("x", "P")(pairs(fs=b"](" + b"h\x03" * 100000 + b"e"))))
    targets = Named("x", "S")(pairs(tls=b"](" + b"h\x04" * 100000 + b"e"))
    dls = Named("x", "L")(pairs(loaders=b"](" + Named("x", "D")(pairs(dataset=targets)) + b"e"))
    steps = (b"cm\nStep\n)\x81q\x030" + target + b"q\x040" + Named("fastai.learner", "Learner")(
        pairs(model=module("activation.ReLU"), dls=dls)))
    return {
        "names": b"(" + text("a" * 4096) + b"q\x00" + text("b" * 4096) + b"q\x01" +
                 b"h\x00h\x01\x930" * 200000 + b"1}",
        "objects": b"ca\nb\nq\x01)q\x0200" + b"h\x01h\x02R0" * 3000000 + b"}",
        "classes": b"ca\nb\n0" * 3000000 + b"}",
        "in itself": pair + itself + (b"(" + b"h\x00h\x00" * 100000 + b"u") * 70,
        "a little in itself": pair + itself + (b"(" + b"h\x00h\x00" * 100000 + b"u") * 20,
        "attributes": shared, "steps": steps,
    }


def storages(count):
    """A file of torch 0.1 with as many storages."""
    def entry(i):
        return b"\x80\x02J" + struct.pack("<i", i) + text("") + b"ctorch\nFloatStorage\n\x87." + bytes(8)
    members = {"storages": b"\x80\x02J" + struct.pack("<i", count) + b"." +
               b"".join(entry(i) for i in range(count)) + b"\x80\x02].", "tensors": b"\x80\x02K\0.",
               "pickle": b"\x80\x02}."}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def hugging_face(folder):
    """Folders whose config.json lies."""
    resnet = '"model_type": "resnet"'
    configs = ["", "[", "{}", "7", '{"model_type": 5}', "{" + resnet + ', "id2label": [1]}',
               "{" + resnet + ', "id2label": {"0": "a", "0": "b"}}',
               "{" + resnet + ', "id2label": {"5": "a"}}', "[" * 50000, "\x00" * 100,
               '{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 1e400, 7]}}',
               '{"architecture": "resnet50", "pretrained_cfg": {"crop_pct": "x", "input_size": []}}',
               "{" + resnet + ', "x": "' + "y" * (5 << 20) + '"}']
    for number, config in enumerate(configs):
        one = folder / f"hf{number}"
        one.mkdir()
        (one / "config.json").write_text(config)
        (one / "model.safetensors").write_bytes(b"?")
        check(one, "refuse", f"Hugging Face folder {number}")


def damaged(folder, sound):
    """Sound files cut off and with wrong bytes: any answer, but an answer."""
    rng = random.Random(1)
    path = folder / "damaged"
    for name, data in sound.items():
        for number in range(COUNT):
            wrong = bytearray(data)
            if number % 3 == 0:
                wrong = wrong[:rng.randrange(len(wrong))]
            for _ in range(rng.randrange(1, 4) if number % 3 else 0):
                wrong[rng.randrange(min(len(wrong), 2000))] = rng.choice(
                    [0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
            path.write_bytes(wrong)
            check(path, "any", f"{name}, damage {number}")


def main():
    global measurer, SECONDS, MEGABYTES
    if b"__asan_init" in CUBBY.read_bytes():
        SECONDS, MEGABYTES = SECONDS * SANITIZED_SECONDS, MEGABYTES * SANITIZED_MEGABYTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        measurer = Measurer()
        hostile = check_manifest(folder)
        given = checked
        path = folder / "made"
        for title, header in headers().items():
            path.write_bytes(safetensors(header, b"\0" * 4))
            check(path, "refuse", f"safetensors: {title}")
        for title, data in pickles().items():
            path.write_bytes(torch_zip(data))
            check(path, "refuse", f"pickle: {title}")
        for title, data in learners().items():
            path.write_bytes(torch_zip(data))
            check(path, "refuse", f"Learner: {title}")
        for title, data in unfolding().items():
            path.write_bytes(torch_zip(b"\x80\x02" + data + b"."))
            check(path, "refuse", f"unfolding: {title}")
        path.write_bytes(storages(399000))
        check(path, "refuse", "torch tar: 399,000 storages")
        hugging_face(folder)
        damaged(folder, {name: (hostile / name).read_bytes() for name in
                         ("ok_minimal.pth", "legacy_ok.pth", "st_ok_padded.safetensors")})
        assert not Path("evil").exists(), "something in a pickle was run"
        os.chdir("/")
    print(f"{given} given and {checked - given} made files, {failed} answered wrongly; at most {slowest:.1f} s "
          f"of {SECONDS} and {largest:.0f} MB of {MEGABYTES:.0f}")
    return 1 if failed else 0


sys.exit(serve() if SERVE in sys.argv else main())
