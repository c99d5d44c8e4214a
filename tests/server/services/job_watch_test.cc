#include "server/services/job_watch.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kJob[] = "job";
constexpr auto kState = JobEventKind::kStateChanged;
constexpr auto kStage = JobEventKind::kStageStarted;
constexpr auto kProgress = JobEventKind::kStageProgress;

absl::Status Unused() { return absl::UnimplementedError("not of this store"); }

// The events of one job in memory, and on which threads they were asked for. Thread-safe.
class EventLog final : public JobStore {
 public:
  EventHub::Event Append(JobEventKind kind, JobState state) {
    absl::MutexLock lock(&mutex_);
    JobEvent event;
    event.sequence = static_cast<int64_t>(events_.size()) + 1;
    event.kind = kind;
    event.state = state;
    events_.push_back(event);
    return std::make_shared<const JobEvent>(event);
  }
  void Remove() {
    absl::MutexLock lock(&mutex_);
    removed_ = true;
  }
  std::vector<std::thread::id> queries() const {
    absl::MutexLock lock(&mutex_);
    return queries_;
  }

  absl::StatusOr<JobRecord> Get(const std::string& id) const override {
    absl::MutexLock lock(&mutex_);
    HT_RETURN_IF_ERROR(Asked(id));
    JobRecord job;
    job.id = id;
    job.last_event = static_cast<int64_t>(events_.size());
    if (!events_.empty()) job.state = events_.back().state;
    return job;
  }
  absl::StatusOr<std::vector<JobEvent>> Events(const std::string& id, int64_t after_sequence,
                                               int limit) const override {
    absl::MutexLock lock(&mutex_);
    HT_RETURN_IF_ERROR(Asked(id));
    std::vector<JobEvent> found;
    for (const JobEvent& event : events_) {
      if (event.sequence <= after_sequence) continue;
      if (static_cast<int>(found.size()) == limit) break;
      found.push_back(event);
    }
    return found;
  }

  absl::StatusOr<JobRecord> Create(const NewJob&) override { return Unused(); }
  absl::StatusOr<std::string> Spec(const std::string&) const override { return Unused(); }
  absl::StatusOr<JobPage> List(int, const std::string&,
                               const std::vector<JobState>&) const override {
    return Unused();
  }
  absl::StatusOr<int64_t> Revision() const override { return Unused(); }
  absl::StatusOr<std::vector<JobChange>> ChangesSince(int64_t, int) const override {
    return Unused();
  }
  absl::StatusOr<std::optional<JobClaim>> Claim(absl::Duration,
                                                const std::optional<std::string>&) override {
    return Unused();
  }
  absl::StatusOr<bool> Heartbeat(const JobClaim&) override { return Unused(); }
  absl::Status BeginStage(const JobClaim&) override { return Unused(); }
  absl::Status PauseStage(const JobClaim&) override { return Unused(); }
  absl::Status AddArtifact(const JobClaim&, const std::string&, const StoredArtifact&,
                           const JobProgress&, absl::string_view) override {
    return Unused();
  }
  absl::Status RecordProgress(const JobClaim&, JobEventKind, const JobProgress&, bool,
                              absl::string_view) override {
    return Unused();
  }
  absl::Status Succeed(const JobClaim&, const JobOutcome&) override { return Unused(); }
  absl::Status Fail(const JobClaim&, const absl::Status&) override { return Unused(); }
  absl::Status MarkCancelled(const JobClaim&) override { return Unused(); }
  absl::Status Requeue(const JobClaim&, absl::string_view) override { return Unused(); }
  absl::StatusOr<std::vector<std::string>> RecoverInterrupted() override { return Unused(); }
  absl::StatusOr<JobRecord> RequestCancel(const std::string&) override { return Unused(); }
  absl::Status Delete(const std::string&) override { return Unused(); }

 private:
  absl::Status Asked(const std::string& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    queries_.push_back(std::this_thread::get_id());
    return id == kJob && !removed_ ? absl::OkStatus() : absl::NotFoundError("there is no job");
  }

