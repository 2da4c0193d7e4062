# SPDX-License-Identifier: BSD-3-Clause
"""Compare the library with PyTorch: AlexNet and LeNet on real images, layer by layer, whole, and in training.

Usage: compare_torch.py PEER_TOOL [DATA]. Each comparison prints one line with the error and its bound. Exit status 77 if
PyTorch or the data set is missing."""

import gzip
import json
import os
import subprocess
import sys
import tempfile

DATA = "/usr/share/datasets/fashion-mnist"

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(f"skipped: no PyTorch ({error}; apt install python3-torch)")
    sys.exit(77)

checks = failures = 0


def check(what, error, bound):
    """Count and print one comparison; a NaN fails."""
    global checks, failures
    good = bool(error <= bound)
    checks += 1
    failures += not good
    print(f"{'ok    ' if good else 'FAILED'} {what:<58} error {error:.2e}  bound {bound:.2e}", flush=True)


def by_norm(a, b):
    """Distance relative to the reference's L2 norm."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        return float("nan")
    return float(np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel()))


def by_max(a, b):
    """Largest difference relative to the reference's largest value."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.abs(a - b).max() / np.abs(b).max()) if a.shape == b.shape else float("nan")


# ---- files ----------------------------------------------------------------------------------------------------------


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[8 + size + begin : 8 + size + end], "<f4").reshape(entry["shape"])
    return arrays


def write_safetensors(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, "<f4").tobytes())


def read_idx(path, offset):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


# ---- networks: (kind, options), once for both sides -----------------------------------------------------------------


def alexnet(activation="relu", pool="max_pool2d"):
    conv = dict(activation=activation)
    narrow = dict(padding="same", **conv)
    window = dict(pool_size=3, strides=2)
    return [
        ("conv2d", dict(filters=96, kernel_size=11, strides=4, **conv)), (pool, window),
        ("conv2d", dict(filters=256, kernel_size=5, **narrow)), (pool, window),
        ("conv2d", dict(filters=384, kernel_size=3, **narrow)),
        ("conv2d", dict(filters=384, kernel_size=3, **narrow)),
        ("conv2d", dict(filters=256, kernel_size=3, **narrow)), (pool, window),
        ("flatten", {}),
        ("dense", dict(units=4096, activation=activation)), ("dropout", {}),
        ("dense", dict(units=4096, activation=activation)), ("dropout", {}),
        ("dense", dict(units=10)),
    ]  # fmt: skip


def lenet(activation="sigmoid", pool="avg_pool2d"):
    window = dict(pool_size=2, strides=2)
    return [
        ("conv2d", dict(filters=6, kernel_size=5, padding="same", activation=activation)), (pool, window),
        ("conv2d", dict(filters=16, kernel_size=5, activation=activation)), (pool, window),
        ("flatten", {}),
        ("dense", dict(units=120, activation=activation)),
        ("dense", dict(units=84, activation=activation)),
        ("dense", dict(units=10)),
    ]  # fmt: skip


def as_text(net):
    texts = []
    for kind, options in net:
        values = ",".join(f"{key}={value}" for key, value in options.items())
        texts.append(f"{kind}:{values}" if values else kind)
    return texts


def names_of(net):
    """conv2d_1, max_pool2d_1, ... as the library numbers them."""
    counts, names = {}, []
    for kind, _ in net:
        counts[kind] = counts.get(kind, 0) + 1
        names.append(f"{kind}_{counts[kind]}")
    return names


ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}


def linear_part(kind, options, x, weight, bias):
    """One layer without its activation; x and the result are NHWC, weights as the library stores them."""
    nchw = x.permute(0, 3, 1, 2) if x.dim() == 4 else None
    if kind == "conv2d":
        padding = options["kernel_size"] // 2 if options.get("padding") == "same" else 0
        y = F.conv2d(nchw, weight.permute(3, 2, 0, 1), bias, options.get("strides", 1), padding)
        return y.permute(0, 2, 3, 1)
    if kind == "max_pool2d":
        return F.max_pool2d(nchw.contiguous(), options["pool_size"], options["strides"]).permute(0, 2, 3, 1)
    if kind == "avg_pool2d":
        return F.avg_pool2d(nchw, options["pool_size"], options["strides"]).permute(0, 2, 3, 1)
    if kind == "dense":
        return x @ weight + bias
    return x.flatten(1) if kind == "flatten" else x


