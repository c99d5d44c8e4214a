"""The `halftone` command, in process and against a server: documents, exit codes, signals."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import numpy as np

from halftone_server import BINARY, NETWORKS, SOURCE, TINY_DIGITS, Server, age, blob_path
from onnx_network import Network
from waiting import PATIENCE, wait_for

MODEL = os.path.join(TINY_DIGITS, "model.onnx")
CALIB = os.path.join(TINY_DIGITS, "calib.npz")
# What to search that takes from seconds to minutes, to be interrupted; calibrated soon, with
# sanitizers too.
LONG = (os.path.join(NETWORKS, "vit.onnx"), "--data", os.path.join(NETWORKS, "calib.npz"),
        "--target", "bitfusion", "--budget", "latency=50%")
EVAL = os.path.join(TINY_DIGITS, "eval.npz")
HALFTONE = os.path.join(BINARY, "bin/halftone")
PROBLEM = {"layers": [{"name": name, "choices": [
    {"name": "x", "loss": 1.0, "cost": {"latency_ns": 1}},
    {"name": "y", "loss": 0.0, "cost": {"latency_ns": 2}}]} for name in "ab"],
    "budgets": {"latency_ns": 3}}


class CommandTest(unittest.TestCase):
    """In process."""

    afterwards = "is queued again"  # of a job whose watch is interrupted

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.state = cls.folder.name
        cls.where = ["--state-dir", cls.state]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def artifacts(self, job):
        return {artifact["sha256"] for artifact in self.document("get", job)["artifacts"]}

    def results(self, job):
        """Where the copies of a job's results are that no --output was given for."""
        return os.path.join(self.folder.name, "results", job.split("/")[1])

    def path(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as file:
            file.write(content)
        return path

    def run_command(self, *arguments, code=0, timeout=300):
        done = subprocess.run([HALFTONE, *arguments, *self.where], capture_output=True, text=True,
                              timeout=timeout)
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        return done

    def document(self, *arguments, code=0):
        """The one JSON document on stdout."""
        return json.loads(self.run_command(*arguments, "--json", code=code).stdout)

    def search(self, *more, code=0):
        return self.document("search", MODEL, "--data", CALIB, "--target", "bitfusion", *more,
                             code=code)

    def test_a_command_that_there_is_not_is_named(self):
        said = self.run_command("nosuch", MODEL, code=2).stderr
        self.assertIn("there is no command 'nosuch'", said)
        error = self.document("nosuch", code=2)["error"]
        self.assertIn("'nosuch'", error["message"])
        self.assertIn("--help", self.run_command(code=2).stderr)

    def test_inspect(self):
        document = self.document("inspect", MODEL)
        self.assertEqual([layer["op"] for layer in document["layers"]],
                         ["Conv", "Conv", "Conv", "Gemm"])
        self.assertEqual(len(document["ties"]), 1)
        self.assertEqual(document["unsupported"], [])
        self.assertIn("/conv1/Conv", self.run_command("inspect", MODEL).stdout)

    def test_sensitivity(self):
        matrix = os.path.join(self.folder.name, "G.npz")
        document = self.document("sensitivity", MODEL, "--data", CALIB, "--method", "fisher",
                                 "--precisions", "w4a8,w8a8", "--samples", "64",
                                 "--interactions", matrix)
        self.assertEqual(document["samples"], 64)
        choices = [choice for layer in document["layers"] for choice in layer["choices"]]
        self.assertEqual(len(choices), 8)
        with np.load(matrix) as arrays:
            self.assertEqual(arrays["G"].shape, (8, 8))
            np.testing.assert_allclose(arrays["G"], arrays["G"].T)
            np.testing.assert_allclose(np.diag(arrays["G"]) / 2, [c["loss"] for c in choices],
                                       rtol=1e-6)
            rows = list(zip(arrays["layers"], arrays["precisions"]))
            self.assertEqual(rows, [(layer["name"], choice["precision"])
                                    for layer in document["layers"]
                                    for choice in layer["choices"]])

    def test_hessian_trace(self):
        document = self.document("sensitivity", MODEL, "--data", CALIB, "--method",
                                 "hessian-trace", "--samples", "64", "--probes", "16",
                                 "--precisions", "w4")
        for layer in document["layers"]:
            self.assertGreater(layer["trace_stderr"], 0)
            self.assertGreater(layer["trace"] + 4 * layer["trace_stderr"], 0)

    def test_exact_traces_need_no_probes(self):
        command = ["sensitivity", MODEL, "--data", CALIB, "--samples", "64", "--precisions", "w4"]
        document = self.document(*command, "--method", "hessian-trace-exact")
        v2 = self.document(*command, "--method", "hawq-v2")
        for layer, of_v2 in zip(document["layers"], v2["layers"]):
            self.assertEqual(layer["trace_kind"], "exact")
            self.assertGreater(layer["trace"], layer["trace_stderr"])
            self.assertEqual(layer["choices"], of_v2["choices"])

    def test_eigenvalues_of_layers_and_network(self):
        document = self.document("sensitivity", MODEL, "--data", CALIB, "--samples", "32",
                                 "--precisions", "w4", "--method", "hessian-eigenvalue",
                                 "--eigenvalues", "2", "--network-eigenvalues", "3")
        self.assertEqual(len(document["network_eigenvalues"]), 3)
        self.assertEqual({len(layer["eigenvalues"]) for layer in document["layers"]}, {2})
        # A block's largest eigenvalue is at most the whole matrix's.
        largest = max(layer["eigenvalues"][0] for layer in document["layers"])
        self.assertLessEqual(largest, 1.001 * document["network_eigenvalues"][0])

    def test_profile(self):
        document = self.document("profile", MODEL, "--target", "bitfusion", "--precisions",
                                 "w8a8,w2a2")
        self.assertEqual(len(document["layers"]), 8)
        self.assertEqual({row["provenance"] for row in document["layers"]}, {"simulated"})

    def test_a_simulated_target_says_what_bounds_each_layer(self):
        plot = os.path.join(self.folder.name, "roofline.svg")
        document = self.document("profile", MODEL, "--target", "bitfusion?rows=64",
                                 "--precisions", "w8a8,w3a5", "--roofline", plot)
        self.assertEqual(document["target"], "bitfusion?rows=64")
        self.assertEqual(document["layers"][1]["executed_as"], "w4a8")
        for row in document["layers"]:
            self.assertIn(row["bound"], ("compute", "memory"))
            self.assertTrue(0 < row["utilization"] <= 1)
            self.assertGreater(row["cycles"], 0)
            self.assertAlmostEqual(sum(row["energy"].values()), row["energy_pj"],
                                   delta=1e-9 * row["energy_pj"])
        with open(plot, encoding="utf-8") as file:
            self.assertEqual(file.read().count("<title>"), len(document["layers"]))
        text = self.run_command("profile", MODEL, "--target", "nvidia-t4").stdout
        self.assertIn("memory", text)
        self.document("profile", MODEL, "--target", "bitfusion?rows=0", code=2)
        self.document("profile", MODEL, "--target", "edge-tpu-like", "--precisions", "w16a16",
                      code=2)

    def costs_csv(self, change=lambda lines: lines):
        """The costs of the model on an accelerator, as the lines of a CSV file."""
        costs = self.document("profile", MODEL, "--target", "bitfusion", "--precisions",
                              "w8a8,w4a4")
        lines = ["layer,precision,latency_ns,energy_pj"]
        lines += [f"{row['name']},{row['precision']},{row['latency_ns']},{row['energy_pj']}"
                  for row in costs["layers"]]
        return self.path("costs.csv", "\n".join(change(lines)) + "\n")

    def test_a_table_is_a_target(self):
        path = self.costs_csv()
        document = self.document("profile", MODEL, "--target", path)
        self.assertEqual(document["target"], "costs.csv")
        self.assertEqual(len(document["layers"]), 8)
        self.assertEqual({row["provenance"] for row in document["layers"]}, {"table"})
        self.assertEqual(document["layers"][0]["origin"]["where"][:16], "costs.csv, line ")
        found = self.document("search", MODEL, "--data", CALIB, "--target", path, "--budget",
                              "latency=50%")
        self.assertEqual((found["status"], found["target"]), ("OPTIMAL", "costs.csv"))

    def test_profile_runs_assignments_beside_their_predictions(self):
        layer = self.document("inspect", MODEL)["layers"][0]["name"]
        path = self.path("a.json", json.dumps({"assignment": {layer: "w8a8"}}))
        document = self.document("profile", MODEL, "--precisions", "f32", "--threads", "1",
                                 "--assignment", path, "--mixes", "2")
        self.assertEqual(len(document["assignments"]), 3)
        self.assertEqual(document["assignments"][0]["assignment"][layer], "w8a8")
        self.assertEqual(set(document["assignments"][0]["assignment"].values()), {"f32", "w8a8"})
        for assignment in document["assignments"]:
            self.assertGreater(assignment["predicted_ns"], 0)
            self.assertGreater(assignment["measured_ns"], 0)
        self.assertEqual(document["prediction"]["assignments"], 3)
        text = self.run_command("profile", MODEL, "--precisions", "f32,w8a8", "--threads", "1",
                                "--mixes", "2").stdout
        self.assertIn("2 assignments run: error", text)
        for flags in (["--mixes", "2"], ["--cold"]):
            error = self.document("profile", MODEL, "--target", "bitfusion", *flags, code=2)
            self.assertIn("is not measured here", error["error"]["message"])
        everywhere = self.path("all.json", json.dumps({"assignment": {
            layer["name"]: "w8a8" for layer in self.document("inspect", MODEL)["layers"]}}))
        error = self.document("profile", MODEL, "--target", "bitfusion", "--assignment", everywhere,
                              code=2)
        self.assertIn("is not measured here", error["error"]["message"])

    def test_a_profile_is_of_one_configuration(self):
        error = self.document("profile", MODEL, "--target", "bitfusion?rows=8..64", code=2)
        self.assertIn("'bitfusion?rows=8..64': ranges", error["error"]["message"])
        self.assertIn("are for searches", error["error"]["message"])

    def test_a_saved_profile_is_a_target(self):
        saved = self.document("profile", MODEL, "--target", "bitfusion", "--precisions", "w6a6")
        path = self.path("saved.json", json.dumps(saved))
        again = self.document("profile", MODEL, "--target", path)
        self.assertEqual([row["latency_ns"] for row in again["layers"]],
                         [row["latency_ns"] for row in saved["layers"]])
        self.assertEqual(again["layers"][0]["origin"]["when"], saved["layers"][0]["origin"]["when"])
        self.assertIn("bitfusion", again["layers"][0]["origin"]["with"])

    def test_a_wrong_table_gives_an_error_and_no_costs(self):
        def error(change, *more):
            document = self.document("profile", MODEL, "--target", self.costs_csv(change), *more,
                                     code=2)
            self.assertNotIn("layers", document)
            return document["error"]["message"]

        self.assertRegex(error(lambda lines: lines[:3] + lines[4:]), "lacks 1 of the 8 rows.* in w")
        self.assertIn("line 9: '", error(lambda lines: lines[:-1] + lines[1:2]))
        self.assertIn("line 2, column 'latency_ns': '-1'",
                      error(lambda lines: [lines[0], "/conv1/Conv,w8a8,-1,1"] + lines[2:]))
        self.assertIn("'head' (line 10)", error(lambda lines: lines + ["head,w8a8,1,1"]))
        self.assertIn("no column 'energy'",
                      error(lambda lines: [lines[0].replace("energy_pj", "energy")] + lines[1:]))
        self.assertIn("w2a2", error(lambda lines: lines, "--precisions", "w2a2"))
        self.document("profile", MODEL, "--target", "/no/such/costs.csv", code=2)

    def test_an_accelerator_of_ones_own(self):
        path = os.path.join(SOURCE, "profilers/simulated/bitfusion.json")
        own = self.document("profile", MODEL, "--target", path, "--precisions", "w8a8")
        known = self.document("profile", MODEL, "--target", "bitfusion", "--precisions", "w8a8")
        self.assertEqual([row["latency_ns"] for row in own["layers"]],
                         [row["latency_ns"] for row in known["layers"]])
        changed = self.document("profile", MODEL, "--target", path + "?clock_mhz=250", "--precisions",
                                "w8a8")
        self.assertGreater(changed["layers"][0]["latency_ns"], own["layers"][0]["latency_ns"])

    def test_the_documented_problem_is_solved(self):
        with open(os.path.join(SOURCE, "docs/search.md"), encoding="utf-8") as file:
            section = file.read().split("## The solver alone", 1)[1]
        problem = section.split("```json\n", 1)[1].split("```", 1)[0]
        document = self.document("solve", self.path("documented.json", problem))
        self.assertEqual(document["status"], "OPTIMAL")
        self.assertEqual(set(document["assignment"]), {"conv1", "conv2", "fc"})

    def test_solve(self):
        document = self.document("solve", self.path("p.json", json.dumps(PROBLEM)))
        self.assertEqual((document["status"], document["loss"]), ("OPTIMAL", 1.0))
        limit, = document["explanation"]["limits"]
        self.assertTrue(limit["binds"])
        self.assertEqual((limit["loss_without"], limit["next_limit"]), (0.0, 4.0))
        self.assertEqual(document["explanation"]["alternatives"][0]["loss_increase"], 0.0)
        text = self.run_command("solve", self.path("p.json", json.dumps(PROBLEM))).stdout
        self.assertIn("closest to changing", text)
        document = self.document("solve", "--no-explain", self.path("p.json", json.dumps(PROBLEM)))
        self.assertNotIn("explanation", document)
        self.assertNotIn("verified", document)
        document = self.document("solve", "--verify", self.path("p.json", json.dumps(PROBLEM)))
        self.assertEqual(document["verified"], {"optimal": True, "lower_bound": 1.0})
        document = self.document("solve", "--verify", self.path("r.json", json.dumps(dict(
            PROBLEM, interaction_rows={"choices": [["a", "x"], ["b", "y"]], "rows": [[1, -3]],
                                       "weight": 0.5}))))
        self.assertEqual((document["loss"], document["assignment"]), (-0.5, {"a": "x", "b": "y"}))
        self.assertTrue(document["verified"]["optimal"])
        document = self.document("solve", self.path("c.json", json.dumps(dict(
            PROBLEM, max_changes=0, neighbours=[["a", "b"]]))))
        self.assertEqual((document["loss"], document["cost"]["precision_changes"]), (2.0, 0))
        infeasible = dict(PROBLEM, budgets={"latency_ns": 1})
        document = self.document("solve", self.path("i.json", json.dumps(infeasible)), code=3)
        self.assertEqual(document["infeasible"]["conflict"], ["latency_ns"])
        self.assertEqual(document["infeasible"]["relaxations"]["latency_ns"]["limit"], 2)
        text = self.run_command("solve", "--verify", self.path("i.json", json.dumps(infeasible)),
                                code=3).stdout
        self.assertIn("verified     yes", text)
        error = self.document("solve", self.path("bad.json", "{"), code=2)
        self.assertEqual(error["error"]["code"], "INVALID_ARGUMENT")
        self.document("solve", "/no/such/file", code=2)

    def test_evaluate(self):
        assignment = self.path("a.json", json.dumps(
            {"assignment": {"/conv2/Conv": "w8a8", "/conv3/Conv": "w8a8"}}))
        document = self.document("evaluate", MODEL, "--assignment", assignment, "--data", EVAL,
                                 "--calibration", CALIB)
        self.assertEqual(document["samples"], 597)
        self.assertAlmostEqual(document["float"]["accuracy"], 575 / 597, delta=0.002)
        self.assertGreater(document["quantized"]["accuracy"], 0.9)
        self.assertGreater(document["quantized"]["sqnr_db"], 10)

    def test_search_and_its_job(self):
        document = self.search("--eval", EVAL, "--budget", "latency=50%", "--budget", "size=0.5x")
        self.assertEqual(document["status"], "OPTIMAL")
        answer = document["refined" if document["chosen"] == "refined" else "solution"]
        for field in ("assignment", "cost", "loss"):
            self.assertEqual(document[field], answer[field])
        with open(document["artifacts"]["result.json"]) as file:
            stored = json.load(file)
        for field in ("status", "assignment", "cost", "loss", "gap", "chosen", "exported"):
            self.assertEqual(stored[field], document[field])
        exported = document["exported"]
        self.assertEqual(exported["size_bytes"],
                         os.path.getsize(document["artifacts"][exported["file"]]))
        self.assertGreaterEqual(exported["opset"], 13)
        for path in document["artifacts"].values():
            self.assertTrue(os.path.exists(path), path)
        job = document["job"]
        self.assertEqual(self.document("get", job)["state"], "SUCCEEDED")
        self.assertEqual(self.document("result", job)["loss"], document["loss"])
        self.assertIn(job, [j["name"] for j in self.document("jobs")["jobs"]])
        self.assertGreater(len(self.document("frontier", job)["frontier"]), 0)
        self.assertTrue(document["explanation"]["limits"])
        with open(document["artifacts"]["report.html"]) as page:
            self.assertIn("What is next best", page.read())
        resolved = self.document("resolve", job, "--budget", "size=0.9x")
        self.assertNotIn("explanation", resolved)
        uniform = self.document("resolve", job, "--max-changes", "0", "--first", "w8a8", "--explain")
        self.assertEqual(set(uniform["assignment"].values()), {"w8a8"})
        self.assertIn("limits", uniform["explanation"])
        allowed = self.document("resolve", job, "--allow", "*=w8a8,w4a4", "--pin", "/fc*=w4a4")
        self.assertEqual(allowed["assignment"]["/fc/Gemm"], "w4a4")
        for rule in ("--allow", "--pin"):
            error = self.document("resolve", job, rule, "stem*=w8a8", code=2)["error"]["message"]
            self.assertIn("'stem*'", error)
            self.assertIn("names no layer of the network, whose first is '/conv1/Conv'", error)
        self.assertLessEqual(resolved["loss"], document["loss"])
        self.assertIn("OPTIMAL", self.run_command("result", job.split("/")[1]).stdout)
        copies = self.results(job)
        self.assertEqual({os.path.dirname(path) for path in document["artifacts"].values()},
                         {copies})
        self.assertEqual(self.document("delete", job)["copies"], [copies])
        self.assertFalse(os.path.exists(copies))
        self.document("get", job, code=2)

    def test_efforts_and_the_first_answer(self):
        asked = ["search", MODEL, "--data", CALIB, "--target", "bitfusion", "--budget", "size=0.5x", "--json"]
        normal = self.run_command(*asked, "--seed", "501", "--samples", "61")
        self.assertRegex(normal.stderr, r"first answer: predicted kl [0-9.e-]+ to second order, .*size [0-9.]+ .B")
        self.assertIn("estimate: calibration", normal.stderr)
        job = self.document("get", json.loads(normal.stdout)["job"])
        self.assertIn(job["name"] + "/artifacts/first_answer.json", [a["name"] for a in job["artifacts"]])
        quick = self.run_command(*asked, "--seed", "502", "--effort", "quick")
        self.assertNotIn("first answer", quick.stderr)
        document = json.loads(quick.stdout)
        self.assertLessEqual(len(document["refined"]["evaluated"]), 8)
        self.assertEqual(document["evaluation"]["samples"], 64)
        self.assertFalse([w for w in document.get("warnings", []) if "samples were asked" in w])
        self.assertEqual(self.document("get", document["job"])["spec"]["effort"], "quick")
        other = self.search("--budget", "size=0.5x", "--effort", "quick", "--method", "output", "--samples", "32")
        self.assertIn("measured increase", other["measure"]["text"])
        self.assertEqual(other["evaluation"]["samples"], 32)
        measured = self.run_command("sensitivity", MODEL, "--data", CALIB, "--precisions", "w4a8")
        self.assertIn("estimate: calibration", measured.stderr)
        error = self.document(*asked[:-1], "--effort", "hasty", code=2)["error"]["message"]
        self.assertIn("hasty", error)

    def test_a_job_that_has_not_ended_is_a_bad_question_to_every_command(self):
        job = self.document("submit", *LONG, "--seed", "79")["job"]
        for command in (["result"], ["frontier"], ["resolve"], ["explore", "status"]):
            self.assertIn("has no result: it is ",
                          self.run_command(*command, job, code=2).stderr, command)
        self.document("cancel", job)

    def test_what_is_less_or_other_than_was_asked_for_is_said(self):
        asked = ["sensitivity", MODEL, "--data", CALIB, "--precisions", "w4a8", "--samples", "9999",
                 "--resamples", "3"]
        warning = "9999 samples were asked for, of which the data has 512"
        self.assertEqual(self.document(*asked)["warnings"], [warning])
        text = self.run_command(*asked).stdout
        self.assertIn("warning: " + warning, text)
        self.assertIn("resampled: 3 times", text)
        one = self.run_command(*asked[:6], "--samples", "1").stdout
        self.assertRegex(one, r"/conv1/Conv +[0-9.e-]+ +-\n")
        done = subprocess.run([HALFTONE, "jobs", "--server", "localhost:1", "--memory-limit", "1GiB"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--memory-limit", done.stderr)

    def test_a_limit_without_a_unit_says_what_it_is(self):
        job = self.search("--budget", "size=0.5x", "--evaluations", "0")["job"]
        document = self.document("resolve", job, "--budget", "latency=0.5", code=3)
        self.assertEqual(len(document["warnings"]), 1)
        self.assertIn("budget latency=0.5 is 0.50 ns", document["warnings"][0])
        self.assertIn("was latency=0.5x meant?", document["warnings"][0])
        text = self.run_command("resolve", job, "--budget", "latency=0.5", code=3).stdout
        self.assertIn("warning: " + document["warnings"][0], text)
        self.assertIn("budget       latency=0.5: at most 0.50 ns\n", text)
        self.assertEqual(self.document("resolve", job, "--budget", "latency=0.5x")["warnings"], [])
        # A search says it before any work.
        refused = self.search("--budget", "size=0.3", code=2)["error"]["message"]
        self.assertIn("'size=0.3' is size=0.3B; was size=0.3x meant?", refused)

    def test_what_cannot_run_is_not_sent(self):
        network = Network()
        network.input("x", "N", 8)
        network.weights("w", 8, 5)
        network.node("MatMul", ["x", "w"], "h")
        network.node("NonZero", ["h"], "places")
        network.output("places", 2, "M")
        model, data = self.path("cannot_run.onnx", ""), os.path.join(self.folder.name, "x.npz")
        network.save(model)
        np.savez(data, x=np.ones((4, 8), np.float32))
        samples = ("--data", data)
        for command in (["search", model, *samples], ["submit", model, *samples],
                        ["sensitivity", model, *samples], ["profile", model],
                        ["evaluate", model, *samples, "--reference", data],
                        ["crosscheck", model, *samples, "--eval", data]):
            error = self.document(*command, code=2)["error"]
            self.assertIn("node 'places' (NonZero)", error["message"])
        for listed in ("models", "datasets"):
            self.assertNotIn(f'"{os.path.basename(model)}"', self.run_command(listed, "--json").stdout)
            self.assertNotIn('"x.npz"', self.run_command(listed, "--json").stdout)

    def test_data_that_does_not_fit_is_named_before_the_search(self):
        with np.load(CALIB) as arrays:
            name = next(n for n in arrays.files if n != "labels")
            other = os.path.join(self.folder.name, "other.npz")
            np.savez(other, **{name: arrays[name][:, :, 1:]})
        error = self.search("--eval", other, code=2)["error"]
        self.assertIn("other.npz", error["message"])
        self.assertIn(f"array '{name}' has samples of shape", error["message"])
        self.assertNotIn('"other.npz"', self.run_command("datasets", "--json").stdout)

    def test_uploads_are_listed(self):
        self.search("--budget", "size=0.5x", "--evaluations", "0")
        for kind, path in (("models", MODEL), ("datasets", CALIB)):
            listed = {upload["name"]: upload for upload in self.document(kind)[kind]}
            with open(path, "rb") as file:
                content = file.read()
            upload = listed[f"{kind}/{hashlib.sha256(content).hexdigest()}"]
            self.assertEqual(upload["size_bytes"], len(content))
            self.assertIn(upload["name"], self.run_command(kind).stdout)
            self.assertEqual(len(self.document(kind, "--limit", "1")[kind]), 1)

    def test_a_folder_that_was_chosen_is_the_users(self):
        folder = os.path.join(self.folder.name, "chosen/by/me")
        document = self.search("--budget", "size=0.5x", "--output", folder)
        self.assertFalse(os.path.exists(self.results(document["job"])))
        self.assertEqual(self.document("delete", document["job"])["copies"], [])
        self.assertTrue(os.path.exists(os.path.join(folder, "quantized.onnx")))

    def test_a_folder_that_cannot_be_made_is_refused_before_the_search(self):
        jobs = len(self.document("jobs")["jobs"])
        file = self.path("file", "mine")
        for folder in (file, os.path.join(file, "in/it")):
            error = self.search("--output", folder, code=2)["error"]["message"]
            self.assertIn(f"'{file}' is not a folder", error)
        self.assertEqual(len(self.document("jobs")["jobs"]), jobs)
        with open(file) as unchanged:
            self.assertEqual(unchanged.read(), "mine")

    def test_a_model_is_deleted_with_all_that_was_made_from_it(self):
        with open(MODEL, "rb") as file:
            content = file.read() + b"\x12\x03own"  # another name of the producer
        own = os.path.join(self.folder.name, "own.onnx")
        with open(own, "wb") as file:
            file.write(content)
        name = "models/" + hashlib.sha256(content).hexdigest()
        shared = self.search("--budget", "size=0.5x")["job"]
        job = self.document("search", own, "--data", CALIB, "--target", "bitfusion", "--budget",
                            "size=0.4x")["job"]
        # What both have made byte for byte stays with the other.
        artifacts = self.artifacts(job) - self.artifacts(shared)
        self.assertTrue(artifacts)
        copies = self.results(job)
        self.assertTrue(os.path.exists(os.path.join(copies, "quantized.onnx")))
        removal = self.document("delete", name)
        self.assertEqual(removal["deleted"], name)
        self.assertEqual(removal["removed"]["jobs"], [job])
        self.assertEqual(removal["removed"]["models"], [name])
        self.assertEqual(removal["copies"], [copies])
        self.assertFalse(os.path.exists(copies))
        self.assertTrue(os.path.exists(self.results(shared)))
        self.assertGreater(removal["removed"]["stage_outputs"], 4)
        self.assertGreater(removal["freed_bytes"], len(content))
        for sha256 in [name.split("/")[1], *artifacts]:
            self.assertFalse(os.path.exists(blob_path(self.state, sha256)), sha256)
        self.document("get", job, code=2)
        self.document("delete", name, code=2)
        # What was not made from it is as it was.
        self.assertEqual(self.document("resolve", shared, "--budget", "size=0.9x")["status"],
                         "OPTIMAL")

    def test_garbage_is_collected(self):
        job = self.search("--budget", "size=0.5x")["job"]
        removal = self.document("gc", "--keep-jobs", "0s", "--keep-stages", "0s,0B")
        # What was used within the last hour stays, whatever is asked for.
        self.assertEqual(removal["removed"]["jobs"], [])
        self.assertEqual(removal["removed"]["stage_outputs"], 0)
        self.assertEqual(self.document("result", job)["job"], job)
        age(self.state)
        # First answers of jobs that are gone.
        self.document("gc", "--keep-stages", "forever", "--keep-uploads", "forever")
        stray = blob_path(self.state, "0" * 64)
        os.makedirs(os.path.dirname(stray), exist_ok=True)
        with open(stray, "w") as file:
            file.write("stray")
        os.utime(stray, (1, 1))
        removal = self.document("gc", "--keep-stages", "forever", "--keep-uploads", "forever")
        self.assertEqual((removal["removed"]["files"], removal["freed_bytes"]), (1, 5))
        self.assertFalse(os.path.exists(stray))
        # What a kept job is answered, solved and explored again from stays.
        removal = self.document("gc")
        self.assertGreater(removal["removed"]["stage_outputs"], 0)
        self.assertGreater(removal["freed_bytes"], 0)
        self.assertEqual(removal["removed"]["jobs"], [])
        self.assertIn("0 files are removed", self.run_command("gc").stdout)
        for path in self.document("result", job)["artifacts"].values():
            self.assertTrue(os.path.exists(path), path)
        self.assertEqual(self.document("resolve", job, "--budget", "size=0.9x")["status"],
                         "OPTIMAL")
        self.document("explore", "ask", job)
        self.assertIn("soon", self.document("gc", "--keep-jobs", "soon", code=2)
                      ["error"]["message"])

    def test_garbage_has_no_copies_left(self):
        job = self.search("--budget", "size=0.5x")["job"]
        kept = self.search("--budget", "size=0.6x")["job"]
        # As a server does that collects garbage by itself, or another client.
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "state.db"))) as database:
            database.execute("DELETE FROM jobs WHERE id = ?", [job.split("/")[1]])
            database.commit()
        copies = self.document("gc")["copies"]
        if self.state != self.folder.name:
            # This state directory never knew the job: it may be there on another server.
            self.assertEqual(copies, [])
            return
        self.assertEqual(copies, [self.results(job)])
        self.assertFalse(os.path.exists(self.results(job)))
        self.assertTrue(os.path.exists(self.results(kept)))

    def test_the_answer_is_really_evaluated(self):
        document = self.search("--budget", "size=0.3x", "--evaluations", "12")
        refined = document["refined"]
        self.assertLessEqual(refined["evaluations"], 12)
        self.assertEqual(refined["evaluated"][0]["source"], "optimum")
        self.assertLessEqual(refined["divergence"], refined["optimum_divergence"])
        self.assertEqual(document["chosen"] == "refined",
                         refined["divergence"] < refined["optimum_divergence"])
        chosen = refined if document["chosen"] == "refined" else document["solution"]
        self.assertEqual({row["name"]: row["precision"] for row in document["layers"]},
                         chosen["assignment"])
        self.assertLessEqual(refined["cost"]["size_bytes"],
                             document["problem"]["budgets"]["size_bytes"])
        # What is reported is what evaluating the assignment again finds.
        assignment = self.path("chosen.json", json.dumps({"assignment": chosen["assignment"]}))
        again = self.document("evaluate", MODEL, "--assignment", assignment, "--data", CALIB,
                              "--calibration", CALIB)
        self.assertAlmostEqual(again["quantized"]["kl"], refined["divergence"], delta=1e-6)
        self.assertIn("evaluated    ", self.run_command("result", document["job"]).stdout)

        plain = self.search("--budget", "size=0.3x", "--evaluations", "0")
        self.assertEqual((plain["chosen"], "refined" in plain), ("optimum", False))
        self.assertEqual(plain["solution"]["assignment"], document["solution"]["assignment"])
        robust = self.search("--budget", "size=0.3x", "--evaluations", "0", "--robust", "2")
        self.assertGreater(robust["loss"], plain["loss"])
        self.document("search", MODEL, "--data", CALIB, "--robust", "-1", code=2)

    def crosscheck(self, *more, code=0):
        return self.document("crosscheck", MODEL, "--data", CALIB, "--eval", EVAL, "--precisions",
                             "w2a4,w3a3,w4a4,w4a8,w8a8", "--assignments", "12", "--samples", "32",
                             "--eval-samples", "100", *more, code=code)

    def test_crosscheck_and_its_job(self):
        document = self.crosscheck("--estimators", "fisher,fisher-matrix,output")
        self.assertEqual(document["state"], "SUCCEEDED")
        self.assertEqual(len(document["assignments"]), 12)
        self.assertEqual([e["name"] for e in document["estimators"]],
                         ["fisher", "fisher-matrix", "output"])
        for estimator in document["estimators"]:
            self.assertEqual(len(estimator["predicted"]), 12)
            self.assertGreater(estimator["spearman"], 0.3)
            self.assertGreater(estimator["median_ratio"], 0)
        with open(document["artifacts"]["crosscheck.html"]) as page:
            self.assertIn("fisher-matrix", page.read())
        job = document["job"]
        self.assertEqual(self.document("get", job)["kind"], "crosscheck")
        self.assertEqual(self.document("result", job)["estimators"], document["estimators"])
        self.assertIn("fisher-matrix", self.run_command("result", job).stdout)
        self.assertIn("crosscheck", self.run_command("jobs").stdout)
        self.document("frontier", job, code=2)
        self.document("resolve", job, "--budget", "size=0.5x", code=2)
        # Each assignment can be evaluated by itself, with the same answer.
        measured = document["assignments"][0]
        path = self.path("one.json", json.dumps({"assignment": measured["assignment"]}))
        self.assertIn("/conv1/Conv", measured["assignment"])
        self.document("evaluate", MODEL, "--assignment", path, "--data", EVAL, "--calibration",
                      CALIB)

    def test_crosscheck_bad_usage(self):
        self.run_command("crosscheck", MODEL, "--data", CALIB, code=2)
        self.crosscheck("--estimators", "magic", code=2)
        self.crosscheck("--assignments", "-3", code=2)
        self.crosscheck("--samples", "-3", code=2)
        self.crosscheck("--min-kl", "0.5", "--max-kl", "0.1", code=2)
        self.document("crosscheck", MODEL, "--data", CALIB, "--eval", EVAL, "--precisions", "w99",
                      code=2)
        error = self.crosscheck("--target", "bitfusion", code=2)["error"]
        self.assertIn("does not run networks here", error["message"])
        error = self.document("crosscheck", MODEL, "--data", CALIB, "--eval", "/no/such.npz", code=2)
        self.assertIn("/no/such.npz", error["error"]["message"])

    def test_infeasible_search(self):
        document = self.search("--budget", "latency=0.0001x", code=3)
        self.assertEqual(document["status"], "INFEASIBLE")

    def test_bad_usage(self):
        self.search("--budget", "beauty=1x", code=2)
        self.search("--budget", "latency=-1ms", code=2)
        self.document("search", MODEL, "--data", CALIB, "--target", "toaster", code=2)
        error = self.document("search", MODEL, "--data", CALIB, "--frobnicate", code=2)
        self.assertEqual(error["error"]["code"], "INVALID_ARGUMENT")
        self.search("--precisions", "w99", code=2)
        self.run_command("search", MODEL, code=2)
        self.run_command("frobnicate", code=2)
        self.run_command("sensitivity", MODEL, "--data", CALIB, "--method", "magic", code=2)
        self.document("inspect", self.path("empty.onnx", ""), code=2)
        self.assertIn("jobs/{id}, models/{sha256} or datasets/{sha256}",
                      self.document("delete", "networks/a", code=2)["error"]["message"])
        self.assertIn("gc --keep-uploads",
                      self.document("delete", "targets/" + "0" * 64, code=2)["error"]["message"])
        error = self.search("--precisions", "f32,w8a8", code=2)["error"]["message"]
        self.assertIn("cannot run 'f32': it runs w16a16, w8a8", error)
        for estimator in ("fisher-elementwise", "hessian-form"):
            self.assertIn(f"\n  {estimator} ", self.run_command("sensitivity", "--help").stdout)
        self.run_command("--help")

    def test_numbers_out_of_range_are_named_with_few_digits(self):
        for option, value in ("--samples", "-1"), ("--draws", "0"), ("--probes", "nan"):
            told = self.run_command("sensitivity", MODEL, "--data", CALIB, option, value,
                                    code=2).stderr
            self.assertIn(f"{option}: '{value}' is not a positive number", told)

    def test_lost_output_is_an_error(self):
        for arguments in (["jobs"], ["--json", "inspect", MODEL], ["--help"], ["search", "--help"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([HALFTONE, *arguments, *self.where], stdout=full,
                                      stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("No space left on device", done.stderr)

    def test_a_reader_may_leave(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([HALFTONE, "--json", "inspect", MODEL, *self.where], stdout=writer,
                              stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_unreachable_server(self):
        error = json.loads(subprocess.run(
            [HALFTONE, "jobs", "--json", "--server", "127.0.0.1:1"], capture_output=True, text=True,
            check=False).stdout)
        self.assertEqual(error["error"]["code"], "UNAVAILABLE")
        self.assertEqual(subprocess.run([HALFTONE, "jobs", "--server", "127.0.0.1:1"],
                                        capture_output=True, check=False).returncode, 5)

    def test_interrupt_cancels(self):
        process = subprocess.Popen(
            [HALFTONE, "search", *LONG, "--seed", "77", "--json", *self.where],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "sensitivity" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 4)
        document = json.loads(out)
        self.assertEqual(document["state"], "CANCELLED")
        self.assertIn(f"interrupted: {document['job']} is being cancelled", err)

    def test_interrupting_a_watch_leaves_the_job(self):
        job = self.document("submit", *LONG, "--seed", "78")["job"]
        process = subprocess.Popen([HALFTONE, "watch", job, *self.where], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "sensitivity" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 4)
        self.assertNotIn("CANCELLED", err)
        self.assertIn("stopped watching; the job " + self.afterwards, err)
        where = " ".join(self.where[:2])
        self.assertIn(f"`halftone {where} watch {job}` / `halftone {where} cancel {job}`", err)
        self.assertIn(self.document("get", job)["state"], ("QUEUED", "RUNNING"))
        self.assertRegex(self.run_command("cancel", job).stdout, "CANCELLED|is being cancelled")
        wait_for(lambda: self.document("get", job)["state"] == "CANCELLED")
        again = self.run_command("cancel", job).stdout
        self.assertTrue(again.startswith(f"nothing was cancelled: {job} had ended before\n"), again)

    def test_submit_then_watch(self):
        done = self.run_command("submit", MODEL, "--data", CALIB, "--target", "bitfusion", "--budget",
                                "size=0.4x", "--json")
        job = json.loads(done.stdout)
        self.assertIn(f"`halftone {' '.join(self.where)} watch {job['job']}`", done.stderr)
        self.assertEqual(job["state"], "QUEUED")
        self.assertIn(self.document("get", job["job"])["state"], ("QUEUED", "RUNNING", "SUCCEEDED"))
        self.assertEqual(self.document("watch", job["job"])["status"], "OPTIMAL")

    def test_targets_and_version(self):
        names = {target["name"] for target in self.document("targets")["targets"]}
        self.assertLessEqual({"cpu", "bitfusion"}, names)
        self.assertTrue(self.document("version")["version"])
        flag = subprocess.run([HALFTONE, "--version"], capture_output=True, text=True, check=True)
        self.assertEqual(flag.stdout, self.run_command("version").stdout)


class RemoteCommandTest(CommandTest):
    """The same against a server."""

    afterwards = "goes on"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server()
        cls.state = cls.server.state
        cls.where = ["--server", cls.server.address, "--state-dir", cls.folder.name]

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        super().tearDownClass()

    def test_submit_then_watch(self):
        job = self.document("submit", MODEL, "--data", CALIB, "--target", "bitfusion", "--budget",
                            "size=0.4x")
        self.assertEqual(self.document("watch", job["job"])["status"], "OPTIMAL")


class RestartTest(unittest.TestCase):
    """A server that is stopped while somebody watches, and started again."""

    def test_watching_goes_on(self):
        for _ in range(3):  # how a stopping server ends a call depends on the moment
            server = Server()
            try:
                self.watch_through_a_restart(server)
            finally:
                server.close()

    def watch_through_a_restart(self, server):
        where = ["--server", server.address]
        job = json.loads(subprocess.run(
            [HALFTONE, "submit", *LONG, "--json", *where], capture_output=True, text=True,
            check=True).stdout)["name"]
        watch = subprocess.Popen([HALFTONE, "watch", job, *where], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        for line in watch.stderr:
            if "calibrate" in line:
                break
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=PATIENCE)
        for line in watch.stderr:
            if "trying again" in line:
                break
        else:
            self.fail("the watch ended with its server")
        self.assertIsNone(watch.poll())
        again = Server(state=server.state, address=server.address)
        try:
            subprocess.run([HALFTONE, "cancel", job, *where], capture_output=True, check=True)
            said = watch.communicate(timeout=PATIENCE)
            self.assertEqual(watch.returncode, 4, said)
            self.assertNotIn("the server ended the call", said[1])
        finally:
            again.close()


if __name__ == "__main__":
    unittest.main()
