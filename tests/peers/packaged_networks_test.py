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

# Of float outputs, relative to the largest one (2e-5 seen; ONNX Runtime's own sigmoid has an error of 1e-7).
FLOAT_TOLERANCE = 1e-4
# Of squared errors: a value that crosses a border changes what comes after it.
TOLERANCE = 0.1


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
            self.assertGreater(len(document["layers"]), 3)
        self.for_each(check)

    def test_float_outputs_are_equal(self):
        def check(network):
            _, data, reference, _ = self.files(network)
            document = self.run_json("evaluate", network, "--data", data, "--reference", reference)
            self.assertLess(document["reference"]["max_relative"], FLOAT_TOLERANCE,
                            document["reference"])
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
            arrays, _, _, outputs = self.files(network)
            exported = outputs_of(network, path, arrays)
            expected = result["evaluation"]["quantized"]["mse"]
            # What Halftone counts as output is before a last softmax; that network's file has only what is after.
            if result["evaluation"]["quantized"]["kl"] > 0 and len(outputs) == 1:
                (name,) = outputs
                found = runtime.divergence(np.log(outputs[name] + 1e-30), np.log(exported[name] + 1e-30))
                expected = result["evaluation"]["quantized"]["kl"]
            else:
                elements = sum(output.size for output in outputs.values())
                found = sum(((exported[name] - outputs[name]) ** 2).sum() for name in outputs) / elements
            self.assertLess(abs(found - expected), TOLERANCE * expected + 1e-9,
                            f"Halftone {expected:.6g}, ONNX Runtime {found:.6g}")
        self.for_each(check)

    def test_searches_on_this_processor(self):
        self.for_each(lambda network: self.search(network, "cpu"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
