#ifndef HALFTONE_NN_GRAPH_REWRITES_LOOP_H_
#define HALFTONE_NN_GRAPH_REWRITES_LOOP_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/rewrites/parts.h"

namespace halftone {

// Unrolls a Loop: its body once for each step that it takes, as far as its condition is known when
// the steps before are bound.
class LoopUnroller {
 public:
  // `context` is of a Loop; copies what it needs of it, but borrows `names`. UNIMPLEMENTED where
  // the number of steps depends on the input's values; errors do not name the node.
  static absl::StatusOr<LoopUnroller> Create(const NodeContext& context, UniqueNames& names);

  // The value that says whether there is another step; "" for one that always is.
  const std::string& condition() const { return condition_; }

  // The parts of the next step, or of the end: then `is_done` is true. `condition`: the elements of
  // the value of that name, nullptr where they are not known. UNIMPLEMENTED then.
  absl::StatusOr<Parts> Next(const Tensor* condition);
  bool is_done() const { return is_done_; }

 private:
  LoopUnroller(Node node, int64_t opset, Subgraph body, UniqueNames& names);
  absl::StatusOr<bool> HasNext(const Tensor* condition) const;
  Parts Step();
  absl::StatusOr<Parts> Finish();

  const Node node_;
  const int64_t opset_;
  const Subgraph body_;
  UniqueNames* names_;
  std::optional<Copier> copier_;
  int64_t steps_ = 0;
  int64_t most_steps_ = std::numeric_limits<int64_t>::max();
  std::string condition_;
  std::vector<std::string> state_;
  std::vector<std::vector<std::string>> scanned_;  // by output, one of each step
  bool is_done_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_LOOP_H_
