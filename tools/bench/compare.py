"""Measures cubby and the alternatives in turns, and prints medians and ratios: compare.py [OPTIONS]
`tools/bench/run` prepares everything and calls this; README.md here says what is compared and why."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
EXACT, SIXTEEN_BITS = 1e-3, 3e-2  # how far logits may differ, of the largest
NETWORKS = ["onnxruntime", "onnxruntime-8", "torch", "torch-8", "ncnn-cpu"]
NCNN_MODES = ["default", "fp32", "packed", "storage", "direct", "no-sgemm", "no-packing", "no-subgroups"]
# Of DataLoader's workers and torch's threads; tried first, the fastest goes into the rounds.
TORCH_SETTINGS = [(0, 2), (1, 1), (1, 2), (2, 1), (2, 2)]


def note(text):
    print(text, file=sys.stderr, flush=True)


def run_json(command, env=None, **more):
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True, **more)
    return json.loads(done.stdout.strip().splitlines()[-1])


def pinned(cores, command):
    return ["taskset", "-c", cores, *map(str, command)]


# ---- the network alone, one core


class Contestant:
    """A process that waits between its turns; see contestants.py."""

    def __init__(self, name, folder, core, width=None):
        self.name = name + (f"-{width}bit" if width else "")
        env = {**os.environ, "LP_NUM_THREADS": "0", "OMP_NUM_THREADS": "1"}
        if width:
            env["LP_NATIVE_VECTOR_WIDTH"] = str(width)
        command = pinned(core, [sys.executable, HERE / "contestants.py", name, folder])
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        self.logits = json.loads(line) if line else None

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        done = json.loads(self.process.stdout.readline())
        return done["images"] / done["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Cubby:
    """Each turn is a `cubby bench`, which warms up by itself."""

    def __init__(self, name, args, core, batch=None):
        self.name, self.core, self.batch = name, core, batch
        self.command = [args.cubby, "bench", "--model", args.folder / "resnet50.cubby.safetensors", "--only",
                        "network", "--json", *(["--batch", str(batch)] if batch else [])]
        self.logits = cubby_logits(args, core)

    def turn(self, seconds):
        env = {**os.environ, "LP_NUM_THREADS": "0"}
        done = run_json(pinned(self.core, [*self.command, "--seconds", str(seconds)]), env, stderr=subprocess.DEVNULL)
        return done["network"]["images_per_s"]

    def close(self):
        pass


def cubby_logits(args, core):
    command = [args.cubby, "classify", *sorted(args.folder.glob("input-*.ppm")), "--json", "--logits", "--exact",
               "--model", args.folder / "resnet50.cubby.safetensors"]
    env = {**os.environ, "LP_NUM_THREADS": "0"}
    done = subprocess.run(pinned(core, command), env=env, stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line)["logits"] for line in done.stdout.splitlines()]


def difference(contestant, reference):
    """Of the largest logit; None: it does not run here."""
    if contestant.logits is None:
        return None
    expected = np.array(reference.logits)
    return float(np.abs(np.array(contestant.logits) - expected).max() / np.abs(expected).max())


def allowed(name):
    exact = not name.startswith("ncnn-vulkan") or any(mode in name for mode in ("fp32", "direct", "no-"))
    return EXACT if exact else SIXTEEN_BITS


def choose_ncnn(args, reference, core):
    """Two of ncnn's Vulkan modes whose answers are right, the fastest in turns, and what each gave."""
    modes = [(mode, 256) for mode in NCNN_MODES] + [("default", 512), ("fp32", 512)]
    tried = []
    for mode, width in modes:
        contestant = Contestant(f"ncnn-vulkan-{mode}", args.folder, core, width)
        wrong = difference(contestant, reference)
        if wrong is not None and wrong <= allowed(contestant.name):
            tried.append(contestant)
        else:
            note(f"  {contestant.name} gives no comparable answer: {wrong}")
            contestant.close()
        time.sleep(args.pause)
    rates = {c.name: [] for c in tried}
    for _ in range(3):
        for contestant in tried:
            rates[contestant.name].append(contestant.turn(args.seconds / 4))
        time.sleep(args.pause)
    best = {name: max(values) for name, values in rates.items()}
    note("  " + ", ".join(f"{name} {rate:.2f}" for name, rate in best.items()))
    tried.sort(key=lambda c: -best[c.name])
    for contestant in tried[2:]:
        contestant.close()
    return tried[:2], best


