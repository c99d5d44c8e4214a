"""Random search problems of many kinds, and what a mixed-integer solver says of them.

A problem is stored compactly: per layer a list of choices, each [loss, cost of metric 0, ...];
budgets by metric; edges as [from, to, matrix of the cost of metric 0]; interactions as [layer,
choice, layer, choice, loss].
"""

import time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix


def layers(random, count, choices, metrics, kind):
    """Losses fall and costs rise with the bits of a choice."""
    result = []
    for _ in range(count):
        bits = np.sort(random.uniform(0.1, 1, choices))
        weight = np.exp(random.normal(0, 1))
        size = np.exp(random.normal(0, 1, metrics))
        if kind == "uncorrelated":
            loss, cost = random.uniform(0, 1, choices), random.uniform(0, 1, (choices, metrics))
        elif kind == "correlated":
            cost = size * (bits[:, None] + 0.02 * random.uniform(0, 1, (choices, metrics)))
            loss = size[0] * (1.05 - bits) + 0.01 * random.uniform(0, 1, choices)
        else:
            loss = weight * 4.0 ** (-6 * bits) * random.uniform(0.7, 1.3, choices)
            cost = size * (bits[:, None] + 0.1 * random.uniform(0, 1, (choices, metrics)))
        table = np.concatenate([loss[:, None], cost], axis=1)
        result.append([[float(f"{x:.5g}") for x in row] for row in table])
    return result


def budgets(tables, metrics, tightness):
    limits = []
    for k in range(1, metrics + 1):
        low = sum(min(choice[k] for choice in layer) for layer in tables)
        high = sum(max(choice[k] for choice in layer) for layer in tables)
        limits.append(float(f"{low + tightness * (high - low):.6g}"))
    return limits


def residual_pairs(count):
    """A chain with a skip over every second layer, as in a residual network."""
    return [(i, i + 1) for i in range(count - 1)] + [(i, i + 3) for i in range(0, count - 3, 2)]


def random_edges(random, pairs, choices, scale):
    edges = []
    for a, b in pairs:
        matrix = scale * random.uniform(0.2, 1, (choices, choices)) * (1 - np.eye(choices))
        edges.append([a, b, [[float(f"{x:.4g}") for x in row] for row in matrix]])
    return edges


def random_interactions(random, count, choices, pairs):
    interactions, drawn = [], set()
    while len(drawn) < pairs:
        a, b = sorted(int(x) for x in random.choice(count, 2, replace=False))
        o, p = (int(x) for x in random.integers(0, choices, 2))
        if (a, o, b, p) not in drawn:
            drawn.add((a, o, b, p))
            interactions.append([a, o, b, p, float(f"{random.normal(0, 0.05):.4g}")])
    return interactions


def make(seed, name, count, choices, metrics=1, tightness=0.4, kind="bits", edges=0.0, pairs=0):
    random = np.random.default_rng(seed)
    tables = layers(random, count, choices, metrics, kind)
    problem = {"name": name, "layers": tables, "budgets": budgets(tables, metrics, tightness)}
    if edges:
        problem["edges"] = random_edges(random, residual_pairs(count), choices, edges)
    if pairs:
        problem["interactions"] = random_interactions(random, count, choices, pairs)
    return problem


def make_table(name, tables, tightness):
    return {"name": name, "layers": tables,
            "budgets": budgets(tables, len(tables[0][0]) - 1, tightness)}


def make_correlated(seed, name, count, choices):
    """Strongly correlated: whole costs, and losses that nearly are a constant less the cost."""
    random = np.random.default_rng(seed)
    tables = []
    for _ in range(count):
        cost = random.integers(100, 1001, choices)
        loss = 2000 - cost + random.integers(-3, 4, choices)
        tables.append([[float(x), float(y)] for x, y in zip(loss, cost)])
    return make_table(name, tables, 0.5)


def make_coarse(seed, name, count, choices, metrics=1):
    """Small whole losses and costs: many are equal."""
    random = np.random.default_rng(seed)
    tables = []
    for _ in range(count):
        cost = np.sort(random.integers(1, 11, (choices, metrics)), axis=0)
        loss = np.sort(random.integers(0, 21, choices))[::-1]
        tables.append([[float(x)] + [float(y) for y in row] for x, row in zip(loss, cost)])
    return make_table(name, tables, 0.4)


