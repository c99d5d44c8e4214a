#include <cstdio>

#include "absl/time/time.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"
#include "profilers/simulated/accelerator.h"

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

TEST(ProfilerRegistryTest, FilesAreTargetsOnRequestAlone) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  const std::string path = testing::TempDir() + "registry_test_costs.csv";
  ASSERT_TRUE(WriteFileAtomically(path, "layer,precision,latency_ns\nconv,w8a8,5\n").ok());
  EXPECT_EQ(registry.Create(path).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(RegisterTargetFiles(registry).ok());
  const auto profiler = registry.Create(path);
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  EXPECT_EQ((*profiler)->target(), "registry_test_costs.csv");
  std::remove(path.c_str());
}

TEST(ProfilerRegistryTest, ParametersAreNamedOnceAndNotLeftOut) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  ASSERT_TRUE(RegisterTargetFiles(registry).ok());
  const auto error = [&](const std::string& target) {
    const absl::Status status = registry.Create(target).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << target << ": " << status;
    return std::string(status.message());
  };
  EXPECT_TRUE(registry.Create("bitfusion?rows=8&columns=16").ok());
  EXPECT_THAT(error("bitfusion?rows=8&rows=16"), HasSubstr("'rows' is given twice"));
  EXPECT_THAT(error("bitfusion?rows=8&rows=8"), HasSubstr("'rows' is given twice"));
  EXPECT_THAT(error("bitfusion?cols=8&columns=16"), HasSubstr("'columns' is given twice"));
  EXPECT_THAT(error("bitfusion?"), HasSubstr("'bitfusion?': no parameter follows"));
  EXPECT_THAT(error("mine.json?"), HasSubstr("no parameter follows"));
  EXPECT_THAT(error("bitfusion?&&"), HasSubstr("'bitfusion?&&': a parameter is empty"));
  EXPECT_THAT(error("bitfusion?rows=8&"), HasSubstr("a parameter is empty"));
  EXPECT_THAT(error("bitfusion?=8"), HasSubstr("a parameter's name is empty"));
  EXPECT_THAT(error("mine.json?rows=1&rows=2"), HasSubstr("'rows' is given twice"));
}

TEST(DescribedProfilerTest, TheContentTellsTablesFromAccelerators) {
  const auto describe = [](const char* name, const std::string& text, const char* parameters = "") {
    return MakeDescribedProfiler({name, text, absl::UnixEpoch()}, parameters);
  };
  constexpr char kTable[] = R"({"layers": [{"name": "a", "precision": "f32", "latency_ns": 1}]})";
  EXPECT_TRUE(describe("costs.json", kTable).ok());
  EXPECT_TRUE(describe("no ending", kTable).ok());
  EXPECT_TRUE(describe("no ending", "layer,precision,latency_ns\na,f32,1\n").ok());
  EXPECT_TRUE(describe("mine.json", AcceleratorCatalogue()[0].json).ok());

  const auto error = [&](const std::string& text, const char* parameters = "") {
    const absl::Status status = describe("x.json", text, parameters).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("x.json"));
    return std::string(status.message());
  };
  EXPECT_THAT(error(R"({"layers": [], "array": {}})"), HasSubstr("both 'layers'"));
  EXPECT_THAT(error(kTable, "rows=16"), HasSubstr("no parameters"));
  EXPECT_THAT(error("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(error("3"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(error(R"({"layers": [], "layers": []})"), HasSubstr("'layers' twice"));
  EXPECT_THAT(error(R"({"array": )" + std::string(100, '[')), HasSubstr("nested more than 64"));
}

TEST(ProfilerRegistryTest, AFileThatIsNotThereIsNamed) {
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterTargetFiles(registry).ok());
  const absl::Status status = registry.Create("/nowhere/mine.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/mine.json"));
}

}  // namespace
}  // namespace halftone
