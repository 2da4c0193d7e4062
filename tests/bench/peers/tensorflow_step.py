# SPDX-License-Identifier: BSD-3-Clause
"""The step of bench_step in TensorFlow: AlexNet of the seed as Keras builds it, training with SGD at rate 0.01, prediction,
one image, each compiled with tf.function; with and without XLA. Prints one JSON object; exit status 77 if TensorFlow is
missing."""

import os

import step_common

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

try:
    import tensorflow as tf
except ImportError as error:
    step_common.skip(f"no TensorFlow ({error})")

VARIANTS = ("graph", "xla")


def alexnet():
    layers, relu = tf.keras.layers, dict(activation="relu")
    return tf.keras.Sequential(
        [
            tf.keras.Input((224, 224, 1)),
            layers.Conv2D(96, 11, strides=4, **relu), layers.MaxPool2D(3, 2),
            layers.Conv2D(256, 5, padding="same", **relu), layers.MaxPool2D(3, 2),
            layers.Conv2D(384, 3, padding="same", **relu),
            layers.Conv2D(384, 3, padding="same", **relu),
            layers.Conv2D(256, 3, padding="same", **relu), layers.MaxPool2D(3, 2),
            layers.Flatten(),
            layers.Dense(4096, **relu), layers.Dropout(0.5),
            layers.Dense(4096, **relu), layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )  # fmt: skip


def make_step(what, variant, batch):
    """A function that runs one step to its end."""
    net = alexnet()
    x, labels = tf.random.uniform((batch, 224, 224, 1)), tf.range(batch) % 10
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    variables = net.trainable_variables

    def train():
        with tf.GradientTape() as tape:
            loss = loss_of(labels, net(x, training=True))
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.01 * gradient)
        return loss

    def predict():
        return net(x, training=False)

    compiled = tf.function(train if what == "train" else predict, jit_compile=variant == "xla")
    return lambda: compiled().numpy()


def one_figure(what, variant, options):
    batch = 1 if what == "one" else options.batch
    seconds = step_common.measure(make_step(what, variant, batch), options.steps * (10 if what == "one" else 1))
    return step_common.figure(what, variant, options.threads, batch, seconds)


def main():
    options = step_common.options(__doc__, VARIANTS)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    variants = [options.variant] if options.variant else VARIANTS
    whats = [options.only] if options.only else step_common.WHATS
    figures = [one_figure(what, variant, options) for what in whats for variant in variants]
    step_common.report("TensorFlow", tf.__version__, options.steps, figures)


if __name__ == "__main__":
    main()
