#ifndef HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// How the cotangents u, with E[u u'] the Hessian of the divergence in the output, are made.
enum class CotangentKind {
  kEveryClass,  // one head, one row, few classes: u_c = p - onehot(c) for every class, weight p_c
  kLabelDraws,  // u = (p - onehot(drawn label)) per row, scaled; the host draws from p
  kSigns,       // mean squared error only: random signs, scaled
};

// What one layer contributes to the rows of S.
struct FisherBlock {
  size_t layer = 0;
  std::vector<size_t> choices;  // indices into the layer's choices; the float layer is left out
  std::string output;           // [batch, cotangents, choices] of the program
};

// One program for one batch: the forward pass, a backward pass per cotangent to every layer's dst,
// every layer once more per choice, and the inner products
//   S[n, k, (l, o)] = < d(u_nk . f)/d y_l , yhat_{l,o}(x_l) - y_l >.
struct FisherProgram {
  Program program;
  std::vector<FisherBlock> blocks;
  CotangentKind kind = CotangentKind::kSigns;
  int cotangents = 1;
  std::string probabilities;  // kEveryClass: the output with p, [batch, classes]
  std::vector<Head> heads;
};

// The name of the input that takes cotangent `k` of head `head` (kLabelDraws, kSigns).
std::string CotangentInput(int k, size_t head);

absl::StatusOr<FisherProgram> BuildFisherProgram(const ChoiceRequest& request, const Graph& graph,
                                                 const std::vector<Head>& heads);

// The program that only computes the heads, by the names of their values.
absl::StatusOr<Program> BuildForwardProgram(const Graph& graph, const std::vector<Head>& heads);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_PROGRAM_H_
