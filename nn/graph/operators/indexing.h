#ifndef HALFTONE_NN_GRAPH_OPERATORS_INDEXING_H_
#define HALFTONE_NN_GRAPH_OPERATORS_INDEXING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"

// Where operators with constant tables of indices read and write.
namespace halftone {

// The data seen as rows of `inner` elements, and one of those rows for each row of the other
// tensor: of the result where rows are gathered, of the updates where they are scattered. Rows are
// checked.
struct RowTable {
  std::vector<int64_t> rows;
  int64_t count = 0;  // of the data's rows
  int64_t inner = 1;
};

// Of GatherElements, GatherND and ReverseSequence; and of ScatterElements (Scatter) and ScatterND.
// UNIMPLEMENTED where the indices are not constant, INVALID_ARGUMENT where one is outside.
absl::StatusOr<RowTable> ResolveRows(const NodeContext& context);

// The chosen elements of the axis (of the flattened source where none is named) of a Compress.
struct CompressedAxis {
  bool flattens = false;
  int axis = 0;
  std::vector<int64_t> indices;
};
absl::StatusOr<CompressedAxis> ResolveCompress(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_INDEXING_H_
