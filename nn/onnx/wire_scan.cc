#include "nn/onnx/wire_scan.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "absl/strings/str_cat.h"
#include "nn/onnx/proto.h"

namespace halftone {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

constexpr int kMaxDepth = 100;
// Roughly what protobuf allocates for one of ONNX's messages, a string, and a number in a list.
constexpr int64_t kMessageBytes = 320;
constexpr int64_t kStringBytes = 48;
constexpr int64_t kNumberBytes = 8;

class WireScanner {
 public:
  WireScanner(absl::string_view bytes, int64_t limit_bytes)
      : stream_(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        limit_bytes_(limit_bytes) {}

  // Reads to the current limit of the stream. False when the bytes are malformed, or the cost is
  // above the limit.
  bool ScanMessage(const Descriptor* type, int depth) {
    cost_ += kMessageBytes;
    for (;;) {
      if (cost_ > limit_bytes_ || depth > kMaxDepth) return false;
      const uint32_t tag = stream_.ReadTag();
      if (tag == 0) return stream_.ConsumedEntireMessage();
      if (!ScanField(type, tag, depth)) return false;
    }
  }
  bool TooCostly() const { return cost_ > limit_bytes_; }
  int64_t cost() const { return cost_; }

 private:
  bool ScanField(const Descriptor* type, uint32_t tag, int depth) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      cost_ += kNumberBytes;
      return WireFormatLite::SkipField(&stream_, tag);
    }
    int length = 0;
    if (!stream_.ReadVarintSizeAsInt(&length)) return false;
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (number == kFunctionDefaults && type == onnx::FunctionProto::descriptor()) {
      return ScanChild(onnx::AttributeProto::descriptor(), length, depth);
    }
    const FieldDescriptor* field = type->FindFieldByNumber(number);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      return ScanChild(field->message_type(), length, depth);
    }
    const bool packed = field != nullptr && field->is_packable();
    cost_ += packed ? PackedCost(*field, length) : kStringBytes;
    return stream_.Skip(length);
  }

  bool ScanChild(const Descriptor* type, int length, int depth) {
    const auto outer = stream_.PushLimit(length);
    // A length beyond the enclosing message leaves the limit where it was.
    const bool inside = stream_.BytesUntilLimit() == length;
    const bool good = inside && ScanMessage(type, depth + 1) && stream_.BytesUntilLimit() == 0;
    stream_.PopLimit(outer);
    return good;
  }

  // Only numbers of varying length can take more memory than they have bytes.
  static int64_t PackedCost(const FieldDescriptor& field, int length) {
    const bool fixed =
        field.type() == FieldDescriptor::TYPE_FLOAT || field.type() == FieldDescriptor::TYPE_DOUBLE;
    return fixed ? 0 : kNumberBytes * length;
  }

  google::protobuf::io::CodedInputStream stream_;
  const int64_t limit_bytes_;
  int64_t cost_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> ParsingCost(absl::string_view bytes, int64_t limit_bytes) {
  WireScanner scanner(bytes, limit_bytes);
  if (scanner.ScanMessage(onnx::ModelProto::descriptor(), 0)) return scanner.cost();
  if (scanner.TooCostly()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the model has too many parts: reading them takes more than ", limit_bytes,
                     " bytes of memory"));
  }
  return absl::InvalidArgumentError(
      "not an ONNX model: its bytes are no valid protobuf, or nested too deeply");
}

}  // namespace halftone
