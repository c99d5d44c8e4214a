#ifndef HALFTONE_PROFILERS_REMOTE_PROFILER_DIRECTORY_H_
#define HALFTONE_PROFILERS_REMOTE_PROFILER_DIRECTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/clock.h"
#include "profilers/cost_profiler.h"
#include "profilers/remote/remote_pool.h"
#include "profilers/remote/remote_profiler.h"

namespace halftone {

// A profiler that has registered itself.
struct RegisteredProfiler {
  RemoteOffer offer;
  std::string name;  // of the target
  absl::Duration lease;
  absl::Duration silence;  // since the last sign of life
  bool busy = false;
};

// The profilers elsewhere that offer themselves, by the names of their targets; several may share
// one. One that gives no sign of life for its lease is dropped, and so is what it was doing. One
// user at a time has a profiler. In memory only. Thread-safe.
class ProfilerDirectory {
 public:
  static constexpr size_t kMaxRegistrations = 64;
  static constexpr absl::Duration kDefaultLease = absl::Seconds(30);

  // `cache` keeps the rows (null: nothing does). Both outlive the directory and what it makes.
  ProfilerDirectory(const Clock* clock, CostCache* cache, const RemoteOptions& options);

  // The default lease for 0; INVALID_ARGUMENT, at the field lease_seconds, for what is no lease.
  static absl::StatusOr<absl::Duration> LeaseOf(double seconds);

  // Asks the profiler to describe itself, then enters it. An earlier entry of that name and address
  // is renewed if the profiler is what it was, else replaced. The lease is one that LeaseOf()
  // takes. INVALID_ARGUMENT, RESOURCE_EXHAUSTED, and the errors of ProfilerClient::Describe. The
  // caller has seen to it that no other target has the name.
  absl::StatusOr<RegisteredProfiler> Register(const std::string& name, const std::string& address,
                                              absl::Duration lease);
  // NOT_FOUND: there is no such registration (any more).
  absl::StatusOr<RegisteredProfiler> Heartbeat(const std::string& id);
  absl::Status Unregister(const std::string& id);

  std::vector<RegisteredProfiler> List() const;
  bool Has(absl::string_view name) const;
  // The names as targets, for ProfilerRegistry::RegisterDirectory.
  std::vector<ProfilerRegistry::Target> Targets();

  // Waits for a profiler of that name to register, until `deadline`. An error only of the
  // cancellation.
  absl::Status AwaitName(absl::string_view name, absl::Time deadline,
                         const Cancellation& cancellation) const;

 private:
  struct Entry {
    RegisteredProfiler profiler;
    absl::Time last_life;
    std::shared_ptr<const ProfilerClient> client;
  };
  class Pool;
  class Lease;

  bool IsAlive(const Entry& entry) const {
    return clock_->Now() - entry.last_life < entry.profiler.lease;
  }
  // As of now.
  RegisteredProfiler Snapshot(const Entry& entry) const;
  void DropSilent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<RegisteredProfiler> Enter(Entry entry);

  const Clock* const clock_;
  CostCache* const cache_;
  const RemoteOptions options_;
  mutable absl::Mutex mutex_;
  // In order of registration.
  mutable std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_PROFILER_DIRECTORY_H_
