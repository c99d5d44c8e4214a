"""Networks that leave more than the batch open, or whose samples lie elsewhere."""

import os
import unittest

import numpy as np

from onnx_network import FLOAT, INT64, Network, NetworkCase


class OpenInputs(NetworkCase):
    def compare(self, code=0, **outputs):
        """The float network beside these outputs."""
        reference = os.path.join(self.folder, "reference.npz")
        np.savez(reference, **outputs)
        return self.run_command("evaluate", self.model, "--data", self.data, "--reference", reference,
                                code=code)

    def convolution(self):
        network = Network()
        network.input("x", "N", 3, "H", "W")
        network.weights("k", 4, 3, 3, 3)
        network.weights("w", 4, 5)
        network.node("Conv", ["x", "k"], "c", pads=[1, 1, 1, 1])
        network.node("GlobalAveragePool", ["c"], "p")
        network.node("Flatten", ["p"], "f")
        network.node("MatMul", ["f", "w"], "y")
        network.output("y", "N", 5)
        network.save(self.model)

    def test_data_has_the_sizes(self):
        self.convolution()
        np.savez(self.data, x=self.samples(8, 3, 12, 10))
        layers = self.run_command("inspect", self.model, "--data", self.data)["layers"]
        self.assertEqual(layers[0]["src_shape"], [1, 3, 12, 10])
        self.assertLess(self.evaluate()["quantized"]["kl"], 0.01)
        self.assertEqual(self.search()["solution"]["status"], "OPTIMAL")
        # Of other sizes everything is another.
        np.savez(self.data, x=self.samples(8, 3, 20, 10))
        again = self.search()
        self.assertEqual(again["solution"]["status"], "OPTIMAL")

    def test_open_axes_are_named(self):
        self.convolution()
        self.assertEqual([axis["name"] for axis in self.run_command("inspect", self.model)["open_axes"]],
                         ["H", "W"])
        error = self.run_command("profile", self.model, "--target", "bitfusion", code=2)["error"]
        self.assertIn("input 'x': axis 2 ('H'), input 'x': axis 3 ('W')", error["message"])
        profile = self.run_command("profile", self.model, "--target", "bitfusion", "--dim", "H=12",
                                   "--dim", "W=16", "--precisions", "w8a8")
        self.assertEqual(len(profile["layers"]), 2)
        layers = self.run_command("inspect", self.model, "--shape", "x=1x3x12x16")["layers"]
        self.assertEqual(layers[0]["dst_shape"], [1, 4, 12, 16])
        error = self.run_command("inspect", self.model, "--dim", "D=3", code=2)["error"]
        self.assertIn("it has H, N, W", error["message"])

    def test_samples_of_an_output_may_lie_elsewhere(self):
        network = Network()
        network.input("x", "N", 10, 8)
        network.weights("w", 8, 5)
        network.node("MatMul", ["x", "w"], "m")
        network.node("Transpose", ["m"], "y", perm=[1, 0, 2])
        network.output("y", 10, "N", 5)
        network.save(self.model)
        x = self.samples(11, 10, 8)
        np.savez(self.data, x=x)
        evaluation = self.evaluate()
        self.assertEqual(evaluation["samples"], 11)
        # As numpy computes it, laid out as the model has it.
        weights = np.frombuffer(network.graph.initializer[0].raw_data, np.float32).reshape(8, 5)
        y = (x @ weights).transpose(1, 0, 2)
        compared = self.compare(y=y)
        self.assertLess(compared["reference"]["max_relative"], 1e-6)
        self.assertEqual(compared["reference"]["outputs"][0]["samples"], 11)
        self.assertNotIn("warnings", compared)
        other = self.compare(y=y + 0.5)
        self.assertAlmostEqual(other["reference"]["outputs"][0]["max_absolute"], 0.5, places=5)
        self.assertIn("output 'y' differs from the reference", other["warnings"][0])
        self.assertIn("'z' is no output", self.compare(code=2, z=y)["error"]["message"])
        self.assertGreater(evaluation["quantized"]["sqnr_db"], 30)
        self.assertEqual(self.search()["solution"]["status"], "OPTIMAL")

    def test_states_and_constants(self):
        """As of a recurrent step: a state with samples along its second axis, and a scalar."""
        network = Network()
        network.input("x", "batch", 6)
        network.input("state", 2, "batch", 6)
        network.input("rate", kind=INT64)
        network.weights("w", 6, 5)
        network.node("ReduceSum", ["state", "first"], "s")
        network.integers("first", 0)
        network.node("Squeeze", ["s", "first"], "q")
        network.node("Add", ["x", "q"], "a")
        network.node("Cast", ["rate"], "r")
        network.attribute("to", FLOAT)
        network.node("Mul", ["a", "r"], "b")
        network.node("MatMul", ["b", "w"], "y")
        network.output("y", "batch", 5)
        network.save(self.model)
        data = {"x": self.samples(9, 6), "state": self.samples(9, 2, 6)}
        np.savez(self.data, **data)
        same = self.evaluate("--constant", "rate=3")
        self.assertLess(same["quantized"]["kl"], 0.1)
        np.savez(self.data, rate=np.int64(3), **data)
        self.assertEqual(self.evaluate()["quantized"]["kl"], same["quantized"]["kl"])
        # A scalar of each sample: samples go one by one.
        np.savez(self.data, rate=np.full(9, 3, np.int64), **data)
        self.assertAlmostEqual(self.evaluate()["quantized"]["kl"], same["quantized"]["kl"], places=6)
        self.assertEqual(self.search("--constant", "rate=3")["solution"]["status"], "OPTIMAL")


if __name__ == "__main__":
    unittest.main(verbosity=2)
