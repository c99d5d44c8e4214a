#include "nn/graph/recurrent/cell_activation.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

struct Known {
  absl::string_view name;
  bool has_alpha = false, has_beta = false;
  float alpha = 0, beta = 0;  // by default
};

constexpr std::array<Known, 11> kKnown = {{{"Relu"},
                                           {"Tanh"},
                                           {"Sigmoid"},
                                           {"Softsign"},
                                           {"Softplus"},
                                           {"LeakyRelu", true, false, 0.01f},
                                           {"ThresholdedRelu", true, false, 1.0f},
                                           {"Elu", true, false, 1.0f},
                                           {"Affine", true, true, 1.0f, 0.0f},
                                           {"ScaledTanh", true, true, 1.0f, 1.0f},
                                           {"HardSigmoid", true, true, 0.2f, 0.5f}}};

using Numbers = std::vector<float>;

// Takes the next number where an activation has one.
float Next(const Numbers& numbers, bool has_one, float fallback, size_t& at) {
  if (!has_one || at >= numbers.size()) return fallback;
  return numbers[at++];
}

}  // namespace

absl::StatusOr<std::vector<CellActivation>> ReadActivations(
    const Node& node, const std::vector<absl::string_view>& defaults, size_t directions) {
  HT_ASSIGN_OR_RETURN(std::vector<std::string> names, node.Strings("activations", {}));
  HT_ASSIGN_OR_RETURN(const Numbers alphas, node.Floats("activation_alpha", {}));
  HT_ASSIGN_OR_RETURN(const Numbers betas, node.Floats("activation_beta", {}));
  const size_t count = directions * defaults.size();
  if (names.empty()) {
    for (size_t i = 0; i < count; ++i) names.emplace_back(defaults[i % defaults.size()]);
  }
  if (names.size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat(names.size(), " activations where ", count, " are asked"));
  }
  std::vector<CellActivation> activations;
  size_t alpha = 0, beta = 0;
  for (const std::string& name : names) {
    const auto* const known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& entry) {
      return absl::EqualsIgnoreCase(entry.name, name);
    });
    if (known == kKnown.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown activation '", name, "'"));
    }
    activations.push_back({std::string(known->name),
                           Next(alphas, known->has_alpha, known->alpha, alpha),
                           Next(betas, known->has_beta, known->beta, beta)});
  }
  return activations;
}

std::string Activate(NodeWriter& writer, const CellActivation& activation, const std::string& src,
                     absl::string_view role) {
  const auto scale = [&](const std::string& value, float factor, absl::string_view name) {
    return writer.Op("Mul", {value, writer.Scalar(factor)}, name);
  };
  const std::string& name = activation.name;
  if (name == "Affine") {
    const std::string product = scale(src, activation.alpha, absl::StrCat(role, "_scaled"));
    return writer.Op("Add", {product, writer.Scalar(activation.beta)}, role);
  }
  if (name == "ScaledTanh") {
    const std::string inner = scale(src, activation.beta, absl::StrCat(role, "_scaled"));
    return scale(writer.Op("Tanh", {inner}, absl::StrCat(role, "_tanh")), activation.alpha, role);
  }
  NodeWriter::Attributes attributes;
  if (name == "HardSigmoid") {
    attributes = {{"alpha", activation.alpha}, {"beta", activation.beta}};
  } else if (name == "LeakyRelu" || name == "ThresholdedRelu" || name == "Elu") {
    attributes = {{"alpha", activation.alpha}};
  }
  return writer.Op(name, {src}, role, std::move(attributes));
}

}  // namespace halftone
