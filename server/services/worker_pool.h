#ifndef HALFTONE_SERVER_SERVICES_WORKER_POOL_H_
#define HALFTONE_SERVER_SERVICES_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"

namespace halftone {

// Threads for work that is too long for gRPC's own. Clients take turns: one that wants much keeps
// no other from being served, or from waiting. Thread-safe.
class WorkerPool {
 public:
  // Does the work and must not throw; told of `stopping` through the cancellation.
  using Task = std::function<void()>;

  // `most_of_client`: so many threads at most work for one client, 0: all; one that wants to keep
  // them for long leaves the others to the rest.
  WorkerPool(int threads, size_t max_waiting, int most_of_client = 0);
  ~WorkerPool();

  // Runs the task soon. RESOURCE_EXHAUSTED when too many wait, or half of as many of that client,
  // UNAVAILABLE once it stops; the task is not run then. Stop() cancels `cancellation`. `client`
  // tells clients apart; what has none is the service's own, and may take all places.
  absl::Status Submit(Cancellation cancellation, Task task, const std::string& client = "");

  // Cancels what runs and what waits, and returns when every task has been run to its end.
  void Stop();
  bool stopping() const;

 private:
  struct Work {
    Cancellation cancellation;
    Task task;
    std::string client;
  };
  void Loop();
  // Whose turn it is: the first of turns_ that may have another thread.
  std::deque<std::string>::iterator Turn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Work Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_waiting_;
  const int most_of_client_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::deque<Work>> of_clients_ ABSL_GUARDED_BY(mutex_);  // none is empty
  std::deque<std::string> turns_ ABSL_GUARDED_BY(mutex_);  // of those clients, each once
  std::list<Cancellation> running_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> threads_of_ ABSL_GUARDED_BY(mutex_);  // of clients; none is 0
  std::vector<std::thread> threads_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_WORKER_POOL_H_