  mutable absl::Mutex mutex_;
  std::vector<JobEvent> events_ ABSL_GUARDED_BY(mutex_);
  bool removed_ ABSL_GUARDED_BY(mutex_) = false;
  mutable std::vector<std::thread::id> queries_ ABSL_GUARDED_BY(mutex_);
};

// A watcher that takes each event at once, or only when it is told to. Thread-safe.
class Watcher {
 public:
  struct Options {
    bool takes = true;
    int64_t after_sequence = 0;
    std::string job = kJob;
  };
  Watcher(EventHub* hub, const EventLog* log, const std::atomic<bool>* stopping, Options options)
      : hub_(hub),
        takes_(options.takes),
        watch_(log, options.job, options.after_sequence, stopping,
               {[this](const v1::JobEvent* event) { Sent(*event); },
                [this](const absl::Status& status) { Ended(status); },
                [this] { hub_->Wake(subscription_); }}) {
    subscription_ = hub->Watch(options.job, [this](const EventHub::Event& event) {
      event == nullptr ? watch_.Look() : watch_.Hear(event);
    });
    hub->Wake(subscription_);
  }
  ~Watcher() { hub_->Unsubscribe(subscription_); }

  // Takes what is sent to it from now on, and what waits.
  void TakeAll() {
    bool waits;
    {
      absl::MutexLock lock(&mutex_);
      takes_ = true;
      waits = std::exchange(waits_, false);
    }
    if (waits) watch_.Written(true);
  }
  JobWatch& watch() { return watch_; }
  std::vector<int64_t> sequences() const {
    absl::MutexLock lock(&mutex_);
    return sequences_;
  }
  std::optional<absl::Status> end() const {
    absl::MutexLock lock(&mutex_);
    return end_;
  }
  void AwaitEnd() const {
    absl::MutexLock lock(&mutex_);
    const auto has_ended = [this]()
                               ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return end_.has_value(); };
    mutex_.Await(absl::Condition(&has_ended));
  }
  std::set<std::thread::id> threads() const {
    absl::MutexLock lock(&mutex_);
    return threads_;
  }

 private:
  void Sent(const v1::JobEvent& event) {
    {
      absl::MutexLock lock(&mutex_);
      EXPECT_FALSE(waits_) << "two writes at a time";
      sequences_.push_back(event.sequence());
      threads_.insert(std::this_thread::get_id());
      waits_ = !takes_;
      if (waits_) return;
    }
    watch_.Written(true);
  }
  void Ended(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    EXPECT_FALSE(end_.has_value());
    end_ = status;
  }

  EventHub* const hub_;
  mutable absl::Mutex mutex_;
  bool takes_ ABSL_GUARDED_BY(mutex_);
  bool waits_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int64_t> sequences_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  std::set<std::thread::id> threads_ ABSL_GUARDED_BY(mutex_);
  JobWatch watch_;
  std::atomic<EventHub::Subscription> subscription_ = 0;
};

class JobWatchTest : public testing::Test {
 protected:
  // As the store does it: first it is written, then told.
  void Publish(JobEventKind kind, JobState state = JobState::kRunning) {
    hub_.Publish(kJob, log_.Append(kind, state));
  }
  std::unique_ptr<Watcher> Watch(Watcher::Options options = {}) {
    return std::make_unique<Watcher>(&hub_, &log_, &stopping_, std::move(options));
  }
  // One that has caught up with the past and whose last event is on its way for good.
  std::unique_ptr<Watcher> Stuck() {
    std::unique_ptr<Watcher> watcher = Watch({/*takes=*/false});
    hub_.Drain();
    Publish(kState);
    hub_.Drain();
    return watcher;
  }
  // Of looks that ask for looks.
  void DrainAll() {
    for (int i = 0; i < 20; ++i) hub_.Drain();
  }
  static std::vector<int64_t> UpTo(int64_t last) {
    std::vector<int64_t> numbers;
    for (int64_t i = 1; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }

  EventLog log_;
  std::atomic<bool> stopping_ = false;
  EventHub hub_;
};

TEST_F(JobWatchTest, AThousandWatchersCostThePublisherNothing) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 1000; ++i) watchers.push_back(Watch());
  hub_.Drain();
  const size_t before = log_.queries().size();
  for (int i = 0; i < 10; ++i) Publish(i % 2 == 0 ? kStage : kProgress);
  hub_.Drain();
  EXPECT_EQ(log_.queries().size(), before) << "what is told is not read again";
  EXPECT_THAT(log_.queries(), testing::Not(testing::Contains(std::this_thread::get_id())));
  for (const std::unique_ptr<Watcher>& watcher : watchers) {
    ASSERT_EQ(watcher->sequences(), UpTo(10));
    ASSERT_EQ(watcher->threads().count(std::this_thread::get_id()), 0u);
  }
}

