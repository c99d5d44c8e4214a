#include <filesystem>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "base/field_path.h"
#include "base/hash.h"
#include "base/memory_budget.h"
#include "base/memory_reservation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "nn/onnx/model_files.h"
#include "server/services/upload_reactor.h"
#include "tests/nn/onnx/model_builder.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

class UploadTest : public StateFixture {
 protected:
  UploadTest() {
    context_.blobs = blobs.get();
    context_.catalog = catalog.get();
  }

  static v1::UploadHeader HeaderOf(const std::string& bytes, const std::string& name) {
    v1::UploadHeader header;
    header.set_sha256(Sha256Hex(bytes));
    header.set_size_bytes(static_cast<int64_t>(bytes.size()));
    header.set_display_name(name);
    return header;
  }

  bool HasPartialFiles() const {
    return !std::filesystem::is_empty(directory.path() + "/blobs/partial");
  }

  ServiceContext context_{};
};

TEST_F(UploadTest, NothingIsLeftOfOneThatIsRefusedOnceItEnds) {
  Upload upload(&context_, ContentKind::kModel);
  ASSERT_TRUE(upload.Begin(HeaderOf("no model", "x.onnx")).ok());
  ASSERT_TRUE(upload.Append("no model").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(upload.Finish(Cancellation()).status()));
  EXPECT_TRUE(HasPartialFiles()) << "so that this test tells what End() does";
  upload.End();
  EXPECT_FALSE(HasPartialFiles());
}

// Side by side, each would fit into the limit, and both would not.
TEST_F(UploadTest, IsReadOnceOthersHaveLeftEnoughMemory) {
  MemoryBudget::SetLimitBytes(10e6);
  const absl::Cleanup reset = [] { MemoryBudget::SetLimitBytes(0); };
  const std::string bytes =
      *WriteNpz({{"x", Tensor::Of<float>(Shape{1'000'000}, std::vector<float>(1'000'000))}});
  context_.limits.patience_for_memory = absl::Milliseconds(1);
  auto others = MemoryReservation::Take(8e6, absl::ZeroDuration(), Cancellation());
  ASSERT_TRUE(others.ok()) << others.status();
  Upload upload(&context_, ContentKind::kDataset);
  ASSERT_TRUE(upload.Begin(HeaderOf(bytes, "zeros.npz")).ok());
  ASSERT_TRUE(upload.Append(bytes).ok());
  const absl::Status refused = upload.Finish(Cancellation()).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("try again later"));
  *others = MemoryReservation();
  const auto record = upload.Finish(Cancellation());
  EXPECT_TRUE(record.ok()) << record.status();
}

// A model of two files, `Add(x, w)` with `w` in the other one.
class ModelOfFilesTest : public UploadTest {
 protected:
  ModelOfFilesTest() {
    ModelBuilder model;
    model.Input("x", {2}).External("w", {2}, {{"location", "w.bin"}});
    model.Node("Add", {"x", "w"}, {"y"}).Output("y");
    model_ = model.Bytes();
  }

  void AddFile(const std::string& path, const std::string& bytes) {
    v1::ModelFile& file = *header_.add_files();
    file.set_path(path);
    file.set_size_bytes(static_cast<int64_t>(bytes.size()));
    file.set_sha256(Sha256Hex(bytes));
  }
  // As both files are.
  void Complete() {
    std::vector<ModelFile> files;
    int64_t size = 0;
    for (const v1::ModelFile& file : header_.files()) {
      files.push_back({file.path(), file.size_bytes(), file.sha256()});
      size += file.size_bytes();
    }
    header_.set_sha256(Sha256Hex(ManifestOf(files)));
    header_.set_size_bytes(size);
  }
  void ExpectRefused(const absl::Status& status, const std::string& field) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(FieldOf(status), field) << status;
  }
  void ExpectHeaderRefused(const std::string& field, ContentKind kind = ContentKind::kModel) {
    Upload upload(&context_, kind);
    ExpectRefused(upload.Begin(header_), field);
    EXPECT_FALSE(HasPartialFiles());
  }

  const std::string weights_ = std::string("\0\0\x80\x3f\0\0\0\x40", 8);
  std::string model_;
  v1::UploadHeader header_;
};

