// What a server that dies, stops or runs out of space leaves behind.
#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/search_service.grpc.pb.h"
#include "tests/e2e/e2e_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;

std::set<v1::Stage> StagesOf(const std::vector<v1::JobEvent>& events, v1::JobEventKind kind,
                             bool reused) {
  std::set<v1::Stage> stages;
  for (const v1::JobEvent& event : events) {
    if (event.kind() == kind && event.reused() == reused) stages.insert(event.stage());
  }
  return stages;
}

constexpr v1::Stage kStagesInOrder[] = {
    v1::STAGE_IMPORT, v1::STAGE_CALIBRATE, v1::STAGE_PROFILE,  v1::STAGE_SENSITIVITY,
    v1::STAGE_SOLVE,  v1::STAGE_REFINE,    v1::STAGE_VALIDATE, v1::STAGE_EXPORT};

class KilledIn : public EndToEnd, public testing::WithParamInterface<v1::Stage> {
 protected:
  // Up to the measurements the job is held among them, so that the kill is always in time. What
  // comes after takes milliseconds, and may end before the kill; each attempt has a seed of its
  // own, so that it reuses nothing.
  v1::CreateJobRequest Request(int attempt) {
    const bool is_held = GetParam() <= v1::STAGE_PROFILE && GetParam() != v1::STAGE_SENSITIVITY;
    v1::CreateJobRequest request = is_held ? HeldSearch() : TinySearch();
    request.mutable_spec()->mutable_sensitivity()->set_samples(64);
    request.mutable_spec()->mutable_sensitivity()->set_seed(static_cast<uint64_t>(attempt));
    return request;
  }

  // Kills the server when the job has come to the stage, and starts it again. Whether the job was
  // not at its end by then.
  bool KillAtStage(const std::string& job) {
    Watch(job, [](const v1::JobEvent& event) {
      return event.kind() == v1::JOB_EVENT_KIND_STAGE_STARTED && event.stage() == GetParam();
    });
    if (GetParam() == v1::STAGE_PROFILE) held_->AwaitRequest();
    server_->Kill();
    if (held_ != nullptr) held_->LetGo();
    StartServer();
    const std::vector<v1::JobEvent> events = Watch(job);
    EXPECT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
    return Get(job).attempts() == 2;
  }
};

// One before and one after the server died.
std::pair<std::vector<v1::JobEvent>, std::vector<v1::JobEvent>> CutAtTheKill(
    const std::vector<v1::JobEvent>& events) {
  const auto restart = std::find_if(events.begin(), events.end(), [](const v1::JobEvent& event) {
    return event.detail().find("queued again") != std::string::npos;
  });
  return {{events.begin(), restart}, {restart, events.end()}};
}

TEST_P(KilledIn, TheJobGoesOnAfterItsLastFinishedStage) {
  constexpr int kAttempts = 30;
  std::string job;
  bool in_time = false;
  for (int attempt = 0; attempt < kAttempts && !in_time; ++attempt) {
    job = Create(Request(attempt));
    in_time = KillAtStage(job);
  }
  ASSERT_TRUE(in_time) << "all jobs ended before the server was killed";

  const auto [before, after] = CutAtTheKill(Watch(job));
  ASSERT_FALSE(after.empty()) << "no event tells of the interruption";
  const auto finished = StagesOf(before, v1::JOB_EVENT_KIND_STAGE_FINISHED, false);
  const auto repeated = StagesOf(after, v1::JOB_EVENT_KIND_STAGE_STARTED, false);
  for (const v1::Stage stage : finished) {
    EXPECT_EQ(repeated.count(stage), 0u) << v1::Stage_Name(stage) << " was run twice";
  }
  for (const v1::Stage stage : kStagesInOrder) {
    if (stage == GetParam()) break;
    EXPECT_EQ(finished.count(stage), 1u) << v1::Stage_Name(stage);
  }
}

INSTANTIATE_TEST_SUITE_P(AnyStage, KilledIn, testing::ValuesIn(kStagesInOrder),
                         [](const testing::TestParamInfo<v1::Stage>& stage) {
                           return v1::Stage_Name(stage.param).substr(6);
                         });

using RecoveryEndToEnd = EndToEnd;

