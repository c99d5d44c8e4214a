#ifndef HALFTONE_SERVER_JOBS_EVENT_HUB_H_
#define HALFTONE_SERVER_JOBS_EVENT_HUB_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/jobs/job_record.h"

namespace halftone {

// Tells listeners what happens to jobs. Who tells it only puts it into a queue, however many
// listen; a thread of the hub's own calls them, one after the other and in the order of what was
// told, and is the only one that does. Callbacks must be short, for all wait for each. Thread-safe.
class EventHub {
 public:
  using Event = std::shared_ptr<const JobEvent>;
  // With null, something has changed that the listener has to look up: nobody says what.
  using EventCallback = std::function<void(const Event&)>;
  using Callback = std::function<void()>;
  using Subscription = int64_t;

  EventHub();
  // Listeners that are still subscribed hear no more. What was told and not heard yet is dropped.
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // `job` is an id, or "" to hear of every job.
  Subscription Watch(const std::string& job, EventCallback callback);
  Subscription Subscribe(const std::string& job, Callback callback);
  // The callback is not running when this returns, and never will again. So neither call it from
  // within the callback, nor with a lock that the callback takes.
  void Unsubscribe(Subscription subscription);

  // Tells the listeners of the job. Where events of a job are told by several threads they may
  // arrive out of order, and with null for some where too many wait: listeners go by the sequence.
  void Publish(const std::string& job, Event event);
  void Notify(const std::string& job) { Publish(job, nullptr); }
  // Tells everyone, with null, e.g. because the server stops.
  void NotifyAll();
  // Tells only this listener, with null. It may call this from within its callback.
  void Wake(Subscription subscription);

  // Returns when all that was told before has been heard. Not from within a callback.
  void Drain();

 private:
  struct Listener {
    Listener(std::string which, EventCallback callee)
        : job(std::move(which)), callback(std::move(callee)) {}
    const std::string job;
    const EventCallback callback;
    absl::Mutex mutex;  // held while the callback runs
    bool gone ABSL_GUARDED_BY(mutex) = false;
  };
  struct News {
    enum class To { kJob, kOne, kAll };
    To to = To::kJob;
    std::string job;                // kJob
    Subscription subscription = 0;  // kOne
    Event event;
  };

  void Enqueue(News news);
  void Loop();
  std::vector<std::shared_ptr<Listener>> ListenersTo(const News& news);
  void Deliver(const News& news);

  absl::Mutex listeners_mutex_;
  Subscription last_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
  std::map<Subscription, std::shared_ptr<Listener>> listeners_ ABSL_GUARDED_BY(listeners_mutex_);

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<News> queue_ ABSL_GUARDED_BY(mutex_);
  // How much was ever put into the queue, and how much of it was heard.
  int64_t told_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t heard_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread dispatcher_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_EVENT_HUB_H_
