"""The shipped networks as peers take them: ONNX files, torch modules with batch normalization folded, and samples."""

import functools
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "networks"
FILES = {"resnet14": "resnet14_folded.onnx", "mobilenetv2": "mobilenetv2_folded.onnx", "vit": "vit.onnx"}
CALIBRATION_SAMPLES = 256
BATCH = 64


def batches(samples):
    return [samples[i:i + BATCH] for i in range(0, len(samples), BATCH)]


def run_onnx(path, samples, optimized=True):
    """Logits of an ONNX file. Not `optimized`: each node by itself, as the file says."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"input": part})[0] for part in batches(samples)])


def run_torch(module, samples):
    import torch
    with torch.no_grad():
        return np.concatenate([module(torch.from_numpy(part)).numpy() for part in batches(samples)])


class Network:
    """One network with its samples: the first 256 calibration samples, and others that are held out."""

    def __init__(self, name, held_out=DATA / "eval.npz"):
        self.name = name
        self.path = DATA / FILES[name]
        self.calibration = self._load(DATA / "calib.npz", CALIBRATION_SAMPLES)
        self.held_out = self._load(held_out, None)
        graph = onnx.load(self.path).graph
        self._tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        readers = [node for node in graph.node
                   if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in self._tensors]
        self._multiplied = {node.input[1] for node in readers if node.op_type == "MatMul"}
        self.initializers = {node.name: node.input[1] for node in readers}  # the weights
        self.sizes = {node: self._tensors[tensor].size for node, tensor in self.initializers.items()}

    @functools.cached_property
    def logits(self):
        """Of the network in float32 on the held-out samples."""
        return run_onnx(self.path, self.held_out["input"])

    def mean_bits(self, bits):
        """`bits`: {node: bits of its weights}."""
        return sum(bits[node] * size for node, size in self.sizes.items()) / sum(self.sizes.values())

    def module_of(self, node):
        """Name of the torch module of a node with weights."""
        return self.initializers[node].removesuffix(".weight")

    def module(self):
        """The network in torch, with the parameters of the ONNX file and Identity in place of batch normalization."""
        import torch
        sys.path.insert(0, str(ROOT / "tests" / "networks"))
        import models  # of the test networks
        torch.set_num_threads(1)
        torch.manual_seed(0)
        module = _standard_modules(models.make(self.name))
        linear = {name + ".weight" for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)}
        module.load_state_dict({name: self._parameter(name, name in linear) for name in module.state_dict()})
        return module.eval()

    def _parameter(self, name, is_linear):
        """MatMul has the weights of a linear layer the other way round than torch and Gemm."""
        import torch
        tensor = self._tensors[name]
        return torch.from_numpy(np.array(tensor.T if is_linear and name in self._multiplied else tensor))

    def _load(self, path, count):
        data = np.load(path)
        return {"input": data["input"][:count], "labels": data["labels"][:count]}


def _standard_modules(module):
    """Convolutions with a bias in place of those before a batch normalization, and torch's own ReLU6."""
    from torch import nn
    for name, part in list(module.named_children()):
        if isinstance(part, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        elif isinstance(part, nn.Conv2d) and part.bias is None:
            setattr(module, name, nn.Conv2d(part.in_channels, part.out_channels, part.kernel_size, part.stride,
                                            part.padding, groups=part.groups))
        elif type(part).__name__ == "ReLU6":
            setattr(module, name, nn.ReLU6())
        else:
            _standard_modules(part)
    return module
