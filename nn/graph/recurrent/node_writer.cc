#include "nn/graph/recurrent/node_writer.h"

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// The first opsets with an input in the place of an attribute.
constexpr int64_t kOpsetOfClipInputs = 11;
constexpr int64_t kOpsetOfPadInput = 11;
constexpr int64_t kOpsetOfAxesInput = 13;  // of Split and Unsqueeze

}  // namespace

void NodeWriter::SetScope(absl::string_view scope) {
  scope_ = scope.empty() ? node_ : absl::StrCat(node_, "/", scope);
}

std::string NodeWriter::Name(absl::string_view role) {
  return names_.Make(absl::StrCat(scope_, "/", role));
}

std::string NodeWriter::Op(absl::string_view op, std::vector<std::string> inputs,
                           absl::string_view role, Attributes attributes) {
  std::string name = Name(role);
  parts_.nodes.push_back(
      {name, std::string(op), "", std::move(inputs), {name}, std::move(attributes)});
  return name;
}

void NodeWriter::Write(absl::string_view op, std::vector<std::string> inputs,
                       const std::string& dst, absl::string_view role, Attributes attributes) {
  Op(op, std::move(inputs), role, std::move(attributes));
  parts_.nodes.back().outputs = {dst};
}

std::vector<std::string> NodeWriter::Split(const std::string& src, int64_t axis,
                                           const std::vector<int64_t>& sizes,
                                           absl::string_view role) {
  if (sizes.size() == 1) return {src};
  const bool is_input = opset_ >= kOpsetOfAxesInput;
  Attributes attributes = {{"axis", axis}};
  if (!is_input) attributes["split"] = sizes;
  std::vector<std::string> inputs = {src};
  if (is_input) inputs.push_back(Ints(sizes));
  std::vector<std::string> parts;
  for (size_t i = 0; i < sizes.size(); ++i) parts.push_back(Name(absl::StrCat(role, "_", i)));
  Op("Split", std::move(inputs), role, std::move(attributes));
  parts_.nodes.back().outputs = parts;
  return parts;
}

std::string NodeWriter::Concat(const std::vector<std::string>& srcs, int64_t axis,
                               absl::string_view role) {
  if (srcs.size() == 1) return srcs[0];
  return Op("Concat", srcs, role, {{"axis", axis}});
}

std::string NodeWriter::Unsqueeze(const std::string& src, int64_t axis, absl::string_view role) {
  const std::vector<int64_t> axes = {axis};
  if (opset_ < kOpsetOfAxesInput) return Op("Unsqueeze", {src}, role, {{"axes", axes}});
  return Op("Unsqueeze", {src, Ints(axes)}, role);
}

std::string NodeWriter::PadBehind(const std::string& src, int rank, int64_t axis, int64_t count,
                                  absl::string_view role) {
  std::vector<int64_t> pads(2 * static_cast<size_t>(rank), 0);
  pads[static_cast<size_t>(rank + axis)] = count;
  if (opset_ < kOpsetOfPadInput) return Op("Pad", {src}, role, {{"pads", pads}});
  return Op("Pad", {src, Ints(pads)}, role);
}

std::string NodeWriter::Clip(const std::string& src, float bound, absl::string_view role) {
  if (opset_ < kOpsetOfClipInputs)
    return Op("Clip", {src}, role, {{"min", -bound}, {"max", bound}});
  return Op("Clip", {src, Scalar(-bound), Scalar(bound)}, role);
}

std::string NodeWriter::Constant(absl::string_view role, Tensor tensor) {
  std::string name = Name(role);
  parts_.constants.emplace(name, std::move(tensor));
  return name;
}

std::string NodeWriter::Scalar(float value) {
  std::string& name = scalars_[value];
  if (name.empty()) {
    const std::string scope = std::exchange(scope_, node_);
    name = Constant("scalar", Tensor::Scalar(value));
    scope_ = scope;
  }
  return name;
}

std::string NodeWriter::Ints(const std::vector<int64_t>& values) {
  std::string& name = ints_[values];
  if (name.empty()) {
    const std::string scope = std::exchange(scope_, node_);
    const Shape shape{static_cast<int64_t>(values.size())};
    name = Constant("integers", Tensor::Of<int64_t>(shape, values));
    scope_ = scope;
  }
  return name;
}

}  // namespace halftone
