"""A state directory after a kill in the midst of a collection, one that lacks a file, and one of an
earlier version."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
import threading
import unittest

import grpc

from halftone_server import (TINY_DIGITS, Client, Server, age, blob_path, compile_protos,
                             read)
from waiting import wait_for

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
DATA_LOSS = grpc.StatusCode.DATA_LOSS


class StateDirectoryTest(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.mkdtemp(prefix="halftone-e2e.")
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)
        self.serve()
        self.model = self.client.upload("Model", read(TINY_DIGITS, "model.onnx")).name
        self.data = self.client.upload("Dataset", read(TINY_DIGITS, "calib.npz")).name
        self.job = self.search("0.5x")

    def serve(self):
        self.server = Server(self.state)
        self.addCleanup(self.server.close)
        self.client = Client(self.server.address, MODULES)

    def search(self, limit):
        job = self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=self.model, calibration_dataset=self.data, target="bitfusion",
            precisions=["w8a8", "w4a4"], skip_explanation=True,
            budgets=[self.client.message("Budget", metric="size", limit=limit)])).name
        events = list(self.client.stream("SearchService", "WatchJob", name=job))
        self.assertEqual(events[-1].state, MODULES["job"].JOB_STATE_SUCCEEDED)
        return job

    def add_strays(self, count):
        strays = [blob_path(self.state, hashlib.sha256(b"stray %d" % i).hexdigest())
                  for i in range(count)]
        for path in strays:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w"):
                pass
            os.utime(path, (86400, 86400))
        return strays

    def assert_the_job_is_answered(self):
        result = self.client.call("SearchService", "GetResult", name=self.job)
        self.assertTrue(result.artifacts)
        for artifact in result.artifacts:
            parts = self.client.stream("SearchService", "DownloadArtifact", name=artifact.name)
            content = b"".join(part.chunk for part in parts)
            self.assertEqual(hashlib.sha256(content).hexdigest(), artifact.sha256)
        solved = self.client.call("SearchService", "ReSolve", name=self.job, budgets=[
            self.client.message("Budget", metric="size", limit="0.6x")])
        self.assertEqual(solved.solution.status, MODULES["types"].SOLUTION_STATUS_OPTIMAL)
        self.assertTrue(self.client.call("ExplorationService", "Ask", job=self.job).suggestions)

    def test_a_kill_in_the_midst_of_a_collection(self):
        left = []
        for attempt in range(1, 6):
            age(self.state)
            strays = self.add_strays(5000 * attempt)
            client = self.client

            def collect():
                try:
                    client.call("ModelService", "CollectGarbage", uploads="0s", stages="0s")
                except grpc.RpcError:
                    pass  # the kill

            thread = threading.Thread(target=collect)
            thread.start()
            wait_for(lambda: not os.path.exists(strays[0]) or not os.path.exists(strays[-1]))
            self.server.kill()
            thread.join()
            left = [path for path in strays if os.path.exists(path)]
            self.serve()
            self.assert_the_job_is_answered()
            if left:
                break
        self.assertTrue(left, "each collection ended before the kill")
        age(self.state)
        self.client.call("ModelService", "CollectGarbage", uploads="0s", stages="0s")
        self.assertFalse([path for path in left if os.path.exists(path)])
        self.assert_the_job_is_answered()

    def test_a_directory_in_place_of_a_file(self):
        call, stream = self.client.call, self.client.stream
        result = call("SearchService", "GetResult", name=self.job)
        report = next(a for a in result.artifacts if a.name.endswith("report.html"))
        for folder, _, names in list(os.walk(os.path.join(self.state, "blobs"))):
            for name in names:
                os.unlink(os.path.join(folder, name))
                os.mkdir(os.path.join(folder, name))
        for resource, kind, service, method in [
                (self.job, call, "SearchService", "GetResult"),
                (self.job, call, "SearchService", "ReSolve"),
                (self.model, call, "ModelService", "InspectModel"),
                (report.name, stream, "SearchService", "DownloadArtifact")]:
            self.refused(resource, kind, service, method, says="is no file", name=resource)
        age(self.state)
        self.assertEqual(call("ModelService", "CollectGarbage", stages="0s", jobs="0s").blobs, 0)

    def test_a_database_that_is_lost(self):
        self.server.close()
        for suffix in ("", "-wal", "-shm"):
            path = os.path.join(self.state, "state.db" + suffix)
            if os.path.exists(path):
                os.unlink(path)
        with open(os.path.join(self.state, "state.db"), "wb"):
            pass
        with tempfile.TemporaryFile("w+") as log:
            server = Server(self.state, log=log)
            self.addCleanup(server.close)
            log.seek(0)
            self.assertIn("of which state.db has no record", log.read())

    def refused(self, resource, call, service, method, says="missing", **fields):
        with self.subTest(method):
            with self.assertRaises(grpc.RpcError) as caught:
                result = call(service, method, **fields)
                if hasattr(result, "__next__"):
                    list(result)
            error = caught.exception
            self.assertEqual(error.code(), DATA_LOSS, error.details())
            self.assertIn(resource, error.details())
            self.assertIn(says, error.details())
            self.assertNotIn(self.state, error.details())
            self.assertEqual(self.client.error_detail(error).resource, resource)

    def test_a_file_that_is_missing(self):
        call, stream = self.client.call, self.client.stream
        result = call("SearchService", "GetResult", name=self.job)
        report = next(a for a in result.artifacts if a.name.endswith("report.html"))
        os.unlink(blob_path(self.state, report.sha256))
        self.refused(report.name, stream, "SearchService", "DownloadArtifact", name=report.name)
        self.assertEqual(call("SearchService", "GetResult", name=self.job), result)
        os.unlink(blob_path(self.state, self.data.split("/")[1]))
        self.refused(self.data, stream, "AnalysisService", "EvaluateAssignment", model=self.model,
                     dataset=self.data)
        os.unlink(blob_path(self.state, self.model.split("/")[1]))
        self.refused(self.model, call, "ModelService", "InspectModel", name=self.model)
        # An upload brings it back.
        self.client.upload("Model", read(TINY_DIGITS, "model.onnx"))
        self.assertTrue(call("ModelService", "InspectModel", name=self.model).layers)
        with sqlite3.connect(os.path.join(self.state, "state.db")) as database:
            [[document]] = database.execute("SELECT result_sha256 FROM jobs")
        database.close()
        os.unlink(blob_path(self.state, document))
        for method in ("GetResult", "GetFrontier", "ReSolve"):
            self.refused(self.job, call, "SearchService", method, name=self.job)
        # What a stage has lost is computed again.
        self.client.upload("Dataset", read(TINY_DIGITS, "calib.npz"))
        for folder, _, names in os.walk(os.path.join(self.state, "blobs")):
            for name in names:
                if name not in (self.model.split("/")[1], self.data.split("/")[1]):
                    os.unlink(os.path.join(folder, name))
        self.job = self.search("0.5x")
        self.assert_the_job_is_answered()


class LostDatabaseTest(unittest.TestCase):
    def test_files_without_a_database_are_told_and_kept_for_a_day(self):
        for lose in (os.unlink, lambda path: open(path, "w").close()):
            state = tempfile.mkdtemp(prefix="halftone-e2e.")
            self.addCleanup(shutil.rmtree, state, ignore_errors=True)
            server = Server(state)
            model = Client(server.address, MODULES).upload("Model", read(TINY_DIGITS, "model.onnx"))
            server.close()
            age(state)
            for name in os.listdir(state):
                if name.startswith("state.db-"):
                    os.unlink(os.path.join(state, name))
            lose(os.path.join(state, "state.db"))
            with tempfile.TemporaryFile("w+") as log:
                server = Server(state, log=log)
                self.addCleanup(server.close)
                log.seek(0)
                self.assertRegex(log.read(), "error.*blobs/ holds 1 files of which state.db has")
            client = Client(server.address, MODULES)
            client.call("ModelService", "CollectGarbage", uploads="0s", stages="0s")
            self.assertTrue(os.path.exists(blob_path(state, model.name.split("/")[1])))
            server.close()


class EarlierVersionTest(unittest.TestCase):
    """What the last program of schema version 3 left, and a job of it whose spec is large."""

    def setUp(self):
        self.state = tempfile.mkdtemp(prefix="halftone-e2e.")
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)
        stored = os.path.join(os.path.dirname(TINY_DIGITS), "state")
        shutil.copytree(os.path.join(stored, "version3_blobs"), os.path.join(self.state, "blobs"))
        spec = MODULES["job"].SearchSpec(model="models/x", target="bitfusion", pins={
            f"layer{i}": "w8a8" for i in range(1000)})
        with contextlib.closing(self.database()) as database:
            database.executescript(read(stored, "version3.sql").decode())
            database.execute(
                "INSERT INTO jobs (id, display_name, spec, state, create_ns, update_ns, end_ns) "
                "VALUES ('large', '', ?, 5, 1, 1, 1)", [spec.SerializeToString()])
            database.commit()
        server = Server(self.state)
        self.addCleanup(server.close)
        self.client = Client(server.address, MODULES)

    def database(self):
        return sqlite3.connect(os.path.join(self.state, "state.db"))

    def test_its_jobs_are_listed_and_solved_again(self):
        jobs = self.client.call("SearchService", "ListJobs").jobs
        self.assertEqual([job.name for job in jobs], ["jobs/large", "jobs/898x9vdeyqr0"])
        self.assertEqual([job.spec.target for job in jobs], ["bitfusion", "bitfusion"])
        solved = self.client.call("SearchService", "ReSolve", name="jobs/898x9vdeyqr0", budgets=[
            self.client.message("Budget", metric="size", limit="0.4x")])
        self.assertEqual(solved.solution.status, MODULES["types"].SOLUTION_STATUS_OPTIMAL)

    def test_its_large_jobs_have_summaries(self):
        with contextlib.closing(self.database()) as database:
            [[summary]] = database.execute("SELECT summary FROM jobs WHERE id = 'large'")
        self.assertLess(len(summary), 100)
        self.assertEqual(MODULES["job"].SearchSpec.FromString(summary).model, "models/x")


if __name__ == "__main__":
    unittest.main()
