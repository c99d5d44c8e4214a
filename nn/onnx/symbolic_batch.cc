#include "nn/onnx/symbolic_batch.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nn/graph/layer.h"
#include "nn/graph/unique_names.h"

namespace halftone {
namespace {

class BatchFreer {
 public:
  // Borrows both.
  BatchFreer(const Graph& one, const Graph& two)
      : one_(one), two_(two), symbolic_(one), names_(one) {}

  // Absent where a constant depends on the batch in an unknown way.
  std::optional<Graph> Free();

 private:
  bool NodesAreSame() const;
  bool FreeConstant(const std::string& name);
  bool FreeShape(const std::string& name);
  bool FreeRepeated(const std::string& name);
  const Node* OnlyReshapeTo(const std::string& name) const;
  bool IsOperandOfLayer(const std::string& name) const;
  const Port* BatchedInput() const;
  const std::string& BatchSize(const Port& input);
  void FreePorts(std::vector<Port>& ports, const std::vector<Port>& others) const;
  std::string AddConstant(const std::string& wanted, std::vector<int64_t> values);
  void AddNode(const std::string& op, std::vector<std::string> inputs, const std::string& dst,
               ValueInfo info);

  const Graph& one_;
  const Graph& two_;
  Graph symbolic_;
  std::vector<Node> added_;  // in front of the others
  std::string batch_size_;   // a value: int64 [1]
  UniqueNames names_;
};

// Not so where another branch is taken, or more steps.
bool BatchFreer::NodesAreSame() const {
  return std::equal(one_.nodes.begin(), one_.nodes.end(), two_.nodes.begin(), two_.nodes.end(),
                    [](const Node& a, const Node& b) {
                      return a.name == b.name && a.op == b.op && a.inputs == b.inputs &&
                             a.outputs == b.outputs;
                    });
}

std::optional<Graph> BatchFreer::Free() {
  if (one_.initializers.size() != two_.initializers.size() || !NodesAreSame()) return std::nullopt;
  for (const auto& [name, tensor] : one_.initializers) {
    if (!FreeConstant(name)) return std::nullopt;
  }
  symbolic_.nodes.insert(symbolic_.nodes.begin(), added_.begin(), added_.end());
  FreePorts(symbolic_.inputs, two_.inputs);
  FreePorts(symbolic_.outputs, two_.outputs);
  return std::move(symbolic_);
}

bool BatchFreer::FreeConstant(const std::string& name) {
  const Tensor& a = one_.initializers.at(name);
  const auto found = two_.initializers.find(name);
  if (found == two_.initializers.end() || found->second.type() != a.type()) return false;
  const Tensor& b = found->second;
  if (b.shape() == a.shape() && std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin())) {
    return true;
  }
  return FreeShape(name) || FreeRepeated(name);
}

// What reads the initializer, if that is one Reshape, as its shape.
const Node* BatchFreer::OnlyReshapeTo(const std::string& name) const {
  const Node* reader = nullptr;
  for (const Node& node : one_.nodes) {
    if (std::find(node.inputs.begin(), node.inputs.end(), name) == node.inputs.end()) continue;
    if (reader != nullptr || node.op != "Reshape" || node.Input(1) != name) return nullptr;
    reader = &node;
  }
  return reader;
}

// A Reshape's shape that reads [1, ...] for batch 1 and [2, ...] for batch 2, as one for any batch:
// 0 copies the size of the source's first axis.
bool BatchFreer::FreeShape(const std::string& name) {
  const Node* reshape = OnlyReshapeTo(name);
  if (reshape == nullptr) return false;
  const std::string& src = reshape->inputs[0];
  const auto a = one_.initializers.at(name).ToInts();
  const auto b = two_.initializers.at(name).ToInts();
  const absl::StatusOr<int64_t> allow_zero = reshape->Int("allowzero", 0);
  if (!a.ok() || !b.ok() || !allow_zero.ok() || *allow_zero != 0) return false;
  if (a->empty() || a->size() != b->size() ||
      !std::equal(a->begin() + 1, a->end(), b->begin() + 1)) {
    return false;
  }
  const auto copies_batch = [&](const Graph& graph, int64_t size) {
    const Shape& shape = graph.values.at(src).shape;
    return shape.rank() > 0 && shape.dim(0) == size;
  };
  if (!copies_batch(one_, (*a)[0]) || !copies_batch(two_, (*b)[0])) return false;
  std::vector<int64_t> symbolic = *a;
  symbolic[0] = 0;
  const Shape shape{static_cast<int64_t>(symbolic.size())};
  symbolic_.initializers.at(name) = Tensor::Of<int64_t>(shape, std::move(symbolic));
  return true;
}

bool BatchFreer::IsOperandOfLayer(const std::string& name) const {
  return std::any_of(one_.nodes.begin(), one_.nodes.end(), [&](const Node& node) {
    return IsLayer(one_, node) &&
           std::find(node.inputs.begin(), node.inputs.end(), name) != node.inputs.end();
  });
}

// The first input whose first axis is the batch.
const Port* BatchFreer::BatchedInput() const {
  for (size_t i = 0; i < one_.inputs.size(); ++i) {
    const Shape& shape = one_.inputs[i].info.shape;
    if (shape.rank() > 0 && shape.dim(0) != two_.inputs[i].info.shape.dim(0)) {
      return &one_.inputs[i];
    }
  }
  return nullptr;
}

// [1, ...] for batch 1, and the same twice for batch 2.
bool BatchFreer::FreeRepeated(const std::string& name) {
  const Tensor a = one_.initializers.at(name), b = two_.initializers.at(name);
  const Port* input = BatchedInput();
  if (input == nullptr || a.shape().rank() == 0 || a.shape().dim(0) != 1) return false;
  Shape twice = a.shape();
  twice.set_dim(0, 2);
  if (b.shape() != twice || IsOperandOfLayer(name)) return false;
  const auto middle = b.bytes().begin() + static_cast<std::ptrdiff_t>(a.size_bytes());
  if (!std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin()) ||
      !std::equal(a.bytes().begin(), a.bytes().end(), middle)) {
    return false;
  }
  std::string shape = BatchSize(*input);
  const std::vector<int64_t> rest(a.shape().dims().begin() + 1, a.shape().dims().end());
  if (!rest.empty()) {
    const std::string joined = names_.Make(name + "_shape");
    AddNode("Concat", {shape, AddConstant(name + "_sizes", rest)}, joined,
            {DataType::kInt64, Shape{a.shape().rank()}});
    added_.back().attributes["axis"] = int64_t{0};
    shape = joined;
  }
  const std::string once = names_.Make(name + "_once");
  symbolic_.initializers.erase(name);
  symbolic_.initializers.emplace(once, a);
  symbolic_.values[once] = {a.type(), a.shape()};
  AddNode("Expand", {once, shape}, name, {a.type(), a.shape()});
  return true;
}

