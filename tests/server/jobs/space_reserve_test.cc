#include "server/jobs/space_reserve.h"

#include <sys/stat.h>

#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

// On the disk, not only by its length.
int64_t BytesOf(const std::string& path) {
  struct stat information;
  return ::stat(path.c_str(), &information) == 0 ? information.st_blocks * 512 : 0;
}

TEST(SpaceReserveTest, TakesUpRoomUntilItIsReleased) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/reserve";
  const SpaceReserve reserve(path);
  for (int i = 0; i < 2; ++i) {
    reserve.Take();
    reserve.Take();
    EXPECT_GE(BytesOf(path), SpaceReserve::kBytes);
    reserve.Release();
    EXPECT_FALSE(std::filesystem::exists(path));
    reserve.Release();
  }
}

TEST(SpaceReserveTest, HoldsNothingWhereThereIsNoRoom) {
  const SpaceReserve reserve("/dev/full/reserve");
  reserve.Take();
  reserve.Release();
  EXPECT_FALSE(std::filesystem::exists("/dev/full/reserve"));
}

using StateReserveTest = StateFixture;

TEST_F(StateReserveTest, AStateDirectoryHasOne) {
  const std::string path = directory.path() + "/state.reserve";
  EXPECT_GE(BytesOf(path), SpaceReserve::kBytes);
  ASSERT_TRUE(std::filesystem::remove(path));
  Claim();
  EXPECT_GE(BytesOf(path), SpaceReserve::kBytes) << "taken again once there is room";
}

}  // namespace
}  // namespace halftone
