"""The shipped networks as ONNX Runtime quantizes them, read as the float networks that they approximate."""

import functools
import unittest

import numpy as np
from onnxruntime import quantization

import runtime
from exports_case import ExportsCase, source_path

NETWORKS = ("resnet14", "mobilenetv2", "vit")
FORMS = ("qdq", "qdq_signed", "operators", "dynamic")
CALIBRATION_SAMPLES, SAMPLES = 32, 64
# Without the rounding of activations, what is left is that of the weights: less than all of it.
WITHOUT_ACTIVATIONS = 1.0
# Of the float network, and of the quantized one that ranges of few samples cut at their ends.
SAME_CLASSES = 0.95


@functools.cache
def arrays(name, count):
    with np.load(source_path("tests/data/networks", f"{name}.npz")) as archive:
        return {key: archive[key][:count] for key in archive}


class Samples(quantization.CalibrationDataReader):
    def __init__(self):
        samples = arrays("calib", CALIBRATION_SAMPLES)["input"]
        self.batches = iter([{"input": samples[i:i + 8]} for i in range(0, len(samples), 8)])

    def get_next(self):
        return next(self.batches, None)


class QuantizedNetworksTest(ExportsCase):
    @classmethod
    @functools.cache
    def quantized(cls, network, form):
        """The path of the network's file as ONNX Runtime's tools quantize it."""
        path = source_path("tests/data/networks", f"{network}.onnx")
        prepared, quantized = cls.halftone.path(network), cls.halftone.path(f"{network}_{form}.onnx")
        quantization.quant_pre_process(path, prepared, skip_symbolic_shape=True)
        types = quantization.QuantType
        if form == "dynamic":
            quantization.quantize_dynamic(prepared, quantized, per_channel=True,
                                          weight_type=types.QInt8)
            return quantized
        formats = quantization.QuantFormat
        quantization.quantize_static(
            prepared, quantized, Samples(), per_channel=True, weight_type=types.QInt8,
            quant_format=formats.QOperator if form == "operators" else formats.QDQ,
            activation_type=types.QInt8 if form == "qdq_signed" else types.QUInt8)
        return quantized

    def read(self, network, form):
        """What ONNX Runtime makes of the float network that Halftone reads, and writes again."""
        path = self.quantized(network, form)
        assignment = {layer: "f32" for layer in self.halftone.layers(path)}
        export = self.halftone.export(path, arrays("calib", CALIBRATION_SAMPLES),
                                      arrays("eval", SAMPLES), assignment)
        operators = {node.op_type for node in export.model.graph.node}
        self.assertFalse([op for op in operators if "Quantize" in op or "Integer" in op
                          or op.startswith("Q")], operators)
        return runtime.run(export.path, arrays("eval", SAMPLES)["input"])

    def check(self, network, form):
        samples = arrays("eval", SAMPLES)["input"]
        logits = runtime.run(source_path("tests/data/networks", f"{network}.onnx"), samples)
        rounded = runtime.run(self.quantized(network, form), samples)
        read = self.read(network, form)

        def distance(outputs):
            return np.sqrt(((outputs - logits) ** 2).mean() / (logits ** 2).mean())

        self.assertLess(distance(read), WITHOUT_ACTIVATIONS * distance(rounded))
        self.assertGreaterEqual((read.argmax(1) == logits.argmax(1)).mean(), SAME_CLASSES)
        self.assertGreater(distance(read), 0, "the weights are those of the file")

    def test_are_closer_to_the_float_networks_than_they_are(self):
        for network in NETWORKS:
            for form in FORMS:
                with self.subTest(network=network, form=form):
                    self.check(network, form)

    def test_layers_have_the_quantizers_of_the_file(self):
        for form in FORMS:
            with self.subTest(form=form):
                document = self.halftone.inspect(self.quantized("resnet14", form))
                self.assertIn("quantized already", document["quantized_file"])
                self.assertEqual(len(document["layers"]), 16)
                for layer in document["layers"]:
                    quantizer = layer["file_quantizer"]
                    self.assertEqual(quantizer["weights"]["type"], "int8")
                    self.assertEqual(quantizer["src"]["dynamic"], form == "dynamic")


if __name__ == "__main__":
    unittest.main()
