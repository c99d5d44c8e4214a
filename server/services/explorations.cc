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

std::shared_ptr<Explorations::Session> Explorations::Find(const std::string& job_id) {
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
    return known.session->job_id == job_id;
  });
  if (found == known_.end()) return nullptr;
  known_.splice(known_.begin(), known_, found);
  return found->session;
}

void Explorations::Enter(const std::string& job_id, const Cancellation& cancellation,
                         Entered entered) {
  std::shared_ptr<Session> session;
  {
    absl::MutexLock lock(&mutex_);
    session = Find(job_id);
    if (session == nullptr) {
      // Those whose calls came to nothing before they were opened.
      known_.remove_if(
          [](const Known& known) { return !known.is_open && known.session.use_count() == 1; });
      session = std::make_shared<Session>();
      session->job_id = job_id;
      known_.push_front({session});
    }
  }
  Enter(session, cancellation, std::move(entered));
}

void Explorations::EnterIfOpen(const std::string& job_id, const Cancellation& cancellation,
                               Entered entered) {
  std::shared_ptr<Session> session;
  {
    absl::MutexLock lock(&mutex_);
    session = Find(job_id);
  }
  if (session == nullptr) return entered(std::shared_ptr<Turn>());
  Enter(session, cancellation, std::move(entered));
}

void Explorations::Enter(const std::shared_ptr<Session>& session, const Cancellation& cancellation,
                         Entered entered) {
  session->turn.Enter(cancellation, [this, session, entered = std::move(entered)](
                                        absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> pass) {
    if (!pass.ok()) return entered(pass.status());
    entered(std::shared_ptr<Turn>(new Turn(this, session, *std::move(pass))));
  });
}

void Explorations::WithdrawCancelled(const std::string& job_id) {
  std::shared_ptr<Session> session;
  {
    absl::MutexLock lock(&mutex_);
    session = Find(job_id);
  }
  if (session != nullptr) session->turn.WithdrawCancelled();
}

// Under the lock while it writes: nobody opens an explorer whose latest findings are not stored.
void Explorations::NoteOpen(const Session* session) {
  absl::MutexLock lock(&mutex_);
  size_t open = 0;
  for (auto known = known_.begin(); known != known_.end();) {
    if (known->session.get() == session) known->is_open = true;
    const bool too_many = known->is_open && ++open > kMaxOpen;
    known = too_many && known->session.use_count() == 1 ? known_.erase(known) : std::next(known);
  }
}

void Explorations::Drop(const std::string& job_id) {
  absl::MutexLock lock(&mutex_);
  const std::shared_ptr<Session> session = Find(job_id);
  if (session == nullptr) return;
  session->dropped = true;
  known_.remove_if([&](const Known& known) { return known.session == session; });
}

absl::StatusOr<Explorer*> Explorations::Turn::Get(const Open& open) {
  if (session_->opened.explorer == nullptr) {
    HT_ASSIGN_OR_RETURN(session_->opened, open());
    explorations_->NoteOpen(session_.get());
  }
  return session_->opened.explorer.get();
}

absl::Status Explorations::Turn::Flush() {
  Explorer* explorer = session_->opened.explorer.get();
  return explorer == nullptr || session_->dropped ? absl::OkStatus() : explorer->Flush();
}

}  // namespace halftone
