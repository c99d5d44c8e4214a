#include "server/convert/input_binding.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

constexpr size_t kMaxEntries = 1024;
constexpr size_t kMaxNameBytes = 4096;
constexpr int kMaxValues = 1 << 20;

absl::Status CheckEntries(absl::string_view field, size_t count) {
  if (count <= kMaxEntries) return absl::OkStatus();
  return AtField(field, absl::InvalidArgumentError(
                            absl::StrCat(count, " are too many, the limit is ", kMaxEntries)));
}

absl::Status CheckInputName(absl::string_view field, const std::string& name) {
  return AtField(field, CheckLength("name", name, kMaxNameBytes));
}

absl::StatusOr<Shape> ShapeFromProto(const v1::InputBinding::Shape& shape) {
  if (shape.sizes_size() > Shape::kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape.sizes_size(), " axes, the limit is ", Shape::kMaxRank));
  }
  for (const int64_t size : shape.sizes()) {
    if (size == Shape::kDynamic || (size >= 1 && size <= Shape::kMaxElements)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(size, " is no size of an axis (1 or more, or -1 to leave it)"));
  }
  return Shape(absl::MakeConstSpan(shape.sizes().data(), static_cast<size_t>(shape.sizes_size())));
}

absl::StatusOr<std::vector<double>> ValuesFromProto(const v1::InputBinding::Values& values) {
  if (values.values_size() < 1 || values.values_size() > kMaxValues) {
    return absl::InvalidArgumentError(
        absl::StrCat(values.values_size(), " values, 1 to ", kMaxValues, " are taken"));
  }
  for (const double value : values.values()) {
    if (!std::isfinite(value)) return absl::InvalidArgumentError("a value that is not finite");
  }
  return std::vector<double>(values.values().begin(), values.values().end());
}

}  // namespace

absl::StatusOr<InputBinding> InputBindingFromProto(const v1::InputBinding& binding) {
  InputBinding out;
  HT_RETURN_IF_ERROR(CheckEntries("shapes", binding.shapes().size()));
  for (const auto& [name, shape] : binding.shapes()) {
    HT_RETURN_IF_ERROR(CheckInputName("shapes", name));
    HT_ASSIGN_FIELD(out.shapes[name], FieldEntry("shapes", name), ShapeFromProto(shape));
  }
  HT_RETURN_IF_ERROR(CheckEntries("axes", binding.axes().size()));
  for (const auto& [name, size] : binding.axes()) {
    HT_RETURN_IF_ERROR(CheckInputName("axes", name));
    if (size < 1 || size > Shape::kMaxElements) {
      return AtField(FieldEntry("axes", name),
                     absl::InvalidArgumentError(absl::StrCat(size, " is no size of an axis")));
    }
    out.axes[name] = size;
  }
  HT_RETURN_IF_ERROR(CheckEntries("constants", binding.constants().size()));
  for (const auto& [name, values] : binding.constants()) {
    HT_RETURN_IF_ERROR(CheckInputName("constants", name));
    HT_ASSIGN_FIELD(out.constants[name], FieldEntry("constants", name), ValuesFromProto(values));
  }
  HT_RETURN_IF_ERROR(CheckEntries("sample_axes", binding.sample_axes().size()));
  for (const auto& [name, axis] : binding.sample_axes()) {
    HT_RETURN_IF_ERROR(CheckInputName("sample_axes", name));
    out.sample_axes[name] = axis;
  }
  return out;
}

}  // namespace halftone
