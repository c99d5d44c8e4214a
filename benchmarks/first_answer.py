#!/usr/bin/python3
"""How long a search takes until its first usable answer, and to its end: several binaries in turn on the same machine.

  python3 first_answer.py --data FOLDER [--images 112,224] [--rounds 1] [--threads 1] [--until first] HALFTONE ..

FOLDER has what networks/resnet50.py wrote. Each search has a state directory of its own. Printed are seconds of
the processors (user and system) and of the clock, of each round, for `search --target bitfusion --budget size=0.3x`:
"first" until the first answer that is within the budgets, which is announced, or where a binary announces none the
beginning of the stage after `solve`; "losses" until all losses are measured; "end" until the result is printed; and
the most memory that was resident. Compare ratios: machines are shared.
"""

import argparse
import os
import pathlib
import resource
import subprocess
import tempfile
import time

MARKS = (("first", ("first answer:",)), ("losses", ("  solve",)), ("first", ("  refine", "  validate")))


def cpu_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(binary, data, image, threads, extra, until):
    """{mark: (processor seconds, seconds)} and the megabytes that were resident at most, both up to `until`."""
    marks = {}
    with tempfile.TemporaryDirectory() as state:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        process = subprocess.Popen(
            [binary, "search", data / f"resnet50_{image}.onnx", "--data", data / f"samples_{image}.npz", "--target",
             "bitfusion", "--budget", "size=0.3x", "--state-dir", state, "--json", *extra],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        resident = 0
        for line in process.stderr:
            seconds = cpu_seconds(process.pid)
            for name, texts in MARKS:
                if name not in marks and seconds is not None and any(text in line for text in texts):
                    marks[name] = (seconds, time.monotonic() - begin)
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                resident = max(resident, int(status.split("VmHWM:")[1].split()[0]) // 1024)
            except (OSError, IndexError):
                pass
            if until in marks:
                process.kill()
        if process.wait() != 0 and until not in marks:
            raise SystemExit(f"{binary} failed")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if until in marks:
            return marks, resident
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        marks["end"] = (used, time.monotonic() - begin)
    return marks, resident


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", nargs="+")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--images", default="112,224")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--until", default="end", choices=("first", "losses", "end"), help="where a search is ended")
    parser.add_argument("--extra", default="", help="more flags of every search, e.g. '--samples 16'")
    options = parser.parse_args()
    for image in options.images.split(","):
        for _ in range(options.rounds):
            for binary in options.binaries:
                marks, resident = run(binary, options.data, image, options.threads, options.extra.split(),
                                      options.until)
                texts = [f"{name} {marks[name][0]:.0f} s ({marks[name][1]:.0f} s)" for name in
                         ("first", "losses", "end") if name in marks]
                print(f"{image}x{image}  {binary}  {', '.join(texts)}, {resident} MB", flush=True)


if __name__ == "__main__":
    main()
