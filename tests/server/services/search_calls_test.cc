#include "server/services/search_calls.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/convert/spec.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;

constexpr size_t kDefaultLimitOfClients = size_t{4} << 20;

class SearchCallsTest : public StateFixture {
 protected:
  SearchCallsTest() { context_.jobs = jobs.get(); }

  v1::ListJobsResponse List(int page_size, const std::string& token = "") {
    v1::ListJobsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListJobsResponse response;
    const absl::Status status = ListJobs(context_, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  ServiceContext context_{};
};

v1::SearchSpec LargeSpec() {
  v1::SearchSpec spec;
  spec.set_model("models/x");
  for (int i = 0; i < 2250; ++i) {
    (*spec.mutable_pins())[absl::StrCat(std::string(4000, 'x'), i)] = "w8a8";
  }
  return spec;
}

TEST_F(SearchCallsTest, ListsAreSmallWhateverSpecsAre) {
  const std::string spec = SerializeSpec(LargeSpec());
  ASSERT_GT(spec.size(), 9'000'000u);
  for (int i = 0; i < 3; ++i) CreateJob(spec);
  const v1::ListJobsResponse response = List(1000);
  EXPECT_EQ(response.jobs_size(), 3);
  EXPECT_EQ(response.jobs(0).spec().model(), "models/x");
  EXPECT_LT(response.ByteSizeLong(), 10'000u);
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(SearchCallsTest, NoSpecIsReadForABasicView) {
  const v1::SearchSpec spec = LargeSpec();
  const std::string id =
      jobs->Create({"", "", SerializeSpec(spec), SerializeSpec(Summary(spec))})->id;
  {
    absl::MutexLock lock(&database->mutex);
    ASSERT_TRUE(database->connection.Execute("UPDATE job_specs SET spec = x'ff'").ok());
  }
  EXPECT_EQ(List(10).jobs(0).spec().model(), "models/x");
  v1::GetJobRequest get;
  get.set_name("jobs/" + id);
  v1::Job job;
  ASSERT_TRUE(GetJob(context_, get, &job).ok());
  EXPECT_EQ(job.spec().model(), "models/x");
  v1::CancelJobRequest cancel;
  cancel.set_name(get.name());
  ASSERT_TRUE(CancelJob(context_, cancel, &job).ok());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  get.set_view(v1::JOB_VIEW_FULL);
  EXPECT_TRUE(absl::IsDataLoss(GetJob(context_, get, &job)));
}

TEST_F(SearchCallsTest, PagesEndByBytesAndNothingIsLost) {
  v1::SearchSpec spec;
  spec.set_target(std::string(4000, 'x'));
  std::set<std::string> created;
  for (int i = 0; i < 400; ++i) created.insert("jobs/" + CreateJob(SerializeSpec(spec)));
  std::set<std::string> listed;
  int pages = 0;
  std::string token;
  do {
    const v1::ListJobsResponse page = List(1000, token);
    EXPECT_LT(page.ByteSizeLong(), kDefaultLimitOfClients / 3);
    for (const v1::Job& job : page.jobs()) EXPECT_TRUE(listed.insert(job.name()).second);
    token = page.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(listed, created);
}

TEST_F(SearchCallsTest, PagesEndByNumber) {
  for (int i = 0; i < 25; ++i) CreateJob("");
  const v1::ListJobsResponse first = List(12);
  EXPECT_EQ(first.jobs_size(), 12);
  const v1::ListJobsResponse second = List(13, first.next_page_token());
  EXPECT_EQ(second.jobs_size(), 13);
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(SearchCallsTest, AJobIsShownInTheViewThatIsAskedFor) {
  v1::GetJobRequest request;
  request.set_name("jobs/" + CreateJob(SerializeSpec(LargeSpec())));
  v1::Job job;
  ASSERT_TRUE(GetJob(context_, request, &job).ok());
  EXPECT_LT(job.ByteSizeLong(), 1000u);
  request.set_view(v1::JOB_VIEW_FULL);
  ASSERT_TRUE(GetJob(context_, request, &job).ok());
  EXPECT_EQ(job.spec().pins_size(), 2250u);
  request.set_view(static_cast<v1::JobView>(7));
  const absl::Status status = GetJob(context_, request, &job);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("view: 7"));
}

}  // namespace
}  // namespace halftone