class Network:
    """Layers with multiply-accumulates, weights and elements written, and which feeds which."""

    def __init__(self):
        self.layers, self.pairs = [], []

    def conv(self, source, channels_in, channels_out, kernel, side, groups=1):
        weights = channels_in // groups * channels_out * kernel * kernel
        self.layers.append((weights * side * side, weights, channels_out * side * side))
        index = len(self.layers) - 1
        if source is not None:
            self.pairs.append((source, index))
        return index

    def add(self, a, b):
        """The sum is written by the later layer, into which it is fused."""
        self.pairs.append((min(a, b), max(a, b)))
        return max(a, b)


def resnet50():
    network = Network()
    last, channels = network.conv(None, 3, 64, 7, 112), 64
    for stage, (blocks, width, side) in enumerate([(3, 64, 56), (4, 128, 28), (6, 256, 14),
                                                   (3, 512, 7)]):
        for block in range(blocks):
            inner = network.conv(last, channels, width, 1, side)
            inner = network.conv(inner, width, width, 3, side)
            inner = network.conv(inner, width, 4 * width, 1, side)
            shortcut = last
            if block == 0:
                shortcut = network.conv(last, channels, 4 * width, 1, side)
            last, channels = network.add(inner, shortcut), 4 * width
    network.conv(last, channels, 1000, 1, 1)
    return network


def mobilenet_v2():
    network = Network()
    last, channels, side = network.conv(None, 3, 32, 3, 112), 32, 112
    for expansion, width, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                             (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                             (6, 320, 1, 1)]:
        for block in range(blocks):
            inner, hidden = last, channels * expansion
            if expansion > 1:
                inner = network.conv(inner, channels, hidden, 1, side)
            side //= stride if block == 0 else 1
            inner = network.conv(inner, hidden, hidden, 3, side, groups=hidden)
            inner = network.conv(inner, hidden, width, 1, side)
            last = network.add(inner, last) if block > 0 else inner
            channels = width
    last = network.conv(last, channels, 1280, 1, side)
    network.conv(last, 1280, 1000, 1, 1)
    return network