TEST_F(JobWatchTest, AWatcherThatNeverTakesItsEventDelaysNobody) {
  const std::unique_ptr<Watcher> stuck = Stuck(), other = Watch();
  hub_.Drain();
  const size_t before = log_.queries().size();
  for (int i = 0; i < 500; ++i) Publish(kStage);
  Publish(kState, JobState::kSucceeded);
  hub_.Drain();
  EXPECT_EQ(other->sequences(), UpTo(502));
  EXPECT_EQ(other->end(), absl::OkStatus());
  EXPECT_THAT(stuck->sequences(), ElementsAre(1));
  EXPECT_EQ(log_.queries().size(), before) << "nothing is read for who takes nothing";
}

TEST_F(JobWatchTest, AWatcherThatLagsGetsOnlyTheNewestProgress) {
  const std::unique_ptr<Watcher> slow = Stuck();
  for (const JobEventKind kind : {kProgress, kProgress, kStage, kState, kProgress, kProgress}) {
    Publish(kind);
  }
  hub_.Drain();
  slow->TakeAll();
  EXPECT_THAT(slow->sequences(), ElementsAre(1, 4, 5, 7));
  Publish(kProgress);
  Publish(kState, JobState::kFailed);
  hub_.Drain();
  EXPECT_THAT(slow->sequences(), ElementsAre(1, 4, 5, 7, 8, 9));
  EXPECT_EQ(slow->end(), absl::OkStatus());
}

TEST_F(JobWatchTest, HoweverFarItLagsItLosesNoStateAndNoStage) {
  const std::unique_ptr<Watcher> slow = Stuck();
  std::vector<int64_t> wanted = {1};
  for (int64_t i = 2; i <= 1000; ++i) {
    const bool progress = i % 3 == 0;
    if (!progress) wanted.push_back(i);
    Publish(progress ? kProgress : kStage);
  }
  Publish(kState, JobState::kSucceeded);
  wanted.push_back(1001);
  hub_.Drain();
  slow->TakeAll();
  slow->AwaitEnd();
  std::vector<int64_t> stages;
  const std::vector<int64_t> sequences = slow->sequences();
  for (const int64_t sequence : sequences) {
    if (sequence % 3 != 0) stages.push_back(sequence);
  }
  EXPECT_EQ(stages, wanted);
  EXPECT_LT(sequences.size(), wanted.size() + 50) << "progress of long ago is of no use";
  EXPECT_THAT(log_.queries(), testing::Not(testing::Contains(std::this_thread::get_id())));
}

TEST_F(JobWatchTest, WhoJoinsInTheMiddleGetsEverythingOnceAndInOrder) {
  for (int i = 0; i < 150; ++i) Publish(kProgress);
  std::thread publisher([this] {
    for (int i = 0; i < 2000; ++i) Publish(kStage);
    Publish(kState, JobState::kSucceeded);
  });
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 50; ++i) watchers.push_back(Watch());
  publisher.join();
  for (const std::unique_ptr<Watcher>& watcher : watchers) {
    watcher->AwaitEnd();
    EXPECT_EQ(watcher->end(), absl::OkStatus());
    std::vector<int64_t> stages = watcher->sequences();
    EXPECT_TRUE(std::is_sorted(stages.begin(), stages.end()));
    stages.erase(stages.begin(), std::upper_bound(stages.begin(), stages.end(), 150));
    ASSERT_EQ(stages.size(), 2001u);
    EXPECT_EQ(stages.back() - stages.front(), 2000);
  }
}

