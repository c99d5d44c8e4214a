#!/usr/bin/python3
"""Writes what the tests use: the networks as ONNX, calibration and evaluation samples, and accuracy.json.

  python3 export.py --weights /where/train.py/wrote [--out ../data/networks] [resnet14] [mobilenetv2] [vit] [pplcnet]
"""

import argparse
import inspect
import io
import json
import pathlib
import zipfile

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import data
import models

CALIBRATION_SAMPLES = 512
EVALUATION_SAMPLES = 2000
OPSET = 13


def write_npz(path, **arrays):
    """numpy.savez_compressed, as small as deflate gets and without the time of writing."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(name + ".npy"), file.getvalue(), zipfile.ZIP_DEFLATED)


def own_shared_tensors(graph):
    """Gives each parameter its own tensor where torch found two equal ones and wrote an Identity of the other."""
    tensors = {t.name: t for t in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Identity" and node.input[0] in tensors]:
        copy = graph.initializer.add()
        copy.CopyFrom(tensors[node.input[0]])
        copy.name = node.output[0]
        graph.node.remove(node)


def transpose_parameters(graph):
    """Stores the weights of each linear layer as MatMul reads them, under their own name, in place of a Transpose."""
    tensors = {t.name: t for t in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Transpose" and n.input[0] in tensors]:
        weights = tensors[node.input[0]]
        axes = onnx.helper.get_attribute_value(node.attribute[0])
        weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights).transpose(axes), weights.name))
        for reader in graph.node:
            for i, name in enumerate(reader.input):
                if name == node.output[0]:
                    reader.input[i] = weights.name
        graph.node.remove(node)


def export_kept(network, path, image=(1, 28, 28)):
    """ONNX with the batch normalizations as nodes of their own, and torch's parameter names."""
    network.eval()
    # From torch 2.9 on, another exporter is the default.
    by_tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(network, torch.zeros(1, *image), path, opset_version=OPSET,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}}, **by_tracing)
    model = onnx.load(path)
    own_shared_tensors(model.graph)
    transpose_parameters(model.graph)
    model.graph.name = path.stem
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return model


def fold(model):
    """The same network with every batch normalization folded into the convolution before it, in float64."""
    graph = model.graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    folded = []
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        conv = producers[norm.input[0]]
        assert conv.op_type == "Conv" and len(conv.input) == 2
        scale, bias, mean, variance = (tensors[name].astype(np.float64) for name in norm.input[1:5])
        epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        weights = tensors[conv.input[1]].astype(np.float64) * factor.reshape(-1, 1, 1, 1)
        tensors[conv.input[1]] = weights.astype(np.float32)
        bias_name = conv.input[1].replace(".weight", ".bias")
        tensors[bias_name] = (bias - mean * factor).astype(np.float32)
        conv.input.append(bias_name)
        conv.output[0] = norm.output[0]
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)
    used = [name for node in graph.node for name in node.input]
    del graph.initializer[:]
    graph.initializer.extend(numpy_helper.from_array(tensors[name], name)
                             for name in dict.fromkeys(used) if name in tensors)
    return model


def accuracy(network, images, labels):
    """Share of right answers, in float32 and inference mode."""
    with torch.no_grad():
        scores = torch.cat([network(torch.from_numpy(images[i:i + 500])) for i in range(0, len(images), 500)])
    return float((scores.argmax(1).numpy() == labels).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(models.NAMES))
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "data" / "networks")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    images, labels = data.training()
    write_npz(options.out / "calib.npz", input=images[:CALIBRATION_SAMPLES], labels=labels[:CALIBRATION_SAMPLES])
    images, labels = data.test()
    write_npz(options.out / "eval.npz", input=images[:EVALUATION_SAMPLES], labels=labels[:EVALUATION_SAMPLES])

    report_path = options.out / "accuracy.json"
    report = json.loads(report_path.read_text()) if report_path.exists() else {}
    for name in options.networks:
        network = models.make(name)
        network.load_state_dict(torch.load(options.weights / f"{name}.pt"))
        model = export_kept(network, options.out / f"{name}.onnx")
        if any(node.op_type == "BatchNormalization" for node in model.graph.node):
            model = fold(model)
            model.graph.name = f"{name}_folded"
            onnx.checker.check_model(model, full_check=True)
            onnx.save(model, options.out / f"{name}_folded.onnx")
        report[name] = json.loads((options.weights / f"{name}.json").read_text())
        report[name]["accuracy_2000"] = accuracy(network, images[:2000], labels[:2000])
        report[name]["accuracy_10000"] = accuracy(network, images, labels)
    report_path.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
