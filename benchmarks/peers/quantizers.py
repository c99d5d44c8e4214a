#!/usr/bin/env python3
"""All layers alike, w2a8 to w5a8, with each tool's own quantizers, on the shipped networks' held-out samples.

  ~/.cache/halftone/peer-tools/bin/python quantizers.py [--tools halftone,aimet] [--rounding]
"""

import answers
import table

BITS = (2, 3, 4, 5)


def uniform(tool, network, way, missing):
    for bits in missing:
        yield bits, tool.uniform(network, bits, way), {}


def main():
    options = answers.arguments(__doc__)

    def ways_of(tool):
        return [way for way, kind in tool.QUANTIZERS.items() if options.rounding or kind == "ranges"]

    table.show(*answers.collect(options, "uniform", ways_of, BITS, uniform,
                                lambda network, bits, found: table.Row(network, f"w{bits}a8", found)))


if __name__ == "__main__":
    main()
