#ifndef HALFTONE_NN_ONNX_MODEL_FILES_H_
#define HALFTONE_NN_ONNX_MODEL_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/onnx/external_data.h"

// Models of several files: the model's own, and those beside it that hold elements of its tensors.
namespace halftone {

inline constexpr size_t kMaxModelFiles = 2000;
// Of a manifest: no list of that many files is longer.
inline constexpr int64_t kMaxManifestBytes = int64_t{kMaxModelFiles} * 600;

struct ModelFile {
  std::string path;  // NormalizedPath, from the folder that the model is in
  int64_t size_bytes = 0;
  std::string sha256;

  bool operator==(const ModelFile&) const = default;
};

// The sorted lines "path size sha256", each ended by a line feed. Its sha256 is the identity of the
// model.
std::string ManifestOf(const std::vector<ModelFile>& files);
// Whether bytes that were stored for a model may be a manifest: no ONNX file is taken for one.
bool IsManifest(absl::string_view bytes);
// INVALID_ARGUMENT for a text that ManifestOf does not write.
absl::StatusOr<std::vector<ModelFile>> ParseManifest(absl::string_view text);

// Reads a model from its files' contents, by their paths. The model's own is the one whose tensors
// lie in just all the others. INVALID_ARGUMENT where none is that: it names what is missing, or
// beside the matter; other errors are those of ImportOnnx.
absl::StatusOr<Graph> ImportModelFiles(const ExternalContents::Files& contents);

// Where the model at `path` has external data: its files, its own first, with their hashes. Empty
// for a model of one file. Errors name the file that is missing, or is none of the folder's.
absl::StatusOr<std::vector<ModelFile>> FindModelFiles(const std::string& path);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_MODEL_FILES_H_
