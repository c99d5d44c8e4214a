"""Starts the real server, and speaks to it with messages compiled from the protos.

What a Python client of Halftone needs is protoc, protobuf and grpcio: no generated service code.
Environment: HALFTONE_SOURCE_DIR, HALFTONE_BINARY_DIR.
"""

import contextlib
import hashlib
import importlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import grpc

SOURCE = os.environ["HALFTONE_SOURCE_DIR"]
BINARY = os.environ["HALFTONE_BINARY_DIR"]
TINY_DIGITS = os.path.join(SOURCE, "tests/data/tiny-digits")
NETWORKS = os.path.join(SOURCE, "tests/data/networks")


def compile_protos(folder):
    """Compiles the API, and ONNX's own messages, into `folder`; returns the modules by name."""
    api = os.path.join(SOURCE, "proto")
    names = sorted(os.listdir(os.path.join(api, "halftone/v1")))
    paths = [f"halftone/v1/{name}" for name in names if name.endswith(".proto")]
    subprocess.run(["protoc", "-I", api, f"--python_out={folder}", *paths], check=True)
    subprocess.run(
        ["protoc", "-I", "/usr/include/onnx", f"--python_out={folder}", "onnx.proto"], check=True)
    sys.path.insert(0, folder)
    modules = {p[len("halftone/v1/"):-len(".proto")]: importlib.import_module(
        p[:-len(".proto")].replace("/", ".") + "_pb2") for p in paths}
    modules["onnx"] = importlib.import_module("onnx_pb2")
    return modules


def blob_path(state, sha256):
    return os.path.join(state, "blobs", sha256[:2], sha256)


def age(state):
    """Has all that is stored be old, and used a day after 1970 for the last time, but for jobs."""
    with contextlib.closing(sqlite3.connect(os.path.join(state, "state.db"))) as database:
        for table in ("contents", "stage_outputs", "measured_costs"):
            database.execute(f"UPDATE {table} SET used_ns = 86400000000000")
        database.commit()
    for folder, _, names in os.walk(os.path.join(state, "blobs")):
        for name in names:
            os.utime(os.path.join(folder, name), (86400, 86400))


class Server:
    """halftone-server on a free port, with a state directory of its own unless they are given.

    It logs to `log`, a file, or where the tests do.
    """

    def __init__(self, state=None, address="127.0.0.1:0", options=(), log=None):
        self.owns_state = state is None
        self.state = state or tempfile.mkdtemp(prefix="halftone-e2e.")
        self.process = subprocess.Popen(
            [os.path.join(BINARY, "bin/halftone-server"), "--address", address,
             "--state-dir", self.state, "--log-level", "warn", *options],
            stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        if not found:
            raise RuntimeError(f"the server ended with code {self.process.wait()}")
        self.address = found.group(0)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        self.process.stdout.close()
        if self.owns_state:
            shutil.rmtree(self.state, ignore_errors=True)


class Client:
    """Calls methods by name: client.call("SearchService", "GetJob", name=...)."""

    def __init__(self, address, modules):
        self.channel = grpc.insecure_channel(address)
        self.modules = modules
        self.services = {}
        for module in modules.values():
            for service in module.DESCRIPTOR.services_by_name.values():
                self.services[service.name] = service

    def message(self, name, /, **fields):
        for module in self.modules.values():
            if hasattr(module, name):
                return getattr(module, name)(**fields)
        raise KeyError(name)

    def _stub(self, service, method, kind):
        descriptor = self.services[service].methods_by_name[method]
        return getattr(self.channel, kind)(
            f"/{self.services[service].full_name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=type(
                self.message(descriptor.output_type.name)).FromString
            if descriptor.output_type.file.package == "halftone.v1" else bytes)

    def call(self, service, method, /, timeout=300, **fields):
        request = self.message(self.services[service].methods_by_name[method].input_type.name,
                               **fields)
        return self._stub(service, method, "unary_unary")(request, timeout=timeout)

    def stream(self, service, method, /, timeout=300, **fields):
        request = self.message(self.services[service].methods_by_name[method].input_type.name,
                               **fields)
        return self._stub(service, method, "unary_stream")(request, timeout=timeout)

    def send(self, service, method, requests, timeout=300):
        return self._stub(service, method, "stream_unary")(iter(requests), timeout=timeout)

    def upload(self, kind, content, **header):
        """Uploads bytes as "Model" or "Dataset"; header fields replace the right ones."""
        fields = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content),
                  "display_name": "test"}
        fields.update(header)
        request = f"Upload{kind}Request"
        parts = [self.message(request, header=self.message("UploadHeader", **fields))]
        for begin in range(0, len(content), 1 << 20):
            parts.append(self.message(request, chunk=content[begin:begin + (1 << 20)]))
        return self.send("ModelService", f"Upload{kind}", parts)

    def error_detail(self, error):
        """The ErrorDetail of an RpcError."""
        trailers = dict(error.trailing_metadata())
        status = self.message("StatusDetails")
        status.ParseFromString(trailers["grpc-status-details-bin"])
        detail = self.message("ErrorDetail")
        assert status.details[0].Unpack(detail)
        return detail


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


class ServedTestCase(unittest.TestCase):
    """Tests of one class share a server, a client, and the uploaded tiny-digits network and samples.

    A subclass names the `modules` that compile_protos gave.
    """

    modules = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.client = Client(cls.server.address, cls.modules)
        cls.model = cls.client.upload("Model", read(TINY_DIGITS, "model.onnx")).name
        cls.data = cls.client.upload("Dataset", read(TINY_DIGITS, "calib.npz")).name

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def hold_the_gate(self):
        """Has a search be in the midst of a stage that computes here, for far longer than any test
        takes; what ends it."""
        job = self.client.call("SearchService", "CreateJob", spec=self.client.message(
            "SearchSpec", model=self.client.upload("Model", read(NETWORKS, "vit.onnx")).name,
            calibration_dataset=self.client.upload("Dataset", read(NETWORKS, "calib.npz")).name,
            target="bitfusion", sensitivity=self.client.message("SensitivitySpec", draws=4096))).name
        # A stage that has only begun may still wait for its turn.
        stage = self.modules["types"].STAGE_SENSITIVITY
        progress = self.modules["job"].JOB_EVENT_KIND_STAGE_PROGRESS
        events = self.client.stream("SearchService", "WatchJob", name=job)
        for event in events:
            if event.stage == stage and event.kind == progress:
                break
        else:
            self.fail(f"it has ended: {event}")

        def let_go():
            self.client.call("SearchService", "CancelJob", name=job)
            self.assertEqual(list(events)[-1].state, self.modules["job"].JOB_STATE_CANCELLED)

        return let_go
