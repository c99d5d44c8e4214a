#include "base/program.h"

#include <gtest/gtest.h>

#include <new>

namespace halftone {
namespace {

TEST(ProgramTest, TheBodysStatusIsTheProgramsOwn) {
  char name[] = "program";
  char* argv[] = {name, nullptr};
  const auto body = [](int argc, char** argv) { return argc == 1 && argv[0][0] == 'p' ? 3 : 4; };
  EXPECT_EQ(RunProgram("program", body, 1, argv), 3);
}

TEST(ProgramTest, WhatIsThrownIsToldAndFails) {
  const auto body = [](int, char**) -> int { throw std::bad_alloc(); };
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunProgram("halftone", body, 0, nullptr), EXIT_FAILURE);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "halftone: std::bad_alloc\n");
}

}  // namespace
}  // namespace halftone
