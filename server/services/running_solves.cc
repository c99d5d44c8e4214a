#include "server/services/running_solves.h"

#include <utility>

namespace halftone {

RunningSolves::Entry::Entry(RunningSolves* solves, const std::string& id, Cancellation cancellation)
    : solves_(solves) {
  absl::MutexLock lock(&solves_->mutex_);
  place_ = solves_->calls_.emplace(id, std::move(cancellation));
}

RunningSolves::Entry::~Entry() {
  absl::MutexLock lock(&solves_->mutex_);
  solves_->calls_.erase(place_);
}

bool RunningSolves::Stop(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  const auto [begin, end] = calls_.equal_range(id);
  for (auto call = begin; call != end; ++call) call->second.Cancel();
  return begin != end;
}

}  // namespace halftone
