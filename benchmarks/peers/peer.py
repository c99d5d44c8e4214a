"""What the torch peers share: the network of an ONNX file, samples, and the clock."""

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "networks"))
from onnx_network import OnnxNetwork  # noqa: E402  of the test networks


def parser(description):
    """A parser with the options of every peer."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("model", help="ONNX file")
    result.add_argument("--data", required=True, help=".npz with `input` and `labels`")
    result.add_argument("--samples", type=int, default=256)
    result.add_argument("--batch", type=int, default=32)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--seed", type=int, default=0)
    return result


def load(options):
    """Network in float32, batches of (input, labels)."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data = np.load(options.data)
    src = torch.from_numpy(data["input"][:options.samples])
    labels = torch.from_numpy(data["labels"][:options.samples])
    return OnnxNetwork(options.model, torch.float32), list(zip(src.split(options.batch), labels.split(options.batch)))


def summed_loss(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self.start = time.perf_counter()

    def seconds(self):
        return time.perf_counter() - self.start


def report(result):
    json.dump(result, sys.stdout, indent=1)
    print()
