"""Fashion-MNIST as Debian's package dataset-fashion-mnist installs it."""

import gzip
import pathlib

import numpy as np

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
# Of the 60,000 training images, for values in [0, 1].
MEAN, STD = 0.2860, 0.3530


def _images(name):
    with gzip.open(FOLDER / name) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return ((pixels.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD)).astype(np.float32)


def _labels(name):
    with gzip.open(FOLDER / name) as file:
        return np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)


def training():
    """60,000 normalized images [N, 1, 28, 28] and their labels."""
    return _images("train-images-idx3-ubyte.gz"), _labels("train-labels-idx1-ubyte.gz")


def test():
    """10,000 normalized images and their labels."""
    return _images("t10k-images-idx3-ubyte.gz"), _labels("t10k-labels-idx1-ubyte.gz")
