#include "nn/engine/onednn/plan/shortcuts.h"

#include "absl/container/flat_hash_map.h"
#include "nn/engine/onednn/plan/storage.h"

namespace halftone::plan {
namespace {

constexpr int kShortcutBits = 8;

// The first op that reads each value as a source.
using FirstReaders = absl::flat_hash_map<std::string, size_t>;

FirstReaders FindFirstReaders(const std::vector<PlanOp>& ops) {
  FirstReaders readers;
  for (size_t i = 0; i < ops.size(); ++i) {
    for (const std::string& source : ops[i].sources) readers.emplace(source, i);
  }
  return readers;
}

std::optional<size_t> FindReader(const Graph& graph, const std::vector<PlanOp>& ops,
                                 const FirstReaders& readers, std::string value) {
  while (true) {
    const auto found = readers.find(value);
    if (found == readers.end()) return std::nullopt;
    const PlanOp& op = ops[found->second];
    if (op.kind == PlanOp::Kind::kConvolution || op.kind == PlanOp::Kind::kMatMul) {
      return found->second;
    }
    if (op.native() || !KeepsForm(graph, *op.node)) return std::nullopt;
    value = op.dst;
  }
}

}  // namespace

std::vector<Shortcut> FindShortcuts(const Graph& graph, const std::vector<PlanOp>& ops) {
  const FirstReaders readers = FindFirstReaders(ops);
  std::vector<Shortcut> shortcuts;
  for (size_t i = 0; i < ops.size(); ++i) {
    std::string value = ops[i].Residual();
    if (value.empty()) continue;
    const std::optional<size_t> reader = FindReader(graph, ops, readers, value);
    shortcuts.push_back({std::move(value), i, reader});
  }
  return shortcuts;
}

Form ShortcutForm(const Form& src) {
  const bool is_smaller = src.type == DataKind::bf16 || src.IsEightBits();
  return is_smaller ? src : Form::Float32();
}

NumberFormat ShortcutFormat(Arithmetic reader, const Precision& precision) {
  if (reader == Arithmetic::kBFloat16 || IsDecompression(reader)) {
    return {NumberFormat::Kind::kBFloat16, 16};
  }
  const bool is_eight_bits =
      reader == Arithmetic::kInt8 && precision.activations.bits == kShortcutBits;
  return is_eight_bits ? precision.activations : NumberFormat();
}

}  // namespace halftone::plan
