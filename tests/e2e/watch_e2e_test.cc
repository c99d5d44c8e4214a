// Many watchers of one search through the real server.
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/search_service.grpc.pb.h"
#include "tests/e2e/e2e_fixture.h"

namespace halftone {
namespace {

constexpr int kWatchers = 1000;
constexpr int kWatchersPerChannel = 100;

// How many streams have begun, and how many have ended. Thread-safe.
class Progress {
 public:
  void Began() {
    absl::MutexLock lock(&mutex_);
    ++began_;
  }
  void Ended() {
    absl::MutexLock lock(&mutex_);
    ++ended_;
  }
  bool AwaitBegun(int number) { return Await(&began_, number); }
  bool AwaitEnded(int number) { return Await(&ended_, number); }

 private:
  bool Await(const int* count, int number) {
    absl::MutexLock lock(&mutex_);
    const auto is_reached = [&] { return *count >= number; };
    return mutex_.AwaitWithTimeout(absl::Condition(&is_reached), absl::Minutes(4));
  }
  absl::Mutex mutex_;
  int began_ = 0, ended_ = 0;
};

// Keeps the events of a job; one that does not read has none. Read the results after its end.
class Stream final : public grpc::ClientReadReactor<v1::JobEvent> {
 public:
  Stream(v1::SearchService::Stub* stub, const std::string& job, bool reads, Progress* progress)
      : progress_(progress) {
    request_.set_name(job);
    stub->async()->WatchJob(&context_, &request_, this);
    if (reads) StartRead(&event_);
    if (!reads) AddHold();
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (events.empty()) progress_->Began();
    events.push_back(event_);
    StartRead(&event_);
  }
  void OnDone(const grpc::Status& status) override {
    end = status;
    progress_->Ended();
  }
  // Of one that does not read.
  void GiveUp() {
    context_.TryCancel();
    RemoveHold();
  }

  std::vector<v1::JobEvent> events;
  grpc::Status end;

 private:
  Progress* const progress_;
  grpc::ClientContext context_;
  v1::WatchJobRequest request_;
  v1::JobEvent event_;
};

// The events that nobody may miss, as text.
std::vector<std::string> StatesAndStages(const std::vector<v1::JobEvent>& events) {
  std::vector<std::string> lines;
  for (const v1::JobEvent& event : events) {
    if (event.kind() != v1::JOB_EVENT_KIND_STAGE_PROGRESS) lines.push_back(event.DebugString());
  }
  return lines;
}

using WatchEndToEnd = EndToEnd;

TEST_F(WatchEndToEnd, AThousandWatchersAndOneThatNeverReadsSeeTheEnd) {
  const std::string job = Create(HeldSearch());
  Progress progress;
  std::vector<std::unique_ptr<v1::SearchService::Stub>> stubs;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < kWatchers; ++i) {
    if (i % kWatchersPerChannel == 0) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs.push_back(v1::SearchService::NewStub(grpc::CreateCustomChannel(
          server_->address(), grpc::InsecureChannelCredentials(), arguments)));
    }
    streams.push_back(std::make_unique<Stream>(stubs.back().get(), job, true, &progress));
  }
  Progress of_deaf;
  Stream deaf(stubs.front().get(), job, /*reads=*/false, &of_deaf);
  ASSERT_TRUE(progress.AwaitBegun(kWatchers));
  held_->LetGo();
  ASSERT_TRUE(progress.AwaitEnded(kWatchers));
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  const std::vector<std::string> wanted = StatesAndStages(Watch(job));
  EXPECT_GE(wanted.size(), 2 + 2 * 8u);
  for (const std::unique_ptr<Stream>& stream : streams) {
    ASSERT_TRUE(stream->end.ok()) << stream->end.error_message();
    ASSERT_EQ(stream->events.back().state(), v1::JOB_STATE_SUCCEEDED);
    ASSERT_EQ(StatesAndStages(stream->events), wanted);
  }
  deaf.GiveUp();
  ASSERT_TRUE(of_deaf.AwaitEnded(1));
}

}  // namespace
}  // namespace halftone
