#!/usr/bin/python3
"""Losses of every (layer, precision) from Hessian-vector products in torch, 1/2 d' H d: one product per choice, each a
forward pass, a backward pass that keeps its graph, and a backward pass through that. --way says in what:

  weights       as PyHessian (Yao et al. 2019) takes products: d is the error of one layer's quantized weights, zero for
                all others, and derivatives are taken in all weights. Errors of quantized sources cannot be had.
  layer         d is the error that quantizing the weights and the source of one layer makes in its output, and
                derivatives are taken in that output only. This is what Halftone measures.
  shared-graph  the same; forward and first backward pass are done once per batch for all choices, and the graph of the
                whole backward pass stays in memory. No library that we know does this.

Prints JSON: seconds, image products per second, and mean and standard error over the samples (over the batches for
weights) per choice. The errors d are made off the clock. Quantizers span the extremes: per output channel for weights,
per batch for sources. --choices K measures only every K-th choice; `seconds_all_choices` is then scaled up.
"""

import re

import numpy as np
import torch

import peer


def quantized(tensor, bits, axis=None):
    """Rounded to 2^bits levels over its extremes, zero among them; symmetric and per index of `axis` if that is given."""
    if axis is not None:
        other = [i for i in range(tensor.dim()) if i != axis]
        scale = tensor.abs().amax(other, keepdim=True).clamp_min(1e-12) / (2 ** (bits - 1) - 1)
        return (tensor / scale).round() * scale
    low, high = min(float(tensor.min()), 0.0), max(float(tensor.max()), 0.0)
    scale = max(high - low, 1e-12) / (2 ** bits - 1)
    zero = round(-low / scale)
    return ((tensor / scale).round() + zero).clamp(0, 2 ** bits - 1).sub(zero) * scale


def parse(text):
    return [(name, *map(int, re.fullmatch(r"w(\d+)a(\d+)", name).groups())) for name in text.split(",")]


class Batch:
    """One batch of the network with a zero added to the output of each layer: what is differentiated by."""

    def __init__(self, network, src, labels):
        self.zeros = {}
        self.loss = peer.summed_loss(network(src, self.add_zero), labels)

    def add_zero(self, node, apply, sources, dst):
        self.zeros[node.name] = torch.zeros_like(dst, requires_grad=True)
        return dst + self.zeros[node.name]

    def gradients(self, nodes):
        zeros = [self.zeros[node] for node in nodes]
        return dict(zip(nodes, torch.autograd.grad(self.loss, zeros, create_graph=True)))

    def losses(self, node, gradient, error):
        """1/2 d' H d of each sample, d the error in the output of that layer."""
        product, = torch.autograd.grad(gradient, self.zeros[node], error, retain_graph=True)
        return (error * product).flatten(1).sum(1).numpy() / 2


def layer_errors(network, src, precisions):
    """What quantizing changes in the output of every layer: (node, precision) -> tensor."""
    errors = {}

    def compare(node, apply, sources, dst):
        axis = 1 if node.op_type == "MatMul" else 0
        for name, weight_bits, src_bits in precisions:
            changed = [quantized(sources[0], src_bits), quantized(sources[1], weight_bits, axis), *sources[2:]]
            errors[node.name, name] = apply(changed) - dst
        return dst

    with torch.no_grad():
        network(src, compare)
    return errors


def measure_weights(network, src, labels, choices, precisions):
    """Seconds, and per choice the mean loss of the batch; in all weights."""
    tensors = {node: name for name, node in network.layer_weights().items()}
    parameters = {node: network.tensors[name].requires_grad_() for node, name in tensors.items()}
    bits = {name: weight_bits for name, weight_bits, _ in precisions}
    losses, seconds = {}, 0
    for node, name in choices:
        with torch.no_grad():
            axis = 1 if network.reader(node).op_type == "MatMul" else 0
            error = quantized(parameters[node], bits[name], axis) - parameters[node]
        clock = peer.Clock()
        vectors = [error if other == node else torch.zeros_like(p) for other, p in parameters.items()]
        loss = peer.summed_loss(network(src), labels)
        gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
        products = torch.autograd.grad(gradients, list(parameters.values()), vectors)
        form = sum(float((v * h).sum()) for v, h in zip(vectors, products))
        seconds += clock.seconds()
        losses[node, name] = np.array([form / 2 / len(src)])
    return seconds, losses


def measure_outputs(network, src, labels, choices, errors, share_graph):
    """Seconds, and per choice the losses of the samples; in the outputs of the layers."""
    losses = {}
    clock = peer.Clock()
    if share_graph:
        batch = Batch(network, src, labels)
        gradients = batch.gradients(list(dict.fromkeys(node for node, _ in choices)))
    for node, name in choices:
        if not share_graph:
            batch = Batch(network, src, labels)
            gradients = batch.gradients([node])
        losses[node, name] = batch.losses(node, gradients[node], errors[node, name])
    return clock.seconds(), losses


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--precisions", default="w2a2,w3a3,w4a4,w6a6,w8a8")
    parser.add_argument("--way", choices=("weights", "layer", "shared-graph"), default="weights")
    parser.add_argument("--choices", type=int, default=1)
    options = parser.parse_args()
    network, batches = peer.load(options)
    precisions = parse(options.precisions)
    everything = [(node, name) for node in network.layer_weights().values() for name, _, _ in precisions]
    choices = everything[::options.choices]
    seconds, parts = 0, []
    for src, labels in batches:
        if options.way == "weights":
            batch_seconds, losses = measure_weights(network, src, labels, choices, precisions)
        else:
            errors = layer_errors(network, src, precisions)
            batch_seconds, losses = measure_outputs(network, src, labels, choices, errors,
                                                    options.way == "shared-graph")
        seconds += batch_seconds
        parts.append(losses)
    images = sum(len(src) for src, _ in batches)
    result = {}
    for node, name in choices:
        values = np.concatenate([part[node, name] for part in parts])
        result.setdefault(node, {})[name] = {"loss": float(values.mean()),
                                             "stderr": float(values.std(ddof=1) / np.sqrt(len(values)))}
    peer.report({"method": "fisher", "way": options.way, "torch": torch.__version__,
                 "threads": options.threads, "seconds": seconds, "samples": images, "products": len(choices),
                 "image_products_per_second": images * len(choices) / seconds,
                 "seconds_all_choices": seconds * len(everything) / len(choices), "layers": result})


if __name__ == "__main__":
    main()
