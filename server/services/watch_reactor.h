#ifndef HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_
#define HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_

#include <atomic>
#include <string>

#include "grpcpp/support/server_callback.h"
#include "halftone/v1/job.pb.h"
#include "server/services/job_watch.h"
#include "server/services/service_context.h"

namespace halftone {

// Streams the events of a job until its end: a JobWatch between the hub's thread, which reads and
// writes, and gRPC's. Nothing runs in between. Deletes itself.
class WatchReactor final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  // Borrows both; `stopping` tells whether the server stops.
  WatchReactor(const ServiceContext* context, const std::string& job_id, int64_t after_sequence,
               const std::atomic<bool>* stopping);

  void OnWriteDone(bool ok) override { watch_.Written(ok); }
  void OnCancel() override { watch_.Leave(); }
  void OnDone() override;

 private:
  EventHub* const hub_;
  JobWatch watch_;
  // 0 for a moment in which the hub may call already; the first look comes after it.
  std::atomic<EventHub::Subscription> subscription_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_WATCH_REACTOR_H_
