// What a RemoteProfiler makes of profilers that answer well, badly, or not at all.
#include "profilers/remote/remote_profiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <thread>

#include "base/fake_clock.h"
#include "base/infinity.h"
#include "profilers/remote/memory_cost_cache.h"
#include "profilers/remote/profiler_directory.h"
#include "tests/await.h"
#include "tests/profilers/remote/fake_profiler.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class RemoteProfilerTest : public testing::Test {
 protected:
  RemoteProfilerTest() {
    EXPECT_TRUE(network_.Bind(1).ok());
    request_.graph = &network_.graph();
    request_.layers = &network_.layers();
    request_.precisions = {Precision::Int(8, 8), Precision::Int(4, 4)};
  }

  // Layers conv, depthwise, strided and fc in two precisions.
  static constexpr size_t kRows = 8;

  absl::StatusOr<CostTable> ProfileAt(const std::string& address, const Progress& progress = {}) {
    auto profiler = ConnectRemoteProfiler("grpc://" + address, &cache_, options_);
    if (!profiler.ok()) return profiler.status();
    return (*profiler)->Profile(request_, progress);
  }

  // The target "board" of a directory.
  absl::StatusOr<CostTable> ProfileBoard(const Progress& progress = {}) {
    for (const ProfilerRegistry::Target& target : directory_.Targets()) {
      if (target.name == "board") return (*target.create())->Profile(request_, progress);
    }
    return absl::NotFoundError("board");
  }
  void Register(const FakeProfiler& fake) {
    const auto registered = directory_.Register("board", fake.address(), absl::Seconds(30));
    ASSERT_TRUE(registered.ok()) << registered.status();
  }

  SmallNetwork network_;
  ProfileRequest request_;
  RemoteOptions options_;
  MemoryCostCache cache_;
  RealClock clock_;
  ProfilerDirectory directory_{&clock_, &cache_, options_};
};

TEST_F(RemoteProfilerTest, RowsCarryWhereTheyAreFrom) {
  FakeProfiler fake;
  const auto table = ProfileAt(fake.address());
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->rows, SizeIs(kRows));
  EXPECT_EQ(table->device.name, "board one");
  for (const CostRow& row : table->rows) {
    EXPECT_EQ(row.provenance, Provenance::kRemote);
    EXPECT_THAT(row.origin.where, HasSubstr(fake.address()));
    EXPECT_EQ(row.origin.with, "fake library 1");
    EXPECT_TRUE(ParseUtc(row.origin.when).ok()) << row.origin.when;
    EXPECT_EQ(row.executed_as, row.precision);
    EXPECT_GT(row.weight_bytes, 0);
  }
  EXPECT_EQ(table->network[0].predicted_ns, 4000);
}

TEST_F(RemoteProfilerTest, TheProfilerSeesTheLayersAndTheModel) {
  FakeProfiler fake;
  ASSERT_TRUE(ProfileAt(fake.address()).ok());
  const v1::ProfileRequest request = fake.requests().at(0);
  EXPECT_EQ(request.protocol_version(), kProfilerProtocolVersion);
  EXPECT_GT(request.model_onnx().size(), 1000u);
  ASSERT_EQ(request.layers_size(), 4);
  EXPECT_EQ(request.layers(1).name(), "depthwise");
  EXPECT_EQ(request.layers(1).op(), "Conv");
  EXPECT_EQ(request.layers(1).groups(), 16);
  EXPECT_EQ(request.layers(1).macs(), 16 * 16 * 16 * 9);
  EXPECT_THAT(request.layers(1).dst_shape(), ElementsAre(1, 16, 16, 16));
}

// What a profiler says wrong, and what the error has to name beside the profiler.
struct Nonsense {
  const char* name;
  std::function<void(v1::LayerCost&)> change;  // of the row of "strided" in w4a4
  std::vector<std::string> named;
};
void PrintTo(const Nonsense& nonsense, std::ostream* out) { *out << nonsense.name; }

class NonsenseTest : public RemoteProfilerTest, public testing::WithParamInterface<Nonsense> {};

TEST_P(NonsenseTest, IsAnErrorThatNamesProfilerAndRowAndLeavesNothing) {
  FakeProfiler fake;
  fake.set_script([&](const auto& wanted, grpc::ServerContext& context, auto& writer) {
    std::vector<v1::LayerCost> rows = wanted;
    for (v1::LayerCost& row : rows) {
      if (row.layer() == "strided" && row.precision() == "w4a4") GetParam().change(row);
    }
    return FakeProfiler::AnswerAll(rows, context, writer);
  });
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr(fake.address()));
  for (const std::string& text : GetParam().named) EXPECT_THAT(message, HasSubstr(text));
  // Nothing of that answer was kept: all rows are asked for again.
  fake.set_script(FakeProfiler::AnswerAll);
  const auto table = ProfileAt(fake.address());
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(fake.requests().at(1).known(), IsEmpty());
  for (const CostRow& row : table->rows) EXPECT_EQ(row.latency_ns, 1000);
}

INSTANTIATE_TEST_SUITE_P(
    All, NonsenseTest,
    testing::Values(
        Nonsense{"Nan", [](auto& row) { row.set_latency_ns(kNan); }, {"strided", "w4a4", "nan"}},
        Nonsense{"Infinite",
                 [](auto& row) { row.set_latency_ns(kInfinity); },
                 {"strided", "w4a4", "latency_ns", "inf"}},
        Nonsense{"MoreThanATableHolds",
                 [](auto& row) { row.set_latency_ns(1e31); },
                 {"strided", "w4a4", "latency_ns is 1e+31"}},
        Nonsense{"Negative",
                 [](auto& row) { row.set_latency_ns(-5); },
                 {"strided", "w4a4", "latency_ns is -5"}},
        Nonsense{"NegativeDeviation",
                 [](auto& row) { row.set_latency_mad_ns(-1); },
                 {"strided", "latency_mad_ns"}},
        Nonsense{"NanEnergy", [](auto& row) { row.set_energy_pj(kNan); }, {"strided", "energy_pj"}},
        Nonsense{"NanUtilization",
                 [](auto& row) { row.set_utilization(kNan); },
                 {"strided", "utilization"}},
        Nonsense{"NegativeShareOfEnergy",
                 [](auto& row) { row.mutable_energy()->set_dram_pj(-1); },
                 {"strided", "energy is -1"}},
        Nonsense{"NegativeCycles", [](auto& row) { row.set_cycles(-1); }, {"strided", "cycles"}},
        Nonsense{"NegativeBytes",
                 [](auto& row) { row.set_weight_bytes(-1); },
                 {"strided", "weight_bytes"}},
        Nonsense{"WrongLayer",
                 [](auto& row) { row.set_layer("nowhere"); },
                 {"'nowhere'", "no such layer"}},
        Nonsense{
            "UnknownPrecision", [](auto& row) { row.set_precision("w99"); }, {"strided", "'w99'"}},
        Nonsense{"PrecisionNotAskedFor",
                 [](auto& row) { row.set_precision("w2a2"); },
                 {"strided", "'w2a2'", "not asked for"}},
        Nonsense{"RowTwice",
                 [](auto& row) { row.set_precision("w8a8"); },
                 {"strided", "'w8a8'", "came before"}},
        Nonsense{"ExecutedAsNonsense",
                 [](auto& row) { row.set_executed_as("fast"); },
                 {"strided", "executed_as", "fast"}},
        Nonsense{"EndlessText",
                 [](auto& row) { row.set_implementation(std::string(5000, 'x')); },
                 {"strided", "implementation", "5000"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(RemoteProfilerTest, MissingRowsAreNamed) {
  FakeProfiler fake;
  fake.set_script([](const auto& wanted, grpc::ServerContext&, auto& writer) {
    for (size_t i = 0; i + 2 < wanted.size(); ++i)
      writer.Write(FakeProfiler::Response({wanted[i]}));
    writer.Write(FakeProfiler::Response({}, true));
    return grpc::Status::OK;
  });
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 of 8 rows are missing"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'fc' in w8a8, 'fc' in w4a4"));
}

TEST_F(RemoteProfilerTest, AnAnswerMustSayThatItIsDone) {
  FakeProfiler fake;
  fake.set_script(FakeProfiler::AnswerSome(kRows, grpc::Status::OK));
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("done"));
}

TEST_F(RemoteProfilerTest, ADeathAfterTheLastWordIsNone) {
  FakeProfiler fake;
  fake.set_script([](const auto& wanted, grpc::ServerContext& context, auto& writer) {
    FakeProfiler::AnswerAll(wanted, context, writer);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
  });
  const auto table = ProfileAt(fake.address());
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->rows, SizeIs(kRows));
}

