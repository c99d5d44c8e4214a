#include "server/services/response_stream.h"

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
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

// Tells when it is let go and when it is taken. There is one thread in its tests.
class ABSL_LOCKABLE ToldMutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { on_lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    std::exchange(on_unlock, [] {})();
  }

  static inline std::function<void()> on_lock = [] {};
  static inline std::function<void()> on_unlock = [] {};  // once
};

// Once the end was sent, the stream may be gone: whatever comes first, the other call must have
// decided already that nothing is left to do, in the one critical section that it has.
TEST(ResponseStreamTest, EndsOnceWhenCloseMeetsTheLastWrite) {
  using ToldStream = ResponseStream<int, ToldMutex>;
  for (const bool close_comes_first : {true, false}) {
    int ends = 0, touched_after_end = 0;
    ToldMutex::on_lock = [&] { touched_after_end += ends > 0; };
    ToldStream stream({[](const int*) {}, [&](const absl::Status&) { ++ends; }});
    stream.Offer(1);
    const auto close = [&] { stream.Close(absl::OkStatus()); };
    const auto written = [&] { stream.Written(true); };
    // The second call comes as soon as the first one has let go of the lock.
    if (close_comes_first) {
      ToldMutex::on_unlock = written;
      close();
    } else {
      ToldMutex::on_unlock = close;
      written();
    }
    EXPECT_EQ(ends, 1) << close_comes_first;
    EXPECT_EQ(touched_after_end, 0) << close_comes_first;
  }
  ToldMutex::on_lock = [] {};
}

// As the reactor: whoever ends the stream deletes it, while the other thread is still on its way
// out of the call that came before. For the thread sanitizer.
TEST(ResponseStreamTest, IsDeletedByWhoeverEndsIt) {
  for (int round = 0; round < 200; ++round) {
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
