"""Runs the `halftone` command with the service in its process and a state directory of its own.

Environment: HALFTONE_BINARY_DIR.
"""

import json
import os
import subprocess
import tempfile

import numpy as np
import onnx

HALFTONE = os.path.join(os.environ["HALFTONE_BINARY_DIR"], "bin/halftone")


class Export:
    """What `halftone search` left: a quantized model, and what the service found evaluating it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "quantized.onnx")
        self.model = onnx.load(self.path)
        with open(os.path.join(folder, "result.json")) as file:
            evaluation = json.load(file)["evaluation"]
        self.samples = evaluation["samples"]
        self.float_accuracy = evaluation["float"].get("accuracy")
        self.quantized = evaluation["quantized"]  # kl, mse, sqnr_db, accuracy

    def assignment(self):
        """As the model says of itself; layers in float are left out."""
        properties = {entry.key: entry.value for entry in self.model.metadata_props}
        return json.loads(properties["halftone.assignment"])


class Command:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="halftone-peers.")
        self.exports = 0

    def close(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run(self, *arguments):
        done = subprocess.run(
            [HALFTONE, "--quiet", "--state-dir", self.path("state"), *arguments],
            capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"halftone {' '.join(arguments)} ended with {done.returncode}: "
                               f"{done.stderr[-2000:]}")
        return done.stdout

    def inspect(self, model):
        return json.loads(self.run("inspect", model, "--json"))

    def layers(self, model):
        """Names of the layers of a model's file."""
        return [layer["name"] for layer in self.inspect(model)["layers"]]

    def export(self, model, calibration, held_out, assignment):
        """Has a search export exactly `assignment`, layer -> precision, of every layer.

        `calibration` and `held_out` are dictionaries of arrays. Costs are a table of equal ones, so
        that every precision is offered and nothing is measured.
        """
        self.exports += 1
        files = {}
        for name, arrays in (("calibration", calibration), ("held_out", held_out)):
            files[name] = self.path(f"{name}.npz")
            np.savez(files[name], **arrays)
        precisions = sorted(set(assignment.values()))
        batch = onnx.load(model).graph.input[0].type.tensor_type.shape.dim[0].dim_value
        table = {"layers": [{"name": layer, "precision": precision, "latency_ns": 1}
                            for layer in assignment for precision in precisions],
                 "batch": max(batch, 1)}
        files["costs"] = self.path("costs.json")
        with open(files["costs"], "w") as file:
            json.dump(table, file)
        output = self.path(f"export{self.exports}")
        pins = [part for layer, precision in assignment.items()
                for part in ("--pin", f"{layer}={precision}")]
        self.run("search", model, "--data", files["calibration"], "--eval", files["held_out"],
                 "--target", files["costs"], "--precisions", ",".join(precisions), *pins,
                 "--ignore-ties", "--evaluations", "0", "--draws", "1", "--no-explain",
                 "--output", output)
        return Export(output)
