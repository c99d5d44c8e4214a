"""Trained networks as packages of PyPI bring them, with inputs that mean something to them.

install.sh unpacks the packages. Samples are made here: strokes on paper for readers of text, noise of few
details for detectors, bytes, harmonics for voices.
"""

import dataclasses
import os
import sys

import numpy as np

PACKAGES = os.path.join(sys.prefix, "packages")
OCR = "rapidocr_onnxruntime/rapidocr_onnxruntime/models"
VOICE = "silero_vad/silero_vad/data"
SAMPLES = 16


def strokes(random, height, width):
    """Dark bars on light paper, channels first, -1 to 1."""
    images = np.full((SAMPLES, 3, height, width), 0.9)
    for image in images:
        for _ in range(width // 6):
            top, left = random.integers(0, height - 4), random.integers(0, width - 4)
            if random.random() < 0.5:
                image[:, top:top + height // 3, left:left + 3] = -0.9
            else:
                image[:, top:top + 3, left:left + width // 10] = -0.9
    return (images + random.normal(0, 0.05, images.shape)).clip(-1, 1).astype(np.float32)


def scenes(random, height, width):
    """Noise of few details, 0 to 1."""
    coarse = random.random((SAMPLES, 3, -(-height // 8), -(-width // 8)))
    fine = np.kron(coarse, np.ones((1, 1, 8, 8)))[:, :, :height, :width]
    return (0.8 * fine + 0.2 * random.random(fine.shape)).astype(np.float32)


def voices(random, length):
    time = np.arange(length) / 16000
    voices = []
    for _ in range(SAMPLES):
        pitch, loudness = random.uniform(90, 250), random.uniform(0.05, 0.5)
        voices.append(loudness * sum(np.sin(2 * np.pi * pitch * k * time + random.uniform(0, 6)) / k
                                     for k in range(1, 9)) + random.normal(0, 0.01, length))
    return np.array(voices, np.float32)


def states(random, *shape):
    return random.normal(0, 0.3, (SAMPLES, *shape)).astype(np.float32)


@dataclasses.dataclass(eq=False)  # a key as itself
class PackagedNetwork:
    name: str
    file: str  # below PACKAGES
    samples: object  # random -> arrays by input, samples first
    flags: tuple = ()  # of halftone
    constants: dict = dataclasses.field(default_factory=dict)
    # By input and output: along which axis samples lie in the file; None: the whole value is of one.
    axes: dict = dataclasses.field(default_factory=dict)

    @property
    def path(self):
        return os.path.join(PACKAGES, self.file)

    def axis(self, name):
        return self.axes.get(name, 0)


def voice(name, rate=True, **more):
    """One of the exports that hear 32 ms of 16 kHz, with a state."""
    return PackagedNetwork(
        name, f"{VOICE}/{name}.onnx",
        lambda random: {"input": voices(random, 576), "state": states(random, 2, 128)},
        (*(("--constant", "sr=16000") if rate else ()), "--batch-axis", "state=1"),
        {"sr": np.array(16000, np.int64)} if rate else {}, {"state": 1, "stateN": 1}, **more)


NETWORKS = (
    PackagedNetwork("text_direction", f"{OCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx",
                    lambda random: {"x": strokes(random, 48, 192)}),
    PackagedNetwork("text_detector", f"{OCR}/ch_PP-OCRv4_det_infer.onnx",
                    lambda random: {"x": strokes(random, 96, 96)}),
    PackagedNetwork("text_reader", f"{OCR}/ch_PP-OCRv4_rec_infer.onnx",
                    lambda random: {"x": strokes(random, 48, 96)}),
    PackagedNetwork("body_detector", "nudenet/nudenet/320n.onnx",
                    lambda random: {"images": scenes(random, 96, 96)}),
    PackagedNetwork("file_types", "magika/magika/models/standard_v3_3/model.onnx",
                    lambda random: {"bytes": random.integers(0, 257, (SAMPLES, 2048)).astype(np.int32)}),
    voice("silero_vad"),
    voice("silero_vad_16k_op15"),
    voice("silero_vad_op18_ifless"),
    voice("silero_vad_openvino_16k", rate=False),
    voice("silero_vad_half", rate=False),
    PackagedNetwork("silero_vad_16k_sequence", f"{VOICE}/silero_vad_16k_sequence.onnx",
                    lambda random: {"input": voices(random, 4 * 576).reshape(SAMPLES, 4, 576),
                                    "h": states(random, 1, 1, 128), "c": states(random, 1, 1, 128)},
                    axes=dict.fromkeys(("input", "h", "c", "speech_probs", "hn", "cn"))),
)
