#!/usr/bin/python3
"""Writes the archives that npz_test.cc reads: made by numpy, so that the reader is checked against another writer."""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent

ARRAYS = {
    "float32": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "float64": np.array([1.5, -2.25], np.float64),
    "float16": np.array([0.5, -65504], np.float16),
    "int8": np.array([-128, 127], np.int8),
    "uint8": np.array([0, 255], np.uint8),
    "int16": np.array([-32768, 32767], np.int16),
    "uint16": np.array([0, 65535], np.uint16),
    "int32": np.array([-2**31, 2**31 - 1], np.int32),
    "uint32": np.array([0, 2**32 - 1], np.uint32),
    "int64": np.array([-2**63, 2**63 - 1], np.int64),
    "bool": np.array([True, False, True]),
    "scalar": np.float32(3.25),
    "empty": np.zeros((0, 5), np.float32),
}

np.savez(FOLDER / "stored.npz", **ARRAYS)
np.savez_compressed(FOLDER / "deflated.npz", **ARRAYS)
