"""Single nodes of ONNX Runtime's own operators, branches, loops and functions, with its outputs.

`python operator_cases.py FOLDER [NAME...]` writes each, or these, as ONNX writes its tests of nodes: a model, inputs and outputs. So
tests/data/operators was made, which tests/nn/engine/onnx_node_test.cc reads.
"""

import os
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
OWN = "halftone.test"
BATCH, TOKENS, WIDTH, HEADS = 2, 5, 8, 2


class Case:
    """A graph under construction; what `draw` returns is a random input, and `weights` a constant."""

    def __init__(self, opset=17):
        self.random = np.random.default_rng(7)
        self.opset = opset
        self.nodes, self.inputs, self.constants, self.functions = [], {}, [], []

    def draw(self, *shape):
        return self.input(self.random.standard_normal(shape).astype(np.float32))

    def input(self, values):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = np.asarray(values)
        return name

    def weights(self, *shape, scale=1.0):
        return self.constant((scale * self.random.standard_normal(shape)).astype(np.float32))

    def constant(self, values):
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, *inputs, outputs=1, domain=MICROSOFT, **attributes):
        names = [f"y{i}" if i < outputs else "" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, "node", domain=domain, **attributes))
        return self

    def model(self):
        written = [name for node in self.nodes for name in node.output if name]
        outputs = [helper.make_empty_tensor_value_info(name) for name in written if name[0] == "y"]
        graph = helper.make_graph(
            self.nodes, "case",
            [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype),
                                           values.shape) for name, values in self.inputs.items()],
            outputs, self.constants)
        domains = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1),
                   helper.make_opsetid(OWN, 1)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=9, functions=self.functions)
        return model


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


# ---- ONNX Runtime's own operators -------------------------------------------------------------------------------------

def unary(op, **attributes):
    def make():
        case = Case()
        return case.node(op, case.draw(BATCH, WIDTH), **attributes)
    return make


def biased(op):
    def make():
        case = Case()
        return case.node(op, case.draw(BATCH, WIDTH), case.weights(WIDTH))
    return make


def normalization(op, domain="", opset=17, bias=True, outputs=1, **attributes):
    def make():
        case = Case(opset)
        inputs = [case.draw(BATCH, TOKENS, WIDTH), case.weights(WIDTH)]
        if bias:
            inputs.append(case.weights(WIDTH))
        return case.node(op, *inputs, outputs=outputs, domain=domain, **attributes)
    return make


def skip(op, shift, bias, sum_wanted=False, broadcast=False):
    def make():
        case = Case()
        inputs = [case.draw(BATCH, TOKENS, WIDTH),
                  case.draw(*([TOKENS, WIDTH] if broadcast else [BATCH, TOKENS, WIDTH])),
                  case.weights(WIDTH)]
        if shift:
            inputs.append(case.weights(WIDTH))
        if bias:
            inputs.append(case.weights(WIDTH))
        case.node(op, *inputs, epsilon=1e-3)
        if sum_wanted:
            case.nodes[-1].output.extend(["", "", "y3"])
        return case
    return make


def fused_matmul(a, b, **attributes):
    def make():
        case = Case()
        return case.node("FusedMatMul", case.draw(*a), case.weights(*b), **attributes)
    return make


def fused_conv(activation, addend=False, **attributes):
    def make():
        case = Case()
        inputs = [case.draw(BATCH, 3, 6, 6), case.weights(4, 3, 3, 3), case.weights(4)]
        if addend:
            inputs.append(case.draw(BATCH, 4, 6, 6))
        return case.node("FusedConv", *inputs, activation=activation, pads=[1, 1, 1, 1],
                         kernel_shape=[3, 3], **attributes)
    return make


def fused_gemm(activation, **attributes):
    def make():
        case = Case()
        return case.node("FusedGemm", case.draw(BATCH, WIDTH), case.weights(4, WIDTH), case.weights(4),
                         transB=1, alpha=0.5, activation=activation, **attributes)
    return make


