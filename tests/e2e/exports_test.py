"""What is exported is the network, and what cannot be exported is no reason for a job to fail."""

import os
import unittest

import numpy as np

from onnx_network import DOUBLE, FLOAT, FLOAT16, NUMPY_TYPES, Network, NetworkCase, onnx


class ExportsTest(NetworkCase):
    def network(self, opset):
        """Two convolutions of an image at two sizes, and a Gemm."""
        network = Network()
        network.model.opset_import[0].version = opset
        network.input("x", "N", 3, 6, 6)
        network.weights("k", 4, 3, 3, 3)
        network.weights("l", 4, 4, 3, 3)
        network.weights("w", 4, 5)
        network.node("Conv", ["x", "k"], "c", pads=[1, 1, 1, 1])
        return network

    def finish(self, network, src):
        network.node("Conv", [src, "l"], "d", pads=[1, 1, 1, 1])
        network.node("GlobalAveragePool", ["d"], "p")
        network.node("Flatten", ["p"], "f")
        network.node("MatMul", ["f", "w"], "y")
        network.output("y", "N", 5)
        network.save(self.model)
        np.savez(self.data, x=self.samples(24, 3, 6, 6))

    def exported(self, *more):
        output = os.path.join(self.folder, "out")
        result = self.search("--output", output, *more)
        path = os.path.join(output, "quantized.onnx")
        self.assertEqual(result["status"], "OPTIMAL")
        return result, path if os.path.exists(path) else None

    def read(self, path):
        with open(path, "rb") as file:
            return onnx.ModelProto.FromString(file.read())

    def test_inputs_and_outputs_keep_their_types(self):
        """With samples along the second axis, of any batch and of one of 4."""
        for kind in (FLOAT16, DOUBLE):
            for batch in ("N", 4):
                with self.subTest(kind=kind, batch=batch):
                    network = Network()
                    network.input("x", 3, batch, 6, kind=kind)
                    network.weights("w", 6, 5, kind=kind)
                    network.weights("v", 5, 4, kind=kind)
                    network.node("MatMul", ["x", "w"], "h")
                    network.node("MatMul", ["h", "v"], "y")
                    network.output("h", 3, batch, 5, kind=kind)
                    network.output("y", 3, batch, 4, kind=kind)
                    network.save(self.model)
                    np.savez(self.data, x=self.samples(24, 3, 6).astype(NUMPY_TYPES[kind]))
                    batches = () if batch == "N" else ("--batch", "4")
                    result, path = self.exported("--batch-axis", "x=1", *batches)
                    self.assertLess(result["exported"]["difference"], 1e-5)
                    self.assertEqual(result["exported"]["batch"], None if batch == "N" else 4)
                    written = self.read(path).graph
                    kinds = {port.name: port.type.tensor_type.elem_type
                             for port in (*written.input, *written.output)}
                    self.assertEqual(kinds, {"x": kind, "h": kind, "y": kind})
                    casts = [(node.input[0], node.output[0], node.attribute[0].i)
                             for node in written.node if node.op_type == "Cast"]
                    self.assertEqual([to for _, _, to in casts], [FLOAT, kind, kind])
                    self.assertEqual(casts[0][0], "x")
                    self.assertEqual([output for _, output, _ in casts[1:]], ["h", "y"])

    def test_an_old_resize_stays_what_it_is(self):
        network = self.network(10)
        network.graph.initializer.add(name="s", dims=[4], data_type=FLOAT, raw_data=np.asarray(
            [1, 1, 0.6, 1.7], np.float32).tobytes())
        for mode in ("nearest", "linear"):
            network.node("Resize", ["c", "s"], mode)
            network.graph.node[-1].attribute.add(name="mode", type=3, s=mode.encode())
        network.node("Add", ["nearest", "linear"], "r")
        self.finish(network, "r")
        result, path = self.exported()
        self.assertLess(result["exported"]["difference"], 1e-5)
        self.assertEqual(result["exported"]["opset"], 13)
        self.assertNotIn("not_exported", result)
        written = self.read(path)
        modes = [{attribute.name: attribute.s for attribute in node.attribute}
                 for node in written.graph.node if node.op_type == "Resize"]
        self.assertTrue(all(m["coordinate_transformation_mode"] == b"asymmetric" for m in modes))

    def test_what_cannot_be_written_fails_no_job(self):
        network = self.network(13)
        network.node("Relu", ["c"], "r")
        # Such an attribute is read, but no valid model has it.
        network.graph.node[-1].attribute.add(name="made_by", type=2, i=1)
        self.finish(network, "r")
        result, path = self.exported()
        self.assertIsNone(path)
        self.assertNotIn("exported", result)
        self.assertNotIn("quantized.onnx", result["artifacts"])
        self.assertIn("made_by", result["not_exported"])
        self.assertTrue(any(w.startswith("there is no quantized.onnx: ") and "made_by" in w
                            for w in result["warnings"]), result["warnings"])
        # Nothing of it is kept: a later search tries again.
        self.assertIn("made_by", self.exported()[0]["not_exported"])


if __name__ == "__main__":
    unittest.main()
