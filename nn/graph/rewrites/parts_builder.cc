#include "nn/graph/rewrites/parts_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nn/graph/float32.h"

namespace halftone {
namespace {

// The first opsets whose Unsqueeze, Squeeze and ReduceSum, and whose other reductions, have axes as
// an input.
constexpr int64_t kOpsetOfAxes = 13;
constexpr int64_t kOpsetOfMeanAxes = 18;

}  // namespace

std::string PartsBuilder::Op(const std::string& op, Inputs inputs, Attributes attributes,
                             absl::string_view name) {
  Node node;
  node.name = names_.Make(absl::StrCat(node_.name, "/", name.empty() ? op : name));
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = {node.name};
  node.attributes = std::move(attributes);
  parts_.nodes.push_back(std::move(node));
  return parts_.nodes.back().outputs[0];
}

std::string PartsBuilder::Constant(absl::string_view name, Tensor tensor) {
  std::string unique = names_.Make(absl::StrCat(node_.name, "/", name));
  parts_.constants.emplace(unique, std::move(tensor));
  return unique;
}

std::string PartsBuilder::Float(float value) { return Constant("number", Tensor::Scalar(value)); }

std::string PartsBuilder::Ints(std::vector<int64_t> values) {
  const Shape shape{static_cast<int64_t>(values.size())};
  return Constant("sizes", Tensor::Of<int64_t>(shape, std::move(values)));
}

std::string PartsBuilder::Reshape(const std::string& src, std::vector<int64_t> sizes) {
  return Op("Reshape", {src, Ints(std::move(sizes))});
}

std::string PartsBuilder::Transpose(const std::string& src, std::vector<int64_t> permutation) {
  return Op("Transpose", {src}, {{"perm", std::move(permutation)}});
}

std::string PartsBuilder::Unsqueeze(const std::string& src, int64_t axis) {
  return WithAxis("Unsqueeze", src, axis);
}

std::string PartsBuilder::Squeeze(const std::string& src, int64_t axis) {
  return WithAxis("Squeeze", src, axis);
}

std::string PartsBuilder::WithAxis(const std::string& op, const std::string& src, int64_t axis) {
  std::vector<int64_t> axes = {axis};
  if (opset_ >= kOpsetOfAxes) return Op(op, {src, Ints(std::move(axes))});
  return Op(op, {src}, {{"axes", std::move(axes)}});
}

std::string PartsBuilder::Reduce(const std::string& op, const std::string& src,
                                 std::vector<int64_t> axes, bool keep, int64_t since) {
  const Attribute keepdims = int64_t{keep ? 1 : 0};
  if (opset_ >= since) {
    return Op(op, {src, Ints(std::move(axes))}, {{"keepdims", keepdims}});
  }
  return Op(op, {src}, {{"axes", std::move(axes)}, {"keepdims", keepdims}});
}

std::string PartsBuilder::ReduceMean(const std::string& src, std::vector<int64_t> axes) {
  return Reduce("ReduceMean", src, std::move(axes), true, kOpsetOfMeanAxes);
}

std::string PartsBuilder::ReduceSum(const std::string& src, std::vector<int64_t> axes, bool keep) {
  return Reduce("ReduceSum", src, std::move(axes), keep, kOpsetOfAxes);
}

// Before opset 13 the axes from `axis` on were one, and axes were not counted from the end.
std::string PartsBuilder::Softmax(const std::string& src, int rank) {
  return Op("Softmax", {src}, {{"axis", int64_t{rank - 1}}});
}

std::string PartsBuilder::Slice(const std::string& src, int64_t axis, int64_t begin, int64_t end) {
  std::vector<int64_t> begins = {begin}, ends = {end}, axes = {axis};
  if (opset_ < 10) {
    return Op("Slice", {src}, {{"starts", begins}, {"ends", ends}, {"axes", axes}});
  }
  return Op("Slice", {src, Ints(std::move(begins)), Ints(std::move(ends)), Ints(std::move(axes))});
}

std::string PartsBuilder::Concat(Inputs sources, int64_t axis) {
  return Op("Concat", std::move(sources), {{"axis", axis}});
}

std::string PartsBuilder::Cast(const std::string& src, DataType type) {
  return Op("Cast", {src}, {{"to", int64_t{OnnxNumber(EngineType(type))}}});
}

std::string PartsBuilder::Stack(const Inputs& sources, int64_t axis) {
  Inputs steps;
  for (const std::string& source : sources) steps.push_back(Unsqueeze(source, axis));
  return Concat(std::move(steps), axis);
}

std::vector<std::string> PartsBuilder::Split(const std::string& src, int64_t axis,
                                             const std::vector<int64_t>& sizes) {
  std::vector<std::string> results;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    results.push_back(Slice(src, axis, begin, begin + size));
    begin += size;
  }
  return results;
}

void PartsBuilder::Result(size_t index, const std::string& value) {
  if (!IsWanted(index)) return;
  const std::string& result = node_.outputs[index];
  const auto writer = std::find_if(parts_.nodes.begin(), parts_.nodes.end(),
                                   [&](const Node& node) { return node.outputs[0] == value; });
  const bool is_result = std::count(node_.outputs.begin(), node_.outputs.end(), value) > 0;
  if (writer == parts_.nodes.end() || is_result) {
    Op("Identity", {value});
    parts_.nodes.back().outputs[0] = result;
    return;
  }
  writer->outputs[0] = result;
  for (Node& node : parts_.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), value, result);
  }
}

void PartsBuilder::Name(const std::string& value) {
  for (Node& node : parts_.nodes) {
    if (node.outputs[0] == value) node.name = node_.name;
  }
}

}  // namespace halftone