def layer(kind, options, x, parameters, name):
    y = linear_part(kind, options, x, parameters.get(name + ".weight"), parameters.get(name + ".bias"))
    return ACTIVATIONS.get(options.get("activation"), lambda z: z)(y)


def tensors_of(arrays, dtype=torch.float32):
    return {name: torch.tensor(array, dtype=dtype).requires_grad_() for name, array in arrays.items()}


def forward(net, x, parameters):
    """All outputs, the input first."""
    outputs = [x]
    for (kind, options), name in zip(net, names_of(net)):
        outputs.append(layer(kind, options, outputs[-1], parameters, name))
    return outputs


def loss_gradients(net, images, labels, weights, dtype):
    """Logits, and the gradients of the mean cross-entropy by input and parameters, as arrays."""
    x = torch.tensor(images, dtype=dtype).requires_grad_()
    parameters = tensors_of(weights, dtype)
    logits = forward(net, x, parameters)[-1]
    F.cross_entropy(logits, torch.tensor(labels, dtype=torch.int64)).backward()
    gradients = {name: value.grad.numpy() for name, value in parameters.items()}
    return logits.detach().numpy(), dict(gradients, input=x.grad.numpy())


# ---- the library's side ---------------------------------------------------------------------------------------------


class Library:
    def __init__(self, tool, directory):
        self.tool, self.directory, self.count = tool, directory, 0

    def folder(self, **arrays):
        """A fresh directory with the given arrays in it."""
        self.count += 1
        path = os.path.join(self.directory, f"{self.count:03}")
        os.mkdir(path)
        for name, array in arrays.items():
            np.save(os.path.join(path, name + ".npy"), np.ascontiguousarray(array))
        return path

    def call(self, *arguments):
        subprocess.run([self.tool, *map(str, arguments)], check=True)

    def run(self, net, weights=None, verb="run", **arrays):
        """Forward and backward: output, gradients by name and 'input', and the weights."""
        path = self.folder(**arrays)
        file = os.path.join(path, "weights.safetensors")
        if weights:
            write_safetensors(file, weights)
        self.call(verb, path, *as_text(net))
        gradients = {"input": np.load(os.path.join(path, "dx.npy"))}
        if os.path.exists(file):
            weights = read_safetensors(file)
            gradients.update(read_safetensors(os.path.join(path, "gradients.safetensors")))
        output = np.load(os.path.join(path, "y.npy"))
        subprocess.run(["rm", "-r", path], check=True)
        return output, gradients, weights

    def outputs(self, net, weights, verb, **arrays):
        """Every layer's output, in order."""
        path = self.folder(**arrays)
        write_safetensors(os.path.join(path, "weights.safetensors"), weights)
        self.call(verb, path, *as_text(net))
        outputs = read_safetensors(os.path.join(path, "outputs.safetensors"))
        return [torch.tensor(outputs[name]) for name in names_of(net)]


# ---- comparisons ----------------------------------------------------------------------------------------------------


