#ifndef HALFTONE_NN_GRAPH_TENSOR_H_
#define HALFTONE_NN_GRAPH_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/data_type.h"
#include "nn/graph/shape.h"

namespace halftone {

// A dense host array in C order. Copies share the (immutable) elements, so a Tensor is cheap to
// pass by value and safe to read from many threads.
class Tensor {
 public:
  Tensor() : Tensor(DataType::kFloat32, Shape{0}, nullptr) {}

  // Takes the elements; `values.size()` must be `shape.Elements()`.
  template <typename T>
  static Tensor Of(Shape shape, std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    std::shared_ptr<const std::byte> bytes(owner,
                                           reinterpret_cast<const std::byte*>(owner->data()));
    return Tensor(DataTypeOf<T>::value, std::move(shape), std::move(bytes));
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return Of<T>(Shape{}, std::vector<T>{value});
  }
  // Takes raw little-endian bytes, `shape.Elements() * SizeOf(type)` of them, suitably aligned; of
  // integers of 4 bits, extended to 8.
  static Tensor FromBytes(DataType type, Shape shape, std::vector<std::byte> bytes);

  // Converts to `type`, which must be an integer type or bool (wrapping, as C does), or a float
  // type (rounding to nearest even, beyond the largest number to infinity or, without one, NaN, or
  // that number), respectively.
  static Tensor FromInts(DataType type, Shape shape, absl::Span<const int64_t> values);
  static Tensor FromDoubles(DataType type, Shape shape, absl::Span<const double> values);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t elements() const { return shape_.Elements(); }
  size_t size_bytes() const { return static_cast<size_t>(elements()) * SizeOf(type_); }
  absl::Span<const std::byte> bytes() const { return {bytes_.get(), size_bytes()}; }

  // The elements; T must be the C++ type of type() (checked by assertion).
  template <typename T>
  absl::Span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes_.get()), static_cast<size_t>(elements())};
  }

  // The same elements under another shape with as many of them.
  Tensor Reshaped(Shape shape) const { return Tensor(type_, std::move(shape), bytes_); }

  // The elements converted: any float type to float32 (exactly, but for float64), any integer type
  // or bool to int64. INVALID_ARGUMENT for a float asked as integers, and vice versa.
  absl::StatusOr<std::vector<float>> ToFloats() const;
  absl::StatusOr<std::vector<int64_t>> ToInts() const;
  // Any float type to float64, exactly. INVALID_ARGUMENT for integers.
  absl::StatusOr<std::vector<double>> ToDoubles() const;

 private:
  Tensor(DataType type, Shape shape, std::shared_ptr<const std::byte> bytes)
      : type_(type), shape_(std::move(shape)), bytes_(std::move(bytes)) {}

  DataType type_;
  Shape shape_;
  std::shared_ptr<const std::byte> bytes_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_TENSOR_H_
