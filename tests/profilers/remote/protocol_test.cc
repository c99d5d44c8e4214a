#include "profilers/remote/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace halftone {
namespace {

using testing::HasSubstr;

TEST(ParseHostPortTest, TakesHostsAndAddresses) {
  EXPECT_EQ(ParseHostPort("board.local:50552")->host, "board.local");
  EXPECT_EQ(ParseHostPort("127.0.0.1:1")->port, 1);
  EXPECT_EQ(ParseHostPort("[::1]:65535")->host, "::1");
  EXPECT_EQ(ParseHostPort("[::1]:65535")->ToString(), "[::1]:65535");
  EXPECT_EQ(ParseHostPort(":50552")->host, "");
}

TEST(ParseHostPortTest, RefusesWhatGrpcWouldResolveOtherwise) {
  for (const char* text :
       {"unix:/tmp/x", "dns:///host:1", "unix-abstract:x:1", "host", "host:", "host:0",
        "host:65536", "host:1a", "::1:50", "[::1]", "a b:1", "a/b:1", "host:00000000001"}) {
    const absl::Status status = ParseHostPort(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

TEST(CheckTargetNameTest, FollowsTheRuleOfAccelerators) {
  EXPECT_TRUE(CheckTargetName("board-7_b").ok());
  for (const std::string& name :
       {std::string(), std::string("7board"), std::string("a.b"), std::string("a/b"),
        std::string("grpc://x"), std::string(65, 'a'), std::string("a\nb")}) {
    EXPECT_EQ(CheckTargetName(name).code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(DeviceIdentityTest, EveryFieldCounts) {
  const DeviceInfo device{"name", "isa", "library", 4};
  EXPECT_EQ(DeviceIdentity(device), DeviceIdentity({"name", "isa", "library", 4}));
  for (const DeviceInfo& other :
       {DeviceInfo{"nam", "eisa", "library", 4}, DeviceInfo{"other", "isa", "library", 4},
        DeviceInfo{"name", "other", "library", 4}, DeviceInfo{"name", "isa", "other", 4},
        DeviceInfo{"name", "isa", "library", 2}}) {
    EXPECT_NE(DeviceIdentity(device), DeviceIdentity(other)) << DeviceText(other);
  }
}

TEST(DeviceFromProtoTest, IsBounded) {
  v1::Device device;
  EXPECT_EQ(DeviceFromProto(device).status().code(), absl::StatusCode::kInvalidArgument);
  device.set_name("board");
  EXPECT_EQ(DeviceFromProto(device)->name, "board");
  device.set_threads(-1);
  EXPECT_EQ(DeviceFromProto(device).status().code(), absl::StatusCode::kInvalidArgument);
  device.set_threads(1);
  device.set_isa(std::string(300, 'x'));
  EXPECT_EQ(DeviceFromProto(device).status().code(), absl::StatusCode::kInvalidArgument);
  device.set_isa("\x1b[31m");
  EXPECT_EQ(DeviceFromProto(device).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
