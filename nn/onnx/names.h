#ifndef HALFTONE_NN_ONNX_NAMES_H_
#define HALFTONE_NN_ONNX_NAMES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// OK for a string that can safely be stored, printed and sent on: valid UTF-8, no control
// characters, at most 1024 bytes. INVALID_ARGUMENT names `what` and shows the beginning, escaped.
absl::Status CheckName(absl::string_view name, absl::string_view what);

// The beginning of a string from an unchecked file, escaped, for error messages.
std::string Excerpt(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_NAMES_H_
