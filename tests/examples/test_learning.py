# SPDX-License-Identifier: BSD-3-Clause
"""A run that is long enough to learn, and what predict makes of pictures with it."""
import driver
from pictures import CLASSES, first_images, first_labels, write_png

# The sigmoids of LeNet stay at chance for some 300 steps; this run reaches an accuracy of about 0.55 in seconds.
ENOUGH_TO_LEARN = ("--limit", 12800, "--test-limit", 500, "--batch-size", 128, "--epochs", 6, "--quiet")


class Learning(driver.Programs):
    def test_it_learns(self):
        self.run_program("lenet_fmnist", *ENOUGH_TO_LEARN, "--log", "log", "--checkpoint", "lenet.ckpt")
        self.assertGreater(driver.read_log("log")[-1]["test_accuracy"], 0.4)  # chance is 0.1
        right = 0
        for image, label in zip(first_images(20), first_labels(20)):
            write_png("x.png", 28, 28, image)
            rows = self.classes("lenet.ckpt", "x.png")
            self.assertEqual({name for name, _ in rows}, set(CLASSES))
            right += rows[0][0] == CLASSES[label]
        self.assertGreater(right, 6)  # chance is 2


driver.main()
