#include "profilers/simulated/systolic_model.h"

#include <algorithm>
#include <cmath>

namespace halftone {
namespace {

constexpr double kPartialSumBits = 32;

double Tiles(double size, int64_t side) { return std::ceil(size / static_cast<double>(side)); }

// Bits that cross the DRAM interface.
double DramBits(const Accelerator& accelerator, double weights_bits, double src_bits,
                double dst_bits) {
  const double weights_parts =
      std::ceil(weights_bits / (8 * static_cast<double>(accelerator.weights_buffer_bytes)));
  const double src_parts =
      std::ceil(src_bits / (8 * static_cast<double>(accelerator.src_buffer_bytes)));
  const double operands = std::min(weights_bits + std::max(weights_parts, 1.0) * src_bits,
                                   src_bits + std::max(src_parts, 1.0) * weights_bits);
  return operands + dst_bits;
}

}  // namespace

GemmShape GemmOf(const Layer& layer, int batch) {
  GemmShape gemm;
  const double macs = static_cast<double>(layer.macs) * batch;
  const bool is_product = layer.weights.empty() || layer.weights_shape.rank() > 2;
  if (is_product && layer.op != "Conv") {
    const int rank = layer.dst_shape.rank();
    gemm.columns = rank > 0 ? static_cast<double>(layer.dst_shape.dim(rank - 1)) : 1;
    gemm.rows = rank > 1 ? static_cast<double>(layer.dst_shape.dim(rank - 2)) : 1;
    gemm.depth = static_cast<double>(layer.src_shape.dim(layer.src_shape.rank() - 1));
    gemm.groups = std::max(1.0, macs / std::max(1.0, gemm.columns * gemm.rows * gemm.depth));
    return gemm;
  }
  const auto channels = static_cast<double>(layer.weights_shape.dim(layer.channel_axis));
  gemm.groups = layer.groups;
  gemm.columns = channels / gemm.groups;
  gemm.depth = static_cast<double>(layer.weights_shape.Elements()) / std::max(1.0, channels);
  gemm.rows = macs / std::max(1.0, channels * gemm.depth);
  return gemm;
}

int FusedBits(int bits) {
  int fused = 2;
  while (fused < bits) fused *= 2;
  return fused;
}

double ProductsPerCycle(int weight_bits, int activation_bits) {
  return 16.0 / ((FusedBits(weight_bits) / 2.0) * (FusedBits(activation_bits) / 2.0));
}

double ComputeCycles(const Accelerator& accelerator, const GemmShape& gemm,
                     double products_per_cycle) {
  const double depth = std::ceil(gemm.depth / std::max(1.0, products_per_cycle));
  const double stream = gemm.rows * std::max(1.0, 1 / products_per_cycle);
  const auto rows = static_cast<double>(accelerator.rows);
  const auto columns = static_cast<double>(accelerator.columns);
  const double tiles = Tiles(depth, accelerator.rows) * Tiles(gemm.columns, accelerator.columns);
  return gemm.groups * (tiles * (2 * rows + columns + stream - 2) - 1);
}

SimulatedCost SimulateGemm(const Accelerator& accelerator, const GemmShape& gemm,
                           double src_elements, double dst_elements, int weight_bits,
                           int activation_bits) {
  const int w = FusedBits(weight_bits), a = FusedBits(activation_bits);
  const double products = ProductsPerCycle(w, a);
  const double weights = gemm.groups * gemm.depth * gemm.columns;
  const double dram_bits = DramBits(accelerator, weights * w, src_elements * a, dst_elements * a);

  SimulatedCost cost;
  const double compute = ComputeCycles(accelerator, gemm, products);
  const double memory = std::ceil(dram_bits / accelerator.dram_bits_per_cycle);
  cost.cycles = std::max(compute, memory);
  cost.memory_bound = memory > compute;
  cost.latency_ns = cost.cycles * 1000 / accelerator.clock_mhz;

  const double macs = weights * gemm.rows;
  const double multiply = macs * accelerator.multiply_8x8_pj / ProductsPerCycle(w, a);
  const double accumulate = macs / std::max(1.0, products) * accelerator.accumulate_pj;
  const double column_tiles = Tiles(gemm.columns, accelerator.columns);
  const double row_tiles = Tiles(std::ceil(gemm.depth / std::max(1.0, products)), accelerator.rows);
  const double buffer_bits =
      weights * w + gemm.groups * gemm.depth * gemm.rows * column_tiles * a +
      2 * gemm.groups * gemm.rows * gemm.columns * row_tiles * kPartialSumBits;
  cost.energy_pj = multiply + accumulate + buffer_bits / 64 * accelerator.buffer_64_bits_pj +
                   dram_bits / 64 * accelerator.dram_64_bits_pj;
  return cost;
}

}  // namespace halftone
