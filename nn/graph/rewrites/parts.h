#ifndef HALFTONE_NN_GRAPH_REWRITES_PARTS_H_
#define HALFTONE_NN_GRAPH_REWRITES_PARTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "nn/graph/graph.h"
#include "nn/graph/unique_names.h"

namespace halftone {

// What stands for a node: nodes in topological order that write its results, and constants that
// they read. No name occurs elsewhere in the graph, but for those of the node's own sources and
// results.
struct Parts {
  std::vector<Node> nodes;
  std::map<std::string, Tensor> constants;
  // Values that must turn out to be of one type and shape.
  std::vector<std::pair<std::string, std::string>> alike = {};
};

// The NodeBytes of all.
int64_t BytesOf(const std::vector<Node>& nodes);

// What may stand for the nodes of one graph in all: a bound on what loops in loops can ask for.
class PartsBudget {
 public:
  static constexpr int64_t kMostNodes = 200'000;
  static constexpr int64_t kMostBytes = int64_t{256} << 20;

  // RESOURCE_EXHAUSTED for parts that are beyond it.
  absl::Status Spend(const Parts& parts);

 private:
  int64_t nodes_left_ = kMostNodes;
  int64_t bytes_left_ = kMostBytes;
};

// Makes copies of a closed graph (see Subgraph) that share its constants.
class Copier {
 public:
  // Borrows both.
  Copier(const Graph& graph, const std::string& prefix, UniqueNames& names);

  // The constants, for the parts that come first.
  std::map<std::string, Tensor> TakeConstants() { return std::move(constants_); }

  // Appends a copy that reads `sources` for the graph's inputs, and writes `results`, or something
  // that nobody reads for "". What it writes itself has `prefix` in front. The sources are as many
  // as the graph's inputs, and the results no more than its outputs.
  void Copy(const std::string& prefix, const std::vector<std::string>& sources,
            const std::vector<std::string>& results, std::vector<Node>& nodes);

 private:
  const Graph& graph_;
  UniqueNames& names_;
  std::map<std::string, Tensor> constants_;
  absl::flat_hash_map<std::string, std::string> renamed_;  // the graph's constants
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_PARTS_H_
