#ifndef HALFTONE_SEARCH_STORED_MODEL_H_
#define HALFTONE_SEARCH_STORED_MODEL_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// The bytes of the blob of that sha256.
using LoadBytes = std::function<absl::StatusOr<std::string>(const std::string& sha256)>;

// ImportOnnx of an uploaded model: of the blob of that sha256, or, where that is the manifest of
// several files (nn/onnx/model_files.h), of the blobs that it lists. Errors of `load` are handed
// on, with the file that they are about.
absl::StatusOr<Graph> ImportStoredModel(const std::string& sha256, const LoadBytes& load);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STORED_MODEL_H_
