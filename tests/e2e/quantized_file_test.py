"""Models that are quantized already: read as the float networks that they approximate."""

import os
import subprocess
import unittest

import numpy as np

from halftone_server import BINARY
from onnx_network import FLOAT, Network, NetworkCase

INT8 = 3


class QuantizedFileTest(NetworkCase):
    def constant(self, network, name, values, kind=FLOAT):
        values = np.asarray(values)
        network.graph.initializer.add(name=name, dims=values.shape, data_type=kind,
                                      raw_data=values.tobytes())

    def setUp(self):
        """QuantizeLinear and DequantizeLinear before a convolution with weights of bytes, and a Gemm."""
        super().setUp()
        network = Network()
        network.input("x", "N", 3, 8, 8)
        random = np.random.default_rng(5)
        self.integers = random.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
        self.integers[:, 0, 0, 0] = 127
        self.scales = np.float32([0.004, 0.005, 0.006, 0.007])
        self.constant(network, "xs", np.float32(0.03))
        self.constant(network, "xz", np.int8(3), INT8)
        self.constant(network, "w", self.integers, INT8)
        self.constant(network, "ws", self.scales)
        self.constant(network, "wz", np.zeros(4, np.int8), INT8)
        network.weights("v", 4, 5)
        network.node("QuantizeLinear", ["x", "xs", "xz"], "xq")
        network.node("DequantizeLinear", ["xq", "xs", "xz"], "xd")
        network.node("DequantizeLinear", ["w", "ws", "wz"], "wd")
        network.attribute("axis", 0)
        network.node("Conv", ["xd", "wd"], "c", pads=[1, 1, 1, 1])
        network.node("GlobalAveragePool", ["c"], "p")
        network.node("Flatten", ["p"], "f")
        network.node("MatMul", ["f", "v"], "y")
        network.output("y", "N", 5)
        network.save(self.model)
        np.savez(self.data, x=self.samples(32, 3, 8, 8))

    def test_inspect_shows_the_quantizers_of_the_file(self):
        document = self.run_command("inspect", self.model)
        self.assertEqual(document["unsupported"], [])
        conv, fc = document["layers"]
        src = conv["file_quantizer"]["src"]
        self.assertEqual((src["type"], src["scales"], src["zero_point"], src["dynamic"]),
                         ("int8", 1, 3, False))
        self.assertAlmostEqual(src["least_scale"], 0.03, places=6)
        weights = conv["file_quantizer"]["weights"]
        self.assertEqual((weights["type"], weights["axis"], weights["scales"], weights["symmetric"]),
                         ("int8", 0, 4, True))
        self.assertAlmostEqual(weights["least_scale"], 0.004, places=6)
        self.assertAlmostEqual(weights["largest_scale"], 0.007, places=6)
        self.assertNotIn("file_quantizer", fc)
        self.assertIn("what its weights dequantize to", document["quantized_file"])
        text = subprocess.run([os.path.join(BINARY, "bin/halftone"), "inspect", self.model],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn(document["quantized_file"], text)

    def test_the_float_network_is_what_the_weights_dequantize_to(self):
        # The weights are on a grid of 8 bits already: rounding them to it takes nothing.
        exact, coarse = (self.run_command(
            "sensitivity", self.model, "--data", self.data, "--precisions", precision, "--method",
            "output")["layers"][0]["choices"][0]["loss"] for precision in ("w8", "w3"))
        self.assertLess(exact, 1e-3 * coarse)
        # Activations are not rounded.
        sources = self.run_command("sensitivity", self.model, "--data", self.data, "--precisions",
                                   "a4", "--method", "output")["layers"][0]["choices"][0]["loss"]
        self.assertGreater(sources, 0)

    def test_results_say_so(self):
        result = self.search()
        self.assertEqual(result["solution"]["status"], "OPTIMAL")
        said = [w for w in result["warnings"] if "is quantized already, in 1 layer" in w]
        self.assertEqual(len(said), 1, result["warnings"])
        self.assertLess(result["exported"]["difference"], 1e-5)
        evaluated = self.evaluate()
        self.assertLess(evaluated["quantized"]["kl"], 0.01)
        self.assertEqual([w for w in evaluated["warnings"] if "quantized already" in w], said)


if __name__ == "__main__":
    unittest.main()
