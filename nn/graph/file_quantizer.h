#ifndef HALFTONE_NN_GRAPH_FILE_QUANTIZER_H_
#define HALFTONE_NN_GRAPH_FILE_QUANTIZER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/graph/data_type.h"
#include "nn/graph/graph.h"

namespace halftone {

// How an already quantized file stores a tensor: real = scale * (integer - zero point), saturated
// at the ends of the type.
struct FileQuantizer {
  DataType type = DataType::kInt8;   // of the integers
  int axis = -1;                     // with a scale for each of its indices; -1: one scale
  std::vector<float> scales;         // one, or the size of the axis
  std::vector<int32_t> zero_points;  // as many
  bool is_dynamic = false;           // found while the network runs: scales and zeros are 1 and 0

  bool operator==(const FileQuantizer&) const = default;
};

// Of a node that is computed from quantized tensors: see Node::file_quantizers.
struct FileQuantizers {
  std::optional<FileQuantizer> src;      // of the activations that it reads
  std::optional<FileQuantizer> weights;  // of its weights, or of the second source
};

// Whether the graph was read from a file that quantizes it: then its weights are what those of the
// file dequantize to.
bool IsOfQuantizedFile(const Graph& graph);
// What users are told of such a graph; "" of another.
std::string QuantizedFileText(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_FILE_QUANTIZER_H_
