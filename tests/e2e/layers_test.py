"""Layers that are not Conv, Gemm or MatMul in the file: embeddings and transposed convolutions."""

import os
import unittest

import numpy as np

from onnx_network import INT64, Network, NetworkCase

WORDS, WIDTH, CLASSES, LENGTH, SAMPLES = 300, 8, 5, 6, 20


def rounded(table, bits):
    """Each row on a symmetric grid of its own."""
    top = 2 ** (bits - 1) - 1
    scale = np.abs(table).max(axis=1, keepdims=True) / top
    return np.round(table / scale) * scale


class Layers(NetworkCase):
    def embedding(self):
        network = Network()
        network.input("tokens", "N", LENGTH, kind=INT64)
        network.weights("table", WORDS, WIDTH)
        network.weights("w", WIDTH, CLASSES)
        network.node("Gather", ["table", "tokens"], "words")
        network.node("ReduceMean", ["words"], "mean", axes=[1])
        network.attribute("keepdims", 0)
        network.node("MatMul", ["mean", "w"], "y")
        network.output("y", "N", CLASSES)
        network.save(self.model)
        tokens = self.random.integers(0, WORDS, (SAMPLES, LENGTH))
        np.savez(self.data, tokens=tokens)
        table, weights = (np.frombuffer(i.raw_data, np.float32).reshape(i.dims)
                          for i in network.graph.initializer)
        return tokens, table, weights

    def test_an_embedding_has_a_precision(self):
        tokens, table, weights = self.embedding()
        layers = {layer["name"]: layer for layer in self.run_command("inspect", self.model)["layers"]}
        self.assertEqual(list(layers), ["words", "y"])
        self.assertEqual(layers["words"]["op"], "Gather")
        self.assertEqual(layers["words"]["parameters"], WORDS * WIDTH)
        # The error is that of rows on grids of their own; ranges by least squares are no worse.
        errors = (rounded(table, 3)[tokens].mean(axis=1) - table[tokens].mean(axis=1)) @ weights
        measured = self.evaluate_assignment({"words": "w3a8"})["quantized"]["mse"]
        self.assertGreater(measured, 0.3 * np.mean(errors ** 2))
        self.assertLess(measured, 1.1 * np.mean(errors ** 2))
        # Indices are not rounded, whatever the activations are stored in.
        for same in ("w3", "w3a2"):
            self.assertEqual(self.evaluate_assignment({"words": same})["quantized"]["mse"], measured)
        executed = self.evaluate_assignment({"words": "w3a8", "y": "w8a8"}, "--measure")
        self.assertAlmostEqual(executed["executed"]["mse"], executed["quantized"]["mse"],
                               delta=0.05 * measured)

    def search_on(self, target):
        result = self.run_command("search", self.model, "--data", self.data, "--target", target,
                                  "--budget", "size=30%", "--output",
                                  os.path.join(self.folder, "quantized.onnx"))
        self.assertEqual(result["solution"]["status"], "OPTIMAL")
        return result

    def test_searches_with_an_embedding(self):
        self.embedding()
        for target in ("bitfusion", "cpu"):
            result = self.search_on(target)
            # Codes, and a scale of each row.
            bits = int(result["assignment"]["words"][1:].split("a")[0])
            self.assertIn(bits, (2, 4, 6, 8))
            size = WORDS * WIDTH * bits / 8 + 4 * WORDS
            self.assertGreater(result["cost"]["size_bytes"], size)
            self.assertLess(result["cost"]["size_bytes"], size + 4 * WIDTH * CLASSES + 4 * CLASSES)

    def test_a_transposed_convolution_is_a_layer(self):
        network = Network()
        network.input("x", "N", 3, 6, 5)
        network.weights("w1", 4, 3, 3, 3)
        network.weights("w2", 4, 2, 2, 2)
        network.weights("w3", 2, 2, 3, 3)
        network.node("Conv", ["x", "w1"], "a", pads=[1, 1, 1, 1])
        network.node("ConvTranspose", ["a", "w2"], "up", strides=[2, 2])
        network.node("Relu", ["up"], "r")
        network.node("ConvTranspose", ["r", "w3"], "y", strides=[2, 2])
        network.output("y", "N", 2, 25, 21)
        network.save(self.model)
        np.savez(self.data, x=self.random.normal(size=(SAMPLES, 3, 6, 5)).astype(np.float32))
        layers = [layer["name"] for layer in self.run_command("inspect", self.model)["layers"]]
        self.assertEqual(layers[:2], ["a", "up"])
        self.assertEqual(layers[2:], [f"y/phase{i}" for i in range(4)])
        evaluation = self.evaluate_assignment({layer: "w8a8" for layer in layers}, "--measure")
        self.assertGreater(evaluation["quantized"]["sqnr_db"], 30)
        self.assertGreater(evaluation["executed"]["sqnr_db"], 30)
        for target in ("bitfusion", "cpu"):
            result = self.search_on(target)
            self.assertEqual(sorted(result["assignment"]), sorted(layers))


if __name__ == "__main__":
    unittest.main(verbosity=2)
