#include "nn/graph/file_quantizer.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace halftone {

bool IsOfQuantizedFile(const Graph& graph) {
  return absl::c_any_of(graph.nodes,
                        [](const Node& node) { return node.file_quantizers != nullptr; });
}

std::string QuantizedFileText(const Graph& graph) {
  const auto count = absl::c_count_if(
      graph.nodes, [](const Node& node) { return node.file_quantizers != nullptr; });
  if (count == 0) return "";
  return absl::StrCat("the model's file is quantized already, in ", count,
                      count == 1 ? " layer" : " layers",
                      ": its float network, which all figures refer to, is what its weights "
                      "dequantize to");
}

}  // namespace halftone