def compare_networks(args):
    core = args.cores.split(",")[0]
    reference = Contestant("torch", args.folder, core)
    note("ncnn's Vulkan modes")
    ncnn, modes = choose_ncnn(args, reference, core)
    others = [Contestant(name, args.folder, core) for name in NETWORKS if name != "torch"]
    contestants = [Cubby("cubby", args, core), Cubby("cubby-1", args, core, 1), *ncnn, reference, *others]
    differences = {c.name: difference(c, reference) for c in contestants}
    for name, value in differences.items():
        if value is None or value > allowed(name):
            sys.exit(f"void: {name} gives other logits than torch ({value})")
    rates = {c.name: [] for c in contestants}
    for i in range(args.rounds):
        for c in contestants:
            rates[c.name].append(c.turn(args.seconds))
        time.sleep(args.pause)
        note(f"  round {i + 1}: " + ", ".join(f"{name} {values[-1]:.2f}" for name, values in rates.items()))
    for c in contestants:
        c.close()
    return {"rates": rates, "differences": differences, "ncnn_modes": modes}


# ---- end to end, two cores


def sort_cubby(args, into):
    done = run_json(pinned(args.cores, [args.cubby, "sort", args.photos, "--into", into, "--json", "-q", "--no-groups"]))
    return done["summary"]["found"] / done["summary"]["seconds"]


def sort_torch(args, into, settings, decoding):
    command = [sys.executable, HERE / "sort_torch.py", args.folder / "workshop.torch.safetensors",
               args.folder / "classes.txt", args.photos, into, *settings, decoding]
    done = run_json(pinned(args.cores, command), stderr=subprocess.DEVNULL)
    return done["photos"] / done["seconds"]


def in_new_folder(args, body):
    """body(folder) and what lies where afterwards."""
    with tempfile.TemporaryDirectory(dir=args.folder) as top:
        into = Path(top) / "sorted"
        rate = body(into)
        os.sync()  # what one leaves to be written does not slow the next
        return rate, {p.name: p.parent.name for p in into.rglob("*") if p.is_file() and ".cubby" not in p.parts}


def choose_settings(args, decoding):
    tried = {}
    for settings in TORCH_SETTINGS:
        tried[settings] = in_new_folder(args, lambda into: sort_torch(args, into, settings, decoding))[0]
        time.sleep(args.pause)
    note(f"  torch with {decoding}: " + ", ".join(f"{w} workers {t} threads {rate:.2f}"
                                                   for (w, t), rate in tried.items()))
    return max(tried, key=tried.get)


def compare_sorts(args):
    whole, draft = choose_settings(args, "whole"), choose_settings(args, "draft")
    bodies = {"cubby": lambda into: sort_cubby(args, into),
              "torch-whole": lambda into: sort_torch(args, into, whole, "whole"),
              "torch-draft": lambda into: sort_torch(args, into, draft, "draft")}
    rates, places = {name: [] for name in bodies}, {}
    for i in range(args.rounds):
        for name, body in bodies.items():
            rate, places[name] = in_new_folder(args, body)
            rates[name].append(rate)
        time.sleep(args.pause)
        note(f"  round {i + 1}: " + ", ".join(f"{name} {values[-1]:.2f}" for name, values in rates.items()))
    same = {name: statistics.mean(places[name].get(photo) == folder for photo, folder in places["cubby"].items())
            for name in bodies}
    if min(same.values()) < 0.9:
        sys.exit(f"void: the photos were sorted differently: {same}")
    return {"rates": rates, "same_folder": same, "settings": {"whole": whole, "draft": draft}}


# ---- decoding, one core


def table_columns(text, columns):
    """Of the lines with a photo's figures."""
    rows = [line.replace(" DIFFERENT", "").split() for line in text.splitlines()[1:]]
    return {name: [float(row[i]) for row in rows] for name, i in columns.items()}


def compare_decoders(args):
    photos = sorted(args.photos.iterdir())[:8]
    core = args.cores.split(",")[0]
    commands = {"decode_bench": [args.cubby.parent / "decode_bench", *photos],
                "decode_pillow": [sys.executable, HERE / "decode_pillow.py", *photos]}
    texts = {name: subprocess.run(pinned(core, command), stdout=subprocess.PIPE, check=True, text=True).stdout
             for name, command in commands.items()}
    return {"ms": {**table_columns(texts["decode_bench"], {"libjpeg-turbo 1/8": 5, "cubby": 6}),
                   **table_columns(texts["decode_pillow"], {"pillow whole": 1, "pillow draft": 2})}}


