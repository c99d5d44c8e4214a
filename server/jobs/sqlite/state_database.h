#ifndef HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_
#define HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/jobs/space_reserve.h"
#include "server/jobs/sqlite/sqlite.h"

namespace halftone {

// The database of a state directory: one connection, and the mutex that guards it. Several
// processes may open the same file. Beside it lies `state.reserve`, room on the disk for changes
// that make more.
class StateDatabase {
 public:
  // Opens `directory`/state.db, makes its tables where it is new, and brings
  // those of an earlier version up to date. FAILED_PRECONDITION for a version that is newer.
  // Where the disk is full, with the reserve; without one, alone.
  static absl::StatusOr<std::unique_ptr<StateDatabase>> Open(const std::string& directory);

  // Runs a change of the database that makes room, or ends what needs some: where the disk is full,
  // once more with the reserve, which is taken again by a later call. `change` returns a Status or
  // a StatusOr, and leaves nothing behind where it fails.
  template <typename Change>
  auto ChangeWithReserve(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    TakeReserve();
    auto result = change();
    if (!absl::IsResourceExhausted(StatusOf(result))) return result;
    GiveUpReserve();
    return change();
  }
  // Whether no other process can open it while this lives: there was no room for what they share.
  bool is_alone() const { return is_alone_; }
  // Takes the reserve, unless it is there or there is no room.
  void TakeReserve() const { reserve_.Take(); }

  absl::Mutex mutex;
  Database connection ABSL_GUARDED_BY(mutex);

 private:
  StateDatabase(Database opened, SpaceReserve reserve, bool is_alone)
      : connection(std::move(opened)), reserve_(std::move(reserve)), is_alone_(is_alone) {}

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename Value>
  static const absl::Status& StatusOf(const absl::StatusOr<Value>& value) {
    return value.status();
  }
  void GiveUpReserve() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  const SpaceReserve reserve_;
  const bool is_alone_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_STATE_DATABASE_H_
