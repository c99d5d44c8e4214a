"""Small models of operators of quantized networks, with ONNX Runtime's outputs.

`python quantized_cases.py FOLDER` writes each as ONNX writes its tests of nodes: a model, inputs and outputs. So
tests/data/quantized was made, which tests/nn/engine/quantized_operators_test.cc reads.
"""

import sys

import numpy as np
from onnx import helper

import operator_cases
from operator_cases import MICROSOFT


def scale_of(values, kind=np.uint8, symmetric=False, axis=None):
    """Scale and zero point that cover the values, one for each index of the axis."""
    axes = tuple(i for i in range(values.ndim) if i != axis) if axis is not None else None
    low = np.minimum(values.min(axis=axes), 0)
    high = np.maximum(values.max(axis=axes), 0)
    ends = np.iinfo(kind)
    if symmetric:
        scale = np.maximum(-low, high) / ends.max
        return np.float32(scale), np.zeros(np.shape(scale), kind)
    scale = (high - low) / (ends.max - ends.min)
    zero = np.clip(np.round(ends.min - low / scale), ends.min, ends.max)
    return np.float32(scale), zero.astype(kind)


def integers_of(values, scale, zero, axis=None):
    ends = np.iinfo(zero.dtype)
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.clip(np.round(values / scale) + zero, ends.min, ends.max).astype(zero.dtype)


class Quantized(operator_cases.Case):
    """Values have names of their own; the last result is the model's, or what `finish` is told."""

    def add(self, op, *inputs, domain="", outputs=1, **attributes):
        number = len(self.nodes)
        names = [f"v{number}" + ("" if i == 0 else f"_{i}") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, f"node{number}", domain=domain,
                                           **attributes))
        return names[0] if outputs == 1 else names

    def finish(self, value):
        for node in self.nodes:
            node.output[:] = ["y" if name == value else name for name in node.output]
            node.input[:] = ["y" if name == value else name for name in node.input]
        return self

    def source(self, *shape):
        """A random input with its name and its values."""
        values = self.random.standard_normal(shape).astype(np.float32)
        return self.input(values), values

    def parameters(self, values, **options):
        """Constants of the scale and zero point of values."""
        return [self.constant(each) for each in scale_of(values, **options)]

    def quantize(self, src, values, **options):
        """The integers, with scale and zero point behind them."""
        scale, zero = self.parameters(values, **options)
        return [self.add("QuantizeLinear", src, scale, zero), scale, zero]

    def stored(self, values, axis=None, kind=np.int8, symmetric=True):
        """A constant of integers, its scale and zero point."""
        scale, zero = scale_of(values, kind, symmetric, axis)
        return [self.constant(integers_of(values, scale, zero, axis)), self.constant(scale),
                self.constant(zero)], scale

    def random_weights(self, *shape):
        return (self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def convolution(x, w, b):
    """Without padding."""
    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, columns), np.float32)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            y += np.einsum("nchw,oc->nohw", x[:, :, i:i + rows, j:j + columns], w[:, :, i, j])
    return y + b.reshape(1, -1, 1, 1)


def prepare_convolution(case):
    x, values = case.source(2, 3, 6, 6)
    w = case.random_weights(4, 3, 3, 3)
    b = case.random.standard_normal(4).astype(np.float32)
    return x, values, w, b, convolution(values, w, b)


def stored_bias(case, b, src_scale, weights_scale):
    scale = np.float32(src_scale * weights_scale)
    return case.constant(np.round(b / scale).astype(np.int32)), case.constant(scale)


def qdq_conv(cut, kind=np.uint8):
    """`cut`: what is below 0 is cut by the quantizer of the result, in the place of a Relu."""
    case = Quantized()
    x, values, w, b, y = prepare_convolution(case)
    integers, scale, zero = case.quantize(x, values, kind=kind)
    src = case.add("DequantizeLinear", integers, scale, zero)
    stored, weights_scale = case.stored(w, axis=0)
    weights = case.add("DequantizeLinear", *stored, axis=0)
    src_scale = scale_of(values, kind)[0]
    bias, bias_scale = stored_bias(case, b, src_scale, weights_scale)
    bias = case.add("DequantizeLinear", bias, bias_scale, case.constant(np.zeros(4, np.int32)), axis=0)
    dst = case.add("Conv", src, weights, bias)
    quantized = case.quantize(dst, np.maximum(y, 0) if cut else y, kind=kind)
    return case.finish(case.add("DequantizeLinear", *quantized))


