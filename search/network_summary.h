#ifndef HALFTONE_SEARCH_NETWORK_SUMMARY_H_
#define HALFTONE_SEARCH_NETWORK_SUMMARY_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/graph/layer.h"
#include "search/activation_memory.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What the import stage finds out about a network: all that a problem is built from, without the
// graph itself. A plain value.
struct NetworkSummary {
  struct LayerFacts {
    std::string name, op, tie_group;
    double macs = 0;          // of one sample
    bool has_weights = true;  // false: a product of two activations
    // The first layer, in topological order, that reads the same weights; "" for that one itself.
    // Their numbers are stored once, unless they are rounded by scales along another axis.
    std::string shares_weights_with;
    bool shares_scales = false;
    double bias_bytes = 0;         // its own
    bool is_float_anyway = false;  // its weights are among other_bytes
  };
  std::string name;
  std::vector<LayerFacts> layers;  // in topological order
  std::vector<Tie> ties;
  // Layers between which a change of precision converts activations; see NeighbourPairs.
  std::vector<std::pair<std::string, std::string>> neighbours;
  std::vector<LiveSet> live_sets;  // of one sample
  int64_t fixed_batch = 0;         // that the file fixes; 0: none
  double other_bytes = 0;      // of float tensors that are stored whatever the layers' precisions
  std::string quantized_file;  // QuantizedFileText of the network
};

// What of a choice, named by its precision, a layer computes by: where it has no weights, the
// precision of activations alone. A name that is no precision stays as it is.
std::string ComputedAs(const std::string& choice, bool has_weights);

// Name, layers and ties alone, which takes moments.
NetworkSummary SummarizeLayers(const PreparedNetwork& network);
absl::StatusOr<NetworkSummary> SummarizeNetwork(const PreparedNetwork& network);
nlohmann::json NetworkSummaryToJson(const NetworkSummary& summary);
absl::StatusOr<NetworkSummary> NetworkSummaryFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_NETWORK_SUMMARY_H_
