#include "nn/onnx/external_data.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "nn/onnx/names.h"

namespace halftone {
namespace {

// A file descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

absl::Status OpenError(int error, const std::string& file) {
  if (error == ELOOP || error == EMLINK) {
    return absl::InvalidArgumentError(
        absl::StrCat("external data '", file, "' is behind a symbolic link"));
  }
  return ErrnoToStatus(error, "cannot open external data", file);
}

// The names on the way to the file; none of them leads upwards.
absl::StatusOr<std::vector<std::string>> SplitPath(absl::string_view file) {
  std::vector<std::string> parts;
  HT_RETURN_IF_ERROR(CheckName(file, "path of external data"));
  if (file.empty() || file[0] == '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("external data '", file, "' is not a relative path"));
  }
  if (file.size() > kMaxExternalPathBytes) {
    return absl::InvalidArgumentError(absl::StrCat("external data '", Excerpt(file),
                                                   "' has a path of ", file.size(),
                                                   " bytes, more than ", kMaxExternalPathBytes));
  }
  for (const absl::string_view part : absl::StrSplit(file, '/')) {
    if (part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("external data '", file, "' is outside of the model's folder"));
    }
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("external data '", file, "' is no file"));
  }
  return parts;
}

// Walks down from `folder`, one name at a time and never through a link, so that no name can lead
// out of it. O_NONBLOCK: opening a pipe must not wait for its writer.
absl::StatusOr<File> OpenInside(const std::string& folder, const std::string& file) {
  HT_ASSIGN_OR_RETURN(std::vector<std::string> parts, SplitPath(file));
  File at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return ErrnoToStatus(errno, "cannot open the folder", folder);
  for (size_t i = 0; i < parts.size(); ++i) {
    const int directory = i + 1 < parts.size() ? O_DIRECTORY : 0;
    File next(::openat(at.get(), parts[i].c_str(),
                       O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | directory));
    if (next.get() < 0) return OpenError(errno, file);
    at = std::move(next);
  }
  return at;
}

absl::StatusOr<int64_t> SizeOf(const File& file, const std::string& name) {
  struct stat information;
  if (::fstat(file.get(), &information) != 0) {
    return ErrnoToStatus(errno, "cannot stat external data", name);
  }
  if (!S_ISREG(information.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("external data '", name, "' is not a regular file"));
  }
  return information.st_size;
}

absl::Status CheckRange(int64_t size, const ExternalLocation& location) {
  if (location.offset < 0 || location.length < 0 || location.offset > size ||
      location.length > size - location.offset) {
    return absl::InvalidArgumentError(absl::StrCat("external data '", location.file, "' has ", size,
                                                   " bytes, but ", location.length,
                                                   " are needed from ", location.offset, " on"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NormalizedPath(absl::string_view file) {
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitPath(file));
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<int64_t> ExternalFolder::Size(const std::string& file) const {
  HT_ASSIGN_OR_RETURN(const File opened, OpenInside(folder_, file));
  return SizeOf(opened, file);
}

absl::StatusOr<std::vector<std::byte>> ExternalFolder::Read(
    const ExternalLocation& location) const {
  HT_ASSIGN_OR_RETURN(const File file, OpenInside(folder_, location.file));
  HT_ASSIGN_OR_RETURN(const int64_t size, SizeOf(file, location.file));
  HT_RETURN_IF_ERROR(CheckRange(size, location));
  std::vector<std::byte> bytes(static_cast<size_t>(location.length));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::pread(file.get(), bytes.data() + done, bytes.size() - done,
                                  location.offset + static_cast<int64_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoToStatus(errno, "cannot read external data", location.file);
    if (count == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("external data '", location.file, "' ends early"));
    }
    done += static_cast<size_t>(count);
  }
  return bytes;
}

absl::StatusOr<std::vector<std::byte>> ExternalContents::Read(
    const ExternalLocation& location) const {
  HT_ASSIGN_OR_RETURN(const std::string path, NormalizedPath(location.file));
  const auto found = files_.find(path);
  if (found == files_.end()) {
    return absl::NotFoundError(
        absl::StrCat("external data '", path, "' is not among the model's files"));
  }
  const std::string& content = *found->second;
  HT_RETURN_IF_ERROR(CheckRange(static_cast<int64_t>(content.size()), location));
  const auto* begin = reinterpret_cast<const std::byte*>(content.data()) + location.offset;
  return std::vector<std::byte>(begin, begin + location.length);
}

}  // namespace halftone
