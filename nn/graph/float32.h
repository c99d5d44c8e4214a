#ifndef HALFTONE_NN_GRAPH_FLOAT32_H_
#define HALFTONE_NN_GRAPH_FLOAT32_H_

#include "absl/status/statusor.h"
#include "nn/graph/data_type.h"
#include "nn/graph/tensor.h"

namespace halftone {

// The tensor as programs hold it, in float32: floats of any width rounded to nearest, bool as 0 and
// 1, integers exactly. OUT_OF_RANGE for an integer beyond 2^24, from where floats skip some.
absl::StatusOr<Tensor> ToFloat32(const Tensor& tensor);

// The type in which the engine computes floats; any other type itself. Narrow floats stay what they
// are, as integers do: it holds them exactly, and what they round away is part of the network.
DataType EngineType(DataType type);
// The tensor in that type.
absl::StatusOr<Tensor> ToEngineType(const Tensor& tensor);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_FLOAT32_H_
