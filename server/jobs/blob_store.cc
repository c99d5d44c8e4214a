#include "server/jobs/blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "server/jobs/directory_lock.h"

namespace halftone {
namespace {

// Makes a rename in `directory` survive a power cut.
absl::Status SyncDirectory(const std::string& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return ErrnoToStatus(errno, "cannot open", directory);
  const int result = ::fsync(file);
  const int error = errno;
  ::close(file);
  return result == 0 ? absl::OkStatus() : ErrnoToStatus(error, "cannot sync", directory);
}

}  // namespace

bool IsSha256(absl::string_view text) {
  if (text.size() != 64) return false;
  for (const char c : text) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

BlobWriter::BlobWriter(const BlobStore* store, std::string path, int file)
    : store_(store), path_(std::move(path)), file_(file) {}

BlobWriter::~BlobWriter() {
  ::close(file_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

absl::Status BlobWriter::Append(absl::string_view bytes) {
  hash_.Update(bytes);
  size_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoToStatus(errno, "cannot write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

const std::string& BlobWriter::Seal() {
  if (sha256_.empty()) sha256_ = hash_.FinishHex();
  return sha256_;
}

absl::StatusOr<std::string> BlobWriter::Content() const { return ReadFile(path_, size_); }

absl::Status BlobWriter::Commit() {
  const std::string target = store_->PathOf(Seal());
  const std::string folder = target.substr(0, target.rfind('/'));
  HT_RETURN_IF_ERROR(MakeDirectories(folder));
  if (::fsync(file_) != 0) return ErrnoToStatus(errno, "cannot sync", path_);
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    return ErrnoToStatus(errno, "cannot rename to", target);
  }
  path_.clear();
  return SyncDirectory(folder);
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Create(const std::string& directory) {
  std::unique_ptr<BlobStore> store(new BlobStore(directory));
  HT_RETURN_IF_ERROR(MakeDirectories(store->PartialDirectory()));
  return store;
}

absl::Status BlobStore::RemovePartial() {
  const std::string folder = PartialDirectory();
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return ErrnoToStatus(errno, "cannot open", folder);
  absl::Cleanup close = [directory] { ::closedir(directory); };
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') ::unlinkat(::dirfd(directory), entry->d_name, 0);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BlobWriter>> BlobStore::NewWriter() const {
  std::string path = absl::StrCat(PartialDirectory(), "/XXXXXX");
  const int file = ::mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) return ErrnoToStatus(errno, "cannot create", path);
  return std::unique_ptr<BlobWriter>(new BlobWriter(this, std::move(path), file));
}

absl::StatusOr<std::string> BlobStore::Store(absl::string_view bytes) const {
  const std::string sha256 = Sha256Hex(bytes);
  const absl::StatusOr<int64_t> size = Size(sha256);
  if (size.ok() && *size == static_cast<int64_t>(bytes.size())) return sha256;
  HT_ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, NewWriter());
  HT_RETURN_IF_ERROR(writer->Append(bytes));
  HT_RETURN_IF_ERROR(writer->Commit());
  return sha256;
}

absl::StatusOr<std::string> BlobStore::Load(const std::string& sha256) const {
  HT_RETURN_IF_ERROR(Size(sha256).status());
  HT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(PathOf(sha256)));
  if (Sha256Hex(bytes) != sha256) {
    return absl::DataLossError(absl::StrCat("stored content ", sha256, " is damaged"));
  }
  return bytes;
}

absl::StatusOr<int64_t> BlobStore::Size(const std::string& sha256) const {
  if (!IsSha256(sha256)) {
    return absl::InvalidArgumentError(absl::StrCat("'", sha256, "' is not a sha256"));
  }
  struct stat information;
  const std::string path = PathOf(sha256);
  if (::stat(path.c_str(), &information) != 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat("no content with sha256 ", sha256, " is stored"));
    }
    return ErrnoToStatus(errno, "cannot stat", path);
  }
  return information.st_size;
}

absl::Status BlobStore::Remove(const std::string& sha256) const {
  const std::string path = PathOf(sha256);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoToStatus(errno, "cannot remove", path);
  }
  return absl::OkStatus();
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return absl::StrCat(directory_, "/", sha256.substr(0, 2), "/", sha256);
}

}  // namespace halftone
