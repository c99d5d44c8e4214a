#include "server/services/response_stream.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Stream = ResponseStream<int>;

// Keeps what is written; the test answers the writes.
struct FakeWire {
  Stream::Wire Functions() {
    return {[this](const int* response) { written.push_back(*response); },
            [this](const absl::Status& status) { ends.push_back(status); }};
  }
  std::vector<int> written;
  std::vector<absl::Status> ends;
};

Stream::Rest CountTo(int last) {
  return [last, next = 1]() mutable -> std::optional<int> {
    if (next > last) return std::nullopt;
    return next++;
  };
}

TEST(ResponseStreamTest, AClientThatDoesNotReadMissesAllButTheNewest) {
  FakeWire wire;
  Stream stream(wire.Functions());
  for (int i = 0; i < 1000; ++i) stream.Offer(i);
  EXPECT_THAT(wire.written, ElementsAre(0));
  stream.Written(true);
  EXPECT_THAT(wire.written, ElementsAre(0, 999));
  stream.Written(true);
  EXPECT_THAT(wire.written, ElementsAre(0, 999));
  EXPECT_THAT(wire.ends, IsEmpty());
}

TEST(ResponseStreamTest, TheRestIsMadeAsTheClientTakesIt) {
  FakeWire wire;
  Stream stream(wire.Functions());
  stream.Offer(100);
  stream.Offer(101);
  stream.Close(absl::OkStatus(), CountTo(2));
  EXPECT_THAT(wire.written, ElementsAre(100));
  stream.Written(true);
  EXPECT_THAT(wire.written, ElementsAre(100, 1)) << "the result makes older progress needless";
  stream.Written(true);
  EXPECT_THAT(wire.ends, IsEmpty());
  stream.Written(true);
  EXPECT_THAT(wire.written, ElementsAre(100, 1, 2));
  EXPECT_THAT(wire.ends, ElementsAre(absl::OkStatus()));
}

TEST(ResponseStreamTest, AFailureEndsItWithoutTheRest) {
  FakeWire wire;
  Stream stream(wire.Functions());
  stream.Close(absl::InternalError("no"), CountTo(2));
  EXPECT_THAT(wire.written, IsEmpty());
  EXPECT_THAT(wire.ends, ElementsAre(absl::InternalError("no")));
}

TEST(ResponseStreamTest, ARestThatFailsIsTheEnd) {
  FakeWire wire;
  Stream stream(wire.Functions());
  stream.Close(absl::OkStatus(),
               []() -> absl::StatusOr<std::optional<int>> { return absl::DataLossError("gone"); });
  EXPECT_THAT(wire.ends, ElementsAre(absl::DataLossError("gone")));
}

TEST(ResponseStreamTest, AClientThatIsGoneGetsNothingMore) {
  FakeWire wire;
  Stream stream(wire.Functions());
  stream.Offer(1);
  stream.Offer(2);
  stream.Written(false);
  stream.Offer(3);
  EXPECT_THAT(wire.ends, IsEmpty()) << "its computation still runs";
  stream.Close(absl::OkStatus(), CountTo(2));
  EXPECT_THAT(wire.written, ElementsAre(1));
  EXPECT_EQ(wire.ends.size(), 1u);
}

// As the reactor: whoever ends the stream deletes it, while the other thread is still on its way
// out of the call that came before. A second decision shows as a second end, or under a sanitizer.
TEST(ResponseStreamTest, EndsOnceWhenCloseMeetsTheLastWrite) {
  for (int round = 0; round < 2000; ++round) {
    absl::Notification started, ended;
    Stream* stream = nullptr;
    std::atomic<int> ends = 0;
    stream = new Stream({[&](const int*) { started.Notify(); },
                         [&](const absl::Status&) {
                           ++ends;
                           delete stream;
                           ended.Notify();
                         }});
    stream->Offer(1);
    started.WaitForNotification();
    std::thread grpc([&] { stream->Written(true); });
    stream->Close(absl::OkStatus());
    ended.WaitForNotification();
    grpc.join();
    ASSERT_EQ(ends, 1);
  }
}

}  // namespace
}  // namespace halftone
