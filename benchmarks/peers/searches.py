#!/usr/bin/env python3
"""Searches for 3, 4 and 5 bits of a weight in the mean, each tool with its own quantizers: end to end.

  ~/.cache/halftone/peer-tools/bin/python searches.py [--tools halftone,aimet]
"""

import answers
import shipped
import table

BUDGETS = (3, 4, 5)


def ask(tools, network, options):
    """{tool: {way of searching: its answers}}"""
    asked = {}
    for name, tool in tools.items():
        asked[name] = {}
        for way in tool.SEARCHES:
            asked[name][way] = answers.Answers(options, network, name, f"search.{way}")
            answers.attempt(asked[name][way], BUDGETS,
                            lambda missing: ((budget, logits, bits)
                                             for budget, bits, logits in tool.search(network, missing, way)))
    return asked


def main():
    options = answers.arguments(__doc__)
    tools = answers.load_tools(options.tools)
    rows = []
    for name in options.networks.split(","):
        network = shipped.Network(name, options.held_out)
        asked = ask(tools, network, options)
        for budget in BUDGETS:
            found = {tool: {way: stored.get(budget) for way, stored in ways.items()} for tool, ways in asked.items()}
            for ways in found.values():
                for answer in filter(None, ways.values()):
                    assert network.mean_bits(answer.bits) <= budget + 1e-6
            rows.append(table.Row(network, f"{budget} bits", found))
    table.show(rows, tools)


if __name__ == "__main__":
    main()
