#!/usr/bin/python3
"""Writes well-known topologies at 224x224 with random weights, and random images, for measuring speed.

  python3 export_large.py FOLDER [--samples 256] [resnet18] [resnet50] [mobilenetv2] [vit_tiny]

FOLDER/<name>.onnx has a symbolic batch and batch normalization as nodes of its own; FOLDER/samples.npz holds `input`
and `labels`. Every network reads the same samples. Nothing is trained: scales and shifts of the batch normalizations
are drawn at random and their statistics are those of random images, so that activations keep a plausible range.
"""

import argparse
import pathlib

import numpy as np
import torch

import large_models
from export import export_kept  # of the test networks, whose folder large_models has put on the path

SEED = 1


def images(count, generator):
    """Images of mean 0 and deviation about 1 with most of their energy at low frequencies, as photographs have."""
    coarse = torch.randn(count, 3, 14, 14, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=224, mode="bilinear", align_corners=False)
    return smooth + 0.3 * torch.randn(count, 3, 224, 224, generator=generator)


def randomize_norms(network, generator):
    """Random scales and shifts, and the statistics that random images then have."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0, 0.1)
        norm.momentum = 1.0
    if norms:
        network.train()
        with torch.no_grad():
            network(images(8, generator))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("networks", nargs="*", default=list(large_models.NAMES))
    parser.add_argument("--samples", type=int, default=256)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    for name in options.networks:
        network = large_models.make(name)
        randomize_norms(network, generator)
        export_kept(network, options.folder / f"{name}.onnx", large_models.IMAGE)
    labels = torch.randint(large_models.CLASSES, (options.samples,), generator=generator)
    np.savez(options.folder / "samples.npz", input=images(options.samples, generator).numpy(), labels=labels.numpy())


if __name__ == "__main__":
    main()