# ---- how near cubby comes to its limits, two cores


def measure_stages(args):
    command = [args.cubby, "bench", "--photos", args.photos, "--json"]
    runs = []
    for i in range(max(2, args.rounds // 2)):
        runs.append(run_json(pinned(args.cores, [*command, "--seconds", str(args.seconds * 2)])))
        time.sleep(args.pause)
        note(f"  run {i + 1}: end to end {runs[-1]['fraction_of_slowest_stage']:.3f} of the slowest stage")
    first = [run_json(pinned(args.cores, [*command, "--only", "reading", "--seconds", "0.1"]))["first_result_s"]
             for _ in range(args.rounds)]
    return {"runs": runs, "first_result_s": first}


# ---- report


def print_ratios(title, rates, reference, unit):
    medians = {name: statistics.median(values) for name, values in rates.items()}
    # Of the rounds' ratios, not of the medians: what disturbs a round disturbs all in it.
    print(f"\n{title}\n{'':28} {'median':>8} {unit:10} {'lowest':>8} {'highest':>8}   cubby is x times")
    for name, values in rates.items():
        ratio = statistics.median(c / v for c, v in zip(rates[reference], values))
        print(f"{name:28} {medians[name]:8.2f} {unit:10} {min(values):8.2f} {max(values):8.2f} {ratio:10.2f}")


def print_report(results):
    if "network" in results:
        network = results["network"]
        print_ratios("ResNet-50 v1.5 224x224, one core", network["rates"], "cubby", "images/s")
        print("largest difference from torch's logits: " + ", ".join(
            f"{name} {value:.1e}" for name, value in network["differences"].items()))
    if "sort" in results:
        print_ratios("sorting 12-megapixel photos, two cores", results["sort"]["rates"], "cubby", "photos/s")
        print(f"workers and threads: {results['sort']['settings']}; in the same folder: {results['sort']['same_folder']}")
    if "decode" in results:
        print("\n12-megapixel JPEG to network input, one core, ms\n"
              f"{'':28} {'median':>8}   cubby is x times (medians; lowest to highest photo)")
        own = results["decode"]["ms"]["cubby"]
        for name, values in results["decode"]["ms"].items():
            ratios = [v / o for v, o in zip(values, own)]
            print(f"{name:28} {statistics.median(values):8.1f} {statistics.median(ratios):10.2f}"
                  f"   ({min(ratios):.2f} to {max(ratios):.2f})")
    if "stages" in results:
        runs = results["stages"]["runs"]
        print("\ncubby's stages, two cores, medians")
        for stage, rate in (("reading", "photos_per_s"), ("decode", "photos_per_s"), ("network", "images_per_s"),
                            ("filing", "photos_per_s"), ("end_to_end", "photos_per_s")):
            print(f"{stage:28} {statistics.median(run[stage][rate] for run in runs):8.2f} a second")
        for key in ("fraction_of_slowest_stage", "fraction_of_limit"):
            print(f"{key:28} {statistics.median(run[key] for run in runs):8.3f}")
        print(f"{'first_result_s':28} {statistics.median(results['stages']['first_result_s']):8.2f}")
        print(f"{'peak memory, MB':28} {max(run['peak_rss_bytes'] for run in runs) / 1e6:8.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cubby", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="what prepare.py made")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--cores", default="0,1", help="the first is the one of single-core measurements")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4, help="of each turn")
    parser.add_argument("--pause", type=float, default=0, help="seconds between rounds, for others on the machine")
    parser.add_argument("--only", choices=["network", "sort", "decode", "stages"])
    args = parser.parse_args()
    parts = {"network": compare_networks, "sort": compare_sorts, "decode": compare_decoders, "stages": measure_stages}
    path = args.folder / "results.json"
    results = json.loads(path.read_text()) if args.only and path.exists() else {}
    for name, part in parts.items():
        if args.only in (None, name):
            note(name)
            results[name] = part(args)
            path.write_text(json.dumps(results, indent=1))
    print_report(results)
    note(f"all figures: {path}")


main()
