#!/usr/bin/python3
"""Hessian traces of every layer's weights as PyHessian (Yao et al. 2019) computes them in torch.

A probe is a vector of signs for the weights of all layers. Its product with the Hessian is summed over the batches:
forward pass, backward pass that keeps its graph, and a backward pass through that. v_l' (H v)_l is an unbiased estimate
of the trace of layer l. Prints JSON: seconds, image products per second, and mean and standard error per layer.
"""

import numpy as np
import torch

import peer


def product(network, parameters, vectors, batches):
    """The Hessian of the mean loss times `vectors`."""
    totals = [torch.zeros_like(p) for p in parameters]
    images = 0
    for src, labels in batches:
        loss = peer.summed_loss(network(src), labels)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        for total, part in zip(totals, torch.autograd.grad(gradients, parameters, vectors)):
            total += part
        images += len(src)
    return [total / images for total in totals]


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--probes", type=int, default=16)
    options = parser.parse_args()
    network, batches = peer.load(options)
    layers = network.layer_weights()
    parameters = [network.tensors[name].requires_grad_() for name in layers]
    forms = np.zeros((options.probes, len(layers)))
    clock = peer.Clock()
    for probe in range(options.probes):
        vectors = [torch.randint(0, 2, p.shape).float() * 2 - 1 for p in parameters]
        products = product(network, parameters, vectors, batches)
        forms[probe] = [float((v * h).sum()) for v, h in zip(vectors, products)]
    seconds = clock.seconds()
    images = sum(len(src) for src, _ in batches)
    errors = forms.std(0, ddof=1) / np.sqrt(options.probes)
    peer.report({"method": "hutchinson", "torch": torch.__version__, "threads": options.threads, "seconds": seconds,
                 "samples": images, "probes": options.probes,
                 "image_products_per_second": images * options.probes / seconds,
                 "layers": {node: {"trace": forms[:, i].mean(), "stderr": errors[i]}
                            for i, node in enumerate(layers.values())}})


if __name__ == "__main__":
    main()
