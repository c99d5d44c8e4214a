"""Runs models in ONNX Runtime, and says what quantizing did to their output as Halftone says it."""

import numpy as np
import onnx
import onnxruntime


def run(path, samples, optimized=False, exact_products=False):
    """The one output of a model with one input, for all samples.

    Not `optimized`: each node by itself, as the file says. `optimized`: with the options that a
    session has by default. `exact_products`: on x86 processors without VNNI, ONNX Runtime's
    kernels add pairs of products of 8-bit weights and activations in 16 bits, which overflow; this
    option of it takes slower ones there. Weights of 7 bits need it nowhere.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if exact_products:
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    batch = source.shape[0] if isinstance(source.shape[0], int) else 64  # a number where it is fixed
    parts = [session.run(None, {source.name: samples[begin:begin + batch]})[0]
             for begin in range(0, len(samples), batch)]
    return np.concatenate(parts).astype(np.float64)


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def divergence(logits, quantized):
    """Mean KL(softmax(logits) || softmax(quantized))."""
    p, q = log_softmax(logits), log_softmax(quantized)
    return (np.exp(p) * (p - q)).sum(-1).mean()


def squared_error(logits, quantized):
    return ((logits - quantized) ** 2).mean()


def accuracy(logits, labels):
    return (logits.argmax(-1) == labels).mean()


def check(model):
    """onnx's own checker, which also infers all shapes."""
    onnx.checker.check_model(model, full_check=True)


def ports(model):
    """Name, type and shape of each input and output; 0 for a symbolic size."""
    return [(port.name, port.type.tensor_type.elem_type,
             [dim.dim_value for dim in port.type.tensor_type.shape.dim])
            for port in (*model.graph.input, *model.graph.output)]
