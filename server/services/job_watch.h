#ifndef HALFTONE_SERVER_SERVICES_JOB_WATCH_H_
#define HALFTONE_SERVER_SERVICES_JOB_WATCH_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "halftone/v1/job.pb.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_store.h"

namespace halftone {

// What one watcher of a job is sent and when, apart from what sends it: the events of the past
// first, then those that come, until the job's end. One write at a time; nothing waits for the
// watcher. Of what comes while a write is on its way all is kept but progress that is overtaken by
// a newer event; once that is much, it is read from the store again when the watcher has taken what
// it was sent. So every event but progress is sent, in order, to the slowest watcher too.
// Thread-safe; Hear and Look are called by one thread at a time. Lives until `finish` was called
// and no other call is running.
class JobWatch {
 public:
  // Called without a lock. Each `write` is answered by one Written; the event stays where it is
  // until then. `finish` is called once, when no write is on its way. `ask_to_look` asks for one
  // Look, by whom reading the store may hold up.
  struct Wire {
    std::function<void(const v1::JobEvent*)> write;
    std::function<void(const absl::Status&)> finish;
    std::function<void()> ask_to_look;
  };
  // Borrows store and flag; `stopping` tells whether the server stops, which ends the watch with
  // UNAVAILABLE when it looks next. Whoever makes the watch sees to its first Look: nothing is sent
  // before.
  JobWatch(const JobStore* jobs, std::string job_id, int64_t after_sequence,
           const std::atomic<bool>* stopping, Wire wire);

  // An event of the job, as the hub tells it. Reads nothing.
  void Hear(const EventHub::Event& event);
  // Reads from the store what the watcher has not got, if the watcher has taken all that it knows
  // of; else that waits until it has.
  void Look();
  // The write is done; with `ok` false the watcher is gone.
  void Written(bool ok);
  // The watcher is gone.
  void Leave();

 private:
  enum class Step { kNothing, kWrite, kFinish, kLook };

  // What the store says.
  struct Found {
    std::vector<JobEvent> events;
    bool more = false;                // there may be more to read behind them
    std::optional<absl::Status> end;  // of the watch
  };

  template <typename Apply>
  void Change(const Apply& apply);
  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(EventHub::Event event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After which event to read; none while the watcher still has something to take.
  std::optional<int64_t> BeginLook();
  Found Read(int64_t after) const;
  absl::Status Missing(const absl::Status& status) const;
  void TakeIn(Found found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const JobStore* const jobs_;
  const std::string job_id_;
  const std::atomic<bool>* const stopping_;
  const Wire wire_;

  absl::Mutex mutex_;
  std::deque<EventHub::Event> pending_ ABSL_GUARDED_BY(mutex_);  // to be written
  int64_t written_ ABSL_GUARDED_BY(mutex_);         // sequence of the last one that was written
  int64_t known_ ABSL_GUARDED_BY(mutex_);           // and of the last one that came in
  bool behind_ ABSL_GUARDED_BY(mutex_) = true;      // the store may have more
  bool asked_ ABSL_GUARDED_BY(mutex_) = true;       // for a look
  bool caught_up_ ABSL_GUARDED_BY(mutex_) = false;  // with the past, once
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;  // the watcher
  // How the watch ends once all that is pending is written.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  v1::JobEvent current_;  // belongs to who took the step, then to the wire
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_JOB_WATCH_H_
