// Weights in files beside the model, and names that must not lead anywhere else.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/model_builder.h"
#include "tests/temporary_directory.h"

namespace halftone {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Location = std::map<std::string, std::string>;

class ExternalDataTest : public ::testing::Test {
 protected:
  ExternalDataTest() {
    fs::create_directories(root_ / "model" / "sub");
    const std::vector<float> values = {1, 2, 3, 4};
    const std::string bytes(reinterpret_cast<const char*>(values.data()), 16);
    for (const char* file : {"model/weights.bin", "model/sub/weights.bin", "secret.bin"}) {
      EXPECT_TRUE(WriteFileAtomically((root_ / file).string(), bytes).ok());
    }
  }

  // Writes a model whose initializer "w" of 2 elements is at `location`, and reads it.
  absl::StatusOr<std::vector<float>> Read(const Location& location) {
    ModelBuilder model;
    model.Input("x", {2}).External("w", {2}, location).Node("Add", {"x", "w"}, {"y"}).Output("y");
    const std::string path = (root_ / "model" / "model.onnx").string();
    EXPECT_TRUE(WriteFileAtomically(path, model.Bytes()).ok());
    absl::StatusOr<Graph> graph = ImportOnnxFile(path);
    if (!graph.ok()) return graph.status();
    return graph->initializers.at("w").ToFloats();
  }

  void ExpectRefused(const Location& location, const std::string& reason) {
    const absl::Status status = Read(location).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(reason));
    EXPECT_THAT(std::string(status.message()), HasSubstr("'w'"));
  }

  const TemporaryDirectory directory_;
  const fs::path root_ = directory_.path();
};

TEST_F(ExternalDataTest, ReadsRangesOfFilesBesideTheModel) {
  EXPECT_THAT(*Read({{"location", "weights.bin"}}), ElementsAre(1, 2));
  EXPECT_THAT(*Read({{"location", "weights.bin"}, {"offset", "8"}, {"length", "8"}}),
              ElementsAre(3, 4));
  EXPECT_THAT(*Read({{"location", "./sub/weights.bin"}, {"offset", "4"}}), ElementsAre(2, 3));
}

TEST_F(ExternalDataTest, NeverLeavesTheFolder) {
  ExpectRefused({{"location", "../secret.bin"}}, "outside of the model's folder");
  ExpectRefused({{"location", "sub/../../secret.bin"}}, "outside of the model's folder");
  ExpectRefused({{"location", (root_ / "secret.bin").string()}}, "not a relative path");
  fs::create_symlink(root_ / "secret.bin", root_ / "model" / "link.bin");
  ExpectRefused({{"location", "link.bin"}}, "symbolic link");
  fs::create_directory_symlink(root_, root_ / "model" / "up");
  EXPECT_FALSE(Read({{"location", "up/secret.bin"}}).ok());
}

TEST_F(ExternalDataTest, ReadsRegularFilesOnly) {
  ASSERT_EQ(::mkfifo((root_ / "model" / "pipe").c_str(), 0600), 0);
  ExpectRefused({{"location", "pipe"}}, "not a regular file");
  ExpectRefused({{"location", "sub"}}, "not a regular file");
  ExpectRefused({}, "not a relative path");
}

TEST_F(ExternalDataTest, ChecksTheRange) {
  ExpectRefused({{"location", "weights.bin"}, {"offset", "12"}}, "has 16 bytes");
  ExpectRefused({{"location", "weights.bin"}, {"offset", "-4"}}, "offset");
  ExpectRefused({{"location", "weights.bin"}, {"offset", "9223372036854775807"}}, "16 bytes");
  ExpectRefused({{"location", "weights.bin"}, {"length", "12"}}, "12 bytes");
  ExpectRefused({{"location", "weights.bin"}, {"length", "many"}}, "many");
}

TEST_F(ExternalDataTest, NamesAMissingFile) {
  const absl::Status status = Read({{"location", "gone.bin"}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("gone.bin"));
}

}  // namespace
}  // namespace halftone
