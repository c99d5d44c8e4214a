#include "search/sensitivity/fisher_program.h"

#include <algorithm>
#include <memory>
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

// The name keeps clear of the names of a network's values.
constexpr char kProbabilities[] = "halftone:probabilities";

CotangentKind ChooseKind(const std::vector<Head>& heads, const SensitivityOptions& options) {
  const bool any_kl =
      std::any_of(heads.begin(), heads.end(), [](const Head& h) { return h.is_kl; });
  if (!any_kl) return CotangentKind::kSigns;
  const bool exact =
      heads.size() == 1 && heads[0].rows == 1 && heads[0].width <= options.exact_classes;
  return exact ? CotangentKind::kEveryClass : CotangentKind::kLabelDraws;
}

// [N, ...] tensors side by side: [N, count, elements of one sample].
absl::StatusOr<ValueId> StackPerSample(ProgramBuilder& builder,
                                       const std::vector<ValueId>& values) {
  const Shape shape = builder.shape(values[0]);
  const int64_t batch = shape.dim(0);
  std::vector<ValueId> rows;
  for (const ValueId value : values) {
    HT_ASSIGN_OR_RETURN(const ValueId row,
                        ops::Reshape(builder, value, Shape{batch, 1, shape.Elements() / batch}));
    rows.push_back(row);
  }
  if (rows.size() == 1) return rows[0];
  return builder.Apply1(std::make_shared<ConcatOp>(1), rows);
}

class FisherBuilder {
 public:
  FisherBuilder(const ChoiceRequest& request, const Graph& graph, LoweredGraph lowered)
      : request_(request),
        graph_(graph),
        lowered_(std::move(lowered)),
        builder_(lowered_.builder) {}

  absl::StatusOr<FisherProgram> Build(const std::vector<Head>& heads) {
    fisher_.heads = heads;
    fisher_.kind = ChooseKind(heads, request_.options);
    HT_RETURN_IF_ERROR(AppendGradients());
    // From the last layer to the first: a backward pass then runs one layer ahead of its use, and
    // its values die early.
    for (size_t l = layers().size(); l-- > 0;) {
      builder_.SetLabel(layers()[l].name);
      HT_RETURN_IF_ERROR(AppendBlock(l));
    }
    fisher_.program = builder_.Build(outputs_);
    return std::move(fisher_);
  }

 private:
  const std::vector<Layer>& layers() const { return request_.layers(); }

  // Cotangents as [head] for every k.
  absl::StatusOr<std::vector<std::vector<ValueId>>> AppendCotangents(
      const std::vector<ValueId>& head_values) {
    std::vector<std::vector<ValueId>> cotangents;
    if (fisher_.kind == CotangentKind::kEveryClass) {
      HT_ASSIGN_OR_RETURN(const ValueId p, ops::Softmax(builder_, head_values[0],
                                                        builder_.shape(head_values[0]).rank() - 1));
      fisher_.probabilities = kProbabilities;
      outputs_.emplace_back(fisher_.probabilities, p);
      const auto classes = static_cast<size_t>(fisher_.heads[0].width);
      for (size_t c = 0; c < classes; ++c) {
        std::vector<float> one_hot(classes, 0.0f);
        one_hot[c] = 1;
        const ValueId label =
            builder_.AddConstant(Tensor::Of(Shape{1, fisher_.heads[0].width}, std::move(one_hot)));
        HT_ASSIGN_OR_RETURN(const ValueId u, ops::Sub(builder_, p, label));
        cotangents.push_back({u});
      }
      return cotangents;
    }
    for (int k = 0; k < request_.options.draws; ++k) {
      std::vector<ValueId>& draw = cotangents.emplace_back();
      for (size_t h = 0; h < head_values.size(); ++h) {
        draw.push_back(builder_.AddInput(CotangentInput(k, h), builder_.shape(head_values[h])));
      }
    }
    return cotangents;
  }

  absl::Status AppendGradients() {
    std::vector<ValueId> head_values, dsts;
    for (const Head& head : fisher_.heads) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, head.value));
      head_values.push_back(value);
    }
    for (const Layer& layer : layers()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, layer.dst));
      dsts.push_back(value);
    }
    HT_ASSIGN_OR_RETURN(const auto cotangents, AppendCotangents(head_values));
    fisher_.cotangents = static_cast<int>(cotangents.size());
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
    HT_ASSIGN_OR_RETURN(const ValueId d, StackPerSample(builder_, differences));
    HT_ASSIGN_OR_RETURN(const ValueId g, StackPerSample(builder_, gradients));
    HT_ASSIGN_OR_RETURN(const ValueId products,
                        ops::MatMul(builder_, g, d, /*transpose_a=*/false, /*transpose_b=*/true));
    outputs_.emplace_back(block.output, products);
    fisher_.blocks.push_back(std::move(block));
    return absl::OkStatus();
  }

  const ChoiceRequest& request_;
  const Graph& graph_;
  LoweredGraph lowered_;
  ProgramBuilder& builder_;
  SourceQuantizer quantizer_;
  FisherProgram fisher_;
  std::vector<std::vector<ValueId>> gradients_;  // [cotangent][layer]
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

std::string CotangentInput(int k, size_t head) {
  return absl::StrCat("halftone:cotangent/", k, "/", head);
}

absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 const std::vector<Head>& heads) {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  return FisherBuilder(request, graph, std::move(lowered)).Build(heads);
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
