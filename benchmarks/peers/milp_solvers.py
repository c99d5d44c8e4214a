"""The solver's speed beside general mixed-integer solvers, in one run on the same problems.

    /usr/bin/python3 benchmarks/peers/milp_solvers.py --halftone build/bin/halftone

HiGHS is the one in the distribution's python3-scipy; CBC (package coinor-cbc) takes part where the
command `cbc` is found. Halftone's time is the `seconds` of `halftone solve --json`: from the
problem in memory to a proven solution. HiGHS's is that of the call of scipy.optimize.milp, CBC's
the one that it prints. All run on one thread, without a gap, and all optima must agree to 1e-6.
"""

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "search", "solver"))
import problem_suite as suite  # noqa: E402

AGREEMENT = 1e-6
os.environ.setdefault("OMP_NUM_THREADS", "1")


def problems():
    """(problem, the most seconds that Halftone may take, or None)"""
    for seed in (1, 2, 3):
        yield suite.make_seeded(seed, f"1000x8 one budget #{seed}", 1000, 8), 0.020
    for seed in (1, 2, 3):
        yield suite.make_seeded(seed, f"1000x8 two budgets #{seed}", 1000, 8, 2), None
    for seed in (1, 2):
        yield suite.make(seed, f"1000x8 bits, two budgets #{seed}", 1000, 8, 2), None
    for seed in (1, 2, 3):
        yield suite.make_correlated(seed, f"200x8 strongly correlated #{seed}", 200, 8), None
    for metrics in (1, 2):
        for seed in (1, 2):
            yield suite.make_coarse(seed, f"1000x8 coarse, {metrics} budgets #{seed}", 1000, 8,
                                    metrics), None
    for seed in (1, 2, 3):
        yield suite.make_seeded(seed, f"10000x8 one budget #{seed}", 10000, 8), 0.300
    for seed in (1, 2, 3):
        yield suite.make_seeded(seed, f"50x25 two budgets #{seed}", 50, 25, 2), 0.100
    for seed in (4, 5, 6):
        yield suite.make(seed, f"50x25 bits, two budgets #{seed}", 50, 25, 2), 0.100
    for kind in ("bits", "uncorrelated", "correlated"):
        yield suite.make(10, f"100x8 {kind}", 100, 8, kind=kind), None
        yield suite.make(11, f"30x5 {kind}", 30, 5, kind=kind), None
    for seed in (1, 2):
        yield suite.make(20 + seed, f"50x25 bits, three budgets #{seed}", 50, 25, 3), None
        yield suite.make(30 + seed, f"20x6 random edges #{seed}", 20, 6, edges=0.1), None
        yield suite.make(40 + seed, f"54x4 random edges #{seed}", 54, 4, edges=0.1), None
    networks = {"ResNet-50": suite.resnet50(), "MobileNetV2": suite.mobilenet_v2()}
    for name, network in networks.items():
        for metrics in (1, 2, 3):
            for tightness in (0.2, 0.5):
                yield suite.make_network(50 + metrics, f"{name}, {metrics} budgets, {tightness}",
                                         network, metrics, tightness), None


def to_document(problem):
    """The problem as `halftone solve` reads it."""
    def metric(k):
        return f"m{k}"

    document = {"budgets": {metric(k): limit for k, limit in enumerate(problem["budgets"])},
                "layers": [], "edges": []}
    for i, layer in enumerate(problem["layers"]):
        document["layers"].append({"name": f"l{i}", "choices": [
            {"name": f"c{o}", "loss": row[0],
             "cost": {metric(k): cost for k, cost in enumerate(row[1:])}}
            for o, row in enumerate(layer)]})
    for a, b, matrix in problem.get("edges", []):
        costs = [{"from": f"c{o}", "to": f"c{p}", "cost": {metric(0): value}}
                 for o, row in enumerate(matrix) for p, value in enumerate(row) if value]
        document["edges"].append({"from": f"l{a}", "to": f"l{b}", "cost": costs})
    return document


def run_halftone(halftone, problem, folder, repeat, time_limit):
    path = os.path.join(folder, "problem.json")
    with open(path, "w") as out:
        json.dump(to_document(problem), out)
    command = [halftone, "solve", path, "--json", "--no-explain", "--time-limit", str(time_limit)]
    seconds = []
    for _ in range(repeat):
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        result = json.loads(answer.stdout)
        seconds.append(result["seconds"])
        if result["seconds"] > 1:
            break
    return result["status"], result.get("loss"), statistics.median(seconds)


