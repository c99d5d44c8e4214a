#ifndef HALFTONE_SEARCH_SENSITIVITY_TRACE_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_TRACE_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/lower.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/weight_tensors.h"

namespace halftone {

// The nodes that read a tensor, in the order of its layers. INTERNAL names a layer without one.
absl::StatusOr<std::vector<const Node*>> NodesOfTensor(const std::vector<Layer>& layers,
                                                       const Graph& graph,
                                                       const WeightTensor& tensor);

// What a program for exact traces is of. Borrows all of it.
struct TraceSubject {
  const std::vector<Layer>& layers;
  const Graph& graph;  // bound to the batch
  int64_t batch;
  const OutputCotangents& cotangents;
  const std::vector<WeightTensor>& tensors;
  const std::vector<SampleLayouts>& layouts;  // of what each layer of each tensor reads
};

// Of every sample and cotangent the squared norm of the gradient in each tensor, [batch,
// cotangents], under the name of TraceNormsOutput. `separates`: of every tensor, whether its
// gradients are taken apart by samples; where one is not, the batch is 1. `lowered`: of the graph.
absl::StatusOr<Program> BuildTraceProgram(const TraceSubject& subject,
                                          const std::vector<bool>& separates, LoweredGraph lowered);
std::string TraceNormsOutput(size_t tensor);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_TRACE_PROGRAM_H_
