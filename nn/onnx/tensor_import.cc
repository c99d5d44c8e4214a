#include "nn/onnx/tensor_import.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/onnx/external_data.h"
#include "nn/onnx/four_bits.h"
#include "nn/onnx/names.h"

namespace halftone {
namespace {

using onnx::TensorProto;

absl::Status WrongCount(int64_t found, const Shape& shape, absl::string_view unit) {
  return absl::InvalidArgumentError(absl::StrCat(
      "it holds ", found, " ", unit, ", which does not fit its shape ", shape.ToString()));
}

// The elements of one of the proto's typed lists, narrowed to the type that they stand for.
template <typename Stored, typename List>
absl::StatusOr<Tensor> FromList(const List& list, DataType type, const Shape& shape) {
  if (list.size() != shape.Elements()) return WrongCount(list.size(), shape, "elements");
  std::vector<std::byte> bytes(static_cast<size_t>(list.size()) * sizeof(Stored));
  for (int i = 0; i < list.size(); ++i) {
    const Stored element = static_cast<Stored>(list.Get(i));
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(Stored), &element, sizeof(Stored));
  }
  return Tensor::FromBytes(type, shape, std::move(bytes));
}

// Of bytes as ONNX stores them.
absl::StatusOr<Tensor> FromStored(std::vector<std::byte> bytes, DataType type, const Shape& shape) {
  const auto size = static_cast<int64_t>(bytes.size());
  if (size != StoredBytes(type, shape.Elements())) return WrongCount(size, shape, "bytes");
  if (IsFourBits(type)) bytes = UnpackFourBits(bytes, type, shape.Elements());
  return Tensor::FromBytes(type, shape, std::move(bytes));
}

absl::StatusOr<Tensor> FromRawData(const std::string& raw, DataType type, const Shape& shape) {
  const auto* begin = reinterpret_cast<const std::byte*>(raw.data());
  return FromStored({begin, begin + raw.size()}, type, shape);
}

// Of two elements in each entry.
template <typename List>
absl::StatusOr<Tensor> FromPackedList(const List& list, DataType type, const Shape& shape) {
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(list.size()));
  for (const int32_t entry : list) bytes.push_back(static_cast<std::byte>(entry));
  return FromStored(std::move(bytes), type, shape);
}

absl::StatusOr<Tensor> FromTypedData(const TensorProto& proto, DataType type, const Shape& shape) {
  switch (type) {
    case DataType::kFloat32:
      return FromList<float>(proto.float_data(), type, shape);
    case DataType::kFloat64:
      return FromList<double>(proto.double_data(), type, shape);
    case DataType::kInt64:
      return FromList<int64_t>(proto.int64_data(), type, shape);
    case DataType::kUint64:
      return FromList<uint64_t>(proto.uint64_data(), type, shape);
    case DataType::kUint32:
      return FromList<uint32_t>(proto.uint64_data(), type, shape);
    case DataType::kInt32:
      return FromList<int32_t>(proto.int32_data(), type, shape);
    case DataType::kInt16:
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBFloat16:
      return FromList<uint16_t>(proto.int32_data(), type, shape);
    case DataType::kInt8:
    case DataType::kUint8:
    case DataType::kBool:
    case DataType::kFloat8E4M3Fn:
    case DataType::kFloat8E4M3Fnuz:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2Fnuz:
      return FromList<uint8_t>(proto.int32_data(), type, shape);
    case DataType::kInt4:
    case DataType::kUint4:
    case DataType::kFloat4E2M1:
      return FromPackedList(proto.int32_data(), type, shape);
  }
  return absl::InternalError("unknown type");
}

absl::StatusOr<ExternalLocation> ParseLocation(const TensorProto& proto, int64_t bytes) {
  ExternalLocation location;
  location.length = bytes;
  for (const onnx::StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      HT_RETURN_IF_ERROR(CheckName(entry.value(), "location of external data"));
      location.file = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      int64_t number = 0;
      if (!absl::SimpleAtoi(entry.value(), &number) || number < 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the ", entry.key(), " of its external data is '", Excerpt(entry.value()), "'"));
      }
      (entry.key() == "offset" ? location.offset : location.length) = number;
    }
  }
  return location;
}

// Those that are read, and those that passes over the graph make from them.
constexpr double kCopiesOfElements = 2;

// FLOAT8E8M0, UINT2 and INT2, which older versions of ONNX have no names for.
constexpr int32_t kFirstNewerType = 24, kLastNewerType = 26;

}  // namespace

absl::StatusOr<DataType> ImportDataType(int32_t type) {
  if (const std::optional<DataType> known = TypeOfOnnxNumber(type); known.has_value())
    return *known;
  switch (type) {
    case TensorProto::STRING:
    case TensorProto::COMPLEX64:
    case TensorProto::COMPLEX128:
      return absl::UnimplementedError("elements that are strings or complex numbers");
    default:
      if (type >= kFirstNewerType && type <= kLastNewerType) {
        return absl::UnimplementedError(absl::StrCat(
            "elements that are powers of two or have 2 bits (ONNX's type ", type, ")"));
      }
      return absl::InvalidArgumentError(absl::StrCat("unknown element type ", type));
  }
}

absl::StatusOr<Tensor> TensorImporter::Import(const TensorProto& proto) {
  if (const auto found = imported_.find(&proto); found != imported_.end()) return found->second;
  HT_ASSIGN_OR_RETURN(Tensor tensor, ImportNew(proto));
  return imported_.emplace(&proto, std::move(tensor)).first->second;
}

absl::StatusOr<Tensor> TensorImporter::ImportNew(const TensorProto& proto) {
  HT_ASSIGN_OR_RETURN(DataType type, ImportDataType(proto.data_type()));
  if (proto.has_segment()) return absl::UnimplementedError("a tensor in segments");
  if (proto.dims_size() > Shape::kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("it has ", proto.dims_size(), " dimensions"));
  }
  const Shape shape(
      absl::MakeConstSpan(proto.dims().data(), static_cast<size_t>(proto.dims_size())));
  HT_RETURN_IF_ERROR(shape.Check());
  if (proto.data_location() == TensorProto::EXTERNAL) return ImportExternal(proto, type, shape);
  if (proto.has_raw_data()) return FromRawData(proto.raw_data(), type, shape);
  return FromTypedData(proto, type, shape);
}

absl::StatusOr<Tensor> TensorImporter::ImportExternal(const TensorProto& proto, DataType type,
                                                      const Shape& shape) {
  const int64_t bytes = StoredBytes(type, shape.Elements());
  HT_ASSIGN_OR_RETURN(ExternalLocation location, ParseLocation(proto, bytes));
  if (external_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("its elements are in another file, '",
                                                   location.file,
                                                   "', which did not come with the model"));
  }
  if (location.length != bytes) return WrongCount(location.length, shape, "bytes");
  if (bytes > external_bytes_left_) {
    return absl::ResourceExhaustedError("the model's external data is too large");
  }
  external_bytes_left_ -= bytes;
  external_bytes_read_ += shape.Elements() * static_cast<int64_t>(SizeOf(type));
  HT_RETURN_IF_ERROR(CheckMemory("the model's external data",
                                 kCopiesOfElements * static_cast<double>(external_bytes_read_),
                                 "the network itself needs a higher limit"));
  HT_ASSIGN_OR_RETURN(std::vector<std::byte> content, external_->Read(location));
  return FromStored(std::move(content), type, shape);
}

}  // namespace halftone
