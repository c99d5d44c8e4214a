#include "base/field_path.h"

#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(FieldPathTest, CallsNestIntoAPath) {
  const absl::Status inner = absl::InvalidArgumentError("unit 'KB' is no time");
  EXPECT_EQ(FieldOf(inner), "");
  const absl::Status status = AtField("spec", AtField("budgets", AtField("[1]", inner)));
  EXPECT_EQ(FieldOf(status), "spec.budgets[1]");
  EXPECT_EQ(status.message(), "spec.budgets[1]: unit 'KB' is no time");
  EXPECT_TRUE(AtField("x", absl::OkStatus()).ok());
}

TEST(FieldPathTest, WhatElseComesWithAnErrorStays) {
  absl::Status status = absl::NotFoundError("?");
  status.SetPayload("other", absl::Cord("kept"));
  EXPECT_EQ(AtField("x", status).GetPayload("other"), absl::Cord("kept"));
}

TEST(FieldPathTest, KeysAreShownInPart) {
  EXPECT_EQ(FieldEntry("pins", "conv1"), "pins['conv1']");
  EXPECT_LT(FieldEntry("pins", std::string(4096, 'x')).size(), 100u);
}

}  // namespace
}  // namespace halftone
