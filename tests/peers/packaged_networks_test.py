"""Trained networks as packages bring them: read whole, equal in float, quantized, searched and exported."""

import functools
import json
import os
import unittest

import numpy as np
import onnxruntime

import runtime
from halftone_command import Command
from packaged_networks import NETWORKS, PACKAGES, SAMPLES

# Of float outputs, relative to the largest one (2e-5 seen); or as large as the error of ONNX Runtime's Sigmoid, which
# does not become smaller with its result.
FLOAT_TOLERANCE, SIGMOID_ERROR = 1e-4, 2e-7
# Of divergences: a value that crosses a border changes what comes after it (15 % seen).
TOLERANCE = 0.25


def outputs_of(network, path, arrays):
    """ONNX Runtime's, node by node and sample by sample, with samples first."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    wanted = {port.name for port in session.get_inputs()}
    outputs = {port.name: [] for port in session.get_outputs()}
    for sample in range(SAMPLES):
        feed = {name: value for name, value in network.constants.items() if name in wanted}
        for name, array in arrays.items():
            axis = network.axis(name)
            feed[name] = array[sample] if axis is None else np.expand_dims(array[sample], axis)
        for name, value in zip(outputs, session.run(None, feed)):
            axis = network.axis(name)
            outputs[name].append(value if axis is None else value.take(0, axis))
    return {name: np.stack(values) for name, values in outputs.items()}


def as_in_file(network, outputs):
    return {name: array if network.axis(name) is None else np.moveaxis(array, 0, network.axis(name))
            for name, array in outputs.items()}


@unittest.skipUnless(os.path.isdir(PACKAGES), f"no packages in {PACKAGES}: tests/peers/install.sh")
class PackagedNetworksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.halftone = Command()
        cls.addClassCleanup(cls.halftone.close)

    @classmethod
    @functools.cache
    def files(cls, network):
        """The data, and the reference of it; ONNX Runtime's outputs with samples first."""
        arrays = network.samples(np.random.default_rng(0))
        data, reference = (cls.halftone.path(f"{network.name}.{what}.npz") for what in ("data", "out"))
        outputs = outputs_of(network, network.path, arrays)
        np.savez(data, **arrays)
        np.savez(reference, **as_in_file(network, outputs))
        return arrays, data, reference, outputs

    def run_json(self, command, network, *arguments):
        return json.loads(self.halftone.run(command, network.path, *network.flags, *arguments, "--json"))

    def for_each(self, check):
        for network in NETWORKS:
            with self.subTest(network=network.name):
                check(network)

    def test_nothing_is_unsupported(self):
        def check(network):
            document = self.run_json("inspect", network, "--data", self.files(network)[1])
            self.assertEqual(document["unsupported"], [])
            self.assertGreater(len(document["layers"]), 2)
        self.for_each(check)

    def test_float_outputs_are_equal(self):
        def check(network):
            _, data, reference, _ = self.files(network)
            document = self.run_json("evaluate", network, "--data", data, "--reference", reference)
            for output in document["reference"]["outputs"]:
                self.assertTrue(output["max_relative"] < FLOAT_TOLERANCE
                                or output["max_absolute"] < SIGMOID_ERROR, output)
            self.assertEqual({output["samples"] for output in document["reference"]["outputs"]},
                             {SAMPLES})
        self.for_each(check)

    def search(self, network, target, *more):
        folder = self.halftone.path(f"{network.name}.{target}")
        _, data, _, _ = self.files(network)
        result = self.run_json(
            "search", network, "--data", data, "--target", target, "--budget", "size=60%",
            "--precisions", "w4a8,w8a8", "--evaluations", "4", "--draws", "1", "--no-explain",
            "--output", folder, *more)
        self.assertEqual(result["solution"]["status"], "OPTIMAL")
        return result, os.path.join(folder, "quantized.onnx")

    def test_exports_are_what_was_evaluated(self):
        def check(network):
            result, path = self.search(network, "bitfusion")
            self.assertNotIn("not_exported", result)
            arrays, _, _, outputs = self.files(network)
            exported = outputs_of(network, path, arrays)
            kinds = {head["output"]: head["kind"] for head in result["heads"]}
            for name, kind in kinds.items():
                if kind != "kl" or name not in outputs or len(kinds) > 1:
                    continue  # Halftone's figures are of parts, or of what is before the output
                found = runtime.divergence(np.log(outputs[name] + 1e-30), np.log(exported[name] + 1e-30))
                expected = result["evaluation"]["quantized"]["kl"]
                self.assertLess(abs(found - expected), TOLERANCE * expected + 1e-9,
                                f"Halftone {expected:.6g}, ONNX Runtime {found:.6g}")
        self.for_each(check)

    def test_searches_on_this_processor(self):
        self.for_each(lambda network: self.search(network, "cpu"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
