"""A Python client, made from the protos alone, on a real server."""

import json
import tempfile
import unittest

import grpc

from halftone_server import NETWORKS, ServedTestCase, compile_protos, read
from problems import hard_problem
from waiting import PATIENCE, answered_before_its_deadline

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)


class PythonClientTest(ServedTestCase):
    modules = MODULES

    def spec(self, **fields):
        budget = self.client.message("Budget", metric="latency", limit="50%")
        return self.client.message("SearchSpec", model=self.model, calibration_dataset=self.data,
                                   target="bitfusion", budgets=[budget], **fields)

    def test_search_watch_and_result(self):
        job = self.client.call("SearchService", "CreateJob", spec=self.spec(), request_id="python")
        again = self.client.call("SearchService", "CreateJob", spec=self.spec(),
                                 request_id="python")
        self.assertEqual(job.name, again.name)
        events = list(self.client.stream("SearchService", "WatchJob", name=job.name))
        sequences = [event.sequence for event in events]
        self.assertEqual(sequences, sorted(set(sequences)))
        self.assertEqual(events[-1].state, MODULES["job"].JOB_STATE_SUCCEEDED)
        # From the middle on, the same events come, but for the progress, which went at the end.
        progress = MODULES["job"].JOB_EVENT_KIND_STAGE_PROGRESS
        rest = list(self.client.stream("SearchService", "WatchJob", name=job.name,
                                       after_sequence=3))
        self.assertEqual([event for event in rest if event.kind != progress],
                         [event for event in events
                          if event.sequence > 3 and event.kind != progress])
        result = self.client.call("SearchService", "GetResult", name=job.name)
        self.assertEqual(result.solution.status, MODULES["types"].SOLUTION_STATUS_OPTIMAL)
        self.assertEqual(set(result.solution.assignment),
                         {"/conv1/Conv", "/conv2/Conv", "/conv3/Conv", "/fc/Gemm"})
        document = json.loads(result.result_json)
        self.assertAlmostEqual(document["solution"]["loss"], result.solution.loss)
        parts = list(self.client.stream("SearchService", "DownloadArtifact",
                                        name=result.artifacts[0].name))
        self.assertEqual(sum(len(part.chunk) for part in parts), parts[0].artifact.size_bytes)

    def test_inspect(self):
        response = self.client.call("ModelService", "InspectModel", name=self.model)
        self.assertEqual(sum(layer.macs for layer in response.layers), 39288)
        self.assertEqual(json.loads(response.result_json)["unsupported"], [])

    def test_sensitivity_streams_progress_and_a_result(self):
        responses = list(self.client.stream(
            "AnalysisService", "MeasureSensitivity", model=self.model, dataset=self.data,
            precisions=["w4a8"], interactions=True))
        text = "".join(r.result.result_json for r in responses)
        arrays = b"".join(r.result.arrays_npz for r in responses)
        self.assertEqual(len(json.loads(text)["layers"]), 4)
        self.assertTrue(arrays.startswith(b"PK"))

    def test_analysis_is_cancelled_with_its_call(self):
        model = self.client.upload("Model", read(NETWORKS, "resnet14.onnx")).name
        data = self.client.upload("Dataset", read(NETWORKS, "calib.npz")).name
        # Without end, on any machine.
        endless = {"model": model, "dataset": data, "sensitivity": self.client.message(
            "SensitivitySpec", method=MODULES["types"].SENSITIVITY_METHOD_HESSIAN_TRACE,
            probes=1_000_000, tolerance=1e-9)}
        stream = self.client.stream("AnalysisService", "MeasureSensitivity", **endless)
        next(stream)
        stream.cancel()
        # The next heavy analysis gets its turn.
        responses = list(self.client.stream("AnalysisService", "MeasureSensitivity",
                                            model=self.model, dataset=self.data, precisions=["w4"]))
        self.assertTrue(responses[-1].HasField("result"))
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.client.stream("AnalysisService", "MeasureSensitivity", timeout=1, **endless))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_solve(self):
        problem = {"layers": [{"name": "a", "choices": [
            {"name": "x", "loss": 1.0, "cost": {"latency_ns": 1}},
            {"name": "y", "loss": 0.0, "cost": {"latency_ns": 2}}]}],
            "budgets": {"latency_ns": 1}}
        response = self.client.call("AnalysisService", "SolveProblem",
                                    problem_json=json.dumps(problem))
        self.assertEqual(response.solution.assignment["a"], "x")

    def test_solve_answers_before_its_deadline(self):
        problem = json.dumps(hard_problem())
        response = answered_before_its_deadline(
            lambda timeout: self.client.call("AnalysisService", "SolveProblem", timeout=timeout,
                                             problem_json=problem))
        self.assertEqual(response.solution.status, MODULES["types"].SOLUTION_STATUS_FEASIBLE)
        self.assertLess(response.solution.lower_bound, response.solution.loss)
        self.assertLessEqual(response.solution.cost["size_bytes"], 200)

    def test_solve_verifies(self):
        problem = hard_problem(layers=5)
        response = self.client.call("AnalysisService", "SolveProblem", verify=True,
                                    problem_json=json.dumps(problem))
        self.assertEqual(response.solution.status, MODULES["types"].SOLUTION_STATUS_OPTIMAL)
        self.assertTrue(response.verification.optimal)
        self.assertEqual(response.verification.lower_bound, response.solution.loss)

    def test_models_are_listed(self):
        response = self.client.call("ModelService", "ListModels")
        self.assertIn(self.model, [model.name for model in response.models])

    def test_health_and_reflection(self):
        check = self.client.channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=PATIENCE), b"\x08\x01")  # SERVING
        info = self.client.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        answer = next(info(iter([b"\x3a\x00"]), timeout=PATIENCE))  # list_services: ""
        for service in (b"SearchService", b"ModelService", b"AnalysisService"):
            self.assertIn(b"halftone.v1." + service, answer)


if __name__ == "__main__":
    unittest.main()
