#ifndef HALFTONE_SERVER_SERVICES_EXPLORATIONS_H_
#define HALFTONE_SERVER_SERVICES_EXPLORATIONS_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"
#include "search/explorer.h"
#include "server/jobs/compute_gate.h"

namespace halftone {

// The explorers of the jobs that optimizers outside are at work on: the latest few stay in memory
// with their networks, others are made anew from what they stored. Thread-safe.
class Explorations {
 public:
  static constexpr size_t kMaxOpen = 4;

  struct Opened {
    std::unique_ptr<ArtifactStore> store;  // that the explorer borrows
    std::unique_ptr<Explorer> explorer;
  };
  using Open = std::function<absl::StatusOr<Opened>()>;
  using Use = std::function<absl::Status(Explorer& explorer)>;

  // Calls `use` with the job's explorer, which is opened where it is not in memory; one call at a
  // time for each job. CANCELLED or DEADLINE_EXCEEDED while it waits for its turn.
  absl::Status With(const std::string& job_id, const Open& open, const Use& use,
                    const Cancellation& cancellation);
  // Has the job's explorer, if it is in memory, write what it has found.
  absl::Status Flush(const std::string& job_id, const Cancellation& cancellation);
  // Has the job's explorer go with what it has found, which nobody writes any more.
  void Drop(const std::string& job_id);

 private:
  struct Session {
    ~Session();  // writes what was found, unless it was dropped
    ComputeGate turn;
    Opened opened;  // used by who has the turn
    std::atomic<bool> dropped = false;
  };

  // With `create` false: nullptr where it is not in memory.
  std::shared_ptr<Session> Find(const std::string& job_id, bool create);

  absl::Mutex mutex_;
  // By job, the latest used first.
  std::list<std::pair<std::string, std::shared_ptr<Session>>> sessions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_EXPLORATIONS_H_
