#ifndef HALFTONE_PROFILERS_REMOTE_REMOTE_POOL_H_
#define HALFTONE_PROFILERS_REMOTE_REMOTE_POOL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "profilers/remote/profiler_client.h"

namespace halftone {

// A profiler that can be asked, and what it is.
struct RemoteOffer {
  std::string id;  // of this registration: a profiler that comes back has another one
  std::string address;
  ProfilerDescription description;
};

// The sole right to ask a profiler, while it lives.
class RemoteLease {
 public:
  virtual ~RemoteLease() = default;
  virtual const RemoteOffer& offer() const = 0;
  virtual const ProfilerClient& client() const = 0;
  // Something came from the profiler.
  virtual void NoteLife() = 0;
  // UNAVAILABLE once the profiler is given up: it was withdrawn, or is silent for too long.
  virtual absl::Status Check() const = 0;
};

// The profilers of one target. Thread-safe.
class RemotePool {
 public:
  virtual ~RemotePool() = default;
  // Those that there are now, in the order in which they came.
  virtual std::vector<RemoteOffer> List() const = 0;
  // Waits for the first of those with these ids that nobody else asks. UNAVAILABLE when none of
  // them is there any more; CANCELLED, DEADLINE_EXCEEDED.
  virtual absl::StatusOr<std::unique_ptr<RemoteLease>> Acquire(
      const std::vector<std::string>& ids, const Cancellation& cancellation) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_REMOTE_POOL_H_