def compare_pipeline(library, data, count):
    """The loader's bilinear resize and scale; returns its images and labels, and the small images."""
    path = library.folder()
    library.call("pipeline", path, data, count)
    images, labels = (np.load(os.path.join(path, name + ".npy")) for name in ("images", "labels"))
    pixels = read_idx(os.path.join(data, "train-images-idx3-ubyte.gz"), 16)[: count * 784].reshape(count, 1, 28, 28)
    small = torch.tensor(pixels, dtype=torch.float32) / 255
    large = F.interpolate(small, size=(224, 224), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    check("pipeline: images 28x28 to 224x224, largest difference", np.abs(images - large.numpy()).max(), 1e-6)
    known = read_idx(os.path.join(data, "train-labels-idx1-ubyte.gz"), 8)[:count]
    check("pipeline: labels that differ", int((labels != known).sum()), 0)
    return images, labels, small.permute(0, 2, 3, 1).numpy()


def compare_smooth(library, title, net, images, labels):
    """A network without kinks: logits, and all gradients."""
    ours, gradients, weights = library.run(net, x=images, labels=labels)
    logits, expected = loss_gradients(net, images, labels, weights, torch.float32)
    check(f"{title}: logits", by_max(ours, logits), 1e-4)
    for name, value in expected.items():
        check(f"{title}: whole gradient by {name}", by_norm(gradients[name], value), 1e-4)
    return weights


def distance(gradients, reference):
    """Distance of all gradients together, relative to the reference's norm."""
    difference = sum(np.sum((gradients[name] - reference[name]) ** 2) for name in reference)
    return float(np.sqrt(difference / sum(np.sum(value**2) for value in reference.values())))


class Kinks:
    """On which side of each kink somebody's float32 forward came down: which units a ReLU let through, which pixel a
    maximum took. `slack` is how far float64 would have had to move, at most, to decide the same everywhere, relative to
    the layer's largest value."""

    def __init__(self, outputs):
        self.outputs, self.slack = outputs, 0.0

    def relu(self, index, z):
        passed = self.outputs[index] > 0
        wrong = passed != (z > 0)
        if wrong.any():
            self.slack = max(self.slack, float((z[wrong].abs().max() / z.abs().max()).detach()))
        return z * passed

    def max_pool(self, index, z, options):
        window = options["pool_size"], options["strides"]
        before = self.outputs[index - 1].permute(0, 3, 1, 2).contiguous()
        taken = F.max_pool2d(before, *window, return_indices=True)[1]
        nchw = z.permute(0, 3, 1, 2)
        y = nchw.flatten(2).gather(2, taken.flatten(2)).reshape(taken.shape)
        lost = (F.max_pool2d(nchw.contiguous(), *window) - y).max() / z.abs().max()
        self.slack = max(self.slack, float(lost.detach()))
        return y.permute(0, 2, 3, 1)


def gradients_at(kinks, net, images, labels, weights):
    """The gradients in float64, of the smooth piece of the network that the kinks are on."""
    x = torch.tensor(images, dtype=torch.float64).requires_grad_()
    parameters = tensors_of(weights, torch.float64)
    y = x
    for index, ((kind, options), name) in enumerate(zip(net, names_of(net))):
        if kind == "max_pool2d":
            y = kinks.max_pool(index, y, options)
        else:
            y = linear_part(kind, options, y, parameters.get(name + ".weight"), parameters.get(name + ".bias"))
            y = kinks.relu(index, y) if options.get("activation") == "relu" else y
    F.cross_entropy(y, torch.tensor(labels, dtype=torch.int64)).backward()
    return dict({name: value.grad.numpy() for name, value in parameters.items()}, input=x.grad.numpy())


def compare_kinked(library, title, net, images, labels):
    """A network with ReLU and max pooling. Where float32 comes down on the other side of a kink than float64, or breaks a
    tie (an empty background is full of both), its gradient is another one, and as right: one unit of a dense layer is
    1e-2 of the whole. So each side is compared with float64 on its own side of the kinks, and may have left float64's
    only where that is a matter of rounding. Plain sums come within twice PyTorch's distance; Winograd's transforms,
    whose rounding is larger, within the bound of smooth networks."""
    ours, gradients, weights = library.run(net, x=images, labels=labels)
    _, precise, _ = library.run(net, weights, "run-precise", x=images, labels=labels)
    logits, theirs = loss_gradients(net, images, labels, weights, torch.float32)
    check(f"{title}: logits", by_max(ours, logits), 1e-4)
    with torch.no_grad():
        outputs = forward(net, torch.tensor(images), tensors_of(weights))[1:]
    bound, _ = compare_gradients(title, "PyTorch", theirs, Kinks(outputs), net, images, labels, weights, 1e-4)
    for what, verb, found in (("default", "outputs", gradients), ("plain sums", "outputs-precise", precise)):
        kinks = Kinks(library.outputs(net, weights, verb, x=images))
        limit = 1e-4 if verb == "outputs" else 2 * bound
        _, exact = compare_gradients(title, what, found, kinks, net, images, labels, weights, limit)
        for name, value in exact.items():
            check(f"{title}, {what}: whole gradient by {name}", by_norm(found[name], value), 1e-4)
    return weights


def compare_gradients(title, what, found, kinks, net, images, labels, weights, bound):
    """One side's gradients against float64 on its own side of the kinks; returns their distance, and float64's."""
    exact = gradients_at(kinks, net, images, labels, weights)
    error = distance(found, exact)
    check(f"{title}, {what}: whole gradient from float64", error, bound)
    check(f"{title}, {what}: largest kink crossed", kinks.slack, 1e-5)
    return error, exact


def compare_layer(library, title, item, name, x, weights):
    """One layer's output and backward from the same input and upstream gradient. Where the pre-activation is a rounding
    error away from a ReLU's kink, the upstream gradient is zero: either side of it would be right."""
    kind, options = item
    parameters = {key: weights[name + key] for key in (".weight", ".bias") if name + key in weights}
    tensors = {f"it{key}": torch.tensor(value).requires_grad_() for key, value in parameters.items()}
    x = x.detach().clone().requires_grad_()
    y = layer(kind, options, x, tensors, "it")
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(7))
    if options.get("activation") == "relu":
        z = linear_part(kind, options, x, tensors["it.weight"], tensors["it.bias"]).detach()
        dy[z.abs() < 1e-4 * z.abs().max()] = 0
    y.backward(dy)
    numbered = {f"{kind}_1{key}": value for key, value in parameters.items()}
    ours, gradients, _ = library.run([item], numbered, x=x.detach().numpy(), dy=dy.numpy())
    check(f"{title} {name}: output", by_norm(ours, y.detach().numpy()), 1e-4)
    check(f"{title} {name}: dx", by_norm(gradients["input"], x.grad.numpy()), 1e-4)
    for key, tensor in tensors.items():
        check(f"{title} {name}: d{key[3:]}", by_norm(gradients[f"{kind}_1{key[2:]}"], tensor.grad.numpy()), 1e-4)


