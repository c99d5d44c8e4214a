#include "server/jobs/blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "server/jobs/directory_lock.h"
#include "server/jobs/state_errors.h"
#include "spdlog/spdlog.h"

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

// The time of the last write, or of the last Touch(); `size` too. NOT_FOUND; DATA_LOSS for what is
// no file.
absl::StatusOr<absl::Time> WriteTime(const std::string& path, int64_t* size) {
  struct stat information;
  if (::stat(path.c_str(), &information) != 0) return ErrnoToStatus(errno, "cannot stat", path);
  if (!S_ISREG(information.st_mode)) {
    return absl::DataLossError(absl::StrCat("'", path, "' is no file"));
  }
  *size = information.st_size;
  return absl::TimeFromTimespec(information.st_mtim);
}

// 0 where there is none.
uint64_t InodeOf(const std::string& path) {
  struct stat information;
  return ::stat(path.c_str(), &information) == 0 ? information.st_ino : 0;
}

// Has the file be written now, or at those times (of access and writing).
absl::Status Touch(const std::string& path, const timespec* times = nullptr) {
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0) return absl::OkStatus();
  return ErrnoToStatus(errno, "cannot touch", path);
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoToStatus(errno, "cannot rename", from);
}

// The names in a directory, but for those that begin with a dot.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return ErrnoToStatus(errno, "cannot open", path);
  absl::Cleanup close = [directory] { ::closedir(directory); };
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
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
    if (written < 0) return WriteError(errno, "cannot write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

const std::string& BlobWriter::Seal() {
  if (sha256_.empty()) sha256_ = hash_.FinishHex();
  return sha256_;
}

absl::StatusOr<std::string> BlobWriter::Content() const {
  absl::StatusOr<std::string> content = ReadFile(path_, size_);
  if (!content.ok()) return AboutPart(content.status());
  return content;
}

absl::Status BlobWriter::Commit() {
  const std::string target = store_->PathOf(Seal());
  const std::string folder = target.substr(0, target.rfind('/'));
  HT_RETURN_IF_ERROR(AboutState(MakeDirectories(folder)));
  // However long the writing took, the blob is new.
  HT_RETURN_IF_ERROR(AboutPart(Touch(path_)));
  if (::fsync(file_) != 0) return WriteError(errno, "cannot sync", path_);
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    if (errno == EISDIR) {
      return absl::DataLossError(absl::StrCat("stored content ", Seal(), " is no file"));
    }
    return AboutPart(WriteError(errno, "cannot rename to", target));
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
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder, "/", name);
    // Whole, and put aside by RemoveUnused(), which had not yet seen whether it is wanted again.
    if (IsSha256(name)) {
      HT_RETURN_IF_ERROR(Rename(path, PathOf(name)));
    } else {
      ::unlink(path.c_str());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BlobWriter>> BlobStore::NewWriter() const {
  const std::string pattern = absl::StrCat(PartialDirectory(), "/XXXXXX");
  std::string path = pattern;
  int file = ::mkostemp(path.data(), O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    // Somebody took the folder away: what it had is lost, what comes now need not be.
    HT_RETURN_IF_ERROR(AboutState(MakeDirectories(PartialDirectory())));
    path = pattern;
    file = ::mkostemp(path.data(), O_CLOEXEC);
  }
  if (file < 0 && errno == ENOTDIR) return AboutState(ErrnoToStatus(errno, "cannot create", path));
  if (file < 0) return WriteError(errno, "cannot create", path);
  return std::unique_ptr<BlobWriter>(new BlobWriter(this, std::move(path), file));
}

absl::StatusOr<std::string> BlobStore::Store(absl::string_view bytes) const {
  const std::string sha256 = Sha256Hex(bytes);
  // Touched before it is looked at: see RemoveUnused().
  const absl::Status touched = Touch(PathOf(sha256));
  // A file of that name may have been damaged since: what is stored heals it.
  if (touched.ok() && FileHolds(PathOf(sha256), bytes)) return sha256;
  HT_ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, NewWriter());
  HT_RETURN_IF_ERROR(writer->Append(bytes));
  HT_RETURN_IF_ERROR(writer->Commit());
  return sha256;
}

absl::StatusOr<std::string> BlobStore::Load(const std::string& sha256) const {
  HT_RETURN_IF_ERROR(Size(sha256).status());
  absl::StatusOr<std::string> bytes = ReadFile(PathOf(sha256));
  if (absl::IsPermissionDenied(bytes.status())) {
    return absl::DataLossError(absl::StrCat("stored content ", sha256, " cannot be read"));
  }
  HT_RETURN_IF_ERROR(bytes.status());
  if (Sha256Hex(*bytes) != sha256) {
    absl::MutexLock lock(&mutex_);
    damaged_.emplace(sha256, InodeOf(PathOf(sha256)));
    return absl::DataLossError(absl::StrCat("stored content ", sha256, " is damaged"));
  }
  return bytes;
}

absl::Status BlobStore::CheckIntact(const std::string& sha256) const {
  HT_RETURN_IF_ERROR(Size(sha256).status());
  absl::MutexLock lock(&mutex_);
  if (damaged_.count({sha256, InodeOf(PathOf(sha256))}) == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("stored content ", sha256, " is damaged"));
}

absl::StatusOr<int64_t> BlobStore::Size(const std::string& sha256) const {
  if (!IsSha256(sha256)) {
    return absl::NotFoundError(
        absl::StrCat("nothing is stored as ", Quoted(sha256), ", which is not a sha256"));
  }
  struct stat information;
  const std::string path = PathOf(sha256);
  if (::stat(path.c_str(), &information) != 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(absl::StrCat("no content with sha256 ", sha256, " is stored"));
    }
    return ErrnoToStatus(errno, "cannot stat", path);
  }
  if (!S_ISREG(information.st_mode)) {
    return absl::DataLossError(absl::StrCat("stored content ", sha256, " is no file"));
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

absl::StatusOr<std::vector<std::string>> BlobStore::List() const {
  std::vector<std::string> blobs;
  const absl::StatusOr<std::vector<std::string>> listed = NamesIn(directory_);
  HT_RETURN_IF_ERROR(AboutState(listed.status()));
  for (const std::string& folder : *listed) {
    if (folder.size() != 2) continue;
    const absl::StatusOr<std::vector<std::string>> names =
        NamesIn(absl::StrCat(directory_, "/", folder));
    if (absl::IsNotFound(names.status())) {
      spdlog::warn("skipped: {}", LogLine(names.status().message()));
      continue;
    }
    HT_RETURN_IF_ERROR(names.status());
    for (const std::string& name : *names) {
      if (IsSha256(name)) blobs.push_back(name);
    }
  }
  return blobs;
}

absl::Status BlobStore::KeepUntil(const std::string& sha256, absl::Time time) const {
  const timespec times[] = {absl::ToTimespec(time), absl::ToTimespec(time)};
  return Touch(PathOf(sha256), times);
}

absl::StatusOr<int64_t> BlobStore::RemoveUnused(const std::string& sha256, absl::Time since) const {
  const std::string path = PathOf(sha256);
  const std::string aside = absl::StrCat(PartialDirectory(), "/", sha256);
  int64_t size = 0;
  const absl::StatusOr<absl::Time> written = WriteTime(path, &size);
  if (absl::IsNotFound(written.status()) || (written.ok() && *written >= since)) return 0;
  if (absl::IsDataLoss(written.status())) {
    spdlog::warn("skipped: {}", LogLine(written.status().message()));
    return 0;
  }
  HT_RETURN_IF_ERROR(written.status());
  // Whoever stores the content from here on does not find it and writes it anew; whoever has
  // touched it before is seen by the second look.
  const absl::Status moved = Rename(path, aside);
  if (absl::IsNotFound(moved)) return 0;
  HT_RETURN_IF_ERROR(moved);
  HT_ASSIGN_OR_RETURN(const absl::Time last_written, WriteTime(aside, &size));
  if (last_written >= since) {
    HT_RETURN_IF_ERROR(Rename(aside, path));
    return 0;
  }
  if (::unlink(aside.c_str()) != 0) return ErrnoToStatus(errno, "cannot remove", aside);
  return size;
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return absl::StrCat(directory_, "/", sha256.substr(0, 2), "/", sha256);
}

}  // namespace halftone
