"""Runs the shipped ONNX networks in torch, so that what is checked is what is shipped."""

import functools

import numpy as np
import onnx
import torch
from onnx import numpy_helper

functional = torch.nn.functional


def _conv(sources, attributes):
    pads = attributes["pads"]
    assert pads[:2] == pads[2:]
    return functional.conv2d(*sources, **({} if len(sources) > 2 else {"bias": None}), stride=attributes["strides"],
                             padding=pads[:2], groups=attributes["group"])


def _batch_norm(sources, attributes):
    scale, bias, mean, variance = sources[1:]
    return functional.batch_norm(sources[0], mean, variance, scale, bias, eps=attributes["epsilon"])


def _gemm(sources, attributes):
    assert attributes.get("transB") == 1
    return functional.linear(*sources)


def _constant_of_shape(sources, attributes):
    value = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
    return torch.full(sources[0].tolist(), value.item(), dtype=value.dtype)


def _cast(sources, attributes):  # of the limits of a Clip, to float
    assert attributes["to"] == onnx.TensorProto.FLOAT
    return sources[0].double()


def _reshape(sources, attributes):
    sizes = [sources[0].shape[i] if size == 0 else size for i, size in enumerate(sources[1].tolist())]
    return sources[0].reshape(sizes)


def _slice(sources, attributes):
    src, starts, ends, axes = sources[:4]
    steps = sources[4].tolist() if len(sources) > 4 else [1] * len(starts)
    index = [slice(None)] * src.dim()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps):
        index[axis] = slice(start, end, step)
    return src[tuple(index)]


def _gather(sources, attributes):
    src, indices = sources
    return src.index_select(attributes["axis"], indices.reshape(-1)).reshape(
        src.shape[:attributes["axis"]] + indices.shape + src.shape[attributes["axis"] + 1:])


def _unsqueeze(sources, attributes):
    dst = sources[0]
    for axis in sorted(sources[1].tolist()):
        dst = dst.unsqueeze(axis)
    return dst


OPERATORS = {
    "Add": lambda s, a: s[0] + s[1],
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": lambda s, a: torch.clamp(s[0], float(s[1]), float(s[2])),
    "Concat": lambda s, a: torch.cat(s, a["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "Div": lambda s, a: s[0] / s[1],
    "Equal": lambda s, a: s[0] == s[1],
    "Erf": lambda s, a: torch.erf(s[0]),
    "Expand": lambda s, a: s[0] * torch.ones(s[1].tolist(), dtype=s[0].dtype),
    "Flatten": lambda s, a: torch.flatten(s[0], 1),
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda s, a: s[0].mean((2, 3), keepdim=True),
    "MaxPool": lambda s, a: functional.max_pool2d(s[0], a["kernel_shape"], a["strides"], a["pads"][:2]),
    "MatMul": lambda s, a: s[0] @ s[1],
    "Mul": lambda s, a: s[0] * s[1],
    "Pow": lambda s, a: s[0] ** s[1],
    "ReduceMean": lambda s, a: s[0].mean(a["axes"], keepdim=True),
    "Relu": lambda s, a: torch.relu(s[0]),
    "Reshape": _reshape,
    "Shape": lambda s, a: torch.tensor(s[0].shape),
    "Slice": _slice,
    "Softmax": lambda s, a: torch.softmax(s[0], a["axis"]),
    "Split": lambda s, a: torch.split(s[0], s[1].tolist(), a["axis"]),
    "Sqrt": lambda s, a: torch.sqrt(s[0]),
    "Squeeze": lambda s, a: s[0].squeeze(int(s[1])),
    "Sub": lambda s, a: s[0] - s[1],
    "Transpose": lambda s, a: s[0].permute(a["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": lambda s, a: torch.where(*s),
}


def _apply(op_type, attributes, sources):
    return OPERATORS[op_type](sources, attributes)


class OnnxNetwork:
    """A network made of the operators above, in the type `dtype`. `tensors` holds the parameters by name.

    A call may be given `change(node, apply, sources, dst)`: what it returns takes the place of the dst of a layer, where
    apply(sources) computes the layer on other sources.
    """

    def __init__(self, path, dtype):
        self.graph = onnx.load(path).graph
        self.dtype = dtype
        self.tensors = {t.name: self._tensor(numpy_helper.to_array(t)) for t in self.graph.initializer}

    def __call__(self, src, change=None):
        values = dict(self.tensors)
        values[self.graph.input[0].name] = src
        for node in self.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            sources = [values[name] if name else None for name in node.input]
            if node.op_type == "Constant":
                results = self._tensor(numpy_helper.to_array(attributes["value"]))
            else:
                results = OPERATORS[node.op_type](sources, attributes)
                if change is not None and self.is_layer(node):
                    results = change(node, functools.partial(_apply, node.op_type, attributes), sources, results)
            values.update(zip(node.output, results if isinstance(results, tuple) else (results,)))
        return values[self.graph.output[0].name]

    def layer_weights(self):
        """The weights of every convolution and linear layer: name of the tensor -> name of the node."""
        return {node.input[1]: node.name for node in self.graph.node if self.is_layer(node)}

    def reader(self, name):
        """The node of that name."""
        return next(node for node in self.graph.node if node.name == name)

    def is_layer(self, node):
        return node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in self.tensors

    def _tensor(self, array):
        tensor = torch.from_numpy(np.array(array))
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor
