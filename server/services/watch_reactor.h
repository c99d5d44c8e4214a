#ifndef HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_
#define HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "halftone/v1/job.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// Streams the events of a job until its end: those of the past first, then new ones as the hub
// tells of them. Nothing runs in between. Deletes itself.
class WatchReactor final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  // Borrows both; `stopping` tells whether the server stops.
  WatchReactor(const ServiceContext* context, std::string job_id, int64_t after_sequence,
               const std::atomic<bool>* stopping);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // What the hub's callback holds: the reactor may be gone when it is called.
  struct Handle {
    absl::Mutex mutex;
    WatchReactor* reactor ABSL_GUARDED_BY(mutex) = nullptr;
  };

  // Writes the next event, or finishes, unless a write is on its way or there is nothing to do.
  void Advance();
  // What to do next; takes the state on to "doing it".
  enum class Step { kNothing, kWrite, kFinish };
  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Fetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ServiceContext* const context_;
  const std::string job_id_;
  const std::atomic<bool>* const stopping_;
  const std::shared_ptr<Handle> handle_ = std::make_shared<Handle>();
  std::optional<EventHub::Subscription> subscription_;

  absl::Mutex mutex_;
  int64_t last_sequence_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::JobEvent> events_ ABSL_GUARDED_BY(mutex_);  // to be written
  v1::JobEvent writing_event_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;  // the client
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_
