"""Networks that pick, sort and place by what they compute, through every command."""

import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

from halftone_server import BINARY
from open_inputs_test import INT64, Network


class OperatorNetwork(Network):
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


class Operators(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = os.path.join(self.folder, "model.onnx")
        self.data = os.path.join(self.folder, "data.npz")
        self.random = np.random.default_rng(1)

    def run_command(self, *arguments, code=0):
        done = subprocess.run(
            [os.path.join(BINARY, "bin/halftone"), *arguments, "--json", "--state-dir", self.folder],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(done.stdout)

    def search(self, target, code=0):
        return self.run_command("search", self.model, "--data", self.data, "--target", target, "--budget",
                                "size=50%", "--precisions", "w4a8,w8a8", code=code)

    def table(self):
        """A row of a table for each of three tokens, then a layer."""
        network = OperatorNetwork()
        network.input("ids", "N", 3, kind=INT64)
        network.weights("table", 10, 6)
        network.weights("w", 18, 4)
        network.node("Gather", ["table", "ids"], "embedded")
        network.node("Flatten", ["embedded"], "f")
        network.node("MatMul", ["f", "w"], "y")
        network.output("y", "N", 4)
        network.save(self.model)

    def test_an_index_outside_is_named(self):
        self.table()
        ids = self.random.integers(0, 10, (24, 3))
        np.savez(self.data, ids=ids)
        self.assertEqual(self.search("cpu")["solution"]["status"], "OPTIMAL")
        ids[20, 1] = 10
        np.savez(self.data, ids=ids)
        for method in ("fisher", "output"):
            error = self.run_command("sensitivity", self.model, "--data", self.data, "--method", method,
                                     code=2)["error"]
            for text in ("'embedded'", "index 10 ", "axis of size 10"):
                self.assertIn(text, error["message"])
        error = self.search("bitfusion", code=2)["error"]
        self.assertIn("'embedded'", error["message"])
        self.assertIn("index 10 ", error["message"])

    def test_the_end_of_derivatives_is_said(self):
        """A layer of which only the place of its largest result counts."""
        network = OperatorNetwork()
        network.input("x", "N", 8)
        for name, shape in (("w1", (8, 6)), ("w2", (8, 5)), ("table", (6, 5)), ("w3", (5, 4))):
            network.weights(name, *shape)
        network.node("MatMul", ["x", "w1"], "scores")
        network.node("ArgMax", ["scores"], "best")
        network.attribute("axis", 1)
        network.attribute("keepdims", 0)
        network.node("Gather", ["table", "best"], "row")
        network.node("MatMul", ["x", "w2"], "beside")
        network.node("Add", ["row", "beside"], "sum")
        network.node("MatMul", ["sum", "w3"], "y")
        network.output("y", "N", 4)
        network.save(self.model)
        np.savez(self.data, x=self.random.normal(size=(32, 8)).astype(np.float32))
        answer = self.run_command("sensitivity", self.model, "--data", self.data, "--method", "fisher",
                                  "--precisions", "w2a2")
        self.assertIn("'best' (ArgMax)", answer["warnings"][0])
        layers = {layer["name"]: layer for layer in answer["layers"]}
        self.assertIn("'best' (ArgMax)", layers["scores"]["note"])
        self.assertGreater(layers["scores"]["choices"][0]["loss"], 0)
        self.assertTrue(layers["scores"]["choices"][0]["measured"])
        self.assertNotIn("note", layers["beside"])
        found = self.search("bitfusion")
        self.assertTrue(any("'best' (ArgMax)" in warning for warning in found["warnings"]))

    def test_picking_and_sorting_run_to_the_export(self):
        """The best of some proposals, what lies there of an image, and an update of a state."""
        network = OperatorNetwork()
        network.model.opset_import[0].version = 16
        network.input("x", "N", 6, 8)
        network.integers("three", 3)
        network.integers("last", -1)
        for name, shape in (("w1", (8, 8)), ("w2", (8, 1)), ("w3", (24, 5))):
            network.weights(name, *shape)
        network.node("MatMul", ["x", "w1"], "h")
        network.node("Relu", ["h"], "r")
        network.node("MatMul", ["r", "w2"], "scores")
        network.node("TopK", ["scores", "three"], "values")
        network.graph.node[-1].output.append("places")
        network.attribute("axis", 1)
        network.node("Expand", ["places", "wide"], "index")
        network.integers("wide", 1, 1, 8)
        network.node("GatherElements", ["r", "index"], "picked")
        network.attribute("axis", 1)
        network.node("Mul", ["picked", "values"], "weighed")
        network.node("ScatterElements", ["r", "index", "weighed"], "updated")
        network.attribute("axis", 1)
        network.node("GatherElements", ["updated", "index"], "again")
        network.attribute("axis", 1)
        network.node("Flatten", ["again"], "f")
        network.node("MatMul", ["f", "w3"], "y")
        network.output("y", "N", 5)
        network.save(self.model)
        np.savez(self.data, x=self.random.normal(size=(24, 6, 8)).astype(np.float32))
        for target in ("cpu", "bitfusion"):
            answer = self.search(target)
            self.assertEqual(answer["solution"]["status"], "OPTIMAL")
            self.assertLess(answer["evaluation"]["quantized"]["kl"], 0.1)

    def test_layers_of_constants_are_timed(self):
        network = OperatorNetwork()
        network.input("x", "N", 8)
        for name, shape in (("start", (1, 6)), ("r", (6, 5)), ("w", (8, 5)), ("v", (5, 4))):
            network.weights(name, *shape)
        network.node("MatMul", ["start", "r"], "recurrent")
        network.node("MatMul", ["x", "w"], "read")
        network.node("Add", ["recurrent", "read"], "sum")
        network.node("MatMul", ["sum", "v"], "y")
        network.output("y", "N", 4)
        network.save(self.model)
        rows = self.run_command("profile", self.model, "--target", "cpu", "--precisions", "f32,w8a8")["layers"]
        self.assertEqual({row["name"] for row in rows}, {"recurrent", "read", "y"})

    def test_sizes_that_depend_on_values_are_refused(self):
        network = OperatorNetwork()
        network.input("x", "N", 8)
        network.weights("w", 8, 5)
        network.node("MatMul", ["x", "w"], "h")
        network.node("NonZero", ["h"], "y")
        network.output("y", 2, "M")
        network.save(self.model)
        refused = self.run_command("inspect", self.model)["unsupported"]
        self.assertEqual([node["node"] for node in refused], ["y"])
        self.assertIn("extract_model", refused[0]["reason"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
