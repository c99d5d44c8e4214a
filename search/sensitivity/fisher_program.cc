#include "search/sensitivity/fisher_program.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// The elements of each sample of several tensors side by side: [batch, count, elements].
absl::StatusOr<ValueId> StackPerSample(ProgramBuilder& builder, const std::vector<ValueId>& values,
                                       const std::optional<SampleLayout>& layout, int64_t batch) {
  std::vector<ValueId> rows;
  for (const ValueId value : values) {
    HT_ASSIGN_OR_RETURN(const ValueId apart, PutSamplesFirst(builder, value, layout, batch));
    const int64_t elements = builder.shape(apart).dim(1);
    HT_ASSIGN_OR_RETURN(rows.emplace_back(),
                        ops::Reshape(builder, apart, Shape{batch, 1, elements}));
  }
  if (rows.size() == 1) return rows[0];
  return builder.Apply1(std::make_shared<ConcatOp>(1), rows);
}

class FisherBuilder {
 public:
  FisherBuilder(const ChoiceRequest& request, const Graph& graph, int64_t batch,
                const SampleLayouts& layouts, LoweredGraph lowered)
      : request_(request),
        graph_(graph),
        batch_(batch),
        layouts_(layouts),
        lowered_(std::move(lowered)),
        builder_(lowered_.builder) {}

  absl::StatusOr<FisherProgram> Build(const OutputCotangents& cotangents) {
    HT_RETURN_IF_ERROR(AppendGradients(cotangents));
    // From the last layer to the first: a backward pass then runs one layer ahead of its use, and
    // its values die early.
    for (size_t l = layers().size(); l-- > 0;) {
      builder_.SetLabel(layers()[l].name);
      HT_RETURN_IF_ERROR(Annotate(AppendBlocks(l), absl::StrCat("layer '", layers()[l].name, "'")));
    }
    fisher_.program = builder_.Build(outputs_);
    return std::move(fisher_);
  }

 private:
  const std::vector<Layer>& layers() const { return request_.layers(); }

  absl::Status AppendGradients(const OutputCotangents& output_cotangents) {
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                        DifferentiatedValues(request_, graph_));
    std::vector<ValueId> head_values, dsts;
    for (const Head& head : output_cotangents.heads()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, head.value));
      head_values.push_back(value);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      HT_ASSIGN_OR_RETURN(dsts.emplace_back(), FindValue(lowered_, names[i]));
      differentiated_[dsts.back()] = i;
    }
    HT_ASSIGN_OR_RETURN(const auto cotangents, output_cotangents.AppendTo(lowered_, outputs_));
    for (const std::vector<ValueId>& cotangent : cotangents) {
      HT_ASSIGN_OR_RETURN(auto gradient, AppendVjp(builder_, head_values, cotangent, dsts));
      gradients_.push_back(std::move(gradient));
    }
    return absl::OkStatus();
  }

  absl::Status AppendBlocks(size_t l) {
    FisherBlock block;
    block.layer = l;
    block.output = absl::StrCat("halftone:s/", l);
    HT_ASSIGN_OR_RETURN(const LayerSite site, FindSite(lowered_, graph_, layers()[l], quantizer_));
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered_, layers()[l].dst));
    std::vector<ValueId> differences;
    for (size_t o = 0; o < request_.choices[l].size(); ++o) {
      if (request_.choices[l][o]->IsFloat()) continue;
      HT_ASSIGN_OR_RETURN(const ValueId changed, request_.choices[l][o]->AppendTo(site));
      HT_ASSIGN_OR_RETURN(const ValueId difference, ops::Sub(builder_, changed, dst));
      differences.push_back(difference);
      block.choices.push_back(o);
    }
    if (differences.empty()) return absl::OkStatus();
    HT_RETURN_IF_ERROR(AppendProducts(std::move(block), l, differences));
    return AppendShortcuts(l);
  }

  // What the layer's choices do to the sums of shortcuts, one block for each sum.
  absl::Status AppendShortcuts(size_t l) {
    std::map<ValueId, std::pair<FisherBlock, std::vector<ValueId>>> by_sum;
    for (size_t o = 0; o < request_.choices[l].size(); ++o) {
      const Choice& choice = *request_.choices[l][o];
      for (const RoundedOperand& shortcut : choice.shortcuts()) {
        HT_ASSIGN_OR_RETURN(const ShortcutSite site, FindShortcut(lowered_, graph_, shortcut));
        HT_ASSIGN_OR_RETURN(const ValueId rounded,
                            choice.AppendShortcutTo(builder_, quantizer_, shortcut, site.value));
        auto& [block, differences] = by_sum[site.sum];
        HT_ASSIGN_OR_RETURN(differences.emplace_back(), ops::Sub(builder_, rounded, site.value));
        block.choices.push_back(o);
      }
    }
    for (auto& [sum, part] : by_sum) {
      auto& [block, differences] = part;
      block.layer = l;
      block.output = absl::StrCat("halftone:s/", l, "/", sum);
      HT_RETURN_IF_ERROR(AppendProducts(std::move(block), differentiated_.at(sum), differences));
    }
    return absl::OkStatus();
  }

  // Of errors of the value with that number and its gradients.
  absl::Status AppendProducts(FisherBlock block, size_t value,
                              const std::vector<ValueId>& differences) {
    std::vector<ValueId> gradients;
    for (const std::vector<ValueId>& gradient : gradients_) gradients.push_back(gradient[value]);
    HT_ASSIGN_OR_RETURN(ValueId d, StackPerSample(builder_, differences, layouts_[value], batch_));
    HT_ASSIGN_OR_RETURN(ValueId g, StackPerSample(builder_, gradients, layouts_[value], batch_));
    if (request_.options.method == SensitivityMethod::kFisherElementwise) {
      HT_ASSIGN_OR_RETURN(d, ops::Mul(builder_, d, d));
      HT_ASSIGN_OR_RETURN(g, ops::Mul(builder_, g, g));
    }
    HT_ASSIGN_OR_RETURN(const ValueId products,
                        ops::MatMul(builder_, g, d, /*transpose_a=*/false, /*transpose_b=*/true));
    outputs_.emplace_back(block.output, products);
    fisher_.blocks.push_back(std::move(block));
    return absl::OkStatus();
  }

  const ChoiceRequest& request_;
  const Graph& graph_;
  int64_t batch_;
  const SampleLayouts& layouts_;
  LoweredGraph lowered_;
  ProgramBuilder& builder_;
  SourceQuantizer quantizer_;
  FisherProgram fisher_;
  std::vector<std::vector<ValueId>> gradients_;  // [cotangent][of DifferentiatedValues]
  std::map<ValueId, size_t> differentiated_;     // their numbers
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> DifferentiatedValues(const ChoiceRequest& request,
                                                              const Graph& graph) {
  std::vector<std::string> values;
  for (const Layer& layer : request.layers()) values.push_back(layer.dst);
  for (const std::string& addition : ShortcutAdditions(request.choices)) {
    const Node* const node = graph.FindNode(addition);
    if (node == nullptr) return absl::InternalError(absl::StrCat("no node '", addition, "'"));
    values.push_back(node->outputs[0]);
  }
  return values;
}

absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 int64_t batch, const SampleLayouts& layouts,
                                                 const OutputCotangents& cotangents) {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  return FisherBuilder(request, graph, batch, layouts, std::move(lowered)).Build(cotangents);
}

absl::StatusOr<Program> BuildForwardProgram(const Graph& graph, const std::vector<Head>& heads) {
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Head& head : heads) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
    outputs.emplace_back(head.value, value);
  }
  return lowered.builder.Build(outputs);
}

}  // namespace halftone
