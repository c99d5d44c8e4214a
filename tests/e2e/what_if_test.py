"""What-ifs on the stored tables of a search, and solves that end early with the best they have: by
a deadline, by StopSolve, and by Ctrl-C in the real command against the real server."""

import concurrent.futures
import json
import os
import signal
import subprocess
import tempfile
import unittest

import grpc

from halftone_server import (BINARY, NETWORKS, TINY_DIGITS, Server, ServedTestCase, compile_protos,
                             read)
from problems import hard_problem
from waiting import (PATIENCE, answered_before_its_deadline, processor_seconds, wait_for, wait_for_work,
                     wait_until_taken)

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
HALFTONE = os.path.join(BINARY, "bin/halftone")


# After so much work a solver has assignments; a proof of one for the hard problem is out of reach.
WORK_SECONDS = 3

HARD = os.path.join(FOLDER.name, "hard.json")
with open(HARD, "w") as hard:
    json.dump(hard_problem(), hard)


class WhatIfTestCase(ServedTestCase):
    modules = MODULES

    def command(self, *arguments, code=0):
        done = subprocess.run(
            [HALFTONE, *arguments, "--json", "--server", self.server.address, "--state-dir",
             FOLDER.name], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(done.stdout)

    def stop_solve(self, solve_id):
        """Whether a call of that id was there to be stopped."""
        try:
            self.client.call("AnalysisService", "StopSolve", solve_id=solve_id)
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            return False
        return True

    def assert_best_so_far(self, solution):
        """A feasible answer with an open bound."""
        self.assertEqual(solution["status"], "FEASIBLE")
        self.assertLess(solution["lower_bound"], solution["loss"])
        self.assertGreater(solution["gap"], 0)
        for metric, limit in hard_problem()["budgets"].items():
            self.assertLessEqual(solution["cost"][metric], limit * (1 + 1e-9))


class WhatIfTest(WhatIfTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.found = cls.command(
            cls(), "search", os.path.join(TINY_DIGITS, "model.onnx"), "--data",
            os.path.join(TINY_DIGITS, "calib.npz"), "--target", "bitfusion", "--budget",
            "size=0.3x", "--evaluations", "6")
        cls.job = cls.found["job"]

    def resolve(self, *arguments, code=0):
        return self.command("resolve", self.job, *arguments, code=code)

    def test_the_field_at_fault_is_named(self):
        message = self.client.message
        rules = lambda **fields: {"rules": message("LayerRules", **fields)}
        precisions = lambda *names: message("PrecisionSet", precisions=names)
        for field, fields in [
                ("pins['nobody']", {"pins": {"nobody": "w8a8"}}),
                ("pins['/fc/Gemm']", {"pins": {"/fc/Gemm": "f32"}}),
                ("pins", {"pins": {"/conv2/Conv": "w8a8", "/conv3/Conv": "w4a4"}}),
                ("rules.allowed['*'].precisions", rules(allowed={"*": precisions()})),
                ("rules.allowed['/fc/Gemm']", rules(allowed={
                    "*": precisions("w8a8"), "/fc/Gemm": precisions("w4a4")})),
                ("rules.groups[0]", rules(groups=[message("LayerGroup", layers=["nobody"])])),
                ("rules.first_layer", rules(first_layer="99")),
                ("rules.loss_factors['nobody']", rules(loss_factors={"nobody": 2})),
                ("weights", {"weights": {"latency": 1e308}}),
                ("weights['beauty']", {"weights": {"beauty": 1}})]:
            with self.subTest(field):
                with self.assertRaises(grpc.RpcError) as caught:
                    self.client.call("SearchService", "ReSolve", name=self.job, **fields)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                self.assertEqual(self.client.error_detail(caught.exception).field, field)

    def test_weights_count_costs_beside_the_loss(self):
        free = self.resolve()
        self.assertNotIn("objective", free)
        last = free["cost"]["latency_ns"]
        for weight in (1e-3, 1, 1000):
            answer = self.resolve("--weight", f"latency_ms={weight}", "--weight", "energy_pj=1e-12")
            cost = answer["cost"]
            self.assertAlmostEqual(
                answer["objective"]["value"], answer["loss"] + weight * cost["latency_ns"] / 1e6
                + 1e-12 * cost["energy_pj"])
            self.assertEqual(answer["objective"]["lower_bound"], answer["objective"]["value"])
            self.assertLessEqual(cost["latency_ns"], last)
            last = cost["latency_ns"]
            for point in answer["frontier"]:
                self.assertGreaterEqual(point["objective"]["value"], point["loss"])
        self.assertLess(last, free["cost"]["latency_ns"])
        explained = self.resolve("--weight", "latency_ms=1", "--explain", "--budget", "size=0.25x")
        limit = explained["explanation"]["limits"][0]
        self.assertEqual(limit["next_limit_bound"], limit["next_limit"])
        for bad in ("beauty=1", "latency_ms=-1", "latency_ms=x", "latency_kg=1",
                    "activation-memory=1"):
            error = self.resolve("--weight", bad, code=2)["error"]
            self.assertIn(bad.split("=")[0], error["message"])

    def test_interactions_are_those_of_the_search(self):
        joint = self.found["refined"]["joint_optima"]
        self.assertTrue(joint)
        for one in joint:
            answer = self.resolve("--budget", "size=0.3x", "--interactions", str(one["weight"]))
            self.assertEqual(answer["assignment"], one["solution"]["assignment"])
            self.assertAlmostEqual(answer["loss"], one["solution"]["loss"], delta=1e-9)
            self.assertEqual((answer["status"], answer["gap"]), ("OPTIMAL", 0))
            self.assertNotIn("frontier", answer)
        self.assertTrue(self.resolve("--interactions", "1", "--frontier", "size")["frontier"])
        self.resolve("--interactions", "-1", code=2)
        plain = self.command(
            "search", os.path.join(TINY_DIGITS, "model.onnx"), "--data",
            os.path.join(TINY_DIGITS, "calib.npz"), "--target", "bitfusion", "--evaluations", "0",
            "--seed", "3", "--draws", "1")
        self.assertIn("refined", self.found)
        self.assertNotIn("refined", plain)
        self.assertEqual(self.command("resolve", plain["job"], "--interactions", "1")["status"],
                         "OPTIMAL")

    def test_the_frontier_that_is_asked_for_is_printed(self):
        points = self.resolve("--budget", "size=0.3x", "--frontier", "size")["frontier"]
        self.assertGreater(len(points), 1)
        done = subprocess.run(
            [HALFTONE, "resolve", self.job, "--budget", "size=0.3x", "--frontier", "size",
             "--server", self.server.address], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        titles = [line.split() for line in lines].index(["size_bytes", "loss", "precisions"])
        self.assertEqual(len(lines) - titles - 1, len(points))

    def test_solve_takes_weights(self):
        problem = {"layers": [{"name": name, "choices": [
            {"name": "x", "loss": 1.0, "cost": {"t": 1}},
            {"name": "y", "loss": 0.0, "cost": {"t": 2}}]} for name in "ab"],
            "objective_weights": {"t": 0.75}}
        path = os.path.join(FOLDER.name, "weighted.json")
        with open(path, "w") as file:
            json.dump(problem, file)
        answer = self.command("solve", path, "--verify")
        self.assertEqual((answer["loss"], answer["objective"]["value"]), (0, 3))
        self.assertEqual(answer["verified"], {"optimal": True, "lower_bound": 3})
        problem["objective_weights"] = {"t": 1.25}
        with open(path, "w") as file:
            json.dump(problem, file)
        self.assertEqual(self.command("solve", path)["loss"], 2)
        self.assertEqual(self.command("solve", path, "--weight", "t=0.5")["objective"]["value"], 2)
        self.assertIn("nothing", self.command("solve", path, "--weight", "nothing=1", code=2)
                      ["error"]["message"])
        self.command("solve", path, "--weight", "t=x", code=2)


class StopTest(WhatIfTestCase):
    def solve(self, **fields):
        response = self.client.call("AnalysisService", "SolveProblem",
                                    problem_json=read(HARD).decode(), **fields)
        return json.loads(response.result_json)

    def test_a_deadline_gives_the_best(self):
        self.assert_best_so_far(
            answered_before_its_deadline(lambda timeout: self.solve(timeout=timeout)))

    def test_another_call_stops_a_solve(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            before = processor_seconds(self.server.process)
            solving = pool.submit(self.solve, timeout=500, solve_id="one")
            wait_for_work(self.server.process, WORK_SECONDS, before)
            self.assertTrue(self.stop_solve("one"))
            self.assert_best_so_far(solving.result(timeout=PATIENCE))
        for bad, code in (("one", grpc.StatusCode.NOT_FOUND),
                          ("x" * 200, grpc.StatusCode.INVALID_ARGUMENT)):
            with self.assertRaises(grpc.RpcError) as caught:
                self.client.call("AnalysisService", "StopSolve", solve_id=bad)
            self.assertEqual(caught.exception.code(), code)
            self.assertEqual(self.client.error_detail(caught.exception).field, "solve_id")

    def start(self, *arguments):
        return subprocess.Popen([HALFTONE, *arguments, "--json", "--state-dir", FOLDER.name],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_an_interrupt_gives_the_best(self):
        for where in (["--server", self.server.address], []):
            worker = self.server.process
            before = processor_seconds(worker)
            process = self.start("solve", HARD, *where)
            if not where:
                worker, before = process, 0
            wait_for_work(worker, WORK_SECONDS, before)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 4, err)
            self.assert_best_so_far(json.loads(out))

    def test_a_second_interrupt_quits(self):
        server = Server()
        try:
            before = processor_seconds(server.process)
            process = self.start("solve", HARD, "--server", server.address)
            wait_for_work(server.process, WORK_SECONDS, before)
            server.process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            wait_until_taken(process)
            self.assertIsNone(process.poll(), "it waits for the server's answer")

            def has_quit():
                # One that comes right after the first counts as the same: hence several.
                process.send_signal(signal.SIGINT)
                return process.poll() is not None

            wait_for(has_quit)
            out, _ = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, out), (4, ""))
        finally:
            server.close()


class LongWhatIfTest(WhatIfTestCase):
    """A network of many layers, with the losses of all pairs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.command(
            cls(), "submit", os.path.join(NETWORKS, "mobilenetv2.onnx"), "--data",
            os.path.join(NETWORKS, "calib.npz"), "--target", "bitfusion", "--samples", "16",
            "--precisions", ",".join(f"w{w}a{a}" for w in (2, 3, 4, 5, 6, 8) for a in (3, 4, 5, 6, 8)),
            "--evaluations", "0", "--no-explain", "--budget", "size=0.45x")["job"]
        cls.command(cls(), "watch", cls.job)
        # A front of many points with the losses of all pairs.
        cls.long = {"name": cls.job, "interactions": 1, "frontier_metric": "bops",
                    "time_limit_seconds": 600,
                    "budgets": [cls.client.message("Budget", metric="size", limit="0.45x")]}

    def assert_answer(self, response):
        solution = json.loads(response.result_json)
        self.assertIn(solution["status"], ("FEASIBLE", "OPTIMAL"))
        self.assertLessEqual(solution["lower_bound"], solution["loss"])
        self.assertEqual(response.solution.loss, solution["loss"])
        for point in solution["frontier"]:
            self.assertLessEqual(point["lower_bound"], point["loss"])

    def test_a_deadline_gives_the_best(self):
        self.assert_answer(answered_before_its_deadline(
            lambda timeout: self.client.call("SearchService", "ReSolve", timeout=timeout,
                                             **self.long)))

    def test_another_call_stops_it(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            before = processor_seconds(self.server.process)
            solving = pool.submit(self.client.call, "SearchService", "ReSolve", timeout=500,
                                  solve_id="two", **self.long)
            wait_for_work(self.server.process, WORK_SECONDS, before, solving.done)
            stopped = self.stop_solve("two")
            self.assert_answer(solving.result(timeout=PATIENCE))
            if not stopped:  # a fast one has ended by itself
                self.assertEqual(solving.result().solution.status,
                                 MODULES["types"].SOLUTION_STATUS_OPTIMAL)

    def test_an_interrupt_gives_the_best(self):
        before = processor_seconds(self.server.process)
        process = subprocess.Popen(
            [HALFTONE, "resolve", self.job, "--interactions", "1", "--frontier", "bops",
             "--time-limit", "600", "--budget", "size=0.45x", "--json", "--server",
             self.server.address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for_work(self.server.process, WORK_SECONDS, before,
                      lambda: process.poll() is not None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertIn(process.returncode, (0, 4), err)  # 0: it had ended by itself
        self.assertIn(json.loads(out)["status"], ("FEASIBLE", "OPTIMAL"))


if __name__ == "__main__":
    unittest.main()
