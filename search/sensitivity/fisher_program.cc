#include "search/sensitivity/fisher_program.h"

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
      HT_RETURN_IF_ERROR(Annotate(AppendBlock(l), absl::StrCat("layer '", layers()[l].name, "'")));
    }
    fisher_.program = builder_.Build(outputs_);
    return std::move(fisher_);
  }

 private:
  const std::vector<Layer>& layers() const { return request_.layers(); }

  absl::Status AppendGradients(const OutputCotangents& output_cotangents) {
    std::vector<ValueId> head_values, dsts;
    for (const Head& head : output_cotangents.heads()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, head.value));
      head_values.push_back(value);
    }
    for (const Layer& layer : layers()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, layer.dst));
      dsts.push_back(value);
    }
    HT_ASSIGN_OR_RETURN(const auto cotangents, output_cotangents.AppendTo(lowered_, outputs_));
    for (const std::vector<ValueId>& cotangent : cotangents) {
      HT_ASSIGN_OR_RETURN(auto gradient, AppendVjp(builder_, head_values, cotangent, dsts));
      gradients_.push_back(std::move(gradient));
    }
    return absl::OkStatus();
  }

  absl::Status AppendBlock(size_t l) {
    FisherBlock block;
    block.layer = l;
    block.output = absl::StrCat("halftone:s/", l);
    HT_ASSIGN_OR_RETURN(const LayerSite site, FindSite(lowered_, graph_, layers()[l], quantizer_));
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered_, layers()[l].dst));
    std::vector<ValueId> differences, gradients;
    for (size_t o = 0; o < request_.choices[l].size(); ++o) {
      if (request_.choices[l][o]->IsFloat()) continue;
      HT_ASSIGN_OR_RETURN(const ValueId changed, request_.choices[l][o]->AppendTo(site));
      HT_ASSIGN_OR_RETURN(const ValueId difference, ops::Sub(builder_, changed, dst));
      differences.push_back(difference);
      block.choices.push_back(o);
    }
    if (differences.empty()) return absl::OkStatus();
    for (const std::vector<ValueId>& gradient : gradients_) gradients.push_back(gradient[l]);
    HT_ASSIGN_OR_RETURN(ValueId d, StackPerSample(builder_, differences, layouts_[l], batch_));
    HT_ASSIGN_OR_RETURN(ValueId g, StackPerSample(builder_, gradients, layouts_[l], batch_));
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
  std::vector<std::vector<ValueId>> gradients_;  // [cotangent][layer]
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

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
