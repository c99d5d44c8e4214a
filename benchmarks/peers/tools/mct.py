"""Sony's Model Compression Toolkit on torch modules."""

import contextlib
import importlib.metadata

import model_compression_toolkit as mct
from model_compression_toolkit.core import (CoreConfig, MixedPrecisionQuantizationConfig, QuantizationConfig,
                                            QuantizationErrorMethod, ResourceUtilization)
from model_compression_toolkit.core.common.mixed_precision import mixed_precision_search_manager
from model_compression_toolkit.target_platform_capabilities.constants import KERNEL_ATTR, WEIGHTS_N_BITS
from model_compression_toolkit.target_platform_capabilities.tpc_models.imx500_tpc.v1_0 import tpc as imx500

import shipped

NAME = "MCT"
QUANTIZERS = {"mse": "ranges", "no-clipping": "ranges", "gptq": "rounding"}
SEARCHES = {"avg": "mse", "hessian": "mse"}
WIDTHS = range(8, 1, -1)
EPOCHS = 20  # of its gradient-based rounding


def version():
    return importlib.metadata.version("model-compression-toolkit")


def uniform(network, bits, quantizer):
    module = _quantized(network, [bits], quantizer, CoreConfig(quantization_config=_ranges(quantizer)), None)
    return shipped.run_torch(module, network.held_out["input"])


def search(network, budgets, way):
    # Layers that it would merge have no bits of their own.
    quantization = QuantizationConfig(linear_collapsing=False)
    mixed = MixedPrecisionQuantizationConfig(num_of_images=shipped.CALIBRATION_SAMPLES,
                                             use_hessian_based_scores=way == "hessian")
    with _sensitivities_measured_once():
        for budget in budgets:
            limit = ResourceUtilization(weights_memory=sum(network.sizes.values()) * budget / 8)
            config = CoreConfig(quantization_config=quantization, mixed_precision_config=mixed)
            module = _quantized(network, WIDTHS, "mse", config, limit)
            yield budget, _bits(network, module), shipped.run_torch(module, network.held_out["input"])


@contextlib.contextmanager
def _sensitivities_measured_once():
    """They do not depend on the budget, but MCT measures them for each anew."""
    known = {}
    searching = mixed_precision_search_manager.MixedPrecisionSearchManager
    measure = searching._build_sensitivity_mapping

    def remember(manager):
        if not known:
            known.update({node.name: losses for node, losses in measure(manager).items()})
        return {node: list(known[node.name]) for node in manager.mp_topo_configurable_nodes}

    searching._build_sensitivity_mapping = remember
    try:
        yield
    finally:
        searching._build_sensitivity_mapping = measure


def _ranges(quantizer):
    method = QuantizationErrorMethod.NOCLIPPING if quantizer == "no-clipping" else QuantizationErrorMethod.MSE
    return QuantizationConfig(weights_error_method=method)


def _platform(widths):
    """Its own target, IMX500, with kernels of these bits."""
    base, _, default = imx500.get_op_quantization_configs()
    kernels = [base.clone_and_edit(attr_to_edit={KERNEL_ATTR: {WEIGHTS_N_BITS: bits}}) for bits in widths]
    return imx500.generate_tpc(default_config=default, base_config=kernels[0], mixed_precision_cfg_list=kernels,
                               name="peers")


def _quantized(network, widths, quantizer, config, limit):
    samples = shipped.batches(network.calibration["input"])
    common = dict(core_config=config, target_resource_utilization=limit, target_platform_capabilities=_platform(widths))
    if quantizer == "gptq":
        return mct.gptq.pytorch_gradient_post_training_quantization(
            network.module(), lambda: ([part] for part in samples),
            gptq_config=mct.gptq.get_pytorch_gptq_config(n_epochs=EPOCHS), **common)[0]
    return mct.ptq.pytorch_post_training_quantization(network.module(), lambda: ([part] for part in samples),
                                                      **common)[0]


def _bits(network, module):
    """Its modules have their names with underlines, and what was folded into them behind that."""
    found = {name: part.weights_quantizers["weight"].num_bits for name, part in module.named_modules()
             if "weight" in (getattr(part, "weights_quantizers", None) or {})}
    names = {node: network.module_of(node).replace(".", "_") for node in network.sizes}
    return {node: found[name if name in found else name + "_bn"] for node, name in names.items()}
