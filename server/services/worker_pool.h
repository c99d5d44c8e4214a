#ifndef HALFTONE_SERVER_SERVICES_WORKER_POOL_H_
#define HALFTONE_SERVER_SERVICES_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"

namespace halftone {

// Threads for work that is too long for gRPC's own. Thread-safe.
class WorkerPool {
 public:
  // Does the work and must not throw; told of `stopping` through the cancellation.
  using Task = std::function<void()>;

  WorkerPool(int threads, size_t max_waiting);
  ~WorkerPool();

  // Runs the task soon. RESOURCE_EXHAUSTED when too many wait, UNAVAILABLE once it stops; the task
  // is not run then. Stop() cancels `cancellation`.
  absl::Status Submit(Cancellation cancellation, Task task);

  // Cancels what runs and what waits, and returns when every task has been run to its end.
  void Stop();
  bool stopping() const;

 private:
  struct Work {
    Cancellation cancellation;
    Task task;
  };
  void Loop();

  const size_t max_waiting_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Work> waiting_ ABSL_GUARDED_BY(mutex_);
  std::list<Cancellation> running_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_WORKER_POOL_H_
