#!/usr/bin/python3
"""Writes a ResNet-50 with random weights and random images, for measuring speed; needs numpy and onnx alone.

  python3 resnet50.py FOLDER [--image 224] [--samples 64]

FOLDER/resnet50_<image>.onnx has a symbolic batch and its batch normalizations folded; FOLDER/samples_<image>.npz holds
`input`. 224x224 is 4.1 GMAC a sample, 112x112 1.1. Nothing is trained: convolutions keep the variance of what they read,
the last of every block adds a fifth of it, and the classifier's logits have a deviation of 2, so that the network's output
depends on all of its layers about as a trained one's does. What is written depends on the arguments alone.
"""

import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 1
CLASSES = 1000
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # width of the bottleneck, blocks


class Builder:
    """Collects nodes and weights; every method returns the name of the value that it makes."""

    def __init__(self, generator):
        self.generator = generator
        self.nodes, self.initializers = [], []

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(self, op, name, inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [f"{name}/out"], name, **attributes))
        return f"{name}/out"

    def conv(self, src, name, sources, channels, kernel, stride=1, gain=1.0):
        deviation = gain * np.sqrt(2 / (sources * kernel * kernel))
        weights = self.generator.normal(0, deviation, (channels, sources, kernel, kernel))
        inputs = [src, self.constant(f"{name}/weights", weights),
                  self.constant(f"{name}/bias", self.generator.normal(0, 0.1, channels))]
        return self.node("Conv", name, inputs, kernel_shape=[kernel, kernel], strides=[stride, stride],
                         pads=[kernel // 2] * 4)

    def relu(self, src, name):
        return self.node("Relu", f"{name}/relu", [src])

    def block(self, src, name, sources, width, stride):
        shortcut = src
        if stride != 1 or sources != 4 * width:
            shortcut = self.conv(src, f"{name}/shortcut", sources, 4 * width, 1, stride, gain=np.sqrt(0.5))
        x = self.relu(self.conv(src, f"{name}/conv1", sources, width, 1), f"{name}/conv1")
        x = self.relu(self.conv(x, f"{name}/conv2", width, width, 3, stride), f"{name}/conv2")
        x = self.conv(x, f"{name}/conv3", width, 4 * width, 1, gain=0.2)
        return self.relu(self.node("Add", f"{name}/sum", [x, shortcut]), name)


def resnet50(generator, image):
    builder = Builder(generator)
    x = builder.relu(builder.conv("input", "stem", 3, 64, 7, 2), "stem")
    x = builder.node("MaxPool", "pool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, (width, blocks) in enumerate(STAGES):
        for i in range(blocks):
            x = builder.block(x, f"stage{stage + 1}/block{i + 1}", channels, width, 2 if stage > 0 and i == 0 else 1)
            channels = 4 * width
    x = builder.node("Flatten", "flat", [builder.node("GlobalAveragePool", "mean", [x])])
    weights = builder.constant("fc/weights", generator.normal(0, 2 / np.sqrt(channels), (channels, CLASSES)))
    builder.node("Gemm", "fc", [x, weights, builder.constant("fc/bias", np.zeros(CLASSES))])
    graph = helper.make_graph(
        builder.nodes, "resnet50", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, image, image])],
        [helper.make_tensor_value_info("fc/out", TensorProto.FLOAT, ["N", CLASSES])], builder.initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--image", type=int, default=224)
    parser.add_argument("--samples", type=int, default=64)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(SEED)
    onnx.save(resnet50(generator, options.image), options.folder / f"resnet50_{options.image}.onnx")
    # Most of a photograph's energy is at low frequencies.
    cell = options.image // 14
    coarse = generator.normal(0, 1, (options.samples, 3, 14, 14)).repeat(cell, axis=2).repeat(cell, axis=3)
    samples = coarse + 0.3 * generator.normal(0, 1, coarse.shape)
    np.savez(options.folder / f"samples_{options.image}.npz", input=samples.astype(np.float32))


if __name__ == "__main__":
    main()
