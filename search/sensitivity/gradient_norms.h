#ifndef HALFTONE_SEARCH_SENSITIVITY_GRADIENT_NORMS_H_
#define HALFTONE_SEARCH_SENSITIVITY_GRADIENT_NORMS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/sample_layout.h"

namespace halftone {

// A layer that reads a weight tensor, in a program: what it reads, and the derivatives of some
// outputs (the cotangents) in what it writes.
struct WeightUse {
  const Node* node = nullptr;
  ValueId src = kNoValue;
  ValueId weights = kNoValue;
  std::optional<SampleLayout> layout;  // of the src
  std::vector<ValueId> diff_dsts;      // one per cotangent
};

// Whether AppendGradientNorms can tell the samples of this layer apart: a Conv, Gemm or MatMul
// whose second source is the weights, and whose src, laid out so in any graph, is made of whole
// rows of one sample: for a Conv, of one sample per index of its first axis.
bool SeparatesSamples(const Graph& graph, const Node& node, absl::string_view weights,
                      const std::optional<SampleLayout>& layout);

// || d(cotangent k of sample n) / dW ||^2, [batch, cotangents], of a tensor with all its uses, for
// layers that separate samples and, if there are several, have gradients of one layout. No
// gradient is summed over samples, and it is not even formed where there are fewer positions t
// than pay for it: with columns x_t of the src (as a convolution reads it) and g_t of diff_dst,
//   || sum_t g_t x_t' ||^2 = sum_tu (x_t . x_u) (g_t . g_u).
absl::StatusOr<ValueId> AppendGradientNorms(ProgramBuilder& builder,
                                            absl::Span<const WeightUse> uses, int64_t batch);

// The same for a single sample and any uses: differentiates in the weights. [1, cotangents].
absl::StatusOr<ValueId> AppendWholeGradientNorms(ProgramBuilder& builder,
                                                 absl::Span<const ValueId> heads,
                                                 absl::Span<const std::vector<ValueId>> cotangents,
                                                 ValueId weights);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_GRADIENT_NORMS_H_