def write_lp(problem, path):
    program = suite.LinearProgram(problem)
    rows = {}
    for row, column, value in program.entries:
        rows.setdefault(row, []).append(f"{value:+.17g} x{column}")
    with open(path, "w") as out:
        terms = [f"{price:+.17g} x{i}" for i, price in enumerate(program.price) if price]
        out.write("Minimize\n obj: " + "\n  ".join(terms) + "\nSubject To\n")
        for row, terms in rows.items():
            low, high = program.lower[row], program.upper[row]
            body = "\n  ".join(terms)
            if low == high:
                out.write(f" r{row}: {body} = {low:.17g}\n")
            elif math.isinf(low):
                out.write(f" r{row}: {body} <= {high:.17g}\n")
            else:
                out.write(f" r{row}: {body} >= {low:.17g}\n")
        out.write("Bounds\n")
        out.writelines(f" 0 <= x{i} <= 1\n" for i in range(len(program.price)))
        out.write("Binaries\n")
        out.writelines(f" x{i}\n" for i in range(program.choices))
        out.write("End\n")
    return program


def run_cbc(cbc, problem, folder, time_limit):
    path, answer = os.path.join(folder, "problem.lp"), os.path.join(folder, "answer.txt")
    program = write_lp(problem, path)
    run = subprocess.run([cbc, path, "ratio", "0", "allow", "0", "sec", str(time_limit), "threads",
                          "0", "solve", "solution", answer],
                         capture_output=True, text=True, check=False)
    taken = re.search(r"Total time \(CPU seconds\):\s+\S+\s+\(Wallclock seconds\):\s+(\S+)",
                      run.stdout)
    seconds = float(taken.group(1)) if taken else time_limit
    x = [0.0] * len(program.price)
    with open(answer) as lines:
        status = next(lines)
        for line in lines:
            fields = line.split()
            if fields[0] == "**":
                fields = fields[1:]
            x[int(fields[1][1:])] = float(fields[2])
    if status.startswith("Infeasible") or "infeasible" in status:
        return "INFEASIBLE", None, seconds
    if not status.startswith("Optimal"):
        return "UNPROVEN", None, seconds
    return "OPTIMAL", program.loss_of(x), seconds


def agree(one, other):
    if "UNPROVEN" in (one[0], other[0]) or "FEASIBLE" in (one[0], other[0]):
        return True
    if one[0] != other[0]:
        return False
    return one[1] is None or abs(one[1] - other[1]) <= AGREEMENT * max(1, abs(one[1]))


def summarize(name, ratios):
    if not ratios:
        return
    ratios = sorted(ratios)
    mean = math.exp(sum(math.log(r) for r in ratios) / len(ratios))
    print(f"{name} over Halftone: median {statistics.median(ratios):.1f}, geometric mean "
          f"{mean:.1f}, from {ratios[0]:.2f} to {ratios[-1]:.1f}, {len(ratios)} problems; slower "
          f"than {name} in {sum(r < 1 for r in ratios)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--halftone", required=True, help="the command")
    parser.add_argument("--cbc", default=shutil.which("cbc"), help="the command, if there is one")
    parser.add_argument("--only", default="", help="problems whose name contains this")
    parser.add_argument("--repeat", type=int, default=5, help="of Halftone; the median counts")
    parser.add_argument("--time-limit", type=float, default=60, help="seconds per problem")
    parser.add_argument("--without-peers", action="store_true", help="Halftone alone")
    arguments = parser.parse_args()
    ratios, failures = {"HiGHS": [], "CBC": []}, []
    print(f"{'problem':38s} {'Halftone':>10s} {'HiGHS':>10s} {'CBC':>10s}  optimum")
    for problem, most in problems():
        if arguments.only not in problem["name"]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            own = run_halftone(arguments.halftone, problem, folder, arguments.repeat,
                               arguments.time_limit)
            peers = {}
            if not arguments.without_peers:
                peers["HiGHS"] = suite.solve_with_highs(problem, arguments.time_limit)
                if arguments.cbc:
                    peers["CBC"] = run_cbc(arguments.cbc, problem, folder, arguments.time_limit)
        cells = []
        for name in ("HiGHS", "CBC"):
            peer = peers.get(name)
            if peer is None:
                cells.append(f"{'-':>10s}")
                continue
            late = ">" if peer[0] == "UNPROVEN" else ""
            cells.append(f"{late + format(1e3 * peer[2], '.1f'):>10s}")
            ratios[name].append(peer[2] / own[2])
            if not agree(own, peer):
                failures.append(f"{problem['name']}: {name} says {peer[:2]}, not {own[:2]}")
        if own[0] not in ("OPTIMAL", "INFEASIBLE"):
            failures.append(f"{problem['name']}: not proven in {own[2]:.1f} s")
        if most is not None and own[2] > most:
            failures.append(f"{problem['name']}: took {1e3 * own[2]:.1f} ms, not {1e3 * most:.0f}")
        loss = "-" if own[1] is None else f"{own[1]:.9g}"
        print(f"{problem['name']:38s} {1e3 * own[2]:10.2f} {cells[0]} {cells[1]}  {own[0]} {loss}",
              flush=True)
    print("times in milliseconds; >: not proven when the time was up, which counts as the time")
    for name, values in ratios.items():
        summarize(name, values)
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
