"""Networks of operators that are rewritten, exported in float and quantized, in ONNX Runtime."""

import functools
import random
import unittest

import random_networks
import rewritten_networks
import runtime
from exports_case import ExportsCase

SAMPLES = 64
BORDERS_TOLERANCE = 0.1  # as random_networks_test.py says
ANY = ("w8a8", "w4a4", "w3a3", "w4a8", "w8a4", "w12a12", "f32")


class RewrittenNetworksTest(ExportsCase):
    @classmethod
    @functools.cache
    def network(cls, name):
        model = rewritten_networks.NETWORKS[name]()
        path = cls.save(model, name)
        calibration = random_networks.samples(model, SAMPLES, seed=1)
        held_out = random_networks.samples(model, SAMPLES, seed=2)
        return path, calibration, held_out, runtime.run(path, held_out)

    def export(self, name, draw):
        path, calibration, held_out, logits = self.network(name)
        assignment = {layer: draw() for layer in self.halftone.layers(path)}
        export = self.halftone.export(path, {"x": calibration}, {"x": held_out}, assignment)
        runtime.check(export.model)
        self.assertEqual({domain.domain for domain in export.model.opset_import}, {""})
        self.assertEqual(len(export.model.functions), 0)
        return export, held_out, logits

    def test_float(self):
        for name in rewritten_networks.NETWORKS:
            with self.subTest(network=name):
                export, held_out, logits = self.export(name, lambda: "f32")
                for optimized in (False, True):
                    self.check_float(logits, runtime.run(export.path, held_out, optimized))

    def test_mixed(self):
        for name in rewritten_networks.NETWORKS:
            with self.subTest(network=name):
                draw = random.Random(name)
                export, held_out, logits = self.export(name, lambda: draw.choice(ANY))
                self.check_outputs(export, logits, runtime.run(export.path, held_out),
                                   BORDERS_TOLERANCE)


if __name__ == "__main__":
    unittest.main()
