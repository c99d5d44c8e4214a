"""Small networks whose operators Halftone knows by others: those of ONNX Runtime, branches, loops, functions.

Input "x" [N, TOKENS, WIDTH] or [N, ...], output "y" [N, CLASSES].
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from random_networks import CLASSES, HEADS, TOKENS, WIDTH, Writer

MICROSOFT = "com.microsoft"
OWN = "halftone.test"


class RewrittenWriter(Writer):
    """Nodes of domains that onnx's checker knows nothing of."""

    def __init__(self, opset=17, shape=(TOKENS, WIDTH)):
        super().__init__(seed=3, shape=shape, opset=opset)
        self.functions = []

    def microsoft(self, op, *inputs, **attributes):
        return self.node(op, *inputs, domain=MICROSOFT, **attributes)

    def matrix(self, inputs, outputs):
        return self.weights(inputs, outputs, fan_in=inputs)

    def dense(self, src, outputs=WIDTH):
        return self.node("Add", self.node("MatMul", src, self.matrix(WIDTH, outputs)), self.bias(outputs))

    def logits(self, src):
        """A layer of all tokens."""
        flat = self.node("Reshape", src, self.integers(0, -1))
        return self.node("Gemm", flat, self.matrix(TOKENS * WIDTH, CLASSES), self.bias(CLASSES))

    def model(self, dst):
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes, "rewritten",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])], self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1),
                  helper.make_opsetid(OWN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=self.functions)


def bert():
    """As ONNX Runtime's optimizer leaves it: attention, normalization of sums, GELU with its bias."""
    writer = RewrittenWriter(opset=13)
    value = writer.node("LayerNormalization", writer.dense("x"), writer.bias(WIDTH), writer.bias(WIDTH),
                        axis=-1)
    attended = writer.microsoft("Attention", value, writer.matrix(WIDTH, 3 * WIDTH),
                                writer.bias(3 * WIDTH), num_heads=HEADS)
    value = writer.microsoft("SkipLayerNormalization", writer.dense(attended), value,
                             writer.weights(WIDTH, fan_in=9, mean=1.0), writer.bias(WIDTH), epsilon=1e-5)
    hidden = writer.microsoft("BiasGelu", writer.node("MatMul", value, writer.matrix(WIDTH, 2 * WIDTH)),
                              writer.bias(2 * WIDTH))
    hidden = writer.microsoft("FusedMatMul", hidden, writer.weights(WIDTH, 2 * WIDTH, fan_in=2 * WIDTH),
                              transB=1, alpha=0.5)
    value = writer.microsoft("SkipLayerNormalization", hidden, value,
                             writer.weights(WIDTH, fan_in=9, mean=1.0), writer.bias(WIDTH),
                             writer.bias(WIDTH), epsilon=1e-5)
    return writer.model(writer.logits(value))


def causal_decoder():
    """Attention of several sources with a mask of infinities, root mean squares, and QuickGelu."""
    writer = RewrittenWriter()
    value = writer.node("SimplifiedLayerNormalization", "x", writer.weights(WIDTH, fan_in=9, mean=1.0),
                        axis=-1, epsilon=1e-5)
    mask = np.triu(np.full((1, 1, TOKENS, TOKENS), -np.inf, np.float32), 1)
    attended = writer.microsoft("MultiHeadAttention", writer.dense(value), writer.dense(value),
                                writer.dense(value), writer.bias(3 * WIDTH), "", writer.constant(mask),
                                num_heads=HEADS)
    value = writer.microsoft("SkipSimplifiedLayerNormalization", attended, value,
                             writer.weights(WIDTH, fan_in=9, mean=1.0), epsilon=1e-5)
    value = writer.dense(writer.microsoft("QuickGelu", writer.dense(value)))
    return writer.model(writer.logits(value))


