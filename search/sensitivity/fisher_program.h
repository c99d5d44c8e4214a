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

// A part of what one layer contributes to the rows of S: parts of the same choice add up.
struct FisherBlock {
  size_t layer = 0;
  std::vector<size_t> choices;  // indices into the layer's choices; the float layer is left out
  std::string output;           // [batch, cotangents, choices] of the program
};

// One program for one batch: the forward pass, a backward pass per cotangent to every layer's dst,
// every layer once more per choice, and the inner products
//   S[n, k, (l, o)] = < d(u_nk . f)/d y_l , yhat_{l,o}(x_l) - y_l >,
// and of every shortcut that the choice rounds, which is an error of the sum that reads it,
//   + < d(u_nk . f)/d sum , shortcut_{l,o} - shortcut >;
// for kFisherElementwise the squares of both, element by element:
//   S[n, k, (l, o)]^2 = < (d(u_nk . f)/d y_l)^2 , (yhat_{l,o}(x_l) - y_l)^2 >, which is what is put
// out.
struct FisherProgram {
  Program program;
  std::vector<FisherBlock> blocks;
};

// The values that derivatives are taken with respect to, by their names in graphs that Bind makes:
// the layers' results, and after them those of ShortcutAdditions.
absl::StatusOr<std::vector<std::string>> DifferentiatedValues(const ChoiceRequest& request,
                                                              const Graph& graph);

// `graph` is bound to `batch`; `layouts`: of DifferentiatedValues. UNIMPLEMENTED names a layer
// whose samples cannot be told apart.
absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 int64_t batch, const SampleLayouts& layouts,
                                                 const OutputCotangents& cotangents);

// The program that only computes the heads, by the names of their values.
absl::StatusOr<Program> BuildForwardProgram(const Graph& graph, const std::vector<Head>& heads);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_
