#include "search/sensitivity/fisher_program.h"

#include <algorithm>
#include <memory>
#include <numeric>
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

// The axis along which a layer's dst has the samples of a batch: the one that grows with it.
// Elements of one sample are together there, whether the axis counts samples or e.g. all tokens.
int SampleAxis(const Shape& one_sample, const Shape& batched) {
  for (int axis = 0; axis < std::min(one_sample.rank(), batched.rank()); ++axis) {
    if (one_sample.dim(axis) != batched.dim(axis)) return axis;
  }
  return 0;
}

// Tensors with samples along `axis` side by side: [batch, count, elements of one sample].
absl::StatusOr<ValueId> StackPerSample(ProgramBuilder& builder, const std::vector<ValueId>& values,
                                       int axis, int64_t batch) {
  const Shape shape = builder.shape(values[0]);
  if (shape.rank() == 0 || shape.dim(axis) % batch != 0) {
    return absl::UnimplementedError(
        absl::StrCat("its result ", shape.ToString(), " cannot be cut into ", batch, " samples"));
  }
  std::vector<int> samples_first(static_cast<size_t>(shape.rank()));
  std::iota(samples_first.begin(), samples_first.end(), 0);
  std::rotate(samples_first.begin(), samples_first.begin() + axis,
              samples_first.begin() + axis + 1);
  std::vector<ValueId> rows;
  for (ValueId value : values) {
    if (axis != 0) {
      HT_ASSIGN_OR_RETURN(value, ops::Transpose(builder, value, samples_first));
    }
    HT_ASSIGN_OR_RETURN(const ValueId row,
                        ops::Reshape(builder, value, Shape{batch, 1, shape.Elements() / batch}));
    rows.push_back(row);
  }
  if (rows.size() == 1) return rows[0];
  return builder.Apply1(std::make_shared<ConcatOp>(1), rows);
}

class FisherBuilder {
 public:
  FisherBuilder(const ChoiceRequest& request, const Graph& graph, int64_t batch,
                LoweredGraph lowered)
      : request_(request),
        graph_(graph),
        batch_(batch),
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
    const int axis = SampleAxis(layers()[l].dst_shape, builder_.shape(dst));
    HT_ASSIGN_OR_RETURN(ValueId d, StackPerSample(builder_, differences, axis, batch_));
    HT_ASSIGN_OR_RETURN(ValueId g, StackPerSample(builder_, gradients, axis, batch_));
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
  LoweredGraph lowered_;
  ProgramBuilder& builder_;
  SourceQuantizer quantizer_;
  FisherProgram fisher_;
  std::vector<std::vector<ValueId>> gradients_;  // [cotangent][layer]
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 int64_t batch,
                                                 const OutputCotangents& cotangents) {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  return FisherBuilder(request, graph, batch, std::move(lowered)).Build(cotangents);
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
