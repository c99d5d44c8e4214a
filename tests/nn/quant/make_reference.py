#!/usr/bin/python3
"""Writes reference.json: integers and dequantized values of uniform quantizers, computed by numpy and by torch.

numpy follows ONNX's QuantizeLinear in float32 (division, nearest even) and is exact; torch multiplies by 1/scale, which
may differ in the last place of the quotient, so its values are kept only where no rounding border is near. Ranges of
least squared error are found by trying 20,000 of them on the values themselves.
"""

import json
import pathlib

import numpy as np
import torch

RANDOM = np.random.default_rng(7)


def limits(bits, symmetry):
    if symmetry == "asymmetric":
        return 0, 2**bits - 1
    low = -2**(bits - 1)
    return (low if symmetry == "full" else low + 1), 2**(bits - 1) - 1


def parameters(lower, upper, bits, symmetry):
    """Scale (float32) and zero point for a range, from the definitions in uniform.h."""
    qmin, qmax = limits(bits, symmetry)
    if symmetry == "asymmetric":
        scale = np.float32((np.float64(upper) - np.float64(lower)) / qmax)
        return scale, int(np.clip(np.rint(-np.float64(lower) / np.float64(scale)), qmin, qmax))
    return np.float32(max(np.float64(upper) / qmax, np.float64(lower) / qmin)), 0


def quantize(values, scale, zero_point, bits, symmetry):
    qmin, qmax = limits(bits, symmetry)
    return np.clip(np.rint(values / scale).astype(np.int64) + zero_point, qmin, qmax)


def tensor_case(bits, symmetry):
    values = (RANDOM.standard_normal(48) * 2 + (1 if symmetry == "asymmetric" else 0)).astype(np.float32)
    lower, upper = np.float32(min(values.min() * 0.8, 0)), np.float32(max(values.max() * 0.8, 0))
    scale, zero_point = parameters(lower, upper, bits, symmetry)
    # Exact ties, to be rounded to even.
    values[:6] = (np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], np.float32) * scale).astype(np.float32)
    integers = quantize(values, scale, zero_point, bits, symmetry)
    qmin, qmax = limits(bits, symmetry)
    fake = torch.fake_quantize_per_tensor_affine(torch.from_numpy(values), float(scale), zero_point, qmin, qmax).numpy()
    clear = np.abs(np.abs(values / scale - np.floor(values / scale)) - 0.5) > 1e-2
    return {
        "bits": bits, "symmetry": symmetry, "lower": float(lower), "upper": float(upper),
        "scale": float(scale), "zero_point": zero_point, "values": values.tolist(),
        "integers": integers.tolist(), "torch": [float(f) if c else None for f, c in zip(fake, clear)],
    }


def channel_case(bits, axis):
    values = RANDOM.standard_normal((3, 4, 5)).astype(np.float32)
    channels = values.shape[axis]
    moved = np.moveaxis(values, axis, 0).reshape(channels, -1)
    ends = np.abs(moved).max(1).astype(np.float32)
    scales = np.array([parameters(-end, end, bits, "restricted")[0] for end in ends], np.float32)
    shape = [1, 1, 1]
    shape[axis] = channels
    integers = quantize(values, scales.reshape(shape), 0, bits, "restricted")
    qmin, qmax = limits(bits, "restricted")
    fake = torch.fake_quantize_per_channel_affine(torch.from_numpy(values), torch.from_numpy(scales),
                                                  torch.zeros(channels, dtype=torch.int32), axis, qmin, qmax).numpy()
    return {
        "bits": bits, "axis": axis, "ends": ends.tolist(), "scales": scales.tolist(),
        "values": values.reshape(-1).tolist(), "integers": integers.reshape(-1).tolist(),
        "torch": fake.reshape(-1).tolist(),
    }


def squared_error(values, lower, upper, bits, symmetry):
    scale, zero_point = parameters(np.float32(lower), np.float32(upper), bits, symmetry)
    restored = scale * (quantize(values, scale, zero_point, bits, symmetry) - zero_point)
    return float(np.mean((values.astype(np.float64) - restored)**2))


def mse_case(name, values, bits, symmetry):
    """The least error that brute force finds, and that of the extremes."""
    lower, upper = min(values.min(), 0), max(values.max(), 0)
    best = np.inf
    if symmetry == "asymmetric":
        for high in np.linspace(upper / 140, upper, 140) if upper > 0 else [0.0]:
            for low in np.linspace(lower / 140, lower, 140) if lower < 0 else [0.0]:
                best = min(best, squared_error(values, low, high, bits, symmetry))
    else:
        end = max(-lower, upper)
        for candidate in np.linspace(end / 2000, end, 2000):
            best = min(best, squared_error(values, -candidate, candidate, bits, symmetry))
    return {
        "name": name, "bits": bits, "symmetry": symmetry, "best": best,
        "extremes": squared_error(values, lower, upper, bits, symmetry),
    }


def main():
    normal = RANDOM.standard_normal(2000).astype(np.float32)
    distributions = {
        "normal": normal,
        "relu": np.maximum(normal - np.float32(0.3), 0),
        "laplace": RANDOM.laplace(size=2000).astype(np.float32),
        "shifted": (RANDOM.standard_normal(2000) + 1).astype(np.float32),
    }
    cases = []
    for name, values in distributions.items():
        for bits in (2, 4, 8):
            for symmetry in ("restricted", "full", "asymmetric"):
                if symmetry != "asymmetric" or name in ("relu", "shifted"):
                    cases.append(mse_case(name, values, bits, symmetry))
    symmetries = ("restricted", "full", "asymmetric")
    reference = {
        "tensor": [tensor_case(bits, symmetry) for symmetry in symmetries for bits in range(1, 17)
                   if bits > 1 or symmetry == "asymmetric"],
        "channel": [channel_case(bits, axis) for bits in (2, 4, 8, 16) for axis in range(3)],
        "distributions": {name: values.tolist() for name, values in distributions.items()},
        "mse": cases,
    }
    text = json.dumps(reference, separators=(",", ":"))
    (pathlib.Path(__file__).parent / "reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
