"""One judge for all: KL(float || quantized) of the logits of every held-out sample, and accuracy."""

import dataclasses
import math

import numpy as np


def _log_softmax(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def divergences(logits, quantized):
    """KL(softmax(logits) || softmax(quantized)) of each sample."""
    p, q = _log_softmax(logits), _log_softmax(quantized)
    return (np.exp(p) * (p - q)).sum(-1)


def accuracy(logits, labels):
    """In per cent."""
    return 100 * float((logits.argmax(-1) == labels).mean())


@dataclasses.dataclass
class Ratio:
    """Mean of `ours` over mean of `theirs`, and the standard error that pairing the samples gives it."""

    value: float
    standard_error: float

    def __str__(self):
        return f"{self.value:.3f} +- {self.standard_error:.3f}"

    @property
    def is_above_one(self):
        return self.value - 2 * self.standard_error > 1


def paired_ratio(ours, theirs):
    value = ours.mean() / theirs.mean()
    deviation = np.std(ours - value * theirs, ddof=1)
    return Ratio(value, deviation / math.sqrt(len(ours)) / theirs.mean())


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))
