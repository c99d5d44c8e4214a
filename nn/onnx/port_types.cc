#include "nn/onnx/port_types.h"

#include <cstdint>

#include "nn/graph/data_type.h"

namespace halftone {

void NameFloat32(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (node.op != "Cast" && node.op != "DequantizeLinear") continue;
    const char* const attribute = node.op == "Cast" ? "to" : "output_dtype";
    const auto written = graph.values.find(node.outputs[0]);
    const bool is_float32 =
        written != graph.values.end() && written->second.type == DataType::kFloat32;
    if (!is_float32 || !node.Has(attribute)) continue;
    node.attributes[attribute] = int64_t{OnnxNumber(DataType::kFloat32)};
  }
}

}  // namespace halftone