const std::string& BatchFreer::BatchSize(const Port& input) {
  if (!batch_size_.empty()) return batch_size_;
  const std::string shape = names_.Make(input.name + "_shape");
  batch_size_ = names_.Make(input.name + "_batch");
  AddNode("Shape", {input.name}, shape, {DataType::kInt64, Shape{input.info.shape.rank()}});
  AddNode("Gather", {shape, AddConstant(input.name + "_first", {0})}, batch_size_,
          {DataType::kInt64, Shape{1}});
  return batch_size_;
}

void BatchFreer::FreePorts(std::vector<Port>& ports, const std::vector<Port>& others) const {
  for (size_t i = 0; i < ports.size(); ++i) {
    Shape& shape = ports[i].info.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape.dim(axis) != others[i].info.shape.dim(axis)) shape.set_dim(axis, Shape::kDynamic);
    }
  }
}

std::string BatchFreer::AddConstant(const std::string& wanted, std::vector<int64_t> values) {
  const std::string name = names_.Make(wanted);
  const Shape shape{static_cast<int64_t>(values.size())};
  symbolic_.values[name] = {DataType::kInt64, shape};
  symbolic_.initializers.emplace(name, Tensor::Of<int64_t>(shape, std::move(values)));
  return name;
}

void BatchFreer::AddNode(const std::string& op, std::vector<std::string> inputs,
                         const std::string& dst, ValueInfo info) {
  Node node;
  node.name = names_.Make(absl::StrCat(dst, "/", op));
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = {dst};
  symbolic_.values[dst] = std::move(info);
  added_.push_back(std::move(node));
}

}  // namespace

bool MakeBatchSymbolic(Graph& one, const Graph& two) {
  std::optional<Graph> symbolic = BatchFreer(one, two).Free();
  if (!symbolic.has_value()) return false;
  one = *std::move(symbolic);
  return true;
}

}  // namespace halftone
