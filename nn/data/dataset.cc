#include "nn/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/graph/float32.h"

namespace halftone {
namespace {

constexpr absl::string_view kLabels = "labels";

// Float arrays as float32, which networks are computed in; others as they are.
absl::StatusOr<Tensor> ToNetworkType(const Tensor& array) {
  if (!IsFloat(array.type())) return array;
  HT_ASSIGN_OR_RETURN(const Tensor converted, ToFloat32(array));
  const absl::Span<const float> values = converted.data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const auto per_sample = values.size() / static_cast<size_t>(array.shape().dim(0));
    return absl::InvalidArgumentError(absl::StrCat(
        "sample ", i / per_sample, " holds a value that is ",
        std::isnan(values[i]) ? "not a number" : "infinite (or too large for float32)"));
  }
  return converted;
}

absl::StatusOr<std::vector<int64_t>> ReadLabels(const Tensor& array) {
  if (array.shape().rank() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", array.shape().ToString(),
                                                   " instead of one class number for each sample"));
  }
  if (IsFloat(array.type()) || array.type() == DataType::kBool) {
    return absl::InvalidArgumentError(
        absl::StrCat(DataTypeName(array.type()), " where class numbers (int64) are needed"));
  }
  return array.ToInts();
}

// `count` samples of `array` from `begin`; past the end, the last one again.
Tensor CopySamples(const Tensor& array, int64_t begin, int64_t count) {
  const int64_t samples = array.shape().dim(0);
  const size_t bytes_per_sample = array.size_bytes() / static_cast<size_t>(samples);
  Shape shape = array.shape();
  shape.set_dim(0, count);
  std::vector<std::byte> bytes(static_cast<size_t>(count) * bytes_per_sample);
  const int64_t present = std::min(count, samples - begin);
  const std::byte* src = array.bytes().data();
  const auto copy = [&](int64_t to, int64_t from, int64_t size) {
    if (bytes_per_sample == 0) return;
    std::memcpy(bytes.data() + static_cast<size_t>(to) * bytes_per_sample,
                src + static_cast<size_t>(from) * bytes_per_sample,
                static_cast<size_t>(size) * bytes_per_sample);
  };
  copy(0, begin, present);
  for (int64_t i = present; i < count; ++i) copy(i, samples - 1, 1);
  return Tensor::FromBytes(array.type(), std::move(shape), std::move(bytes));
}

bool ShapesFit(const Shape& array, const Shape& input) {
  if (array.rank() != input.rank() || input.rank() == 0) return false;
  for (int axis = 1; axis < input.rank(); ++axis) {
    if (input.dim(axis) != Shape::kDynamic && input.dim(axis) != array.dim(axis)) return false;
  }
  return true;
}

std::string SampleShape(const Shape& shape) {
  if (shape.rank() == 0) return "(a scalar)";
  return Shape(absl::MakeConstSpan(shape.dims()).subspan(1)).ToString();
}

// Whole numbers of an array may be of a wider type than the input.
absl::Status CheckRange(const Tensor& array, const Port& port) {
  const std::optional<IntegerLimits> limits = LimitsOf(port.info.type);
  if (!limits.has_value() || array.type() == port.info.type) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> values, array.ToInts());
  const auto outside = std::find_if(values.begin(), values.end(), [&](int64_t value) {
    return value < limits->least || value > limits->most;
  });
  if (outside == values.end()) return absl::OkStatus();
  const auto per_sample = static_cast<int64_t>(values.size()) / array.shape().dim(0);
  return absl::InvalidArgumentError(
      absl::StrCat("array '", port.name, "' has ", *outside, " in sample ",
                   (outside - values.begin()) / per_sample, ", the model's input is ",
                   DataTypeName(port.info.type), ", from ", limits->least, " to ", limits->most));
}

absl::Status CheckInput(const Tensor& array, const Port& port) {
  // An array of floats would hold what such an input cannot.
  if (IsNarrowFloat(port.info.type)) {
    return absl::UnimplementedError(
        absl::StrCat("the model's input '", port.name, "' is ", DataTypeName(port.info.type),
                     ", which numpy does not have; let the model cast a float32 input to it"));
  }
  if (!ShapesFit(array.shape(), port.info.shape)) {
    return absl::InvalidArgumentError(
        absl::StrCat("array '", port.name, "' has samples of shape ", SampleShape(array.shape()),
                     ", the model's input needs ", SampleShape(port.info.shape)));
  }
  const auto is_whole = [](DataType type) { return !IsFloat(type) && type != DataType::kBool; };
  const bool fits =
      IsFloat(port.info.type)
          ? array.type() == DataType::kFloat32
          : array.type() == port.info.type || (is_whole(array.type()) && is_whole(port.info.type));
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("array '", port.name, "' is ", DataTypeName(array.type()),
                     ", the model's input needs ", DataTypeName(port.info.type)));
  }
  HT_RETURN_IF_ERROR(CheckRange(array, port));
  return Annotate(ToFloat32(array).status(), absl::StrCat("array '", port.name, "'"));
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Create(const std::map<std::string, Tensor>& arrays) {
  Dataset dataset;
  const std::string* first = nullptr;
  for (const auto& [name, array] : arrays) {
    const std::string context = absl::StrCat("array '", name, "'");
    if (array.shape().rank() == 0 && name != kLabels) {
      dataset.constants_.emplace(name, array);
      continue;
    }
    if (array.shape().rank() == 0 || array.shape().dim(0) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(context, " holds no samples"));
    }
    const int64_t samples = array.shape().dim(0);
    if (first == nullptr) {
      first = &name;
      dataset.samples_ = samples;
    } else if (samples != dataset.samples_) {
      return absl::InvalidArgumentError(absl::StrCat(context, " has ", samples, " samples, '",
                                                     *first, "' has ", dataset.samples_));
    }
    if (name == kLabels) {
      absl::StatusOr<std::vector<int64_t>> labels = ReadLabels(array);
      if (!labels.ok()) return Annotate(labels.status(), context);
      dataset.labels_ = *std::move(labels);
      continue;
    }
    absl::StatusOr<Tensor> converted = ToNetworkType(array);
    if (!converted.ok()) return Annotate(converted.status(), context);
    dataset.inputs_.emplace(name, *std::move(converted));
  }
  if (dataset.inputs_.empty()) {
    return absl::InvalidArgumentError("the data holds no array beside the labels");
  }
  return dataset;
}

