"""ONNX Runtime's static quantization; it has weights of 8 and of 4 bits, and no search."""

import os
import tempfile

import onnxruntime
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationMethod, QuantType

import shipped

NAME = "ONNX Runtime"
QUANTIZERS = {"minmax": "ranges", "entropy": "ranges", "percentile": "ranges"}
SEARCHES = {}
METHODS = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
           "percentile": CalibrationMethod.Percentile}
WEIGHTS = {4: QuantType.QInt4, 8: QuantType.QInt8}


def version():
    return onnxruntime.__version__


def uniform(network, bits, quantizer):
    if bits not in WEIGHTS:
        return None
    with tempfile.TemporaryDirectory() as folder:
        prepared, path = os.path.join(folder, "prepared.onnx"), os.path.join(folder, "quantized.onnx")
        quantization.quant_pre_process(str(network.path), prepared)
        quantization.quantize_static(prepared, path, _Samples(network), quant_format=quantization.QuantFormat.QDQ,
                                     per_channel=True, activation_type=QuantType.QUInt8, weight_type=WEIGHTS[bits],
                                     calibrate_method=METHODS[quantizer])
        return shipped.run_onnx(path, network.held_out["input"], optimized=False)


class _Samples(quantization.CalibrationDataReader):
    def __init__(self, network):
        self.parts = iter({"input": part} for part in shipped.batches(network.calibration["input"]))

    def get_next(self):
        return next(self.parts, None)