TEST_F(JobWatchTest, ThePastIsSentInFull) {
  for (int i = 0; i < 150; ++i) log_.Append(kProgress, JobState::kRunning);
  log_.Append(kState, JobState::kSucceeded);
  const std::unique_ptr<Watcher> all = Watch(), rest = Watch({true, /*after_sequence=*/149});
  DrainAll();
  EXPECT_EQ(all->sequences(), UpTo(151));
  EXPECT_THAT(rest->sequences(), ElementsAre(150, 151));
  EXPECT_EQ(all->end(), absl::OkStatus());
  EXPECT_EQ(rest->end(), absl::OkStatus());
}

TEST_F(JobWatchTest, WhatWasNotToldOrToldOutOfOrderIsRead) {
  const std::unique_ptr<Watcher> watcher = Watch();
  hub_.Drain();
  log_.Append(kStage, JobState::kRunning);
  const EventHub::Event second = log_.Append(kStage, JobState::kRunning);
  hub_.Publish(kJob, log_.Append(kStage, JobState::kRunning));
  hub_.Publish(kJob, second);
  DrainAll();
  EXPECT_THAT(watcher->sequences(), ElementsAre(1, 2, 3));
  log_.Append(kStage, JobState::kRunning);
  hub_.NotifyAll();
  DrainAll();
  EXPECT_THAT(watcher->sequences(), ElementsAre(1, 2, 3, 4));
}

TEST_F(JobWatchTest, EndsAtOnceWhereThereIsNothingMoreToCome) {
  Publish(kState);
  const std::unique_ptr<Watcher> ahead = Watch({true, /*after_sequence=*/7});
  hub_.Drain();
  EXPECT_FALSE(ahead->end().has_value());
  Publish(kState, JobState::kCancelled);
  DrainAll();
  EXPECT_EQ(ahead->end(), absl::OkStatus());
  const std::unique_ptr<Watcher> late = Watch({true, /*after_sequence=*/2});
  DrainAll();
  EXPECT_EQ(late->end(), absl::OkStatus());
  EXPECT_THAT(late->sequences(), IsEmpty());
}

TEST_F(JobWatchTest, AJobThatIsUnknownOrDeletedIsNotFound) {
  const std::unique_ptr<Watcher> unknown = Watch({true, 0, "nobody"}), watcher = Watch();
  hub_.Drain();
  EXPECT_TRUE(absl::IsNotFound(unknown->end().value_or(absl::OkStatus())));
  EXPECT_FALSE(watcher->end().has_value());
  log_.Remove();
  hub_.Notify(kJob);
  DrainAll();
  EXPECT_TRUE(absl::IsNotFound(watcher->end().value_or(absl::OkStatus())));
}

TEST_F(JobWatchTest, AServerThatStopsEndsTheWatchAfterWhatItWrote) {
  const std::unique_ptr<Watcher> watcher = Watch(), slow = Stuck();
  Publish(kState, JobState::kQueued);
  stopping_ = true;
  hub_.NotifyAll();
  DrainAll();
  EXPECT_EQ(watcher->sequences(), UpTo(2));
  EXPECT_TRUE(absl::IsUnavailable(watcher->end().value_or(absl::OkStatus())));
  EXPECT_FALSE(slow->end().has_value());
  slow->TakeAll();
  DrainAll();
  EXPECT_EQ(slow->sequences(), UpTo(2));
  EXPECT_TRUE(absl::IsUnavailable(slow->end().value_or(absl::OkStatus())));
}

TEST_F(JobWatchTest, NothingIsSentToWhoHasGone) {
  const std::unique_ptr<Watcher> cancelled = Watch(), broken = Stuck();
  hub_.Drain();
  cancelled->watch().Leave();
  EXPECT_TRUE(absl::IsCancelled(cancelled->end().value_or(absl::OkStatus())));
  Publish(kStage);
  hub_.Drain();
  EXPECT_THAT(cancelled->sequences(), ElementsAre(1));
  broken->watch().Leave();
  EXPECT_FALSE(broken->end().has_value()) << "its write is still on its way";
  broken->watch().Written(false);
  EXPECT_TRUE(absl::IsCancelled(broken->end().value_or(absl::OkStatus())));
  EXPECT_THAT(broken->sequences(), ElementsAre(1));
}

}  // namespace
}  // namespace halftone
