#ifndef HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_
#define HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/jobs/sqlite/sqlite.h"

namespace halftone {

// The database of a state directory: one connection, and the mutex that guards it. Several
// processes may open the same file.
class StateDatabase {
 public:
  // Opens `directory`/state.db, makes its tables where it is new, and brings
  // those of an earlier version up to date. FAILED_PRECONDITION for a version that is newer.
  static absl::StatusOr<std::unique_ptr<StateDatabase>> Open(const std::string& directory);

  absl::Mutex mutex;
  Database connection ABSL_GUARDED_BY(mutex);

 private:
  explicit StateDatabase(Database opened) : connection(std::move(opened)) {}
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_
