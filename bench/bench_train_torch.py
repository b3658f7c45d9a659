#!/usr/bin/env python3
"""The mini model's training step written plainly in PyTorch, for comparison with `vimogen train` (models/dit.h has the equations).

Same networks (DiT with both branches, T5 encoder trained jointly), same batch of clips of 40 to 140 frames, loss, clipping,
AdamW and moving average. Clips are padded to the longest and masked, as is usual. Prints samples/s for f32 and for bf16
autocast:

    python3 bench/bench_train_torch.py [--config models/vimogen-mini.json] [--batch 32] [--seconds 30]
"""
import argparse
import copy
import json
import math
import random
import time

import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(dim), RMSNorm(dim)

    def forward(self, x, c, mask=None):
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(self.norm_q(self.q(x))), split(self.norm_k(self.k(c))), split(self.v(c))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=None if mask is None else mask[:, None, None])
        return self.o(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, c, full):
        super().__init__()
        dim = c["dim"]
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)
        self.self_attn = Attention(dim, c["num_heads"])
        self.ffn = nn.Sequential(nn.Linear(dim, c["ffn_dim"]), nn.GELU("tanh"), nn.Linear(c["ffn_dim"], dim))
        if full:
            self.cross_attn = Attention(dim, c["num_heads"])
            self.ref_motion_cross_attn = Attention(dim, c["num_heads"])
            self.norm3, self.norm4 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)

    def forward(self, x, e0, mask, text=None, ref=None, ref_mask=None):
        m = (self.modulation + e0).unsqueeze(2).unbind(1)
        norm = lambda t: F.layer_norm(t, t.shape[-1:], eps=1e-6)
        y = norm(x) * (1 + m[1]) + m[0]
        x = x + self.self_attn(y, y, mask) * m[2]
        if text is not None:
            x = x + self.cross_attn(self.norm3(x), text)
        elif ref is not None:
            x = x + self.ref_motion_cross_attn(self.norm4(x), ref, ref_mask)
        return x + self.ffn(norm(x) * (1 + m[4]) + m[3]) * m[5]


