"""NVIDIA's ModelOpt on torch modules (nvidia-modelopt)."""

import importlib.metadata
import os
import tempfile

import modelopt.torch.quantization as mtq
import torch

import shipped

NAME = "ModelOpt"
QUANTIZERS = {"max": "ranges", "mse": "ranges", "gptq": "rounding"}
SEARCHES = {"gradient": "max", "kl_div": "max", "gradient-mse": "mse"}
WIDTHS = range(2, 9)


def version():
    return importlib.metadata.version("nvidia-modelopt")


def uniform(network, bits, quantizer):
    return _logits(network, _quantized(network, {node: bits for node in network.sizes}, quantizer))


def search(network, budgets, way):
    """Every layer gets one of 2 to 8 bits; none may stay in float32."""
    batches = _batches(network)
    formats = [_format(bits, SEARCHES[way]) for bits in WIDTHS]
    spaces = [{"module_name_patterns": ["*"], "quantization_formats": formats, "allow_no_quant": False}]
    with tempfile.TemporaryDirectory() as folder:
        for budget in budgets:
            module, _ = mtq.auto_quantize(
                network.module(), constraints={"effective_bits": budget}, quantization_formats=formats,
                module_search_spaces=spaces, data_loader=batches, forward_step=lambda module, batch: module(batch[0]),
                loss_func=lambda logits, batch: torch.nn.functional.cross_entropy(logits, batch[1]),
                num_calib_steps=len(batches), num_score_steps=len(batches), verbose=False, method=way.split("-")[0],
                checkpoint=os.path.join(folder, "scores.pt"))  # the scores do not depend on the budget
            parts = dict(module.named_modules())
            bits = {node: parts[network.module_of(node)].weight_quantizer.num_bits for node in network.sizes}
            yield budget, bits, _logits(network, module)


def _batches(network):
    inputs, labels = (shipped.batches(network.calibration[part]) for part in ("input", "labels"))
    return [(torch.from_numpy(i), torch.from_numpy(l)) for i, l in zip(inputs, labels)]


def _weights(bits):
    return {"num_bits": bits, "axis": 0}


ACTIVATIONS = {"num_bits": 8, "axis": None}


def _format(bits, algorithm):
    return {"quant_cfg": [{"quantizer_name": "*weight_quantizer", "cfg": _weights(bits)},
                          {"quantizer_name": "*input_quantizer", "cfg": ACTIVATIONS}], "algorithm": algorithm}


def _quantized(network, bits, algorithm):
    rules = [{"quantizer_name": "*", "enable": False}]
    for node, width in bits.items():
        name = network.module_of(node)
        rules += [{"quantizer_name": name + ".weight_quantizer", "cfg": _weights(width)},
                  {"quantizer_name": name + ".input_quantizer", "cfg": ACTIVATIONS}]
    return mtq.quantize(network.module(), {"quant_cfg": rules, "algorithm": algorithm},
                        forward_loop=lambda module: [module(batch[0]) for batch in _batches(network)])


def _logits(network, module):
    return shipped.run_torch(module.eval(), network.held_out["input"])
