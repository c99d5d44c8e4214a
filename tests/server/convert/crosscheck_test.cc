#include "server/convert/crosscheck.h"

#include <limits>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/convert/job.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

using testing::HasSubstr;

const std::string kHash(64, 'a');

v1::CrosscheckSpec ValidSpec() {
  v1::CrosscheckSpec spec;
  spec.set_model("models/" + kHash);
  spec.set_calibration_dataset("datasets/" + kHash);
  spec.set_evaluation_dataset("datasets/" + kHash);
  return spec;
}

TEST(CrosscheckSpecTest, DefaultsAreFilledIn) {
  const absl::StatusOr<CrosscheckSpec> spec = CrosscheckFromProto(ValidSpec());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->model, kHash);
  EXPECT_EQ(spec->assignments, 200);
  EXPECT_EQ(spec->min_damage, 0.001);
  EXPECT_EQ(spec->max_damage, 0.5);
  EXPECT_EQ(spec->sensitivity.samples, 256);
  EXPECT_EQ(spec->evaluation_samples, 0);
  EXPECT_TRUE(spec->precisions.empty());
  EXPECT_TRUE(spec->estimators.empty());
}

TEST(CrosscheckSpecTest, EverythingIsTakenOver) {
  v1::CrosscheckSpec message = ValidSpec();
  message.add_precisions("w4a8");
  message.add_precisions("f32");
  message.add_estimators("fisher-matrix");
  message.set_assignments(50);
  message.set_min_damage(0.01);
  message.set_max_damage(2);
  message.set_evaluation_samples(99);
  message.set_seed(7);
  message.mutable_sensitivity()->set_samples(12);
  message.mutable_sensitivity()->set_seed(8);
  const absl::StatusOr<CrosscheckSpec> spec = CrosscheckFromProto(message);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->precisions, (std::vector{Precision::Int(4, 8), Precision::Float32()}));
  EXPECT_THAT(spec->estimators, testing::ElementsAre("fisher-matrix"));
  EXPECT_EQ(spec->assignments, 50);
  EXPECT_EQ(spec->min_damage, 0.01);
  EXPECT_EQ(spec->max_damage, 2);
  EXPECT_EQ(spec->evaluation_samples, 99);
  EXPECT_EQ(spec->seed, 7u);
  EXPECT_EQ(spec->sensitivity.samples, 12);
  EXPECT_EQ(spec->sensitivity.seed, 8u);
}

struct BadSpec {
  const char* field;
  void (*change)(v1::CrosscheckSpec&);
};

void PrintTo(const BadSpec& spec, std::ostream* out) { *out << spec.field; }

class BadCrosscheck : public testing::TestWithParam<BadSpec> {};

TEST_P(BadCrosscheck, IsRefusedWithItsField) {
  v1::CrosscheckSpec message = ValidSpec();
  GetParam().change(message);
  const absl::Status status = CrosscheckFromProto(message).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadCrosscheck,
    testing::Values(
        BadSpec{"model", [](v1::CrosscheckSpec& s) { s.clear_model(); }},
        BadSpec{"calibration_dataset",
                [](v1::CrosscheckSpec& s) { s.clear_calibration_dataset(); }},
        BadSpec{"evaluation_dataset", [](v1::CrosscheckSpec& s) { s.clear_evaluation_dataset(); }},
        BadSpec{"precisions[1]",
                [](v1::CrosscheckSpec& s) {
                  s.add_precisions("w4a4");
                  s.add_precisions("w99");
                }},
        BadSpec{"precisions", [](v1::CrosscheckSpec& s) { s.add_precisions("w4a4"); }},
        BadSpec{"estimators[0]", [](v1::CrosscheckSpec& s) { s.add_estimators("magic"); }},
        BadSpec{"estimators[0]",
                [](v1::CrosscheckSpec& s) { s.add_estimators(std::string(1'000'000, 'x')); }},
        BadSpec{"estimators",
                [](v1::CrosscheckSpec& s) {
                  for (int i = 0; i < 1000; ++i) s.add_estimators("fisher");
                }},
        BadSpec{"assignments", [](v1::CrosscheckSpec& s) { s.set_assignments(-1); }},
        BadSpec{"assignments", [](v1::CrosscheckSpec& s) { s.set_assignments(1'000'000); }},
        BadSpec{"min_damage", [](v1::CrosscheckSpec& s) { s.set_min_damage(-0.1); }},
        BadSpec{"max_damage",
                [](v1::CrosscheckSpec& s) {
                  s.set_max_damage(std::numeric_limits<double>::quiet_NaN());
                }},
        BadSpec{"range", [](v1::CrosscheckSpec& s) { s.set_min_damage(0.7); }},
        BadSpec{"evaluation_samples", [](v1::CrosscheckSpec& s) { s.set_evaluation_samples(-5); }},
        BadSpec{"sensitivity.samples",
                [](v1::CrosscheckSpec& s) { s.mutable_sensitivity()->set_samples(-1); }}));

TEST(CrosscheckJobTest, TheStoredSpecTellsItsKind) {
  v1::SearchSpec search;
  search.set_model("models/" + kHash);
  EXPECT_FALSE(IsCrosscheck(SerializeSpec(search)));
  const std::string stored = SerializeCrosscheck(ValidSpec());
  EXPECT_TRUE(IsCrosscheck(stored));
  EXPECT_EQ(ParseCrosscheck(stored)->model(), "models/" + kHash);
  EXPECT_TRUE(absl::IsDataLoss(ParseCrosscheck(stored + "\xff\xff").status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseCrosscheck(SerializeSpec(search)).status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseSpec(stored).status())) << "it is no search's spec";

  JobRecord record;
  record.id = "abc";
  const absl::StatusOr<v1::Job> job = JobToProto(record, stored);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->has_crosscheck());
  EXPECT_FALSE(job->has_spec());
}

TEST(CrosscheckResultTest, ScoresThatAreNotDefinedAreAbsent) {
  CrosscheckResult result;
  result.output_metric = "kl";
  result.assignments.resize(3);
  EstimatorScore& score = result.estimators.emplace_back();
  score.name = "fisher";
  score.spearman = 0.9;
  score.error = "caf\xc3";
  const v1::CrosscheckResult message = CrosscheckResultToProto(result);
  EXPECT_EQ(message.assignments(), 3);
  EXPECT_EQ(message.estimators(0).spearman(), 0.9);
  EXPECT_FALSE(message.estimators(0).has_kendall());
  EXPECT_EQ(message.estimators(0).error(), "caf?");
}

}  // namespace
}  // namespace halftone
