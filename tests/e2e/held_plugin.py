"""The example plug-in, held back: it tells its first rows at once, and each further one when a file
that the test makes is there. Every row is written to a file as it is told.

held_plugin.py PROTO_FOLDER SERVER NAME FREE_ROWS GATE_FILE LOG_FILE

With "never" for FREE_ROWS it tells no row at all, only signs of life.
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
told = 0


def held_measure(layer, precision, batch):
    global told
    while told >= int(sys.argv[4]) and not os.path.exists(sys.argv[5]):
        time.sleep(0.02)
    told += 1
    with open(sys.argv[6], "a") as log:
        log.write(f"{layer.name} {precision}\n")
    return measure(layer, precision, batch)


def never_measured(request, context):
    yield plugin.api.ProfileResponse(device=plugin.DEVICE)
    with open(sys.argv[6], "a") as log:
        log.write("asked\n")
    while context.is_active():
        yield plugin.api.ProfileResponse(detail="still at it")
        time.sleep(0.1)


plugin.measure = held_measure
if sys.argv[4] == "never":
    plugin.profile = never_measured
plugin.main()
