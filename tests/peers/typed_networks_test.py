"""Networks in float16 and double, whose exports take their place, in ONNX Runtime."""

import itertools
import unittest

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

import odd_networks
import random_networks
import runtime
from exports_case import FLOAT_TOLERANCE, ExportsCase

SAMPLES = 64
BORDERS_TOLERANCE = 0.1  # as random_networks_test.py says
KINDS = {"float16": TensorProto.FLOAT16, "double": TensorProto.DOUBLE}


def typed(model, kind):
    """The model with every float of that type."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    for port in (*result.graph.input, *result.graph.output):
        port.type.tensor_type.elem_type = kind
    for tensor in result.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype.kind == "f":
            tensor.CopyFrom(numpy_helper.from_array(values.astype(dtype), tensor.name))
    onnx.checker.check_model(result, full_check=True)
    return result, dtype


class TypedNetworksTest(ExportsCase):
    """Beside the same weights and samples in float32, in which Halftone computes."""

    def cases(self, precision):
        for name, (text, kind) in itertools.product(odd_networks.NETWORKS, KINDS.items()):
            with self.subTest(network=name, type=text):
                model, dtype = typed(odd_networks.NETWORKS[name](), kind)
                path = self.save(model, f"{name}_{text}")
                calibration, held_out = (random_networks.samples(model, SAMPLES, seed).astype(dtype)
                                         for seed in (1, 2))
                logits = runtime.run(
                    self.save(typed(model, TensorProto.FLOAT)[0], f"{name}_{text}_as_float32"),
                    held_out.astype(np.float32))
                assignment = {layer: precision for layer in self.halftone.layers(path)}
                export = self.halftone.export(path, {"x": calibration}, {"x": held_out}, assignment)
                self.check_model(export, model, assignment)
                yield text, export, held_out, logits

    def test_float(self):
        for text, export, held_out, logits in self.cases("f32"):
            rounding = 2 ** -11 if text == "float16" else 0
            for optimized in (False, True):
                found = runtime.run(export.path, held_out, optimized)
                self.assertLess(abs(found - logits).max() / abs(logits).max(),
                                rounding + FLOAT_TOLERANCE)

    def test_uniform(self):
        for _, export, held_out, logits in self.cases("w8a8"):
            self.check_outputs(export, logits, runtime.run(export.path, held_out),
                               BORDERS_TOLERANCE)


if __name__ == "__main__":
    unittest.main()
