#!/usr/bin/env python3
"""Latency of whole networks: Halftone's inference plan beside ONNX Runtime, in float32 and in 8 bits.

  python3 benchmarks/peers/onnxruntime_latency.py --threads 1 --batch 1 MODEL.onnx..

Needs `pip install onnxruntime onnx`. ONNX Runtime's 8-bit network is made by its own static
quantization: QDQ, unsigned activations and signed weights per channel, ranges of random inputs
(which do not matter for time). Both are measured in turn, round by round, each with so many threads; of
a round counts the mean of the runs within 3 % of the fastest, of the rounds the median.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime
from onnxruntime import quantization

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def shape_of(session, batch):
    """The first input's shape, unknown dimensions being the batch."""
    dims = session.get_inputs()[0].shape
    return [batch if not isinstance(d, int) or d < 1 else d for d in dims]


class RandomInputs(quantization.CalibrationDataReader):
    def __init__(self, model):
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        random = np.random.default_rng(1)
        name = session.get_inputs()[0].name
        self.samples = iter(
            [{name: random.random(shape_of(session, 1), dtype=np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.samples, None)


def quantize(model, folder):
    prepared = os.path.join(folder, "prepared.onnx")
    quantized = os.path.join(folder, "int8.onnx")
    quantization.quant_pre_process(model, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(
        prepared, quantized, RandomInputs(prepared), quant_format=quantization.QuantFormat.QDQ,
        per_channel=True, activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8)
    return quantized


def open_session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def undisturbed_mean(times):
    fastest = min(times)
    return statistics.fmean(t for t in times if t <= 1.03 * fastest)


def time_session(session, batch, seconds):
    inputs = {session.get_inputs()[0].name:
              np.random.default_rng(2).random(shape_of(session, batch), dtype=np.float32)}
    for _ in range(3):
        session.run(None, inputs)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 8:
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - start)
    return 1e6 * undisturbed_mean(times)


def time_halftone(halftone, model, precision, batch, threads, folder):
    """Microseconds of the whole network in one precision: then nothing else is measured."""
    command = [halftone, "profile", model, "--precisions", precision, "--threads", str(threads),
               "--batch", str(batch), "--refresh", "--json", "--state-dir", folder]
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL).stdout)
    return document["network"][0]["measured_ns"] / 1e3


def compare(model, args):
    with tempfile.TemporaryDirectory() as folder:
        sessions = {"f32": open_session(model, args.threads),
                    "w8a8": open_session(quantize(model, folder), args.threads)}
        rounds = []
        for _ in range(args.rounds):
            rounds.append({
                p: (time_halftone(args.halftone, model, p, args.batch, args.threads, folder),
                    time_session(s, args.batch, args.seconds)) for p, s in sessions.items()})
    name = os.path.splitext(os.path.basename(model))[0]
    for precision in sessions:
        own = statistics.median(r[precision][0] for r in rounds)
        peer = statistics.median(r[precision][1] for r in rounds)
        print(f"| {name} | {args.batch} | {args.threads} | {precision} | {own:,.0f} us "
              f"| {peer:,.0f} us | {peer / own:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--halftone", default=os.path.join(ROOT, "build", "bin", "halftone"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a round and precision")
    args = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}", file=sys.stderr)
    print("| network | batch | threads | precision | Halftone | ONNX Runtime | ratio |")
    print("|---|---|---|---|---|---|---|")
    for model in args.models:
        compare(model, args)


if __name__ == "__main__":
    main()
