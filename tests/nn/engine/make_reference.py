#!/usr/bin/python3
"""Computes with torch what the engine's tests compare with: logits, gradients, Hessian products.

  make_reference.py MODEL.onnx DATA.npz OUT.npz [--samples N] [--layer WEIGHTS ...] [--blocks]
  make_reference.py --check     computes tests/data/tiny-digits/reference_*.npz again and compares

The loss is the cross entropy averaged over the first N samples, batch norm in inference mode. For each
layer (an initializer's name): the gradient, a seeded v, its product with the layer's own Hessian
block, and with --blocks the block itself. Computed in float64, stored in float32. Needs python3-torch
and python3-onnx; the tests do not.
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F

SEED = 20240607


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


def clip(node, x, lower=None, upper=None):
    # The derivative at a bound is that of the outer side, as relu6 has it.
    return F.hardtanh(x, float(lower), float(upper))


OPERATORS = {
    "Conv": conv,
    "BatchNormalization": batch_norm,
    "Gemm": gemm,
    "Clip": clip,
    "Relu": lambda node, x: F.relu(x),
    "Add": lambda node, a, b: a + b,
    "GlobalAveragePool": lambda node, x: x.mean((2, 3), keepdim=True),
    "ReduceMean": lambda node, x: x.mean(tuple(attributes(node)["axes"]), keepdim=bool(attributes(node).get("keepdims", 1))),
    "Flatten": lambda node, x: x.flatten(attributes(node).get("axis", 1)),
    "Identity": lambda node, x: x,
    "Constant": lambda node: torch.from_numpy(onnx.numpy_helper.to_array(attributes(node)["value"]).copy()),
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


def reference(network, images, labels, layers, blocks, vectors):
    images, labels = torch.from_numpy(images.astype(np.float64)), torch.from_numpy(labels)
    result = {"logits": network.logits(images, {}).numpy()}
    generator = np.random.default_rng(SEED)
    for layer in layers:
        key = layer.replace(".", "_")
        weights = network.constants[layer]
        loss = lambda w: F.cross_entropy(network.logits(images, {layer: w}), labels)
        v = vectors.get(f"v_{key}", generator.standard_normal(weights.shape).astype(np.float32))
        result[f"v_{key}"] = v
        variable = weights.clone().requires_grad_()
        gradient = torch.autograd.grad(loss(variable), variable, create_graph=True)[0]
        result[f"grad_{key}"] = gradient.detach().numpy()
        product = lambda u: torch.autograd.grad(gradient, variable, u, retain_graph=True)[0]
        result[f"Hv_{key}"] = product(torch.from_numpy(v.astype(np.float64))).numpy()
        if blocks:
            units = torch.eye(weights.numel(), dtype=torch.float64).reshape(-1, *weights.shape)
            result[f"H_{key}"] = np.stack([product(u).numpy().ravel() for u in units])
    return {name: array.astype(np.float32) for name, array in result.items()}


def relative_error(a, b):
    return float(np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel()))


def check():
    folder = pathlib.Path(__file__).resolve().parents[2] / "data" / "tiny-digits"
    data = np.load(folder / "calib.npz")
    images, labels = data["input"][:256], data["labels"][:256]
    for tag, model in (("bn", "model.onnx"), ("folded", "model_folded.onnx")):
        stored = np.load(folder / f"reference_{tag}.npz")
        layers = ["conv1.weight", "fc.weight"]
        computed = reference(Network(folder / model), images, labels, layers, True, stored)
        for name, array in computed.items():
            print(f"{tag:8}{name:20}{relative_error(stored[name], array):.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--blocks", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        check()
        return
    model, data_path, out = arguments.files
    data = np.load(data_path)
    network = Network(model)
    images, labels = data[network.input][: arguments.samples], data["labels"][: arguments.samples]
    result = reference(network, images, labels, arguments.layer, arguments.blocks, {})
    np.savez_compressed(out, **result)


if __name__ == "__main__":
    main()
