#ifndef HALFTONE_NN_GRAPH_REWRITES_SEQUENCES_H_
#define HALFTONE_NN_GRAPH_REWRITES_SEQUENCES_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/rewrites/parts.h"

namespace halftone {

// The lists of tensors of a graph that is being bound. Which tensors are in a list is known then,
// so that a list is no more than their names, and what is done with it is done here. A value that
// may be absent (ONNX's optional) is a list of one or none.
class SequenceTable {
 public:
  // Whether the node makes, changes or reads lists.
  bool Concerns(const Node& node) const;
  bool Contains(absl::string_view value) const { return members_.contains(value); }

  // What stands for such a node; the lists that it makes are known from then on. UNIMPLEMENTED for
  // places in a list that are computed, for graphs applied to lists, and lists of lists;
  // INVALID_ARGUMENT for a place outside of the list. Errors do not name the node.
  absl::StatusOr<Parts> Apply(const NodeContext& context, UniqueNames& names);

 private:
  using Members = std::vector<std::string>;

  absl::StatusOr<Members> MembersOf(const NodeContext& context, size_t input) const;
  absl::StatusOr<Members> Constructed(const NodeContext& context) const;
  absl::StatusOr<Members> Changed(const NodeContext& context) const;

  absl::flat_hash_map<std::string, Members> members_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_SEQUENCES_H_
