#include "profilers/remote/profiler_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "base/fake_clock.h"
#include "base/field_path.h"
#include "tests/profilers/remote/fake_profiler.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ProfilerDirectoryTest : public testing::Test {
 protected:
  ProfilerDirectoryTest() {
    EXPECT_TRUE(network_.Bind(1).ok());
    request_.graph = &network_.graph();
    request_.layers = &network_.layers();
    request_.precisions = {Precision::Int(8, 8)};
  }

  std::string Register(const FakeProfiler& fake, const std::string& name = "board",
                       absl::Duration lease = absl::Seconds(30)) {
    const auto registered = directory_.Register(name, fake.address(), lease);
    EXPECT_TRUE(registered.ok()) << registered.status();
    return registered.ok() ? registered->offer.id : "";
  }

  absl::StatusOr<CostTable> Profile(const Progress& progress = {}) {
    const auto targets = directory_.Targets();
    if (targets.empty()) return absl::NotFoundError("no target");
    return (*targets[0].create())->Profile(request_, progress);
  }

  FakeClock clock_;
  ProfilerDirectory directory_{&clock_, nullptr, RemoteOptions()};
  SmallNetwork network_;
  ProfileRequest request_;
};

TEST_F(ProfilerDirectoryTest, ARegistrationIsATarget) {
  FakeProfiler fake;
  Register(fake);
  const auto targets = directory_.Targets();
  ASSERT_THAT(targets, SizeIs(1));
  EXPECT_EQ(targets[0].name, "board");
  EXPECT_EQ(targets[0].description, "a fake");
  const auto profiler = targets[0].create();
  ASSERT_TRUE(profiler.ok());
  EXPECT_EQ((*profiler)->target(), "board");
  EXPECT_EQ((*profiler)->Describe().name, "board one");
  EXPECT_TRUE((*profiler)->Supports(Precision::Int(2, 2)));
  EXPECT_FALSE((*profiler)->Supports(Precision::Float32()));
}