def masked_attention():
    """Written out, with a mask that holds infinities, cut to the number of tokens."""
    writer = RewrittenWriter()
    mask = np.triu(np.full((9, 9), -np.inf, np.float32), 1)
    cut = writer.node("Slice", writer.constant(mask), writer.integers(0, 0),
                      writer.integers(TOKENS, TOKENS), writer.integers(0, 1))
    scores = writer.node("MatMul", writer.dense("x"), writer.node("Transpose", writer.dense("x"),
                                                                  perm=[0, 2, 1]))
    scores = writer.node("Mul", scores, writer.constant(1 / math.sqrt(WIDTH)))
    weights = writer.node("Softmax", writer.node("Add", scores, cut), axis=-1)
    return writer.model(writer.logits(writer.node("MatMul", weights, writer.dense("x"))))


def newest_attention():
    """Of opset 23: grouped heads, turned by their positions, and root mean squares."""
    writer = RewrittenWriter(opset=23)
    value = writer.node("RMSNormalization", "x", writer.weights(WIDTH, fan_in=9, mean=1.0), axis=-1)
    size = WIDTH // HEADS
    angles = np.arange(TOKENS)[:, None] / 10.0 ** np.arange(size // 2)[None]
    tables = [writer.constant(np.cos(angles)[None]), writer.constant(np.sin(angles)[None])]
    tables = [writer.node("Expand", table, writer.node(
        "Concat", writer.node("Gather", writer.node("Shape", "x"), writer.integers(0)),
        writer.integers(1, 1), axis=0)) for table in tables]
    queries = writer.node("RotaryEmbedding", writer.dense(value), *tables, num_heads=HEADS)
    keys = writer.node("RotaryEmbedding", writer.dense(value, size), *tables, num_heads=1)
    attended = writer.node("Attention", queries, keys, writer.dense(value, size), is_causal=1,
                           q_num_heads=HEADS, kv_num_heads=1)
    return writer.model(writer.logits(writer.dense(attended)))


def convolutional():
    """Convolutions that have become one with their neighbours."""
    writer = RewrittenWriter(shape=(3, 6, 6))
    convolve = lambda src, inputs, *more, **attributes: writer.microsoft(
        "FusedConv", src, writer.weights(4, inputs, 3, 3, fan_in=9 * inputs), writer.bias(4), *more,
        pads=[1, 1, 1, 1], kernel_shape=[3, 3], **attributes)
    first = convolve("x", 3, activation="Relu")
    second = convolve(first, 4, first, activation="Relu")
    third = convolve(second, 4, activation="LeakyRelu", activation_params=[0.2])
    flat = writer.node("Flatten", writer.node("GlobalAveragePool", third))
    hidden = writer.microsoft("FusedGemm", flat, writer.matrix(4, 8), writer.bias(8), activation="Tanh")
    return writer.model(writer.node("Gemm", hidden, writer.matrix(8, CLASSES), writer.bias(CLASSES)))


def value(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def recurrent():
    """A Scan over tokens with a layer in each step, and a Loop that runs twice."""
    writer = RewrittenWriter(opset=16)
    turned = writer.node("Transpose", writer.dense("x"), perm=[1, 0, 2])
    step = helper.make_graph(
        [helper.make_node("MatMul", ["s", "recurrent"], ["product"], "layer"),
         helper.make_node("Add", ["product", "row"], ["sum"], "sum"),
         helper.make_node("Tanh", ["sum"], ["t"], "tanh"),
         helper.make_node("Identity", ["t"], ["each"], "each")],
        "step", [value("s"), value("row")], [value("t"), value("each")],
        [numpy_helper.from_array(np.float32(np.eye(WIDTH)[::-1] * 0.7), "recurrent")])
    start = writer.node("ReduceMean", writer.node("Mul", "x", writer.constant(0.0)), axes=[1], keepdims=0)
    writer.nodes.append(helper.make_node("Scan", [start, turned], ["last", "states"], "scan", body=step,
                                         num_scan_inputs=1))
    tokens = writer.node("Transpose", "states", perm=[1, 0, 2])
    body = helper.make_graph(
        [helper.make_node("MatMul", ["s", "again"], ["product"], "layer"),
         helper.make_node("Relu", ["product"], ["t"], "relu"),
         helper.make_node("Identity", ["on"], ["on_next"], "on")],
        "body", [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, []), value("s")],
        [value("on_next", TensorProto.BOOL, []), value("t")],
        [numpy_helper.from_array(np.float32(writer.random.standard_normal((WIDTH, WIDTH)) / 2), "again")])
    writer.nodes.append(helper.make_node("Loop", [writer.constant(2, np.int64), "", tokens], ["looped"],
                                         "loop", body=body))
    return writer.model(writer.logits("looped"))


def branches():
    """A squeeze where the last axis is 1, as torch writes it, in a branch that reads from around."""
    writer = RewrittenWriter()
    pooled = writer.node("ReduceMean", writer.dense("x"), axes=[1], keepdims=1)  # [N, 1, WIDTH]
    size = writer.node("Gather", writer.node("Shape", pooled), writer.constant(1, np.int64))
    known = writer.node("Equal", size, writer.constant(1, np.int64))
    squeezed = helper.make_graph(
        [helper.make_node("Squeeze", [pooled, "axis"], ["a"], "squeeze")], "then", [], [value("a")],
        [numpy_helper.from_array(np.int64([1]), "axis")])
    kept = helper.make_graph([helper.make_node("Identity", [pooled], ["b"], "keep")], "else", [],
                             [value("b")])
    writer.nodes.append(helper.make_node("If", [known], ["row"], "choose", then_branch=squeezed,
                                         else_branch=kept))
    return writer.model(writer.node("Gemm", writer.node("Relu", "row"), writer.matrix(WIDTH, CLASSES),
                                    writer.bias(CLASSES)))


def functions():
    """Layers as functions of the model, as torch writes modules."""
    writer = RewrittenWriter()
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OWN, 1)]
    activation = helper.make_node("LeakyRelu", ["sum"], ["out"], "activation")
    activation.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope",
                                                    type=onnx.AttributeProto.FLOAT))
    writer.functions.append(helper.make_function(
        OWN, "layer", ["v", "weights", "bias"], ["out"],
        [helper.make_node("MatMul", ["v", "weights"], ["product"], "product"),
         helper.make_node("Add", ["product", "bias"], ["sum"], "sum"), activation], opsets, [],
        [helper.make_attribute("slope", 0.1)]))
    writer.functions.append(helper.make_function(
        OWN, "block", ["v", "w1", "b1", "w2", "b2"], ["out"],
        [helper.make_node("layer", ["v", "w1", "b1"], ["h"], "first", domain=OWN, slope=0.3),
         helper.make_node("layer", ["h", "w2", "b2"], ["g"], "second", domain=OWN),
         helper.make_node("Add", ["g", "v"], ["out"], "residual")], opsets))
    dst = "x"
    for _ in range(2):
        dst = writer.node("block", dst, writer.matrix(WIDTH, WIDTH), writer.bias(WIDTH),
                          writer.matrix(WIDTH, WIDTH), writer.bias(WIDTH), domain=OWN)
    return writer.model(writer.logits(dst))


