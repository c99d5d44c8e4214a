"""As what outputs count, what is stored, and what is said of data."""

import os
import subprocess
import unittest

import numpy as np

from halftone_server import BINARY
from onnx_network import FLOAT, INT64, Network, NetworkCase

TARGET = ("--target", "bitfusion")


class OutputsAndData(NetworkCase):
    def evaluate(self, precision="w8a8", *more):
        layers = self.run_command("inspect", self.model)["layers"]
        return self.evaluate_assignment({layer["name"]: precision for layer in layers}, *more)

    def search(self, *more, code=0):
        return self.run_command("search", self.model, "--data", self.data, *TARGET, "--precisions",
                                "w2a4,w4a8,w8a8,w16a16", *more, code=code)

    def detector(self, samples=16):
        """Boxes in pixels and scores, in one output."""
        network = Network()
        network.input("x", "N", 16)
        network.weights("b", 16, 20)
        network.weights("s", 16, 4)
        network.graph.initializer.add(name="pixels", data_type=FLOAT,
                                      raw_data=np.array(640, np.float32).tobytes())
        network.integers("last", 2)
        network.node("MatMul", ["x", "b"], "raw")
        network.node("Mul", ["raw", "pixels"], "boxes")
        network.node("MatMul", ["x", "s"], "logits")
        network.node("Sigmoid", ["logits"], "scores")
        network.node("Concat", ["boxes", "scores"], "all")
        network.attribute("axis", 1)
        network.node("Unsqueeze", ["all", "last"], "y")
        network.output("y", "N", 24, 1)
        network.save(self.model)
        np.savez(self.data, x=self.random.normal(size=(samples, 16)).astype(np.float32))

    def test_parts_of_an_output_are_told_apart_and_weighed(self):
        self.detector()
        heads = self.run_command("inspect", self.model)["heads"]
        self.assertEqual([(head["part"], head["kind"], head["guess"]) for head in heads],
                         [("boxes", "mse", True), ("scores", "bernoulli", True)])
        self.assertIn("Sigmoid", heads[1]["reason"])
        found = self.evaluate("w4a8")
        quantized = found["quantized"]
        shares = [head["share"] for head in quantized["heads"]]
        self.assertAlmostEqual(sum(shares), 1, places=6)
        self.assertGreater(min(shares), 0.02, "none drowns the others")
        boxes, scores = quantized["heads"]
        expected = boxes["divergence"] / found["heads"][0]["scale"] + scores["divergence"]
        self.assertAlmostEqual(quantized["divergence"], expected, delta=1e-6 * expected)
        # What is asked for counts instead, everywhere.
        asked = ("--head", "boxes=mse:1e-4", "--head", "scores=bernoulli:10")
        weighed = self.evaluate("w4a8", *asked)["quantized"]
        self.assertGreater(weighed["heads"][1]["share"], 0.99)
        result = self.search("--budget", "size=0.4x", *asked)
        self.assertEqual([head["weight"] for head in result["heads"]], [1e-4, 10])
        self.assertFalse(result["heads"][0]["guess"])
        chosen = result["assignment"]
        bits = {layer: int(chosen[layer][1:].split("a")[0]) for layer in ("raw", "logits")}
        self.assertGreater(bits["logits"], bits["raw"], chosen)
        sensitivity = self.run_command("sensitivity", self.model, "--data", self.data, "--precisions",
                                       "w4a8", *asked)
        self.assertEqual(sensitivity["output_metric"], "mixed")
        losses = {layer["name"]: layer["choices"][0]["loss"] for layer in sensitivity["layers"]}
        self.assertGreater(losses["logits"], 10 * losses["raw"])

    def test_the_estimate_is_what_is_measured(self):
        self.detector()
        for kind in ("mse", "relative", "cosine"):
            asked = ("--head", f"y={kind}")
            one = self.run_command("sensitivity", self.model, "--data", self.data, "--method", "output",
                                   "--precisions", "w4", *asked)
            self.assertEqual(one["output_metric"], kind)
            evaluated = self.evaluate_assignment({"raw": "w4"}, *asked)
            measured = evaluated["quantized"]["divergence"]
            self.assertAlmostEqual(one["layers"][0]["choices"][0]["loss"], measured,
                                   delta=1e-4 * measured)

    def test_heads_that_are_not_there_are_refused(self):
        self.detector()
        for head, said in (("score=kl", "no output 'score'; it has 'boxes', 'scores'"),
                           ("y=logits", "unknown kind of output 'logits'"),
                           ("y=mse:0", "'ignore' leaves an output out"),
                           ("y=ignore", "no output counts"), ("y=mse:x", "no weight")):
            error = self.run_command("inspect", self.model, "--head", head, code=2)["error"]
            self.assertIn(said, error["message"])
            self.run_command("search", self.model, "--data", self.data, *TARGET, "--head", head,
                             "--budget", "size=0.5x", code=2)
        error = self.run_command("inspect", self.model, "--head", "y=mse", "--head", "y=kl",
                                 code=2)["error"]
        self.assertIn("given twice", error["message"])

    def classifier(self, classes=5):
        network = Network()
        network.input("x", "N", 3, 6, 6)
        network.weights("k", 8, 3, 3, 3)
        network.weights("w", 8, classes)
        network.node("Conv", ["x", "k"], "c", pads=[1, 1, 1, 1])
        network.node("Relu", ["c"], "r")
        network.node("GlobalAveragePool", ["r"], "p")
        network.node("Flatten", ["p"], "f")
        network.node("MatMul", ["f", "w"], "y")
        network.output("y", "N", classes)
        network.save(self.model)

    def test_labels_speak_for_a_guess(self):
        self.classifier()
        x = self.random.normal(size=(64, 3, 6, 6)).astype(np.float32)
        np.savez(self.data, x=x)
        self.assertIn("no proof", self.run_command("inspect", self.model)["heads"][0]["reason"])
        np.savez(self.data, x=x, labels=np.arange(64) % 5)
        heads = self.run_command("inspect", self.model, "--data", self.data)["heads"]
        self.assertIn("labels (0 to 4)", heads[0]["reason"])
        self.assertIn("labels (0 to 4)", self.evaluate()["heads"][0]["reason"])
        np.savez(self.data, x=x, labels=np.arange(64) % 9)
        error = self.search("--budget", "size=0.5x", code=2)["error"]
        self.assertIn("label 5 of sample 5", error["message"])
        self.assertIn("--head y=mse", error["message"])
        found = self.search("--budget", "size=0.5x", "--head", "y=mse")
        self.assertEqual(found["heads"][0]["kind"], "mse")

    def test_one_sample_far_from_the_rest(self):
        self.classifier()
        x = self.random.normal(size=(64, 3, 6, 6)).astype(np.float32)
        x[17] *= 1e6
        labels = np.arange(64) % 5
        np.savez(self.data, x=x, labels=labels)
        clean = os.path.join(self.folder, "clean.npz")
        np.savez(clean, x=np.delete(x, 17, 0), labels=np.delete(labels, 17))
        document = self.evaluate("w8a8", "--calibration", self.data)
        self.assertIn("sample 17 of input 'x'", document["warnings"][0])
        self.assertIn("left out", document["warnings"][0])
        data, self.data = self.data, clean
        self.assertLess(self.evaluate("w8a8", "--calibration", data)["quantized"]["kl"], 0.01)
        self.data = data
        result = self.search("--budget", "size=0.4x")
        self.assertIn("sample 17 of input 'x'", result["warnings"][0])
        self.assertLess(result["refined"]["divergence"], 1)

    def test_bad_data_is_named(self):
        self.classifier()
        np.savez(self.data, x=np.ones((8, 3, 6, 6), np.float32), labels=np.arange(8) % 4)
        warnings = self.evaluate()["warnings"]
        self.assertIn("input 'x' is the same in all 8 samples", warnings[0])
        self.assertIn("no sample has label 4, of 5 classes", warnings[1])
        np.savez(self.data, x=self.random.normal(size=(3, 3, 6, 6)).astype(np.float32),
                 labels=np.arange(3))
        self.assertIn("3 samples are few for 5 classes", self.evaluate()["warnings"][0])

    def test_an_embedding_counts(self):
        network = Network()
        network.input("ids", "N", 12, kind=INT64)
        network.weights("table", 1000, 8)
        network.weights("w", 8, 5)
        network.node("Gather", ["table", "ids"], "v")
        network.node("ReduceMean", ["v"], "m", axes=[1])
        network.node("Flatten", ["m"], "f")
        network.node("MatMul", ["f", "w"], "y")
        network.output("y", "N", 5)
        network.save(self.model)
        np.savez(self.data, ids=self.random.integers(0, 1000, size=(16, 12)))
        inspected = self.run_command("inspect", self.model)
        stored = sum(layer["parameters"] for layer in inspected["layers"]) + \
            inspected["other_bytes"] // 4
        self.assertEqual(stored, 8000 + 40)
        result = self.search("--budget", "size=0.9999x")
        # Of 16 bits with a scale for each row of the table, and for each of five outputs.
        self.assertEqual(result["reference_cost"]["size_bytes"],
                         2 * 8000 + 4 * 1000 + 2 * 40 + 4 * 5)
        self.assertEqual(result["cost"]["size_bytes"],
                         result["other_bytes"] + sum(layer["weight_bytes"]
                                                     for layer in result["layers"]))

    def test_a_table_that_lacks_a_layer_is_told_before_work(self):
        self.classifier()
        np.savez(self.data, x=self.random.normal(size=(8, 3, 6, 6)).astype(np.float32))
        table = os.path.join(self.folder, "costs.csv")
        with open(table, "w") as file:
            file.write("layer,precision,latency_ns\nc,w8a8,10\nc,w4a8,5\n")
        done = subprocess.run(
            [os.path.join(BINARY, "bin/halftone"), "search", self.model, "--data", self.data,
             "--target", table, "--budget", "latency=50%", "--state-dir", self.folder],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 2)
        self.assertIn("lacks 2 of the 4 rows", done.stderr)
        self.assertNotIn("sensitivity", done.stderr)

    def test_names_of_layers_may_have_an_equals_sign(self):
        network = Network()
        network.input("x", "N", 8)
        network.weights("w", 8, 5)
        network.node("MatMul", ["x", "w"], "a=b")
        network.output("a=b", "N", 5)
        network.save(self.model)
        np.savez(self.data, x=self.random.normal(size=(8, 8)).astype(np.float32))
        result = self.search("--budget", "size=1x", "--pin", "a=b=w4a8", "--head", "a=b=mse")
        self.assertEqual(result["assignment"], {"a=b": "w4a8"})
        self.assertEqual(result["heads"][0]["kind"], "mse")


if __name__ == "__main__":
    unittest.main(verbosity=2)
