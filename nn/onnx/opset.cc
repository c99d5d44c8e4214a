#include "nn/onnx/opset.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/onnx/names.h"
#include "nn/onnx/schema.h"

namespace halftone {
namespace {

constexpr int64_t kOldestOpset = 7;
// Of ONNX 1.23: nobody knows what the operators of a newer one mean.
constexpr int64_t kNewestOpset = 28;

// The opsets whose operators are written in another way than before, or mean something else.
// Opsets change far more operators only in the types that they take.
constexpr std::array<std::pair<absl::string_view, int64_t>, 41> kChanges = {{
    {"BatchNormalization", 9},
    {"Scan", 9},
    {"Upsample", 9},
    {"Dropout", 10},
    {"Slice", 10},
    {"TopK", 10},
    {"Upsample", 10},
    {"Clip", 11},
    {"Pad", 11},
    {"Resize", 11},
    {"Scatter", 11},
    {"Dropout", 12},
    {"Hardmax", 13},
    {"LogSoftmax", 13},
    {"ReduceSum", 13},
    {"Softmax", 13},
    {"Split", 13},
    {"Squeeze", 13},
    {"Unsqueeze", 13},
    {"BatchNormalization", 14},
    {"GRU", 14},
    {"LSTM", 14},
    {"RNN", 14},
    {"RoiAlign", 16},
    {"OptionalGetElement", 18},
    {"OptionalHasElement", 18},
    {"ReduceL1", 18},
    {"ReduceL2", 18},
    {"ReduceLogSum", 18},
    {"ReduceLogSumExp", 18},
    {"ReduceMax", 18},
    {"ReduceMean", 18},
    {"ReduceMin", 18},
    {"ReduceProd", 18},
    {"ReduceSumSquare", 18},
    {"Resize", 18},
    {"Split", 18},
    {"DFT", 20},
    {"GridSample", 20},
    {"GroupNormalization", 21},
    {"Attention", 24},
}};

// The opset that last changed a node's operator, as of opset `opset`; 0 for an unknown operator.
int OperatorVersion(const onnx::NodeProto& node, int64_t opset) {
  const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Schema(
      node.op_type(), static_cast<int>(std::max<int64_t>(opset, 1)), node.domain());
  return schema == nullptr ? 0 : schema->SinceVersion();
}

// Whether an operator means the same in all opsets up to the oldest that is supported, although it
// changed: what was dropped only said which results are wanted (output_sequence).
bool MeansTheSame(const std::string& op) { return op == "RNN" || op == "GRU" || op == "LSTM"; }

absl::Status CheckSameInOldest(const onnx::GraphProto& graph, int64_t opset) {
  for (const onnx::NodeProto& node : graph.node()) {
    const int then = OperatorVersion(node, opset);
    const bool is_same =
        then == OperatorVersion(node, kOldestOpset) || MeansTheSame(node.op_type());
    if (then == 0 || !is_same) {
      return absl::UnimplementedError(
          absl::StrCat("the model has opset ", opset, ", whose operator ", Excerpt(node.op_type()),
                       " is not that of opset ", kOldestOpset, "; opset ", kOldestOpset,
                       " and newer are supported"));
    }
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) HT_RETURN_IF_ERROR(CheckSameInOldest(attribute.g(), opset));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<int64_t> OnnxOpset(const OpsetImports& imports) {
  std::optional<int64_t> version;
  for (const onnx::OperatorSetIdProto& opset : imports) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") version = opset.version();
  }
  return version;
}

absl::StatusOr<int64_t> ReadOpset(const onnx::ModelProto& model) {
  const int64_t opset = OnnxOpset(model.opset_import()).value_or(0);
  if (opset == 0) return absl::InvalidArgumentError("the model names no ONNX opset");
  if (opset < 1 || opset > kNewestOpset) {
    return absl::InvalidArgumentError(absl::StrCat("the model has the unknown opset ", opset,
                                                   "; known are those up to ", kNewestOpset));
  }
  if (opset >= kOldestOpset) return opset;
  if (const absl::Status same = CheckSameInOldest(model.graph(), opset); !same.ok()) return same;
  return kOldestOpset;
}

absl::StatusOr<std::optional<Tensor>> RaiseNode(int64_t opset, Node& node) {
  if (!node.domain.empty()) return std::optional<Tensor>();
  if (node.op == "Scan" && opset < kOldestGraphOpset) {
    return absl::UnimplementedError(absl::StrCat("the batched Scan of opset ", opset));
  }
  if (node.op != "Upsample") return std::optional<Tensor>();
  node.op = "Resize";  // which has Upsample's inputs and attributes in opset 10
  if (opset >= kOldestGraphOpset) return std::optional<Tensor>();
  const auto found = node.attributes.find("scales");
  const auto* scales =
      found == node.attributes.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
  if (scales == nullptr || node.inputs.size() != 1) {
    return absl::UnimplementedError(
        absl::StrCat("an Upsample of opset ", opset, " without its attribute 'scales'"));
  }
  std::optional<Tensor> constant = Tensor::Of(Shape{static_cast<int64_t>(scales->size())}, *scales);
  node.attributes.erase(found);
  node.inputs.emplace_back();
  return constant;
}

bool IsSameInOpsets(absl::string_view op, int64_t one, int64_t other) {
  const int64_t low = std::min(one, other), high = std::max(one, other);
  return absl::c_none_of(kChanges, [&](const auto& change) {
    return change.first == op && low < change.second && change.second <= high;
  });
}

}  // namespace halftone
