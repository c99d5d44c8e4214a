#ifndef HALFTONE_NN_ONNX_TENSOR_IMPORT_H_
#define HALFTONE_NN_ONNX_TENSOR_IMPORT_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "nn/graph/data_type.h"
#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"
#include "nn/onnx/external_data.h"
#include "nn/onnx/proto.h"

namespace halftone {

// INVALID_ARGUMENT for a number that ONNX does not define, UNIMPLEMENTED for the types that
// Halftone does not read (strings, complex numbers, ...).
absl::StatusOr<DataType> ImportDataType(int32_t type);

// Turns TensorProtos into Tensors. What it allocates is bounded by the bytes that are present: in
// the proto, or in a file beside the model. Not thread-safe.
class TensorImporter {
 public:
  // `external` as in ImportOptions, borrowed; at most `max_external_bytes` are read of it in all.
  TensorImporter(const ExternalData* external, int64_t max_external_bytes)
      : external_(external), external_bytes_left_(max_external_bytes) {}

  // The same elements each time for the same proto, which must outlive this. Errors do not name the
  // tensor.
  absl::StatusOr<Tensor> Import(const onnx::TensorProto& proto);

 private:
  absl::StatusOr<Tensor> ImportNew(const onnx::TensorProto& proto);
  absl::StatusOr<Tensor> ImportExternal(const onnx::TensorProto& proto, DataType type,
                                        const Shape& shape);

  const ExternalData* const external_;
  int64_t external_bytes_left_;
  int64_t external_bytes_read_ = 0;
  absl::flat_hash_map<const onnx::TensorProto*, Tensor> imported_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_TENSOR_IMPORT_H_
