"""What the compared tools answered, kept in a folder so that an interrupted comparison goes on where it was."""

import argparse
import collections
import functools
import importlib
import json
import pathlib
import sys
import time
import traceback

import numpy as np

import judge
import shipped

TOOLS = ("halftone", "aimet", "model_opt", "mct", "onnx_runtime")
Answer = collections.namedtuple("Answer", "logits bits")


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(shipped.FILES))
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--cache", default="/tmp/halftone-peers", type=pathlib.Path)
    parser.add_argument("--held-out", default=shipped.DATA / "eval.npz", help=".npz with `input` and `labels`")
    parser.add_argument("--rounding", action="store_true", help="also quantizers that learn to round: minutes a row")
    parser.add_argument("--show", action="store_true", help="ask nothing more: only what the cache has")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    return options


def load_tools(names):
    """{name: module} of those that are installed; says which are not."""
    tools = {}
    for name in names.split(","):
        try:
            tools[name] = importlib.import_module("tools." + name)
            print(f"{tools[name].NAME} {tools[name].version()}", file=sys.stderr)
        except ImportError as error:
            print(f"skipped: {name} is not installed ({error})", file=sys.stderr)
    return tools


class Answers:
    """Logits on the held-out samples by (what was asked, bits)."""

    def __init__(self, options, network, tool, way):
        self.network = network
        self.is_closed = options.show
        self._prefix = options.cache / f"{network.name}.{tool}.{way}"

    def has(self, bits):
        return self._path(bits).exists()

    def get(self, bits):
        """None: the tool has no such thing, or failed."""
        if not self.has(bits):
            return None
        stored = np.load(self._path(bits))
        return Answer(stored["logits"], json.loads(str(stored["bits"]))) if "logits" in stored else None

    def put(self, bits, logits, chosen, seconds):
        if logits is None:
            np.savez(self._path(bits))
            return
        np.savez(self._path(bits), logits=logits, bits=json.dumps(chosen))
        divergence = judge.divergences(self.network.logits, logits).mean()
        print(f"{self._path(bits).stem}: KL {divergence:.5f}, {seconds:.0f} s", file=sys.stderr, flush=True)

    def _path(self, bits):
        return pathlib.Path(f"{self._prefix}.{bits}.npz")


def collect(options, kind, ways_of, wanted, make, row):
    """Rows of a table: `row` makes one of (network, what was wanted, {tool: {way: answer or None}}).

    `ways_of(tool)` names the tool's ways; make(tool, network, way, missing) yields what `attempt` wants.
    """
    tools = load_tools(options.tools)
    rows = []
    for name in options.networks.split(","):
        network = shipped.Network(name, options.held_out)
        asked = {}
        for tool_name, tool in tools.items():
            asked[tool_name] = {way: Answers(options, network, tool_name, f"{kind}.{way}") for way in ways_of(tool)}
            for way, stored in asked[tool_name].items():
                attempt(stored, wanted, functools.partial(make, tool, network, way))
        for bits in wanted:
            rows.append(row(network, bits, {tool: {way: stored.get(bits) for way, stored in ways.items()}
                                            for tool, ways in asked.items()}))
    return rows, tools


def attempt(answers, wanted, make):
    """Has make(missing) yield (bits, logits, chosen) for the wanted bits that are not known; a tool may fail."""
    missing = [bits for bits in wanted if not answers.is_closed and not answers.has(bits)]
    started = time.perf_counter()
    try:
        for bits, logits, chosen in make(missing) if missing else ():
            answers.put(bits, logits, chosen, time.perf_counter() - started)
            started = time.perf_counter()
    except Exception:  # of a library
        traceback.print_exc(limit=2)
