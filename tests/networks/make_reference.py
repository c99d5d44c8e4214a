#!/usr/bin/python3
"""Writes what torch computes on the shipped networks: logits, gradients and Hessian-vector products.

For each network reference_<name>.npz holds, in float32:
  logits          of the first 32 evaluation samples, from the network with batch normalization folded
  logits_kept     the same from the network that keeps its batch normalizations
  loss            mean cross-entropy of the first 64 calibration samples with their labels (folded network, as below)
  gradient/<w>    its gradient by the weights <w>
  vector/<w>      a vector of signs, and
  product/<w>     the product of that block of its Hessian with the vector (double backward in float64)
reference.json names the weights, the nodes that read them, and the samples.
The networks are read from the ONNX files, so that what is checked is what is shipped.
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from export import write_npz

LOGITS_SAMPLES = 32
GRADIENT_SAMPLES = 64
WEIGHTS = {
    "resnet14": ["stem.weight", "blocks.2.project.weight", "fc.weight"],
    "mobilenetv2": ["blocks.0.expand.weight", "blocks.1.depthwise.weight", "fc.weight"],
}


class OnnxNetwork:
    """Runs the operators that the two networks consist of, in torch and in the weights' type."""

    def __init__(self, path, dtype):
        self.graph = onnx.load(path).graph
        self.tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in self.graph.initializer}
        self.tensors = {n: t.to(dtype) if t.is_floating_point() else t for n, t in self.tensors.items()}

    def __call__(self, src):
        values = dict(self.tensors)
        values[self.graph.input[0].name] = src
        for node in self.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            sources = [values[name] if name else None for name in node.input]
            values[node.output[0]] = self.apply(node.op_type, sources, attributes)
        return values[self.graph.output[0].name]

    @staticmethod
    def apply(op, sources, attributes):
        functional = torch.nn.functional
        if op == "Conv":
            pads = attributes["pads"]
            assert pads[:2] == pads[2:]
            return functional.conv2d(*sources, **({} if len(sources) > 2 else {"bias": None}),
                                     stride=attributes["strides"], padding=pads[:2], groups=attributes["group"])
        if op == "BatchNormalization":
            scale, bias, mean, variance = sources[1:]
            return functional.batch_norm(sources[0], mean, variance, scale, bias, eps=attributes["epsilon"])
        if op == "Gemm":
            assert attributes.get("transB") == 1
            return functional.linear(*sources)
        if op == "Relu":
            return torch.relu(sources[0])
        if op == "Clip":
            return torch.clamp(sources[0], float(sources[1]), float(sources[2]))
        if op == "Add":
            return sources[0] + sources[1]
        if op == "GlobalAveragePool":
            return sources[0].mean((2, 3), keepdim=True)
        if op == "Flatten":
            return torch.flatten(sources[0], 1)
        if op == "Cast":  # of the limits of a Clip, to float
            assert attributes["to"] == onnx.TensorProto.FLOAT
            return sources[0].double()
        if op == "Constant":
            return torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
        raise ValueError(f"operator {op}")


def derivatives(network, weights, src, labels, seed):
    """Loss, gradients, vectors and products of one block of the Hessian each."""
    generator = np.random.default_rng(seed)
    parameters = [network.tensors[name].requires_grad_() for name in weights]
    loss = torch.nn.functional.cross_entropy(network(src), labels)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    result = {"loss": loss.detach()}
    for name, parameter, gradient in zip(weights, parameters, gradients):
        vector = torch.from_numpy(generator.integers(0, 2, tuple(parameter.shape)) * 2.0 - 1)
        product, = torch.autograd.grad((gradient * vector).sum(), parameter, retain_graph=True)
        result |= {f"gradient/{name}": gradient.detach(), f"vector/{name}": vector, f"product/{name}": product}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["resnet14", "mobilenetv2"])
    options = parser.parse_args()
    folder = pathlib.Path(__file__).parent.parent / "data" / "networks"
    evaluation, calibration = np.load(folder / "eval.npz"), np.load(folder / "calib.npz")
    src = torch.from_numpy(calibration["input"][:GRADIENT_SAMPLES]).double()
    labels = torch.from_numpy(calibration["labels"][:GRADIENT_SAMPLES])
    path = folder / "reference.json"
    notes = json.loads(path.read_text()) if path.exists() else {}
    for name in options.networks:
        seed = list(WEIGHTS).index(name)
        network = OnnxNetwork(folder / f"{name}_folded.onnx", torch.float64)
        kept = OnnxNetwork(folder / f"{name}.onnx", torch.float64)
        samples = torch.from_numpy(evaluation["input"][:LOGITS_SAMPLES]).double()
        with torch.no_grad():
            arrays = {"logits": network(samples), "logits_kept": kept(samples)}
        arrays |= derivatives(network, WEIGHTS[name], src, labels, seed)
        write_npz(folder / f"reference_{name}.npz", **{k: v.numpy().astype(np.float32) for k, v in arrays.items()})
        readers = {w: next(n.name for n in network.graph.node if w in n.input) for w in WEIGHTS[name]}
        notes[name] = {"logits_samples": LOGITS_SAMPLES, "gradient_samples": GRADIENT_SAMPLES,
                       "torch": torch.__version__, "weights": WEIGHTS[name], "nodes": readers}
    path.write_text(json.dumps(notes, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