TEST_F(ProfilerDirectoryTest, BadRegistrationsAreRefused) {
  FakeProfiler fake;
  const auto code = [&](const std::string& name, const std::string& address,
                        absl::Duration lease = absl::Seconds(30)) {
    return directory_.Register(name, address, lease).status().code();
  };
  EXPECT_EQ(code("no good", fake.address()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("board", "unix:/x"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("board", fake.address(), absl::Milliseconds(1)),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("board", fake.address(), absl::Hours(48)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("board", "127.0.0.1:9"), absl::StatusCode::kUnavailable);
  fake.description().add_precisions("nonsense");
  EXPECT_EQ(code("board", fake.address()), absl::StatusCode::kDataLoss);
  fake.description().set_protocol_version(2);
  EXPECT_EQ(code("board", fake.address()), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(directory_.List(), IsEmpty());
}

TEST_F(ProfilerDirectoryTest, WhatIsNoLeaseIsShown) {
  EXPECT_EQ(*ProfilerDirectory::LeaseOf(0), ProfilerDirectory::kDefaultLease);
  EXPECT_EQ(*ProfilerDirectory::LeaseOf(1.5), absl::Milliseconds(1500));
  const std::pair<double, const char*> none[] = {{-1, "lease_seconds: -1 is not"},
                                                 {std::nan(""), "lease_seconds: nan is not"},
                                                 {1e9, "lease_seconds: 1e+09 is not"}};
  for (const auto& [seconds, says] : none) {
    const absl::Status status = ProfilerDirectory::LeaseOf(seconds).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(FieldOf(status), "lease_seconds");
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  }
}

TEST_F(ProfilerDirectoryTest, APortThatNobodyListensAtIsRefusedAtOnce) {
  RemoteOptions patient;
  patient.connect_timeout = absl::Hours(1);  // longer than any test may take
  ProfilerDirectory directory(&clock_, nullptr, patient);
  const absl::Status status =
      directory.Register("board", "127.0.0.1:9", absl::Seconds(30)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1:9"));
}

TEST_F(ProfilerDirectoryTest, SilenceEndsARegistrationAndHeartbeatsKeepIt) {
  FakeProfiler fake;
  const std::string id = Register(fake, "board", absl::Seconds(10));
  clock_.Advance(absl::Seconds(9));
  ASSERT_TRUE(directory_.Heartbeat(id).ok());
  clock_.Advance(absl::Seconds(9));
  ASSERT_THAT(directory_.List(), SizeIs(1));
  EXPECT_EQ(directory_.List()[0].silence, absl::Seconds(9));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(directory_.List(), IsEmpty());
  EXPECT_FALSE(directory_.Has("board"));
  EXPECT_EQ(directory_.Heartbeat(id).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(directory_.Unregister(id).code(), absl::StatusCode::kNotFound);
}

TEST_F(ProfilerDirectoryTest, RegisteringAgainRenews) {
  FakeProfiler fake;
  const std::string first = Register(fake);
  clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(Register(fake), first);
  clock_.Advance(absl::Seconds(20));
  EXPECT_THAT(directory_.List(), SizeIs(1));
}

TEST_F(ProfilerDirectoryTest, AnotherDeviceAtTheAddressReplaces) {
  FakeProfiler fake;
  const std::string first = Register(fake);
  fake.description().mutable_device()->set_name("board two");
  EXPECT_NE(Register(fake), first);
  EXPECT_THAT(directory_.List(), SizeIs(1));
  EXPECT_EQ(directory_.Heartbeat(first).status().code(), absl::StatusCode::kNotFound);
  Register(fake, "other-name");
  EXPECT_THAT(directory_.List(), SizeIs(2));
}

TEST_F(ProfilerDirectoryTest, ThereAreOnlySoMany) {
  FakeProfiler fake;
  for (size_t i = 0; i < ProfilerDirectory::kMaxRegistrations; ++i) {
    Register(fake, absl::StrCat("board-", i));
  }
  const absl::Status status =
      directory_.Register("one-more", fake.address(), absl::Seconds(30)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ProfilerDirectoryTest, OneAtATimeHasAProfilerAndWaitingCanBeCancelled) {
  FakeProfiler fake;
  fake.set_script(FakeProfiler::AnswerSomeAndHang(1));
  Register(fake);
  Progress first, second;
  std::thread holder(
      [&] { EXPECT_EQ(Profile(first).status().code(), absl::StatusCode::kCancelled); });
  fake.AwaitRequest();
  EXPECT_TRUE(directory_.List()[0].busy);
  absl::Notification waits;
  second.report = [&](double, absl::string_view detail) {
    const bool first_time = !waits.HasBeenNotified();
    if (detail == "waiting for the profiler to be free" && first_time) waits.Notify();
  };
  std::thread waiter(
      [&] { EXPECT_EQ(Profile(second).status().code(), absl::StatusCode::kCancelled); });
  waits.WaitForNotification();
  second.cancellation.Cancel();
  waiter.join();
  first.cancellation.Cancel();
  holder.join();
  EXPECT_THAT(fake.requests(), SizeIs(1));
  EXPECT_FALSE(directory_.List()[0].busy);
}

TEST_F(ProfilerDirectoryTest, TheNextOneGetsItsTurn) {
  FakeProfiler fake;
  Register(fake);
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      const auto table = Profile();
      EXPECT_TRUE(table.ok()) << table.status();
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_THAT(fake.requests(), SizeIs(4));
}

TEST_F(ProfilerDirectoryTest, ADroppedProfilersWorkEnds) {
  FakeProfiler fake;
  fake.set_script(FakeProfiler::AnswerSomeAndHang(2));
  const std::string id = Register(fake, "board", absl::Seconds(10));
  AwaitedRows rows(2);
  std::thread dropper([&] {
    rows.Await();
    clock_.Advance(absl::Seconds(11));
  });
  const absl::Status status = Profile(rows.progress()).status();
  dropper.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 of 4 rows"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no sign of life"));
}

TEST_F(ProfilerDirectoryTest, RowsAreSignsOfLife) {
  FakeProfiler fake;
  AwaitedRows rows;
  fake.set_script([&](const auto& wanted, grpc::ServerContext&, auto& writer) {
    for (const v1::LayerCost& row : wanted) {
      writer.Write(FakeProfiler::Response({row}));
      rows.AwaitNext();
      clock_.Advance(absl::Seconds(6));
    }
    writer.Write(FakeProfiler::Response({}, true));
    return grpc::Status::OK;
  });
  Register(fake, "board", absl::Seconds(10));
  const auto table = Profile(rows.progress());
  EXPECT_TRUE(table.ok()) << table.status();
}

TEST_F(ProfilerDirectoryTest, ANameCanBeAwaited) {
  FakeProfiler fake;
  Cancellation cancellation;
  EXPECT_TRUE(directory_.AwaitName("board", clock_.Now(), cancellation).ok());
  EXPECT_FALSE(directory_.Has("board"));
  std::thread later([&] { Register(fake); });
  EXPECT_TRUE(directory_.AwaitName("board", clock_.Now() + absl::Hours(1), cancellation).ok());
  EXPECT_TRUE(directory_.Has("board"));
  later.join();
  cancellation.Cancel();
  EXPECT_EQ(directory_.AwaitName("other", clock_.Now() + absl::Hours(1), cancellation).code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace halftone
