#!/usr/bin/python3
"""Makes version3.sql and version3_blobs/ again: a state directory as the last program of schema version 3 left it.

The tables are made by that program's own SQL, from the history of this repository; the rows and the
blobs are of a state directory that such a program wrote, for example, built at 55acb82, by

  halftone search tests/data/tiny-digits/model_folded.onnx --data tests/data/tiny-digits/calib.npz
    --target bitfusion --samples 8 --draws 1 --evaluations 0 --state-dir STATE

Kept are the database, and of the blobs those that the jobs' results are, or are solved again from.

  tests/data/state/make_version3.py STATE
"""

import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

COMMIT = "55acb82"  # the parent of the one that brought version 4
SOURCE = "server/jobs/sqlite/state_database.cc"
HERE = pathlib.Path(__file__).parent


def empty_database():
    """As the program of that commit makes it."""
    text = subprocess.run(["git", "show", f"{COMMIT}:{SOURCE}"], cwd=HERE, capture_output=True,
                          text=True, check=True).stdout
    steps = re.findall(r'R"sql\((.*?)\)sql"', text, re.DOTALL)
    database = sqlite3.connect(":memory:")
    for step in steps:
        database.executescript(step)
    return database, len(steps)


def copy_rows(source, target, version):
    [[found]] = source.execute("PRAGMA user_version")
    if found != version:
        sys.exit(f"the state directory has version {found}, not {version}")
    target.execute("DELETE FROM store_revision")
    for [table] in target.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall():
        columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
        target.execute(f"DELETE FROM {table}")
        target.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            source.execute(f"SELECT {', '.join(columns)} FROM {table}"))


def blob(folder, sha256):
    return folder / sha256[:2] / sha256


def keep_blobs(database, state):
    kept = set()
    for [result] in database.execute("SELECT result_sha256 FROM jobs WHERE result_sha256 != ''"):
        kept.add(result)
        for name in json.loads(blob(state / "blobs", result).read_text())["tables"].values():
            if "key" in name:
                kept.update(row[0] for row in database.execute(
                    "SELECT sha256 FROM stage_outputs WHERE key = ?", (name["key"],)))
    blobs = HERE / "version3_blobs"
    shutil.rmtree(blobs, ignore_errors=True)
    for sha256 in kept:
        blob(blobs, sha256).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(blob(state / "blobs", sha256), blob(blobs, sha256))


def main():
    state = pathlib.Path(sys.argv[1])
    database, version = empty_database()
    copy_rows(sqlite3.connect(state / "state.db"), database, version)
    database.commit()
    with open(HERE / "version3.sql", "w") as file:
        file.write(f"-- The tables of schema version {version}, as its program made them, with a search.\n"
                   "-- Made by make_version3.py.\n"
                   "PRAGMA foreign_keys = OFF;\n")
        for line in database.iterdump():
            file.write(line + "\n")
        file.write(f"PRAGMA user_version = {version};\n")
    keep_blobs(database, state)


if __name__ == "__main__":
    main()