def onnx_network(path):
    """The layers of an ONNX file; their sizes by the weights alone."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    network, writer = Network(), {}
    for node in graph.node:
        sources = sorted({writer[value] for value in node.input if value in writer})
        is_layer = node.op_type in ("Conv", "Gemm", "MatMul")
        if is_layer:
            size = max([weights[value].size for value in node.input if value in weights] or [4096])
            network.layers.append((size * 64, size, 4096))
            last = len(network.layers) - 1
        elif sources:
            last = sources[-1]
        else:
            continue
        network.pairs += [(source, last) for source in sources if source != last]
        writer.update((value, last) for value in node.output)
    network.pairs = sorted(set(network.pairs))
    return network


BITS = ((2, 4), (2, 8), (4, 4), (4, 8), (8, 4), (8, 8))


def make_network(seed, name, network, metrics=1, tightness=0.35, bits=BITS, conversion=0.05):
    """Latency (by the smaller of two roofs), weight bytes and bit operations; a change of
    activation bits between neighbours reads and writes all that is passed on."""
    random = np.random.default_rng(seed)
    tables = []
    peak = max(macs for macs, _, _ in network.layers)
    for macs, weights, _ in network.layers:
        importance = np.exp(random.normal(0, 1))
        table = []
        for w, a in bits:
            noise = random.uniform(0.8, 1.2, 2)
            loss = importance * (4.0**-w * noise[0] + 0.7 * 4.0**-a * noise[1])
            latency = max(macs * max(w, a) / 8, 20 * weights * w / 8) / peak
            latency = latency * random.uniform(0.95, 1.05) + 0.002
            table.append([float(f"{x:.6g}") for x in
                          (loss, latency, weights * w / 8, macs * w * a / peak)[:metrics + 1]])
        tables.append(table)
    edges = []
    for source, reader in network.pairs:
        elements = network.layers[source][2] / 1e5
        matrix = [[float(f"{conversion * elements * (p + q) / 16 * random.uniform(0.9, 1.1):.4g}")
                   if p != q else 0.0 for _, q in bits] for _, p in bits]
        edges.append([source, reader, matrix])
    return {"name": name, "layers": tables, "edges": edges,
            "budgets": budgets(tables, metrics, tightness)}


class SplitMix64:
    """base/random.h."""

    MASK = 2**64 - 1

    def __init__(self, seed, stream):
        self.state = self.mix(seed) ^ self.mix(~stream & self.MASK)

    @classmethod
    def mix(cls, z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & cls.MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & cls.MASK
        return z ^ (z >> 31)

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & self.MASK
        return (self.mix(self.state) >> 11) * 2.0**-53


def make_seeded(seed, name, count, choices, metrics=1, tightness=0.4):
    """What RandomProblem of tests/search/solver/random_problem.h draws from the same options."""
    random = SplitMix64(seed, 77)
    tables = []
    for _ in range(count):
        weight = 0.2 + random.uniform()
        table = []
        for o in range(choices):
            step = (o + 1) / choices
            row = [random.uniform() * (weight * (1.2 - step))]
            row += [random.uniform() * (0.3 + step) for _ in range(metrics)]
            table.append(row)
        tables.append(table)
    limits = []
    for k in range(1, metrics + 1):
        low = sum(min(choice[k] for choice in layer) for layer in tables)
        high = sum(max(choice[k] for choice in layer) for layer in tables)
        limits.append(low + tightness * (high - low))
    return {"name": name, "layers": tables, "budgets": limits,
            "seeded": {"seed": seed, "layers": count, "choices": choices, "budgets": metrics,
                       "tightness": tightness}}


class LinearProgram:
    """The problem as a mixed-integer linear program: a 0/1 variable per choice, one per pair of
    choices of an edge with both marginals, one per interaction."""

    def __init__(self, problem):
        self.problem = problem
        tables = problem["layers"]
        self.start, self.price = [], []
        for layer in tables:
            self.start.append(len(self.price))
            self.price += [choice[0] for choice in layer]
        self.choices = len(self.price)
        self.entries, self.lower, self.upper = [], [], []
        for i, layer in enumerate(tables):
            self.row([(self.start[i] + o, 1.0) for o in range(len(layer))], 1, 1)
        used = [[(self.start[i] + o, choice[k + 1]) for i, layer in enumerate(tables)
                 for o, choice in enumerate(layer)] for k in range(len(problem["budgets"]))]
        for a, b, matrix in problem.get("edges", []):
            used[0] += self.edge(a, b, matrix)
        for interaction in problem.get("interactions", []):
            self.interaction(*interaction)
        for k, limit in enumerate(problem["budgets"]):
            self.row(used[k], -np.inf, limit)

    def row(self, terms, low, high):
        self.entries.extend((len(self.lower), column, value) for column, value in terms)
        self.lower.append(low)
        self.upper.append(high)

    def edge(self, a, b, matrix):
        first, rows, columns = len(self.price), len(matrix), len(matrix[0])
        self.price += [0.0] * (rows * columns)
        for o in range(rows):
            self.row([(first + o * columns + p, 1.0) for p in range(columns)] +
                     [(self.start[a] + o, -1.0)], 0, 0)
        for p in range(columns):
            self.row([(first + o * columns + p, 1.0) for o in range(rows)] +
                     [(self.start[b] + p, -1.0)], 0, 0)
        return [(first + o * columns + p, matrix[o][p])
                for o in range(rows) for p in range(columns)]

    def interaction(self, a, o, b, p, loss):
        both = len(self.price)
        self.price.append(loss)
        x, y = self.start[a] + o, self.start[b] + p
        self.row([(both, 1.0), (x, -1.0)], -np.inf, 0)
        self.row([(both, 1.0), (y, -1.0)], -np.inf, 0)
        self.row([(both, 1.0), (x, -1.0), (y, -1.0)], -1, np.inf)

    def matrix(self):
        rows, columns, values = zip(*self.entries)
        return coo_matrix((values, (rows, columns)),
                          shape=(len(self.lower), len(self.price))).tocsr()

    def loss_of(self, x):
        """The loss of a rounded solution: a solver's own sum carries its tolerances."""
        tables = self.problem["layers"]
        chosen = [int(np.argmax(x[self.start[i]:self.start[i] + len(layer)]))
                  for i, layer in enumerate(tables)]
        loss = sum(layer[o][0] for layer, o in zip(tables, chosen))
        for a, o, b, p, extra in self.problem.get("interactions", []):
            loss += extra if chosen[a] == o and chosen[b] == p else 0
        return loss


def solve_with_highs(problem, time_limit, presolve=True):
    """(status, loss or None, seconds): the optimum without a gap, as far as time allows."""
    program = LinearProgram(problem)
    matrix = program.matrix()
    integral = np.array([1] * program.choices + [0] * (len(program.price) - program.choices))
    begin = time.perf_counter()
    result = milp(program.price, constraints=LinearConstraint(matrix, program.lower, program.upper),
                  integrality=integral, bounds=Bounds(0, 1),
                  options={"mip_rel_gap": 0, "time_limit": time_limit, "presolve": presolve})
    seconds = time.perf_counter() - begin
    if result.status == 2:
        return "INFEASIBLE", None, seconds
    if result.status != 0:
        return "UNPROVEN", None, seconds
    return "OPTIMAL", program.loss_of(result.x), seconds
