#include "client/head_flags.h"

#include "client/heads_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using Heads = google::protobuf::Map<std::string, v1::OutputHead>;

TEST(HeadFlagsTest, ReadsKindAxisAndWeight) {
  Heads heads;
  ASSERT_TRUE(FillHeads({"scores=kl", "a=b:c=mse:0.1", "mask=kl@1:2", "ids=ignore"}, &heads).ok());
  EXPECT_EQ(heads["scores"].kind(), "kl");
  EXPECT_FALSE(heads["scores"].has_weight());
  EXPECT_FALSE(heads["scores"].has_axis());
  EXPECT_EQ(heads["a=b:c"].kind(), "mse");
  EXPECT_EQ(heads["a=b:c"].weight(), 0.1);
  EXPECT_EQ(heads["mask"].kind(), "kl");
  EXPECT_EQ(heads["mask"].axis(), 1);
  EXPECT_EQ(heads["mask"].weight(), 2);
  EXPECT_EQ(heads["ids"].kind(), "ignore");
}

TEST(HeadFlagsTest, NamesWhatIsNoHead) {
  for (const auto& [text, said] : {std::pair("scores", "not of the form A=B"),
                                   std::pair("y=mse:heavy", "'heavy' is no weight"),
                                   std::pair("y=mse:inf", "'inf' is no weight"),
                                   std::pair("y=kl@first", "'first' is no axis")}) {
    Heads heads;
    EXPECT_THAT(std::string(FillHeads({text}, &heads).message()), HasSubstr(said));
  }
  Heads heads;
  EXPECT_THAT(std::string(FillHeads({"y=mse", "y=kl"}, &heads).message()),
              HasSubstr("'y' is given twice"));
}

TEST(HeadsTextTest, SaysAsWhatEachCounts) {
  const nlohmann::json document = nlohmann::json::parse(R"({
    "heads": [{"output": "y", "part": "boxes", "kind": "mse", "guess": false, "reason": "asked for",
               "weight": 0.1},
              {"output": "y", "part": "scores", "kind": "bernoulli", "guess": true, "weight": 1,
               "reason": "a Sigmoid at the end"},
              {"output": "x", "kind": "ignore", "guess": true, "reason": "passed on"}],
    "evaluation": {"quantized": {"divergence": 0.5, "heads": [{"name": "scores", "divergence": 0.25, "share": 0.4}]}}})");
  EXPECT_EQ(
      HeadsText(document),
      "output y, its part boxes counts as mse, weight 0.1 (asked for)\n"
      "output y, its part scores counts as bernoulli (a guess: a Sigmoid at the end), divergence "
      "0.25 (40.00 % of all)\n"
      "output x is ignored (a guess: passed on)\n"
      "divergence of all outputs 0.5\n");
  EXPECT_EQ(HeadsText(nlohmann::json()), "");
  EXPECT_EQ(HeadsText({{"heads", {1, "a"}}}), "output  counts as  ()\noutput  counts as  ()\n");
}

}  // namespace
}  // namespace halftone
