#include "profilers/simulated/memory_traffic.h"

#include <algorithm>
#include <cmath>

namespace halftone {
namespace {

constexpr double kSumBits = 32;

// An operand of one group, the part of it that one fold uses, and what its buffer holds.
struct Operand {
  double bits = 0;
  double fold_bits = 0;
  double folds = 1;  // that cut it
  double capacity = 0;

  bool Fits() const { return bits <= capacity; }
  bool FoldFits() const { return fold_bits <= capacity; }
  // Buffers full of whole folds.
  double Blocks() const { return Fits() ? 1 : std::ceil(folds / std::floor(capacity / fold_bits)); }
};

double Capacity(const ProcessorArray& array, int64_t bytes) {
  return static_cast<double>(bytes) * (array.double_buffered ? 4 : 8);
}

Operand OperandOf(double elements, int bits, double folds, double capacity) {
  return {elements * bits, std::ceil(elements / folds) * bits, folds, capacity};
}

// Bits that are read of both operands of a group.
struct Reads {
  double kept = 0, passing = 0;

  double Bits() const { return kept + passing; }
};

// Whole folds of `kept` stay in its buffer while `passing` passes.
Reads ReadKeeping(const Operand& kept, const Operand& passing) {
  const double times = passing.FoldFits() ? kept.Blocks() : kept.folds;
  return {kept.bits, passing.bits * (passing.Fits() ? 1 : times)};
}

// Of an output-stationary array: src is `kept`, weights are `passing`.
Reads ReadOutputStationary(const Operand& src, const Operand& weights) {
  Reads least = {src.bits * (src.Fits() ? 1 : weights.folds),
                 weights.bits * (weights.Fits() ? 1 : src.folds)};
  if (weights.FoldFits()) {
    const Reads reads = ReadKeeping(weights, src);
    if (reads.Bits() < least.Bits()) least = {reads.passing, reads.kept};
  }
  if (src.FoldFits()) {
    const Reads reads = ReadKeeping(src, weights);
    if (reads.Bits() < least.Bits()) least = reads;
  }
  return least;
}

// Of a dataflow that keeps one operand in the array: where sums have to wait, and how much passes.
struct Streaming {
  Operand kept, passing;
  double positions = 0;      // of the streamed dimension
  double sums_bits = 0;      // of one column fold, all positions
  double all_sums_bits = 0;  // of all column folds
  double dst_capacity = 0;
  double row_folds = 1;

  // Bits of sums that leave and come back, each way.
  double Spilled(double chunks) const {
    const bool fit = row_folds <= 1 || sums_bits / chunks <= dst_capacity;
    return fit ? 0 : (row_folds - 1) * all_sums_bits;
  }
  // With the column folds outside of the chunks, or inside.
  Reads Read(double chunks) const {
    const bool column_fits = kept.Fits() || kept.FoldFits() || chunks <= 1;
    const Reads outside = {kept.bits * (column_fits ? 1 : chunks),
                           passing.bits * (passing.Fits() ? 1 : kept.folds)};
    const bool chunk_fits = passing.bits / chunks <= passing.capacity;
    const Reads inside = {kept.bits * (kept.Fits() ? 1 : chunks),
                          passing.bits * (chunk_fits ? 1 : kept.folds)};
    return inside.Bits() < outside.Bits() ? inside : outside;
  }
  // Chunk counts worth trying: none, and the fewest with which sums, a passing chunk or both fit.
  std::vector<double> ChunkCounts() const {
    const double for_sums = row_folds > 1 ? std::ceil(sums_bits / dst_capacity) : 1;
    const double for_passing = std::ceil(passing.bits / passing.capacity);
    std::vector<double> counts = {1};
    for (const double count : {for_sums, std::max(for_sums, for_passing)}) {
      const double possible = std::clamp(count, 1.0, std::max(1.0, positions));
      if (possible > counts.back()) counts.push_back(possible);
    }
    return counts;
  }
};

Streaming StreamingOf(const ProcessorArray& array, const LayerWork& layer, const ElementWork& work,
                      const Mapping& mapping) {
  const GemmShape& gemm = layer.gemm;
  const bool keeps_weights = array.dataflow == Dataflow::kWeightStationary;
  const Operand weights = OperandOf(layer.weights_elements / gemm.groups, work.weight_bits,
                                    keeps_weights ? mapping.column_folds : 1,
                                    Capacity(array, array.weights_buffer_bytes));
  const Operand src =
      OperandOf(layer.src_elements / gemm.groups, work.activation_bits,
                keeps_weights ? 1 : mapping.column_folds, Capacity(array, array.src_buffer_bytes));
  Streaming streaming;
  streaming.kept = keeps_weights ? weights : src;
  streaming.passing = keeps_weights ? src : weights;
  streaming.positions = keeps_weights ? gemm.positions : gemm.channels;
  const double across = keeps_weights ? gemm.channels : gemm.positions;
  streaming.all_sums_bits = gemm.positions * gemm.channels * kSumBits;
  streaming.sums_bits =
      streaming.positions * std::min(across, static_cast<double>(array.columns)) * kSumBits;
  streaming.dst_capacity = Capacity(array, array.dst_buffer_bytes);
  streaming.row_folds = mapping.row_folds;
  return streaming;
}

}  // namespace

std::vector<Schedule> SchedulesOf(const ProcessorArray& array, const LayerWork& layer,
                                  const ElementWork& work, const Mapping& mapping) {
  const double groups = layer.gemm.groups;
  const double dst_bits = layer.dst_elements * work.activation_bits;
  if (array.dataflow == Dataflow::kOutputStationary) {
    const Operand src = OperandOf(layer.src_elements / groups, work.activation_bits,
                                  mapping.row_folds, Capacity(array, array.src_buffer_bytes));
    const Operand weights =
        OperandOf(layer.weights_elements / groups, work.weight_bits, mapping.column_folds,
                  Capacity(array, array.weights_buffer_bytes));
    const Reads reads = ReadOutputStationary(src, weights);
    return {{1, groups * reads.passing, groups * reads.kept, 0, dst_bits}};
  }
  const Streaming streaming = StreamingOf(array, layer, work, mapping);
  std::vector<Schedule> schedules;
  for (const double chunks : streaming.ChunkCounts()) {
    const Reads reads = streaming.Read(chunks);
    const bool keeps_weights = array.dataflow == Dataflow::kWeightStationary;
    schedules.push_back({chunks, groups * (keeps_weights ? reads.kept : reads.passing),
                         groups * (keeps_weights ? reads.passing : reads.kept),
                         groups * streaming.Spilled(chunks), dst_bits});
  }
  return schedules;
}

}  // namespace halftone
