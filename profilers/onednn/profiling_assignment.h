#ifndef HALFTONE_PROFILERS_ONEDNN_PROFILING_ASSIGNMENT_H_
#define HALFTONE_PROFILERS_ONEDNN_PROFILING_ASSIGNMENT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone {

// Quantizers good enough to time a network without data. Times depend on the kind of quantizer,
// not on its scales: a source that cannot be negative gets a zero point of 0, another one a zero
// point in the middle, and sources that are the same value get the same quantizer.
class ProfilingAssignment {
 public:
  static absl::StatusOr<ProfilingAssignment> Create(const Graph& graph, const LayerSet& layers);

  // Layer i of the set in precisions[i].
  absl::StatusOr<QuantizedAssignment> Assign(absl::Span<const Precision> precisions) const;

 private:
  struct LayerRanges {
    std::string name;
    bool src_is_positive = false;
    // Of a product of two activations.
    bool is_product = false;
    bool second_is_positive = false;
    float weights_magnitude = 1;
  };
  std::vector<LayerRanges> layers_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_PROFILING_ASSIGNMENT_H_
