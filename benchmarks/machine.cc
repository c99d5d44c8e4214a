#include "benchmarks/machine.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/program.h"

namespace halftone {

absl::StatusOr<std::unique_ptr<Session>> MakeMatrixProduct(int64_t size) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{size, size});
  const ValueId b = builder.AddInput("b", Shape{size, size});
  HT_ASSIGN_OR_RETURN(const ValueId product, ops::MatMul(builder, a, b));
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(builder.Build({{"product", product}})));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(std::move(executable)));
  const std::vector<float> ones(static_cast<size_t>(size * size), 1.0f);
  HT_RETURN_IF_ERROR(session->SetInput("a", ones));
  HT_RETURN_IF_ERROR(session->SetInput("b", ones));
  return session;
}

double MeasurePeakRate() {
  constexpr int64_t kSize = 1536;
  constexpr int kRuns = 24;
  absl::StatusOr<std::unique_ptr<Session>> session = MakeMatrixProduct(kSize);
  if (!session.ok()) return 0;
  double best = kInfinity;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    if (!(*session)->Run().ok()) return 0;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return 2.0 * static_cast<double>(kSize * kSize * kSize) / best;
}

void ResetPeakMemory() {
  // What earlier work freed goes back first, so that it does not count.
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

int64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmHWM:") continue;
    int64_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes * 1024;
  }
  return 0;
}

}  // namespace halftone
