#!/usr/bin/python3
"""Halftone against torch on one network, one machine and the same samples, in one run. Prints JSON.

  python3 compare.py --halftone build/bin/halftone MODEL.onnx --data samples.npz

fisher      the loss of every (layer, precision). Torch takes one Hessian-vector product a choice, in the ways that
            torch_fisher.py describes (`weights` is PyHessian's), on fewer images and choices where asked; its time is
            extrapolated to all choices and to as many images as give it Halftone's standard error: images = (relative
            deviation per image / Halftone's relative error)^2, the median over choices.
hutchinson  the trace of every layer. Both take the same number of probes on the same samples; torch's time is scaled by
            its squared standard error over Halftone's, the median over layers.

Halftone's time is that of the whole command: reading the model, calibration, compiling and all.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import peer

FOLDER = pathlib.Path(__file__).resolve().parent


def run_json(command, threads):
    """(what it prints as JSON, its seconds)."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    started = time.perf_counter()
    finished = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(finished.stdout), time.perf_counter() - started


def run_torch(script, options, samples, *extra):
    return run_json([sys.executable, FOLDER / script, options.model, "--data", options.data, "--samples", samples,
                     "--batch", min(options.batch, samples), "--threads", options.threads, *extra], options.threads)[0]


def run_halftone(options, data, *extra):
    return run_json([options.halftone, "sensitivity", options.model, "--data", data, "--json", *extra],
                    options.threads)


def samples_file(options, folder):
    """Only the samples that are used."""
    data = np.load(options.data)
    path = folder / "samples.npz"
    np.savez(path, input=data["input"][:options.samples], labels=data["labels"][:options.samples])
    return path


def fisher(options, data):
    ours, seconds = run_halftone(options, data, "--method", "fisher", "--precisions", options.precisions)
    extra = ["--precisions", options.precisions, "--choices", options.torch_choices]
    result = {"halftone_seconds": seconds, "halftone_images_per_second": options.samples / seconds}
    errors = {(layer["name"], choice["precision"]): choice["loss_stderr"] / choice["loss"]
              for layer in ours["layers"] for choice in layer["choices"] if choice["loss"] > 0}
    for way in ("weights", "layer", "shared-graph"):
        theirs = run_torch("torch_fisher.py", options, options.torch_samples, *extra, "--way", way)
        images = [theirs["samples"] * (c["stderr"] / c["loss"] / errors[node, precision]) ** 2
                  for node, choices in theirs["layers"].items() for precision, c in choices.items()
                  if (node, precision) in errors and c["loss"] > 0]
        needed = statistics.median(images)
        extrapolated = theirs["seconds_all_choices"] / theirs["samples"] * needed
        result[way] = {"image_products_per_second": theirs["image_products_per_second"],
                        "images_for_equal_error": needed, "seconds_for_equal_error": extrapolated,
                        "ratio": extrapolated / seconds}
    return result


def hutchinson(options, data):
    extra = ["--method", "hessian-trace", "--probes", options.probes, "--tolerance", "1e-9", "--precisions", "w8a8"]
    ours, seconds = run_halftone(options, data, *extra)
    theirs = run_torch("torch_hutchinson.py", options, options.torch_samples, "--probes", options.probes)
    images = theirs["samples"]
    errors = {layer["name"]: layer["trace_stderr"] for layer in ours["layers"] if layer.get("trace_stderr")}
    variance = statistics.median([(theirs["layers"][name]["stderr"] / error) ** 2
                                  for name, error in errors.items() if name in theirs["layers"]])
    equal_samples = theirs["seconds"] * options.samples / images
    return {"probes": ours["probes"], "halftone_seconds": seconds, "torch_seconds": equal_samples,
            "torch_variance_over_halftone": variance, "ratio": equal_samples * variance / seconds}


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--halftone", required=True, help="the command")
    parser.add_argument("--precisions", default="w2a2,w3a3,w4a4,w6a6,w8a8")
    parser.add_argument("--probes", type=int, default=32)
    parser.add_argument("--torch-samples", type=int, help="images that torch is measured on (default: all)")
    parser.add_argument("--torch-choices", type=int, default=1, help="measure torch on every K-th choice only")
    options = parser.parse_args()
    options.torch_samples = options.torch_samples or options.samples
    with tempfile.TemporaryDirectory() as folder:
        data = samples_file(options, pathlib.Path(folder))
        result = {"model": options.model, "samples": options.samples, "threads": options.threads,
                  "fisher": fisher(options, data), "hutchinson": hutchinson(options, data)}
    peer.report(result)


if __name__ == "__main__":
    main()
