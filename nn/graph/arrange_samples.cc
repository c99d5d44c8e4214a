#include "nn/graph/arrange_samples.h"

#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/passes.h"
#include "nn/graph/unique_names.h"

namespace halftone {
namespace {

// Two batches that no axis is likely to have by chance.
constexpr int64_t kBatches[] = {7, 11};

class Arranger {
 public:
  explicit Arranger(Graph graph) : graph_(std::move(graph)), names_(graph_) {}

  absl::StatusOr<ArrangedGraph> Arrange() {
    for (Port& port : graph_.inputs) ArrangeInput(port);
    graph_.nodes.insert(graph_.nodes.begin(), first_.begin(), first_.end());
    HT_RETURN_IF_ERROR(ArrangeOutputs());
    graph_.nodes.insert(graph_.nodes.end(), last_.begin(), last_.end());
    return ArrangedGraph{std::move(graph_), std::move(moved_)};
  }

 private:
  Node Transpose(const std::string& src, const std::string& dst, std::vector<int64_t> axes) {
    Node node;
    node.name = names_.Make(absl::StrCat(src, "/Transpose"));
    node.op = "Transpose";
    node.inputs = {src};
    node.outputs = {dst};
    node.attributes["perm"] = std::move(axes);
    return node;
  }

  Node Reshape(const std::string& src, const std::string& dst, const Shape& shape) {
    const std::string sizes = names_.Make(absl::StrCat(src, "/sizes"));
    const Shape of_sizes{shape.rank()};
    graph_.values[sizes] = {DataType::kInt64, of_sizes};
    graph_.initializers.emplace(sizes, Tensor::Of<int64_t>(of_sizes, shape.dims()));
    Node node;
    node.name = names_.Make(absl::StrCat(src, "/Reshape"));
    node.op = "Reshape";
    node.inputs = {src, sizes};
    node.outputs = {dst};
    return node;
  }

  void ArrangeInput(Port& port) {
    const Shape inside = port.info.shape;
    if (port.sample_axis == 0) return;
    const std::string name = names_.Make(absl::StrCat(port.name, "/arranged"));
    for (Node& node : graph_.nodes) absl::c_replace(node.inputs, port.name, name);
    graph_.values[name] = port.info;
    std::vector<int64_t> sizes = inside.dims();
    if (!port.sample_axis.has_value()) {
      first_.push_back(Reshape(port.name, name, inside));
      sizes.insert(sizes.begin(), 1);
    } else {
      const auto axis = static_cast<size_t>(*port.sample_axis);
      std::vector<int64_t> axes(sizes.size());  // of the value inside, in the port's order
      for (size_t i = 0; i < axes.size(); ++i) {
        axes[i] = static_cast<int64_t>(i == axis ? 0 : i < axis ? i + 1 : i);
      }
      first_.push_back(Transpose(port.name, name, std::move(axes)));
      const int64_t samples = sizes[axis];
      sizes.erase(sizes.begin() + *port.sample_axis);
      sizes.insert(sizes.begin(), samples);
    }
    port.info.shape = Shape(sizes);
    port.axis_names.clear();
    port.sample_axis = 0;
    graph_.values[port.name] = port.info;
  }

  absl::Status ArrangeOutputs() {
    if (graph_.fixed_batch() == 1) return ArrangeOne();
    Graph open = graph_;  // that of a file with a fixed batch may run with any
    for (Port& port : open.inputs) {
      if (port.info.shape.rank() > 0) port.info.shape.set_dim(0, Shape::kDynamic);
    }
    const absl::StatusOr<Graph> one = BindBatch(open, kBatches[0]);
    if (!one.ok()) return absl::OkStatus();
    std::optional<Graph> two;
    for (const size_t i : ComputedOutputs()) {
      const Shape& shape = one->outputs[i].info.shape;
      const bool is_first = shape.rank() > 0 && shape.dim(0) == kBatches[0];
      if (is_first && absl::c_count(shape.dims(), kBatches[0]) == 1) continue;
      if (!two.has_value()) {
        absl::StatusOr<Graph> bound = BindBatch(open, kBatches[1]);
        if (!bound.ok()) return absl::OkStatus();
        two = *std::move(bound);
      }
      HT_RETURN_IF_ERROR(Arrange(graph_.outputs[i], shape, two->outputs[i].info.shape));
    }
    return absl::OkStatus();
  }

  // An input that is passed on has its samples first already.
  std::vector<size_t> ComputedOutputs() const {
    const GraphIndex index(graph_);
    std::vector<size_t> computed;
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      if (index.Producer(graph_.outputs[i].name) >= 0) computed.push_back(i);
    }
    return computed;
  }

  // Samples along `axis` come first.
  void MoveFirst(Port& port, int rank, int axis) {
    std::vector<int64_t> axes(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), int64_t{0});
    axes.erase(axes.begin() + axis);
    axes.insert(axes.begin(), axis);
    moved_[port.name] = axis;
    const std::string src = SourceOf(port);
    last_.push_back(Transpose(src, port.name, std::move(axes)));
    Forget(port);
  }

  // Of one sample all elements are its own: any axis of size 1, or a new one.
  absl::Status ArrangeOne() {
    const absl::StatusOr<Graph> one = BindBatch(graph_, 1);
    if (!one.ok()) return absl::OkStatus();
    for (const size_t i : ComputedOutputs()) {
      Port& port = graph_.outputs[i];
      const Shape& shape = one->outputs[i].info.shape;
      if (shape.rank() > 0 && shape.dim(0) == 1) continue;
      std::vector<int64_t> sizes = shape.dims();
      const auto found = absl::c_find(sizes, 1);
      if (found != sizes.end()) {
        moved_[port.name] = static_cast<int>(found - sizes.begin());
        sizes.erase(found);
      }
      sizes.insert(sizes.begin(), 1);
      const std::string src = SourceOf(port);
      last_.push_back(Reshape(src, port.name, Shape(sizes)));
      Forget(port);
    }
    return absl::OkStatus();
  }

  // By the shapes for kBatches.
  absl::Status Arrange(Port& port, const Shape& a, const Shape& b) {
    if (a.rank() != b.rank()) return absl::OkStatus();
    std::vector<int> axes;
    for (int axis = 0; axis < a.rank(); ++axis) {
      if (a.dim(axis) == kBatches[0] && b.dim(axis) == kBatches[1]) axes.push_back(axis);
    }
    if (axes.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("output '", port.name, "' of shape ", a.ToString(), " for ", kBatches[0],
                       " samples: they may lie along axis ", axes[0], " or axis ", axes[1]));
    }
    if (axes.size() == 1 && axes[0] > 0) MoveFirst(port, a.rank(), axes[0]);
    return absl::OkStatus();
  }

  // The name of what the output was, which no longer is one.
  std::string SourceOf(const Port& port) {
    const std::string inside = names_.Make(absl::StrCat(port.name, "/raw"));
    for (Node& node : graph_.nodes) {
      absl::c_replace(node.inputs, port.name, inside);
      absl::c_replace(node.outputs, port.name, inside);
    }
    return inside;
  }

  // The file's words of the output's shape no longer hold.
  static void Forget(Port& port) { port.info.shape = Shape(); }

  Graph graph_;
  std::vector<Node> first_, last_;
  std::map<std::string, int> moved_;
  UniqueNames names_;
};

}  // namespace

absl::StatusOr<ArrangedGraph> ArrangeSamples(Graph graph) {
  return Arranger(std::move(graph)).Arrange();
}

}  // namespace halftone
