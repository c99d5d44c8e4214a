"""Small random networks, exported in float and quantized, in ONNX Runtime."""

import functools
import random
import unittest

import odd_networks
import random_networks
import runtime
from exports_case import ExportsCase, is_narrow

NETWORKS = {
    **{f"convolutional{seed}": functools.partial(random_networks.convolutional, seed)
       for seed in range(6)},
    **{f"attention{seed}": functools.partial(random_networks.attention, seed) for seed in range(4)},
    **odd_networks.NETWORKS,
}
SAMPLES = 64
# Of one quantized layer: 5e-5 seen; one activation that is not quantized changes 0.3 % and more.
TOLERANCE = 0.002
# Of all layers: float32 added up in another order takes a value across a border here and there, and
# all that comes after it in that sample rounds otherwise. 3 % seen, of 64 samples.
BORDERS_TOLERANCE = 0.1
LAYERS_ALONE = 4  # of each network
INTEGER_TOLERANCE = 0.1  # where kernels on integers round biases; 1 % seen
ANY = ("w8a8", "w4a4", "w3a3", "w2a2", "w4a8", "w8a4", "w2a8", "w1a4", "w12a12", "a8", "a4", "w4",
       "f32")
# Those whose kernels on integers overflow nowhere (runtime.run). Of weights alone there is none:
# ONNX Runtime takes those as leave to round activations to 8 bits.
SAFE = ("w7a8", "w4a4", "w3a3", "w2a2", "w4a8", "w7a4", "w2a8", "w12a8", "a8", "a4", "f32")


class Network:
    """A network as `save` wrote it, its samples, and its output in ONNX Runtime."""

    def __init__(self, save, name, make):
        self.name = name
        self.model = make()
        self.path = save(self.model, name)
        self.calibration = random_networks.samples(self.model, SAMPLES, seed=1)
        self.held_out = random_networks.samples(self.model, SAMPLES, seed=2)
        self.logits = runtime.run(self.path, self.held_out)


class RandomNetworksTest(ExportsCase):
    NETWORKS = NETWORKS  # by name, what makes each

    @classmethod
    @functools.cache
    def network(cls, name):
        return Network(cls.save, name, cls.NETWORKS[name])

    def export(self, network, draw):
        """With a precision for each layer that `draw` gives."""
        assignment = {layer: draw() for layer in self.halftone.layers(network.path)}
        export = self.halftone.export(network.path, {"x": network.calibration},
                                      {"x": network.held_out}, assignment)
        self.check_model(export, network.model, assignment)
        return export, assignment

    def test_float(self):
        for name in self.NETWORKS:
            with self.subTest(network=name):
                network = self.network(name)
                export, _ = self.export(network, lambda: "f32")
                for optimized in (False, True):
                    self.check_float(network.logits,
                                     runtime.run(export.path, network.held_out, optimized))

    def test_layers_alone(self):
        for name in self.NETWORKS:
            draw = random.Random(name)
            layers = self.halftone.layers(self.network(name).path)
            for layer in draw.sample(layers, min(LAYERS_ALONE, len(layers))):
                precision = draw.choice([precision for precision in ANY if precision != "f32"])
                with self.subTest(network=name, layer=layer, precision=precision):
                    network = self.network(name)
                    names = iter(layers)
                    export, _ = self.export(network,
                                            lambda: precision if next(names) == layer else "f32")
                    self.check_outputs(export, network.logits,
                                       runtime.run(export.path, network.held_out), TOLERANCE)

    def test_uniform(self):
        for name in self.NETWORKS:
            with self.subTest(network=name):
                network = self.network(name)
                export, _ = self.export(network, lambda: "w8a8")
                self.check_outputs(export, network.logits,
                                   runtime.run(export.path, network.held_out), BORDERS_TOLERANCE)

    def test_mixed(self):
        for name in self.NETWORKS:
            with self.subTest(network=name):
                network = self.network(name)
                draw = random.Random(name)
                export, _ = self.export(network, lambda: draw.choice(ANY))
                self.check_outputs(export, network.logits,
                                   runtime.run(export.path, network.held_out), BORDERS_TOLERANCE)

    def test_optimized(self):
        for name in self.NETWORKS:
            with self.subTest(network=name):
                network = self.network(name)
                draw = random.Random(name)
                export, assignment = self.export(network, lambda: draw.choice(SAFE))
                quantized = runtime.run(export.path, network.held_out, optimized=True)
                self.check_outputs(export, network.logits, quantized,
                                   BORDERS_TOLERANCE if is_narrow(assignment) else INTEGER_TOLERANCE)


if __name__ == "__main__":
    unittest.main()
