"""How far the model of a search holds: its prediction beside what is measured, and what it is corrected by."""

import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

from halftone_server import BINARY, NETWORKS, TINY_DIGITS, Server
from waiting import PATIENCE

HALFTONE = os.path.join(BINARY, "bin/halftone")
# Depthwise and pointwise convolutions by turns, which do more together at few bits than one by one: twice as much at
# this budget.
MODEL = os.path.join(NETWORKS, "pplcnet_folded.onnx")
BUDGET = "size=0.2x"
SAMPLES = 48


class PredictionTest(unittest.TestCase):
    """On a server. One search whose optimum does more than is predicted of it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server()
        cls.where = ["--server", cls.server.address, "--state-dir", cls.folder.name]
        cls.data = os.path.join(cls.folder.name, "samples.npz")
        with np.load(os.path.join(NETWORKS, "calib.npz")) as arrays:
            np.savez(cls.data, **{name: arrays[name][:SAMPLES] for name in arrays})
        cls.found = cls.search(BUDGET)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    @classmethod
    def run_command(cls, *arguments):
        done = subprocess.run([HALFTONE, *arguments, *cls.where], capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout[-2000:] + done.stderr[-2000:])
        return done.stdout

    @classmethod
    def search(cls, budget, *more):
        return json.loads(cls.run_command("search", MODEL, "--data", cls.data, "--target",
                                          "bitfusion", "--budget", budget, "--no-explain", "--json", *more))

    def measured(self, assignment):
        """What `evaluate` finds on the samples of the search, layers that are left out staying float."""
        path = os.path.join(self.folder.name, "assignment.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"assignment": assignment}, file)
        document = json.loads(self.run_command("evaluate", MODEL, "--assignment", path, "--data", self.data,
                                               "--calibration", self.data, "--json"))
        return document["quantized"]["kl"]

    def test_the_prediction_stands_beside_what_was_measured(self):
        found = self.found
        prediction = found["prediction"]
        self.assertEqual((found["status"], found["status_of"]), ("OPTIMAL", "model"))
        self.assertEqual(prediction["predicted"], found["loss"])
        self.assertEqual(prediction["metric"], "kl")
        self.assertFalse(prediction["on_held_out"])
        self.assertAlmostEqual(found["prediction_ratio"], prediction["measured"] / prediction["predicted"], places=9)
        self.assertAlmostEqual(self.measured(found["assignment"]), prediction["measured"], delta=1e-6)
        text = self.run_command("result", found["job"])
        self.assertIn("OPTIMAL for the model", text)
        self.assertIn("\nprediction   ", text)
        self.assertIn("\ncorrected    the model", text)

    def test_the_model_is_corrected_by_what_layers_really_do(self):
        refined = self.found["refined"]
        self.assertTrue(refined["corrections"] or refined["factor"] > 1)
        self.assertLessEqual(refined["evaluations"], 64)
        self.assertEqual(refined["evaluations"], len(refined["evaluated"]) + refined["partial_evaluations"])
        for correction in refined["corrections"][:3]:
            parts = {layer: group["precision"] for group in correction["groups"] for layer in group["layers"]}
            self.assertAlmostEqual(self.measured(parts), correction["divergence"], delta=1e-6)
        self.assertEqual(bool(self.found["problem"].get("interactions")),
                         any(len(correction["groups"]) > 1 for correction in refined["corrections"]))
        # The proof is of the corrected problem, and so is what `resolve` answers.
        again = json.loads(self.run_command("resolve", self.found["job"], "--budget", BUDGET, "--json"))
        self.assertEqual(again["assignment"], self.found["solution"]["assignment"])
        self.assertAlmostEqual(again["loss"], self.found["solution"]["loss"], places=9)
        self.assertEqual(again["status_of"], "model")

    def test_the_answer_holds_and_is_no_worse_than_uniform(self):
        self.assertLessEqual(self.found["prediction_ratio"], 1.3)
        self.assertTrue(self.found["prediction"]["holds"])
        self.assertFalse([text for text in self.found["warnings"] if "of the model only" in text])
        limit = self.found["problem"]["budgets"]["size_bytes"]
        costs = {layer["name"]: {choice["name"]: choice["cost"]["size_bytes"] for choice in layer["choices"]}
                 for layer in self.found["problem"]["layers"]}
        fitting = [name for name in next(iter(costs.values()))
                   if sum(of_layer[name] for of_layer in costs.values()) <= limit]
        self.assertTrue(fitting)
        for name in fitting:
            uniform = self.measured({layer: name for layer in costs})
            self.assertLessEqual(self.found["prediction"]["measured"], uniform + 1e-6, name)

    def test_without_evaluations_the_reader_is_warned(self):
        plain = self.search(BUDGET, "--evaluations", "0")
        self.assertEqual(plain["status"], "OPTIMAL")
        self.assertGreater(plain["prediction_ratio"], 1.5)
        self.assertFalse(plain["prediction"]["holds"])
        self.assertTrue([text for text in plain["warnings"] if "the best of the model only" in text])
        text = self.run_command("result", plain["job"])
        self.assertIn("warning: the answer is the best of the model only", text)

    def test_negative_traces_are_marked_and_no_gains(self):
        document = json.loads(self.run_command("sensitivity", MODEL, "--data", self.data, "--samples", "4", "--method",
                                               "hessian-trace", "--probes", "2", "--precisions", "w2,w8", "--json"))
        choices = [choice for layer in document["layers"] for choice in layer["choices"]]
        negative = [choice for choice in choices if choice["loss"] < 0]
        self.assertTrue(negative)
        self.assertEqual([choice for choice in choices if "is_negative" in choice], negative)

    def test_a_crosscheck_says_what_does_more_than_predicted(self):
        model, data = os.path.join(TINY_DIGITS, "model.onnx"), os.path.join(TINY_DIGITS, "calib.npz")
        document = json.loads(self.run_command(
            "crosscheck", model, "--data", data, "--eval", data, "--precisions", "w2a2,w2a4,w4a4,w8a8", "--assignments",
            "12", "--samples", "32", "--estimators", "fisher,hawq-v2", "--max-kl", "4", "--json"))
        fisher, hawq = document["estimators"]
        ratios = [one["measured"] / predicted
                  for one, predicted in zip(document["assignments"], fisher["predicted"])]
        self.assertEqual(fisher["underestimated"], sum(ratio > 1.5 for ratio in ratios))
        self.assertAlmostEqual(fisher["worst_ratio"], max(ratios), places=9)
        self.assertEqual(fisher["worst_assignment"], ratios.index(max(ratios)))
        self.assertIsNone(hawq["worst_ratio"])
        said = [text for text in document["warnings"] if "times what fisher predicts" in text]
        self.assertEqual(bool(said), fisher["underestimated"] > 0)


if __name__ == "__main__":
    unittest.main()