def q_conv(cut):
    case = Quantized()
    x, values, w, b, y = prepare_convolution(case)
    src = case.quantize(x, values)
    stored, weights_scale = case.stored(w, axis=0)
    bias, _ = stored_bias(case, b, scale_of(values)[0], weights_scale)
    result = case.parameters(np.maximum(y, 0) if cut else y)
    dst = case.add("QLinearConv", *src, *stored, *result, bias)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def q_matmul(per_column):
    case = Quantized()
    x, values = case.source(3, 8)
    w = case.random_weights(8, 5)
    src = case.quantize(x, values)
    stored, _ = case.stored(w, axis=1 if per_column else None, kind=np.int8,
                            symmetric=per_column)
    result = case.parameters(values @ w)
    dst = case.add("QLinearMatMul", *src, *stored, *result)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def q_gemm(in_float):
    case = Quantized()
    x, values = case.source(3, 8)
    w, b = case.random_weights(5, 8), case.random.standard_normal(5).astype(np.float32)
    src = case.quantize(x, values)
    stored, weights_scale = case.stored(w, axis=0)
    bias, _ = stored_bias(case, b, 0.5 * scale_of(values)[0], weights_scale)
    result = [] if in_float else case.parameters(0.5 * values @ w.T + b)
    dst = case.add("QGemm", *src, *stored, bias, *result, domain=MICROSOFT, transB=1, alpha=0.5)
    return case.finish(dst if in_float else case.add("DequantizeLinear", dst, *result))


def q_binary(op, function, constant):
    case = Quantized()
    a, a_values = case.source(2, 3, 4)
    b_values = case.random.standard_normal((3, 4)).astype(np.float32)
    first = case.quantize(a, a_values)
    if constant:
        second = case.stored(b_values, kind=np.uint8, symmetric=False)[0]
    else:
        second = case.quantize(case.input(b_values), b_values)
    result = case.parameters(function(a_values, b_values))
    dst = case.add(op, *first, *second, *result, domain=MICROSOFT)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def q_unary(op, function, **attributes):
    case = Quantized()
    x, values = case.source(2, 3, 6, 6)
    src = case.quantize(x, values)
    result = case.parameters(function(values))
    dst = case.add(op, *src, *result, domain=MICROSOFT, **attributes)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def means(x):
    return sum(x[:, :, i:i + 5, j:j + 5] for i in (0, 1) for j in (0, 1)) / 4


def q_concat():
    case = Quantized()
    sources = []
    for factor in (1, 3):
        x, values = case.source(2, factor, 4)
        sources += case.quantize(case.add("Mul", x, case.constant(np.float32(factor))),
                                 factor * values)
    result = case.parameters(np.float32([-8, 9]))
    dst = case.add("QLinearConcat", *result, *sources, domain=MICROSOFT, axis=1)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def q_where():
    case = Quantized()
    a, a_values = case.source(3, 4)
    b, b_values = case.source(3, 4)
    condition = case.input(case.random.standard_normal((3, 4)) > 0)
    result = case.parameters(np.concatenate([a_values, 2 * b_values]))
    dst = case.add("QLinearWhere", condition, *case.quantize(a, a_values),
                   *case.quantize(b, b_values), *result, domain=MICROSOFT)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def dynamic_matmul(per_column, symmetric=True):
    """As ONNX Runtime's quantize_dynamic writes it."""
    case = Quantized()
    x, _ = case.source(2, 4, 8)
    w = case.random_weights(8, 5)
    (weights, scale, zero), _ = case.stored(w, axis=1 if per_column else None, symmetric=symmetric)
    integers, src_scale, src_zero = case.add("DynamicQuantizeLinear", x, outputs=3)
    product = case.add("MatMulInteger", integers, weights, src_zero, zero)
    scales = case.add("Mul", src_scale, scale)
    dst = case.add("Mul", case.add("Cast", product, to=1), scales)
    return case.finish(case.add("Add", dst, case.constant(np.float32([1, -1, 2, 0, 0.5]))))


def static_product():
    """Integers of a known scale, and what they stand for by one constant."""
    case = Quantized()
    x, values = case.source(3, 8)
    w = case.random_weights(8, 5)
    (weights, _, zero), scale = case.stored(w)
    integers, _, src_zero = case.quantize(x, values)
    product = case.add("MatMulInteger", integers, weights, src_zero, zero)
    both = case.constant(np.float32(scale * scale_of(values)[0]))
    return case.finish(case.add("Mul", both, case.add("Cast", product, to=1)))


def bare_product():
    """Integers that nobody scales."""
    case = Quantized()
    x, values = case.source(3, 8)
    (weights, _, zero), _ = case.stored(case.random_weights(8, 5))
    integers, _, src_zero = case.quantize(x, values)
    product = case.add("MatMulInteger", integers, weights, src_zero, zero)
    return case.finish(case.add("Cast", product, to=1))


