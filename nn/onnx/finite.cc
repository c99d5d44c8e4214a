#include "nn/onnx/finite.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// Bounds, masks, comparisons. The last two add what they are given to scores.
constexpr std::array<absl::string_view, 16> kMayReadInfinity = {"Clip",
                                                                "Min",
                                                                "Max",
                                                                "Where",
                                                                "Pad",
                                                                "Add",
                                                                "Equal",
                                                                "Less",
                                                                "Greater",
                                                                "LessOrEqual",
                                                                "GreaterOrEqual",
                                                                "IsInf",
                                                                "Shape",
                                                                "Size",
                                                                "Attention",
                                                                "MultiHeadAttention"};

// Operators and their attributes that bound or fill.
constexpr std::array<std::pair<absl::string_view, absl::string_view>, 4> kMayHoldInfinity = {
    {{"Clip", "min"}, {"Clip", "max"}, {"Pad", "value"}, {"ConstantOfShape", "value"}}};

// Those whose results have the elements of their sources, and no others but zeros.
constexpr std::array<absl::string_view, 15> kPassOn = {
    "Cast",  "CastLike", "Concat",  "Expand",    "Flatten", "Gather",    "Identity", "Reshape",
    "Slice", "Split",    "Squeeze", "Transpose", "Trilu",   "Unsqueeze", "Tile"};

// Finds out whether values may be infinite: masks of attention and bounds are.
class InfinityJudge {
 public:
  explicit InfinityJudge(const Graph& graph) : graph_(graph), index_(graph) {}

  // By what reads the value, and what reads that, where it is passed on.
  bool MayBeInfinite(const std::string& value) {
    std::vector<std::string> waiting = {value};
    while (!waiting.empty()) {
      const std::string next = std::move(waiting.back());
      waiting.pop_back();
      for (const int reader : index_.Consumers(next)) {
        const Node& node = graph_.nodes[static_cast<size_t>(reader)];
        if (MayRead(node)) continue;
        if (!absl::c_linear_search(kPassOn, node.op)) return false;
        for (const std::string& result : node.outputs) {
          if (seen_.insert(result).second) waiting.push_back(result);
        }
      }
    }
    return true;
  }

 private:
  // What branches and loops read is judged where it is known which of it runs: by its results.
  static bool MayRead(const Node& node) {
    return absl::c_linear_search(kMayReadInfinity, node.op) || !node.subgraphs.empty();
  }

  const Graph& graph_;
  const GraphIndex index_;
  absl::flat_hash_set<std::string> seen_;  // an error ends it all: none of them was one
};

template <typename T>
absl::Status CheckElements(const std::string& owner, absl::Span<const T> values, bool infinity) {
  const auto bad = absl::c_find_if(values, [infinity](T value) {
    return std::isnan(value) || (std::isinf(value) && !infinity);
  });
  if (bad == values.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(owner, " has ",
                                                 std::isnan(*bad) ? "a NaN" : "an infinity",
                                                 " at element ", bad - values.begin()));
}

absl::Status CheckTensor(const std::string& owner, const Tensor& tensor, bool infinity) {
  if (!IsFloat(tensor.type())) return absl::OkStatus();
  if (tensor.type() == DataType::kFloat32) {
    return CheckElements(owner, tensor.data<float>(), infinity);
  }
  HT_ASSIGN_OR_RETURN(const std::vector<double> values, tensor.ToDoubles());
  return CheckElements<double>(owner, values, infinity);
}

absl::Status CheckAttribute(const Node& node, const std::string& name, const Attribute& value) {
  const bool infinity = absl::c_linear_search(
      kMayHoldInfinity, std::pair<absl::string_view, absl::string_view>(node.op, name));
  const std::string owner =
      absl::StrCat("node '", node.name, "' (", node.op, "): attribute '", name, "'");
  if (const float* number = std::get_if<float>(&value)) {
    return CheckElements<float>(owner, {number, 1}, infinity);
  }
  if (const auto* numbers = std::get_if<std::vector<float>>(&value)) {
    return CheckElements<float>(owner, *numbers, infinity);
  }
  const auto* tensor = std::get_if<Tensor>(&value);
  return tensor == nullptr ? absl::OkStatus() : CheckTensor(owner, *tensor, infinity);
}

}  // namespace

absl::Status CheckFinite(const Graph& graph) {
  InfinityJudge judge(graph);
  for (const auto& [name, tensor] : graph.initializers) {
    HT_RETURN_IF_ERROR(
        CheckTensor(absl::StrCat("initializer '", name, "'"), tensor, judge.MayBeInfinite(name)));
  }
  for (const Node& node : graph.nodes) {
    for (const auto& [name, subgraph] : node.subgraphs) {
      HT_RETURN_IF_ERROR(Annotate(CheckFinite(*subgraph.graph),
                                  absl::StrCat("node '", node.name, "' (", node.op, "), ", name)));
    }
    if (!node.domain.empty()) continue;
    for (const auto& [name, value] : node.attributes) {
      HT_RETURN_IF_ERROR(CheckAttribute(node, name, value));
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
