"""Halftone itself, by its command: what it exports, run in ONNX Runtime node by node."""

import json
import os
import subprocess
import tempfile

import numpy as np

import shipped

NAME = "Halftone"
QUANTIZERS = {"default": "ranges"}
SEARCHES = {"default": "default"}
COMMAND = os.environ.get("HALFTONE", str(shipped.ROOT / "build" / "bin" / "halftone"))


def version():
    return subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def uniform(network, bits, quantizer):
    """Logits with all weights in so many bits."""
    with _Folder(network, [bits]) as folder:
        return folder.search("--evaluations", "0", "--draws", "1")[1]


def search(network, budgets, way):
    """Yields (budget, bits of each node's weights, logits); a budget is the mean bits of a weight."""
    with _Folder(network, range(2, 9)) as folder:
        for budget in budgets:
            size = budget * sum(network.sizes.values()) / 8
            bits, logits = folder.search("--budget", f"size={size}", "--frontier", "size")
            yield budget, bits, logits


class _Folder(tempfile.TemporaryDirectory):
    """Where the command has its state, the samples, and a table that counts the bits of weights and nothing else."""

    def __init__(self, network, bits):
        super().__init__(prefix="halftone-peers.")
        self.network = network
        self.precisions = [f"w{b}a8" for b in bits]
        np.savez(self._path("calibration.npz"), **network.calibration)
        inspected = json.loads(self._run("inspect", network.path, "--json"))
        rows = [{"name": layer["name"], "precision": f"w{b}a8", "latency_ns": 1,
                 "weight_bytes": b * network.sizes.get(layer["name"], 0) / 8}
                for layer in inspected["layers"] for b in bits]
        with open(self._path("table.json"), "w") as file:
            json.dump({"layers": rows, "batch": 1}, file)

    def __enter__(self):
        super().__enter__()
        return self

    def search(self, *options):
        """Bits of each node's weights, and the logits of the exported network."""
        self._run("search", self.network.path, "--data", self._path("calibration.npz"), "--target",
                  self._path("table.json"), "--precisions", ",".join(self.precisions), "--ignore-ties", "--no-explain",
                  "--output", self._path("out"), *options)
        with open(self._path("out/result.json")) as file:
            result = json.load(file)
        logits = shipped.run_onnx(self._path("out/quantized.onnx"), self.network.held_out["input"], optimized=False)
        bits = {node: int(result["assignment"][node][1:].split("a")[0]) for node in self.network.sizes}
        return bits, logits

    def _run(self, *arguments):
        done = subprocess.run([COMMAND, "--quiet", "--state-dir", self._path("state"), *map(str, arguments)],
                              capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode != 0:
            raise RuntimeError(f"halftone {arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def _path(self, name):
        return os.path.join(self.name, name)
