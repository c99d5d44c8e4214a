#include "nn/graph/tensor.h"

#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "nn/graph/half.h"
#include "nn/graph/narrow_float.h"

namespace halftone {
namespace {

template <typename Stored, typename T, typename Convert>
std::vector<T> Widen(absl::Span<const std::byte> bytes, size_t count, Convert convert) {
  std::vector<T> result(count);
  for (size_t i = 0; i < count; ++i) {
    Stored element;
    std::memcpy(&element, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    result[i] = convert(element);
  }
  return result;
}

template <typename Stored, typename T>
std::vector<T> Widen(absl::Span<const std::byte> bytes, size_t count) {
  return Widen<Stored, T>(bytes, count, [](Stored element) { return static_cast<T>(element); });
}

template <typename Stored, typename T, typename Convert>
std::vector<std::byte> Narrow(absl::Span<const T> values, Convert convert) {
  std::vector<std::byte> bytes(values.size() * sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    const Stored element = convert(values[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &element, sizeof(Stored));
  }
  return bytes;
}

template <typename Stored, typename T>
std::vector<std::byte> Narrow(absl::Span<const T> values) {
  return Narrow<Stored, T>(values, [](T value) { return static_cast<Stored>(value); });
}

absl::Status WrongKind(DataType type, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("a tensor of ", DataTypeName(type), " where ", wanted, " are needed"));
}

// The elements of any float type as T, which is float or double.
template <typename T>
absl::StatusOr<std::vector<T>> WidenFloats(const Tensor& tensor) {
  const auto count = static_cast<size_t>(tensor.elements());
  if (const auto format = NarrowFloatOf(tensor.type()); format.has_value()) {
    return Widen<uint8_t, T>(tensor.bytes(), count,
                             [&](uint8_t bits) { return static_cast<T>(format->Decode(bits)); });
  }
  switch (tensor.type()) {
    case DataType::kFloat32:
      return Widen<float, T>(tensor.bytes(), count);
    case DataType::kFloat64:
      return Widen<double, T>(tensor.bytes(), count);
    case DataType::kFloat16:
      return Widen<uint16_t, T>(tensor.bytes(), count, Float16ToFloat);
    case DataType::kBFloat16:
      return Widen<uint16_t, T>(tensor.bytes(), count, BFloat16ToFloat);
    default:
      return WrongKind(tensor.type(), "floats");
  }
}

// The integer of 4 bits that has the last ones of `value`.
uint8_t LastFourBits(int64_t value, DataType type) {
  const auto bits = static_cast<uint8_t>(value & 0xf);
  return type == DataType::kInt4 && bits >= 8 ? static_cast<uint8_t>(bits | 0xf0) : bits;
}

std::vector<std::byte> NarrowInts(DataType type, absl::Span<const int64_t> values) {
  if (IsFourBits(type)) {
    return Narrow<uint8_t, int64_t>(values,
                                    [type](int64_t value) { return LastFourBits(value, type); });
  }
  switch (SizeOf(type)) {
    case 1:
      if (type == DataType::kBool) {
        return Narrow<uint8_t, int64_t>(values, [](int64_t value) { return value != 0 ? 1 : 0; });
      }
      return Narrow<uint8_t, int64_t>(values);
    case 2:
      return Narrow<uint16_t, int64_t>(values);
    case 4:
      return Narrow<uint32_t, int64_t>(values);
    default:
      return Narrow<uint64_t, int64_t>(values);
  }
}

}  // namespace

Tensor Tensor::FromBytes(DataType type, Shape shape, std::vector<std::byte> bytes) {
  assert(bytes.size() == static_cast<size_t>(shape.Elements()) * SizeOf(type));
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  std::shared_ptr<const std::byte> elements(owner, owner->data());
  return Tensor(type, std::move(shape), std::move(elements));
}

Tensor Tensor::FromInts(DataType type, Shape shape, absl::Span<const int64_t> values) {
  assert(!IsFloat(type));
  return FromBytes(type, std::move(shape), NarrowInts(type, values));
}

Tensor Tensor::FromDoubles(DataType type, Shape shape, absl::Span<const double> values) {
  assert(IsFloat(type));
  const auto to_float16 = [](double x) { return FloatToFloat16(static_cast<float>(x)); };
  const auto to_bfloat16 = [](double x) { return FloatToBFloat16(static_cast<float>(x)); };
  if (const auto format = NarrowFloatOf(type); format.has_value()) {
    const auto to_narrow = [&](double x) { return format->Encode(format->Round(x, false)); };
    return FromBytes(type, std::move(shape), Narrow<uint8_t, double>(values, to_narrow));
  }
  switch (type) {
    case DataType::kFloat64:
      return FromBytes(type, std::move(shape), Narrow<double, double>(values));
    case DataType::kFloat16:
      return FromBytes(type, std::move(shape), Narrow<uint16_t, double>(values, to_float16));
    case DataType::kBFloat16:
      return FromBytes(type, std::move(shape), Narrow<uint16_t, double>(values, to_bfloat16));
    default:
      return FromBytes(type, std::move(shape), Narrow<float, double>(values));
  }
}

absl::StatusOr<std::vector<float>> Tensor::ToFloats() const { return WidenFloats<float>(*this); }

absl::StatusOr<std::vector<double>> Tensor::ToDoubles() const { return WidenFloats<double>(*this); }

absl::StatusOr<std::vector<int64_t>> Tensor::ToInts() const {
  const auto count = static_cast<size_t>(elements());
  switch (type_) {
    case DataType::kInt8:
    case DataType::kInt4:
      return Widen<int8_t, int64_t>(bytes(), count);
    case DataType::kUint8:
    case DataType::kUint4:
      return Widen<uint8_t, int64_t>(bytes(), count);
    case DataType::kBool:
      return Widen<uint8_t, int64_t>(bytes(), count, [](uint8_t x) { return x != 0 ? 1 : 0; });
    case DataType::kInt16:
      return Widen<int16_t, int64_t>(bytes(), count);
    case DataType::kUint16:
      return Widen<uint16_t, int64_t>(bytes(), count);
    case DataType::kInt32:
      return Widen<int32_t, int64_t>(bytes(), count);
    case DataType::kUint32:
      return Widen<uint32_t, int64_t>(bytes(), count);
    case DataType::kInt64:
    case DataType::kUint64:
      return Widen<int64_t, int64_t>(bytes(), count);
    default:
      return WrongKind(type_, "integers");
  }
}

}  // namespace halftone
