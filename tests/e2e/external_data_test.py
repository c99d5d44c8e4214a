"""Models whose tensors lie in other files: read, uploaded with them, and gone with them."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

from halftone_server import BINARY, Server, blob_path, compile_protos

PROTOS = tempfile.TemporaryDirectory()
onnx = compile_protos(PROTOS.name)["onnx"]
FLOAT = 1
SIZES = (12, 16, 5)  # of the source, hidden, of the classes


def write_model(folder, random):
    """Gemm, Relu, Gemm, with the weights in files of their own and the biases in the model's."""
    model = onnx.ModelProto(ir_version=8)
    model.opset_import.add(domain="", version=13)
    graph = model.graph
    graph.name = "network"
    for ports, name, size in ((graph.input, "x", SIZES[0]), (graph.output, "y", SIZES[2])):
        tensor = ports.add(name=name).type.tensor_type
        tensor.elem_type = FLOAT
        tensor.shape.dim.add().dim_param = "N"
        tensor.shape.dim.add().dim_value = size
    os.makedirs(os.path.join(folder, "weights"))
    src = "x"
    for i in (0, 1):
        matrix = random.normal(0, 0.4, SIZES[i:i + 2]).astype(np.float32)
        location = f"weights/layer {i}.bin"
        with open(os.path.join(folder, location), "wb") as file:
            file.write(bytes(64) + matrix.tobytes())
        tensor = graph.initializer.add(name=f"w{i}", dims=matrix.shape, data_type=FLOAT,
                                       data_location=1)
        for key, value in (("location", "./" + location), ("offset", "64"),
                           ("length", str(matrix.nbytes))):
            tensor.external_data.add(key=key, value=value)
        bias = random.normal(size=SIZES[i + 1]).astype(np.float32)
        graph.initializer.add(name=f"b{i}", dims=bias.shape, data_type=FLOAT,
                              raw_data=bias.tobytes())
        graph.node.add(name=f"layer{i}", op_type="Gemm", input=[src, f"w{i}", f"b{i}"],
                       output=["y" if i else "h"])
        if not i:
            graph.node.add(name="relu", op_type="Relu", input=["h"], output=["r"])
            src = "r"
    with open(os.path.join(folder, "net.onnx"), "wb") as file:
        file.write(model.SerializeToString())


class ExternalDataTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="halftone-e2e.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        random = np.random.default_rng(3)
        self.models = os.path.join(self.folder, "models")
        write_model(self.models, random)
        self.model = os.path.join(self.models, "net.onnx")
        self.data = os.path.join(self.folder, "data.npz")
        np.savez(self.data, x=random.normal(size=(32, SIZES[0])).astype(np.float32))
        self.state = os.path.join(self.folder, "state")

    def files(self):
        """(path, size, sha256) of the model's files."""
        found = []
        for path in ("net.onnx", "weights/layer 0.bin", "weights/layer 1.bin"):
            with open(os.path.join(self.models, path), "rb") as file:
                content = file.read()
            found.append((path, len(content), hashlib.sha256(content).hexdigest()))
        return found

    def identity(self):
        lines = sorted(f"{path} {size} {sha256}\n" for path, size, sha256 in self.files())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def run_command(self, *arguments, code=0):
        done = subprocess.run(
            [os.path.join(BINARY, "bin/halftone"), *arguments, "--json", *self.where],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(done.stdout)

    def check_commands(self):
        layers = self.run_command("inspect", self.model)["layers"]
        self.assertEqual([layer["name"] for layer in layers], ["layer0", "layer1"])
        measured = self.run_command("sensitivity", self.model, "--data", self.data, "--precisions",
                                    "w2a8,w8a8", "--method", "output")
        self.assertGreater(measured["layers"][0]["choices"][0]["loss"], 0)
        assignment = os.path.join(self.folder, "assignment.json")
        with open(assignment, "w") as file:
            json.dump({"assignment": {"layer0": "w4a8"}}, file)
        evaluated = self.run_command("evaluate", self.model, "--data", self.data, "--assignment",
                                     assignment)
        self.assertGreater(evaluated["quantized"]["mse"], 0)
        result = self.run_command(
            "search", self.model, "--data", self.data, "--target", "bitfusion", "--precisions",
            "w4a8,w8a8", "--budget", "size=60%", "--output", os.path.join(self.folder, "out"))
        self.assertEqual(result["solution"]["status"], "OPTIMAL")
        self.assertEqual(result["model"], self.identity())
        self.assertIn("exported", result)
        exported = self.run_command("inspect", os.path.join(self.folder, "out/quantized.onnx"))
        self.assertEqual(len(exported["layers"]), 2)
        return result

    def test_in_process(self):
        self.where = ["--state-dir", self.state]
        self.check_commands()
        for _, _, sha256 in self.files():
            self.assertTrue(os.path.exists(blob_path(self.state, sha256)))
        removed = self.run_command("delete", f"models/{self.identity()}")
        self.assertEqual(removed["removed"]["models"], [f"models/{self.identity()}"])
        for _, _, sha256 in self.files():
            self.assertFalse(os.path.exists(blob_path(self.state, sha256)))

    def test_on_a_server(self):
        server = Server()
        self.addCleanup(server.close)
        self.where = ["--server", server.address]
        self.check_commands()
        # What is lost there is sent again.
        weights = self.files()[1][2]
        os.remove(blob_path(server.state, weights))
        self.run_command("sensitivity", self.model, "--data", self.data, "--precisions", "w8a8")
        self.assertTrue(os.path.exists(blob_path(server.state, weights)))

    def test_says_what_is_missing(self):
        self.where = ["--state-dir", self.state]
        path = os.path.join(self.models, "weights/layer 1.bin")
        os.rename(path, path + ".gone")
        for command in (["inspect"], ["sensitivity", "--data", self.data]):
            error = self.run_command(command[0], self.model, *command[1:], code=2)["error"]
            self.assertIn("weights/layer 1.bin", error["message"])
        os.symlink(path + ".gone", path)
        error = self.run_command("sensitivity", self.model, "--data", self.data, code=2)["error"]
        self.assertIn("symbolic link", error["message"])


if __name__ == "__main__":
    unittest.main()
