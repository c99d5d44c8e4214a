#ifndef HALFTONE_PROFILERS_NETWORK_RUNNER_H_
#define HALFTONE_PROFILERS_NETWORK_RUNNER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "base/progress.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/executed_layers.h"
#include "nn/quant/extra_rounding.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"

namespace halftone {

// A network as a target runs it, for batches of the size that its graph is bound to. One thread at
// a time.
class RunnableNetwork {
 public:
  virtual ~RunnableNetwork() = default;
  // All elements of the batch in C order. Inputs keep their values from run to run.
  virtual absl::Status SetInput(absl::string_view name, absl::Span<const float> values) = 0;
  virtual absl::Status Run(const Cancellation& cancellation) = 0;
  // In C order; valid until the next run.
  virtual absl::StatusOr<absl::Span<const float>> Output(absl::string_view name) const = 0;
  // The precision whose numbers each layer computes with.
  virtual std::map<std::string, Precision> RanAs() const = 0;
  // What it rounds beside the sources and weights of layers.
  virtual std::vector<ExtraRounding> Roundings() const = 0;
};

struct RunOptions {
  int threads = 0;  // 0: all of the machine
  // Without roundings of these kinds (ExtraRounding): not what costs are of, but what tells where a
  // difference comes from.
  bool exact_shortcuts = false;
  bool exact_sums = false;
};

// Of whole runs of networks.
struct NetworkTimes {
  std::vector<double> latencies_ns;  // in the order of what was asked for
  std::string warning;               // "" or kDisturbedWarning and by what
};

// Runs networks on a target that is at hand: by the very code that the target's costs are measured
// of. Thread-safe.
class NetworkRunner {
 public:
  virtual ~NetworkRunner() = default;
  // What its networks' outputs depend on: instruction set and library.
  virtual std::string Machine() const = 0;
  // What it makes of each layer in each of the precisions, whatever the other layers are in: said
  // without running anything. `graph` as in ProfileRequest.
  virtual absl::StatusOr<ExecutedLayers> Describe(
      const Graph& graph, const std::vector<Precision>& precisions) const = 0;
  // `graph` and `layers` as in ProfileRequest; layers that `assignment` leaves out are float32.
  virtual absl::StatusOr<std::unique_ptr<RunnableNetwork>> Prepare(
      const Graph& graph, const LayerSet& layers, const QuantizedAssignment& assignment,
      const RunOptions& options) = 0;
  // Whole runs of each assignment, as the target's profiler times networks: in turn, and alone on
  // the machine. CANCELLED within a step of the network.
  virtual absl::StatusOr<NetworkTimes> Time(const Graph& graph, const LayerSet& layers,
                                            absl::Span<const QuantizedAssignment> assignments,
                                            int batch, int threads, const Progress& progress) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_NETWORK_RUNNER_H_
