#ifndef HALFTONE_SERVER_JOBS_BLOB_STORE_H_
#define HALFTONE_SERVER_JOBS_BLOB_STORE_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/hash.h"

namespace halftone {

class BlobStore;

// Bytes on their way into a BlobStore. They become a blob by Commit(); what is not committed is
// removed with the writer. Not thread-safe.
class BlobWriter {
 public:
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  // RESOURCE_EXHAUSTED when the disk is full. Of all here, DATA_LOSS where somebody took away what
  // was written.
  absl::Status Append(absl::string_view bytes);
  int64_t size() const { return size_; }

  // The sha256 of all bytes, which ends the writing: nothing may be appended after it.
  const std::string& Seal();
  // What was written, to look at it before Commit().
  absl::StatusOr<std::string> Content() const;
  // Syncs the bytes to disk and gives them their name.
  absl::Status Commit();

 private:
  friend class BlobStore;
  BlobWriter(const BlobStore* store, std::string path, int file);

  const BlobStore* store_;
  std::string path_;
  int file_;
  int64_t size_ = 0;
  Sha256 hash_;
  std::string sha256_;
};

// Files by the sha256 of their content, under one directory: the same content is stored once, and
// a file is there whole or not at all, whenever the process dies. Thread-safe, and safe for several
// processes.
class BlobStore {
 public:
  static absl::StatusOr<std::unique_ptr<BlobStore>> Create(const std::string& directory);

  // Removes what interrupted writers left, and puts back what an interrupted RemoveUnused() had put
  // aside. Only while no other process writes.
  absl::Status RemovePartial();

  // Makes the store's folders anew where they are gone. DATA_LOSS where they cannot be, because the
  // directory that they were in is none.
  absl::StatusOr<std::unique_ptr<BlobWriter>> NewWriter() const;
  // Keeps the bytes; returns their sha256.
  absl::StatusOr<std::string> Store(absl::string_view bytes) const;
  // The bytes, verified: DATA_LOSS when the file no longer has that sha256, cannot be read or is no
  // file, NOT_FOUND, also of what is not a sha256.
  absl::StatusOr<std::string> Load(const std::string& sha256) const;
  // Whether it is there, and a Load() of this object has not found it damaged; its bytes are not
  // read. Errors as of Load().
  absl::Status CheckIntact(const std::string& sha256) const;
  // NOT_FOUND and DATA_LOSS, where it is no file, name the blob.
  absl::StatusOr<int64_t> Size(const std::string& sha256) const;
  // OK also when there is none.
  absl::Status Remove(const std::string& sha256) const;

  // The sha256 of every blob. The log tells of what should be a folder of them and is none.
  absl::StatusOr<std::vector<std::string>> List() const;
  // Removes a blob that nobody stored since then, by the machine's time of day: to store what is
  // there already counts. Returns the bytes that this freed: 0 where it stays, is not there, or is
  // no file, of which the log tells.
  absl::StatusOr<int64_t> RemoveUnused(const std::string& sha256, absl::Time since) const;

  // Has RemoveUnused() take the blob as stored at that time, which may be in the future.
  absl::Status KeepUntil(const std::string& sha256, absl::Time time) const;

  std::string PathOf(const std::string& sha256) const;

 private:
  friend class BlobWriter;
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}
  std::string PartialDirectory() const { return directory_ + "/partial"; }

  std::string directory_;
  mutable absl::Mutex mutex_;
  // The files that were found damaged, by their hash and inode: one that replaces it has another.
  mutable std::set<std::pair<std::string, uint64_t>> damaged_ ABSL_GUARDED_BY(mutex_);
};

// Whether the text is 64 lower-case hexadecimal digits.
bool IsSha256(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_BLOB_STORE_H_
