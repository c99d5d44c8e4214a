#include "nn/engine/onednn/plan/storage.h"

#include <algorithm>

#include "absl/strings/string_view.h"

namespace halftone::plan {
namespace {

// What the readers of one value ask for.
struct Wants {
  std::vector<Form> forms;
  bool added = false;  // a kernel adds it to its result
};

// The form that serves all readers.
Form Unify(const Wants& wants, bool exact_shortcuts) {
  if (wants.forms.empty()) return Form::Float32();
  const Form& form = wants.forms[0];
  for (const Form& other : wants.forms) {
    if (!(other == form)) return Form::Float32();
  }
  if (wants.added && exact_shortcuts) return Form::Float32();
  if (wants.added && form.IsInteger() && !form.IsEightBits()) return Form::Float32();
  return form;
}

// What the op's kernel can store, given what is wanted.
Form Storable(const PlanOp& op, const OpPrecision& precision, const Form& wanted) {
  if (KeepsForm(*op.node)) return wanted;
  if (!op.native) return Form::Float32();
  switch (precision.arithmetic) {
    case Arithmetic::kInt8:
      return wanted.type == DataKind::bf16 ? Form::Float32() : wanted;
    case Arithmetic::kBFloat16:
      return wanted.IsInteger() ? Form::Float32() : wanted;
    case Arithmetic::kFloat32:
      return Form::Float32();
  }
  return Form::Float32();
}

}  // namespace

std::vector<OpPrecision> DecidePrecisions(const std::vector<PlanOp>& ops,
                                          const QuantizedAssignment& assignment) {
  std::vector<OpPrecision> precisions(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    if (!ops[i].native) continue;
    const auto it = assignment.find(ops[i].layer->name);
    if (it == assignment.end()) continue;
    precisions[i].arithmetic = ArithmeticOf(*ops[i].layer, it->second);
    if (precisions[i].arithmetic == Arithmetic::kInt8)
      precisions[i].src = Form::Of(*it->second.src);
    if (precisions[i].arithmetic == Arithmetic::kBFloat16) precisions[i].src = Form::BFloat16();
  }
  return precisions;
}

bool KeepsForm(const Node& node) {
  static constexpr absl::string_view kOps[] = {"MaxPool", "GlobalMaxPool", "Reshape",  "Flatten",
                                               "Squeeze", "Unsqueeze",     "Identity", "Dropout"};
  return std::find(std::begin(kOps), std::end(kOps), absl::string_view(node.op)) != std::end(kOps);
}

absl::flat_hash_map<std::string, Form> DecideForms(const Graph& graph,
                                                   const std::vector<PlanOp>& ops,
                                                   const std::vector<OpPrecision>& precisions,
                                                   bool exact_shortcuts) {
  absl::flat_hash_map<std::string, Wants> wants;
  absl::flat_hash_map<std::string, Form> forms;
  for (const Port& output : graph.outputs) wants[output.name].forms.push_back(Form::Float32());
  for (size_t i = ops.size(); i-- > 0;) {
    const PlanOp& op = ops[i];
    const Form form = Storable(op, precisions[i], Unify(wants[op.dst], exact_shortcuts));
    forms[op.dst] = form;
    const Form src = KeepsForm(*op.node) ? form : precisions[i].src;
    for (const std::string& source : op.sources) wants[source].forms.push_back(src);
    if (const std::string residual = op.Residual(); !residual.empty()) {
      wants[residual].added = true;
    }
  }
  return forms;
}

}  // namespace halftone::plan