def oldest():
    """Opset 7, with its Upsample."""
    writer = RewrittenWriter(opset=7, shape=(3, 6, 6))
    conv = writer.node("Conv", "x", writer.weights(4, 3, 3, 3, fan_in=27), writer.bias(4),
                       kernel_shape=[3, 3])
    statistics = [writer.bias(4), writer.bias(4), writer.bias(4),
                  writer.constant(writer.random.uniform(0.5, 2, 4))]
    normal = writer.node("Relu", writer.node("BatchNormalization", conv, *statistics))
    large = writer.node("Upsample", normal, scales=[1.0, 1.0, 2.0, 2.0], mode="nearest")
    conv = writer.node("Conv", large, writer.weights(4, 4, 3, 3, fan_in=36), kernel_shape=[3, 3])
    flat = writer.node("Flatten", writer.node("GlobalAveragePool", conv))
    return writer.model(writer.node("Gemm", flat, writer.matrix(4, CLASSES), writer.bias(CLASSES)))


def upsampled():
    """Opset 9 and its Upsample with scales as an input; what follows has its old attributes."""
    writer = RewrittenWriter(opset=9, shape=(3, 6, 6))
    conv = writer.node("Conv", "x", writer.weights(4, 3, 3, 3, fan_in=27), writer.bias(4),
                       kernel_shape=[3, 3])
    large = writer.node("Upsample", conv, writer.constant([1, 1, 1.75, 2]), mode="nearest")
    padded = writer.node("Pad", large, pads=[0, 0, 1, 0, 0, 0, 0, 1], value=0.5)
    clipped = writer.node("Clip", padded, min=-0.5, max=2.0)
    cut = writer.node("Slice", clipped, starts=[1, 0], ends=[7, -1], axes=[2, 3])
    shares = writer.node("Softmax", cut, axis=2)
    conv = writer.node("Conv", writer.node("Mul", shares, cut),
                       writer.weights(4, 4, 3, 3, fan_in=1), kernel_shape=[3, 3])
    flat = writer.node("Flatten", writer.node("GlobalAveragePool", conv))
    return writer.model(writer.node("Gemm", flat, writer.matrix(4, CLASSES), writer.bias(CLASSES)))


