"""Profilers in other processes: halftone-profiler and the Python plug-in of docs/examples."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from halftone_server import (BINARY, NETWORKS, SOURCE, TINY_DIGITS, Client, Server, compile_protos,
                             read)
from waiting import PATIENCE, wait_for

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
HALFTONE = os.path.join(BINARY, "bin/halftone")
MODEL = os.path.join(TINY_DIGITS, "model.onnx")
LAYERS = ["/conv1/Conv", "/conv2/Conv", "/conv3/Conv", "/fc/Gemm"]
PLUGIN = os.path.join(SOURCE, "docs/examples/profiler_plugin.py")
HELD_PLUGIN = os.path.join(SOURCE, "tests/e2e/held_plugin.py")


class RemoteTestCase(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(lambda: self.server.close())
        self.client = Client(self.server.address, MODULES)

    def restart_server(self):
        """kill -9, and another one on the same state and address."""
        self.server.kill()
        self.server.process.stdout.close()
        address, state = self.server.address, self.server.state
        self.server = Server(state, address)
        self.server.owns_state = True
        self.client = Client(address, MODULES)

    def spawn(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True)

        def end():
            process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(end)
        return process

    def profiler(self, *flags):
        """halftone-profiler, and its address."""
        process = self.spawn(os.path.join(BINARY, "bin/halftone-profiler"), *flags)
        return process, re.search(r"127\.0\.0\.1:\d+", process.stdout.readline()).group(0)

    def registered_profiler(self, target, name, *flags):
        before = len(self.registrations(name))
        process, address = self.profiler("--target", target, "--server", self.server.address,
                                         "--name", name, *flags)
        wait_for(lambda: len(self.registrations(name)) > before)
        return process, address

    def held_plugin(self, name, free_rows):
        """The plug-in that tells so many rows and then waits, those that it has told so far, and
        what lets it tell the others."""
        folder = tempfile.mkdtemp(dir=FOLDER.name)
        log, gate = os.path.join(folder, "rows"), os.path.join(folder, "gate")
        before = len(self.registrations(name))
        process = self.spawn(sys.executable, HELD_PLUGIN, os.path.join(SOURCE, "proto"),
                             self.server.address, name, str(free_rows), gate, log)
        wait_for(lambda: len(self.registrations(name)) > before)

        def rows():
            if not os.path.exists(log):
                return []
            with open(log) as file:
                return file.read().splitlines()

        def let_go():
            with open(gate, "w"):
                pass

        return process, rows, let_go

    def registrations(self, name):
        targets = self.client.call("AnalysisService", "ListTargets").targets
        return [profiler for target in targets if target.name == name
                for profiler in target.profilers]

    def start(self, *arguments):
        return subprocess.Popen([HALFTONE, *arguments, "--json"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, process, code=0):
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, code, out[-2000:] + err[-2000:])
        return json.loads(out) if code == 0 else err

    def halftone(self, *arguments, code=0):
        return self.finish(self.start(*arguments), code)

    def profile(self, target, *flags, code=0):
        return self.halftone("profile", MODEL, "--server", self.server.address, "--target", target,
                             *flags, code=code)


class ProfilerProgramTest(RemoteTestCase):
    def test_a_registered_profiler_is_a_target(self):
        process, address = self.registered_profiler("bitfusion", "board")
        targets = self.halftone("targets", "--server", self.server.address)["targets"]
        board = next(target for target in targets if target["name"] == "board")
        self.assertEqual(board["profilers"][0]["state"], "idle")
        self.assertEqual(board["profilers"][0]["address"], address)
        here = self.profile("bitfusion", "--precisions", "w8a8,w4a4", "--batch", "2")
        there = self.profile("board", "--precisions", "w8a8,w4a4", "--batch", "2")
        self.assertEqual(there["target"], "board")
        self.assertEqual(there["device"]["isa"], here["device"]["isa"])
        costs = ["name", "precision", "latency_ns", "energy_pj", "cycles", "weight_bytes",
                 "executed_as", "implementation"]
        rows = lambda table: sorted([row[key] for key in costs] for row in table["layers"])
        self.assertEqual(rows(there), rows(here))
        self.assertEqual(there["network"], here["network"])
        for row in there["layers"]:
            self.assertEqual(row["provenance"], "remote")
            self.assertIn(address, row["origin"]["where"])
        # What it has told is known to the server from then on.
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=PATIENCE), 0)
        self.assertEqual(self.registrations("board"), [])
        self.assertIn("unknown target 'board'", self.profile("board", code=2))

    def test_a_search_uses_it(self):
        self.registered_profiler("bitfusion", "board")
        result = self.halftone("search", MODEL, "--data", os.path.join(TINY_DIGITS, "calib.npz"),
                               "--server", self.server.address, "--target", "board",
                               "--budget", "latency=50%", "--precisions", "w8a8,w4a4,w2a2")
        self.assertEqual(set(result["assignment"]), set(LAYERS))
        self.assertEqual(result["status"], "OPTIMAL")

    def run_profiler(self, *flags):
        """Of one that must end by itself, with its reason on stderr."""
        done = subprocess.run([os.path.join(BINARY, "bin/halftone-profiler"), *flags],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_a_refusal_that_stays_ends_it(self):
        reason = self.run_profiler("--target", "bitfusion", "--server", self.server.address,
                                   "--name", "cpu")
        self.assertIn("'cpu' is a built-in target: choose another name", reason)
        self.assertNotIn("trying again", reason)
        reason = self.run_profiler("--target", "bitfusion", "--server", self.server.address,
                                   "--name", "board", "--advertise", "192.0.2.1:50551")
        self.assertIn("--profilers-anywhere", reason)

    def test_programs_say_in_a_line_why_they_cannot_listen(self):
        for name in ("halftone-profiler", "halftone-server"):
            for address, reason in (("foo:bar", "'foo:bar' is not HOST:PORT"),
                                    (self.server.address, "Address already in use")):
                with tempfile.TemporaryDirectory() as state:
                    more = ["--state-dir", state] if name == "halftone-server" else []
                    done = subprocess.run(
                        [os.path.join(BINARY, "bin", name), "--address", address, *more],
                        capture_output=True, text=True, timeout=PATIENCE, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_without_a_server_it_is_reached_by_its_address(self):
        _, address = self.profiler("--target", "bitfusion")
        with tempfile.TemporaryDirectory() as state:
            document = self.halftone("profile", MODEL, "--target", f"grpc://{address}",
                                     "--precisions", "w8a8", "--state-dir", state)
            self.assertEqual(len(document["layers"]), 4)
            error = self.halftone("profile", MODEL, "--target", "grpc://127.0.0.1:9",
                                  "--state-dir", state, code=5)
            self.assertIn("127.0.0.1:9", error)
        # A server connects to nobody whom its clients name.
        self.assertIn("register", self.profile(f"grpc://{address}", code=2))

    def test_killed_in_the_middle_another_one_continues(self):
        precisions = ["f32", "w8a8", "w16a16"]
        first, first_address = self.registered_profiler("cpu", "arm", "--threads", "1")
        second, second_address = self.registered_profiler("cpu", "arm", "--threads", "1")
        # Large enough for every precision to take its time.
        model = self.client.upload("Model", read(NETWORKS, "resnet14.onnx")).name
        stream = self.client.stream("AnalysisService", "ProfileModel", model=model, target="arm",
                                    precisions=precisions, batch=16)
        text, killed = "", False
        for response in stream:
            # All rows of the first of three precisions have come at 0.7/3.
            if not killed and 0.25 < response.progress.fraction < 0.6:
                first.kill()
                killed = True
            text += response.result.result_json
        self.assertTrue(killed)
        document = json.loads(text)
        by_profiler = {address: sorted({row["precision"] for row in document["layers"]
                                        if f"{address}: " in row["origin"]["where"]})
                       for address in (first_address, second_address)}
        self.assertEqual(len(document["layers"]),
                         3 * len({row["name"] for row in document["layers"]}))
        self.assertIn("f32", by_profiler[first_address])
        self.assertNotIn("f32", by_profiler[second_address])
        self.assertEqual(sum(map(len, by_profiler.values())), 3)

    def test_a_silent_one_is_dropped(self):
        process, _ = self.registered_profiler("bitfusion", "board", "--lease", "2")
        # Heartbeats come, until it would have been dropped twice without them.
        silences = [self.registrations("board")[0].silent_seconds]

        def beats():
            silences.append(self.registrations("board")[0].silent_seconds)
            return sum(after < before for before, after in zip(silences, silences[1:])) >= 6

        wait_for(beats)
        process.kill()
        wait_for(lambda: not self.registrations("board"))
        process, _ = self.registered_profiler("bitfusion", "board", "--lease", "2")
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: not self.registrations("board"))
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: self.registrations("board"))  # it comes back by itself

    def test_it_registers_again_after_a_restart_of_the_server(self):
        self.registered_profiler("bitfusion", "board", "--lease", "3")
        self.restart_server()
        wait_for(lambda: self.registrations("board"))
        self.assertEqual(len(self.profile("board", "--precisions", "w8a8")["layers"]), 4)

    def test_builtin_targets_are_not_shadowed(self):
        process, address = self.profiler("--target", "bitfusion")
        call = lambda **fields: self.client.call("ProfilerRegistryService", "RegisterProfiler",
                                                 **fields)
        for code, fields in {
                "ALREADY_EXISTS": {"name": "cpu", "address": address},
                "INVALID_ARGUMENT": {"name": "no/good", "address": address},
                "PERMISSION_DENIED": {"name": "board", "address": "10.11.12.13:80"},
                "UNAVAILABLE": {"name": "board", "address": ":9"}}.items():
            with self.assertRaises(Exception) as caught:
                call(**fields)
            self.assertEqual(caught.exception.code().name, code)
        self.assertEqual(self.registrations("cpu"), [])
        self.assertEqual(call(name="board", address=":" + address.split(":")[1]).address, address)

    def test_bad_flags(self):
        for flags in (["--target", "nothing"], ["--name", "a b", "--target", "bitfusion"],
                      ["--server", "nowhere", "--name", "board"], ["--server", "127.0.0.1:9"],
                      ["--lease", "0"], ["--address", "256.0.0.1:99999"]):
            done = subprocess.run([os.path.join(BINARY, "bin/halftone-profiler"), *flags],
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2, flags)


class PluginTest(RemoteTestCase):
    """The Python plug-in of docs/examples."""

    def search(self, target):
        model = self.client.upload("Model", read(MODEL)).name
        data = self.client.upload("Dataset", read(TINY_DIGITS, "calib.npz")).name
        return self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=model, calibration_dataset=data, target=target,
            precisions=["w8a8", "w4a4"],
            budgets=[self.client.message("Budget", metric="latency", limit="60%")])).name

    def end_of(self, job):
        return list(self.client.stream("SearchService", "WatchJob", name=job))[-1].state

    def test_it_is_a_target(self):
        self.spawn(sys.executable, PLUGIN, os.path.join(SOURCE, "proto"), self.server.address,
                   "toy")
        wait_for(lambda: self.registrations("toy"))
        document = self.profile("toy", "--precisions", "w8a8,w4a4")
        self.assertEqual(document["device"]["name"], "toy core")
        self.assertEqual([row["name"] for row in document["layers"][::2]], LAYERS)
        conv1 = document["layers"][0]
        macs = self.halftone("inspect", MODEL)["layers"][0]["macs"]
        self.assertAlmostEqual(conv1["latency_ns"], macs / 2 * 5)
        self.assertIn("does not run f32", self.profile("toy", "--precisions", "f32", code=2))

    def test_killed_in_the_middle_no_row_is_asked_for_twice(self):
        first, first_rows, _ = self.held_plugin("toy", 3)
        _, second_rows, _ = self.held_plugin("toy", 8)
        command = self.start("profile", MODEL, "--server", self.server.address, "--target", "toy",
                             "--precisions", "w8a8,w4a4")
        wait_for(lambda: len(first_rows()) == 3)
        first.kill()
        document = self.finish(command)
        rows = first_rows() + second_rows()
        self.assertEqual(len(document["layers"]), 8)
        self.assertEqual(len(first_rows()), 3)
        # The last row of the first one may have been written down, but not have come through.
        self.assertLessEqual(len(rows) - len(set(rows)), 1)
        self.assertEqual(len(set(rows)), 8)

    def test_with_none_left_the_error_tells_and_the_next_time_goes_on(self):
        first, first_rows, _ = self.held_plugin("toy", 3)
        command = self.start("profile", MODEL, "--server", self.server.address, "--target", "toy",
                             "--precisions", "w8a8,w4a4")
        wait_for(lambda: len(first_rows()) == 3)
        first.kill()
        error = self.finish(command, 5)
        self.assertRegex(error, r"the profiler at 127\.0\.0\.1:\d+ died with [23] of 8 rows")
        _, second_rows, _ = self.held_plugin("toy", 8)
        wait_for(lambda: self.registrations("toy"))
        self.assertEqual(len(self.profile("toy", "--precisions", "w8a8,w4a4")["layers"]), 8)
        self.assertLessEqual(len(second_rows()), 6)

    def test_a_job_goes_on_after_a_restart_of_the_server(self):
        plugin, rows, let_go = self.held_plugin("toy", 4)
        job = self.search("toy")
        wait_for(lambda: len(rows()) == 4)
        self.restart_server()
        let_go()
        self.assertEqual(self.end_of(job), MODULES["job"].JOB_STATE_SUCCEEDED)
        self.assertEqual(len(set(rows())), 8)
        # What came in the last second before the kill is not stored yet, and the profiler may
        # measure another row before it hears that the server has gone.
        self.assertLessEqual(len(rows()), 13)
        self.assertIsNone(plugin.poll())

    def test_others_compute_while_a_job_waits_for_it(self):
        _, rows, let_go = self.held_plugin("toy", 1)
        job = self.search("toy")
        wait_for(rows)
        document = self.halftone("sensitivity", MODEL, "--server", self.server.address, "--data",
                                 os.path.join(TINY_DIGITS, "calib.npz"), "--samples", "8")
        self.assertEqual(len(document["layers"]), 4)
        self.assertEqual(len(rows()), 1)
        let_go()
        self.assertEqual(self.end_of(job), MODULES["job"].JOB_STATE_SUCCEEDED)

    def test_one_that_never_answers_keeps_no_other_job_queued(self):
        _, asked, _ = self.held_plugin("toy", "never")
        held = self.search("toy")
        wait_for(asked)
        for _ in range(2):
            other = self.search("bitfusion")
            self.assertEqual(self.end_of(other), MODULES["job"].JOB_STATE_SUCCEEDED)
        job = self.client.call("SearchService", "GetJob", name=held)
        self.assertEqual(job.state, MODULES["job"].JOB_STATE_RUNNING)
        self.assertEqual(job.stage, MODULES["types"].STAGE_PROFILE)
        self.client.call("SearchService", "CancelJob", name=held)
        self.assertEqual(self.end_of(held), MODULES["job"].JOB_STATE_CANCELLED)

    def test_two_clients_take_turns(self):
        _, rows, let_go = self.held_plugin("toy", 1)
        commands = [self.start("profile", MODEL, "--server", self.server.address, "--target", "toy",
                               "--precisions", precision) for precision in ("w8a8", "w4a8,w4a4")]
        wait_for(rows)
        self.assertEqual([profiler.state for profiler in self.registrations("toy")],
                         [MODULES["profiler_registry_service"].PROFILER_STATE_BUSY])
        let_go()
        documents = [self.finish(command) for command in commands]
        self.assertEqual([len(document["layers"]) for document in documents], [4, 8])
        # One after the other, not in turns of rows.
        precisions = [row.split()[1] == "w8a8" for row in rows()]
        changes = sum(a != b for a, b in zip(precisions, precisions[1:]))
        self.assertEqual(changes, 1)

    def test_a_client_that_waits_can_be_cancelled(self):
        _, rows, let_go = self.held_plugin("toy", 1)
        first = self.start("profile", MODEL, "--server", self.server.address, "--target", "toy",
                           "--precisions", "w8a8,w4a4")
        wait_for(rows)
        second = self.start("profile", MODEL, "--server", self.server.address, "--target", "toy",
                            "--precisions", "w4a8")
        for line in second.stderr:
            if "profile" in line:  # the server has the call
                break
        second.send_signal(signal.SIGINT)
        self.finish(second, 4)
        self.assertIsNone(first.poll())
        let_go()
        self.finish(first)
        self.assertEqual(len([row for row in rows() if row.endswith("w4a8")]), 0)


if __name__ == "__main__":
    unittest.main()
