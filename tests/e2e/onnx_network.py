"""Writes small ONNX models for tests."""

import tempfile

import numpy as np

from halftone_server import compile_protos

PROTOS = tempfile.TemporaryDirectory()
onnx = compile_protos(PROTOS.name)["onnx"]
FLOAT, INT64 = 1, 7


class Network:
    """An ONNX model, node by node."""

    def __init__(self):
        self.model = onnx.ModelProto(ir_version=8)
        self.model.opset_import.add(domain="", version=13)
        self.graph = self.model.graph
        self.graph.name = "network"
        self.random = np.random.default_rng(0)

    def port(self, ports, name, shape, kind=FLOAT):
        tensor = ports.add(name=name).type.tensor_type
        tensor.elem_type = kind
        tensor.shape.SetInParent()
        for size in shape:
            axis = tensor.shape.dim.add()
            if isinstance(size, str):
                axis.dim_param = size
            else:
                axis.dim_value = size

    def input(self, name, *shape, kind=FLOAT):
        self.port(self.graph.input, name, shape, kind)

    def output(self, name, *shape):
        self.port(self.graph.output, name, shape)

    def weights(self, name, *shape):
        values = self.random.normal(0, 0.4, shape).astype(np.float32)
        self.graph.initializer.add(name=name, dims=shape, data_type=FLOAT,
                                   raw_data=values.tobytes())

    def node(self, op, inputs, output, **attributes):
        node = self.graph.node.add(name=output, op_type=op, input=inputs, output=[output])
        for name, value in attributes.items():
            node.attribute.add(name=name, type=7, ints=value)

    def save(self, path):
        with open(path, "wb") as file:
            file.write(self.model.SerializeToString())
