"""Problems for the solver alone."""

import random


def hard_problem(layers=60, choices=8, rows=40):
    """Losses between all layers that nothing but time can sort out."""
    draw = random.Random(1)
    names = [f"l{i}" for i in range(layers)]
    columns = [(name, f"c{o}") for name in names for o in range(choices)]
    return {
        "layers": [{"name": name, "choices": [
            {"name": f"c{o}", "loss": draw.random() / (o + 1), "cost": {"size_bytes": o + draw.random()}}
            for o in range(choices)]} for name in names],
        "interaction_rows": {"choices": columns, "rows": [
            [draw.gauss(0, 1) for _ in columns] for _ in range(rows)]},
        "budgets": {"size_bytes": 200}}
