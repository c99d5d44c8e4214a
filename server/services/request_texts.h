#ifndef HALFTONE_SERVER_SERVICES_REQUEST_TEXTS_H_
#define HALFTONE_SERVER_SERVICES_REQUEST_TEXTS_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Limits of the texts that requests bring. All errors are INVALID_ARGUMENT with the field.
// Thread-safe.
namespace halftone {

absl::Status CheckBytes(absl::string_view field, const std::string& text, size_t most);
// What people call a job or an upload: at most 256 bytes of printable UTF-8.
absl::Status CheckDisplayName(absl::string_view field, const std::string& name);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_REQUEST_TEXTS_H_
