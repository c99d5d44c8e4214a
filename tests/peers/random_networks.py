"""Small random networks of the operators that Halftone runs, written with the onnx package.

The same for the same seed. Input "x" with a symbolic batch, output "y" [N, 5]: a row of logits.
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 5
CHANNELS, SIZE = 3, 12  # of an image
TOKENS, WIDTH, HEADS = 6, 8, 2


class Writer:
    """Appends nodes and constants; names values so that none has the name of another."""

    def __init__(self, seed, shape, opset):
        self.random = np.random.default_rng(seed)
        self.opset = opset
        self.shape = shape
        self.nodes, self.constants = [], []

    def draw(self, *choices):
        return choices[self.random.integers(len(choices))]

    def node(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [f"{name}_out"], name, **attributes))
        return f"{name}_out"

    def constant(self, values, dtype=np.float32):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def weights(self, *shape, fan_in=1, mean=0.0):
        values = mean + self.random.standard_normal(shape) / math.sqrt(fan_in)
        return self.constant(values)

    def bias(self, channels):
        return self.constant(0.3 * self.random.standard_normal(channels))

    def integers(self, *values):
        return self.constant(values, np.int64)

    def linear(self, src, inputs, outputs):
        """A dense layer over the last axis, with or without a bias."""
        product = self.node("MatMul", src, self.weights(inputs, outputs, fan_in=inputs))
        return self.node("Add", product, self.bias(outputs)) if self.draw(0, 1) else product

    def classifier(self, src, inputs):
        """Of a matrix [N, inputs]: a Gemm in one of its forms."""
        hidden = 8
        transposed = self.draw(0, 1)
        shape = (hidden, inputs) if transposed else (inputs, hidden)
        dst = self.node("Gemm", src, self.weights(*shape, fan_in=inputs), self.bias(hidden),
                        transB=transposed, alpha=self.draw(1.0, 0.5), beta=self.draw(1.0, 2.0))
        dst = self.linear(self.node("Relu", dst), hidden, CLASSES)
        return self.node("Mul", dst, self.constant(2.0))  # logits that differ from each other

    def model(self, dst):
        self.nodes[-1].output[0] = "y"
        assert dst == f"{self.nodes[-1].name}_out"
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                  ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


class ConvolutionalWriter(Writer):
    """Convolutions of all kinds with what stands between them; images are (value, channels, size)."""

    STEPS = 8

    def __init__(self, seed, opset):
        super().__init__(seed, (CHANNELS, SIZE, SIZE), opset)
        self.images = [("x", CHANNELS, SIZE)]

    def write(self):
        self.images.append(self.convolution(self.images[0]))
        steps = [self.convolution, self.convolution, self.normalized, self.pooled, self.summed,
                 self.joined, self.gated, self.activated, self.activated]
        for _ in range(self.STEPS):
            src = self.images[-1] if self.draw(0, 1, 1, 1, 1) else self.draw(*self.images)
            self.images.append(self.draw(*steps)(src))
        value, channels, _ = self.images[-1]
        flat = self.node("Flatten", self.node("GlobalAveragePool", value))
        return self.model(self.classifier(flat, channels))

    def convolution(self, src, channels=None):
        value, inputs, size = src
        kernel = self.draw(1, 3)
        dilation = self.draw(1, 2) if size > 6 else 1
        stride = self.draw(1, 1, 2) if size > 3 else 1
        depthwise = channels is None and self.draw(0, 0, 1)
        groups = inputs if depthwise else 1
        channels = channels or (inputs * self.draw(1, 2) if depthwise else self.draw(4, 6, 9))
        reach = (kernel - 1) * dilation
        pads = [reach // 2, reach // 2, reach - reach // 2, reach - reach // 2]
        fan_in = inputs // groups * kernel * kernel
        operands = [value, self.weights(channels, inputs // groups, kernel, kernel, fan_in=fan_in)]
        if self.draw(0, 1, 1):
            operands.append(self.bias(channels))
        dst = self.node("Conv", *operands, kernel_shape=[kernel, kernel], pads=pads, group=groups,
                        strides=[stride, stride], dilations=[dilation, dilation])
        image = (dst, channels, (size - 1) // stride + 1)
        return image if channels <= 16 else self.convolution(image, channels=6)

    def normalized(self, src):
        value, channels, size = self.convolution(src)
        variance = self.constant(self.random.uniform(0.5, 2, channels))
        dst = self.node("BatchNormalization", value, self.weights(channels, fan_in=9, mean=1.0),
                        self.bias(channels), self.bias(channels), variance)
        return self.activated((dst, channels, size))

    def activated(self, src):
        value, channels, size = src
        op = self.draw("Relu", "Relu", "Relu6", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish")
        if op == "Relu6":
            dst = self.node("Clip", value, self.constant(0.0), self.constant(6.0))
        elif op == "HardSwish":  # as older opsets write it
            shifted = self.node("Add", value, self.constant(3.0))
            clipped = self.node("Clip", shifted, self.constant(0.0), self.constant(6.0))
            product = self.node("Mul", value, clipped)
            dst = self.node("Div", product, self.constant(6.0))
        else:
            dst = self.node(op, value)
        return dst, channels, size

    def pooled(self, src):
        value, channels, size = src
        if size < 4:
            return self.activated(src)
        attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
        if self.draw(0, 1):
            dst = self.node("MaxPool", value, **attributes)
        else:
            dst = self.node("AveragePool", value, count_include_pad=self.draw(0, 1), **attributes)
        return dst, channels, (size - 1) // 2 + 1

    def summed(self, src):
        value, channels, size = src
        others = [v for v, c, s in self.images if (c, s) == (channels, size) and v != value]
        if others:
            return self.node("Add", value, self.draw(*others)), channels, size
        other, _, other_size = self.convolution(src, channels=channels)
        if other_size != size:
            return other, channels, other_size
        return self.node("Add", value, other), channels, size

    def joined(self, src):
        value, channels, size = src
        other, more, _ = self.draw(*[image for image in self.images if image[2] == size])
        image = (self.node("Concat", value, other, axis=1), channels + more, size)
        return self.convolution(image, channels=6) if channels + more > 16 else image

    def gated(self, src):
        value, channels, size = src
        mean = self.node("GlobalAveragePool", value)
        gate, _, _ = self.convolution((mean, channels, 1), channels=channels)
        return self.node("Mul", value, self.node("Sigmoid", gate)), channels, size


class AttentionWriter(Writer):
    """Blocks of a transformer; layer normalization and GELU in their parts up to opset 16."""

    BLOCKS = 2

    def __init__(self, seed, opset):
        super().__init__(seed, (TOKENS, WIDTH), opset)

    def write(self):
        value = self.linear("x", WIDTH, WIDTH)
        for _ in range(self.BLOCKS):
            value = self.node("Add", value, self.attention(self.normalized(value)))
            value = self.node("Add", value, self.perceptron(self.normalized(value)))
        if self.draw(0, 1):
            value = self.mixed_tokens(value)
        return self.model(self.classifier(self.mean(self.normalized(value), axis=1), WIDTH))

    def mean(self, value, axis, keepdims=0):
        return self.node("ReduceMean", value, axes=[axis], keepdims=keepdims)

    def normalized(self, value):
        scale, bias = self.weights(WIDTH, fan_in=9, mean=1.0), self.bias(WIDTH)
        if self.opset >= 17:
            return self.node("LayerNormalization", value, scale, bias, axis=-1)
        centred = self.node("Sub", value, self.mean(value, -1, keepdims=1))
        variance = self.mean(self.node("Pow", centred, self.constant(2.0)), -1, keepdims=1)
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant(1e-5)))
        return self.node("Add", self.node("Mul", self.node("Div", centred, deviation), scale), bias)

    def heads(self, value, perm):
        split = self.node("Reshape", value, self.integers(0, TOKENS, HEADS, WIDTH // HEADS))
        return self.node("Transpose", split, perm=perm)

    def attention(self, value):
        queries = self.heads(self.linear(value, WIDTH, WIDTH), [0, 2, 1, 3])
        keys = self.heads(self.linear(value, WIDTH, WIDTH), [0, 2, 3, 1])
        values = self.heads(self.linear(value, WIDTH, WIDTH), [0, 2, 1, 3])
        scores = self.node("Mul", self.node("MatMul", queries, keys),
                           self.constant(2 / math.sqrt(WIDTH // HEADS)))
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), values)
        joined = self.node("Reshape", self.node("Transpose", mixed, perm=[0, 2, 1, 3]),
                           self.integers(0, TOKENS, WIDTH))
        return self.linear(joined, WIDTH, WIDTH)

    def perceptron(self, value):
        hidden = self.linear(value, WIDTH, 2 * WIDTH)
        erf = self.node("Erf", self.node("Div", hidden, self.constant(math.sqrt(2))))
        gelu = self.node("Mul", self.node("Mul", hidden, self.node("Add", erf, self.constant(1.0))),
                         self.constant(0.5))
        return self.linear(gelu, 2 * WIDTH, WIDTH)

    def mixed_tokens(self, value):
        """A product whose weights stand first."""
        return self.node("MatMul", self.weights(TOKENS, TOKENS, fan_in=TOKENS), value)


def convolutional(seed):
    """Opset 11 is raised in the export, 13 is written as it is."""
    return ConvolutionalWriter(seed, opset=[11, 13, 17][seed % 3]).write()


def attention(seed):
    return AttentionWriter(seed, opset=[13, 17][seed % 2]).write()


def samples(model, count, seed):
    """Normally distributed ones for the network."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    shape = [count, *(dim.dim_value for dim in dims[1:])]
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