class DiT(nn.Module):
    def __init__(self, c):
        super().__init__()
        dim = c["dim"]
        self.c = c
        self.motion_embedding = nn.Linear(c["in_dim"], dim)
        self.ref_motion_embedding = nn.Linear(c["ref_motion_dim"], dim)
        self.text_embedding = nn.Sequential(nn.Linear(c["text_dim"], dim), nn.GELU("tanh"), nn.Linear(dim, dim))
        self.time_embedding = nn.Sequential(nn.Linear(c["freq_dim"], dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(Block(c, True) for _ in range(c["num_layers"]))
        self.ref_motion_encoder = nn.ModuleList(Block(c, False) for _ in range(c["num_layers"] // 2))
        self.head_modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)
        self.head = nn.Linear(dim, c["out_dim"])
        p, i = torch.arange(512)[:, None], torch.arange(0, dim, 2)
        angle = p * torch.exp(-i * math.log(10000) / dim)
        self.register_buffer("pe", torch.stack([angle.sin(), angle.cos()], -1).flatten(1))

    def branch(self, x, t, mask, text=None, ref=None):
        half = self.c["freq_dim"] // 2
        s = t[:, None] * torch.pow(10000, -torch.arange(half) / half)
        e = self.time_embedding(torch.cat([s.cos(), s.sin()], -1))
        e0 = self.time_projection(e).unflatten(1, (6, -1))
        x = self.motion_embedding(x) + self.pe[: x.shape[1]]
        if text is not None:
            text = self.text_embedding(text)
        if ref is not None:
            ref = self.ref_motion_embedding(ref) + self.pe[: ref.shape[1]]
            for block in self.ref_motion_encoder:
                ref = block(ref, e0, mask)
        for block in self.blocks:
            x = block(x, e0, mask, text, ref, mask)
        m = (self.head_modulation + e[:, None]).unsqueeze(2).unbind(1)
        return self.head(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + m[1]) + m[0])


class T5Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["num_heads"]
        self.norm1, self.norm2 = RMSNorm(c["dim"]), RMSNorm(c["dim"])
        self.q, self.k, self.v = (nn.Linear(c["dim"], c["dim_attn"], bias=False) for _ in range(3))
        self.o = nn.Linear(c["dim_attn"], c["dim"], bias=False)
        self.bias = nn.Embedding(c["num_buckets"], c["num_heads"])
        self.gate, self.fc1 = (nn.Linear(c["dim"], c["dim_ffn"], bias=False) for _ in range(2))
        self.fc2 = nn.Linear(c["dim_ffn"], c["dim"], bias=False)

    def forward(self, x, buckets, mask):
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        y = self.norm1(x)
        bias = self.bias(buckets).permute(2, 0, 1)[None].masked_fill(~mask[:, None, None], -1e9)
        a = F.scaled_dot_product_attention(split(self.q(y)), split(self.k(y)), split(self.v(y)), attn_mask=bias.to(y.dtype), scale=1.0)
        x = x + self.o(a.transpose(1, 2).flatten(2))
        y = self.norm2(x)
        return x + self.fc2(self.fc1(y) * F.gelu(self.gate(y), approximate="tanh"))


class T5(nn.Module):
    def __init__(self, c, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, c["dim"])
        self.layers = nn.ModuleList(T5Layer(c) for _ in range(c["num_layers"]))
        self.norm = RMSNorm(c["dim"])
        d = torch.arange(64)[None] - torch.arange(64)[:, None]
        n, half = d.abs(), c["num_buckets"] // 2
        large = half // 2 + (torch.log(n.clamp(min=1) / (half // 2)) / math.log(128 / (half // 2)) * (half // 2)).long()
        self.register_buffer("buckets", (d > 0) * half + torch.where(n < half // 2, n, large.clamp(max=half - 1)))

    def forward(self, ids, mask):
        x = self.table(ids)
        for layer in self.layers:
            x = layer(x, self.buckets[: ids.shape[1], : ids.shape[1]], mask)
        return self.norm(x) * mask[..., None]


def make_batch(c, n, vocab, rng):
    lengths = [rng.randint(40, 140) for _ in range(n)]
    n_motion = round(0.15 * n)
    parts = []
    for first, last, motion in ((0, n - n_motion, False), (n - n_motion, n, True)):
        T = lengths[first:last]
        mask = torch.arange(max(T))[None] < torch.tensor(T)[:, None]
        x0 = torch.randn(len(T), max(T), c["in_dim"]) * mask[..., None]
        part = {"x0": x0, "mask": mask, "motion": motion, "k": torch.randint(0, 1000, (len(T),))}
        if motion:
            part["ref"] = torch.randn(len(T), max(T), c["ref_motion_dim"])
        else:
            rows = [rng.randint(4, 14) for _ in T]
            part["ids"] = torch.randint(3, vocab, (len(T), c["text_min_rows"]))
            part["text_mask"] = torch.arange(c["text_min_rows"])[None] < torch.tensor(rows)[:, None]
        parts.append(part)
    return parts


def schedule():
    u = 1 - torch.arange(1000) / 1000
    sigma = 5 * u / (1 + 4 * u)
    y = torch.exp(-2 * ((1000 * sigma - 500) / 1000) ** 2)
    y = y - y.min()
    return sigma, y * 1000 / y.sum()


def measure(config, batch, seconds, dtype):
    torch.manual_seed(0)
    rng = random.Random(0)
    vocab = config["training"]["vocab-size"]
    dit, t5 = DiT(config), T5(config["text_encoder"], vocab)
    params = list(dit.parameters()) + list(t5.parameters())
    ema = [copy.deepcopy(p.data) for p in params]
    optimiser = torch.optim.AdamW(params, 1e-4, fused=True)
    sigma, weight = schedule()
    channel = torch.ones(config["in_dim"])
    channel[258:] = 3

    def step():
        parts = make_batch(config, batch, vocab, rng)
        total = sum(int(p["mask"].sum()) for p in parts) * config["in_dim"]
        loss = 0
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bf16"):
            for p in parts:
                noise, s = torch.randn_like(p["x0"]), sigma[p["k"]][:, None, None]
                x = (1 - s) * p["x0"] + s * noise
                text = None if p["motion"] else t5(p["ids"], p["text_mask"])
                out = dit.branch(x, 1000 * sigma[p["k"]], p["mask"], text, p.get("ref"))
                error = (out.float() - (noise - p["x0"])) ** 2 * channel * p["mask"][..., None]
                loss = loss + (error * weight[p["k"]][:, None, None]).sum() / total
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        torch._foreach_lerp_(ema, [p.data for p in params], 0.001)

    for _ in range(2):
        step()
    start, cpu, n = time.monotonic(), time.process_time(), 0
    while time.monotonic() - start < seconds:
        step()
        n += 1
    cpu = time.process_time() - cpu
    return n * batch / (time.monotonic() - start), n * batch / cpu, sum(p.numel() for p in params)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--config", default="models/vimogen-mini.json")
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--seconds", type=float, default=30)
    a.add_argument("--threads", type=int)
    a = a.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    config = json.load(open(a.config))
    for dtype in ("f32", "bf16"):
        rate, per_cpu, n = measure(config, a.batch, a.seconds, dtype)
        print(f"PyTorch {torch.__version__} {dtype}: {rate:.1f} samples/s, {per_cpu:.1f} per processor second ({n / 1e6:.1f} M parameters, {torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
