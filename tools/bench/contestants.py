"""The networks that are compared, each in a process of its own: contestants.py NAME FOLDER

A contestant loads resnet50.* from FOLDER, warms up, and prints its logits for input.npy as one JSON
line. Then, for each line of its input, which is a number of seconds, it runs batches for that long and
prints {"images": N, "seconds": S}. One core: the caller sets the affinity, and each library is told to use
one thread."""
import json
import sys
import time
from pathlib import Path

import numpy as np


def onnxruntime_cpu(folder, batch):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "resnet50.onnx"), options, ["CPUExecutionProvider"])
    return batch, lambda x: session.run(None, {"x": x})[0]


def torch_cpu(folder, batch):
    import torch
    import torchvision
    torch.set_num_threads(1)
    network = torchvision.models.resnet50(weights=None)
    network.load_state_dict(torch.load(folder / "resnet50.pth"))
    network = network.eval().to(memory_format=torch.channels_last)

    def run(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x).contiguous(memory_format=torch.channels_last)).numpy()
    return batch, run


def ncnn_network(folder, vulkan, **modes):
    import ncnn
    network = ncnn.Net()
    network.opt.use_vulkan_compute = vulkan
    network.opt.num_threads = 1
    for name, value in modes.items():
        setattr(network.opt, name, value)
    if vulkan and ncnn.get_gpu_count() == 0:
        sys.exit("ncnn finds no Vulkan device")
    if network.load_param(str(folder / "resnet50.ncnn.param")) or network.load_model(str(folder / "resnet50.ncnn.bin")):
        sys.exit("ncnn cannot load the network")

    def run(x):  # ncnn has no batches
        rows = []
        for image in x:
            extractor = network.create_extractor()
            extractor.input("in0", ncnn.Mat(image))
            rows.append(np.array(extractor.extract("out0")[1]))
        return np.stack(rows)
    return 1, run


FP32 = {"use_fp16_packed": False, "use_fp16_storage": False, "use_fp16_arithmetic": False, "use_bf16_storage": False}
PACKED = {**FP32, "use_fp16_packed": True}
STORAGE = {**PACKED, "use_fp16_storage": True}
DIRECT = {**FP32, "use_winograd_convolution": False}
NO_SGEMM = {**FP32, "use_sgemm_convolution": False}
NO_PACKING = {**FP32, "use_packing_layout": False}
NO_SUBGROUPS = {**FP32, "use_subgroup_ops": False}
CONTESTANTS = {
    "onnxruntime": lambda folder: onnxruntime_cpu(folder, 1),
    "onnxruntime-8": lambda folder: onnxruntime_cpu(folder, 8),
    "torch": lambda folder: torch_cpu(folder, 1),
    "torch-8": lambda folder: torch_cpu(folder, 8),
    "ncnn-cpu": lambda folder: ncnn_network(folder, False, **FP32),
    # All modes that ncnn's Vulkan path offers here; compare.py takes the fastest.
    "ncnn-vulkan-default": lambda folder: ncnn_network(folder, True),
    "ncnn-vulkan-fp32": lambda folder: ncnn_network(folder, True, **FP32),
    "ncnn-vulkan-packed": lambda folder: ncnn_network(folder, True, **PACKED),
    "ncnn-vulkan-storage": lambda folder: ncnn_network(folder, True, **STORAGE),
    "ncnn-vulkan-direct": lambda folder: ncnn_network(folder, True, **DIRECT),
    "ncnn-vulkan-no-sgemm": lambda folder: ncnn_network(folder, True, **NO_SGEMM),
    "ncnn-vulkan-no-packing": lambda folder: ncnn_network(folder, True, **NO_PACKING),
    "ncnn-vulkan-no-subgroups": lambda folder: ncnn_network(folder, True, **NO_SUBGROUPS),
}


def main(name, folder):
    batch, run = CONTESTANTS[name](folder)
    inputs = np.load(folder / "input.npy")
    logits = [run(inputs[i:i + 1])[0].tolist() for i in range(len(inputs))]
    x = np.repeat(inputs[:1], batch, axis=0)
    run(x)
    print(json.dumps(logits), flush=True)
    for line in sys.stdin:
        images, started = 0, time.perf_counter()
        while time.perf_counter() - started < float(line):
            run(x)
            images += batch
        print(json.dumps({"images": images, "seconds": time.perf_counter() - started}), flush=True)


main(sys.argv[1], Path(sys.argv[2]))
