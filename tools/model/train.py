"""Training: python train.py WORK MINUTES. Resumes from WORK/checkpoint.pt if that is there."""

import random
import sys
import time
from pathlib import Path

import numpy as np
import torch

from model import Model, Muon, Shape

SHAPE = Shape(width=192, layers=6, heads=6, kv_heads=3, head=32, hidden=512)
BATCH_TOKENS = 6144
LENGTHS = [64, 128, 256, 384, 512, 1024]
SEED = 7


class Buckets:
    """Conversations sorted into few lengths, so that a batch is one rectangle with little padding."""

    def __init__(self, files, seed):
        self.rng = random.Random(seed)
        self.ids, self.weights, starts, sizes, base = [], [], [], [], 0
        for f in files:
            d = np.load(f)
            self.ids.append(d["ids"])
            self.weights.append(d["weights"])
            e = d["ends"]
            s = np.concatenate([[0], e[:-1]])
            starts.append(s + base)
            sizes.append(e - s)
            base += e[-1]
        self.ids, self.weights = np.concatenate(self.ids), np.concatenate(self.weights)
        self.starts, self.sizes = np.concatenate(starts), np.concatenate(sizes)
        bucket = np.searchsorted(LENGTHS, self.sizes - 1)
        self.members = [np.where(bucket == i)[0] for i in range(len(LENGTHS))]
        self.plan = []

    def refill(self):
        for i, length in enumerate(LENGTHS):
            rows = BATCH_TOKENS // length
            order = self.members[i].copy()
            self.rng.shuffle(order)
            self.plan += [(length, order[j : j + rows]) for j in range(0, len(order) - rows + 1, rows)]
        self.rng.shuffle(self.plan)

    def next(self):
        if not self.plan:
            self.refill()
        length, rows = self.plan.pop()
        ids = np.zeros((len(rows), length + 1), np.int64)
        weights = np.zeros((len(rows), length + 1), np.float32)
        for r, i in enumerate(rows):
            a, n = self.starts[i], self.sizes[i]
            ids[r, :n] = self.ids[a : a + n]
            weights[r, :n] = self.weights[a : a + n] / 100
        return torch.from_numpy(ids[:, :-1]), torch.from_numpy(ids[:, 1:].copy()), torch.from_numpy(weights[:, 1:].copy())


def rate(done):
    """Share of the peak learning rate when this share of the time is over: warm-up, flat, then down to nothing."""
    if done < 0.01:
        return done / 0.01
    return min(1.0, (1 - done) / 0.55) + 0.005


def main():
    work, minutes = Path(sys.argv[1]), float(sys.argv[2])
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    model = Model(SHAPE)
    inner = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    outer = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    muon = Muon(inner, lr=0.02, decay=0.01)
    adam = torch.optim.AdamW(outer, lr=4e-3, betas=(0.9, 0.97), weight_decay=0.0)
    step = tokens = 0
    spent = 0.0
    saved = work / "checkpoint.pt"
    if saved.exists():
        c = torch.load(saved, weights_only=False)
        model.load_state_dict(c["model"])
        muon.load_state_dict(c["muon"])
        adam.load_state_dict(c["adam"])
        step, tokens, spent = c["step"], c["tokens"], c["spent"]
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, from step {step}", flush=True)
    data = Buckets(sorted(work.glob("data*.npz")), SEED + step)
    hidden = torch.compile(model.hidden, dynamic=False)
    model.hidden = hidden

    def save():
        state = {k.replace("_orig_mod.", ""): v for k, v in model.state_dict().items()}
        torch.save(dict(model=state, muon=muon.state_dict(), adam=adam.state_dict(), step=step, tokens=tokens, spent=spent, shape=SHAPE.to_dict()), work / "next.pt")
        (work / "next.pt").rename(saved)

    begun, last_save, average = time.time() - spent, time.time(), None
    while (spent := time.time() - begun) < minutes * 60:
        share = rate(spent / (minutes * 60))
        for o, lr in ((muon, 0.02), (adam, 4e-3)):
            for g in o.param_groups:
                g["lr"] = lr * share
        ids, targets, weights = data.next()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.loss(ids, targets, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(outer, 1.0)
        muon.step()
        adam.step()
        model.zero_grad(set_to_none=True)
        step += 1
        tokens += int(ids.numel())
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            print(f"step {step} loss {average:.4f} tokens {tokens / 1e6:.1f} M, {tokens / spent:.0f}/s, {minutes - spent / 60:.1f} min left", flush=True)
        if time.time() - last_save > 120:
            save()
            last_save = time.time()
    save()
    print(f"done: {step} steps, {tokens / 1e6:.1f} M tokens, {spent / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
