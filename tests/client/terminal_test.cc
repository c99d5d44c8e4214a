#include "client/terminal.h"

#include "client/exit_code.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(TableTest, NumbersStandRightAndTextLeft) {
  Table table({"layer", "loss", "kernel"});
  table.Add({"conv1", "12.5", "jit"});
  table.Add({"fc", "-3", "brgemm"});
  EXPECT_EQ(table.Render(),
            "layer  loss  kernel\n"
            "conv1  12.5  jit\n"
            "fc       -3  brgemm\n");
}

TEST(TableTest, CountsCharactersNotBytes) {
  Table table({"name", "x"});
  table.Add({"Größe", "1"});
  table.Add({"abcde", "2"});
  EXPECT_EQ(table.Render(), "name   x\nGröße  1\nabcde  2\n");
}

TEST(TableTest, WhatOthersChoseIsNotObeyed) {
  Table table({"name", "x"});
  table.Add({"\x1b]0;owned\x07", "1"});
  table.Add({"two\nlines", "2"});
  EXPECT_EQ(table.Render(), "name              x\n\\x1b]0;owned\\x07  1\ntwo\\nlines        2\n");
}

TEST(ProgressBarTest, ADetailIsOneLineOfPrintableText) {
  EXPECT_EQ(ProgressBar::Line("profile", 1, -1, "\x1b[31mred\n", 200),
            "profile      [########################] 100 %  \\x1b[31mred\\n");
}

TEST(ProgressBarTest, ALineTellsStageShareAndTimeLeft) {
  EXPECT_EQ(ProgressBar::Line("profile", 0.5, 12.3, "layer 3 of 14", 200),
            "profile      [############............]  50 %  12 s left  layer 3 of 14");
  EXPECT_EQ(ProgressBar::Line("profile", 1.5, -1, "", 200),
            "profile      [########################] 100 %");
  EXPECT_EQ(ProgressBar::Line("profile", 0.5, 12.3, "layer 3 of 14", 20).size(), 20u);
}

TEST(ProgressLinesTest, AStageThatLastsIsNeitherSilentNorLoud) {
  ProgressLines lines;
  const auto due = [&](const char* stage, double fraction, int seconds) {
    return lines.IsDue(stage, fraction, absl::FromUnixSeconds(1000 + seconds));
  };
  EXPECT_TRUE(due("import", 0, 0)) << "the first stage begins";
  EXPECT_TRUE(due("sensitivity", 0, 0)) << "the next one";
  EXPECT_FALSE(due("sensitivity", 0.5, 9)) << "too soon";
  EXPECT_TRUE(due("sensitivity", 0.5, 10));
  EXPECT_FALSE(due("sensitivity", 0.54, 25)) << "not a twentieth further";
  EXPECT_TRUE(due("sensitivity", 0.55, 25));
  EXPECT_FALSE(due("sensitivity", 0.551, 54));
  EXPECT_TRUE(due("sensitivity", 0.551, 55)) << "half a minute";
  EXPECT_TRUE(due("profile", 0, 56));
}

TEST(ProgressLinesTest, TenSecondsAreTheMostOften) {
  ProgressLines lines;
  int shown = 0;
  for (int i = 0; i <= 1000; ++i) {  // 100 s, ten times a second
    shown += lines.IsDue("profile", i / 1000.0, absl::FromUnixMillis(i * 100)) ? 1 : 0;
  }
  EXPECT_EQ(shown, 11);
}

TEST(ProgressLinesTest, WhatNothingFollowsIsSaidAgainAfterHalfAMinute) {
  ProgressLines lines;
  const absl::Time start = absl::FromUnixSeconds(1000);
  EXPECT_TRUE(lines.IsDue("queued", 0, start));
  EXPECT_EQ(lines.RepeatTime(), start + absl::Seconds(30));
  lines.Repeated(start + absl::Seconds(30));
  EXPECT_EQ(lines.RepeatTime(), start + absl::Seconds(60));
  EXPECT_FALSE(lines.IsDue("queued", 0, start + absl::Seconds(59))) << "it was just said";
}

TEST(ProgressLinesTest, WhatIsAwaitedIsSaidWhenItHasLasted) {
  ProgressLines lines;
  lines.Begin("solve", absl::FromUnixSeconds(1000));
  EXPECT_EQ(lines.RepeatTime(), absl::FromUnixSeconds(1030));
}

TEST(ProgressBarTest, WithoutATerminalStagesAreLines) {
  testing::internal::CaptureStderr();
  {
    ProgressBar bar(ProgressBar::Mode::kLines);
    bar.Await("resolve");
    bar.Update("import", 0, -1, "");
    bar.Update("import", 0.001, -1, "");
    bar.Update("profile", 0.5, 12.3, "layer 3 of 14");
    bar.Clear();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "  0 %  import\n 50 %  profile  12 s left  layer 3 of 14\n");
}

TEST(FormatTest, TimesReadWell) {
  EXPECT_EQ(FormatSeconds(0.04), "0.0 s");
  EXPECT_EQ(FormatSeconds(9.94), "9.9 s");
  EXPECT_EQ(FormatSeconds(59.4), "59 s");
  EXPECT_EQ(FormatSeconds(59.6), "1 min 0 s");
  EXPECT_EQ(FormatSeconds(3725), "1 h 2 min");
}

TEST(ExitCodeTest, CodesAreWhatScriptsRelyOn) {
  const auto code = [](const absl::Status& status) { return static_cast<int>(ExitCodeOf(status)); };
  EXPECT_EQ(code(absl::OkStatus()), 0);
  EXPECT_EQ(code(absl::InternalError("")), 1);
  EXPECT_EQ(code(absl::ResourceExhaustedError("")), 1);
  EXPECT_EQ(code(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(code(absl::NotFoundError("")), 2);
  EXPECT_EQ(code(absl::UnimplementedError("")), 2);
  EXPECT_EQ(code(absl::CancelledError("")), 4);
  EXPECT_EQ(code(absl::UnavailableError("")), 5);
}

}  // namespace
}  // namespace halftone
