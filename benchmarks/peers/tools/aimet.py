"""Qualcomm's AIMET on ONNX models (aimet-onnx)."""

import functools
import importlib.metadata
import os
import pickle
import tempfile

import aimet_onnx
import numpy as np
import onnx
from aimet_onnx.amp.mixed_precision_algo import EvalCallbackFactory
from aimet_onnx.common.amp.utils import AMPSearchAlgo
from aimet_onnx.common.defs import CallbackFunc, QuantizationDataType
from aimet_onnx.mixed_precision import choose_mixed_precision
from aimet_onnx.quantsim import QuantizationSimModel

import shipped

NAME = "AIMET"
QUANTIZERS = {"min_max": "ranges", "tf_enhanced": "ranges", "seq_mse": "ranges", "adaround": "rounding"}
SEARCHES = {"sqnr": "min_max", "sqnr-tf_enhanced": "tf_enhanced", "sqnr-seq_mse": "seq_mse"}  # carried out with
ADAROUND_STEPS = 2000


def version():
    return importlib.metadata.version("aimet-onnx")


def uniform(network, bits, quantizer):
    return _run(network, _quantized(network, {node: bits for node in network.sizes}, quantizer))


def search(network, budgets, way):
    """Its list is made for a drop of a score, not for a size: the first entry with which the weights fit is taken."""
    for budget in budgets:
        bits = next(point for point in _greedy_list(network) if network.mean_bits(point) <= budget + 1e-9)
        yield budget, bits, _run(network, _quantized(network, bits, SEARCHES[way]))


def _calibration(network):
    return [{"input": part} for part in shipped.batches(network.calibration["input"])]


def _simulation(network, quantizer):
    scheme = "tf_enhanced" if quantizer == "tf_enhanced" else "min_max"
    simulation = QuantizationSimModel(onnx.load(network.path), param_type="int8", activation_type="int8",
                                      quant_scheme=scheme, config_file="default", providers=["CPUExecutionProvider"],
                                      session_options_kwargs={"intra_op_num_threads": 1})
    kept = _sources(network, simulation)
    for name in simulation.activation_names:
        if name not in kept:
            simulation.qc_quantize_op_dict[name].enabled = False
    return simulation


def _sources(network, simulation):
    """Tensors that layers read, behind reshaping: with all others in 8 bits, the parts of a layer normalization among
    them, a transformer is lost (KL 0.97 in w3a8)."""
    graph = onnx.load(network.path).graph
    makers = {output: node for node in graph.node for output in node.output}
    quantized = {name for name in simulation.activation_names if simulation.qc_quantize_op_dict[name].enabled}
    found = set()
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            for tensor in node.input[:2]:
                while tensor not in quantized and tensor in makers:
                    tensor = makers[tensor].input[0]
                found.add(tensor)
    return found & quantized


def _quantized(network, bits, quantizer):
    simulation = _simulation(network, quantizer)
    for node, width in bits.items():
        simulation.qc_quantize_op_dict[network.initializers[node]].set_bitwidth(width)
    samples = _calibration(network)
    if quantizer == "seq_mse":
        aimet_onnx.apply_seq_mse(simulation, samples)
    elif quantizer == "adaround":
        aimet_onnx.apply_adaround(simulation, samples, num_iterations=ADAROUND_STEPS)
    simulation.compute_encodings(samples)
    return simulation


def _run(network, simulation):
    return np.concatenate([simulation.session.run(None, {"input": part})[0]
                           for part in shipped.batches(network.held_out["input"])])


class _Samples:
    """The calibration samples as its scores take them."""

    batch_size = shipped.BATCH

    def __init__(self, samples):
        self.parts = shipped.batches(samples)

    def __iter__(self):
        return iter(self.parts)

    def __len__(self):
        return len(self.parts)


@functools.cache
def _greedy_list(network):
    """Bits of each node's weights after each entry of the list that it makes by the signal to noise of the logits."""
    samples = network.calibration["input"]
    simulation = _simulation(network, "min_max")
    integer = QuantizationDataType.int
    candidates = [((8, integer), (bits, integer)) for bits in range(8, 1, -1)]
    forward = CallbackFunc(lambda session, _: [session.run(None, part) for part in _calibration(network)])
    score = EvalCallbackFactory(_Samples(samples)).sqnr(simulation, num_samples=len(samples))
    with tempfile.TemporaryDirectory() as folder:
        choose_mixed_precision(simulation, candidates, score, score, None, folder, True, forward,
                               use_all_amp_candidates=True, amp_search_algo=AMPSearchAlgo.Binary)
        with open(os.path.join(folder, ".cache", "accuracy_list.pkl"), "rb") as file:
            entries = pickle.load(file)
    nodes = {tensor: node for node, tensor in network.initializers.items()}
    bits = {node: 8 for node in network.sizes}
    points = []
    for group, candidate, *_ in entries:
        bits = bits | {nodes[tensor]: candidate[1][0] for tensor in group.parameter_quantizers if tensor in nodes}
        points.append(bits)
    return points
