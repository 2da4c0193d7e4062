# SPDX-License-Identifier: BSD-3-Clause
"""Compare optimizers, schedules and clipping with torch.optim: the weights after each of 50 steps with given gradients.

Usage: compare_optim.py OPTIM_TOOL. Each comparison prints one line with the error and its bound. Exit status 77 if
PyTorch is missing."""

import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from torch.optim import lr_scheduler
except ImportError as error:
    print(f"skipped: no PyTorch ({error}; apt install python3-torch)")
    sys.exit(77)

STEPS, FIRST, ALL = 50, 16, 16 + 16 * 64
STEP, COSINE = 1, 2  # tn_schedule_kind
# Weights are of order 1. A step rounds a handful of times, and PyTorch contracts some sums into fused multiply-adds:
# 50 steps of half a unit in the last place (6e-8), all in one direction, are 3e-6.
BOUND = 3e-6

CASES = [
    ("sgd", dict(learning_rate=0.05)),
    ("sgd", dict(learning_rate=0.05, weight_decay=0.02)),
    ("sgd", dict(learning_rate=0.05, momentum=0.9)),
    ("sgd", dict(learning_rate=0.05, momentum=0.9, dampening=0.3, weight_decay=0.02)),
    ("sgd", dict(learning_rate=0.05, momentum=0.9, nesterov=1)),
    ("sgd", dict(learning_rate=0.05, momentum=0.9, nesterov=1, weight_decay=0.02)),
    ("adam", dict(learning_rate=0.01)),
    ("adam", dict(learning_rate=0.01, weight_decay=0.05)),
    ("adam", dict(learning_rate=0.01, beta1=0.8, beta2=0.95, epsilon=1e-4)),
    ("adamw", dict(learning_rate=0.01, weight_decay=0.05)),
    ("adamw", dict(learning_rate=0.01, weight_decay=0.05, beta1=0.5, beta2=0.9)),
    ("sgd", dict(learning_rate=0.1, schedule=STEP, period=7, gamma=0.6)),
    ("sgd", dict(learning_rate=0.1, momentum=0.9, schedule=COSINE, period=50, minimum=0.01)),
    ("adam", dict(learning_rate=0.01, schedule=COSINE, period=50)),
    ("sgd", dict(learning_rate=0.1, warmup=20)),
    ("sgd", dict(learning_rate=0.1, warmup=10, schedule=COSINE, period=40, minimum=0.01)),
    ("sgd", dict(learning_rate=0.05, clip_value=0.5)),
    ("sgd", dict(learning_rate=0.05, momentum=0.9, clip_norm=2.0)),
    ("adam", dict(learning_rate=0.01, clip_value=0.5, clip_norm=2.0)),
]  # fmt: skip


def optimizer_of(kind, o, parameters):
    rate, decay = o["learning_rate"], o.get("weight_decay", 0)
    if kind == "sgd":
        momentum, dampening = o.get("momentum", 0), o.get("dampening", 0)
        return torch.optim.SGD(parameters, rate, momentum, dampening, decay, bool(o.get("nesterov")))
    algorithm = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    betas = o.get("beta1", 0.9), o.get("beta2", 0.999)
    return algorithm(parameters, rate, betas, o.get("epsilon", 1e-8), decay)


def schedule_of(o, optimizer):
    schedules = []
    warmup = o.get("warmup", 0)
    if warmup:
        schedules.append(lr_scheduler.LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1))
    if o.get("schedule") == STEP:
        schedules.append(lr_scheduler.StepLR(optimizer, o["period"], o["gamma"]))
    elif o.get("schedule") == COSINE:
        schedules.append(lr_scheduler.CosineAnnealingLR(optimizer, o["period"], o.get("minimum", 0.0)))
    if not schedules:
        return lr_scheduler.ConstantLR(optimizer, 1.0)
    return schedules[0] if len(schedules) == 1 else lr_scheduler.SequentialLR(optimizer, schedules, [warmup])


def torch_run(kind, o, weights, gradients):
    """The weights after each step."""
    parts = [torch.tensor(part).requires_grad_() for part in (weights[:FIRST], weights[FIRST:])]
    optimizer = optimizer_of(kind, o, parts)
    schedule = schedule_of(o, optimizer)
    out = []
    for row in gradients:
        parts[0].grad, parts[1].grad = torch.tensor(row[:FIRST]), torch.tensor(row[FIRST:])
        if "clip_value" in o:
            torch.nn.utils.clip_grad_value_(parts, o["clip_value"])
        if "clip_norm" in o:
            torch.nn.utils.clip_grad_norm_(parts, o["clip_norm"])
        optimizer.step()
        schedule.step()
        out.append(np.concatenate([part.detach().numpy() for part in parts]))
    return np.array(out)


def our_run(tool, directory, kind, o, weights, gradients):
    np.save(os.path.join(directory, "w.npy"), weights)
    np.save(os.path.join(directory, "g.npy"), gradients)
    subprocess.run([tool, directory, kind, *(f"{key}={value!r}" for key, value in o.items())], check=True)
    return np.load(os.path.join(directory, "out.npy"))


def main():
    tool, failures = os.path.abspath(sys.argv[1]), 0
    generator = np.random.default_rng(1)
    weights = generator.uniform(-1, 1, ALL).astype(np.float32)
    gradients = generator.normal(size=(STEPS, ALL)).astype(np.float32)
    with tempfile.TemporaryDirectory() as directory:
        for kind, options in CASES:
            theirs = torch_run(kind, options, weights, gradients).astype(np.float64)
            ours = our_run(tool, directory, kind, options, weights, gradients).astype(np.float64)
            error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
            good = error <= BOUND and ours.shape == theirs.shape
            failures += not good
            text = " ".join(f"{key}={value}" for key, value in options.items())
            print(f"{'ok    ' if good else 'FAILED'} {kind} {text:<70} error {error:.2e}  bound {BOUND:.2e}", flush=True)
    print(f"{100 * (len(CASES) - failures) // len(CASES)}%: Checks: {len(CASES)}, Failures: {failures}, Errors: 0")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