def resized():
    """Opset 10's Resize, larger along one axis and smaller along the other, and a flattening maximum."""
    writer = RewrittenWriter(opset=10, shape=(3, 8, 8))
    conv = writer.node("Relu", writer.node(
        "Conv", "x", writer.weights(4, 3, 3, 3, fan_in=27), writer.bias(4), kernel_shape=[3, 3]))
    nearest = writer.node("Resize", conv, writer.constant([1, 1, 0.6, 1.7]), mode="nearest")
    linear = writer.node("Resize", conv, writer.constant([1, 1, 0.6, 1.7]), mode="linear")
    largest = writer.node("Hardmax", linear, axis=1)
    both = writer.node("Add", nearest, writer.node("Add", linear, largest))
    conv = writer.node("Conv", both, writer.weights(4, 4, 3, 3, fan_in=36), kernel_shape=[3, 3])
    flat = writer.node("Flatten", writer.node("GlobalAveragePool", conv))
    return writer.model(writer.node("Gemm", flat, writer.matrix(4, CLASSES), writer.bias(CLASSES)))


def squeezed():
    """Opset 12's lists of axes as attributes."""
    writer = RewrittenWriter(opset=12)
    parts = writer.node("Unsqueeze", writer.dense("x", 2 * WIDTH), axes=[1])
    total = writer.node("ReduceSum", parts, axes=[3], keepdims=1)
    scaled = writer.node("Squeeze", writer.node("Mul", parts, writer.node("Sigmoid", total)), axes=[1])
    writer.nodes.append(helper.make_node("Split", [scaled], ["left", "right"], "split", axis=2,
                                         split=[WIDTH, WIDTH]))
    return writer.model(writer.logits(writer.node("Mul", writer.node("Tanh", "left"), "right")))


def vector():
    """A product with a vector."""
    writer = RewrittenWriter(shape=(TOKENS, WIDTH, WIDTH))
    product = writer.node("MatMul", writer.node("Relu", "x"), writer.weights(WIDTH, fan_in=WIDTH))
    return writer.model(writer.logits(product))


NETWORKS = {make.__name__: make for make in (
    bert, causal_decoder, masked_attention, newest_attention, convolutional, recurrent, branches,
    functions, oldest, upsampled, resized, squeezed, vector)}
