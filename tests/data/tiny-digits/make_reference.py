#!/usr/bin/python3
"""Computes reference_bn.npz and reference_folded.npz again with torch, and prints how far the stored ones are off.

The loss is the cross entropy averaged over the first 256 calibration samples, batch norm in inference
mode. For conv1 and fc: the gradient, the product of a vector with the layer's own Hessian block, and that
block. Computed in float64 from the ONNX files. With --write the results replace the stored ones (the
vectors stay, and so do the Hutchinson samples). Needs python3-torch and python3-onnx; the tests do not.
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F

SAMPLES = 256
LAYERS = ["conv1.weight", "fc.weight"]


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def conv(node, x, w, b=None):
    a = attributes(node)
    pads = a.get("pads", [0, 0, 0, 0])
    x = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
    return F.conv2d(x, w, b, a.get("strides", [1, 1]), 0, a.get("dilations", [1, 1]), a.get("group", 1))


def batch_norm(node, x, scale, bias, mean, variance):
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, attributes(node).get("epsilon", 1e-5))


def gemm(node, a, b, c=None):
    attrs = attributes(node)
    a = a.T if attrs.get("transA", 0) else a
    b = b.T if attrs.get("transB", 0) else b
    y = attrs.get("alpha", 1.0) * (a @ b)
    return y if c is None else y + attrs.get("beta", 1.0) * c


OPERATORS = {
    "Conv": conv,
    "BatchNormalization": batch_norm,
    "Gemm": gemm,
    "Relu": lambda node, x: F.relu(x),
    "Add": lambda node, a, b: a + b,
    "GlobalAveragePool": lambda node, x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda node, x: x.flatten(attributes(node).get("axis", 1)),
}


class Network:
    """An ONNX graph run by torch, so that the numbers do not come from Halftone's own importer."""

    def __init__(self, path):
        self.graph = onnx.load(str(path)).graph
        self.constants = {
            i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).astype(np.float64))
            for i in self.graph.initializer
        }
        self.input = next(i.name for i in self.graph.input if i.name not in self.constants)

    def logits(self, images, replaced):
        values = {**self.constants, self.input: images, **replaced}
        for node in self.graph.node:
            inputs = [values[name] if name else None for name in node.input]
            values[node.output[0]] = OPERATORS[node.op_type](node, *inputs)
        return values[self.graph.output[0].name]


def reference(network, images, labels, stored):
    result = {"logits": network.logits(images, {}).numpy()}
    for layer in LAYERS:
        key = layer.replace(".", "_")
        weights = network.constants[layer].clone().requires_grad_()
        loss = F.cross_entropy(network.logits(images, {layer: weights}), labels)
        (gradient,) = torch.autograd.grad(loss, weights, create_graph=True)

        def product(vector):
            return torch.autograd.grad(gradient, weights, vector, retain_graph=True)[0]

        units = torch.eye(weights.numel(), dtype=torch.float64).reshape(-1, *weights.shape)
        result[f"grad_{key}"] = gradient.detach().numpy()
        result[f"Hv_{key}"] = product(torch.from_numpy(stored[f"v_{key}"].astype(np.float64))).numpy()
        result[f"H_{key}"] = np.stack([product(unit).numpy().ravel() for unit in units])
    return {name: array.astype(np.float32) for name, array in result.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    folder = pathlib.Path(__file__).resolve().parent
    data = np.load(folder / "calib.npz")
    images = torch.from_numpy(data["input"][:SAMPLES].astype(np.float64))
    labels = torch.from_numpy(data["labels"][:SAMPLES])
    for tag, model in (("bn", "model.onnx"), ("folded", "model_folded.onnx")):
        path = folder / f"reference_{tag}.npz"
        stored = dict(np.load(path))
        computed = reference(Network(folder / model), images, labels, stored)
        for name, array in computed.items():
            error = np.linalg.norm(stored[name] - array) / np.linalg.norm(array)
            print(f"{tag:8}{name:20}{error:.2e}")
        if write:
            np.savez_compressed(path, **{**stored, **computed})


if __name__ == "__main__":
    main()