TEST_F(RemoteProfilerTest, AnAnswerMustTellItsDevice) {
  FakeProfiler fake;
  fake.set_greets(false);
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("device"));
}

TEST_F(RemoteProfilerTest, AWrongEdgeOrNetworkIsNamed) {
  const auto with = [&](const std::function<void(v1::ProfileResponse&)>& change) {
    FakeProfiler fake;
    fake.set_script([&](const auto& wanted, grpc::ServerContext&, auto& writer) {
      v1::ProfileResponse response = FakeProfiler::Response(wanted, true);
      change(response);
      writer.Write(response);
      return grpc::Status::OK;
    });
    return ProfileAt(fake.address()).status();
  };
  const auto edge = [](const char* from, const char* precision, double latency) {
    return [=](v1::ProfileResponse& response) {
      v1::EdgeCost* out = response.add_edges();
      out->set_from_layer(from);
      out->set_to_layer("fc");
      out->set_from_precision(precision);
      out->set_to_precision("w8a8");
      out->set_latency_ns(latency);
    };
  };
  EXPECT_THAT(with(edge("strided", "w4a4", -1)).ToString(), HasSubstr("latency_ns is -1"));
  EXPECT_THAT(with(edge("nowhere", "w4a4", 1)).ToString(), HasSubstr("'nowhere'"));
  EXPECT_THAT(with(edge("strided", "f32", 1)).ToString(), HasSubstr("not asked for"));
  EXPECT_THAT(with([](auto& response) { response.set_fixed_latency_ns(kNan); }).ToString(),
              HasSubstr("fixed_latency_ns is nan"));
  EXPECT_THAT(with([](auto& response) {
                v1::NetworkCost* network = response.add_network();
                network->set_precision("w8a8");
                network->set_measured_ns(kInfinity);
              }).ToString(),
              HasSubstr("measured_ns is inf"));
  EXPECT_TRUE(with(edge("strided", "w4a4", 1)).ok());
}

TEST_F(RemoteProfilerTest, AnotherVersionIsNamedOnBothSides) {
  FakeProfiler fake;
  fake.description().set_protocol_version(7);
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("speaks version 7"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("speaks version 1"));
}

