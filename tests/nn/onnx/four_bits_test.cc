// Tensors whose elements have 4 bits: two a byte in the file.
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/tensor.h"
#include "nn/onnx/import.h"
#include "nn/onnx/proto_writer.h"
#include "nn/onnx/tensor_proto.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kUint4 = 21, kInt4 = 22, kFloat4 = 23;  // ONNX's numbers

onnx::TensorProto Proto(int32_t type, int64_t elements) {
  onnx::TensorProto proto;
  proto.set_name("packed");
  proto.set_data_type(type);
  proto.add_dims(elements);
  return proto;
}

absl::StatusOr<Tensor> Read(const onnx::TensorProto& proto) {
  return ParseTensorProto(proto.SerializeAsString());
}

onnx::TensorProto Raw(int32_t type, int64_t elements, const std::string& bytes) {
  onnx::TensorProto proto = Proto(type, elements);
  proto.set_raw_data(bytes);
  return proto;
}

onnx::TensorProto List(int32_t type, int64_t elements, const std::vector<int32_t>& entries) {
  onnx::TensorProto proto = Proto(type, elements);
  for (const int32_t entry : entries) proto.add_int32_data(entry);
  return proto;
}

TEST(FourBitsTest, ReadsTheLowerHalfFirst) {
  for (const onnx::TensorProto& proto : {Raw(kInt4, 3, "\x1f\xf8"), List(kInt4, 3, {0x1f, 0xf8})}) {
    const auto tensor = Read(proto);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->type(), DataType::kInt4);
    EXPECT_THAT(*tensor->ToInts(), ElementsAre(-1, 1, -8));
  }
  EXPECT_THAT(*Read(Raw(kUint4, 4, "\x1f\xf8"))->ToInts(), ElementsAre(15, 1, 8, 15));
  EXPECT_THAT(*Read(Raw(kFloat4, 4, "\x1f\x78"))->ToFloats(), ElementsAre(-6, 0.5f, -0.0f, 6));
  EXPECT_EQ(Read(Raw(kInt4, 0, ""))->elements(), 0);
}

TEST(FourBitsTest, WritesWhatItReads) {
  for (const DataType type :
       {DataType::kInt4, DataType::kUint4, DataType::kFloat4E2M1, DataType::kFloat8E4M3Fn,
        DataType::kFloat8E5M2, DataType::kFloat8E4M3Fnuz, DataType::kFloat8E5M2Fnuz}) {
    const int64_t count = IsFourBits(type) ? 16 : 256;
    for (const int64_t elements : {count, count - 1}) {
      std::string bytes;
      for (int64_t i = 0; i < elements; i += IsFourBits(type) ? 2 : 1) {
        const bool has_second = i + 1 < elements;
        bytes += static_cast<char>(IsFourBits(type) && has_second ? i | (i + 1) << 4 : i);
      }
      const auto tensor = Read(Raw(OnnxNumber(type), elements, bytes));
      ASSERT_TRUE(tensor.ok()) << tensor.status();
      const onnx::TensorProto written = ToProto(*tensor, "packed");
      EXPECT_EQ(written.data_type(), OnnxNumber(type));
      EXPECT_EQ(written.raw_data(), bytes) << DataTypeName(type) << " " << elements;
    }
  }
}

TEST(FourBitsTest, RefusesDataThatDoNotFit) {
  for (const onnx::TensorProto& proto :
       {Raw(kInt4, 5, "\x11\x11"), Raw(kInt4, 3, "\x11\x11\x11"), Raw(kUint4, 3, ""),
        List(kUint4, 5, {1, 2}), List(kFloat4, 2, {1, 2}), Proto(kInt4, 1),
        Raw(kInt4, INT64_MAX, "\x11"), Raw(kInt4, -1, "\x11")}) {
    EXPECT_EQ(Read(proto).status().code(), absl::StatusCode::kInvalidArgument)
        << proto.ShortDebugString();
    ModelBuilder model;
    model.Input("x", {1, 2}).Node("Relu", {"x"}, {"y"}).Output("y");
    *model.graph().add_initializer() = proto;
    const absl::Status status = ImportOnnx(model.Bytes(), {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("'packed'"));
  }
}

}  // namespace
}  // namespace halftone
