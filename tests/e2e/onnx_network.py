"""Small ONNX models for tests, and the command on them."""

import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

from halftone_server import BINARY, compile_protos

PROTOS = tempfile.TemporaryDirectory()
onnx = compile_protos(PROTOS.name)["onnx"]
FLOAT, INT64, FLOAT16, DOUBLE = 1, 7, 10, 11
NUMPY_TYPES = {FLOAT: np.float32, FLOAT16: np.float16, DOUBLE: np.float64}


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

    def output(self, name, *shape, kind=FLOAT):
        self.port(self.graph.output, name, shape, kind)

    def weights(self, name, *shape, kind=FLOAT):
        values = self.random.normal(0, 0.4, shape).astype(NUMPY_TYPES[kind])
        self.graph.initializer.add(name=name, dims=shape, data_type=kind,
                                   raw_data=values.tobytes())

    def integers(self, name, *values):
        self.graph.initializer.add(name=name, dims=[len(values)], data_type=INT64,
                                   raw_data=np.array(values, np.int64).tobytes())

    def attribute(self, name, value):
        """Of the node that was written last."""
        node = self.graph.node[-1]
        if isinstance(value, int):
            node.attribute.add(name=name, type=2, i=value)
        else:
            node.attribute.add(name=name, type=1, f=value)

    def node(self, op, inputs, output, **attributes):
        node = self.graph.node.add(name=output, op_type=op, input=inputs, output=[output])
        for name, value in attributes.items():
            node.attribute.add(name=name, type=7, ints=value)

    def save(self, path):
        with open(path, "wb") as file:
            file.write(self.model.SerializeToString())


class NetworkCase(unittest.TestCase):
    """A model and data in a folder of their own, and the command."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = os.path.join(self.folder, "model.onnx")
        self.data = os.path.join(self.folder, "data.npz")
        self.random = np.random.default_rng(1)

    def samples(self, *shape):
        return self.random.normal(size=shape).astype(np.float32)

    def run_command(self, *arguments, code=0):
        done = subprocess.run(
            [os.path.join(BINARY, "bin/halftone"), *arguments, "--json", "--state-dir", self.folder],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(done.stdout)

    def evaluate_assignment(self, assignment, *more):
        path = os.path.join(self.folder, "assignment.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"assignment": assignment}, file)
        return self.run_command("evaluate", self.model, "--assignment", path, "--data", self.data,
                                *more)

    def evaluate(self, *more):
        """All layers in w8a8."""
        layers = self.run_command("inspect", self.model, "--data", self.data, *more)["layers"]
        return self.evaluate_assignment({layer["name"]: "w8a8" for layer in layers}, *more)

    def search(self, *more, target="bitfusion", code=0):
        return self.run_command("search", self.model, "--data", self.data, "--target", target,
                                "--budget", "size=50%", "--precisions", "w4a8,w8a8", *more, code=code)
