#include "server/services/worker_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace halftone {

WorkerPool::WorkerPool(int threads, size_t max_waiting, int most_of_client)
    : max_waiting_(max_waiting), most_of_client_(most_of_client) {
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
  of_clients_[client].push_back({std::move(cancellation), std::move(task), client});
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

std::deque<std::string>::iterator WorkerPool::Turn() {
  if (most_of_client_ == 0 || stopping_) return turns_.begin();
  return std::find_if(turns_.begin(), turns_.end(),
                      [this](const std::string& client) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                        const auto own = threads_of_.find(client);
                        return client.empty() || own == threads_of_.end() ||
                               own->second < most_of_client_;
                      });
}

WorkerPool::Work WorkerPool::Next() {
  const auto turn = Turn();
  const std::string client = std::move(*turn);
  turns_.erase(turn);
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
        return stopping_ || Turn() != turns_.end();
      };
      mutex_.Await(absl::Condition(&is_ready));
      if (waiting_ == 0) return;
      work = Next();
      running = running_.insert(running_.end(), work.cancellation);
      ++threads_of_[work.client];
    }
    work.task();
    absl::MutexLock lock(&mutex_);
    running_.erase(running);
    if (--threads_of_[work.client] == 0) threads_of_.erase(work.client);
  }
}

}  // namespace halftone
