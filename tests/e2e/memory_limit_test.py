"""What does not fit --memory-limit is refused before it begins, with the figure, the limit, and
what would make it fit: every call and every kind of job."""

import concurrent.futures
import io
import json
import os
import re
import shutil
import tempfile
import unittest

import grpc
import numpy

from halftone_server import NETWORKS, Client, Server, compile_protos, read
from problems import hard_problem

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
SIZE = r"[0-9.]+ ?[KMG]?B"
FIGURES = re.compile(f"needs? about {SIZE} of memory, and the limit is {SIZE}: ")


class MemoryLimitTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.state = tempfile.mkdtemp(prefix="halftone-e2e.")
        server = Server(cls.state)
        client = Client(server.address, MODULES)
        cls.model = client.upload("Model", read(NETWORKS, "resnet14.onnx")).name
        cls.data = client.upload("Dataset", read(NETWORKS, "calib.npz")).name
        server.close()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.state, ignore_errors=True)

    def serve(self, limit):
        self.server = Server(self.state, options=["--memory-limit", limit])
        self.addCleanup(self.server.close)
        self.client = Client(self.server.address, MODULES)

    def assert_refused(self, text, call, service, method, **fields):
        with self.subTest(f"{method}: {text}"):
            with self.assertRaises(grpc.RpcError) as caught:
                result = call(service, method, **fields)
                if hasattr(result, "__next__"):
                    list(result)
            error = caught.exception
            self.assertEqual(error.code(), EXHAUSTED, error.details())
            self.assertRegex(error.details(), FIGURES)
            self.assertIn(text, error.details())

    def search(self, target="bitfusion", **fields):
        return {"spec": self.client.message(
            "SearchSpec", model=self.model, calibration_dataset=self.data, target=target,
            budgets=[self.client.message("Budget", metric="size", limit="50%")], **fields)}

    def crosscheck(self):
        return {"crosscheck": self.client.message(
            "CrosscheckSpec", model=self.model, calibration_dataset=self.data,
            evaluation_dataset=self.data, precisions=["w4a4", "w8a8"])}

    def assert_fails(self, text, stage, **request):
        with self.subTest(f"{list(request)}: {text}"):
            job = self.client.call("SearchService", "CreateJob", **request).name
            events = list(self.client.stream("SearchService", "WatchJob", name=job))
            self.assertEqual(events[-1].state, MODULES["job"].JOB_STATE_FAILED)
            error = self.client.call("SearchService", "GetJob", name=job).error
            self.assertEqual(error.code, EXHAUSTED.value[0], error.message)
            self.assertRegex(error.message, FIGURES)
            self.assertIn(text, error.message)
            self.assertTrue(error.message.startswith(f"stage {stage}: "), error.message)

    def test_reading_the_network(self):
        self.serve("5MB")
        reading = "reading a model of this size"
        call, stream = self.client.call, self.client.stream
        self.assert_refused(reading, call, "ModelService", "InspectModel", name=self.model)
        self.assert_refused(reading, stream, "AnalysisService", "ProfileModel", model=self.model)
        self.assert_fails(reading, "import", **self.search())
        self.assert_fails(reading, "import", **self.crosscheck())

    def test_what_is_done_with_the_network(self):
        self.serve("13MB")
        stream, needed = self.client.stream, {"model": self.model, "dataset": self.data}
        for method, text in [("MeasureSensitivity", "calibration ("),
                             ("EvaluateAssignment", "evaluation (")]:
            self.assert_refused(text, stream, "AnalysisService", method, **needed)
        self.assert_refused("it would fit with a smaller batch", stream, "AnalysisService",
                            "ProfileModel", model=self.model, batch=256)
        # Before it calibrates, it knows that the losses cannot be measured.
        self.assert_fails("the method fisher-corrected (", "calibrate", **self.search())
        self.assert_fails("calibration (", "calibrate", **self.crosscheck())
        space = "bitfusion?rows=2..512&cols=2..512"
        self.assert_fails("the search over 81 configurations", "profile", **self.search(space))

    def test_uploads_side_by_side_share_the_limit(self):
        if not os.path.exists("/proc/self/status"):
            self.skipTest("the system does not tell what a process takes")
        self.serve("200MB")
        before = self.peak_bytes()
        random = numpy.random.default_rng(1)
        file = io.BytesIO()
        numpy.savez_compressed(file, x=random.integers(0, 4, 20 << 20).astype(numpy.float32))
        with concurrent.futures.ThreadPoolExecutor(5) as clients:
            uploads = [clients.submit(self.client.upload, "Dataset", file.getvalue())
                       for _ in range(5)]
            self.assertEqual(len({upload.result().name for upload in uploads}), 1)
        self.assertLess(self.peak_bytes() - before, 250e6)

    def peak_bytes(self):
        for line in read(f"/proc/{self.server.process.pid}/status").decode().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return self.fail("no VmHWM")

    def test_the_pairs_of_a_problem(self):
        self.serve("16MB")
        call = self.client.call
        problem = json.dumps(hard_problem(layers=100, rows=10))
        self.assert_refused("the matrix of interactions of 800 choices", call, "AnalysisService",
                            "SolveProblem", problem_json=problem)
        many = json.dumps(hard_problem(layers=100, rows=400))
        self.assert_refused("reading a problem of this size", call, "AnalysisService",
                            "SolveProblem", problem_json=many)
        self.assertTrue(call("AnalysisService", "SolveProblem", time_limit_seconds=1,
                             problem_json=json.dumps(hard_problem(layers=10))).result_json)


if __name__ == "__main__":
    unittest.main()
