#ifndef HALFTONE_SERVER_SERVICES_UNREAD_RESULTS_H_
#define HALFTONE_SERVER_SERVICES_UNREAD_RESULTS_H_

#include <cstddef>
#include <list>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/services/analysis_calls.h"

namespace halftone {

// The results of analyses until their clients have read them, within a number of bytes. Where they
// are more, those are let go whose clients have read nothing for longest; the newest one is kept
// whatever its size. Outlives the readers. Thread-safe.
class UnreadResults {
 public:
  class Reader;

  explicit UnreadResults(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Kept until the reader is destroyed.
  std::shared_ptr<Reader> Keep(AnalysisDocument document);

 private:
  void Touch(Reader* reader) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LetGo(Reader* reader) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  absl::Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of those that are kept, who has read last comes first.
  std::list<Reader*> readers_ ABSL_GUARDED_BY(mutex_);
};

// Reads one result, from its beginning to its end, on one thread at a time.
class UnreadResults::Reader {
 public:
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The next piece, at most so many bytes of each part; nothing after the last one.
  // RESOURCE_EXHAUSTED if the result was let go.
  absl::StatusOr<std::optional<AnalysisDocument>> Next(size_t max_bytes);

 private:
  friend UnreadResults;
  Reader(UnreadResults* results, AnalysisDocument document)
      : results_(results), document_(std::move(document)) {}

  UnreadResults* const results_;
  std::optional<AnalysisDocument> document_;  // under the lock of `results_`; none once let go
  size_t begin_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_UNREAD_RESULTS_H_
