"""Networks that pick, sort and place by what they compute, through every command."""

import unittest

import numpy as np

from onnx_network import INT64, Network, NetworkCase


class Operators(NetworkCase):
    def table(self):
        """A row of a table for each of three tokens, then a layer."""
        network = Network()
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
        self.assertEqual(self.search(target="cpu")["solution"]["status"], "OPTIMAL")
        ids[20, 1] = 10
        np.savez(self.data, ids=ids)
        for method in ("fisher", "output"):
            error = self.run_command("sensitivity", self.model, "--data", self.data, "--method", method,
                                     code=2)["error"]
            for text in ("'embedded'", "index 10 ", "axis of size 10"):
                self.assertIn(text, error["message"])
        error = self.search(code=2)["error"]
        self.assertIn("'embedded'", error["message"])
        self.assertIn("index 10 ", error["message"])

    def test_the_end_of_derivatives_is_said(self):
        """A layer of which only the place of its largest result counts."""
        network = Network()
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
        found = self.search()
        self.assertTrue(any("'best' (ArgMax)" in warning for warning in found["warnings"]))

    def test_picking_and_sorting_run_to_the_export(self):
        """The best of some proposals, what lies there of an image, and an update of a state."""
        network = Network()
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
            answer = self.search(target=target)
            self.assertEqual(answer["solution"]["status"], "OPTIMAL")
            self.assertLess(answer["evaluation"]["quantized"]["kl"], 0.1)

    def test_layers_of_constants_are_timed(self):
        network = Network()
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
        network = Network()
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
