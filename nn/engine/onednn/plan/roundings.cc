#include "nn/engine/onednn/plan/roundings.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "nn/engine/onednn/plan/shortcuts.h"

namespace halftone::plan {
namespace {

const std::string& NameOf(const PlanOp& op) {
  return op.layer != nullptr ? op.layer->name : op.node->name;
}

// The numbers of weights alone: sources are read as they are.
Precision WeightsAlone(const Layer& layer, const Precision& precision) {
  if (layer.weights.empty() || !precision.weights.IsInteger()) return Precision::Float32();
  return {precision.weights, NumberFormat()};
}

Precision PrecisionRun(const PlanOp& op, Arithmetic arithmetic, const Precision& asked) {
  if (!op.native()) return WeightsAlone(*op.layer, asked);
  switch (arithmetic) {
    case Arithmetic::kInt8:
    case Arithmetic::kRounded:
    case Arithmetic::kBFloat16:
      return asked;
    case Arithmetic::kDecompress8:
    case Arithmetic::kDecompress4:
    case Arithmetic::kFloat32:
      break;
  }
  return WeightsAlone(*op.layer, asked);
}

}  // namespace

std::vector<ExtraRounding> FindRoundings(const std::vector<PlanOp>& ops, const StoredForms& forms) {
  using Kind = ExtraRounding::Kind;
  absl::flat_hash_map<std::string, const PlanOp*> producers;
  std::vector<ExtraRounding> roundings;
  for (const PlanOp& op : ops) {
    producers[op.dst] = &op;
    for (const std::string& output : op.node->outputs) producers.emplace(output, &op);
    const bool in_bfloat16 = forms.values.at(op.dst).type == DataKind::bf16;
    if (in_bfloat16 && ComputesInBFloat16(op)) {
      roundings.push_back({Kind::kSum, NameOf(op), "", "bf16"});
    }
    const std::string residual = op.Residual();
    if (residual.empty()) continue;
    const Form& form = forms.shortcuts.at(residual);
    if (form.type == DataKind::f32) continue;
    const auto producer = producers.find(residual);
    roundings.push_back({Kind::kShortcut, NameOf(op),
                         producer == producers.end() ? residual : NameOf(*producer->second),
                         form.IsInteger() ? "8 bits" : "bf16"});
  }
  return roundings;
}

std::map<std::string, Precision> PrecisionsRun(const std::vector<PlanOp>& ops,
                                               const std::vector<OpPrecision>& precisions,
                                               const QuantizedAssignment& assignment) {
  std::map<std::string, Precision> run;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].layer == nullptr) continue;
    const std::string& name = ops[i].layer->name;
    const auto asked = assignment.find(name);
    run[name] = asked == assignment.end()
                    ? Precision::Float32()
                    : PrecisionRun(ops[i], precisions[i].arithmetic, asked->second.precision);
  }
  return run;
}

ExecutedLayers DescribeChoices(const Graph& graph, const std::vector<PlanOp>& ops,
                               const std::vector<Precision>& precisions) {
  const std::vector<Shortcut> shortcuts = FindShortcuts(graph, ops);
  ExecutedLayers layers;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].layer == nullptr) continue;
    const Layer& layer = *ops[i].layer;
    for (const Precision& asked : precisions) {
      const Arithmetic arithmetic = ArithmeticOf(layer, asked);
      ExecutedChoice choice{PrecisionRun(ops[i], arithmetic, asked), {}};
      const NumberFormat format = ShortcutFormat(arithmetic, asked);
      for (const Shortcut& shortcut : shortcuts) {
        if (shortcut.reader != i || format == NumberFormat()) continue;
        const std::string& addition = ops[shortcut.adder].Addition()->addition;
        choice.shortcuts.push_back({addition, shortcut.value, format});
      }
      if (choice != ExecutedChoice{asked, {}}) layers[layer.name][asked] = std::move(choice);
    }
  }
  return layers;
}

}  // namespace halftone::plan
