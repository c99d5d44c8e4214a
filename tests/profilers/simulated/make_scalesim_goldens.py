"""Writes scalesim_goldens.csv: what SCALE-Sim (arXiv 1811.02883) says about matrix products.

Needs the package `scalesim` (made with 3.0.0). Its whole simulation of a layer is run, in its
stall-free mode (InterfaceBandwidth = CALC), and read from the objects that write its reports.
Usage: python3 make_scalesim_goldens.py > scalesim_goldens.csv
"""

import contextlib
import csv
import io
import os
import sys
import tempfile

from scalesim.scale_sim import scalesim

CONFIG = """[general]
run_name = run
[architecture_presets]
ArrayHeight = {rows}
ArrayWidth = {columns}
IfmapSramSzkB = 4096
FilterSramSzkB = 4096
OfmapSramSzkB = 4096
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
Bandwidth = 10
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 40
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""

# Output positions, sum's length, output channels.
PRODUCTS = [(100, 64, 32), (33, 65, 31), (1, 128, 40), (7, 5, 3), (196, 9, 1), (64, 27, 16)]
ARRAYS = [(8, 8), (12, 14), (16, 32)]


def simulate(rows, columns, dataflow, layer, is_gemm):
    """Runs one layer, a line of SCALE-Sim's topology file."""
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "run.cfg")
        with open(config, "w") as file:
            file.write(CONFIG.format(rows=rows, columns=columns, dataflow=dataflow))
        topology = os.path.join(folder, "layers.csv")
        with open(topology, "w") as file:
            file.write("header,\n" + layer + "\n")
        layout = os.path.join(folder, "layout.csv")
        with open(layout, "w") as file:
            file.write("header,\n" + layer.split(",")[0] + "," + "1, " * 20 + "\n")
        with contextlib.redirect_stdout(io.StringIO()):
            run = scalesim(save_disk_space=True, verbose=False, config=config,
                           topology=topology, layout=layout, input_type_gemm=is_gemm)
            run.run_scale(top_path=folder)
    simulated = run.runner.single_layer_sim_object_list[0]
    _, cycles, stalls, _, mapping, _ = simulated.get_compute_report_items()
    assert stalls == 0
    details = simulated.get_detail_report_items()
    return [cycles, repr(float(mapping)), details[2], details[5], details[8]]


def main():
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["dataflow", "array_rows", "array_columns", "positions", "depth", "channels",
                     "cycles", "mapping_percent", "src_reads", "weights_reads", "dst_writes"])
    for dataflow in ("os", "ws", "is"):
        for rows, columns in ARRAYS:
            for positions, depth, channels in PRODUCTS:
                layer = f"product, {positions}, {channels}, {depth}, 1:1,"
                writer.writerow([dataflow, rows, columns, positions, depth, channels] +
                                simulate(rows, columns, dataflow, layer, True))
                sys.stdout.flush()
    # AlexNet's first convolution.
    for dataflow in ("os", "ws", "is"):
        layer = "conv1, 227, 227, 11, 11, 3, 96, 4, 1:1,"
        writer.writerow([dataflow, 32, 32, 3025, 363, 96] +
                        simulate(32, 32, dataflow, layer, False))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