def dynamic_conv():
    case = Quantized()
    x, _, w, _, _ = prepare_convolution(case)
    (weights, scale, zero), _ = case.stored(w)
    integers, src_scale, src_zero = case.add("DynamicQuantizeLinear", x, outputs=3)
    product = case.add("ConvInteger", integers, weights, src_zero, zero, strides=[2, 1])
    return case.finish(case.add("Mul", case.add("Cast", product, to=1),
                                case.add("Mul", src_scale, scale)))


def product_to_float():
    case = Quantized()
    x, _ = case.source(3, 8)
    (weights, scale, zero), _ = case.stored(case.random_weights(8, 5), axis=1)
    integers, src_scale, src_zero = case.add("DynamicQuantizeLinear", x, outputs=3)
    return case.finish(case.add(
        "MatMulIntegerToFloat", integers, weights, src_scale, scale, src_zero, zero,
        case.constant(np.float32([1, -1, 2, 0, 0.5])), domain=MICROSOFT))


def dynamic_product():
    case = Quantized()
    x, _ = case.source(3, 8)
    stored, _ = case.stored(case.random_weights(8, 5), symmetric=False, kind=np.uint8)
    return case.finish(case.add("DynamicQuantizeMatMul", x, *stored,
                                case.constant(np.float32([1, -1, 2, 0, 0.5])), domain=MICROSOFT))


def dynamic_lstm(per_column):
    case = Quantized()
    steps, width, hidden, directions = 5, 6, 4, 2
    x, _ = case.source(steps, 3, width)
    inputs = []
    for rows in (width, hidden):
        w = (case.random.standard_normal((directions, rows, 4 * hidden)) / 2).astype(np.float32)
        # One scale a direction, or one a column of each.
        columns = w.transpose(0, 2, 1).reshape(directions * 4 * hidden, rows) if per_column \
            else w.reshape(directions, -1)
        scale, zero = scale_of(columns, np.int8, True, 0)
        shape = (directions, 1, 4 * hidden) if per_column else (directions, 1, 1)
        integers = np.clip(np.round(w / scale.reshape(shape)), -128, 127).astype(np.int8)
        final = (directions, 4 * hidden) if per_column else (directions,)
        inputs.append((case.constant(integers), case.constant(scale.reshape(final)),
                       case.constant(zero.reshape(final))))
    bias = case.weights(directions, 8 * hidden, scale=0.3)
    (w, w_scale, w_zero), (r, r_scale, r_zero) = inputs
    return case.finish(case.add(
        "DynamicQuantizeLSTM", x, w, r, bias, "", "", "", "", w_scale, w_zero, r_scale, r_zero,
        domain=MICROSOFT, direction="bidirectional", hidden_size=hidden))


def attention():
    case = Quantized()
    x, values = case.source(2, 5, 8)
    integers, scale, zero = case.quantize(x, values)
    stored, _ = case.stored(case.random_weights(8, 24))
    return case.finish(case.add(
        "QAttention", integers, stored[0], case.weights(24, scale=0.3), scale, stored[1], "", zero,
        stored[2], domain=MICROSOFT, num_heads=2))


def moved():
    """Integers that are moved about, compared and joined."""
    case = Quantized()
    x, values = case.source(2, 3, 6, 6)
    integers, scale, zero = case.quantize(x, values, kind=np.int8)
    pooled = case.add("MaxPool", integers, kernel_shape=[2, 2], strides=[2, 2])
    turned = case.add("Transpose", pooled, perm=[0, 1, 3, 2])
    joined = case.add("Concat", pooled, turned, axis=1)
    flat = case.add("Reshape", joined, case.constant(np.int64([0, -1])))
    return case.finish(case.add("DequantizeLinear", flat, scale, zero))


def other_scale():
    """Integers that are read with another scale and zero point than they were made with."""
    case = Quantized()
    x, values = case.source(3, 8)
    integers, _, _ = case.quantize(x, values)
    return case.finish(case.add("DequantizeLinear", integers, case.constant(np.float32(0.5)),
                                case.constant(np.uint8(7))))


def arithmetic():
    """Integers that are computed with."""
    case = Quantized()
    x, values = case.source(3, 8)
    integers, _, zero = case.quantize(x, values)
    wide = case.add("Cast", integers, to=6)
    difference = case.add("Sub", wide, case.add("Cast", zero, to=6))
    return case.finish(case.add("Cast", difference, to=1))


def integer_input():
    case = Quantized()
    x = case.input(case.random.integers(0, 256, (2, 3, 6, 6)).astype(np.uint8))
    src = case.add("DequantizeLinear", x, case.constant(np.float32(0.02)), case.constant(np.uint8(128)))
    stored, _ = case.stored(case.random_weights(4, 3, 3, 3))
    return case.finish(case.add("Conv", src, case.add("DequantizeLinear", *stored)))


