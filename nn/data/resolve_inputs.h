#ifndef HALFTONE_NN_DATA_RESOLVE_INPUTS_H_
#define HALFTONE_NN_DATA_RESOLVE_INPUTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/graph/shape.h"

namespace halftone {

// What is said of a model's inputs beside what its file says. By the name of the input.
struct InputBinding {
  std::map<std::string, Shape> shapes;  // whole; kDynamic: what the file or the data say
  std::map<std::string, int64_t> axes;  // by the name of the symbolic axis
  // In the place of data: one element for a scalar or for all elements, else all in C order.
  std::map<std::string, std::vector<double>> constants;
  std::map<std::string, int> sample_axes;  // along which the input's samples lie

  bool operator==(const InputBinding&) const = default;
};

// The graph with inputs of which nothing is open but the batch: their shapes are fixed beside the
// axis of samples, which Port::sample_axis names, and inputs of one value for all samples are
// initializers.
//
// Sizes come from the binding, else from the data's arrays (null: there are none); axes of one name
// are one. The arrays have samples first: [samples, the input's other axes], or, where a sample is
// a whole value of the input, [samples, all of the input's axes], and an array without axes is one
// value for all. Samples lie along the axis that the binding says, else along the first one where
// it is symbolic, else along the axis that is called as the first one of another input, else along
// the first one. A model in which an input belongs whole to one sample computes one sample a pass.
//
// INVALID_ARGUMENT names an input or axis of the binding that the model does not have, sizes that
// differ, and all axes that are still open with what would close them.
absl::StatusOr<Graph> ResolveInputs(Graph graph, const InputBinding& binding, const Dataset* data);
// The same, but for axes that stay open: see FindOpenAxes.
absl::StatusOr<Graph> ResolveWherePossible(Graph graph, const InputBinding& binding,
                                           const Dataset* data);
// Whether nothing but the batch is open as the file is: no data is needed to see that.
bool IsResolved(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_RESOLVE_INPUTS_H_
