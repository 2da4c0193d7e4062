# SPDX-License-Identifier: BSD-3-Clause
"""The step of bench_step in PyTorch, any version: AlexNet of the seed, training with SGD at rate 0.01, prediction, one image.

Variants: contiguous (NCHW), channels_last, and both under bf16 autocast where the CPU has bf16. Prints one JSON object; exit
status 77 if PyTorch is missing."""

import contextlib

import step_common

try:
    import torch
    from torch import nn
except ImportError as error:
    step_common.skip(f"no PyTorch ({error}; apt install python3-torch)")

VARIANTS = ("contiguous", "channels_last", "bf16", "bf16_channels_last")


def alexnet():
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(6400, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(4096, 10),
    )  # fmt: skip


class Work:
    """A network and its input in one variant's layout and precision."""

    def __init__(self, variant, batch):
        torch.manual_seed(1)
        last = variant.endswith("channels_last")
        layout = torch.channels_last if last else torch.contiguous_format
        self.net = alexnet().to(memory_format=layout)
        self.x = torch.rand(batch, 1, 224, 224).contiguous(memory_format=layout)
        self.labels = torch.arange(batch) % 10
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01)
        self.bf16 = variant.startswith("bf16")

    def precision(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            loss = nn.functional.cross_entropy(self.net(self.x), self.labels)
        loss.backward()
        self.optimizer.step()

    def predict(self):
        with torch.no_grad(), self.precision():
            self.net(self.x)


def one_figure(what, variant, options):
    batch = 1 if what == "one" else options.batch
    work = Work(variant, batch)
    work.net.train(what == "train")
    step = work.train if what == "train" else work.predict
    seconds = step_common.measure(step, options.steps * (10 if what == "one" else 1))
    return step_common.figure(what, variant, options.threads, batch, seconds)


def main():
    options = step_common.options(__doc__, VARIANTS)
    torch.set_num_threads(options.threads)
    usable = [v for v in VARIANTS if not v.startswith("bf16") or (step_common.has_bf16() and hasattr(torch, "autocast"))]
    variants = [options.variant] if options.variant else usable
    whats = [options.only] if options.only else step_common.WHATS
    figures = [one_figure(what, variant, options) for what in whats for variant in variants]
    step_common.report("PyTorch", torch.__version__, options.steps, figures)


if __name__ == "__main__":
    main()
