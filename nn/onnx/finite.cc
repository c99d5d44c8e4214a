#include "nn/onnx/finite.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr std::array<absl::string_view, 6> kMayReadInfinity = {"Clip",  "Min", "Max",
                                                               "Where", "Pad", "Add"};

bool InfinityIsFine(const Graph& graph, const GraphIndex& index, const std::string& name) {
  return absl::c_all_of(index.Consumers(name), [&](int reader) {
    return absl::c_linear_search(kMayReadInfinity, graph.nodes[static_cast<size_t>(reader)].op);
  });
}

template <typename T>
absl::Status CheckElements(const std::string& name, absl::Span<const T> values, bool infinity) {
  const auto bad = absl::c_find_if(values, [infinity](T value) {
    return std::isnan(value) || (std::isinf(value) && !infinity);
  });
  if (bad == values.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("initializer '", name, "' has ",
                                                 std::isnan(*bad) ? "a NaN" : "an infinity",
                                                 " at element ", bad - values.begin()));
}

}  // namespace

absl::Status CheckFinite(const Graph& graph) {
  const GraphIndex index(graph);
  for (const auto& [name, tensor] : graph.initializers) {
    if (!IsFloat(tensor.type())) continue;
    const bool infinity = InfinityIsFine(graph, index, name);
    if (tensor.type() == DataType::kFloat32) {
      HT_RETURN_IF_ERROR(CheckElements(name, tensor.data<float>(), infinity));
      continue;
    }
    HT_ASSIGN_OR_RETURN(std::vector<double> values, tensor.ToDoubles());
    HT_RETURN_IF_ERROR(CheckElements<double>(name, values, infinity));
  }
  return absl::OkStatus();
}

}  // namespace halftone
