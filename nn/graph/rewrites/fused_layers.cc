#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// Layers that ONNX Runtime's optimizer has made one with their neighbours.
namespace halftone {
namespace {

struct Activation {
  std::string op;  // "" for none
  std::vector<float> parameters;
};

// The parameters that an activation has, by its attributes' names in their order.
std::vector<std::string> ParameterNames(const std::string& op) {
  if (op == "LeakyRelu" || op == "Elu" || op == "ThresholdedRelu") return {"alpha"};
  if (op == "HardSigmoid") return {"alpha", "beta"};
  return {};
}

absl::StatusOr<std::string> WriteActivation(const Activation& activation, const std::string& src,
                                            int64_t opset, PartsBuilder& builder) {
  const std::string& op = activation.op;
  if (op.empty()) return src;
  const std::vector<float>& parameters = activation.parameters;
  if (op == "Clip" && parameters.size() == 2) {
    if (opset < 11)
      return builder.Op("Clip", {src}, {{"min", parameters[0]}, {"max", parameters[1]}});
    return builder.Op("Clip", {src, builder.Float(parameters[0]), builder.Float(parameters[1])});
  }
  const std::vector<std::string> names = ParameterNames(op);
  if (names.empty() && op != "Relu" && op != "Tanh" && op != "Sigmoid") {
    return absl::UnimplementedError(absl::StrCat("the activation '", op, "'"));
  }
  PartsBuilder::Attributes attributes;
  for (size_t i = 0; i < std::min(names.size(), parameters.size()); ++i) {
    attributes[names[i]] = parameters[i];
  }
  return builder.Op(op, {src}, std::move(attributes));
}

// Its attributes but for those of the activation, whose names begin with that word.
PartsBuilder::Attributes OwnAttributes(const Node& node) {
  PartsBuilder::Attributes own = node.attributes;
  std::erase_if(own, [](const auto& entry) { return entry.first.rfind("activation", 0) == 0; });
  return own;
}

absl::StatusOr<Parts> RewriteFusedConv(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  Activation activation;
  HT_ASSIGN_OR_RETURN(activation.op, node.String("activation", ""));
  if (const auto found = node.attributes.find("activation_params");
      found != node.attributes.end()) {
    const auto* parameters = std::get_if<std::vector<float>>(&found->second);
    if (parameters == nullptr) return absl::InvalidArgumentError("activation_params are no floats");
    activation.parameters = *parameters;
  }
  PartsBuilder builder(context, names);
  PartsBuilder::Inputs sources = node.inputs;
  const std::string addend(node.Input(3));
  if (sources.size() > 3) sources.resize(3);
  std::string dst = builder.Op("Conv", std::move(sources), OwnAttributes(node));
  builder.Name(dst);
  if (!addend.empty()) dst = builder.Add(dst, addend);
  HT_ASSIGN_OR_RETURN(dst, WriteActivation(activation, dst, context.opset, builder));
  builder.Result(0, dst);
  return builder.Take();
}

absl::StatusOr<Parts> RewriteFusedGemm(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  Activation activation;
  HT_ASSIGN_OR_RETURN(activation.op, node.String("activation", ""));
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (!node.Has(name)) break;
    HT_ASSIGN_OR_RETURN(activation.parameters.emplace_back(), node.Float(name, 0));
  }
  PartsBuilder builder(context, names);
  std::string dst = builder.Op("Gemm", node.inputs, OwnAttributes(node));
  builder.Name(dst);
  HT_ASSIGN_OR_RETURN(dst, WriteActivation(activation, dst, context.opset, builder));
  builder.Result(0, dst);
  return builder.Take();
}

// The source of a FusedMatMul, transposed as its attributes say: `batch` moves the first axis
// before the last one, then `matrix` swaps the last two.
absl::StatusOr<std::string> Transposed(const NodeContext& context, size_t index,
                                       const std::string& side, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(index));
  HT_ASSIGN_OR_RETURN(const int64_t matrix, context.node.Int("trans" + side, 0));
  HT_ASSIGN_OR_RETURN(const int64_t batch, context.node.Int("transBatch" + side, 0));
  const std::string& value = context.node.inputs[index];
  const int rank = src.shape.rank();
  if (rank < 2 || (matrix == 0 && batch == 0)) return value;
  std::vector<int64_t> permutation(static_cast<size_t>(rank));
  std::iota(permutation.begin(), permutation.end(), 0);
  if (batch != 0) std::rotate(permutation.begin(), permutation.begin() + 1, permutation.end() - 1);
  if (matrix != 0) std::swap(permutation[permutation.size() - 2], permutation.back());
  return builder.Transpose(value, std::move(permutation));
}

absl::StatusOr<Parts> RewriteFusedMatMul(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(const float alpha, context.node.Float("alpha", 1));
  PartsBuilder builder(context, names);
  HT_ASSIGN_OR_RETURN(const std::string a, Transposed(context, 0, "A", builder));
  HT_ASSIGN_OR_RETURN(const std::string b, Transposed(context, 1, "B", builder));
  std::string dst = builder.MatMul(a, b, "product");
  builder.Name(dst);
  if (alpha != 1.0f) dst = builder.Mul(dst, builder.Float(alpha));
  builder.Result(0, dst);
  return builder.Take();
}

constexpr std::array kFusedLayerRewrites = {
    Rewrite{kMicrosoft, "FusedConv", RewriteFusedConv},
    Rewrite{kMicrosoft, "FusedGemm", RewriteFusedGemm},
    Rewrite{kMicrosoft, "FusedMatMul", RewriteFusedMatMul},
    Rewrite{kMicrosoft, "TransposeMatMul", RewriteFusedMatMul},
};

}  // namespace

absl::Span<const Rewrite> FusedLayerRewrites() { return kFusedLayerRewrites; }

}  // namespace halftone
