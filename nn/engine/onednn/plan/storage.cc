#include "nn/engine/onednn/plan/storage.h"

#include <algorithm>
#include <initializer_list>

#include "absl/algorithm/container.h"
#include "nn/engine/onednn/plan/shortcuts.h"
#include "nn/engine/onednn/plan/view.h"

namespace halftone::plan {
namespace {

// What the readers of each value ask for.
using WantedForms = absl::flat_hash_map<std::string, std::vector<Form>>;

// The form that serves all readers.
Form Unify(const std::vector<Form>& wanted) {
  if (wanted.empty()) return Form::Float32();
  const bool is_common =
      absl::c_all_of(wanted, [&](const Form& other) { return other == wanted[0]; });
  return is_common ? wanted[0] : Form::Float32();
}

bool IsOneOf(const Node& node, std::initializer_list<absl::string_view> ops) {
  return absl::c_linear_search(ops, absl::string_view(node.op));
}

// Whether the op's primitive writes the form, given what is wanted.
bool Stores(const PlanOp& op, const OpPrecision& precision, const Form& wanted,
            const StorageOptions& options) {
  if (wanted.IsRounded()) return op.native();
  if (wanted.type == DataKind::f32) return true;
  switch (op.native() ? precision.arithmetic : Arithmetic::kFloat32) {
    case Arithmetic::kInt8:
      return wanted.IsInteger();
    case Arithmetic::kBFloat16:
    case Arithmetic::kDecompress8:
    case Arithmetic::kDecompress4:
      return wanted.type == DataKind::bf16;
    case Arithmetic::kRounded:
    case Arithmetic::kFloat32:
      break;
  }
  if (wanted.type == DataKind::bf16) {
    return !op.native() && ((ComputesInBFloat16(op) && !options.float32_sums) ||
                            IsOneOf(*op.node, {"LayerNormalization", "Softmax"}));
  }
  // Its kernels scale and saturate; layer normalization adds a zero point to its shift.
  const bool normalizes = !op.native() && op.node->op == "LayerNormalization";
  const bool is_softmax = !op.native() && op.node->op == "Softmax" && wanted.zero_point == 0;
  return (normalizes || is_softmax) && wanted.FillsType();
}

Form WantedForm(const PlanOp& op, WantedForms& wants) {
  if (op.native()) return Unify(wants[op.dst]);
  // All that a Split gives is one buffer.
  std::vector<Form> all;
  for (const std::string& output : op.node->outputs) {
    const std::vector<Form>& own = wants[output];
    all.insert(all.end(), own.begin(), own.end());
  }
  return Unify(all);
}

absl::flat_hash_map<std::string, Form> DecideShortcuts(const Graph& graph,
                                                       const std::vector<PlanOp>& ops,
                                                       const std::vector<OpPrecision>& precisions,
                                                       const StorageOptions& options) {
  absl::flat_hash_map<std::string, Form> forms;
  for (const Shortcut& shortcut : FindShortcuts(graph, ops)) {
    const bool is_exact = options.exact_shortcuts || !shortcut.reader.has_value();
    forms[shortcut.value] =
        is_exact ? Form::Float32() : ShortcutForm(precisions[*shortcut.reader].src);
  }
  return forms;
}

}  // namespace

bool ComputesInBFloat16(const PlanOp& op) {
  if (op.native()) return false;
  if (IsOneOf(*op.node, {"AveragePool", "GlobalAveragePool"})) return true;
  return IsOneOf(*op.node, {"Add", "Sub", "Mul"}) && op.sources.size() == 2;
}

std::vector<OpPrecision> DecidePrecisions(const std::vector<PlanOp>& ops,
                                          const QuantizedAssignment& assignment) {
  std::vector<OpPrecision> precisions(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    if (!ops[i].native()) continue;
    const auto it = assignment.find(ops[i].layer->name);
    if (it == assignment.end()) continue;
    OpPrecision& precision = precisions[i];
    precision.arithmetic = ArithmeticOf(*ops[i].layer, it->second);
    if (precision.arithmetic == Arithmetic::kBFloat16 || IsDecompression(precision.arithmetic)) {
      precision.src = precision.second = Form::BFloat16();
    } else if (precision.arithmetic == Arithmetic::kInt8) {
      precision.src = Form::Of(*it->second.src);
      if (ops[i].kind == PlanOp::Kind::kProduct) {
        precision.second = Form::SignedOf(*it->second.weights);
      }
    } else if (precision.arithmetic == Arithmetic::kRounded) {
      precision.src = Form::RoundedTo(*it->second.src);
      if (ops[i].kind == PlanOp::Kind::kProduct) {
        precision.second = Form::RoundedTo(*it->second.weights);
      }
    }
  }
  return precisions;
}

bool KeepsForm(const Graph& graph, const Node& node) {
  if (node.op == "Concat") {
    return absl::c_none_of(
        node.inputs, [&](const std::string& input) { return graph.initializers.count(input) > 0; });
  }
  return IsOneOf(node, {"MaxPool", "GlobalMaxPool"}) || IsView(graph, node);
}

StoredForms DecideForms(const Graph& graph, const std::vector<PlanOp>& ops,
                        const std::vector<OpPrecision>& precisions, const StorageOptions& options) {
  StoredForms forms;
  forms.shortcuts = DecideShortcuts(graph, ops, precisions, options);
  WantedForms wants;
  for (const Port& output : graph.outputs) wants[output.name].push_back(Form::Float32());
  for (size_t i = ops.size(); i-- > 0;) {
    const PlanOp& op = ops[i];
    const bool keeps = !op.native() && KeepsForm(graph, *op.node);
    const Form wanted = WantedForm(op, wants);
    const Form form =
        keeps || Stores(op, precisions[i], wanted, options) ? wanted : Form::Float32();
    forms.values[op.dst] = form;
    const bool follows = keeps || (form.type == DataKind::bf16 && ComputesInBFloat16(op));
    for (size_t source = 0; source < op.sources.size(); ++source) {
      const Form& own = source == 0 ? precisions[i].src : precisions[i].second;
      wants[op.sources[source]].push_back(follows ? form : own);
    }
    if (const std::string residual = op.Residual(); !residual.empty()) {
      wants[residual].push_back(forms.shortcuts.at(residual));
    }
  }
  return forms;
}

}  // namespace halftone::plan
