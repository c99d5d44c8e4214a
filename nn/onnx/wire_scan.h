#ifndef HALFTONE_NN_ONNX_WIRE_SCAN_H_
#define HALFTONE_NN_ONNX_WIRE_SCAN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The field of FunctionProto with the defaults of its attributes (AttributeProtos), which ONNX has
// had since IR version 9: its older protobuf classes keep it among the unknown fields.
constexpr int kFunctionDefaults = 11;

// Walks over the serialized ModelProto and bounds the memory that parsing it would take beside the
// bytes of strings and raw data: two bytes of an empty message become an object of hundreds. Call
// it before parsing. Returns those bytes; RESOURCE_EXHAUSTED above `limit_bytes`; INVALID_ARGUMENT
// for bytes that are not well-formed or nested deeper than 100.
absl::StatusOr<int64_t> ParsingCost(absl::string_view bytes, int64_t limit_bytes);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_WIRE_SCAN_H_
