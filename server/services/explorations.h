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
// with their networks, others are made anew from what they stored. One call at a time has each, and
// those that wait for it hold no thread. Outlives the turns. Thread-safe.
class Explorations {
 public:
  static constexpr size_t kMaxOpen = 4;

  struct Opened {
    std::unique_ptr<ArtifactStore> store;  // that the explorer borrows
    std::unique_ptr<Explorer> explorer;
  };
  class Turn;
  using Open = std::function<absl::StatusOr<Opened>()>;
  // Called once, without a lock, by whichever thread makes it so; must be short and not throw.
  using Entered = std::function<void(absl::StatusOr<std::shared_ptr<Turn>>)>;

  // Calls `entered` when it is its turn on the job's explorer, maybe at once. Errors as
  // ComputeGate::Enter.
  void Enter(const std::string& job_id, const Cancellation& cancellation, Entered entered);
  // The same, with nullptr at once where the explorer is not in memory.
  void EnterIfOpen(const std::string& job_id, const Cancellation& cancellation, Entered entered);
  // Tells those that wait for the job's explorer and whose cancellation says so.
  void WithdrawCancelled(const std::string& job_id);
  // Has the job's explorer go with what it has found, which nobody writes any more.
  void Drop(const std::string& job_id);

 private:
  struct Session {
    ~Session();  // writes what was found, unless it was dropped
    std::string job_id;
    ComputeGate turn;
    Opened opened;  // used by who has the turn
    std::atomic<bool> dropped = false;
  };
  struct Known {
    std::shared_ptr<Session> session;
    bool is_open = false;  // has an explorer
  };

  void Enter(const std::shared_ptr<Session>& session, const Cancellation& cancellation,
             Entered entered);
  // The latest used one from now on; nullptr if there is none.
  std::shared_ptr<Session> Find(const std::string& job_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes that it has an explorer, and closes those that are too many: takes as long as writing.
  void NoteOpen(const Session* session);

  absl::Mutex mutex_;
  std::list<Known> known_ ABSL_GUARDED_BY(mutex_);  // the latest used first
};

// Somebody's turn on an explorer, while it lives. On one thread at a time.
class Explorations::Turn {
 public:
  // The job's explorer, which is opened where it is not in memory.
  absl::StatusOr<Explorer*> Get(const Open& open);
  // Has the explorer, if there is one, write what it has found.
  absl::Status Flush();

 private:
  friend Explorations;
  Turn(Explorations* explorations, std::shared_ptr<Session> session,
       std::unique_ptr<ComputeGate::Pass> pass)
      : explorations_(explorations), session_(std::move(session)), pass_(std::move(pass)) {}

  Explorations* explorations_;
  // In this order: the pass goes first.
  std::shared_ptr<Session> session_;
  std::unique_ptr<ComputeGate::Pass> pass_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_EXPLORATIONS_H_
