#include "server/services/profiler_registry_service.h"

#include <gtest/gtest.h>

namespace halftone {
namespace {

TEST(ProfilerAddressTest, WithoutAHostItIsThePeers) {
  EXPECT_EQ(*ProfilerAddress(":50552", "ipv4:10.0.0.7:41234", false), "10.0.0.7:50552");
  EXPECT_EQ(*ProfilerAddress(":50552", "ipv6:[::1]:41234", false), "[::1]:50552");
  EXPECT_EQ(*ProfilerAddress(":50552", "ipv6:%5B::1%5D:41234", false), "[::1]:50552");
  EXPECT_EQ(*ProfilerAddress(":50552", "ipv6:[::ffff:10.0.0.7]:41234", false), "10.0.0.7:50552");
}

TEST(ProfilerAddressTest, OnlyThePeersOwnHostUnlessTheServerIsToldOtherwise) {
  const std::string peer = "ipv4:10.0.0.7:41234";
  EXPECT_EQ(*ProfilerAddress("10.0.0.7:50552", peer, false), "10.0.0.7:50552");
  for (const char* other :
       {"10.0.0.8:80", "localhost:80", "127.0.0.1:80", "metadata.internal:80"}) {
    EXPECT_EQ(ProfilerAddress(other, peer, false).status().code(),
              absl::StatusCode::kPermissionDenied)
        << other;
  }
  EXPECT_EQ(*ProfilerAddress("board.local:50552", peer, true), "board.local:50552");
  EXPECT_EQ(*ProfilerAddress("localhost:80", "ipv4:127.0.0.1:9", false), "localhost:80");
}

TEST(ProfilerAddressTest, WhatIsNoAddressIsNamed) {
  for (const char* text : {"", "host", "unix:/x", "a:b:1", "10.0.0.7:0"}) {
    EXPECT_EQ(ProfilerAddress(text, "ipv4:10.0.0.7:1", true).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_EQ(ProfilerAddress(":1", "inproc", false).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