def attention(mask=None, bias=False, widths=None, **attributes):
    def make():
        case = Case()
        projected = sum(widths) if widths else 3 * WIDTH
        inputs = [case.draw(BATCH, TOKENS, 6), case.weights(6, projected), case.weights(projected)]
        inputs.append("" if mask is None else case.input(np.asarray(mask, np.int32)))
        if bias:
            inputs += ["", case.draw(BATCH, HEADS, TOKENS, TOKENS)]
        if widths:
            attributes["qkv_hidden_sizes"] = widths
        return case.node("Attention", *inputs, num_heads=HEADS, **attributes)
    return make


def multi_head(bias=False, mask=None, scores_bias=False, split=False, **attributes):
    def make():
        case = Case()
        keys = 7
        source = [BATCH, HEADS, keys, WIDTH // HEADS] if split else [BATCH, keys, WIDTH]
        inputs = [case.draw(BATCH, TOKENS, WIDTH), case.draw(*source), case.draw(*source)]
        inputs.append(case.weights(3 * WIDTH) if bias else "")
        inputs.append("" if mask is None else case.input(np.asarray(mask, np.int32)))
        inputs.append(case.draw(1, HEADS, TOKENS, keys) if scores_bias else "")
        return case.node("MultiHeadAttention", *inputs, num_heads=HEADS, **attributes)
    return make


def embedding(segments, mask, positions, sum_wanted=False):
    def make():
        case = Case()
        ids = lambda most: case.input(case.random.integers(0, most, (BATCH, TOKENS)).astype(np.int32))
        inputs = [ids(11), ids(2) if segments else "", case.weights(11, WIDTH), case.weights(9, WIDTH),
                  case.weights(2, WIDTH) if segments else "", case.weights(WIDTH), case.weights(WIDTH),
                  case.input(np.int32([[1, 1, 1, 0, 0], [1] * 5])) if mask else "",
                  ids(9) if positions else ""]
        case.node("EmbedLayerNormalization", *inputs, outputs=3 if sum_wanted else 2)
        return case
    return make


def rotary(joined, interleaved, domain, partial=False):
    def make():
        case = Case(23)
        size, turned = 8, 4 if partial else 8
        shape = [BATCH, TOKENS, HEADS * size] if joined else [BATCH, HEADS, TOKENS, size]
        source = case.draw(*shape)
        tables = [case.weights(9, turned // 2), case.weights(9, turned // 2)]
        ids = case.input(case.random.integers(0, 9, (BATCH, TOKENS)).astype(np.int64))
        attributes = {"interleaved": interleaved}
        if joined or partial:
            attributes["num_heads"] = HEADS
        if partial:
            attributes["rotary_embedding_dim"] = turned
        inputs = [source, *tables, ids] if domain == "" else [source, ids, *tables]
        return case.node("RotaryEmbedding", *inputs, domain=domain, **attributes)
    return make


# ---- Subgraphs and functions ------------------------------------------------------------------------------------------

def value(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def loop(most):
    """s = s * w + step, until the condition on the step is false; the sums of each step."""
    case = Case()
    body = helper.make_graph(
        [helper.make_node("Cast", ["step"], ["number"], "cast", to=TensorProto.FLOAT),
         helper.make_node("Mul", ["s", "w"], ["product"], "mul"),
         helper.make_node("Add", ["product", "number"], ["t"], "add"),
         helper.make_node("Less", ["step", "last"], ["on_next"], "less"),
         helper.make_node("Identity", ["t"], ["each"], "each")],
        "body", [value("step", TensorProto.INT64, []), value("on", TensorProto.BOOL, []), value("s")],
        [value("on_next", TensorProto.BOOL, []), value("t"), value("each")],
        [numpy_helper.from_array(np.float32([0.5] * WIDTH), "w"),
         numpy_helper.from_array(np.int64(2), "last")])
    count = case.constant(np.int64(most)) if most is not None else ""
    return case.node("Loop", count, "", case.draw(BATCH, WIDTH), domain="", outputs=2, body=body)


def scan(axis, reverse):
    """A recurrence of tokens with a layer in it."""
    case = Case()
    body = helper.make_graph(
        [helper.make_node("MatMul", ["row", "w"], ["projected"], "project"),
         helper.make_node("Add", ["projected", "s"], ["sum"], "add"),
         helper.make_node("Tanh", ["sum"], ["t"], "tanh"),
         helper.make_node("Identity", ["t"], ["each"], "each")],
        "body", [value("s"), value("row")], [value("t"), value("each")])
    shape = [TOKENS, BATCH, WIDTH] if axis == 0 else [BATCH, TOKENS, WIDTH]
    source, start = case.draw(*shape), case.constant(np.zeros((BATCH, WIDTH), np.float32))
    case.constants.append(numpy_helper.from_array(
        case.random.standard_normal((WIDTH, WIDTH)).astype(np.float32) / 3, "w"))
    return case.node("Scan", start, source, domain="", outputs=2, body=body, num_scan_inputs=1,
                     scan_input_axes=[axis], scan_output_axes=[axis],
                     scan_input_directions=[reverse], scan_output_directions=[reverse])


def branch():
    """The last axis decides, in a branch of a branch."""
    case = Case()
    source = case.draw(BATCH, WIDTH)
    one = helper.make_graph([helper.make_node("Mul", [source, "two"], ["a"], "double")], "one", [],
                            [value("a")], [numpy_helper.from_array(np.float32(2), "two")])
    other = helper.make_graph([helper.make_node("Neg", [source], ["b"], "negate")], "other", [],
                              [value("b")])
    inner = helper.make_graph([helper.make_node("If", ["is_wide"], ["c"], "inner", then_branch=one,
                                                else_branch=other)], "inner", [], [value("c")])
    case.nodes += [helper.make_node("Shape", [source], ["shape"], "shape"),
                   helper.make_node("Gather", ["shape", case.constant(np.int64(1))], ["width"], "gather"),
                   helper.make_node("Equal", ["width", case.constant(np.int64(WIDTH))], ["is_wide"],
                                    "equal")]
    return case.node("If", "is_wide", domain="", then_branch=inner, else_branch=other)


def branch_by_value(above):
    """One of two results, by whether the largest element of the source is above a number."""
    def make():
        case = Case(13)
        source = case.draw(1, WIDTH)
        graphs = {name: helper.make_graph([helper.make_node(op, [source], [result], op)], name, [], [value(result)])
                  for name, op, result in (("then", "Relu", "a"), ("else", "Neg", "b"))}
        case.nodes += [helper.make_node("ReduceMax", [source], ["largest"], "largest", keepdims=1),
                       helper.make_node("Greater", ["largest", case.constant(np.float32(above))], ["is_above"],
                                        "compare")]
        return case.node("If", "is_above", domain="", then_branch=graphs["then"], else_branch=graphs["else"])
    return make


def clip_between_computed():
    """Above the mean less a half, and below a bound of one element."""
    case = Case(13)
    source = case.draw(BATCH, WIDTH)
    case.nodes += [helper.make_node("ReduceMean", [source], ["mean"], "mean", keepdims=0),
                   helper.make_node("Sub", ["mean", case.constant(np.float32(0.5))], ["low"], "low"),
                   helper.make_node("Abs", ["low"], ["high"], "high")]
    return case.node("Clip", source, "low", "high", domain="")


def function():
    """A function of a function with attributes, one of them a default."""
    case = Case(18)
    opset = [helper.make_opsetid("", 18), helper.make_opsetid(OWN, 1)]
    leaky = helper.make_node("LeakyRelu", ["v"], ["l"], "leaky")
    leaky.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope",
                                               type=onnx.AttributeProto.FLOAT))
    case.functions.append(helper.make_function(
        OWN, "shifted", ["v", "w"], ["out"],
        [leaky, helper.make_node("Add", ["l", "w"], ["out"], "add")], opset, [],
        [helper.make_attribute("slope", 0.25)]))
    call = helper.make_node("shifted", ["v", "w"], ["t"], "inner", domain=OWN)
    call.attribute.append(onnx.AttributeProto(name="slope", ref_attr_name="first",
                                              type=onnx.AttributeProto.FLOAT))
    case.functions.append(helper.make_function(
        OWN, "twice", ["v", "w"], ["out"],
        [call, helper.make_node("shifted", ["t", "w"], ["out"], "second", domain=OWN)], opset, ["first"]))
    return case.node("twice", case.draw(BATCH, WIDTH), case.weights(WIDTH), domain=OWN, first=0.5)


# ---- Indices, positions, signals, lists -------------------------------------------------------------------------------

def picked(op, sources, opset=18, outputs=1, **attributes):
    """`sources`: a shape to draw, or the numbers of an input."""
    def make():
        case = Case(opset)
        inputs = [case.draw(*source) if isinstance(source, tuple) else case.input(source) for source in sources]
        return case.node(op, *inputs, domain="", outputs=outputs, **attributes)
    return make


def with_constants(op, sources, constants, opset=18, outputs=1, **attributes):
    def make():
        case = Case(opset)
        inputs = [case.draw(*source) for source in sources]
        inputs += [case.constant(value) for value in constants]
        return case.node(op, *inputs, domain="", outputs=outputs, **attributes)
    return make


def suppressed():
    """Boxes of two samples and two classes, of which few stay."""
    case = Case(11)
    corners = case.random.uniform(0, 4, (2, 12, 2))
    boxes = np.concatenate([corners, corners + case.random.uniform(1, 3, (2, 12, 2))], 2).astype(np.float32)
    scores = case.random.uniform(0, 1, (2, 2, 12)).astype(np.float32)
    return case.node("NonMaxSuppression", case.constant(boxes), case.constant(scores),
                     case.constant(np.int64([3])), case.constant(np.float32([0.3])),
                     case.constant(np.float32([0.4])), domain="")


def constant_result(op, values, opset=13, outputs=1, **attributes):
    def make():
        case = Case(opset)
        return case.node(op, case.constant(values), domain="", outputs=outputs, **attributes)
    return make


def lists():
    """A tensor in parts, of which one goes and another one comes; joined on an axis, and on a new one."""
    case = Case(13)
    source, other = case.draw(BATCH, 6, WIDTH), case.draw(BATCH, 2, WIDTH)
    node = lambda op, inputs, output, **attributes: case.nodes.append(
        helper.make_node(op, inputs, [output], output, **attributes))
    node("SplitToSequence", [source, case.constant(np.int64(2))], "parts", axis=1)
    node("SequenceErase", ["parts", case.constant(np.int64(-2))], "fewer")
    node("SequenceInsert", ["fewer", other, case.constant(np.int64(0))], "more")
    node("SequenceInsert", ["more", other], "most")
    node("ConcatFromSequence", ["most"], "y0", axis=1)
    node("ConcatFromSequence", ["more"], "y1", axis=-1, new_axis=1)
    node("SequenceAt", ["most", case.constant(np.int64(1))], "y2")
    node("SequenceLength", ["most"], "y3")
    node("SequenceConstruct", [other, "y2"], "pair")
    node("SequenceAt", ["pair", case.constant(np.int64(-1))], "last")
    node("Relu", ["last"], "y4")
    return case


def loss(shape, opset, ignored=False, **attributes):
    def make():
        case = Case(opset)
        labels = case.random.integers(0, shape[1], [shape[0], *shape[2:]]).astype(np.int64)
        if ignored:
            attributes["ignore_index"] = 1
        return case.node("SoftmaxCrossEntropyLoss", case.draw(*shape), case.input(labels),
                         case.weights(shape[1]), domain="", outputs=2, **attributes)
    return make


ROIS = np.float32([[0.3, 0.4, 6.1, 5.7], [1.2, 0.6, 7.9, 4.8], [-3.5, -2.2, 2.2, 9.3]])
ROI = [(2, 3, 7, 9), ROIS, np.int64([0, 1, 1])]
BINS = dict(output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.8)
ROWS = np.int64([[0, 2, 1], [-1, 1, 0]])

PADDED = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
CASES = {
    "gelu": unary("Gelu"), "quick_gelu": unary("QuickGelu"),
    "quick_gelu_alpha": unary("QuickGelu", alpha=1.0),
    "fast_gelu": unary("FastGelu"), "fast_gelu_bias": biased("FastGelu"), "bias_gelu": biased("BiasGelu"),
    "layer_normalization": normalization("LayerNormalization", opset=13, axis=-1, epsilon=1e-3),
    "layer_normalization_statistics": normalization("LayerNormalization", opset=13, outputs=3, axis=2),
    "simplified_layer_normalization": normalization("SimplifiedLayerNormalization", bias=False, axis=-1,
                                                    epsilon=1e-3),
    "rms_normalization": normalization("RMSNormalization", opset=23, bias=False, axis=-1),
    "skip_layer_normalization": skip("SkipLayerNormalization", True, False),
    "skip_layer_normalization_bias": skip("SkipLayerNormalization", True, True, sum_wanted=True),
    "skip_layer_normalization_broadcast": skip("SkipLayerNormalization", True, False, broadcast=True),
    "skip_simplified": skip("SkipSimplifiedLayerNormalization", False, True, sum_wanted=True),
    "fused_matmul": fused_matmul([2, 3, 4], [5, 4], transB=1, alpha=0.25),
    "fused_matmul_both": fused_matmul([2, 4, 3], [2, 5, 4], transA=1, transB=1),
    "fused_matmul_batch": fused_matmul([3, 2, 4], [2, 4, 5], transBatchA=1),
    "fused_conv_relu": fused_conv("Relu"),
    "fused_conv_clip": fused_conv("Clip", activation_params=[-0.5, 1.5]),
    "fused_conv_leaky": fused_conv("LeakyRelu", activation_params=[0.2]),
    "fused_conv_sum": fused_conv("Relu", addend=True),
    "fused_gemm": fused_gemm("LeakyRelu", activation_alpha=0.3), "fused_gemm_tanh": fused_gemm("Tanh"),
    "attention": attention(), "attention_causal": attention(unidirectional=1),
    "attention_mask": attention(PADDED), "attention_mask_causal": attention(PADDED, unidirectional=1),
    "attention_lengths": attention([3, 5]), "attention_ends_and_starts": attention([4, 5, 0, 2]),
    "attention_mask_per_query": attention(np.tril(np.ones((BATCH, TOKENS, TOKENS)))),
    "attention_widths": attention(widths=[4, 4, 12]), "attention_bias": attention(bias=True),
    "attention_scale": attention(PADDED, scale=0.7, mask_filter_value=-3.0),
    "multi_head": multi_head(), "multi_head_bias": multi_head(bias=True),
    "multi_head_mask": multi_head(mask=[[1, 1, 1, 0, 0, 1, 1], [1] * 7]),
    "multi_head_scores_bias": multi_head(scores_bias=True, scale=0.5),
    "multi_head_split": multi_head(split=True),
    "embedding": embedding(True, True, False), "embedding_positions": embedding(False, False, True),
    "embedding_sum": embedding(True, False, False, sum_wanted=True),
    "rotary": rotary(False, 0, ""), "rotary_joined": rotary(True, 1, ""),
    "rotary_partial": rotary(True, 0, "", partial=True),
    "microsoft_rotary": rotary(False, 0, MICROSOFT), "microsoft_rotary_joined": rotary(True, 1, MICROSOFT),
    "loop_count": lambda: loop(2), "loop_condition": lambda: loop(None), "loop_both": lambda: loop(9),
    "scan": lambda: scan(0, 0), "scan_reverse": lambda: scan(1, 1),
    "branch": branch, "branch_by_value": branch_by_value(0), "branch_by_value_else": branch_by_value(9),
    "clip_between_computed": clip_between_computed, "function": function,
    "gather_elements": picked("GatherElements", [(2, 4, 3), np.int64([[[0, -1], [3, 2]], [[1, 1], [-4, 0]]])], axis=1),
    "gather_nd": picked("GatherND", [(2, 3, 4), ROWS[:, :2]], batch_dims=1),
    "scatter_nd": picked("ScatterND", [(4, 3, 2), np.int64([[1, 2], [0, -1]]), (2, 2)]),
    "scatter_elements": picked("ScatterElements", [(3, 4), ROWS, (2, 3)], axis=1),
    "scatter_elements_add": picked("ScatterElements", [(3, 4), ROWS * 0, (2, 3)], axis=0, reduction="add"),
    "reverse_sequence": picked("ReverseSequence", [(4, 3, 2), np.int64([2, 4, 1])]),
    "top_k": with_constants("TopK", [(3, 7, 2)], [np.int64([4])], outputs=2, axis=1),
    "top_k_smallest": with_constants("TopK", [(3, 7)], [np.int64([2])], outputs=2, largest=0),
    "roi_align": picked("RoiAlign", ROI, opset=16, **BINS),
    "roi_align_max": picked("RoiAlign", ROI, opset=16, mode="max", **BINS),
    "roi_align_old": picked("RoiAlign", ROI, opset=10, **BINS),
    "grid_sample_volume": picked("GridSample", [(2, 2, 3, 4, 5), (2, 2, 3, 2, 3)], opset=20, padding_mode="border"),
    "affine_grid": with_constants("AffineGrid", [(2, 2, 3)], [np.int64([2, 3, 4, 5])], opset=20),
    "max_unpool": with_constants("MaxUnpool", [(1, 2, 2, 2)],
                                 [np.int64([0, 3, 9, 14, 17, 18, 24, 31]).reshape(1, 2, 2, 2)], kernel_shape=[2, 2],
                                 strides=[2, 2]),
    "col_2_im": with_constants("Col2Im", [(2, 12, 6)], [np.int64([2, 3]), np.int64([2, 2])], pads=[1, 0, 0, 1]),
    "dft": with_constants("DFT", [(2, 7, 3, 1)], [np.int64(9)], opset=17, onesided=1),
    "dft_inverse": with_constants("DFT", [(2, 6, 2)], [], opset=17, inverse=1),
    "stft": with_constants("STFT", [(2, 20, 1)], [np.int64(3), np.hanning(8).astype(np.float32)], opset=17),
    "hann_window": constant_result("HannWindow", np.int64(7), opset=17),
    "non_max_suppression": suppressed,
    "non_zero": constant_result("NonZero", np.float32([[0, 2, 0], [-1, 0, 3]])),
    "unique": constant_result("Unique", np.float32([3, 1, 3, 2, 1]), outputs=4, sorted=0),
    "unique_rows": constant_result("Unique", np.int64([[1, 0], [0, 1], [1, 0]]), outputs=4, axis=0),
    "lists": lists,
    "loss": loss([4, 3], 13), "loss_of_pixels": loss([2, 3, 2, 2], 12, True),
    "loss_of_each": loss([2, 3, 5], 13, True, reduction="none"),
}


def write(folder, name):
    model = CASES[name]()
    inputs, proto = model.inputs, model.model()
    run = session(proto)
    results = run.run(None, inputs)
    for port, result in zip(proto.graph.output, results):
        port.CopyFrom(helper.make_tensor_value_info(
            port.name, helper.np_dtype_to_tensor_dtype(result.dtype), result.shape))
    target = os.path.join(folder, name)
    data = os.path.join(target, "test_data_set_0")
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(data)
    onnx.save(proto, os.path.join(target, "model.onnx"))
    for kind, arrays in (("input", inputs.values()), ("output", results)):
        for i, array in enumerate(arrays):
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as file:
                file.write(numpy_helper.from_array(array).SerializeToString())


if __name__ == "__main__":
    for name in sys.argv[2:] or CASES:
        write(sys.argv[1], name)
