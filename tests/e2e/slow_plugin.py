"""The example plug-in, slowed down: every row takes a while, and is written to a file as it is told.

slow_plugin.py PROTO_FOLDER SERVER NAME SECONDS_PER_ROW LOG_FILE
"""

import importlib.util
import os
import sys
import time

path = os.path.join(os.environ["HALFTONE_SOURCE_DIR"], "docs/examples/profiler_plugin.py")
spec = importlib.util.spec_from_file_location("profiler_plugin", path)
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
measure = plugin.measure


def slow_measure(layer, precision, batch):
    time.sleep(float(sys.argv[4]))
    with open(sys.argv[5], "a") as log:
        log.write(f"{layer.name} {precision}\n")
    return measure(layer, precision, batch)


plugin.measure = slow_measure
plugin.main()
