// Models of several files: what they are called, and what belongs together.
#include "nn/onnx/model_files.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/onnx/model_builder.h"
#include "tests/temporary_directory.h"

namespace halftone {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<ModelFile> kFiles = {{"x.onnx", 9, std::string(64, 'b')},
                                       {"sub/weights 1.bin", 16, std::string(64, 'a')}};

TEST(Manifest, HasTheSortedLines) {
  const std::string manifest = ManifestOf(kFiles);
  EXPECT_EQ(manifest, "sub/weights 1.bin 16 " + std::string(64, 'a') + "\nx.onnx 9 " +
                          std::string(64, 'b') + "\n");
  // printf '%s %s %s\n' ... | LC_ALL=C sort | sha256sum
  EXPECT_EQ(Sha256Hex(manifest),
            "36732288dfe8f22e05eaf4cb0194b1ab811ebb2fb82a6c2d59bca5206aa2ec57");
  EXPECT_TRUE(IsManifest(manifest));
  const auto parsed = ParseManifest(manifest);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(*parsed, ElementsAre(kFiles[1], kFiles[0]));
}

TEST(Manifest, IsNothingElse) {
  const std::string hash(64, 'a');
  for (const std::string& text :
       {std::string(), hash, "a 1 " + hash, "a 1 " + hash + "\n\n", "a -1 " + hash + "\n",
        "a b " + hash + "\n", " 1 " + hash + "\n", "/a 1 " + hash + "\n", "../a 1 " + hash + "\n",
        "./a 1 " + hash + "\n", "a 1 " + std::string(64, 'A') + "\n", "a 1 " + hash + "0\n",
        std::string(600, 'a') + " 1 " + hash + "\n", "\x08\x09 1 " + hash + "\n"}) {
    EXPECT_FALSE(ParseManifest(text).ok()) << text;
  }
}

// A model whose tensors lie where it says, with the contents of the files.
class ModelFilesTest : public ::testing::Test {
 protected:
  ModelFilesTest() {
    const std::vector<float> values = {1, 2, 3, 4};
    weights_ = std::string(reinterpret_cast<const char*>(values.data()), 16);
    contents_ = {{"net.onnx", Share(Model("w.bin", "./sub//v.bin"))},
                 {"w.bin", Share(weights_)},
                 {"sub/v.bin", Share(weights_)}};
  }

  static std::shared_ptr<const std::string> Share(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
  }
  static std::string Model(const std::string& first, const std::string& second) {
    ModelBuilder model;
    model.Input("x", {2}).External("w", {2}, {{"location", first}});
    model.External("v", {2}, {{"location", second}, {"offset", "8"}});
    model.Node("Add", {"x", "w"}, {"s"}).Node("Add", {"s", "v"}, {"y"}).Output("y");
    return model.Bytes();
  }
  void ExpectRefused(const std::string& reason) {
    const absl::Status status = ImportModelFiles(contents_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(reason));
  }

  std::string weights_;
  ExternalContents::Files contents_;
};

TEST_F(ModelFilesTest, AreReadTogether) {
  // Whatever the model's own file is called.
  for (const char* name : {"net.onnx", "net"}) {
    ExternalContents::Files contents = contents_;
    auto own = contents.extract("net.onnx");
    own.key() = name;
    contents.insert(std::move(own));
    const auto graph = ImportModelFiles(contents);
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_THAT(*graph->initializers.at("w").ToFloats(), ElementsAre(1, 2));
    EXPECT_THAT(*graph->initializers.at("v").ToFloats(), ElementsAre(3, 4));
  }
}

TEST_F(ModelFilesTest, BelongTogether) {
  contents_["more.bin"] = Share(weights_);
  ExpectRefused("'more.bin' came with the model, but no tensor of 'net.onnx' lies there");
  contents_.erase("more.bin");
  contents_.erase("sub/v.bin");
  ExpectRefused("tensors of 'net.onnx' lie in 'sub/v.bin', which did not come with the model");
}

TEST_F(ModelFilesTest, StayInTheirFolder) {
  contents_["net.onnx"] = Share(Model("w.bin", "sub/../../v.bin"));
  ExpectRefused("'sub/../../v.bin' is outside of the model's folder");
  contents_["net.onnx"] = Share("no model");
  ExpectRefused("net.onnx: not an ONNX model");
  contents_.erase("net.onnx");
  ExpectRefused("none of the model's files is an ONNX model");
}

TEST_F(ModelFilesTest, AreFoundBesideTheModel) {
  const TemporaryDirectory directory;
  const fs::path root = directory.path();
  fs::create_directories(root / "sub");
  for (const auto& [path, content] : contents_) {
    ASSERT_TRUE(WriteFileAtomically((root / path).string(), *content).ok());
  }
  const auto files = FindModelFiles((root / "net.onnx").string());
  ASSERT_TRUE(files.ok()) << files.status();
  const std::string hash = Sha256Hex(weights_), own = *contents_.at("net.onnx");
  EXPECT_THAT(*files,
              ElementsAre(ModelFile{"net.onnx", static_cast<int64_t>(own.size()), Sha256Hex(own)},
                          ModelFile{"sub/v.bin", 16, hash}, ModelFile{"w.bin", 16, hash}));
  fs::remove(root / "w.bin");
  const absl::Status missing = FindModelFiles((root / "net.onnx").string()).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("w.bin"));
  fs::create_symlink("/etc/hostname", root / "w.bin");
  EXPECT_THAT(std::string(FindModelFiles((root / "net.onnx").string()).status().message()),
              HasSubstr("symbolic link"));
  ModelBuilder one;
  one.Input("x", {2}).Node("Relu", {"x"}, {"y"}).Output("y");
  ASSERT_TRUE(WriteFileAtomically((root / "one.onnx").string(), one.Bytes()).ok());
  EXPECT_THAT(*FindModelFiles((root / "one.onnx").string()), ElementsAre());
}

}  // namespace
}  // namespace halftone
