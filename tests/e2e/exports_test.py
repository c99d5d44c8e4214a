"""What is exported is the network, and what cannot be exported is no reason for a job to fail."""

import os
import unittest

import numpy as np

from onnx_network import FLOAT, Network, NetworkCase, onnx


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

    def exported(self):
        output = os.path.join(self.folder, "out")
        result = self.search("--output", output)
        path = os.path.join(output, "quantized.onnx")
        self.assertEqual(result["status"], "OPTIMAL")
        return result, path if os.path.exists(path) else None

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
        with open(path, "rb") as file:
            written = onnx.ModelProto.FromString(file.read())
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
