#ifndef HALFTONE_NN_ONNX_OPSET_H_
#define HALFTONE_NN_ONNX_OPSET_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/onnx/proto.h"

namespace halftone {

// The oldest opset of a Graph: nodes of older ones are written as it has them.
constexpr int64_t kOldestGraphOpset = 9;

using OpsetImports = google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>;

// The version of ONNX's own operators among those that a model or function imports.
std::optional<int64_t> OnnxOpset(const OpsetImports& imports);

// The opset that the model names. INVALID_ARGUMENT where it names none; UNIMPLEMENTED, naming the
// operator, where it is older than 7 and opset 7 changed an operator of the model.
absl::StatusOr<int64_t> ReadOpset(const onnx::ModelProto& model);

// Writes a node of opset 7 or 8 as opset 9 does, and the Upsample of these opsets as the Resize
// that it equals. A constant that the node reads from then on is returned: it is the node's last
// input, whose name is still empty. UNIMPLEMENTED, without the node, for what opset 9 has no
// operator for.
absl::StatusOr<std::optional<Tensor>> RaiseNode(int64_t opset, Node& node);

// Whether an operator of ONNX is written the same way in two opsets, and means the same.
bool IsSameInOpsets(absl::string_view op, int64_t one, int64_t other);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_OPSET_H_
