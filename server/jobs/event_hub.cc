#include "server/jobs/event_hub.h"

#include <utility>

namespace halftone {
namespace {

// Beyond, everybody is told once to look for themselves, in place of all that waits.
constexpr size_t kMostWaiting = 4096;

}  // namespace

EventHub::EventHub() : dispatcher_([this] { Loop(); }) {}

EventHub::~EventHub() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  dispatcher_.join();
}

EventHub::Subscription EventHub::Watch(const std::string& job, EventCallback callback) {
  auto listener = std::make_shared<Listener>(job, std::move(callback));
  absl::MutexLock lock(&listeners_mutex_);
  listeners_.emplace(++last_, std::move(listener));
  return last_;
}

EventHub::Subscription EventHub::Subscribe(const std::string& job, Callback callback) {
  return Watch(job, [callback = std::move(callback)](const Event&) { callback(); });
}

void EventHub::Unsubscribe(Subscription subscription) {
  std::shared_ptr<Listener> listener;
  {
    absl::MutexLock lock(&listeners_mutex_);
    const auto found = listeners_.find(subscription);
    if (found == listeners_.end()) return;
    listener = std::move(found->second);
    listeners_.erase(found);
  }
  absl::MutexLock lock(&listener->mutex);
  listener->gone = true;
}

void EventHub::Publish(const std::string& job, Event event) {
  Enqueue({News::To::kJob, job, 0, std::move(event)});
}

void EventHub::NotifyAll() { Enqueue({News::To::kAll, "", 0, nullptr}); }

void EventHub::Wake(Subscription subscription) {
  Enqueue({News::To::kOne, "", subscription, nullptr});
}

void EventHub::Enqueue(News news) {
  absl::MutexLock lock(&mutex_);
  ++told_;
  if (queue_.size() >= kMostWaiting) {
    heard_ += static_cast<int64_t>(queue_.size());
    queue_.clear();
    news = {News::To::kAll, "", 0, nullptr};
  }
  queue_.push_back(std::move(news));
}

void EventHub::Drain() {
  absl::MutexLock lock(&mutex_);
  const int64_t told = told_;
  const auto all_heard = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return heard_ >= told; };
  mutex_.Await(absl::Condition(&all_heard));
}

void EventHub::Loop() {
  const auto is_ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !queue_.empty();
  };
  while (true) {
    News news;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&is_ready));
      if (stopping_) return;
      news = std::move(queue_.front());
      queue_.pop_front();
    }
    Deliver(news);
    absl::MutexLock lock(&mutex_);
    ++heard_;
  }
}

std::vector<std::shared_ptr<EventHub::Listener>> EventHub::ListenersTo(const News& news) {
  std::vector<std::shared_ptr<Listener>> to;
  absl::MutexLock lock(&listeners_mutex_);
  if (news.to == News::To::kOne) {
    const auto found = listeners_.find(news.subscription);
    if (found != listeners_.end()) to.push_back(found->second);
    return to;
  }
  for (const auto& [subscription, listener] : listeners_) {
    const bool all = news.to == News::To::kAll || listener->job.empty();
    if (all || listener->job == news.job) to.push_back(listener);
  }
  return to;
}

void EventHub::Deliver(const News& news) {
  for (const std::shared_ptr<Listener>& listener : ListenersTo(news)) {
    absl::MutexLock lock(&listener->mutex);
    if (!listener->gone) listener->callback(news.event);
  }
}

}  // namespace halftone
