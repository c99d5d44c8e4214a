#include "profilers/simulated/dataflow.h"

#include <cmath>

namespace halftone {
namespace {

// What a fold of a systolic array takes beside the streamed cycles.
double FillAndDrain(const ProcessorArray& array) {
  if (array.interconnect == Interconnect::kBroadcast) return 0;
  const auto rows = static_cast<double>(array.rows), columns = static_cast<double>(array.columns);
  const bool twice = array.dataflow != Dataflow::kOutputStationary || array.exposed_drain;
  return (twice ? 2 * rows : rows) + columns - 2;
}

}  // namespace

Mapping MapProduct(const ProcessorArray& array, const GemmShape& gemm, const ElementWork& work) {
  const double depth = std::ceil(gemm.depth / work.products);
  double rows = depth, columns = gemm.channels, streamed = gemm.positions;
  if (array.dataflow == Dataflow::kOutputStationary) {
    rows = gemm.positions;
    streamed = depth;
  } else if (array.dataflow == Dataflow::kInputStationary) {
    columns = gemm.positions;
    streamed = gemm.channels;
  }
  Mapping mapping;
  mapping.row_folds = std::ceil(rows / static_cast<double>(array.rows));
  mapping.column_folds = std::ceil(columns / static_cast<double>(array.columns));
  mapping.streamed = streamed * work.cycles;
  mapping.efficiency = rows * columns /
                       (mapping.row_folds * static_cast<double>(array.rows) * mapping.column_folds *
                        static_cast<double>(array.columns));
  return mapping;
}

double ComputeCycles(const ProcessorArray& array, const GemmShape& gemm, const Mapping& mapping,
                     double chunks) {
  const double last = array.interconnect == Interconnect::kSystolic ? 1 : 0;
  const double fold = chunks * FillAndDrain(array) + mapping.streamed;
  return gemm.groups * (mapping.row_folds * mapping.column_folds * fold - last);
}

BufferAccesses CountAccesses(const ProcessorArray& array, const GemmShape& gemm,
                             const Mapping& mapping, double chunks) {
  const double src = gemm.groups * gemm.positions * gemm.depth;
  const double weights = gemm.groups * gemm.depth * gemm.channels;
  const double sums = gemm.groups * gemm.positions * gemm.channels * (mapping.row_folds - 1);
  switch (array.dataflow) {
    case Dataflow::kOutputStationary:
      return {src * mapping.column_folds, weights * mapping.row_folds, 0, 0};
    case Dataflow::kWeightStationary:
      return {src * mapping.column_folds, weights * chunks, sums, sums};
    case Dataflow::kInputStationary:
      return {src * chunks, weights * mapping.column_folds, sums, sums};
  }
  return {};
}

}  // namespace halftone
