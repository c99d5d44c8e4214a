#ifndef HALFTONE_SERVER_JOBS_EVENT_HUB_H_
#define HALFTONE_SERVER_JOBS_EVENT_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace halftone {

// Tells listeners that jobs have changed. Callbacks run on the notifying thread and must be short;
// one may still be running when Unsubscribe returns on another thread, so they hold what they need
// by shared_ptr. Thread-safe.
class EventHub {
 public:
  using Callback = std::function<void()>;
  using Subscription = int64_t;

  // `job` is an id, or "" to hear of every job.
  Subscription Subscribe(const std::string& job, Callback callback) {
    absl::MutexLock lock(&mutex_);
    listeners_.emplace(++last_, Listener{job, std::move(callback)});
    return last_;
  }

  void Unsubscribe(Subscription subscription) {
    absl::MutexLock lock(&mutex_);
    listeners_.erase(subscription);
  }

  void Notify(const std::string& job) {
    for (const Callback& callback : Matching([&](const Listener& listener) {
           return listener.job.empty() || listener.job == job;
         })) {
      callback();
    }
  }

  // Wakes everyone, e.g. because the server stops.
  void NotifyAll() {
    for (const Callback& callback : Matching([](const Listener&) { return true; })) callback();
  }

 private:
  struct Listener {
    std::string job;
    Callback callback;
  };

  template <typename Predicate>
  std::vector<Callback> Matching(const Predicate& predicate) {
    std::vector<Callback> matching;
    absl::MutexLock lock(&mutex_);
    for (const auto& [subscription, listener] : listeners_) {
      if (predicate(listener)) matching.push_back(listener.callback);
    }
    return matching;
  }

  absl::Mutex mutex_;
  Subscription last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Subscription, Listener> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_EVENT_HUB_H_
