#include "nn/graph/folding.h"

namespace halftone {

bool CanFold(const NodeContext& context, const Operator& op) {
  if (op.evaluate == nullptr) return false;
  if (op.name == "Shape" || op.name == "Size" || op.name == "EyeLike") return true;
  if (context.infos.empty()) return false;
  for (size_t i = 0; i < context.infos.size(); ++i) {
    if (context.constants[i] == nullptr && context.infos[i] != nullptr) return false;
  }
  return context.constants[0] != nullptr;
}

absl::Status FoldingBudget::Spend(const NodeContext& context, const ValueInfos& infos) {
  size_t bytes = 0;
  for (const ValueInfo& info : infos) {
    bytes += static_cast<size_t>(info.shape.Elements()) * SizeOf(info.type);
  }
  for (const Tensor* constant : context.constants) {
    if (constant != nullptr) bytes += constant->size_bytes();
  }
  if (bytes > bytes_left_) {
    return absl::ResourceExhaustedError("computing its constant result takes too much memory");
  }
  bytes_left_ -= bytes;
  return absl::OkStatus();
}

}  // namespace halftone