def integer_input_of_product():
    case = Quantized()
    x = case.input(case.random.integers(0, 256, (3, 8)).astype(np.uint8))
    scale, zero = case.constant(np.float32(0.02)), case.constant(np.uint8(128))
    stored, _ = case.stored(case.random_weights(8, 5))
    result = case.parameters(np.float32([-8, 8]))  # nothing is cut
    dst = case.add("QLinearMatMul", x, scale, zero, *stored, *result)
    return case.finish(case.add("DequantizeLinear", dst, *result))


def integer_output():
    case = Quantized()
    x, values = case.source(3, 8)
    w = case.random_weights(8, 5)
    product = case.add("MatMul", x, case.constant(w))
    return case.finish(case.quantize(product, values @ w)[0])


def microsoft_pair():
    case = Quantized()
    x, values = case.source(3, 8)
    scale, zero = case.parameters(values, kind=np.uint16)
    integers = case.add("QuantizeLinear", x, scale, zero, domain=MICROSOFT)
    return case.finish(case.add("DequantizeLinear", integers, scale, zero, domain=MICROSOFT))


def quantized_weights():
    """Float weights behind a quantizer, as training with fake quantization leaves them."""
    case = Quantized()
    x, _ = case.source(3, 8)
    w = case.random_weights(8, 5)
    scale, zero = case.parameters(w, kind=np.int8, symmetric=True, axis=1)
    integers = case.add("QuantizeLinear", case.constant(w), scale, zero, axis=1)
    weights = case.add("DequantizeLinear", integers, scale, zero, axis=1)
    return case.finish(case.add("MatMul", x, weights))


def table():
    """Rows of a table of integers."""
    case = Quantized()
    rows = case.input(np.int64([[3, 0, 5], [1, 1, 2]]))
    stored, _ = case.stored(case.random_weights(6, 8))
    picked = case.add("Gather", stored[0], rows)
    return case.finish(case.add("DequantizeLinear", picked, *stored[1:]))


def computed_scale():
    """A scale that depends on the input, by hand."""
    case = Quantized()
    x, _ = case.source(3, 8)
    largest = case.add("ReduceMax", case.add("Abs", x), keepdims=0)
    scale = case.add("Div", largest, case.constant(np.float32(127)))
    zero = case.constant(np.int8(0))
    integers = case.add("QuantizeLinear", x, scale, zero)
    return case.finish(case.add("DequantizeLinear", integers, scale, zero))


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


CASES = {
    "qdq_conv": lambda: qdq_conv(False), "qdq_conv_cut": lambda: qdq_conv(True),
    "qdq_conv_cut_int8": lambda: qdq_conv(True, np.int8),
    "q_conv": lambda: q_conv(False), "q_conv_cut": lambda: q_conv(True),
    "q_matmul": lambda: q_matmul(False), "q_matmul_columns": lambda: q_matmul(True),
    "q_gemm": lambda: q_gemm(False), "q_gemm_float": lambda: q_gemm(True),
    "q_add": lambda: q_binary("QLinearAdd", np.add, False),
    "q_add_constant": lambda: q_binary("QLinearAdd", np.add, True),
    "q_mul": lambda: q_binary("QLinearMul", np.multiply, False),
    "q_average_pool": lambda: q_unary("QLinearAveragePool", means, kernel_shape=[2, 2]),
    "q_global_average_pool": lambda: q_unary(
        "QLinearGlobalAveragePool", lambda x: x.mean(axis=(2, 3)), channels_last=0),
    "q_leaky_relu": lambda: q_unary("QLinearLeakyRelu", leaky, alpha=0.2),
    "q_sigmoid": lambda: q_unary("QLinearSigmoid", lambda x: 1 / (1 + np.exp(-x))),
    "q_softmax": lambda: q_unary("QLinearSoftmax", softmax, axis=-1, opset=13),
    "q_concat": q_concat, "q_where": q_where,
    "dynamic_matmul": lambda: dynamic_matmul(False),
    "dynamic_matmul_columns": lambda: dynamic_matmul(True),
    "dynamic_matmul_asymmetric": lambda: dynamic_matmul(False, False),
    "static_product": static_product, "bare_product": bare_product, "dynamic_conv": dynamic_conv,
    "product_to_float": product_to_float, "dynamic_product": dynamic_product,
    "dynamic_lstm": lambda: dynamic_lstm(False), "dynamic_lstm_columns": lambda: dynamic_lstm(True),
    "attention": attention, "moved": moved, "other_scale": other_scale, "arithmetic": arithmetic,
    "integer_input": integer_input, "integer_input_of_product": integer_input_of_product,
    "integer_output": integer_output, "microsoft_pair": microsoft_pair,
    "quantized_weights": quantized_weights, "table": table, "computed_scale": computed_scale,
}


if __name__ == "__main__":
    operator_cases.CASES.update(CASES)
    for name in CASES:
        operator_cases.write(sys.argv[1], name)
