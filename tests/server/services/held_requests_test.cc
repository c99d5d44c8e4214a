#include "server/services/held_requests.h"

#include "gtest/gtest.h"

namespace halftone {
namespace {

constexpr size_t kMib = size_t{1} << 20;

TEST(HeldRequestsTest, CountsWhatIsHeldUntilItIsLetGo) {
  HeldRequests requests(10 * kMib);
  absl::StatusOr<HeldRequests::Hold> one = requests.Take("a", 4 * kMib);
  absl::StatusOr<HeldRequests::Hold> two = requests.Take("b", 4 * kMib);
  ASSERT_TRUE(one.ok() && two.ok());
  const absl::Status full = requests.Take("c", 3 * kMib).status();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_TRUE(requests.Take("c", 2 * kMib).ok());
  one->reset();
  EXPECT_TRUE(requests.Take("c", 3 * kMib).ok());
}

TEST(HeldRequestsTest, AClientHasHalf) {
  HeldRequests requests(10 * kMib);
  const absl::StatusOr<HeldRequests::Hold> own = requests.Take("a", 4 * kMib);
  ASSERT_TRUE(own.ok());
  const absl::Status full = requests.Take("a", 2 * kMib).status();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_TRUE(requests.Take("b", 2 * kMib).ok());
}

TEST(HeldRequestsTest, SmallRequestsDoNotCount) {
  HeldRequests requests(0);
  EXPECT_TRUE(requests.Take("a", HeldRequests::kSmall).ok());
  EXPECT_FALSE(requests.Take("a", HeldRequests::kSmall + 1).ok());
}

}  // namespace
}  // namespace halftone
