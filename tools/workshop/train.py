#!/usr/bin/python3
"""Trains ResNet-50 from scratch on the rendered photos, on the CPU.

  train.py TRAIN VAL OUT [--plan 64:64000,96:96000,128:32000] [--workers 2]

TRAIN and VAL are folders that generate.py filled. The plan is a list of
side:photos; a photo counts each time it is shown. TRAIN may still be filling:
it is read again at every report.

Each worker is one process with one thread. Weights and gradients lie in shared
memory, and every worker updates its share of the weights, so the workers meet
only twice a step. That keeps its speed on a busy machine, where a step split
over threads waits for the slower thread at every layer.

The state is saved at every report; the same command again goes on from there.
The plan may be changed in between: progress is counted in photos.
"""
import argparse, glob, json, math, multiprocessing, os, sys, time
import numpy as np
import torch, torchvision
import torch.nn.functional as F
from PIL import Image

CLASSES = ["table", "console", "cabinet", "chair", "bench",
           "bed", "shelf", "gate", "railing", "stairs"]
MEAN = torch.tensor([.485, .456, .406]).view(1, 3, 1, 1)
STD = torch.tensor([.229, .224, .225]).view(1, 3, 1, 1)


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("train"); ap.add_argument("val"); ap.add_argument("out", help="folder for the state and the model")
    ap.add_argument("--plan", default="64:64000,96:96000,128:32000")
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--batch", type=int, default=24, help="photos per worker and step")
    ap.add_argument("--lr", type=float, default=0.001)
    ap.add_argument("--wd", type=float, default=0.05)
    ap.add_argument("--warmup", type=float, default=0.08, help="part of the plan in which the rate rises")
    ap.add_argument("--every", type=int, default=6000, help="photos between reports")
    ap.add_argument("--start", help="begin with this model.pt")
    ap.add_argument("--only", help="train only layers whose names start so (comma separated)")
    ap.add_argument("--crop", type=float, default=.4, help="least part of the area that the random crop keeps")
    ap.add_argument("--seed", type=int, default=1)
    return ap.parse_args()


class Photos:
    """One worker's share of a folder, kept as bytes, and a smaller copy for the side in use."""

    def __init__(self, folder, rank, workers):
        self.folder, self.rank, self.workers = folder, rank, workers
        self.names, self.full, self.small, self.side = set(), [], [], 0
        self.label = torch.zeros(0, dtype=torch.long)

    def refresh(self, side):
        """Reads new photos; `side` is the network's input, the copy is a third larger for the random crop."""
        wanted = min(224, int(side * 1.3))
        if side != self.side: self.small, self.side = [], side
        files = sorted(glob.glob(os.path.join(self.folder, "*.jpg")))
        # Both photos of an item go to the same worker.
        files = [f for f in files if int(os.path.basename(f)[:6]) // 10 % self.workers == self.rank and f not in self.names]
        for f in files:
            self.names.add(f)
            im = Image.open(f).convert("RGB")
            if min(im.size) != 224 or im.size[0] != im.size[1]:
                raise SystemExit("%s is not 224 x 224" % f)
            self.full.append(torch.from_numpy(np.array(im)))
        labels = [CLASSES.index(os.path.basename(f).split("_")[1]) for f in files]
        self.label = torch.cat([self.label, torch.tensor(labels, dtype=torch.long)])
        for x in self.full[len(self.small):]:
            if wanted < 224:
                x = torch.from_numpy(np.array(Image.fromarray(x.numpy()).resize((wanted, wanted), Image.BILINEAR)))
            self.small.append(x)

    def batch(self, index):
        return torch.stack([self.small[i] for i in index]).permute(0, 3, 1, 2), self.label[index]


def augment(x, side, least):
    """Random crop, flip, slight turn and colour changes for a whole batch."""
    n = len(x)
    area, ratio = torch.empty(n).uniform_(least, 1.05), torch.empty(n).uniform_(-.2, .2).exp()
    sx, sy = (area * ratio).sqrt().clamp(max=1.05), (area / ratio).sqrt().clamp(max=1.05)
    tx, ty = (torch.rand(n) * 2 - 1) * (1 - sx).abs(), (torch.rand(n) * 2 - 1) * (1 - sy).abs()
    a = torch.empty(n).uniform_(-.08, .08)
    flip = (torch.rand(n) < .5).float() * 2 - 1
    theta = torch.stack([torch.stack([sx * a.cos() * flip, -sy * a.sin(), tx], 1),
                         torch.stack([sx * a.sin() * flip, sy * a.cos(), ty], 1)], 1)
    grid = F.affine_grid(theta, (n, 3, side, side), align_corners=False)
    x = F.grid_sample(x.float() / 255, grid, padding_mode="reflection", align_corners=False)
    def factor(s): return torch.empty(n, 1, 1, 1).uniform_(1 - s, 1 + s)
    x = x * factor(.25)
    m = x.mean((1, 2, 3), keepdim=True); x = m + (x - m) * factor(.25)
    g = x.mean(1, keepdim=True); x = g + (x - g) * torch.empty(n, 1, 1, 1).uniform_(0, 1.4)
    x = x * torch.empty(n, 3, 1, 1).uniform_(.92, 1.08)
    return normalise(x.clamp(0, 1))


def normalise(x): return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def plain(images, side):
    out = [np.array(Image.fromarray(x.numpy()).resize((side, side), Image.BILINEAR)) for x in images]
    return normalise(torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).float() / 255)


