#include "profilers/remote/profiler_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/onnx/export.h"
#include "tests/profilers/remote/served_target.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

// The simulated array, asked without RemoteProfiler.
class ProfilerServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    auto served = ServedTarget::Start("bitfusion", "board");
    ASSERT_TRUE(served.ok()) << served.status();
    served_ = *std::move(served);
    stub_ = v1::ProfilerService::NewStub(
        grpc::CreateChannel(served_->address(), grpc::InsecureChannelCredentials()));
    ASSERT_TRUE(network_.Bind(1).ok());
    const auto model = ExportQuantizedOnnx(network_.graph(), {});
    ASSERT_TRUE(model.ok()) << model.status();
    request_.set_protocol_version(kVersion);
    request_.set_model_onnx(model->bytes);
    request_.set_batch(1);
    for (const char* layer : {"conv", "depthwise", "strided", "fc"}) {
      request_.add_layers()->set_name(layer);
    }
    for (const char* precision : {"w8a8", "w4a4"}) request_.add_precisions(precision);
  }

  // The answer, and how it ended.
  grpc::Status Ask(std::vector<v1::ProfileResponse>& responses) {
    grpc::ClientContext context;
    const auto reader = stub_->Profile(&context, request_);
    v1::ProfileResponse response;
    while (reader->Read(&response)) responses.push_back(response);
    return reader->Finish();
  }
  grpc::Status Ask() {
    std::vector<v1::ProfileResponse> responses;
    return Ask(responses);
  }

  static constexpr int kVersion = 1;
  std::unique_ptr<ServedTarget> served_;
  std::unique_ptr<v1::ProfilerService::Stub> stub_;
  SmallNetwork network_;
  v1::ProfileRequest request_;
};

TEST_F(ProfilerServiceTest, TheDeviceComesFirstAndDoneLast) {
  std::vector<v1::ProfileResponse> responses;
  const grpc::Status status = Ask(responses);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(responses.front().has_device());
  EXPECT_TRUE(responses.back().done());
  int rows = 0;
  for (const v1::ProfileResponse& response : responses) rows += response.layers_size();
  EXPECT_EQ(rows, 8);
}

TEST_F(ProfilerServiceTest, KnownRowsAndOtherLayersAreNotTold) {
  request_.mutable_layers()->RemoveLast();
  v1::LayerPrecision* known = request_.add_known();
  known->set_layer("conv");
  known->set_precision("w4a4");
  std::vector<v1::ProfileResponse> responses;
  ASSERT_TRUE(Ask(responses).ok());
  std::vector<std::string> rows;
  for (const v1::ProfileResponse& response : responses) {
    for (const v1::LayerCost& row : response.layers()) {
      rows.push_back(row.layer() + " " + row.precision());
    }
  }
  EXPECT_THAT(rows, UnorderedElementsAre("conv w8a8", "depthwise w8a8", "strided w8a8",
                                         "depthwise w4a4", "strided w4a4"));
}

TEST_F(ProfilerServiceTest, BadRequestsAreNamed) {
  const v1::ProfileRequest good = request_;
  const auto ends = [&](const std::function<void(v1::ProfileRequest&)>& change) {
    request_ = good;
    change(request_);
    return Ask();
  };
  grpc::Status status = ends([](auto& request) { request.set_protocol_version(9); });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("version 9"));
  EXPECT_THAT(status.error_message(), HasSubstr("version 1"));
  status = ends([](auto& request) { request.add_layers()->set_name("nowhere"); });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("'nowhere'"));
  status = ends([](auto& request) { request.add_precisions("f32"); });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("f32"));
  status = ends([](auto& request) { request.set_cold_caches(true); });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("cold_caches"));
  for (const auto& change : std::vector<std::function<void(v1::ProfileRequest&)>>{
           [](auto& request) { request.set_batch(0); },
           [](auto& request) { request.set_batch(3); },  // the model has 1
           [](auto& request) { request.set_batch(1 << 30); },
           [](auto& request) { request.set_threads(-1); },
           [](auto& request) { request.clear_precisions(); },
           [](auto& request) { request.add_precisions("fast"); },
           [](auto& request) { request.set_model_onnx("no model"); }}) {
    status = ends(change);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  }
  EXPECT_TRUE(ends([](auto&) {}).ok());
}

// A processor elsewhere is as good as this one, whatever name it is offered under.
TEST(ServedTargetTest, TellsWhetherItsTargetEmptiesCaches) {
  for (const auto& [target, empties] : {std::pair("cpu", true), std::pair("bitfusion", false)}) {
    const auto served = ServedTarget::Start(target, "board");
    ASSERT_TRUE(served.ok()) << served.status();
    const auto board = (*served)->directory().Targets().at(0).create();
    ASSERT_TRUE(board.ok()) << board.status();
    EXPECT_EQ((*board)->EmptiesCaches(), empties) << target;
    EXPECT_FALSE((*board)->RunsAssignments()) << target;
  }
}

TEST_F(ProfilerServiceTest, OneThatStopsIsUnavailable) {
  served_->service().Stop();
  EXPECT_EQ(Ask().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace halftone
