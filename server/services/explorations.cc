#include "server/services/explorations.h"

#include <algorithm>

#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace halftone {
Explorations::Session::~Session() {
  if (opened.explorer == nullptr || dropped) return;
  const absl::Status flushed = opened.explorer->Flush();
  if (!flushed.ok()) spdlog::error("exploration: {}", flushed.ToString());
}

std::shared_ptr<Explorations::Session> Explorations::Find(const std::string& job_id, bool create) {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& session) { return session.first == job_id; });
  if (found != sessions_.end()) {
    sessions_.splice(sessions_.begin(), sessions_, found);
  } else if (!create) {
    return nullptr;
  } else {
    sessions_.emplace_front(job_id, std::make_shared<Session>());
  }
  const std::shared_ptr<Session> session = sessions_.front().second;
  // The latest used ones, and those that are in use.
  size_t kept = 0;
  sessions_.remove_if(
      [&](const auto& other) { return ++kept > kMaxOpen && other.second.use_count() == 1; });
  return session;
}

absl::Status Explorations::With(const std::string& job_id, const Open& open, const Use& use,
                                const Cancellation& cancellation) {
  const std::shared_ptr<Session> session = Find(job_id, /*create=*/true);
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<ComputeGate::Pass> turn,
                      session->turn.Enter(cancellation));
  if (session->opened.explorer == nullptr) {
    HT_ASSIGN_OR_RETURN(session->opened, open());
  }
  return use(*session->opened.explorer);
}

absl::Status Explorations::Flush(const std::string& job_id, const Cancellation& cancellation) {
  const std::shared_ptr<Session> session = Find(job_id, /*create=*/false);
  if (session == nullptr) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<ComputeGate::Pass> turn,
                      session->turn.Enter(cancellation));
  Explorer* explorer = session->opened.explorer.get();
  return explorer == nullptr ? absl::OkStatus() : explorer->Flush();
}

void Explorations::Drop(const std::string& job_id) {
  const std::shared_ptr<Session> session = Find(job_id, /*create=*/false);
  if (session == nullptr) return;
  session->dropped = true;
  absl::MutexLock lock(&mutex_);
  sessions_.remove_if([&](const auto& other) { return other.second == session; });
}

}  // namespace halftone
