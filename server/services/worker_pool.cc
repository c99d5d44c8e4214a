#include "server/services/worker_pool.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace halftone {

WorkerPool::WorkerPool(int threads, size_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

WorkerPool::~WorkerPool() { Stop(); }

absl::Status WorkerPool::Submit(Cancellation cancellation, Task task) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::UnavailableError("the server is stopping");
  if (waiting_.size() >= max_waiting_) {
    return absl::ResourceExhaustedError(
        absl::StrCat(waiting_.size(), " calls are waiting already: try again later"));
  }
  waiting_.push_back({std::move(cancellation), std::move(task)});
  return absl::OkStatus();
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    for (Work& work : waiting_) work.cancellation.Cancel();
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

void WorkerPool::Loop() {
  while (true) {
    Work work;
    std::list<Cancellation>::iterator running;
    {
      absl::MutexLock lock(&mutex_);
      const auto is_ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !waiting_.empty();
      };
      mutex_.Await(absl::Condition(&is_ready));
      if (waiting_.empty()) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
      running = running_.insert(running_.end(), work.cancellation);
    }
    work.task();
    absl::MutexLock lock(&mutex_);
    running_.erase(running);
  }
}

}  // namespace halftone
