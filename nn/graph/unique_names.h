#ifndef HALFTONE_NN_GRAPH_UNIQUE_NAMES_H_
#define HALFTONE_NN_GRAPH_UNIQUE_NAMES_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "nn/graph/graph.h"

namespace halftone {

// Names that neither a value nor a node of a graph has.
class UniqueNames {
 public:
  explicit UniqueNames(const Graph& graph);
  // `wanted`, or `wanted` with a number after it: another one each time.
  std::string Make(const std::string& wanted);

 private:
  absl::flat_hash_set<std::string> taken_;
  absl::flat_hash_map<std::string, int> suffixes_;  // the last one tried, by name
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_UNIQUE_NAMES_H_
