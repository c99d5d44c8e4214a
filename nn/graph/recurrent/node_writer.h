#ifndef HALFTONE_NN_GRAPH_RECURRENT_NODE_WRITER_H_
#define HALFTONE_NN_GRAPH_RECURRENT_NODE_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/graph/rewrites/parts.h"
#include "nn/graph/unique_names.h"

namespace halftone {

// Writes the plain nodes that stand for another node, each in the form that the graph's opset has.
// A node and the value that it writes have one name, "<scope>/<role>", with a number after it where
// that is taken.
class NodeWriter {
 public:
  using Attributes = std::map<std::string, Attribute>;

  // `names`: borrowed.
  NodeWriter(std::string node, int64_t opset, UniqueNames& names)
      : node_(std::move(node)), scope_(node_), opset_(opset), names_(names) {}

  // What comes next is named "<node>/<scope>/<role>"; "<node>/<role>" without a scope.
  void SetScope(absl::string_view scope);

  // The value of a node with one result.
  std::string Op(absl::string_view op, std::vector<std::string> inputs, absl::string_view role,
                 Attributes attributes = {});
  // The same for a result that has a name already.
  void Write(absl::string_view op, std::vector<std::string> inputs, const std::string& dst,
             absl::string_view role, Attributes attributes = {});

  // Parts of `sizes` along an axis; `src` itself for a single one.
  std::vector<std::string> Split(const std::string& src, int64_t axis,
                                 const std::vector<int64_t>& sizes, absl::string_view role);
  // The sources one after the other along an axis; a single one itself.
  std::string Concat(const std::vector<std::string>& srcs, int64_t axis, absl::string_view role);
  std::string Unsqueeze(const std::string& src, int64_t axis, absl::string_view role);
  // `count` zeros behind `src`, which has `rank` axes.
  std::string PadBehind(const std::string& src, int rank, int64_t axis, int64_t count,
                        absl::string_view role);
  // To [-bound, bound].
  std::string Clip(const std::string& src, float bound, absl::string_view role);

  std::string Constant(absl::string_view role, Tensor tensor);
  // A constant that is written once, however often it is asked for.
  std::string Scalar(float value);

  Parts Take() { return std::move(parts_); }

 private:
  std::string Name(absl::string_view role);
  std::string Ints(const std::vector<int64_t>& values);

  const std::string node_;
  std::string scope_;
  const int64_t opset_;
  UniqueNames& names_;
  std::map<float, std::string> scalars_;
  std::map<std::vector<int64_t>, std::string> ints_;
  Parts parts_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_NODE_WRITER_H_
