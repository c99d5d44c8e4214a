"""Small networks of what is rare: shared weights, names that an exporter might choose itself, ..."""

import numpy as np
from random_networks import CLASSES, WIDTH, Writer


class MatrixWriter(Writer):
    """Input "x" [N, WIDTH]."""

    def __init__(self, opset=13):
        super().__init__(seed=1, shape=(WIDTH,), opset=opset)

    def dense(self, src, weights=None, outputs=WIDTH, bias=True):
        weights = weights or self.weights(WIDTH, outputs, fan_in=WIDTH)
        return self.node("Gemm", src, weights, *([self.bias(outputs)] if bias else []))

    def logits(self, src):
        return self.dense(self.node("Relu", src), outputs=CLASSES)


def shared_weights():
    """Three layers read one matrix, so that it is quantized for each of them."""
    writer = MatrixWriter()
    weights = writer.weights(WIDTH, WIDTH, fan_in=WIDTH)
    first = writer.dense("x", weights)
    second = writer.node("MatMul", writer.node("Tanh", first), weights)
    third = writer.dense(writer.node("Relu", second), weights)
    return writer.model(writer.logits(third))


def shared_source():
    """Two layers read one value, and so does what is no layer."""
    writer = MatrixWriter()
    source = writer.node("Relu", writer.dense("x"))
    both = writer.node("Add", writer.dense(source), writer.dense(source, bias=False))
    return writer.model(writer.logits(writer.node("Add", both, source)))


def product_with_itself():
    """A product whose two sources are one value: x x', in tokens of two."""
    writer = MatrixWriter()
    rows = writer.node("Reshape", writer.dense("x"), writer.integers(0, 2, WIDTH // 2))
    turned = writer.node("Transpose", rows, perm=[0, 2, 1])
    square = writer.node("MatMul", turned, rows)  # [N, WIDTH/2, WIDTH/2]
    again = writer.node("MatMul", square, square)
    mean = writer.node("ReduceMean", again, axes=[1], keepdims=0)
    return writer.model(writer.node("Gemm", mean, writer.weights(WIDTH // 2, CLASSES, fan_in=2),
                                    writer.bias(CLASSES)))


def weights_first():
    """Products and a Gemm with the weights on the left, as column vectors want it."""
    writer = MatrixWriter()
    column = writer.node("Reshape", "x", writer.integers(0, WIDTH, 1))
    product = writer.node("MatMul", writer.weights(WIDTH, WIDTH, fan_in=WIDTH), column)
    product = writer.node("MatMul", writer.weights(WIDTH, WIDTH, fan_in=WIDTH),
                          writer.node("Relu", product))
    return writer.model(writer.logits(writer.node("Reshape", product, writer.integers(0, WIDTH))))


def names_of_an_exporter():
    """Values that are named as the exporter names those that it adds."""
    writer = MatrixWriter()
    model = writer.model(writer.logits(writer.dense(writer.node("Relu", writer.dense("x")))))
    values = ["x_quantized", "x_dequantized", "x_limited", "x_scale", "x_dequantized/QuantizeLinear"]
    renamed = dict(zip([name for node in model.graph.node[:-1] for name in node.output], values))
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    return model


def without_names():
    """Nodes need no names."""
    writer = MatrixWriter()
    model = writer.model(writer.logits(writer.dense(writer.node("Relu", writer.dense("x")))))
    for node in model.graph.node:
        node.ClearField("name")
    return model


def fixed_batch():
    """A batch that is a number."""
    writer = MatrixWriter()
    model = writer.model(writer.logits(writer.dense("x")))
    for port in (*model.graph.input, *model.graph.output):
        port.type.tensor_type.shape.dim[0].dim_value = 8
    return model


def dead_channels():
    """Weights that are all 0 have no range to be quantized in."""
    writer = MatrixWriter()
    matrix = writer.random.standard_normal((WIDTH, WIDTH)) / 3
    matrix[:, ::2] = 0
    weights = writer.constant(matrix, np.float32)
    return writer.model(writer.logits(writer.dense("x", weights)))


def read_and_given_out():
    """The network's output is a layer's, with nothing behind it, and its input a layer's source."""
    writer = MatrixWriter()
    return writer.model(writer.dense("x", outputs=CLASSES))


def computed_shape():
    """A shape computed from the batch, as torch writes it, and a constant as large as the batch."""
    writer = MatrixWriter()
    batch = writer.node("Gather", writer.node("Shape", "x"), writer.integers(0))
    shape = writer.node("Concat", batch, writer.integers(1, WIDTH), axis=0)
    token = writer.node("Expand", writer.weights(1, 1, WIDTH), shape)
    rows = writer.node("Reshape", writer.dense("x"), shape)
    tokens = writer.node("Concat", token, rows, axis=1)  # [N, 2, WIDTH]
    mixed = writer.linear(tokens, WIDTH, WIDTH)
    mean = writer.node("ReduceMean", mixed, axes=[1], keepdims=0)
    return writer.model(writer.logits(mean))


NETWORKS = {make.__name__: make for make in (
    shared_weights, shared_source, product_with_itself, weights_first, names_of_an_exporter,
    without_names, fixed_batch, dead_channels, read_and_given_out, computed_shape)}
