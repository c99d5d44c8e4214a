"""Makes tests/data/solver_oracle.json: problems with the optima that HiGHS proves.

Run with the distribution's python3-scipy and python3-onnx:
    /usr/bin/python3 tests/search/solver/make_oracle.py
Optima have no gap (mip_rel_gap 0); a problem that HiGHS does not finish is left out. Large
separable problems are stored by the seed that the test draws them from, with the optimum alone.
"""

import json
import os

import problem_suite as suite

TIME_LIMIT_SECONDS = 120
NETWORKS = os.path.join(os.path.dirname(__file__), "..", "..", "data", "networks")


def random_problems():
    seed = 1000
    for tightness in (0.1, 0.3, 0.6):
        for kind in ("bits", "uncorrelated", "correlated"):
            yield suite.make(seed, f"{kind} 40x6 {tightness}", 40, 6, tightness=tightness,
                             kind=kind)
            yield suite.make(seed + 1, f"{kind} 25x6 two budgets {tightness}", 25, 6, 2, tightness,
                             kind)
            seed += 2
        yield suite.make(seed, f"bits 50x25 two budgets {tightness}", 50, 25, 2, tightness)
        yield suite.make(seed + 1, f"bits 30x8 three budgets {tightness}", 30, 8, 3, tightness)
        yield suite.make(seed + 2, f"edges 15x6 {tightness}", 15, 6, 1, tightness, edges=0.2)
        yield suite.make(seed + 3, f"edges 30x4 {tightness}", 30, 4, 1, tightness, edges=0.1)
        yield suite.make(seed + 4, f"edges 20x4 two budgets {tightness}", 20, 4, 2, tightness,
                         edges=0.1)
        yield suite.make(seed + 5, f"interactions 12x4 {tightness}", 12, 4, 1, tightness, pairs=60)
        seed += 6
    yield suite.make(seed, "edges 54x4", 54, 4, 1, 0.4, edges=0.1)
    yield suite.make(seed + 1, "bits 1000x8", 1000, 8, 1, 0.4)
    yield suite.make(seed + 2, "uncorrelated 1000x8", 1000, 8, 1, 0.3, "uncorrelated")
    yield suite.make(seed + 3, "infeasible", 10, 4, 2, -0.01)


def network_problems():
    networks = {"resnet50": suite.resnet50(), "mobilenet_v2": suite.mobilenet_v2()}
    for file in ("resnet14_folded", "mobilenetv2_folded", "vit"):
        networks[file] = suite.onnx_network(os.path.join(NETWORKS, file + ".onnx"))
    for name, network in networks.items():
        for metrics in (1, 2):
            yield suite.make_network(3000 + metrics, f"{name} {metrics} budgets", network, metrics)


def seeded_problems():
    for count, choices, metrics, tightness in ((2000, 8, 1, 0.4), (5000, 8, 1, 0.2),
                                               (10000, 8, 1, 0.4), (50, 25, 2, 0.4),
                                               (50, 25, 2, 0.2), (50, 25, 3, 0.4),
                                               (50, 25, 3, 0.6)):
        yield suite.make_seeded(4000 + count + metrics,
                                f"seeded {count}x{choices} {metrics} budgets {tightness}", count,
                                choices, metrics, tightness)


def main():
    stored = []
    for problems in (random_problems(), network_problems(), seeded_problems()):
        for problem in problems:
            status, loss, seconds = suite.solve_with_highs(problem, TIME_LIMIT_SECONDS)
            print(f"{problem['name']:40s} {seconds:7.2f} s  {status} {loss}", flush=True)
            if status == "UNPROVEN":
                continue
            if "seeded" in problem:
                problem = {"name": problem["name"], "seeded": problem["seeded"]}
            stored.append({**problem, "status": status, **({} if loss is None else {"loss": loss})})
    path = os.path.join(os.path.dirname(__file__), "..", "..", "data", "solver_oracle.json")
    with open(path, "w") as out:
        json.dump({"script": "tests/search/solver/make_oracle.py", "problems": stored}, out,
                  separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
