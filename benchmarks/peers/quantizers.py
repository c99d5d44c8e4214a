#!/usr/bin/env python3
"""All layers alike, w2a8 to w5a8, with each tool's own quantizers, on the shipped networks' held-out samples.

  ~/.cache/halftone/peer-tools/bin/python quantizers.py [--tools halftone,aimet] [--rounding]
"""

import answers
import shipped
import table

BITS = (2, 3, 4, 5)


def ask(tools, network, options):
    """{tool: {quantizer: its answers}}"""
    asked = {}
    for name, tool in tools.items():
        ways = [way for way, kind in tool.QUANTIZERS.items() if options.rounding or kind == "ranges"]
        asked[name] = {}
        for way in ways:
            asked[name][way] = answers.Answers(options, network, name, f"uniform.{way}")
            answers.attempt(asked[name][way], BITS,
                            lambda missing: ((bits, tool.uniform(network, bits, way), {}) for bits in missing))
    return asked


def main():
    options = answers.arguments(__doc__)
    tools = answers.load_tools(options.tools)
    rows = []
    for name in options.networks.split(","):
        network = shipped.Network(name, options.held_out)
        asked = ask(tools, network, options)
        rows += [table.Row(network, f"w{bits}a8", {tool: {way: stored.get(bits) for way, stored in ways.items()}
                                                    for tool, ways in asked.items()}) for bits in BITS]
    table.show(rows, tools)


if __name__ == "__main__":
    main()