TEST_F(RecoveryEndToEnd, SigtermCheckpointsTheJobAndTellsTheClients) {
  const std::string job = Create(HeldSearch());
  held_->AwaitRequest();
  auto channel = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  auto stub = v1::SearchService::NewStub(channel);
  grpc::Status watched;
  absl::Notification watches;
  std::thread watcher([&] {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name(job);
    auto reader = stub->WatchJob(&context, request);
    v1::JobEvent event;
    while (reader->Read(&event)) {
      if (!watches.HasBeenNotified()) watches.Notify();
    }
    watched = reader->Finish();
    if (!watches.HasBeenNotified()) watches.Notify();
  });
  watches.WaitForNotification();
  EXPECT_EQ(server_->Terminate(), 0);
  watcher.join();
  EXPECT_EQ(watched.error_code(), grpc::StatusCode::UNAVAILABLE) << watched.error_message();
  held_->LetGo();
  StartServer();
  const std::vector<v1::JobEvent> events = Watch(job);
  EXPECT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  EXPECT_EQ(Get(job).attempts(), 2);
  const std::set<v1::Stage> computed =
      StagesOf(CutAtTheKill(events).second, v1::JOB_EVENT_KIND_STAGE_STARTED, false);
  EXPECT_EQ(computed.count(v1::STAGE_CALIBRATE), 0u) << "what was finished is kept";
  EXPECT_EQ(computed.count(v1::STAGE_PROFILE), 1u);
}

TEST_F(RecoveryEndToEnd, SigtermCheckpointsAllJobsThatRun) {
  const std::string waiting = Create(HeldSearch());
  held_->AwaitRequest();
  const std::string computing = Create(LongSearch());
  Watch(computing, [](const v1::JobEvent& event) {
    return event.stage() == v1::STAGE_CALIBRATE && event.kind() == v1::JOB_EVENT_KIND_STAGE_STARTED;
  });
  EXPECT_EQ(Get(waiting).state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(server_->Terminate(), 0);
  held_->LetGo();
  StartServer();
  for (const std::string& job : {waiting, computing}) {
    EXPECT_FALSE(CutAtTheKill(Watch(job, [](const v1::JobEvent& event) {
                   return event.detail().find("queued again") != std::string::npos;
                 })).second.empty());
  }
  // Or the other one would wait for the end of its stage.
  ASSERT_TRUE(client_->CancelJob(computing).ok());
  EXPECT_EQ(Watch(computing).back().state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Watch(waiting).back().state(), v1::JOB_STATE_SUCCEEDED)
      << Get(waiting).error().message();
}

TEST_F(RecoveryEndToEnd, ASecondServerOnTheStateDirectoryIsRefused) {
  const auto second = ServerProcess::Start({state_, 0, ""});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("code 2"));
  EXPECT_TRUE(client_->GetVersion().ok());
  server_->Kill();
  EXPECT_TRUE(ServerProcess::Start({state_, 0, ""}).ok());
}

TEST_F(RecoveryEndToEnd, AFullDiskLosesNothingAndTheServerKeepsServing) {
  const std::string job = Create(TinySearch());
  Watch(job);
  server_->Terminate();
  StartServer(/*max_file_bytes=*/1 << 20);
  const absl::Status status =
      client_->UploadModel(HALFTONE_SOURCE_DIR "/tests/data/networks/resnet14.onnx").status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(client_->GetResult(job).ok());
  // What was written of the upload is gone.
  EXPECT_TRUE(std::filesystem::is_empty(state_ + "/blobs/partial"));
}

TEST_F(RecoveryEndToEnd, NothingOfAKilledUploadIsLeft) {
  server_->Kill();
  {
    std::FILE* file = std::fopen((state_ + "/blobs/partial/killed").c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs("half", file);
    std::fclose(file);
  }
  StartServer();
  EXPECT_TRUE(std::filesystem::is_empty(state_ + "/blobs/partial"));
}

TEST_F(RecoveryEndToEnd, AServerThatIsGoneIsUnavailable) {
  const std::string job = Create(TinySearch());
  server_->Kill();
  const absl::Status status = client_->GetJob(job).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  const absl::Status connected = Connection::ToServer(server_->address()).status();
  EXPECT_TRUE(absl::IsUnavailable(connected)) << connected;
  EXPECT_THAT(std::string(connected.message()), HasSubstr(server_->address()));
}

}  // namespace
}  // namespace halftone