def compare_layers(library, title, net, images, weights):
    with torch.no_grad():
        inputs = forward(net, torch.tensor(images), tensors_of(weights))
    for item, name, x in zip(net, names_of(net), inputs):
        compare_layer(library, title, item, name, x, weights)


def compare_training(library, title, net, images, labels, weights, steps=10):
    """The losses of ten steps of SGD, a batch each."""
    path = library.folder(x=images, labels=labels)
    write_safetensors(os.path.join(path, "weights.safetensors"), weights)
    library.call("train", path, steps, *as_text(net))
    ours = np.load(os.path.join(path, "losses.npy"))
    parameters = tensors_of(weights)
    optimizer = torch.optim.SGD(parameters.values(), lr=0.01)
    targets, worst = torch.tensor(labels, dtype=torch.int64), 0.0
    for step, (x, target) in enumerate(zip(torch.tensor(images).chunk(steps), targets.chunk(steps))):
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(net, x, parameters)[-1], target)
        loss.backward()
        optimizer.step()
        worst = max(worst, abs(ours[step] - loss.item()) / abs(loss.item()))
    check(f"{title}: losses of {steps} steps of SGD", worst, 1e-3)


def compare_networks(library, data):
    images, labels, small = compare_pipeline(library, data, 40)
    weights = compare_kinked(library, "AlexNet", alexnet(), images[:2], labels[:2])
    compare_layers(library, "AlexNet", alexnet(), images[:2], weights)
    compare_smooth(library, "AlexNet, tanh and averages", alexnet("tanh", "avg_pool2d"), images[:2], labels[:2])
    compare_training(library, "AlexNet", alexnet(), images, labels, weights)
    weights = compare_smooth(library, "LeNet", lenet(), small[:16], labels[:16])
    compare_layers(library, "LeNet", lenet(), small[:16], weights)
    compare_kinked(library, "LeNet, ReLU and maxima", lenet("relu", "max_pool2d"), small[:16], labels[:16])
    compare_training(library, "LeNet", lenet(), small, labels, weights)


def main():
    tool = os.path.abspath(sys.argv[1])
    data = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("TINYNET_DATA", DATA)
    if not os.path.exists(os.path.join(data, "train-images-idx3-ubyte.gz")):
        print(f"skipped: no Fashion-MNIST in {data} (apt install dataset-fashion-mnist)")
        return 77
    torch.set_num_threads(2)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as directory:
        compare_networks(Library(tool, directory), data)
    print(f"{100 * (checks - failures) // checks}%: Checks: {checks}, Failures: {failures}, Errors: 0")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
