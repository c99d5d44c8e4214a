"""Runs a test of this folder in the environment that install.sh makes.

  in_environment.py TEST.py [ARGUMENT..]

Without the environment, or with one of other requirements, it says so and exits with 77, which ctest
shows as skipped.
"""

import filecmp
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77


def main():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    environment = os.path.join(cache, "halftone", "peers")
    installed = os.path.join(environment, "requirements.txt")
    if not os.path.exists(installed):
        print(f"skipped: no other libraries in {environment}; tests/peers/install.sh installs them")
        return SKIPPED
    if not filecmp.cmp(installed, os.path.join(FOLDER, "requirements.txt"), shallow=False):
        print(f"skipped: {environment} is of other requirements; tests/peers/install.sh renews it")
        return SKIPPED
    python = os.path.join(environment, "bin", "python")
    sys.stdout.flush()
    return os.execv(python, [python, os.path.join(FOLDER, sys.argv[1]), *sys.argv[2:]])


if __name__ == "__main__":
    sys.exit(main())
