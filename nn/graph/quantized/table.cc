#include <map>
#include <utility>

#include "nn/graph/quantized/float_reader.h"

namespace halftone {
namespace {

using Table = std::map<std::pair<absl::string_view, absl::string_view>, QuantizedOperator>;

Table MakeTable() {
  Table table;
  for (const absl::Span<const QuantizedOperator> family :
       {LinearOperators(), ProductOperators(), QLinearOperators(), DynamicOperators()}) {
    for (const QuantizedOperator& op : family) table.emplace(std::pair(op.domain, op.op), op);
  }
  return table;
}

}  // namespace

const QuantizedOperator* FindQuantizedOperator(const Node& node) {
  static const auto* const kTable = new Table(MakeTable());
  const auto found = kTable->find({node.domain, node.op});
  return found == kTable->end() ? nullptr : &found->second;
}

}  // namespace halftone