TEST_F(RemoteProfilerTest, NobodyAtTheAddressIsUnavailable) {
  options_.connect_timeout = absl::Milliseconds(300);
  const absl::Status status = ProfileAt("127.0.0.1:9").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1:9"));
  EXPECT_EQ(ProfileAt("unix:/tmp/socket").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RemoteProfilerTest, AProfilersRefusalIsNotTakenForTheServicesOwn) {
  for (const auto& [code, name] :
       {std::pair(grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
        std::pair(grpc::StatusCode::NOT_FOUND, "NOT_FOUND"),
        std::pair(grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"),
        std::pair(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        std::pair(grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        std::pair(grpc::StatusCode::DATA_LOSS, "DATA_LOSS"),
        std::pair(grpc::StatusCode::UNKNOWN, "UNKNOWN")}) {
    FakeProfiler fake;
    fake.set_script(FakeProfiler::AnswerSome(3, grpc::Status(code, "over \x1b[31m64 KiB\n")));
    const absl::Status status = ProfileAt(fake.address()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(fake.address()));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("it refused with ", name, ": over ?[31m64 KiB")));
  }
}

TEST_F(RemoteProfilerTest, WhatADeviceDoesNotExecuteIsUnimplemented) {
  FakeProfiler fake;
  fake.set_script(
      FakeProfiler::AnswerSome(0, grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no Conv")));
  const absl::Status status = ProfileAt(fake.address()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(fake.address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no Conv"));
}

TEST_F(RemoteProfilerTest, AProfilerThatDoesNotDescribeItselfIsToldSo) {
  FakeProfiler fake;
  for (const auto& [answered, code] :
       {std::pair(grpc::StatusCode::INTERNAL, absl::StatusCode::kUnavailable),
        std::pair(grpc::StatusCode::UNIMPLEMENTED, absl::StatusCode::kFailedPrecondition),
        std::pair(grpc::StatusCode::ALREADY_EXISTS, absl::StatusCode::kFailedPrecondition)}) {
    fake.set_described(grpc::Status(answered, "no"));
    const absl::Status status = ProfileAt(fake.address()).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(fake.address()));
  }
}

TEST_F(RemoteProfilerTest, ASilentProfilerIsGivenUp) {
  FakeProfiler fake;
  fake.set_script(FakeProfiler::AnswerSomeAndHang(3));
  FakeSteadyClock clock;
  AwaitedRows rows(3);
  Progress progress = rows.progress();
  progress.cancellation = Cancellation(clock);
  std::thread silence([&] {
    rows.Await();
    clock.Advance(options_.max_silence);
  });
  const absl::Status status = ProfileAt(fake.address(), progress).status();
  silence.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(fake.address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("3 of 8 rows"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("nothing came"));
}

TEST_F(RemoteProfilerTest, CancellationReachesTheProfiler) {
  FakeProfiler fake;
  bool seen = false;
  fake.set_script([&](const auto&, grpc::ServerContext& context, auto&) {
    Await([&] { return context.IsCancelled(); });
    seen = true;
    return grpc::Status::CANCELLED;
  });
  Progress progress;
  std::thread canceller([&] {
    fake.AwaitRequest();
    progress.cancellation.Cancel();
  });
  const absl::Status status = ProfileAt(fake.address(), progress).status();
  canceller.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  fake.Kill();  // waits for the call
  EXPECT_TRUE(seen);
}

TEST_F(RemoteProfilerTest, ADeadProfilersRowsAreKeptAndNotAskedForAgain) {
  FakeProfiler first, second;
  first.set_script(FakeProfiler::AnswerSome(5, {grpc::StatusCode::UNAVAILABLE, "power failure"}));
  Register(first);
  Register(second);
  const auto table = ProfileBoard();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->rows, SizeIs(kRows));
  EXPECT_THAT(first.requests(), SizeIs(1));
  ASSERT_THAT(second.requests(), SizeIs(1));
  EXPECT_THAT(second.requests()[0].known(), SizeIs(5));
}

TEST_F(RemoteProfilerTest, KilledInTheMiddleOfTheStream) {
  FakeProfiler first, second;
  first.set_script(FakeProfiler::AnswerSomeAndHang(5));
  ProfilerDirectory directory(&clock_, &cache_, options_);
  ASSERT_TRUE(directory.Register("board", first.address(), absl::Seconds(30)).ok());
  ASSERT_TRUE(directory.Register("board", second.address(), absl::Seconds(30)).ok());
  AwaitedRows rows(5);
  std::thread killer([&] {
    rows.Await();
    first.Kill();
  });
  const auto table = (*directory.Targets()[0].create())->Profile(request_, rows.progress());
  killer.join();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(second.requests().at(0).known(), SizeIs(5));
}

TEST_F(RemoteProfilerTest, RowsOfTwoDevicesNeverMeet) {
  FakeProfiler first("board one"), second("board two");
  first.set_script(FakeProfiler::AnswerSome(5, {grpc::StatusCode::UNAVAILABLE, "power failure"}));
  Register(first);
  Register(second);
  const auto table = ProfileBoard();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(second.requests().at(0).known(), IsEmpty());
  EXPECT_EQ(table->device.name, "board two");
  for (const CostRow& row : table->rows) EXPECT_EQ(row.latency_ns, 2000);
}

TEST_F(RemoteProfilerTest, AnEqualDeviceIsPreferredToOneThatCameBefore) {
  FakeProfiler first("board one"), other("board two"), equal("board one");
  first.set_script(FakeProfiler::AnswerSome(5, {grpc::StatusCode::UNAVAILABLE, "power failure"}));
  Register(first);
  Register(other);
  Register(equal);
  const auto table = ProfileBoard();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(other.requests(), IsEmpty());
  EXPECT_THAT(equal.requests().at(0).known(), SizeIs(5));
}

TEST_F(RemoteProfilerTest, OnlyWhoEmptiesCachesIsAskedForIt) {
  FakeProfiler warm, cold;
  request_.cold_caches = true;
  Register(warm);
  EXPECT_EQ(ProfileBoard().status().code(), absl::StatusCode::kUnimplemented);
  cold.description().set_empties_caches(true);
  Register(cold);
  const auto table = ProfileBoard();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(warm.requests(), IsEmpty());
  ASSERT_THAT(cold.requests(), SizeIs(1));
  EXPECT_TRUE(cold.requests()[0].cold_caches());
}

TEST_F(RemoteProfilerTest, WhenNoneIsLeftTheErrorTellsAndTheRowsStay) {
  FakeProfiler first;
  first.set_script(FakeProfiler::AnswerSome(5, {grpc::StatusCode::UNAVAILABLE, "power failure"}));
  Register(first);
  const absl::Status status = ProfileBoard().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'board'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(first.address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("5 of 8 rows"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("power failure"));
  // Another process' registration, later.
  FakeProfiler again;
  Register(again);
  ASSERT_TRUE(directory_.Unregister(directory_.List()[0].offer.id).ok());
  ASSERT_TRUE(ProfileBoard().ok());
  EXPECT_THAT(again.requests().at(0).known(), SizeIs(5));
}

TEST_F(RemoteProfilerTest, ADeviceThatIsNotTheOneDescribedIsRefused) {
  FakeProfiler fake;
  auto profiler = ConnectRemoteProfiler("grpc://" + fake.address(), &cache_, options_);
  ASSERT_TRUE(profiler.ok());
  fake.description().mutable_device()->set_name("board two");
  const absl::Status status = (*profiler)->Profile(request_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("board one"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("board two"));
}

TEST_F(RemoteProfilerTest, WhatABusyProfilerMeasuredIsNotKept) {
  FakeProfiler fake;
  fake.set_script([](const auto& wanted, grpc::ServerContext& context, auto& writer) {
    std::vector<v1::LayerCost> rows = wanted;
    for (v1::LayerCost& row : rows) row.set_warning("the machine was busy: 40 % of it");
    return FakeProfiler::AnswerAll(rows, context, writer);
  });
  const auto disturbed = ProfileAt(fake.address());
  ASSERT_TRUE(disturbed.ok()) << disturbed.status();
  EXPECT_TRUE(disturbed->IsDisturbed());
  fake.set_script(FakeProfiler::AnswerAll);
  const auto table = ProfileAt(fake.address());
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(fake.requests().at(1).known(), IsEmpty());
  EXPECT_FALSE(table->IsDisturbed());
  ASSERT_TRUE(ProfileAt(fake.address()).ok());
  EXPECT_THAT(fake.requests(), SizeIs(2)) << "these are kept";
}

TEST_F(RemoteProfilerTest, WhatIsKnownIsNotAskedForAgainUnlessRefreshed) {
  FakeProfiler fake;
  const auto table = ProfileAt(fake.address());
  ASSERT_TRUE(table.ok());
  const auto again = ProfileAt(fake.address());
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(fake.requests(), SizeIs(1));
  EXPECT_EQ(again->rows[0].origin.when, table->rows[0].origin.when);
  request_.precisions.push_back(Precision::Int(2, 2));
  ASSERT_TRUE(ProfileAt(fake.address()).ok());
  ASSERT_THAT(fake.requests(), SizeIs(2));
  EXPECT_THAT(fake.requests()[1].known(), SizeIs(kRows));
  request_.refresh = true;
  ASSERT_TRUE(ProfileAt(fake.address()).ok());
  ASSERT_THAT(fake.requests(), SizeIs(3));
  EXPECT_THAT(fake.requests()[2].known(), IsEmpty());
  EXPECT_TRUE(fake.requests()[2].refresh());
}

}  // namespace
}  // namespace halftone
