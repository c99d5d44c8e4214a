"""Small networks of LSTM, GRU and RNN: as torch writes them, and with all that ONNX allows.

Input "x" [N, STEPS, WIDTH], output "y": logits, as random_networks.py has them.
"""

import functools

import numpy as np
from onnx import helper
from random_networks import CLASSES, Writer

STEPS, WIDTH, HIDDEN = 4, 5, 6
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ACTIVATIONS = {"Relu": (), "Tanh": (), "Sigmoid": (), "Softsign": (), "Softplus": (),
               "LeakyRelu": (0.1,), "ThresholdedRelu": (0.2,), "Elu": (0.7,), "Affine": (0.6, 0.1),
               "ScaledTanh": (1.1, 0.8), "HardSigmoid": (0.25, 0.4)}


class RecurrentWriter(Writer):
    def __init__(self, seed, opset=17):
        super().__init__(seed, shape=(STEPS, WIDTH), opset=opset)

    def recurrent(self, op, src, inputs, directions=1, states=(), lengths="", peepholes="", bias=True,
                  **attributes):
        """The names of the node's results: Y, Y_h, Y_c. The src has time first."""
        rows = GATES[op] * HIDDEN
        operands = [src, self.weights(directions, rows, inputs, fan_in=inputs),
                    self.weights(directions, rows, HIDDEN, fan_in=HIDDEN),
                    self.weights(directions, 2 * rows, fan_in=10) if bias else "", lengths,
                    *(states or ("", ""))[:2 if op == "LSTM" else 1]]
        if op == "LSTM":
            operands.append(peepholes)
        name = f"{op}_{len(self.nodes)}"
        results = [f"{name}_{result}" for result in ("y", "h", "c")[:3 if op == "LSTM" else 2]]
        self.nodes.append(helper.make_node(op, operands, results, name, hidden_size=HIDDEN,
                                           **attributes))
        return results

    def batch_size(self):
        """As a vector of one element."""
        return self.node("Gather", self.node("Shape", "x"), self.integers(0))

    def zero_states(self, layers, directions):
        """torch's states: zeros of all layers, in the size of the batch."""
        sizes = self.node("Concat", self.integers(layers * directions), self.batch_size(),
                          self.integers(HIDDEN), axis=0)
        return self.node("ConstantOfShape", sizes)

    def same_states(self, directions):
        """Constants, the same for all samples."""
        sizes = self.node("Concat", self.integers(directions), self.batch_size(),
                          self.integers(HIDDEN), axis=0)
        return self.node("Expand", self.weights(directions, 1, HIDDEN), sizes)

    def time_first(self, src="x"):
        return self.node("Transpose", src, perm=[1, 0, 2])

    def logits_of_last(self, h, directions):
        """Of a last state [directions, N, HIDDEN]."""
        rows = self.node("Transpose", h, perm=[1, 0, 2])
        flat = self.node("Reshape", rows, self.integers(0, directions * HIDDEN))
        return self.node("Mul", self.linear(flat, directions * HIDDEN, CLASSES), self.constant(3.0))


def as_torch_writes(op, directions, opset):
    """Two layers with zeros as states, batch first; the answer is made of the last layer's Y."""
    writer = RecurrentWriter(seed=3, opset=opset)
    zeros = writer.zero_states(2, directions)
    src, inputs = writer.time_first(), WIDTH
    for layer in range(2):
        begin, end = layer * directions, (layer + 1) * directions
        states = [writer.node("Slice", zeros, *(writer.integers(at) for at in (begin, end, 0)))
                  for _ in range(2)]
        attributes = {"direction": "bidirectional"} if directions == 2 else {}
        if op == "GRU":
            attributes["linear_before_reset"] = 1
        y = writer.recurrent(op, src, inputs, directions, states, **attributes)[0]
        turned = writer.node("Transpose", y, perm=[0, 2, 1, 3])
        src = writer.node("Reshape", turned, writer.integers(0, 0, -1))
        inputs = directions * HIDDEN
    answers = writer.time_first(src)
    if directions == 1:
        read = writer.node("Gather", answers, writer.constant(-1, np.int64), axis=1)
    else:  # at any one time most steps of one direction would be read by nothing
        read = writer.node("ReduceMean", answers, axes=[1], keepdims=0)
    return writer.model(writer.node("Gemm", read, writer.weights(inputs, CLASSES),
                                    writer.bias(CLASSES)))


def of_any_kind(op, seed):
    """One node with attributes and inputs that `seed` draws."""
    writer = RecurrentWriter(seed, opset=(13, 14, 17)[seed % 3])
    direction = writer.draw("forward", "reverse", "bidirectional")
    directions = 2 if direction == "bidirectional" else 1
    count = {"RNN": 1, "GRU": 2, "LSTM": 3}[op] * directions
    names = [writer.draw(*ACTIVATIONS) for _ in range(count)]
    attributes = {"direction": direction}
    if writer.draw(0, 1):
        numbers = [ACTIVATIONS[name] for name in names]
        attributes["activations"] = names
        attributes["activation_alpha"] = [pair[0] for pair in numbers if pair]
        attributes["activation_beta"] = [pair[1] for pair in numbers if len(pair) > 1]
        attributes = {key: value for key, value in attributes.items() if value}
    if writer.draw(0, 1):
        attributes["clip"] = 0.6
    if op == "GRU":
        attributes["linear_before_reset"] = writer.draw(0, 1)
    peepholes = ""
    if op == "LSTM":
        attributes["input_forget"] = writer.draw(0, 0, 1)
        if writer.draw(0, 1):
            peepholes = writer.weights(directions, 3 * HIDDEN)
    lengths = ""
    if writer.draw(0, 1):
        lengths = writer.node("Cast", writer.node("Expand", writer.integers(STEPS - 1),
                                                  writer.batch_size()), to=6)
    states = ()
    if writer.draw(0, 1):
        states = [writer.same_states(directions), writer.same_states(directions)]
    results = writer.recurrent(op, writer.time_first(), WIDTH, directions, states, lengths,
                               peepholes, bias=writer.draw(True, True, False), **attributes)
    turned = writer.node("Transpose", results[0], perm=[2, 1, 0, 3])  # of [T, D, N, HIDDEN]
    mean = writer.node("ReduceMean", turned, axes=[2], keepdims=0)
    both = writer.node("Add", writer.node("Transpose", mean, perm=[1, 0, 2]),
                       writer.node("Mul", results[-1], writer.constant(0.5)))
    return writer.model(writer.logits_of_last(both, directions))


NETWORKS = {
    **{f"torch_{op}_{directions}_{opset}": functools.partial(as_torch_writes, op, directions, opset)
       for op, directions, opset in (("LSTM", 1, 17), ("LSTM", 2, 13), ("GRU", 2, 17),
                                     ("RNN", 1, 14))},
    **{f"{op}{seed}": functools.partial(of_any_kind, op, seed)
       for op in GATES for seed in range(3)},
}
