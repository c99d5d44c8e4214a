#include <filesystem>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "base/field_path.h"
#include "base/hash.h"
#include "base/memory_budget.h"
#include "base/memory_reservation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "server/services/upload_reactor.h"
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
