"""Searches that are driven from outside, and searches over hardware, on the real server."""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

import grpc

from halftone_server import (BINARY, SOURCE, TINY_DIGITS, Client, Server,
                             ServedTestCase, compile_protos, read)
from waiting import PATIENCE

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
EXAMPLE = os.path.join(SOURCE, "docs/examples/ask_tell.py")


class SearchedTestCase(ServedTestCase):
    modules = MODULES

    def search(self, **fields):
        """A search that has succeeded: its job and its result."""
        spec = {"target": "bitfusion", "evaluations": 4, "skip_explanation": True,
                "budgets": [self.client.message("Budget", metric="size", limit="0.3x")]}
        spec.update(fields)
        job = self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=self.model, calibration_dataset=self.data, **spec))
        events = list(self.client.stream("SearchService", "WatchJob", name=job.name))
        self.assertEqual(events[-1].state, MODULES["job"].JOB_STATE_SUCCEEDED,
                         self.client.call("SearchService", "GetJob", name=job.name).error)
        return job.name, self.client.call("SearchService", "GetResult", name=job.name)

    def explore(self, method, /, **fields):
        return self.client.call("ExplorationService", method, **fields)

    def command(self, *arguments):
        """What the `halftone` command prints of a search of the same network."""
        done = subprocess.run(
            [os.path.join(BINARY, "bin/halftone"), "search", os.path.join(TINY_DIGITS, "model.onnx"),
             "--data", os.path.join(TINY_DIGITS, "calib.npz"), "--server", self.server.address,
             "--output", FOLDER.name, *arguments], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_refused(self, code, call, /, *arguments, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            call(*arguments, **fields)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception


class AskTellTest(SearchedTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job, cls.result = cls.search(cls())

    def test_the_space_is_told(self):
        space = self.explore("GetExploration", job=self.job)
        layers = [layer for group in space.groups for layer in group.layers]
        self.assertEqual(sorted(layers), sorted(self.result.solution.assignment))
        self.assertIn(2, [len(group.layers) for group in space.groups], "two are tied")
        self.assertEqual(space.divergence, "kl")
        self.assertIn("size_bytes", space.budgets)
        self.assertTrue(space.start.feasible)
        self.assertEqual(space.start.divergence, self.result.refined.divergence)
        self.assertLessEqual(space.best.divergence, space.start.divergence)
        self.assertIn("w8a8", space.groups[0].precisions)

    def test_what_is_told_is_really_evaluated(self):
        widest = {layer: "w16a16" for layer in self.result.solution.assignment}
        told = self.explore("Tell", job=self.job, assignment=widest)
        self.assertFalse(told.trial.feasible)
        self.assertGreater(told.trial.excess["size_bytes"], 0)
        self.assertFalse(told.is_best)
        answer = self.explore("Tell", job=self.job, assignment=self.result.refined.assignment)
        self.assertTrue(answer.trial.feasible)
        self.assertTrue(answer.was_known)
        # The same runs as those of the search itself.
        self.assertEqual(answer.trial.divergence, self.result.refined.divergence)
        self.assertLess(told.trial.divergence, answer.trial.divergence)
        for metric, value in answer.trial.cost.items():
            self.assertAlmostEqual(value, self.result.refined.cost[metric], delta=1e-6 * value)
        again = self.explore("Tell", job=self.job, assignment=widest)
        self.assertTrue(again.was_known)
        self.assertEqual(again.trial.divergence, told.trial.divergence)
        self.assertEqual(again.evaluations, answer.evaluations)

    def test_mistakes_are_named(self):
        whole = dict(self.result.solution.assignment)
        tell = lambda assignment, job=self.job: self.assert_refused(
            grpc.StatusCode.INVALID_ARGUMENT, self.explore, "Tell", job=job,
            assignment=assignment).details()
        self.assertIn("/fc/Gemm", tell({**whole, "/fc/Gemm": "w3a3"}))
        self.assertIn("/fc/Gemm", tell({k: v for k, v in whole.items() if k != "/fc/Gemm"}))
        self.assertIn("w99", tell({**whole, "/fc/Gemm": "w99a1"}))
        self.assertIn("nonsense", tell({**whole, "nonsense": "w8a8"}))
        self.assertIn("job", tell(whole, job="nobody"))
        self.assert_refused(grpc.StatusCode.NOT_FOUND, self.explore, "Ask", job="jobs/none")
        self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, self.explore, "Ask", job=self.job,
                            count=1001)

    def test_a_job_without_an_answer_is_not_explored(self):
        job = self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=self.model, calibration_dataset=self.data, target="bitfusion",
            sensitivity=self.client.message("SensitivitySpec", seed=77)))
        self.client.call("SearchService", "CancelJob", name=job.name)
        list(self.client.stream("SearchService", "WatchJob", name=job.name))
        self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, self.explore, "Ask", job=job.name)

    def test_the_example_drives_a_search_and_the_result_shows_it(self):
        job, result = self.search(budgets=[self.client.message("Budget", metric="size",
                                                               limit="0.2x")])
        command = [sys.executable, EXAMPLE, os.path.join(SOURCE, "proto"), self.server.address,
                   job, "24"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        best = float(done.stdout.splitlines()[-1].split()[1])
        self.assertLessEqual(best, result.refined.divergence * (1 + 1e-5), "no worse than it began")
        space = self.explore("GetExploration", job=job)
        self.assertAlmostEqual(space.best.divergence, best, delta=1e-5 * best)
        self.assertGreater(space.evaluations, 12)
        divergences = [trial.divergence for trial in space.front]
        self.assertEqual(divergences, sorted(divergences, reverse=True))
        document = json.loads(self.client.call("SearchService", "GetResult", name=job).result_json)
        self.assertEqual(document["exploration"]["evaluations"], space.evaluations)
        # Of what was told, while the space also knows what the search itself evaluated.
        self.assertGreaterEqual(document["exploration"]["best"]["divergence"],
                                space.best.divergence)

    def test_many_may_tell_at_once(self):
        job, _ = self.search(pins={"/conv2/Conv": "w4a4"})
        suggestions = self.explore("Ask", job=job, count=12).suggestions
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            told = list(pool.map(lambda suggestion: self.explore(
                "Tell", job=job, assignment=suggestion.assignment), suggestions))
        self.assertEqual(sorted(answer.evaluations for answer in told), list(range(1, 13)))
        best = self.explore("GetExploration", job=job).best
        self.assertLessEqual(best.divergence, min(answer.trial.divergence for answer in told))
        self.assertTrue(best.feasible)

    def test_what_was_found_outlives_its_session(self):
        """More jobs than the server keeps explorers of in memory."""
        jobs = [self.search(pins={"/fc/Gemm": precision})[0]
                for precision in ("w16a16", "w8a8", "w8a4", "w4a8", "w4a4", "w2a4")]
        for job in jobs:
            suggestion = self.explore("Ask", job=job).suggestions[0]
            self.explore("Tell", job=job, assignment=suggestion.assignment)
        for job in jobs:
            self.assertEqual(self.explore("GetExploration", job=job).evaluations, 1)

    def test_a_call_ends_at_its_deadline_while_others_compute(self):
        let_go = self.hold_the_gate()
        assignment = {layer: "w8a8" for layer in self.result.solution.assignment}
        assignment["/fc/Gemm"] = "w2a2"
        self.assert_refused(grpc.StatusCode.DEADLINE_EXCEEDED, self.explore, "Tell", job=self.job,
                            assignment=assignment, timeout=0.5)
        let_go()
        told = self.explore("Tell", job=self.job, assignment=assignment)
        self.assertFalse(told.was_known)

    def test_suggestions_are_new_and_within_the_budgets(self):
        job, _ = self.search(pins={"/fc/Gemm": "w8a8"})
        seen = set()
        for suggestion in self.explore("Ask", job=job, count=40).suggestions:
            assignment = tuple(sorted(suggestion.assignment.items()))
            self.assertNotIn(assignment, seen)
            seen.add(assignment)
            self.assertEqual(suggestion.assignment["/fc/Gemm"], "w8a8")
            self.assertFalse(suggestion.HasField("divergence"))
        self.assertGreater(len(seen), 20)

    def test_what_was_found_outlives_the_server(self):
        server = Server()
        self.addCleanup(lambda: server.close())
        original = (self.server, self.client, self.model, self.data)
        try:
            type(self).client = Client(server.address, MODULES)
            type(self).model = self.client.upload("Model", read(TINY_DIGITS, "model.onnx")).name
            type(self).data = self.client.upload("Dataset", read(TINY_DIGITS, "calib.npz")).name
            job, _ = self.search()
            for suggestion in self.explore("Ask", job=job, count=3).suggestions:
                self.explore("Tell", job=job, assignment=suggestion.assignment)
            before = self.explore("GetExploration", job=job)
            self.client.call("SearchService", "GetResult", name=job)  # writes what is pending
            state = server.state
            server.kill()
            server.process.stdout.close()
            server = Server(state)
            server.owns_state = True
            type(self).client = Client(server.address, MODULES)
            after = self.explore("GetExploration", job=job)
            self.assertEqual(after.evaluations, 3)
            self.assertEqual(after.best, before.best)
        finally:
            (type(self).server, type(self).client, type(self).model, type(self).data) = original


class StrategyTest(SearchedTestCase):
    def test_evolution_ends_no_worse_than_it_began(self):
        _, result = self.search(strategy="evolutionary", objectives=["size", "energy"],
                                evaluations=30)
        document = json.loads(result.result_json)
        evolution = document["refined"]["evolution"]
        self.assertEqual(evolution["objectives"], ["divergence", "size_bytes", "energy_pj"])
        self.assertLessEqual(evolution["divergence"], evolution["start_divergence"])
        self.assertGreaterEqual(evolution["hypervolume"], evolution["start_hypervolume"])
        self.assertLessEqual(len(document["refined"]["evaluated"]), 30)
        limit = result.budgets["size_bytes"]
        for point in evolution["front"]:
            self.assertLessEqual(point["objectives"][1], limit * (1 + 1e-9))
        self.assertLessEqual(evolution["divergence"], result.refined.divergence)
        self.assertEqual(evolution["front"][0]["objectives"][0], evolution["divergence"])
        self.assertLessEqual(result.refined.divergence, result.refined.optimum_divergence)

    def test_the_command_says_what_was_gained(self):
        text = self.command("--target", "bitfusion", "--budget", "size=0.3x", "--evaluations", "20",
                            "--strategy", "evolutionary", "--objectives", "size")
        self.assertIn("evolution    20 evaluations", text)
        self.assertIn("hypervolume", text)

    def test_mistakes_are_named(self):
        def refused(**fields):
            return self.assert_refused(
                grpc.StatusCode.INVALID_ARGUMENT, self.client.call, "SearchService", "CreateJob",
                spec=self.client.message("SearchSpec", model=self.model, target="bitfusion",
                                         calibration_dataset=self.data, **fields)).details()
        self.assertIn("spec.strategy", refused(strategy="luck"))
        self.assertIn("spec.objectives[1]", refused(objectives=["size", "beauty"]))
        self.assertIn("spec.objectives[0]", refused(objectives=["activation-memory"]))
        self.assertIn("spec.objectives", refused(objectives=["size"] * 4))


class CodesignTest(SearchedTestCase):
    TARGET = "bitfusion?rows=4..16&cols=4..16&area<=1.1"

    def test_hardware_and_bits_are_chosen_together(self):
        budgets = [self.client.message("Budget", metric="latency", limit="1.2x"),
                   self.client.message("Budget", metric="size", limit="0.3x")]
        job, result = self.search(target=self.TARGET, budgets=budgets)
        codesign = json.loads(result.result_json)["codesign"]
        self.assertEqual(codesign["chosen"], result.target)
        self.assertGreater(len(codesign["configurations"]), 4)
        feasible = []
        for configuration in codesign["configurations"]:
            self.assertLessEqual(configuration["area"], 1.1)
            self.assertEqual(set(configuration["parameters"]), {"rows", "cols"})
            if configuration["status"] == "INFEASIBLE":
                continue
            feasible.append(configuration)
            self.assertEqual(configuration["status"], "OPTIMAL")
            self.assertEqual(configuration["bound"], configuration["loss"])
            for metric, limit in codesign["budgets"].items():
                self.assertLessEqual(configuration["cost"][metric], limit * (1 + 1e-9))
        least = min(configuration["loss"] for configuration in feasible)
        chosen = next(c for c in feasible if c["target"] == codesign["chosen"])
        self.assertEqual(chosen["loss"], least)
        ties = [c["area"] for c in feasible if c["loss"] <= least * (1 + 1e-9)]
        self.assertEqual(chosen["area"], min(ties), "the smallest of the best")
        self.assertTrue(any(c["on_frontier"] for c in feasible))
        # What-if on the hardware that was chosen.
        again = self.client.call("SearchService", "ReSolve", name=job, budgets=[
            self.client.message("Budget", metric="size", limit="0.2x")])
        self.assertLess(again.solution.cost["size_bytes"], result.solution.cost["size_bytes"])
        told = self.explore("Tell", job=job, assignment=result.solution.assignment)
        self.assertTrue(told.trial.feasible)

    def test_the_command_shows_all_configurations(self):
        text = self.command("--target", self.TARGET, "--budget", "latency=1.2x",
                            "--evaluations", "0")
        self.assertIn("rows=4", text)
        self.assertIn("chosen", text)
        self.assertRegex(text, r"\d+ configurations, \d+ of them on the frontier")

    def test_mistakes_are_named(self):
        def refused(target):
            return self.assert_refused(
                grpc.StatusCode.INVALID_ARGUMENT, self.client.call, "SearchService", "CreateJob",
                spec=self.client.message("SearchSpec", model=self.model, target=target,
                                         calibration_dataset=self.data)).details()
        self.assertIn("spec.target", refused("bitfusion?rows=64..8"))
        self.assertIn("more than 4096", refused("bitfusion?rows=1..9999:1"))
        self.assertIn("more than 256", refused("bitfusion?rows=1..40:1&cols=1..40:1"))
        self.assertIn("no configuration", refused("bitfusion?rows=8..64&area<=0.0001"))
        self.assertIn("beauty", refused("bitfusion?rows=8..64&beauty<=3"))
        self.assertIn("beds", refused("bitfusion?beds=8..64"))
        self.assertIn("parameters", refused("cpu?rows=8..64"))


if __name__ == "__main__":
    unittest.main()
