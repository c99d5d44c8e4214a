"""Bad input of every kind: the right status code, a message that names the offender, and a server
that keeps serving."""

import io
import os
import struct
import tempfile
import unittest
import zipfile

import grpc
import numpy as np

from halftone_server import TINY_DIGITS, ServedTestCase, compile_protos, read
from waiting import wait_for

FOLDER = tempfile.TemporaryDirectory()
MODULES = compile_protos(FOLDER.name)
onnx = MODULES["onnx"]
INVALID = grpc.StatusCode.INVALID_ARGUMENT
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
NOT_FOUND = grpc.StatusCode.NOT_FOUND


def tiny_model():
    return onnx.ModelProto.FromString(read(TINY_DIGITS, "model.onnx"))


def changed(change):
    model = tiny_model()
    change(model)
    return model.SerializeToString()


def set_cycle(model):
    nodes = model.graph.node
    nodes[0].input[0] = nodes[3].output[0]


def drop_initializer(model):
    names = [tensor.name for tensor in model.graph.initializer]
    del model.graph.initializer[names.index(model.graph.node[0].input[1])]


def poison(value):
    def change(model):
        tensor = next(t for t in model.graph.initializer if t.name == model.graph.node[0].input[1])
        values = np.frombuffer(tensor.raw_data, "<f4").copy()
        values[5] = value
        tensor.raw_data = values.tobytes()
    return change


def of_gemm(alpha):
    def change(model):
        gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
        attribute = next((a for a in gemm.attribute if a.name == "alpha"), None)
        if attribute is None:
            attribute = gemm.attribute.add(name="alpha", type=onnx.AttributeProto.FLOAT)
        attribute.f = alpha
    return change


