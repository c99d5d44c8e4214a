"""What every exported network is held to."""

import os
import unittest

import onnx

import runtime
from halftone_command import Command

# Of float outputs, relative to the largest one: float32, added up in another order.
FLOAT_TOLERANCE = 1e-5
# Of divergences and squared errors of outputs of about 1: what float32 alone makes of the smallest ones.
FLOAT_NOISE = 1e-9


class ExportsCase(unittest.TestCase):
    """Has the test's networks exported by one `halftone` and compares what ONNX Runtime makes of them."""

    @classmethod
    def setUpClass(cls):
        cls.halftone = Command()
        cls.addClassCleanup(cls.halftone.close)

    @classmethod
    def save(cls, model, name):
        path = cls.halftone.path(name + ".onnx")
        onnx.save(model, path)
        return path

    def check_model(self, export, original, assignment):
        """That the model is valid, and of the assignment, and has the network's inputs and outputs."""
        runtime.check(export.model)
        self.assertEqual(runtime.ports(export.model), runtime.ports(original))
        quantized = {layer: precision for layer, precision in assignment.items()
                     if precision != "f32"}
        self.assertEqual(export.assignment(), quantized)
        told = {node.name: node.doc_string for node in export.model.graph.node
                if node.doc_string}
        self.assertEqual(told, {layer: f"halftone: {precision}"
                                for layer, precision in quantized.items()})

    def check_outputs(self, export, logits, quantized, tolerance):
        """That ONNX Runtime's output is as far from the float one as Halftone's own is, within a share.

        Both round in float32 what they have added up in different orders, which now and then takes a
        value across the border between two integers.
        """
        self.assertEqual(export.samples, len(logits))
        for name, measure in (("kl", runtime.divergence), ("mse", runtime.squared_error)):
            expected, found = export.quantized[name], measure(logits, quantized)
            self.assertGreater(expected, 0, f"quantizing changed nothing, by {name}")
            self.assertLess(abs(found - expected), tolerance * expected + FLOAT_NOISE,
                            f"{name}: Halftone {expected:.6g}, ONNX Runtime {found:.6g}")

    def check_float(self, logits, exported):
        self.assertLess(abs(exported - logits).max() / abs(logits).max(), FLOAT_TOLERANCE)


def is_narrow(assignment):
    """Whether no layer becomes a kernel on integers: that takes 8 bits of activations."""
    return not any(precision.endswith("a8") for precision in assignment.values())


def source_path(*parts):
    return os.path.join(os.environ["HALFTONE_SOURCE_DIR"], *parts)
