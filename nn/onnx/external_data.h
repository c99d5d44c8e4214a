#ifndef HALFTONE_NN_ONNX_EXTERNAL_DATA_H_
#define HALFTONE_NN_ONNX_EXTERNAL_DATA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// Where a tensor's elements are kept beside the model.
struct ExternalLocation {
  std::string file;  // relative to the model's folder
  int64_t offset = 0;
  int64_t length = 0;
};

// The files beside a model that hold elements of its tensors. Thread-safe.
class ExternalData {
 public:
  virtual ~ExternalData() = default;
  // A range of a file; never more memory than `length`. INVALID_ARGUMENT for a name that is
  // absolute, leads upwards or is too long, and for a range that the file does not have; NOT_FOUND
  // names a file that is missing.
  virtual absl::StatusOr<std::vector<std::byte>> Read(const ExternalLocation& location) const = 0;
};

// The regular files of a folder. Symbolic links, in any component below it, are refused with
// INVALID_ARGUMENT, so that nothing outside of it is ever opened.
class ExternalFolder final : public ExternalData {
 public:
  explicit ExternalFolder(std::string folder) : folder_(std::move(folder)) {}
  absl::StatusOr<std::vector<std::byte>> Read(const ExternalLocation& location) const override;
  // In bytes. Errors as of Read.
  absl::StatusOr<int64_t> Size(const std::string& file) const;

 private:
  const std::string folder_;
};

// Files whose bytes are here, by their NormalizedPath.
class ExternalContents final : public ExternalData {
 public:
  using Files = std::map<std::string, std::shared_ptr<const std::string>>;
  explicit ExternalContents(Files files) : files_(std::move(files)) {}
  absl::StatusOr<std::vector<std::byte>> Read(const ExternalLocation& location) const override;

 private:
  const Files files_;
};

// The path without what says nothing ("./a//b" is "a/b"), at most kMaxExternalPathBytes of it.
// INVALID_ARGUMENT for one that is no file's below the model's folder, or not printable.
inline constexpr size_t kMaxExternalPathBytes = 512;
absl::StatusOr<std::string> NormalizedPath(absl::string_view file);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_EXTERNAL_DATA_H_
