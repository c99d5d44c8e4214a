"""Makes tests/data/solver_oracle.json: problems with the optima that HiGHS proves.

Run with the distribution's python3-scipy:  python3 tests/search/solver/make_oracle.py
Problems are stored compactly: per layer a list of choices, each [loss, cost of metric 0, ...];
edges as [from, to, matrix of the cost of metric 0]; interactions as [layer, choice, layer, choice,
loss]. Optima have no gap (mip_rel_gap 0); a problem that HiGHS does not finish is left out.
"""

import json
import os
import time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

TIME_LIMIT_SECONDS = 60


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


def residual_edges(random, count, choices, scale):
    """A chain with a skip over every second layer, as in a residual network."""
    pairs = [(i, i + 1) for i in range(count - 1)] + [(i, i + 3) for i in range(0, count - 3, 2)]
    edges = []
    for a, b in pairs:
        matrix = scale * random.uniform(0.2, 1, (choices, choices)) * (1 - np.eye(choices))
        edges.append([a, b, [[float(f"{x:.4g}") for x in row] for row in matrix]])
    return edges


def make(seed, name, count, choices, metrics=1, tightness=0.4, kind="bits", edges=0.0, pairs=0):
    random = np.random.default_rng(seed)
    tables = layers(random, count, choices, metrics, kind)
    problem = {"name": name, "layers": tables, "budgets": budgets(tables, metrics, tightness)}
    if edges:
        problem["edges"] = residual_edges(random, count, choices, edges)
    if pairs:
        problem["interactions"] = []
        drawn = set()
        while len(drawn) < pairs:
            a, b = sorted(int(x) for x in random.choice(count, 2, replace=False))
            o, p = (int(x) for x in random.integers(0, choices, 2))
            if (a, o, b, p) not in drawn:
                drawn.add((a, o, b, p))
                loss = float(f"{random.normal(0, 0.05):.4g}")
                problem["interactions"].append([a, o, b, p, loss])
    return problem


def solve(problem):
    """The optimum, or None when HiGHS does not prove one in time."""
    tables = problem["layers"]
    start, price = [], []
    for layer in tables:
        start.append(len(price))
        price += [choice[0] for choice in layer]
    entries, lower, upper = [], [], []

    def row(terms, low, high):
        entries.extend((len(lower), column, value) for column, value in terms)
        lower.append(low)
        upper.append(high)

    for i, layer in enumerate(tables):
        row([(start[i] + o, 1.0) for o in range(len(layer))], 1, 1)
    used = [
        [(start[i] + o, choice[k + 1]) for i, layer in enumerate(tables)
         for o, choice in enumerate(layer)]
        for k in range(len(problem["budgets"]))
    ]
    choices = len(price)
    for a, b, matrix in problem.get("edges", []):
        first = len(price)
        rows, columns = len(matrix), len(matrix[0])
        price += [0.0] * (rows * columns)
        for o in range(rows):
            row([(first + o * columns + p, 1.0) for p in range(columns)] + [(start[a] + o, -1.0)],
                0, 0)
        for p in range(columns):
            row([(first + o * columns + p, 1.0) for o in range(rows)] + [(start[b] + p, -1.0)],
                0, 0)
        used[0] += [(first + o * columns + p, matrix[o][p])
                    for o in range(rows) for p in range(columns)]
    for a, o, b, p, loss in problem.get("interactions", []):
        both = len(price)
        price.append(loss)
        x, y = start[a] + o, start[b] + p
        row([(both, 1.0), (x, -1.0)], -np.inf, 0)
        row([(both, 1.0), (y, -1.0)], -np.inf, 0)
        row([(both, 1.0), (x, -1.0), (y, -1.0)], -1, np.inf)
    for k, limit in enumerate(problem["budgets"]):
        row(used[k], -np.inf, limit)
    r, c, v = zip(*entries)
    matrix = coo_matrix((v, (r, c)), shape=(len(lower), len(price))).tocsr()
    integral = np.array([1] * choices + [0] * (len(price) - choices))
    result = milp(price, constraints=LinearConstraint(matrix, lower, upper), integrality=integral,
                  bounds=Bounds(0, 1), options={"mip_rel_gap": 0, "time_limit": TIME_LIMIT_SECONDS})
    if result.status == 2:
        return {"status": "INFEASIBLE"}
    if result.status != 0:
        return None
    # The loss of the rounded selection: HiGHS's own sum carries its tolerances.
    chosen = [int(np.argmax(result.x[start[i]:start[i] + len(layer)]))
              for i, layer in enumerate(tables)]
    loss = sum(layer[o][0] for layer, o in zip(tables, chosen))
    for a, o, b, p, extra in problem.get("interactions", []):
        loss += extra if chosen[a] == o and chosen[b] == p else 0
    return {"status": "OPTIMAL", "loss": loss}


def problems():
    seed = 1000
    for tightness in (0.1, 0.3, 0.6):
        for kind in ("bits", "uncorrelated", "correlated"):
            yield make(seed, f"{kind} 40x6 {tightness}", 40, 6, tightness=tightness, kind=kind)
            yield make(seed + 1, f"{kind} 25x6 two budgets {tightness}", 25, 6, 2, tightness, kind)
            seed += 2
        yield make(seed, f"bits 50x25 two budgets {tightness}", 50, 25, 2, tightness)
        yield make(seed + 1, f"bits 30x8 three budgets {tightness}", 30, 8, 3, tightness)
        yield make(seed + 2, f"edges 15x6 {tightness}", 15, 6, 1, tightness, edges=0.2)
        yield make(seed + 3, f"edges 30x4 {tightness}", 30, 4, 1, tightness, edges=0.1)
        yield make(seed + 4, f"edges 20x4 two budgets {tightness}", 20, 4, 2, tightness, edges=0.1)
        yield make(seed + 5, f"interactions 12x4 {tightness}", 12, 4, 1, tightness, pairs=60)
        seed += 6
    yield make(seed, "edges 54x4", 54, 4, 1, 0.4, edges=0.1)
    yield make(seed + 1, "bits 1000x8", 1000, 8, 1, 0.4)
    yield make(seed + 2, "uncorrelated 1000x8", 1000, 8, 1, 0.3, "uncorrelated")
    yield make(seed + 3, "infeasible", 10, 4, 2, -0.01)


def main():
    stored = []
    for problem in problems():
        begin = time.time()
        optimum = solve(problem)
        print(f"{problem['name']:40s} {time.time() - begin:7.2f} s  {optimum}", flush=True)
        if optimum is not None:
            stored.append({**problem, **optimum})
    path = os.path.join(os.path.dirname(__file__), "..", "..", "data", "solver_oracle.json")
    with open(path, "w") as out:
        json.dump({"script": "tests/search/solver/make_oracle.py", "problems": stored}, out,
                  separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
