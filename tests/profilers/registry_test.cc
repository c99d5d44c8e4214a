#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"

namespace halftone {
namespace {

using testing::HasSubstr;

TEST(ProfilerRegistryTest, BuiltinTargetsAreListedWithDescriptions) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  bool found = false;
  for (const ProfilerRegistry::Target& target : registry.List()) {
    EXPECT_FALSE(target.description.empty()) << target.name;
    found |= target.name == "bitfusion";
  }
  EXPECT_TRUE(found);
}

TEST(ProfilerRegistryTest, AnUnknownTargetListsTheKnownOnes) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  const absl::Status status = registry.Create("gpu").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'gpu'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("bitfusion"));
}

TEST(ProfilerRegistryTest, ANameIsTakenOnce) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  const absl::Status status = RegisterBuiltinProfilers(registry, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
}

TEST(ProfilerRegistryTest, AFileThatIsNotThereIsNamed) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  const absl::Status status = registry.Create("/nowhere/mine.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/mine.json"));
}

}  // namespace
}  // namespace halftone
