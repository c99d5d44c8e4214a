// What a server that dies, stops or runs out of space leaves behind.
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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
    v1::STAGE_IMPORT, v1::STAGE_CALIBRATE, v1::STAGE_SENSITIVITY, v1::STAGE_PROFILE,
    v1::STAGE_SOLVE,  v1::STAGE_REFINE,    v1::STAGE_VALIDATE,    v1::STAGE_EXPORT};

class KilledIn : public EndToEnd, public testing::WithParamInterface<v1::Stage> {};

TEST_P(KilledIn, TheJobGoesOnAfterItsLastFinishedStage) {
  v1::CreateJobRequest request = GetParam() <= v1::STAGE_SENSITIVITY ? LongSearch() : TinySearch();
  request.mutable_spec()->mutable_sensitivity()->set_samples(128);
  const std::string job = Create(request);
  Watch(job, [](const v1::JobEvent& event) {
    return event.kind() == v1::JOB_EVENT_KIND_STAGE_STARTED && event.stage() == GetParam();
  });
  server_->Kill();
  StartServer();
  const std::vector<v1::JobEvent> events = Watch(job);
  ASSERT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();

  // Cut the events where the server died.
  auto restart = events.begin();
  while (restart != events.end() && restart->detail().find("interrupted") == std::string::npos) {
    ++restart;
  }
  if (restart == events.end()) GTEST_SKIP() << "the job had ended before the server was killed";
  const std::vector<v1::JobEvent> before(events.begin(), restart), after(restart, events.end());
  const auto finished = StagesOf(before, v1::JOB_EVENT_KIND_STAGE_FINISHED, false);
  const auto repeated = StagesOf(after, v1::JOB_EVENT_KIND_STAGE_STARTED, false);
  for (const v1::Stage stage : finished) {
    EXPECT_EQ(repeated.count(stage), 0u) << v1::Stage_Name(stage) << " was run twice";
  }
  for (const v1::Stage stage : kStagesInOrder) {
    if (stage == GetParam()) break;
    EXPECT_EQ(finished.count(stage), 1u) << v1::Stage_Name(stage);
  }
  EXPECT_EQ(Get(job).attempts(), 2);
}

INSTANTIATE_TEST_SUITE_P(AnyStage, KilledIn, testing::ValuesIn(kStagesInOrder),
                         [](const testing::TestParamInfo<v1::Stage>& stage) {
                           return v1::Stage_Name(stage.param).substr(6);
                         });

using RecoveryEndToEnd = EndToEnd;

TEST_F(RecoveryEndToEnd, SigtermCheckpointsTheJobAndTellsTheClients) {
  const std::string job = Create(LongSearch());
  Watch(job, [](const v1::JobEvent& event) { return event.stage() >= v1::STAGE_CALIBRATE; });
  auto channel = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  auto stub = v1::SearchService::NewStub(channel);
  grpc::Status watched;
  std::thread watcher([&] {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name(job);
    auto reader = stub->WatchJob(&context, request);
    v1::JobEvent event;
    while (reader->Read(&event)) {
    }
    watched = reader->Finish();
  });
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(server_->Terminate(), 0);
  watcher.join();
  EXPECT_EQ(watched.error_code(), grpc::StatusCode::UNAVAILABLE) << watched.error_message();
  StartServer();
  const std::vector<v1::JobEvent> events = Watch(job);
  EXPECT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  EXPECT_EQ(Get(job).attempts(), 2);
}

TEST_F(RecoveryEndToEnd, ASecondServerOnTheStateDirectoryIsRefused) {
  const auto second = ServerProcess::Start({state_, 0});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("code 2"));
  EXPECT_TRUE(client_->GetVersion().ok());
  server_->Kill();
  EXPECT_TRUE(ServerProcess::Start({state_, 0}).ok());
}

TEST_F(RecoveryEndToEnd, AFullDiskLosesNothingAndTheServerKeepsServing) {
  const std::string job = Create(TinySearch());
  Watch(job);
  server_->Terminate();
  StartServer(/*max_file_bytes=*/1 << 20);
  const absl::Status status =
      client_->UploadModel(std::string(kNetworks) + "/resnet14.onnx").status();
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
