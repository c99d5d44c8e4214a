#ifndef HALFTONE_SERVER_SERVICES_JOB_DELETION_H_
#define HALFTONE_SERVER_SERVICES_JOB_DELETION_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"
#include "halftone/v1/search_service.pb.h"
#include "server/jobs/event_hub.h"
#include "server/services/service_context.h"

namespace halftone {

// A call of DeleteJob. With `force`, the job is asked to end first and deleted when it has; until
// then nothing runs: the hub tells when there may be news, and a worker has a look. Thread-safe.
class JobDeletion : public std::enable_shared_from_this<JobDeletion> {
 public:
  // Called once, by a worker, or by the caller of Start or LookAgain if there is none to be had.
  using Answer = std::function<void(const absl::Status&)>;

  // Borrows the context and `stopping`, which tells whether the server stops (then the answer is
  // UNAVAILABLE; whoever sets it notifies the hub).
  JobDeletion(const ServiceContext* context, const v1::DeleteJobRequest& request,
              Cancellation cancellation, const std::atomic<bool>* stopping);

  void Start(Answer answer);
  // To be called when the cancellation was set.
  void LookAgain();

 private:
  enum class State { kResting, kLooking, kToLookAgain, kEnded };

  void Look();
  // The answer; none while the job has to end first.
  std::optional<absl::Status> Try();
  absl::Status AskToEnd(const std::string& job_id);
  void End(const absl::Status& status);

  const ServiceContext* const context_;
  const std::string name_;
  const bool force_;
  const Cancellation cancellation_;
  const std::atomic<bool>* const stopping_;
  Answer answer_;
  std::optional<EventHub::Subscription> subscription_;  // of who looks

  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kLooking;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_JOB_DELETION_H_
