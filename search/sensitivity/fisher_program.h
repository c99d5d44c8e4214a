#ifndef HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_layout.h"

namespace halftone {

// What one layer contributes to the rows of S.
struct FisherBlock {
  size_t layer = 0;
  std::vector<size_t> choices;  // indices into the layer's choices; the float layer is left out
  std::string output;           // [batch, cotangents, choices] of the program
};

// One program for one batch: the forward pass, a backward pass per cotangent to every layer's dst,
// every layer once more per choice, and the inner products
//   S[n, k, (l, o)] = < d(u_nk . f)/d y_l , yhat_{l,o}(x_l) - y_l >,
// or for kFisherElementwise the squares of both, element by element:
//   S[n, k, (l, o)]^2 = < (d(u_nk . f)/d y_l)^2 , (yhat_{l,o}(x_l) - y_l)^2 >, which is what is put
// out.
struct FisherProgram {
  Program program;
  std::vector<FisherBlock> blocks;
};

// `graph` is bound to `batch`; `layouts`: of each layer's dst. UNIMPLEMENTED names a layer whose
// samples cannot be told apart.
absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 int64_t batch, const SampleLayouts& layouts,
                                                 const OutputCotangents& cotangents);

// The program that only computes the heads, by the names of their values.
absl::StatusOr<Program> BuildForwardProgram(const Graph& graph, const std::vector<Head>& heads);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_
