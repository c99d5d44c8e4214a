#include "profilers/onednn/disturbance.h"

#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "profilers/cost_table.h"

namespace halftone {
namespace {

double Seconds(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

void Disturbance::Start() {
  wall_start_ = Seconds(CLOCK_MONOTONIC);
  busy_start_ = Seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void Disturbance::Stop() {
  wall_ += Seconds(CLOCK_MONOTONIC) - wall_start_;
  busy_ += Seconds(CLOCK_PROCESS_CPUTIME_ID) - busy_start_;
}

void Disturbance::See(const PlanTimes& times) {
  if (times.least_ns <= 0) return;
  double steps = 0;
  for (const MeasuredTime& step : times.steps) steps += step.latency_ns;
  slowdown_ =
      std::max({slowdown_, steps / times.least_ns, times.whole.latency_ns / times.least_ns});
}

double Disturbance::ProcessorShare() const { return wall_ > 0 ? busy_ / (wall_ * threads_) : 1; }

bool Disturbance::IsDisturbed() const {
  return ProcessorShare() < options_.least_processor_share || slowdown_ > options_.most_slowdown;
}

std::string Disturbance::Warning() const {
  if (!IsDisturbed()) return "";
  std::string by;
  if (ProcessorShare() < options_.least_processor_share) {
    by = absl::StrFormat("measured with %.0f %% of %d processor%s", 100 * ProcessorShare(),
                         threads_, threads_ == 1 ? "" : "s");
  }
  if (slowdown_ > options_.most_slowdown) {
    absl::StrAppend(
        &by, by.empty() ? "" : ", ",
        absl::StrFormat("%.1f times slower than its fastest steps together", slowdown_));
  }
  return absl::StrCat(kDisturbedWarning, ": ", by);
}

}  // namespace halftone