TEST_F(ModelOfFilesTest, IsKeptWithThem) {
  AddFile("net.onnx", model_);
  AddFile("w.bin", weights_);
  Complete();
  Upload upload(&context_, ContentKind::kModel);
  ASSERT_TRUE(upload.Begin(header_).ok());
  ASSERT_TRUE(upload.Append(model_).ok());
  ASSERT_TRUE(upload.Append(weights_.substr(0, 3)).ok());
  ASSERT_TRUE(upload.Append(weights_.substr(3)).ok());
  const auto record = upload.Finish(Cancellation());
  upload.End();
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->sha256, header_.sha256());
  EXPECT_EQ(record->size_bytes, static_cast<int64_t>(model_.size()) + 8);
  EXPECT_FALSE(HasPartialFiles());
  EXPECT_EQ(*blobs->Load(Sha256Hex(weights_)), weights_);
  const auto files = context_.ModelFilesOf(record->sha256);
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[1].path, "w.bin");
  const auto graph = context_.LoadModel("model", "models/" + record->sha256);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(*graph->initializers.at("w").ToFloats(), testing::ElementsAre(1, 2));
  ASSERT_TRUE(blobs->Remove(Sha256Hex(weights_)).ok());
  const absl::Status lost = context_.LoadModel("model", "models/" + record->sha256).status();
  EXPECT_TRUE(absl::IsDataLoss(lost)) << lost;
  EXPECT_THAT(std::string(lost.message()), testing::HasSubstr("'w.bin'"));
}

TEST_F(ModelOfFilesTest, HeadersAreChecked) {
  AddFile("net.onnx", model_);
  Complete();
  ExpectHeaderRefused("header.files");
  for (const char* path : {"/w.bin", "../w.bin", "./w.bin", "a/../../b", "", "net.onnx", "a\nb"}) {
    AddFile(path, weights_);
    Complete();
    ExpectHeaderRefused("header.files[1].path");
    header_.mutable_files()->RemoveLast();
  }
  AddFile("w.bin", "");
  Complete();
  ExpectHeaderRefused("header.files[1].size_bytes");
  header_.mutable_files()->RemoveLast();
  AddFile("w.bin", weights_);
  Complete();
  ExpectHeaderRefused("header.files", ContentKind::kDataset);
  header_.set_size_bytes(header_.size_bytes() + 1);
  ExpectHeaderRefused("header.files");
  Complete();
  header_.set_sha256(Sha256Hex(model_));
  ExpectHeaderRefused("header.sha256");
  Complete();
  header_.mutable_files(1)->set_sha256("x");
  ExpectHeaderRefused("header.files[1].sha256");
}

TEST_F(ModelOfFilesTest, BytesAreChecked) {
  AddFile("net.onnx", model_);
  AddFile("w.bin", weights_);
  Complete();
  {
    Upload upload(&context_, ContentKind::kModel);
    ASSERT_TRUE(upload.Begin(header_).ok());
    ExpectRefused(upload.Append(model_ + "x"), "chunk");
    ASSERT_TRUE(upload.Append(model_).ok());
    ExpectRefused(upload.Finish(Cancellation()).status(), "chunk");
    ExpectRefused(upload.Append("12345678"), "header.files[1].sha256");
  }
  Upload upload(&context_, ContentKind::kModel);
  ASSERT_TRUE(upload.Begin(header_).ok());
  ASSERT_TRUE(upload.Append(model_).ok());
  ASSERT_TRUE(upload.Append(weights_).ok());
  ExpectRefused(upload.Append("x"), "chunk");
}

// Nothing is kept of files that do not belong together.
TEST_F(ModelOfFilesTest, FilesBelongTogether) {
  AddFile("net.onnx", model_);
  AddFile("v.bin", weights_);
  Complete();
  Upload upload(&context_, ContentKind::kModel);
  ASSERT_TRUE(upload.Begin(header_).ok());
  ASSERT_TRUE(upload.Append(model_).ok());
  ASSERT_TRUE(upload.Append(weights_).ok());
  const absl::Status status = upload.Finish(Cancellation()).status();
  upload.End();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("lie in 'w.bin'"));
  EXPECT_THAT(*blobs->List(), testing::IsEmpty());
}

TEST_F(UploadTest, NamesAreForPeople) {
  for (const char* name : {"\x1b]0;owned\x07", "two\nlines", "tab\t", "\xc2\x9b"}) {
    Upload upload(&context_, ContentKind::kDataset);
    const absl::Status status = upload.Begin(HeaderOf("bytes", name));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(FieldOf(status), "header.display_name");
    EXPECT_FALSE(HasPartialFiles());
  }
  Upload upload(&context_, ContentKind::kDataset);
  EXPECT_TRUE(upload.Begin(HeaderOf("bytes", "modèle 1.npz")).ok());
}

}  // namespace
}  // namespace halftone
