"""`halftone explore`: an optimizer in any language drives a search through JSON on standard streams."""

import json
import os
import subprocess
import tempfile
import unittest

from halftone_server import BINARY, TINY_DIGITS, Server
from waiting import PATIENCE

HALFTONE = os.path.join(BINARY, "bin/halftone")
# Ask for four assignments, evaluate them, keep what is best: all in one line of a shell.
PIPELINE = ('"$HALFTONE" explore ask "$JOB" --count 4 --json $WHERE | '
            '"$HALFTONE" explore tell "$JOB" --json $WHERE')


class ExploreTest(unittest.TestCase):
    """In process."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.where = ["--state-dir", cls.folder.name]
        cls.start()
        found = cls.run_command(
            "search", os.path.join(TINY_DIGITS, "model.onnx"), "--data",
            os.path.join(TINY_DIGITS, "calib.npz"), "--target", "bitfusion", "--budget",
            "size=0.3x", "--evaluations", "4", "--no-explain", "--json")
        cls.found = json.loads(found.stdout)
        cls.job = cls.found["job"]

    @classmethod
    def start(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def run_command(cls, *arguments, code=0, **options):
        done = subprocess.run([HALFTONE, *arguments, *cls.where], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, **options)
        if done.returncode != code:
            raise AssertionError(done.stdout[-2000:] + done.stderr[-2000:])
        return done

    def explore(self, what, *arguments, code=0, **options):
        return json.loads(self.run_command("explore", what, self.job, *arguments, "--json",
                                           code=code, **options).stdout)

    def tell(self, trials, code=0):
        return self.explore("tell", code=code, input=json.dumps(trials))

    def test_what_there_is_to_choose_from(self):
        status = self.explore("status")
        layers = [layer for group in status["groups"] for layer in group["layers"]]
        self.assertEqual(sorted(layers), sorted(self.found["solution"]["assignment"]))
        self.assertEqual(status["divergence"], "kl")
        self.assertIn("size_bytes", status["budgets"])
        self.assertTrue(status["start"]["feasible"])
        self.assertEqual(status["start"]["divergence"], self.found["refined"]["divergence"])
        self.assertIn("the search's answer", self.run_command("explore", "status", self.job).stdout)

    def test_a_shell_script_drives_it(self):
        before = self.explore("status")["evaluations"]
        done = subprocess.run(
            ["sh", "-c", PIPELINE], capture_output=True, text=True, timeout=PATIENCE, check=True,
            env=dict(os.environ, HALFTONE=HALFTONE, JOB=self.job, WHERE=" ".join(self.where)))
        told = json.loads(done.stdout)
        self.assertEqual(len(told["trials"]), 4)
        self.assertEqual(told["evaluations"], before + 4)
        for trial in told["trials"]:
            self.assertGreater(trial["divergence"], 0)
            self.assertFalse(trial["was_known"])
        status = self.explore("status")
        self.assertEqual(status["evaluations"], before + 4)
        feasible = [t["divergence"] for t in told["trials"] if t["feasible"]]
        self.assertLessEqual(status["best"]["divergence"], min(feasible))
        self.assertTrue(status["front"])

    def test_assignments_of_ones_own_are_evaluated(self):
        refined = self.found["refined"]
        told = self.tell({"assignment": refined["assignment"]})
        self.assertEqual(told["trials"][0]["divergence"], refined["divergence"])
        self.assertTrue(told["trials"][0]["was_known"])
        widest = {layer: "w16a16" for layer in refined["assignment"]}
        told = self.tell({"trials": [{"assignment": widest}, {"assignment": widest}]})
        self.assertEqual([t["was_known"] for t in told["trials"]][1], True)
        self.assertFalse(told["trials"][0]["feasible"])
        self.assertGreater(told["trials"][0]["excess"]["size_bytes"], 0)
        path = os.path.join(self.folder.name, "trial.json")
        with open(path, "w") as file:
            json.dump({"assignment": widest}, file)
        self.assertIn("beyond the budgets, known",
                      self.run_command("explore", "tell", self.job, path).stdout)
        text = self.run_command("explore", "ask", self.job, "--count", "2").stdout
        self.assertIn("predicted", text)
        # A document of the job knows of it too.
        result = json.loads(self.run_command("result", self.job, "--json").stdout)
        self.assertGreater(result["exploration"]["evaluations"], 0)

    def test_mistakes_are_named(self):
        for trials, word in (("{", "not JSON"), ('{"trials": 3}', "no array"), ("[]", "assignment"),
                             ('{"trials": [{}]}', "trials[0]"),
                             ('{"assignment": {"a": 1}}', "assignment['a']"),
                             ('{"assignment": {"a": "w8a8"}}', "'a'")):
            error = self.explore("tell", code=2, input=trials)["error"]
            self.assertIn(word, error["message"])
        self.run_command("explore", "ask", self.job, "--count", "0", code=2)
        self.run_command("explore", "tell", self.job, "/no/such/file", code=2)
        self.run_command("explore", "status", "jobs/none", code=2)
        self.run_command("explore", code=2)


class RemoteExploreTest(ExploreTest):
    """The same against a server."""

    @classmethod
    def start(cls):
        cls.server = Server()
        cls.where = ["--server", cls.server.address, "--state-dir", cls.folder.name]

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        super().tearDownClass()


if __name__ == "__main__":
    unittest.main()