def network():
    return torchvision.models.resnet50(weights=None, num_classes=len(CLASSES), zero_init_residual=True).to(memory_format=torch.channels_last)


def bf16(): return torch.autocast("cpu", dtype=torch.bfloat16)


def place(tensors, flat):
    """Views of `flat` with the shapes and memory layouts of `tensors`, one after another."""
    views, at = [], 0
    for t in tensors:
        views.append(flat.as_strided(t.shape, t.stride(), at))
        at += t.numel()
    return views


def work(rank, o, plan, shared, barrier):
    torch.set_num_threads(1)
    weights, grads, buffers, sums = shared
    torch.manual_seed(o.seed)
    model = network()
    if o.start: model.load_state_dict(torch.load(o.start, map_location="cpu", weights_only=True))
    trained = [(n, p) for n, p in model.named_parameters() if not o.only or n.startswith(tuple(o.only.split(",")))]
    for n, p in model.named_parameters(): p.requires_grad_(any(n == m for m, _ in trained))
    # Matrices first: weight decay applies to them only.
    params = [p for _, p in trained if p.ndim > 1] + [p for _, p in trained if p.ndim <= 1]
    decayed = sum(p.numel() for p in params if p.ndim > 1)
    total = sum(p.numel() for p in params)
    for p, w, g in zip(params, place(params, weights), place(params, grads[rank])):
        if rank == 0: w.copy_(p.data)
        p.data = w
        p.grad = g
    floats = [b for b in model.buffers() if b.is_floating_point()]
    barrier.wait()                          # rank 0 has written the first weights

    # This worker updates weights[lo:hi]; the part below `decayed` shrinks.
    lo, hi = total * rank // o.workers, total * (rank + 1) // o.workers
    cut = min(max(decayed, lo), hi)
    shares = [(a, b, wd) for a, b, wd in ((lo, cut, o.wd), (cut, hi, 0)) if b > a]
    mine = [torch.nn.Parameter(weights[a:b]) for a, b, _ in shares]
    opt = torch.optim.AdamW([{"params": [p], "weight_decay": wd} for p, (_, _, wd) in zip(mine, shares)],
                            lr=o.lr, betas=(.9, .99), fused=True)
    seen, end = 0, sum(n for _, n in plan)
    state = os.path.join(o.out, "state.json")
    if os.path.exists(state):
        seen = json.load(open(state))["seen"]
        saved = torch.load(os.path.join(o.out, "state_%d_%d.pt" % (seen, rank)), map_location="cpu", weights_only=True)
        opt.load_state_dict(saved["opt"])
        with torch.no_grad(): weights[lo:hi].copy_(saved["weights"])
        for b, v in zip(floats, saved["buffers"]): b.copy_(v)
    torch.manual_seed(o.seed * 1000003 + seen * o.workers + rank)
    barrier.wait()

    photos, val = Photos(o.train, rank, o.workers), Photos(o.val, rank, o.workers)
    step, order, begin = o.batch * o.workers, [], time.time()
    while seen < end:
        t0, first, at = time.time(), seen, 0
        for side, n in plan:
            at += n
            if seen < at: break
        goal = min(seen + o.every, at)
        photos.refresh(side); val.refresh(224)
        loading = time.time() - t0
        order = [i for i in order if i < len(photos.full)] if order else []
        model.train(); loss_sum = hit = steps = 0
        t0 = time.time()
        while seen < goal:
            if len(order) < o.batch: order = torch.randperm(len(photos.full)).tolist()
            index, order = order[:o.batch], order[o.batch:]
            x, y = photos.batch(index)
            grads[rank].zero_()
            with bf16(): z = model(augment(x, side, o.crop)).float()
            loss = F.cross_entropy(z, y, label_smoothing=.1)
            loss.backward()
            barrier.wait()                  # all gradients are there
            done = seen / end
            rate = o.lr * (.1 + .9 * done / o.warmup if done < o.warmup
                           else .5 + .5 * math.cos(math.pi * (done - o.warmup) / (1 - o.warmup)))
            for group, p, (a, b, _) in zip(opt.param_groups, mine, shares):
                group["lr"] = rate
                p.grad = grads[:, a:b].mean(0)
            opt.step()
            seen += step
            barrier.wait()                  # all weights are new
            loss_sum += loss.item(); hit += (z.argmax(1) == y).float().mean().item(); steps += 1
        speed = (seen - first) / (time.time() - t0)

        # One set of batch-norm statistics for all workers, then a look at the validation photos.
        torch.cat([b.flatten() for b in floats], out=buffers[rank])
        barrier.wait()
        at = 0
        for b in floats:
            b.copy_(buffers[:, at:at + b.numel()].mean(0).view_as(b))
            at += b.numel()
        model.eval(); right = 0
        with torch.no_grad(), bf16():
            for k in range(0, len(val.full), 32):
                right += (model(plain(val.full[k:k + 32], side)).argmax(1) == val.label[k:k + 32]).sum().item()
        sums[rank] = torch.tensor([loss_sum / steps, 100 * hit / steps, right, len(val.full), len(photos.full)])
        torch.save({"opt": opt.state_dict(), "weights": weights[lo:hi].clone(), "buffers": floats},
                   os.path.join(o.out, "state_%d_%d.pt" % (seen, rank)))
        if rank == 0: torch.save({k: v.clone() for k, v in model.state_dict().items()}, os.path.join(o.out, "model.pt"))
        barrier.wait()
        if rank == 0:
            with open(state + ".part", "w") as f: json.dump({"seen": seen, "plan": plan}, f)
            os.replace(state + ".part", state)
            for f in glob.glob(os.path.join(o.out, "state_*.pt")):
                if "state_%d_" % seen not in f: os.remove(f)
            loss, hit = sums[:, 0].mean(), sums[:, 1].mean()
            print("%s seen %6d side %3d of %4d photos  %5.1f/s  rate %.5f  loss %.3f  train %.1f  val %.1f  (load %.0f s, %.1f minutes)" % (
                time.strftime("%H:%M:%S"), seen, side, sums[:, 4].sum(), speed, rate, loss, hit,
                100 * sums[:, 2].sum() / sums[:, 3].sum(), loading, (time.time() - begin) / 60), flush=True)
        barrier.wait()


def main():
    o = options()
    os.makedirs(o.out, exist_ok=True)
    plan = [(int(p.split(":")[0]), int(p.split(":")[1])) for p in o.plan.split(",")]
    model = network()
    total = sum(p.numel() for n, p in model.named_parameters() if not o.only or n.startswith(tuple(o.only.split(","))))
    stats = sum(b.numel() for b in model.buffers() if b.is_floating_point())
    shared = (torch.zeros(total).share_memory_(), torch.zeros(o.workers, total).share_memory_(),
              torch.zeros(o.workers, stats).share_memory_(), torch.zeros(o.workers, 5).share_memory_())
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(o.workers)
    workers = [context.Process(target=work, args=(r, o, plan, shared, barrier)) for r in range(o.workers)]
    for w in workers: w.start()
    for w in workers: w.join()
    sys.exit(max(abs(w.exitcode) for w in workers))


if __name__ == "__main__":
    main()
