#ifndef HALFTONE_SEARCH_SENSITIVITY_HEAD_HESSIAN_H_
#define HALFTONE_SEARCH_SENSITIVITY_HEAD_HESSIAN_H_

#include "absl/types/span.h"
#include "search/sensitivity/divergence.h"

namespace halftone {

// out = R signs, where R R' is the Hessian in a sample's outputs of the head's divergence from
// them, with its factor: for independent random signs, E[out out'] is that Hessian; for the unit
// vectors one after the other, the sum of out out' is. With y the outputs (`reference`, which kMse
// does not need), of a row:
//   kKl         R e_c = sqrt(p_c) (e_c - p), p = softmax(y); as for labels drawn from p, but where
//   one
//               class is nearly sure, nearly all drawn labels give a vector near zero and a rare
//               one a large one: the signs give every label its part in every draw
//   kBernoulli  R e_c = sqrt(p_c (1 - p_c)) e_c, p = sigmoid(y)
//   kCosine     R e_c = (e_c - y_c y / |y|^2) / |y|
// each over sqrt(rows), and of a sample:
//   kMse        R e_i = sqrt(2 / elements) e_i
//   kRelative   R e_i = sqrt(2) e_i / |y|
void ApplyHessianRoot(const Head& head, absl::Span<const float> reference,
                      absl::Span<const float> signs, absl::Span<float> out);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_HEAD_HESSIAN_H_
