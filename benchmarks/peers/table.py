"""Tables of KL / accuracy, and Halftone's ratio to the best of the others."""

import judge


class Row:
    """One network and one demand; `found`: {tool: {way: answer or None}}."""

    def __init__(self, network, demand, found):
        self.network, self.demand = network, demand
        self.best = {tool: self._best(ways) for tool, ways in found.items()}

    def cell(self, tool):
        if self.best.get(tool) is None:
            return ""
        way, answer, divergences = self.best[tool]
        return f"{divergences.mean():.5f} / {judge.accuracy(answer.logits, self.network.held_out['labels']):.2f} {way}"

    def ratio(self, samples=slice(None)):
        """Halftone over the best of the others on these samples; None without both."""
        others = [best for tool, best in self.best.items() if tool != "halftone" and best]
        if not others or not self.best.get("halftone"):
            return None
        nearest = min(others, key=lambda best: best[2].mean())
        return judge.paired_ratio(self.best["halftone"][2][samples], nearest[2][samples])

    def _best(self, ways):
        answers = [(way, answer, judge.divergences(self.network.logits, answer.logits))
                   for way, answer in ways.items() if answer]
        return min(answers, key=lambda answer: answer[2].mean(), default=None)


def show(rows, tools):
    names = [tool.NAME for tool in tools.values()]
    print("| network | | " + " | ".join(names) + " | ratio to the best |")
    print("|---" * (len(names) + 3) + "|")
    for row in rows:
        ratio = row.ratio()
        said = "" if ratio is None else f"{ratio}{' above' if ratio.is_above_one else ''}"
        print(f"| {row.network.name} | {row.demand} | " + " | ".join(row.cell(tool) for tool in tools) + f" | {said} |")
    ratios = [row.ratio() for row in rows]
    if rows and all(ratios):
        mean = judge.geometric_mean([ratio.value for ratio in ratios])
        halves = [judge.geometric_mean([row.ratio(slice(first, None, 2)).value for row in rows]) for first in (0, 1)]
        print(f"geometric mean {mean:.3f}; of even and of odd samples {halves[0]:.3f}, {halves[1]:.3f}")
