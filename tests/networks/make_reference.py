#!/usr/bin/python3
"""Writes what torch computes on the shipped networks: logits, gradients, Hessian-vector products and traces.

For each network reference_<name>.npz holds, in float32:
  logits          of the first 32 evaluation samples, from the network with batch normalization folded
  logits_kept     the same from the network that keeps its batch normalizations, where it has any
  loss            mean cross-entropy of the first 64 calibration samples with their labels (folded network, as below)
  gradient/<w>    its gradient by the weights <w>
  vector/<w>      a vector of signs, and
  product/<w>     the product of that block of its Hessian with the vector (double backward in float64)
reference.json names the weights, the nodes that read them, and the samples; and holds under "traces", for the mean
cross-entropy of the first calibration samples with their labels and the weights of every layer:
  hutchinson, hutchinson_stderr   trace of that block of the Hessian by random signs for all layers at once (double
                                  backward in float64), mean over the probes and its standard error
  gauss_newton                    exact trace of that block of the Gauss-Newton matrix: the mean over samples of
                                  sum_k p_k ||d(-log p_k)/dW||^2. It is the Hessian's where the network is piecewise
                                  linear in W.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch

from export import write_npz
from onnx_network import OnnxNetwork

LOGITS_SAMPLES = 32
GRADIENT_SAMPLES = 64
TRACE_SAMPLES = 8
TRACE_PROBES = 400
WEIGHTS = {
    "resnet14": ["stem.weight", "blocks.2.project.weight", "fc.weight"],
    "mobilenetv2": ["blocks.0.expand.weight", "blocks.1.depthwise.weight", "fc.weight"],
    "vit": ["patches.weight", "blocks.1.attention.qkv.weight", "blocks.2.project.weight"],
}


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


def hutchinson(network, names, src, labels, probes, seed):
    """Per tensor the mean over probes of v' H v and its standard error."""
    generator = np.random.default_rng(seed)
    parameters = [network.tensors[name].requires_grad_() for name in names]
    loss = torch.nn.functional.cross_entropy(network(src), labels)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    forms = np.zeros((probes, len(names)))
    for probe in range(probes):
        vectors = [torch.from_numpy(generator.integers(0, 2, tuple(p.shape)) * 2.0 - 1) for p in parameters]
        products = torch.autograd.grad(gradients, parameters, vectors, retain_graph=True)
        forms[probe] = [float((v * h).sum()) for v, h in zip(vectors, products)]
    return forms.mean(0), forms.std(0, ddof=1) / np.sqrt(probes)


def gauss_newton_traces(network, names, src):
    """Per tensor the exact trace, one class and one sample at a time."""
    parameters = [network.tensors[name].requires_grad_() for name in names]
    traces = np.zeros(len(names))
    for sample in src.split(1):
        log_p = torch.log_softmax(network(sample)[0], 0)
        for k, p in enumerate(log_p.exp().tolist()):
            gradients = torch.autograd.grad(log_p[k], parameters, retain_graph=True)
            traces += [p * float((g * g).sum()) for g in gradients]
    return traces / len(src)


def trace_notes(path, data):
    """What reference.json says about the traces of one network."""
    network = OnnxNetwork(path, torch.float64)
    src = torch.from_numpy(data["input"][:TRACE_SAMPLES]).double()
    labels = torch.from_numpy(data["labels"][:TRACE_SAMPLES])
    layers = network.layer_weights()
    started = time.time()
    mean, error = hutchinson(network, list(layers), src, labels, TRACE_PROBES, seed=7)
    exact = gauss_newton_traces(network, list(layers), src)
    print(f"{path.name}: traces in {time.time() - started:.0f} s", flush=True)
    rounded = lambda value: float(f"{value:.7g}")  # noqa: E731
    return {"samples": TRACE_SAMPLES, "probes": TRACE_PROBES, "layers": {
        node: {"weights": name, "hutchinson": rounded(mean[i]), "hutchinson_stderr": rounded(error[i]),
               "gauss_newton": rounded(exact[i])} for i, (name, node) in enumerate(layers.items())}}


def round_significand(array):
    """To 16 bits, far finer than what is compared: deflate then stores three bytes of four."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x80)) & np.uint32(0xffffff00)).view(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(WEIGHTS))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "data" / "networks")
    options = parser.parse_args()
    folder = options.out
    evaluation, calibration = np.load(folder / "eval.npz"), np.load(folder / "calib.npz")
    src = torch.from_numpy(calibration["input"][:GRADIENT_SAMPLES]).double()
    labels = torch.from_numpy(calibration["labels"][:GRADIENT_SAMPLES])
    notes_path = folder / "reference.json"
    notes = json.loads(notes_path.read_text()) if notes_path.exists() else {}
    for name in options.networks:
        kept, path = folder / f"{name}.onnx", folder / f"{name}_folded.onnx"
        samples = torch.from_numpy(evaluation["input"][:LOGITS_SAMPLES]).double()
        arrays = {}
        if path.exists():
            with torch.no_grad():
                arrays["logits_kept"] = OnnxNetwork(kept, torch.float64)(samples)
        else:
            path = kept
        network = OnnxNetwork(path, torch.float64)
        with torch.no_grad():
            arrays["logits"] = network(samples)
        arrays |= derivatives(network, WEIGHTS[name], src, labels, seed=list(WEIGHTS).index(name))
        write_npz(folder / f"reference_{name}.npz",
                  **{k: round_significand(v.numpy()) if "/" in k else v.numpy().astype(np.float32)
                     for k, v in arrays.items()})
        readers = network.layer_weights()
        notes[name] = {"logits_samples": LOGITS_SAMPLES, "gradient_samples": GRADIENT_SAMPLES,
                       "torch": torch.__version__, "weights": WEIGHTS[name],
                       "nodes": {w: readers[w] for w in WEIGHTS[name]}, "traces": trace_notes(path, calibration)}
    notes_path.write_text(json.dumps(notes, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
