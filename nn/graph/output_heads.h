#ifndef HALFTONE_NN_GRAPH_OUTPUT_HEADS_H_
#define HALFTONE_NN_GRAPH_OUTPUT_HEADS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/graph/graph.h"

namespace halftone {

// As what an output counts: how its change is measured, y before and z after it.
enum class HeadKind {
  kKl,         // rows of class logits: KL(softmax(y) || softmax(z)), the mean over rows
  kBernoulli,  // logits of labels that hold each by itself: the sum of their KLs, the mean over
               // rows
  kMse,        // mean squared difference
  kRelative,   // |z - y|^2 / |y|^2
  kCosine,     // rows that are directions: 1 - cos(y, z), the mean over rows
  kIgnore,     // not at all
};
// "kl", "bernoulli", "mse", "relative", "cosine", "ignore".
absl::StatusOr<HeadKind> ParseHeadKind(absl::string_view text);
absl::string_view HeadKindName(HeadKind kind);

// What the user says of an output, or of a part of one.
struct AskedHead {
  HeadKind kind = HeadKind::kKl;
  double weight = 1;        // of its divergence among those of all outputs
  std::optional<int> axis;  // of classes; absent: of a Softmax in front, else as its shape says
  bool operator==(const AskedHead&) const = default;
};
// By the name of the output, or of what a Concat makes an output of.
using AskedHeads = std::map<std::string, AskedHead>;
inline constexpr double kMaxHeadWeight = 1e6;
// INVALID_ARGUMENT for a weight that is not in 1 / kMaxHeadWeight to kMaxHeadWeight.
absl::Status CheckAskedHead(const AskedHead& head);
nlohmann::json AskedHeadsToJson(const AskedHeads& heads);
absl::StatusOr<AskedHeads> AskedHeadsFromJson(const nlohmann::json& json);

// An output of a network, or a part of one, and as what it counts.
struct OutputHead {
  std::string output;  // as the file names it
  std::string part;    // of the Concat that makes the output of parts; "": all of it
  std::string value;   // where to read it, e.g. the input of a removed Softmax; "" where ignored
  HeadKind kind = HeadKind::kMse;
  double weight = 1;
  bool is_guess = true;   // the user did not say it
  bool by_shape = false;  // a guess for which nothing but the shape speaks
  std::string reason;     // for the kind, in words
  // The axes [class_axis, class_axis_end) of `value` that number the elements of a row, of kinds
  // with rows; both 0: a row is one element.
  int class_axis = 0, class_axis_end = 0;
  // What its divergence is divided by where several outputs count, so that each is compared with
  // its own size; of kRelative what |y|^2 is at least. Found on calibration samples.
  double scale = 1;

  const std::string& name() const { return part.empty() ? output : part; }
};

// The outputs that count, and of what the graph then consists: what a Softmax, LogSoftmax, Sigmoid
// or ArgMax at the end reads takes the place of its result (divergences are computed from logits),
// and parts that the user names or that are of different kinds take the place of their Concat.
struct HeadedGraph {
  Graph graph;
  std::vector<OutputHead> heads;    // that count, by `value`, each of them once
  std::vector<OutputHead> ignored;  // the others: outputs still, where a layer feeds nothing else
  std::vector<std::string>
      uncounted;  // nodes that are layers and feed outputs that are ignored alone
};
// As what each output counts: as `asked` says, else a guess by what is at its end (Softmax,
// LogSoftmax and ArgMax: kKl, Sigmoid: kBernoulli, a normalization to length 1: kCosine, seen
// through nodes that only move elements), by its type (integers: ignored, where there is anything
// else), or by its shape ([N, C] with C > 1: kKl, others: kMse). What no layer feeds, as an input
// that is passed on, is ignored. `graph` must come from BindBatch. INVALID_ARGUMENT names what is
// asked for and not there, and a network of which nothing counts.
absl::StatusOr<HeadedGraph> SplitOutputHeads(Graph graph, const AskedHeads& asked = {});

// What analysis runs: a graph whose samples lie first (see ArrangeSamples), bound to the batch,
// with activations recognized, BatchNormalization folded into layers where that is asked for, and
// heads split. Errors are those of the passes.
absl::StatusOr<HeadedGraph> BindWithHeads(const Graph& arranged, int64_t batch,
                                          bool fold_batch_norm, const AskedHeads& asked);

// Notes on guesses by shape alone whether labels, each the class of a sample, fit them.
void WeighLabels(const Graph& bound, absl::Span<const int64_t> labels,
                 std::vector<OutputHead>& heads);

// [{"output", "part", "kind", "weight", "guess", "reason", "scale"}].
nlohmann::json OutputHeadsToJson(absl::Span<const OutputHead> heads);
// The same of what is shown: the graph's names and axes are left out.
absl::StatusOr<OutputHead> OutputHeadFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OUTPUT_HEADS_H_
