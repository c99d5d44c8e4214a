#include "nn/data/inputs_identity.h"

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace halftone {

std::string InputsIdentity(const Graph& graph, const Graph& resolved) {
  std::string identity;
  bool is_the_file = graph.inputs.size() == resolved.inputs.size();
  for (const Port& port : resolved.inputs) {
    const auto original =
        absl::c_find_if(graph.inputs, [&](const Port& other) { return other.name == port.name; });
    is_the_file &= original != graph.inputs.end() && original->info.shape == port.info.shape &&
                   original->sample_axis == port.sample_axis;
    absl::StrAppend(&identity, port.name.size(), ":", port.name, port.info.shape.ToString(), "@",
                    port.sample_axis.value_or(-1), ";");
  }
  if (is_the_file) return "";
  for (const Port& port : graph.inputs) {
    const auto constant = resolved.initializers.find(port.name);
    if (constant == resolved.initializers.end()) continue;
    const absl::Span<const std::byte> bytes = constant->second.bytes();
    absl::StrAppend(
        &identity, port.name.size(), ":", port.name, constant->second.shape().ToString(), "=",
        absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), ";");
  }
  return identity;
}

}  // namespace halftone
