"""The three shipped networks, quantized and exported, on held-out samples in ONNX Runtime."""

import functools
import itertools
import unittest

import numpy as np
import onnx

import runtime
from exports_case import ExportsCase, is_narrow, source_path

NETWORKS = ("resnet14", "mobilenetv2", "vit")
UNIFORM = ("w8a8", "w4a4", "w3a3", "w2a2")
MIXED = ("w8a8", "w4a4", "w2a8", "w3a3", "w4a8", "w2a2")  # in turn, from layer to layer
CALIBRATION_SAMPLES, SAMPLES = 32, 128
# Sums in another order put some hundred values on the other side of a border: 0.3 % seen with fewer bits,
# 5.9 % with 8, whose divergence (3e-5 of ResNet-14) is little more than such borders.
TOLERANCE, TOLERANCE_OF_8_BITS = 0.01, 0.15
# Where a value crosses a border, all that comes after it in that sample rounds otherwise. ONNX Runtime's fused
# kernels do as its single ones in so many samples, at least (85 % seen), to this share of the largest logit.
SAME_SAMPLES, SAME = 0.7, 1e-4
# Where kernels on integers round biases: a hundredth of a step takes one value in a hundred across a
# border, in every layer. 22 % seen, of a divergence of 0.0001.
INTEGER_TOLERANCE = 0.4


def model_path(network):
    return source_path("tests/data/networks", f"{network}.onnx")


@functools.cache
def arrays(name, count):
    with np.load(source_path("tests/data/networks", f"{name}.npz")) as archive:
        return {key: archive[key][:count] for key in archive}


@functools.cache
def float_logits(network):
    return runtime.run(model_path(network), arrays("eval", SAMPLES)["input"])


class ShippedNetworksTest(ExportsCase):
    @classmethod
    @functools.cache
    def exported(cls, network, precisions):
        """The export in which the layers have these precisions in turn, and the assignment."""
        layers = cls.halftone.layers(model_path(network))
        assignment = dict(zip(layers, itertools.cycle(precisions)))
        return cls.halftone.export(model_path(network), arrays("calib", CALIBRATION_SAMPLES),
                                   arrays("eval", SAMPLES), assignment), assignment

    def check(self, network, precisions):
        export, assignment = self.exported(network, precisions)
        self.check_model(export, onnx.load(model_path(network)), assignment)
        held_out = arrays("eval", SAMPLES)
        logits = float_logits(network)
        quantized = runtime.run(export.path, held_out["input"])
        self.check_outputs(export, logits, quantized,
                           TOLERANCE_OF_8_BITS if precisions == ("w8a8",) else TOLERANCE)
        # A sample whose two best classes are all but equal may be counted either way.
        self.assertAlmostEqual(export.float_accuracy,
                               runtime.accuracy(logits, held_out["labels"]), delta=1 / SAMPLES)
        self.assertAlmostEqual(export.quantized["accuracy"],
                               runtime.accuracy(quantized, held_out["labels"]), delta=1 / SAMPLES)

    def check_optimized(self, network, precisions):
        export, assignment = self.exported(network, precisions)
        samples = arrays("eval", SAMPLES)["input"]
        quantized = runtime.run(export.path, samples, optimized=True, exact_products=True)
        if not is_narrow(assignment):
            self.check_outputs(export, float_logits(network), quantized, INTEGER_TOLERANCE)
            return
        single = runtime.run(export.path, samples)  # check() holds it to Halftone's
        differences = np.abs(quantized - single).max(axis=1) / np.abs(single).max()
        self.assertGreaterEqual(np.mean(differences < SAME), SAME_SAMPLES)

    def test_uniform(self):
        for network, precision in itertools.product(NETWORKS, UNIFORM):
            with self.subTest(network=network, precision=precision):
                self.check(network, (precision,))

    def test_mixed(self):
        for network in NETWORKS:
            with self.subTest(network=network):
                self.check(network, MIXED)

    def test_optimized(self):
        for network, precisions in itertools.product(NETWORKS,
                                                     (*((one,) for one in UNIFORM), MIXED)):
            with self.subTest(network=network, precisions=precisions):
                self.check_optimized(network, precisions)


if __name__ == "__main__":
    unittest.main()
