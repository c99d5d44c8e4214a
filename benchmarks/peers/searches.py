#!/usr/bin/env python3
"""Searches for 3, 4 and 5 bits of a weight in the mean, each tool with its own quantizers: end to end.

  ~/.cache/halftone/peer-tools/bin/python searches.py [--tools halftone,aimet]
"""

import answers
import table

BUDGETS = (3, 4, 5)


def search(tool, network, way, missing):
    for budget, bits, logits in tool.search(network, missing, way):
        yield budget, logits, bits


def row(network, budget, found):
    for ways in found.values():
        for answer in filter(None, ways.values()):
            assert network.mean_bits(answer.bits) <= budget + 1e-6
    return table.Row(network, f"{budget} bits", found)


def main():
    options = answers.arguments(__doc__)
    table.show(*answers.collect(options, "search", lambda tool: tool.SEARCHES, BUDGETS, search, row))


if __name__ == "__main__":
    main()
