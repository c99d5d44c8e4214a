#include "search/sensitivity/trace_program.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "search/sensitivity/gradient_norms.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// Grows the backward passes and the norms of one batch.
class TraceProgram {
 public:
  TraceProgram(const TraceSubject& subject, LoweredGraph lowered)
      : subject_(subject), lowered_(std::move(lowered)) {}

  absl::StatusOr<Program> Build(const std::vector<bool>& separates) {
    for (const Head& head : subject_.cotangents.heads()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, head.value));
      heads_.push_back(value);
    }
    HT_ASSIGN_OR_RETURN(diffs_, subject_.cotangents.AppendTo(lowered_, outputs_));
    std::vector<std::vector<WeightUse>> uses(subject_.tensors.size());
    for (size_t t = 0; t < subject_.tensors.size(); ++t) {
      if (!separates[t]) continue;
      HT_ASSIGN_OR_RETURN(uses[t], UsesOf(subject_.tensors[t], subject_.layouts[t]));
    }
    HT_RETURN_IF_ERROR(AppendGradients(uses));
    // From the last layer to the first, as the backward passes go: their values die early.
    for (size_t t = subject_.tensors.size(); t-- > 0;) {
      lowered_.builder.SetLabel(subject_.layers[subject_.tensors[t].layers[0]].name);
      HT_ASSIGN_OR_RETURN(const ValueId norms, AppendNorms(t, uses[t]));
      outputs_.emplace_back(TraceNormsOutput(t), norms);
    }
    return lowered_.builder.Build(outputs_);
  }

 private:
  absl::StatusOr<std::vector<WeightUse>> UsesOf(const WeightTensor& tensor,
                                                const SampleLayouts& layouts) {
    HT_ASSIGN_OR_RETURN(const std::vector<const Node*> nodes,
                        NodesOfTensor(subject_.layers, subject_.graph, tensor));
    std::vector<WeightUse> uses;
    for (const Node* node : nodes) {
      const std::optional<SampleLayout>& layout = layouts[uses.size()];
      WeightUse& use = uses.emplace_back();
      use.node = node;
      use.layout = layout;
      HT_ASSIGN_OR_RETURN(use.src, FindValue(lowered_, node->Input(0)));
      HT_ASSIGN_OR_RETURN(use.weights, FindValue(lowered_, tensor.name));
      HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered_, node->outputs[0]));
      dsts_.push_back(dst);
    }
    return uses;
  }

  // dsts_ are in the order of the tensors' uses.
  absl::Status AppendGradients(std::vector<std::vector<WeightUse>>& uses) {
    for (const std::vector<ValueId>& cotangent : diffs_) {
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> gradient,
                          AppendVjp(lowered_.builder, heads_, cotangent, dsts_));
      size_t next = 0;
      for (std::vector<WeightUse>& of_tensor : uses) {
        for (WeightUse& use : of_tensor) use.diff_dsts.push_back(gradient[next++]);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValueId> AppendNorms(size_t t, const std::vector<WeightUse>& uses) {
    if (!uses.empty()) return AppendGradientNorms(lowered_.builder, uses, subject_.batch);
    HT_ASSIGN_OR_RETURN(const ValueId weights, FindValue(lowered_, subject_.tensors[t].name));
    return AppendWholeGradientNorms(lowered_.builder, heads_, diffs_, weights);
  }

  const TraceSubject& subject_;
  LoweredGraph lowered_;
  std::vector<ValueId> heads_, dsts_;
  std::vector<std::vector<ValueId>> diffs_;  // [cotangent][head]
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

std::string TraceNormsOutput(size_t tensor) { return absl::StrCat("halftone:norms/", tensor); }

absl::StatusOr<std::vector<const Node*>> NodesOfTensor(const std::vector<Layer>& layers,
                                                       const Graph& graph,
                                                       const WeightTensor& tensor) {
  std::vector<const Node*> nodes;
  for (const size_t l : tensor.layers) {
    nodes.push_back(graph.FindNode(layers[l].name));
    if (nodes.back() == nullptr) {
      return absl::InternalError(absl::StrCat("layer '", layers[l].name, "' has no node"));
    }
  }
  return nodes;
}

absl::StatusOr<Program> BuildTraceProgram(const TraceSubject& subject,
                                          const std::vector<bool>& separates,
                                          LoweredGraph lowered) {
  return TraceProgram(subject, std::move(lowered)).Build(separates);
}

}  // namespace halftone
