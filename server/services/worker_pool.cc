#include "server/services/worker_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace halftone {

WorkerPool::WorkerPool(int threads, size_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

WorkerPool::~WorkerPool() { Stop(); }

absl::Status WorkerPool::Submit(Cancellation cancellation, Task task, const std::string& client) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::UnavailableError("the server is stopping");
  if (waiting_ >= max_waiting_) {
    return absl::ResourceExhaustedError(
        absl::StrCat(waiting_, " calls are waiting already: try again later"));
  }
  const auto own = of_clients_.find(client);
  if (own == of_clients_.end()) {
    turns_.push_back(client);
  } else if (!client.empty() && own->second.size() >= std::max<size_t>(max_waiting_ / 2, 1)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        own->second.size(), " calls of this client are waiting already: try again later"));
  }
  of_clients_[client].push_back({std::move(cancellation), std::move(task)});
  ++waiting_;
  return absl::OkStatus();
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    for (auto& [client, works] : of_clients_) {
      for (Work& work : works) work.cancellation.Cancel();
    }
    for (Cancellation& cancellation : running_) cancellation.Cancel();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool WorkerPool::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

WorkerPool::Work WorkerPool::Next() {
  const std::string client = std::move(turns_.front());
  turns_.pop_front();
  const auto own = of_clients_.find(client);
  Work work = std::move(own->second.front());
  own->second.pop_front();
  --waiting_;
  if (own->second.empty()) {
    of_clients_.erase(own);
  } else {
    turns_.push_back(client);
  }
  return work;
}

void WorkerPool::Loop() {
  while (true) {
    Work work;
    std::list<Cancellation>::iterator running;
    {
      absl::MutexLock lock(&mutex_);
      const auto is_ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || waiting_ > 0;
      };
      mutex_.Await(absl::Condition(&is_ready));
      if (waiting_ == 0) return;
      work = Next();
      running = running_.insert(running_.end(), work.cancellation);
    }
    work.task();
    absl::MutexLock lock(&mutex_);
    running_.erase(running);
  }
}

}  // namespace halftone