def batch_of_zero(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 0


def weights_of_type(model):
    tensor = next(t for t in model.graph.initializer if t.name == model.graph.node[0].input[1])
    tensor.data_type = 7  # int64, but the bytes are half of what that needs


def terabytes(model):
    tensor = next(t for t in model.graph.initializer if t.name == model.graph.node[0].input[1])
    tensor.dims[0] = 1 << 40


def overflow(model):
    tensor = next(t for t in model.graph.initializer if t.name == model.graph.node[0].input[1])
    del tensor.dims[:]
    tensor.dims.extend([1 << 32, 1 << 32, 1 << 32])


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"


BAD_MODELS = {
    "empty_graph": (b"\x08\x07", INVALID, "graph"),
    "truncated": (read(TINY_DIGITS, "model.onnx")[:-100], INVALID, "protobuf"),
    "random": (np.random.default_rng(1).bytes(5000), INVALID, "protobuf"),
    "text": (b"this is not a protobuf at all", INVALID, "protobuf"),
    "cycle": (changed(set_cycle), INVALID, "Conv"),
    "missing_initializer": (changed(drop_initializer), INVALID, "conv1"),
    "wrong_type": (changed(weights_of_type), INVALID, "conv1"),
    "terabytes": (changed(terabytes), None, "conv1"),
    "overflow": (changed(overflow), None, "conv1"),
    "nan_weight": (changed(poison(np.nan)), INVALID, "conv1"),
    "infinite_weight": (changed(poison(np.inf)), INVALID, "conv1"),
    "nan_attribute": (changed(of_gemm(np.nan)), INVALID, "'/fc/Gemm' (Gemm): attribute 'alpha'"),
    "batch_of_zero": (changed(batch_of_zero), INVALID, "input 'input': axis 0 has the size 0"),
    "external_data": (changed(external), INVALID, "another file"),
}


def npy(header, payload=b""):
    text = header.encode() + b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + payload


def archive(entries, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return file.getvalue()


def saved(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GOOD = np.zeros((2, 1, 8, 8), np.float32)
HEADER = "{'descr': '%s', 'fortran_order': %s, 'shape': %s}"
NAN = GOOD.copy()
NAN[1, 0, 3, 3] = np.nan
BAD_DATA = {
    "not_a_zip": (b"this is no archive", INVALID, "zip"),
    "truncated": (saved(input=GOOD)[:-60], INVALID, ""),
    "no_arrays": (archive({}), INVALID, ""),
    "zero_samples": (saved(input=GOOD[:0]), INVALID, "input"),
    "nan": (saved(input=NAN), INVALID, "input"),
    "infinity": (saved(input=GOOD + np.inf), INVALID, "input"),
    "fortran_order": (archive({"input.npy": npy(HEADER % ("<f4", "True", "(2, 1, 8, 8)"),
                                                bytes(512))}), INVALID, "input"),
    "big_endian": (archive({"input.npy": npy(HEADER % (">f4", "False", "(2, 1, 8, 8)"),
                                             bytes(512))}), INVALID, "input"),
    "pickled": (archive({"input.npy": npy(HEADER % ("|O", "False", "(2,)"), bytes(16))}), INVALID,
                "input"),
    "wrong_header": (archive({"input.npy": npy("{'descr': 42}")}), INVALID, "input"),
    "shape_overflows": (archive({"input.npy": npy(
        HEADER % ("<f4", "False", "(4294967296, 4294967296, 4294967296)"))}), None, "input"),
    "claims_terabytes": (archive({"input.npy": npy(
        HEADER % ("<f4", "False", "(1099511627776,)"))}), None, "input"),
    "shorter_than_claimed": (archive({"input.npy": npy(
        HEADER % ("<f4", "False", "(2, 1, 8, 8)"), bytes(100))}), INVALID, "input"),
    "bomb": (archive({"input.npy": npy(HEADER % ("<f4", "False", "(2, 1, 8, 8)"),
                                       bytes(64 << 20))}, zipfile.ZIP_DEFLATED), EXHAUSTED,
             "input"),
    "counts_differ": (saved(input=GOOD, labels=np.zeros(3, np.int64)), INVALID, "labels"),
    "float_labels": (saved(input=GOOD, labels=np.zeros(2)), INVALID, "labels"),
}

# Archives that are fine, but not for this model.
UNFIT_DATA = {
    "other_name": (saved(pixels=GOOD), "input"),
    "other_shape": (saved(input=np.zeros((2, 3, 8, 8), np.float32)), "input"),
    "other_type": (saved(input=GOOD.astype(np.int64)), "input"),
    "label_out_of_range": (saved(input=GOOD, labels=np.array([0, 10])), "label 10"),
    "negative_label": (saved(input=GOOD, labels=np.array([0, -1])), "label -1"),
}


class BadInputTest(ServedTestCase):
    modules = MODULES

    def tearDown(self):
        # Whatever happened: the server serves, and nothing half is left.
        self.assertTrue(self.client.call("AnalysisService", "GetVersion").version)
        # A refused upload is answered before its file is removed.
        partial = os.path.join(self.server.state, "blobs/partial")
        wait_for(lambda: not os.listdir(partial))

    def refused(self, code, offender, call, /, *args, **fields):
        """The call ends with this code (None: invalid or too large) and names the offender."""
        with self.assertRaises(grpc.RpcError) as caught:
            result = call(*args, **fields)
            if hasattr(result, "__next__"):
                list(result)
        error = caught.exception
        self.assertIn(error.code(), [code] if code else [INVALID, EXHAUSTED], error.details())
        self.assertIn(offender, error.details())
        detail = self.client.error_detail(error)
        self.assertIn(detail.reason, [error.code().name, *MODULES["status"].ErrorReason.keys()])
        return detail

    def test_models(self):
        for name, (content, code, offender) in BAD_MODELS.items():
            with self.subTest(name):
                self.refused(code, offender, self.client.upload, "Model", content)

    def test_data(self):
        for name, (content, code, offender) in BAD_DATA.items():
            with self.subTest(name):
                self.refused(code, offender, self.client.upload, "Dataset", content)

    def test_data_that_does_not_fit_the_model(self):
        for name, (content, offender) in UNFIT_DATA.items():
            with self.subTest(name):
                data = self.client.upload("Dataset", content).name
                for method, fields in [("EvaluateAssignment", {"assignment": {"/fc/Gemm": "w8a8"}}),
                                       ("MeasureSensitivity", {})]:
                    detail = self.refused(INVALID, offender, self.client.stream, "AnalysisService",
                                          method, model=self.model, dataset=data, **fields)
                    self.assertEqual(detail.field, "dataset")
                job = self.client.call("SearchService", "CreateJob", spec=self.spec(
                    calibration_dataset=data))
                list(self.client.stream("SearchService", "WatchJob", name=job.name))
                job = self.client.call("SearchService", "GetJob", name=job.name)
                self.assertEqual(job.state, MODULES["job"].JOB_STATE_FAILED)
                self.assertEqual(job.error.code, INVALID.value[0])
                self.assertIn(offender, job.error.message)
                self.refused(grpc.StatusCode.FAILED_PRECONDITION, offender, self.client.call,
                             "SearchService", "GetResult", name=job.name)

    def test_uploads_that_break_their_promises(self):
        content = read(TINY_DIGITS, "model.onnx")
        upload = self.client.upload
        detail = self.refused(INVALID, "header", upload, "Model", content, sha256="0" * 64)
        self.assertEqual(detail.field, "header.sha256")
        self.refused(INVALID, "sha256", upload, "Model", content, sha256="nonsense")
        self.refused(INVALID, "stopped after", upload, "Model", content,
                     size_bytes=len(content) + 1)
        self.refused(INVALID, "more bytes", upload, "Model", content, size_bytes=10)
        self.refused(INVALID, "size_bytes", upload, "Model", b"")
        self.refused(EXHAUSTED, "limit", upload, "Model", content, size_bytes=1 << 50)
        self.refused(INVALID, "display_name", upload, "Model", content, display_name="x" * 257)
        self.refused(INVALID, "display_name", upload, "Model", content, display_name="\x1b[2J")
        request = self.client.message("UploadModelRequest", chunk=b"x")
        self.refused(INVALID, "header", self.client.send, "ModelService", "UploadModel", [request])
        self.refused(INVALID, "header", self.client.send, "ModelService", "UploadModel", [])

    def test_the_room_of_a_refused_upload_is_free_when_the_answer_comes(self):
        for _ in range(20):
            self.refused(INVALID, "header.sha256", self.client.upload, "Dataset", b"x" * (4 << 20),
                         sha256="0" * 64)
            self.assertEqual(os.listdir(os.path.join(self.server.state, "blobs/partial")), [])

    def test_an_upload_that_is_cut_off(self):
        def parts():
            yield self.client.message("UploadModelRequest", header=self.client.message(
                "UploadHeader", sha256="0" * 64, size_bytes=1000))
            yield self.client.message("UploadModelRequest", chunk=b"x" * 10)
            raise RuntimeError("the client dies")
        with self.assertRaises(grpc.RpcError):
            self.client.send("ModelService", "UploadModel", parts())
        for _ in range(100):
            if not os.listdir(os.path.join(self.server.state, "blobs/partial")):
                break
            self.client.call("AnalysisService", "GetVersion")

    def spec(self, **fields):
        values = {"model": self.model, "calibration_dataset": self.data, "target": "bitfusion",
                  "budgets": [self.client.message("Budget", metric="latency", limit="50%")]}
        values.update(fields)
        return self.client.message("SearchSpec", **values)

    def budget(self, metric, limit):
        return [self.client.message("Budget", metric=metric, limit=limit)]

    def test_specs(self):
        none = "0" * 64
        rules = lambda **fields: self.client.message("LayerRules", **fields)
        cases = [
            ({"model": "models/x"}, INVALID, "models/x", "spec.model"),
            ({"model": f"models/{none}"}, NOT_FOUND, none, "spec.model"),
            ({"calibration_dataset": f"datasets/{none}"}, NOT_FOUND, none,
             "spec.calibration_dataset"),
            ({"evaluation_dataset": "x" * 10000}, INVALID, "xxx", "spec.evaluation_dataset"),
            ({"target": "toaster"}, NOT_FOUND, "toaster", "spec.target"),
            ({"target": "bitfusion?"}, INVALID, "bitfusion?", "spec.target"),
            ({"target": "bitfusion?rows=8&rows=16"}, INVALID, "rows", "spec.target"),
            ({"target": "/etc/passwd.json"}, INVALID, "/etc/passwd.json", "spec.target"),
            ({"precisions": ["w99a8"]}, INVALID, "w99a8", "spec.precisions[0]"),
            ({"precisions": ["w4a8", "w4a8"]}, INVALID, "w4a8", "spec.precisions[1]"),
            ({"budgets": self.budget("beauty", "4ms")}, INVALID, "beauty", "spec.budgets[0]"),
            ({"budgets": self.budget("latency", "4KB")}, INVALID, "4KB", "spec.budgets[0]"),
            ({"budgets": self.budget("latency", "-4ms")}, INVALID, "-4ms", "spec.budgets[0]"),
            ({"budgets": self.budget("latency", "nanms")}, INVALID, "nanms", "spec.budgets[0]"),
            ({"budgets": self.budget("latency", "")}, INVALID, "latency", "spec.budgets[0]"),
            ({"budgets": self.budget("latency", "1x") * 2}, INVALID, "latency",
             "spec.budgets[1]"),
            ({"frontier_metric": "beauty"}, INVALID, "beauty", "spec.frontier_metric"),
            ({"pins": {"/fc/Gemm": "w0a8"}}, INVALID, "w0a8", "spec.pins['/fc/Gemm']"),
            ({"pins": {"nobody": "w8a8"}}, INVALID, "names no layer", "spec.pins['nobody']"),
            ({"rules": rules(groups=[self.client.message("LayerGroup")])}, INVALID, "is empty",
             "spec.rules.groups[0].layers"),
            ({"rules": rules(first_layer="99")}, INVALID, "so many bits",
             "spec.rules.first_layer"),
            ({"rules": rules(loss_factors={"nobody": 2})}, INVALID, "names no layer",
             "spec.rules.loss_factors['nobody']"),
            ({"objectives": ["size"]}, INVALID, "evolutionary", "spec.objectives"),
            ({"budgets": self.budget("latency", "1e308x")}, INVALID, "1e+60x", "spec.budgets[0]"),
            ({"target": "cpu", "frontier_metric": "energy"}, INVALID, "no energy costs",
             "spec.frontier_metric"),
            ({"batch": -1}, INVALID, "-1", "spec.batch"),
            ({"batch": 1 << 30}, INVALID, str(1 << 30), "spec.batch"),
            ({"threads": 5000}, INVALID, "5000", "spec.threads"),
            ({"time_limit_seconds": -1}, INVALID, "-1", "spec.time_limit_seconds"),
        ]
        for fields, code, offender, field in cases:
            with self.subTest(field):
                detail = self.refused(code, offender, self.client.call, "SearchService",
                                      "CreateJob", spec=self.spec(**fields))
                self.assertEqual(detail.field, field)

    def raw(self, service, method, request, kind="unary_unary"):
        call = getattr(self.client.channel, kind)(f"/halftone.v1.{service}/{method}")
        return call(request, timeout=300)

    def test_requests_that_do_not_parse(self):
        for service, method, kind in [("SearchService", "GetJob", "unary_unary"),
                                      ("AnalysisService", "SolveProblem", "unary_unary"),
                                      ("SearchService", "WatchJob", "unary_stream"),
                                      ("ModelService", "UploadModel", "stream_unary"),
                                      ("ModelService", "UploadDataset", "stream_unary"),
                                      ("ModelService", "UploadTargetFile", "stream_unary")]:
            with self.subTest(method):
                request = iter([b"\xff\xff"]) if kind == "stream_unary" else b"\xff\xff"
                detail = self.refused(INVALID, method, self.raw, service, method, request, kind)
                self.assertEqual(detail.reason, "REQUEST_MALFORMED")
        for service, method in [("SearchService", "NoSuchCall"), ("ProfilerService", "Describe")]:
            with self.assertRaises(grpc.RpcError) as caught:
                self.raw(service, method, b"")
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_texts_that_grow_on_the_way(self):
        detail = self.refused(INVALID, "%%%", self.client.call, "SearchService", "CreateJob",
                              spec=self.spec(pins={"%" * 250: "w0a8"}))
        self.assertTrue(detail.field.endswith("%[...]"))

    def test_long_texts_come_back_in_part(self):
        call, long = self.client.call, "x" * 1000000
        for service, method, fields in [
                ("SearchService", "ListJobs", {"page_token": long}),
                ("ModelService", "ListModels", {"page_token": long}),
                ("SearchService", "GetJob", {"name": long}),
                ("SearchService", "CreateJob", {"spec": self.spec(target=long)}),
                ("SearchService", "CreateJob", {"spec": self.spec(pins={long: "w8a8"})}),
                ("SearchService", "CreateJob", {"spec": self.spec(pins={"/fc/Gemm": long})}),
                ("ModelService", "CollectGarbage", {"stages": long}),
                ("ProfilerRegistryService", "RegisterProfiler", {"name": "x", "address": long})]:
            with self.subTest(method):
                with self.assertRaises(grpc.RpcError) as caught:
                    call(service, method, **fields)
                self.assertEqual(caught.exception.code(), INVALID)
                self.assertLess(len(caught.exception.details()), 400)
                self.assertIn("x" * 64 + "...' (1000000 bytes)", caught.exception.details())

    def test_page_tokens_of_no_page(self):
        for service, method in [("SearchService", "ListJobs"), ("ModelService", "ListModels")]:
            for token in ("0", "-1", "datasets.5"):
                detail = self.refused(INVALID, token, self.client.call, service, method,
                                      page_token=token)
                self.assertEqual((detail.reason, detail.field), ("PAGE_TOKEN_INVALID",
                                                                 "page_token"))

    def test_leases(self):
        for seconds, shown in [(-1, "-1"), (float("nan"), "nan"), (1e9, "1e+09")]:
            detail = self.refused(INVALID, shown, self.client.call, "ProfilerRegistryService",
                                  "RegisterProfiler", name="x", address="127.0.0.1:1",
                                  lease_seconds=seconds)
            self.assertEqual(detail.field, "lease_seconds")

    def test_results_that_are_not_finite(self):
        model = self.client.upload("Model", changed(of_gemm(3e38))).name
        self.refused(INVALID, "'logits' of sample 0 is not finite", self.client.stream,
                     "AnalysisService", "EvaluateAssignment", model=model, dataset=self.data,
                     samples=4)
        self.refused(INVALID, "'/fc/Gemm': its result is not finite", self.client.stream,
                     "AnalysisService", "MeasureSensitivity", model=model, dataset=self.data,
                     precisions=["w8a8"],
                     sensitivity=self.client.message("SensitivitySpec", samples=4, draws=1))

    def memory(self, field):
        """Bytes, of the server: VmRSS, what it holds, or VmHWM, the most that it held."""
        with open(f"/proc/{self.server.process.pid}/status") as status:
            line = next(line for line in status if line.startswith(field))
        return int(line.split()[1]) << 10

    def is_sanitized(self):
        with open(f"/proc/{self.server.process.pid}/maps") as file:
            return any(name in line for line in file for name in ("libasan", "libtsan"))

    def memory_of(self, call):
        """The most bytes that the server held at a time in `call`, less what it held before."""
        with open(f"/proc/{self.server.process.pid}/clear_refs", "w") as file:
            file.write("5")  # VmHWM begins anew
        before = self.memory("VmRSS")
        call()
        return self.memory("VmHWM") - before

    def test_json_that_would_fill_the_memory(self):
        if self.is_sanitized():
            self.skipTest("sanitizers keep what was freed")
        call, upload = self.client.call, self.client.upload
        # A text is there up to four times, as it comes and in messages, until it is refused; of the
        # values that were read by then, 16 bytes each, an array that grows by doubling. A quarter
        # more for what allocators keep. Read to its end, the first text would fill 384 MiB more.
        most = 1.25 * (4 * (32 << 20) + 1.5 * 16 * (1 << 22))
        for text, offender in [("[" + "0," * (16 << 20), "4000000 values"),
                               ("[" * (1 << 20), "64 deep"),
                               ('{"layers":[],"layers":[]}', "'layers' twice")]:
            with self.subTest(offender):
                self.assertLess(self.memory_of(lambda: self.refused(
                    INVALID, offender, call, "AnalysisService", "SolveProblem",
                    problem_json=text[:32 << 20])), most)
                self.assertLess(self.memory_of(lambda: self.refused(
                    INVALID, offender, upload, "TargetFile", text[:30 << 20].encode(),
                    display_name="mine.json")), most)

    def test_lists_stay_small(self):
        pins = {f"layer{i}" + "x" * 4000: "w8a8" for i in range(2250)}
        jobs = [self.client.call("SearchService", "CreateJob", spec=self.spec(pins=pins)).name
                for _ in range(3)]
        page = self.client.call("SearchService", "ListJobs", page_size=1000)
        listed = {job.name: job for job in page.jobs}
        for name in jobs:
            self.assertEqual(listed[name].spec.model, self.model)
            self.assertEqual(len(listed[name].spec.pins), 0)
            self.assertEqual(self.client.call("SearchService", "GetJob", name=name).spec,
                             listed[name].spec)
            self.client.call("SearchService", "DeleteJob", name=name, force=True)

    def test_reasons(self):
        """Each reason that status.proto promises is given."""
        none = "0" * 64
        call, upload, message = self.client.call, self.client.upload, self.client.message
        create = lambda **fields: call("SearchService", "CreateJob", **fields)
        spec = lambda **fields: create(spec=self.spec(**fields))
        crosscheck = create(crosscheck=message(
            "CrosscheckSpec", model=self.model, calibration_dataset=self.data,
            evaluation_dataset=self.data, precisions=["w4a4", "w8a8"]), request_id="reasons").name
        cases = {
            "REQUEST_MALFORMED": lambda: self.raw("SearchService", "GetJob", b"\xff"),
            "NAME_MALFORMED": lambda: call("SearchService", "GetJob", name="jobs"),
            "PAGE_TOKEN_INVALID": lambda: call("SearchService", "ListJobs", page_token="x"),
            "BUDGET_INVALID": lambda: spec(budgets=self.budget("latency", "4KB")),
            "PRECISION_INVALID": lambda: spec(precisions=["w99a8"]),
            "TARGET_INVALID": lambda: spec(target="bitfusion?rows=8&rows=16"),
            "PROBLEM_INVALID": lambda: call("AnalysisService", "SolveProblem", problem_json="{}"),
            "MODEL_INVALID": lambda: upload("Model", b"x"),
            "DATASET_INVALID": lambda: upload("Dataset", b"x"),
            "TARGET_FILE_INVALID": lambda: upload("TargetFile", b"{", display_name="x.json"),
            "MODEL_NOT_FOUND": lambda: spec(model=f"models/{none}"),
            "DATASET_NOT_FOUND": lambda: call("ModelService", "GetDataset",
                                              name=f"datasets/{none}"),
            "TARGET_FILE_NOT_FOUND": lambda: call("ModelService", "GetTargetFile",
                                                  name=f"targets/{none}"),
            "TARGET_NOT_FOUND": lambda: spec(target="toaster"),
            "JOB_NOT_FOUND": lambda: call("SearchService", "GetResult", name="jobs/nobody"),
            "ARTIFACT_NOT_FOUND": lambda: self.client.stream(
                "SearchService", "DownloadArtifact", name=crosscheck + "/artifacts/x"),
            "REQUEST_ID_REUSED": lambda: create(spec=self.spec(), request_id="reasons"),
            "JOB_NOT_SUCCEEDED": lambda: call("SearchService", "GetResult", name=crosscheck),
            "JOB_IS_CROSSCHECK": lambda: call("SearchService", "GetFrontier", name=crosscheck),
            "UPLOAD_IN_USE": lambda: call("ModelService", "DeleteDataset", name=self.data),
        }
        promised = set(MODULES["status"].ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
        self.assertEqual(set(cases), promised)
        for reason, case in cases.items():
            with self.subTest(reason):
                with self.assertRaises(grpc.RpcError) as caught:
                    result = case()
                    if hasattr(result, "__next__"):
                        list(result)
                self.assertEqual(self.client.error_detail(caught.exception).reason, reason)
        call("SearchService", "DeleteJob", name=crosscheck, force=True)

    def test_what_is_not_there(self):
        """Every call that names something says by the same reason that it is not there."""
        none = "0" * 64
        call, stream = self.client.call, self.client.stream
        job, model, data = "jobs/nobody", f"models/{none}", f"datasets/{none}"
        found = {"model": self.model, "dataset": self.data}
        crosscheck = self.client.message("CrosscheckSpec", model=model,
                                         calibration_dataset=self.data,
                                         evaluation_dataset=self.data, precisions=["w4a4", "w8a8"])
        cases = [
            ("JOB_NOT_FOUND", job, "SearchService", [
                (call, "GetJob", {"name": job}), (stream, "WatchJob", {"name": job}),
                (stream, "WatchJob", {"name": job, "after_sequence": 5}),
                (call, "CancelJob", {"name": job}), (call, "DeleteJob", {"name": job}),
                (call, "DeleteJob", {"name": job, "force": True}),
                (call, "GetResult", {"name": job}), (call, "GetFrontier", {"name": job}),
                (call, "ReSolve", {"name": job}),
                (stream, "DownloadArtifact", {"name": job + "/artifacts/report.html"})]),
            ("JOB_NOT_FOUND", job, "ExplorationService", [
                (call, "GetExploration", {"job": job}), (call, "Ask", {"job": job}),
                (call, "Tell", {"job": job, "assignment": {"/fc/Gemm": "w8a8"}})]),
            ("MODEL_NOT_FOUND", model, "ModelService", [
                (call, "GetModel", {"name": model}), (call, "InspectModel", {"name": model}),
                (call, "DeleteModel", {"name": model})]),
            ("DATASET_NOT_FOUND", data, "ModelService", [
                (call, "GetDataset", {"name": data}), (call, "DeleteDataset", {"name": data})]),
            ("TARGET_FILE_NOT_FOUND", f"targets/{none}", "ModelService", [
                (call, "GetTargetFile", {"name": f"targets/{none}"})]),
            ("MODEL_NOT_FOUND", model, "AnalysisService", [
                (stream, "MeasureSensitivity", {**found, "model": model}),
                (stream, "EvaluateAssignment", {**found, "model": model}),
                (stream, "ProfileModel", {"model": model})]),
            ("DATASET_NOT_FOUND", data, "AnalysisService", [
                (stream, "MeasureSensitivity", {**found, "dataset": data}),
                (stream, "EvaluateAssignment", {**found, "dataset": data}),
                (stream, "EvaluateAssignment", {**found, "calibration_dataset": data})]),
            ("TARGET_NOT_FOUND", "", "AnalysisService", [
                (stream, "ProfileModel", {"model": self.model, "target": "toaster"})]),
            ("MODEL_NOT_FOUND", model, "SearchService", [
                (call, "CreateJob", {"spec": self.spec(model=model)}),
                (call, "CreateJob", {"crosscheck": crosscheck})]),
            ("DATASET_NOT_FOUND", data, "SearchService", [
                (call, "CreateJob", {"spec": self.spec(calibration_dataset=data)}),
                (call, "CreateJob", {"spec": self.spec(evaluation_dataset=data)})]),
            ("TARGET_NOT_FOUND", "", "SearchService", [
                (call, "CreateJob", {"spec": self.spec(target="toaster")}),
                (call, "CreateJob", {"spec": self.spec(target=f"targets/{none}")}),
                (call, "CreateJob", {"crosscheck": self.client.message(
                    "CrosscheckSpec", model=self.model, calibration_dataset=self.data,
                    evaluation_dataset=self.data, target="toaster")})]),
        ]
        for reason, resource, service, calls in cases:
            for kind, method, fields in calls:
                with self.subTest(f"{method} {sorted(fields)}"):
                    detail = self.refused(NOT_FOUND, "", kind, service, method, **fields)
                    self.assertEqual((detail.reason, detail.resource), (reason, resource))

    def test_names(self):
        call = self.client.call
        for name in ("", "jobs/", "jobs/../../etc/passwd", "x" * 100000, "jobs/UPPER", "models/1"):
            with self.subTest(name[:30]):
                self.refused(INVALID, "jobs/{id}", call, "SearchService", "GetJob", name=name)
        detail = self.refused(NOT_FOUND, "jobs/nobody", call, "SearchService", "GetJob",
                              name="jobs/nobody")
        self.assertEqual(detail.resource, "jobs/nobody")
        self.refused(NOT_FOUND, "jobs/nobody", call, "SearchService", "CancelJob",
                     name="jobs/nobody")
        self.refused(NOT_FOUND, "jobs/nobody", self.client.stream, "SearchService", "WatchJob",
                     name="jobs/nobody")
        self.refused(INVALID, "artifacts", self.client.stream, "SearchService",
                     "DownloadArtifact", name="jobs/a/artifacts/../../state.db")
        self.refused(INVALID, "display_name", call, "SearchService", "CreateJob",
                     spec=self.spec(), display_name="x" * 257)
        self.refused(INVALID, "request_id", call, "SearchService", "CreateJob", spec=self.spec(),
                     request_id="x" * 129)

    def test_analyses(self):
        stream = self.client.stream
        self.refused(INVALID, "nobody", stream, "AnalysisService", "EvaluateAssignment",
                     model=self.model, dataset=self.data, assignment={"nobody": "w8a8"})
        self.refused(INVALID, "w17a8", stream, "AnalysisService", "EvaluateAssignment",
                     model=self.model, dataset=self.data, assignment={"/fc/Gemm": "w17a8"})
        self.refused(NOT_FOUND, "toaster", stream, "AnalysisService", "ProfileModel",
                     model=self.model, target="toaster")
        self.refused(INVALID, "w0a0", stream, "AnalysisService", "ProfileModel",
                     model=self.model, target="bitfusion", precisions=["w0a0"])
        of_model = {"model": self.model, "target": "bitfusion"}
        for code, field, fields in [
                (grpc.StatusCode.UNIMPLEMENTED, "precisions[1]", {"precisions": ["w8a8", "f32"]}),
                (grpc.StatusCode.UNIMPLEMENTED, "mixes", {"mixes": 3}),
                (grpc.StatusCode.UNIMPLEMENTED, "cold_caches", {"cold_caches": True}),
                (grpc.StatusCode.UNIMPLEMENTED, "assignment",
                 {"assignment": {"/fc/Gemm": "w8a8"}})]:
            detail = self.refused(code, "bitfusion", stream, "AnalysisService", "ProfileModel",
                                  **of_model, **fields)
            self.assertEqual(detail.field, field)
        detail = self.refused(INVALID, "takes no labels", stream, "AnalysisService",
                              "MeasureSensitivity", model=self.model, dataset=self.data,
                              sensitivity=self.client.message(
                                  "SensitivitySpec", loss=MODULES["types"].LOSS_KIND_CROSS_ENTROPY))
        self.assertEqual(detail.field, "sensitivity.loss")
        self.refused(INVALID, "JSON", self.client.call, "AnalysisService", "SolveProblem",
                     problem_json="{")
        self.refused(INVALID, "layers", self.client.call, "AnalysisService", "SolveProblem",
                     problem_json="{}")
        self.refused(INVALID, "problem: field 'budget' is not known", self.client.call,
                     "AnalysisService", "SolveProblem",
                     problem_json='{"layers":[{"name":"a","choices":[{"name":"x","loss":0,'
                                  '"cost":{"latency_ns":1}}]}],"budget":{"latency_ns":0}}')
        self.refused(INVALID, "latency_ns", self.client.call, "AnalysisService", "SolveProblem",
                     problem_json='{"layers":[{"name":"a","choices":[{"name":"x","loss":0,'
                                  '"cost":{"latency_ns":1}}]}],"budgets":{"latency_ns":-1}}')


if __name__ == "__main__":
    unittest.main()
