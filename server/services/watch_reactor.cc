#include "server/services/watch_reactor.h"

#include "server/convert/status.h"

namespace halftone {

WatchReactor::WatchReactor(const ServiceContext* context, const std::string& job_id,
                           int64_t after_sequence, const std::atomic<bool>* stopping)
    : hub_(context->hub),
      watch_(context->jobs, job_id, after_sequence, stopping,
             {[this](const v1::JobEvent* event) { StartWrite(event); },
              [this](const absl::Status& status) { Finish(ToGrpcStatus(status)); },
              [this] { hub_->Wake(subscription_); }}) {
  subscription_ = hub_->Watch(job_id, [this](const EventHub::Event& event) {
    if (event != nullptr) {
      watch_.Hear(event);
    } else {
      watch_.Look();
    }
  });
  hub_->Wake(subscription_);
}

void WatchReactor::OnDone() {
  hub_->Unsubscribe(subscription_);
  delete this;
}

}  // namespace halftone
