#include "server/jobs/collection_schedule.h"

#include "spdlog/spdlog.h"

namespace halftone {

void CollectionSchedule::Tick() {
  const absl::Duration now = clock_->Steady();
  if (now < due_) return;
  due_ = now + interval_;
  const absl::StatusOr<Removal> removal = collector_->Collect(collector_->retention());
  if (!removal.ok()) {
    spdlog::error("collection: {}", removal.status().ToString());
  } else if (removal->bytes > 0 || !removal->names.empty()) {
    spdlog::info("collection: {} jobs and uploads, {} stage outputs, {} costs, {} bytes",
                 removal->names.size(), removal->stage_outputs, removal->measured_costs,
                 removal->bytes);
  }
}

}  // namespace halftone
