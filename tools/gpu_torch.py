"""The rate of PyTorch's ResNet-50 on this machine's GPU, as fast as PyTorch goes without a compiler:
gpu_torch.py WEIGHTS.safetensors   fp16, channels_last, CUDA graphs, at several batch sizes; fp32 on a CPU."""
import json
import struct
import sys
import time

import torch


def load(path):
    """safetensors, without the library."""
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[start:end], dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def rate(run, batch, wait, seconds=3):
    for _ in range(3):
        run()
    wait()
    images, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for _ in range(4):
            run()
        wait()
        images += 4 * batch
    return images / (time.perf_counter() - started)


def graph_of(network, x):
    """The forward pass as one CUDA graph."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            network(x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(x)
    return graph.replay


def main(path):
    import torchvision
    tensors = load(path)
    network = torchvision.models.resnet50(weights=None, num_classes=len(tensors["fc.bias"]))
    network.load_state_dict(tensors)
    network = network.eval().to(memory_format=torch.channels_last)
    gpu = torch.cuda.is_available()
    print(f"torch {torch.__version__} on {torch.cuda.get_device_name() if gpu else 'the CPU'}")
    wait = torch.cuda.synchronize if gpu else lambda: None
    with torch.inference_mode():
        for kind in (torch.float16, torch.float32) if gpu else (torch.float32,):
            torch.backends.cudnn.benchmark = True
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
            network = network.to(kind)
            for batch in (32, 128, 172, 256) if gpu else (8,):
                x = torch.randn(batch, 3, 224, 224, dtype=kind).to(memory_format=torch.channels_last)
                if gpu:
                    network, x = network.cuda(), x.cuda()
                run = graph_of(network, x) if gpu else lambda x=x: network(x)
                print(f"{str(kind)[6:]}, batches of {batch}: {rate(run, batch, wait):.1f} images/s", flush=True)


main(sys.argv[1])
