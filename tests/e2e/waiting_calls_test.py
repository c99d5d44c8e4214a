"""Calls that wait (for their turn, for a client that does not read, for a proof) keep no other call
waiting: each test has more of them than the server has workers for others."""

import concurrent.futures
import json
import socket
import struct
import tempfile
import unittest

import grpc

from halftone_server import TINY_DIGITS, ServedTestCase, compile_protos, read
from problems import hard_problem
from waiting import PATIENCE, processor_seconds, wait_for, wait_for_work

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
MANY = 6
# Far more than any of the calls takes that are to be answered at once.
SOON = 120


class ClientThatNeverReads:
    """One call by bare HTTP/2, with a window of no bytes: the server cannot send any of its answer."""

    HEADERS, SETTINGS = 1, 4
    END_STREAM = ACK = 1
    END_HEADERS = 4

    def __init__(self, address, method, request):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        initial_window_size = 4
        self.send(self.SETTINGS, 0, 0, struct.pack(">HI", initial_window_size, 0))
        headers = {":method": "POST", ":scheme": "http", ":path": method, ":authority": address,
                   "content-type": "application/grpc", "te": "trailers"}
        self.send(self.HEADERS, self.END_HEADERS, 1, b"".join(
            b"\0" + self.text(name) + self.text(value) for name, value in headers.items()))
        self.send(0, self.END_STREAM, 1, b"\0" + struct.pack(">I", len(request)) + request)

    @staticmethod
    def text(value):
        assert len(value) < 127
        return bytes([len(value)]) + value.encode()

    def send(self, kind, flags, stream, payload):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
                            struct.pack(">I", stream) + payload)

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            assert part, "the server closed the connection"
            data += part
        return data

    def await_begin(self):
        """Until the server has begun to answer, which is to send what it cannot."""
        while True:
            head = self.receive(9)
            self.receive(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == self.SETTINGS and not flags & self.ACK:
                self.send(self.SETTINGS, self.ACK, 0, b"")
            if kind == self.HEADERS and stream == 1:
                assert not flags & self.END_STREAM, "it was refused"
                return

    def close(self):
        self.socket.close()


class WaitingCallsTest(ServedTestCase):
    modules = MODULES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.search("bitfusion")
        events = list(cls.client.stream("SearchService", "WatchJob", name=cls.job))
        assert events[-1].state == MODULES["job"].JOB_STATE_SUCCEEDED
        cls.result = cls.client.call("SearchService", "GetResult", name=cls.job)

    @classmethod
    def search(cls, target):
        return cls.client.call("SearchService", "CreateJob", spec=cls.client.message(
            "SearchSpec", model=cls.model, calibration_dataset=cls.data, target=target,
            precisions=["w8a8", "w4a4"], skip_explanation=True,
            budgets=[cls.client.message("Budget", metric="size", limit="0.3x")])).name

    def assert_others_are_answered(self):
        self.client.call("SearchService", "GetResult", timeout=SOON, name=self.job)
        self.client.call("SearchService", "ReSolve", timeout=SOON, name=self.job, budgets=[
            self.client.message("Budget", metric="size", limit="0.4x")])
        self.client.call("ModelService", "InspectModel", timeout=SOON, name=self.model)
        parts = list(self.client.stream("SearchService", "DownloadArtifact", timeout=SOON,
                                        name=self.result.artifacts[0].name))
        self.assertGreater(len(parts), 1)
        # Stored already, but read and checked once more.
        self.client.upload("Model", read(TINY_DIGITS, "model.onnx"))

    def test_analyses_that_wait_for_a_search(self):
        let_go = self.hold_the_gate()
        streams = [self.client.stream("AnalysisService", "EvaluateAssignment", model=self.model,
                                      dataset=self.data, assignment={"/fc/Gemm": "w8a8"})
                   for _ in range(MANY)]
        for stream in streams:
            self.assertEqual(next(stream).progress.detail, "waiting for its turn")
        self.assert_others_are_answered()
        streams[0].cancel()
        let_go()
        for stream in streams[1:]:
            self.assertTrue(list(stream)[-1].HasField("result"))

    def test_an_analysis_that_waits_ends_at_its_deadline(self):
        let_go = self.hold_the_gate()
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.client.stream("AnalysisService", "EvaluateAssignment", timeout=0.5,
                                    model=self.model, dataset=self.data))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        let_go()

    def test_evaluations_that_wait_for_a_search(self):
        suggestions = self.client.call("ExplorationService", "Ask", job=self.job,
                                       count=MANY).suggestions
        let_go = self.hold_the_gate()
        with concurrent.futures.ThreadPoolExecutor(MANY) as threads:
            told = [threads.submit(self.client.call, "ExplorationService", "Tell", job=self.job,
                                   assignment=suggestion.assignment) for suggestion in suggestions]
            self.assert_others_are_answered()
            self.client.call("ExplorationService", "Ask", timeout=SOON, job=self.job)
            space = self.client.call("ExplorationService", "GetExploration", timeout=SOON,
                                     job=self.job)
            self.assertEqual(space.evaluations, 0)
            let_go()
            evaluations = [answer.result().evaluations for answer in told]
        self.assertEqual(sorted(evaluations), list(range(1, MANY + 1)))

    def far_padded(self):
        """Tiny-digits with so much padding that a sample takes seconds. oneDNN has no fast code for
        padding that is wider than the kernel: by its other one it would be minutes."""
        network = MODULES["onnx"].ModelProto.FromString(read(TINY_DIGITS, "model_folded.onnx"))
        for attribute in network.graph.node[0].attribute:
            if attribute.name == "pads":
                attribute.ints[:] = [3000] * 4
        return self.client.upload("Model", network.SerializeToString()).name

    def one_sample(self):
        return self.client.message("SensitivitySpec", samples=1, draws=1)

    def test_a_cancelled_analysis_of_a_slow_network_gives_its_turn_back(self):
        try:
            list(self.client.stream("AnalysisService", "MeasureSensitivity", timeout=2,
                                    model=self.far_padded(), dataset=self.data,
                                    precisions=["w8a8"], sensitivity=self.one_sample()))
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        list(self.client.stream("AnalysisService", "ProfileModel", timeout=SOON, model=self.model,
                                target="bitfusion"))

    def test_a_job_on_a_slow_network_is_cancelled(self):
        job = self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=self.far_padded(), calibration_dataset=self.data,
            target="bitfusion", sensitivity=self.one_sample())).name
        before = processor_seconds(self.server.process)

        def has_ended():
            state = self.client.call("SearchService", "GetJob", name=job).state
            return state > MODULES["job"].JOB_STATE_RUNNING

        wait_for_work(self.server.process, 2, before, has_ended)
        self.client.call("SearchService", "CancelJob", name=job)
        wait_for(has_ended, SOON)

    def never_read(self, method, request):
        client = ClientThatNeverReads(self.server.address, method, request.SerializeToString())
        self.addCleanup(client.close)
        client.await_begin()

    def test_downloads_that_nobody_reads(self):
        for _ in range(MANY):
            self.never_read("/halftone.v1.SearchService/DownloadArtifact", self.client.message(
                "DownloadArtifactRequest", name=self.result.artifacts[0].name))
        self.assert_others_are_answered()

    def test_an_analysis_that_nobody_reads(self):
        self.never_read("/halftone.v1.AnalysisService/MeasureSensitivity", self.client.message(
            "MeasureSensitivityRequest", model=self.model, dataset=self.data, interactions=True))
        responses = list(self.client.stream("AnalysisService", "MeasureSensitivity",
                                            model=self.model, dataset=self.data))
        self.assertTrue(responses[-1].HasField("result"))
        self.assert_others_are_answered()

    def test_solves_that_take_long(self):
        problem, ids = hard_problem(), [f"long-{i}" for i in range(MANY)]
        before = processor_seconds(self.server.process)

        def stop(solve_id):
            try:
                return self.client.call("AnalysisService", "StopSolve", solve_id=solve_id) is not None
            except grpc.RpcError:
                return False

        with concurrent.futures.ThreadPoolExecutor(MANY) as threads:
            solved = [threads.submit(self.client.call, "AnalysisService", "SolveProblem", timeout=300,
                                     problem_json=json.dumps(problem), solve_id=solve_id)
                      for solve_id in ids]
            wait_for_work(self.server.process, 1, before)
            self.client.call("SearchService", "GetResult", timeout=SOON, name=self.job)
            self.client.call("ModelService", "InspectModel", timeout=SOON, name=self.model)
            self.assertFalse(any(answer.done() for answer in solved), "they still solve")
            for solve_id, answer in zip(ids, solved):
                wait_for(lambda: stop(solve_id) or answer.done())
            concurrent.futures.wait(solved)


if __name__ == "__main__":
    unittest.main()