absl::StatusOr<Dataset> Dataset::FromNpz(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const auto arrays, ReadNpz(bytes));
  return Create(arrays);
}

absl::Status Dataset::CheckConstants(const Graph& graph) const {
  for (const auto& [name, value] : constants_) {
    const auto fixed = graph.initializers.find(name);
    if (fixed == graph.initializers.end()) continue;
    HT_ASSIGN_OR_RETURN(const Tensor ours, ToFloat32(value));
    HT_ASSIGN_OR_RETURN(const Tensor theirs, ToFloat32(fixed->second));
    if (theirs.elements() > 0 && ours.data<float>()[0] == theirs.data<float>()[0]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("array '", name, "' is ", ours.data<float>()[0],
                     ", another constant than the one that the network was prepared with"));
  }
  return absl::OkStatus();
}

absl::Status Dataset::CheckFits(const Graph& graph, int64_t classes) const {
  for (const Port& port : graph.inputs) {
    const auto array = inputs_.find(port.name);
    if (array == inputs_.end()) {
      const auto name = [](std::string* out, const auto& entry) { out->append(entry.first); };
      return absl::InvalidArgumentError(absl::StrCat(
          "the data has no array for the model's input '", port.name, "'; it has ",
          absl::StrJoin(inputs_, ", ", name),
          "; one value for all samples is said with --constant ", port.name, "=VALUE"));
    }
    HT_RETURN_IF_ERROR(CheckInput(array->second, port));
  }
  HT_RETURN_IF_ERROR(CheckConstants(graph));
  if (!labels_ || classes <= 0) return absl::OkStatus();
  for (size_t i = 0; i < labels_->size(); ++i) {
    const int64_t label = (*labels_)[i];
    if (label < 0 || label >= classes) {
      return absl::InvalidArgumentError(absl::StrCat("label ", label, " of sample ", i,
                                                     " is outside of the model's ", classes,
                                                     " classes (0 to ", classes - 1, ")"));
    }
  }
  return absl::OkStatus();
}

Dataset Dataset::Take(int64_t count) const {
  count = std::max<int64_t>(count, 1);
  if (count >= samples_) return *this;
  Dataset taken;
  taken.samples_ = count;
  taken.constants_ = constants_;
  for (const auto& [name, array] : inputs_) {
    taken.inputs_.emplace(name, CopySamples(array, 0, count));
  }
  if (labels_) taken.labels_.emplace(labels_->begin(), labels_->begin() + count);
  return taken;
}

Dataset Dataset::Without(const std::set<int64_t>& left_out) const {
  std::vector<int64_t> kept;
  for (int64_t n = 0; n < samples_; ++n) {
    if (left_out.count(n) == 0) kept.push_back(n);
  }
  Dataset rest;
  rest.samples_ = static_cast<int64_t>(kept.size());
  rest.constants_ = constants_;
  for (const auto& [name, array] : inputs_) {
    const size_t size = array.size_bytes() / static_cast<size_t>(samples_);
    Shape shape = array.shape();
    shape.set_dim(0, rest.samples_);
    std::vector<std::byte> bytes(kept.size() * size);
    for (size_t i = 0; i < kept.size() && size > 0; ++i) {
      std::memcpy(bytes.data() + i * size,
                  array.bytes().data() + static_cast<size_t>(kept[i]) * size, size);
    }
    rest.inputs_.emplace(name, Tensor::FromBytes(array.type(), std::move(shape), std::move(bytes)));
  }
  if (labels_) {
    rest.labels_.emplace();
    for (const int64_t n : kept) rest.labels_->push_back((*labels_)[static_cast<size_t>(n)]);
  }
  return rest;
}

absl::StatusOr<Tensor> Dataset::Batch(absl::string_view name, int64_t begin, int64_t size) const {
  const auto array = inputs_.find(std::string(name));
  if (array == inputs_.end()) {
    return absl::InvalidArgumentError(absl::StrCat("the data has no array '", name, "'"));
  }
  if (begin < 0 || begin >= samples_ || size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("no batch of ", size, " samples from ", begin, " in ", samples_, " samples"));
  }
  Shape shape = array->second.shape();
  shape.set_dim(0, size);
  HT_RETURN_IF_ERROR(shape.Check());
  return ToFloat32(CopySamples(array->second, begin, size));
}

}  // namespace halftone
