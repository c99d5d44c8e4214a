#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/printable.h"

namespace halftone {
namespace {

constexpr size_t kBarColumns = 24;
constexpr size_t kColumnGap = 2;
constexpr absl::Duration kMinSilence = absl::Seconds(10);

// Starts like a number, or stands for one that is missing.
bool LooksNumeric(const std::string& cell) {
  if (cell.empty() || cell == "-") return true;
  const char first = cell[0] == '-' || cell[0] == '+' ? cell[1] : cell[0];
  return absl::ascii_isdigit(static_cast<unsigned char>(first));
}

// Columns that a UTF-8 text takes: continuation bytes take none.
size_t Columns(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

size_t TerminalWidth() {
  winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = PrintableLine(cell);
  rows_.push_back(std::move(row));
}

std::string Table::Render() const {
  const size_t columns = rows_.front().size();
  std::vector<size_t> widths(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], Columns(rows_[r][c]));
      if (r > 0 && !LooksNumeric(rows_[r][c])) numeric[c] = false;
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns; ++c) {
      if (c > 0) line.append(kColumnGap, ' ');
      const size_t padding = widths[c] - Columns(row[c]);
      if (numeric[c]) line.append(padding, ' ');
      line += row[c];
      if (!numeric[c]) line.append(padding, ' ');
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

ProgressBar::Mode ProgressBar::ModeForStderr() {
  return ::isatty(STDERR_FILENO) != 0 ? Mode::kBar : Mode::kLines;
}

ProgressBar::~ProgressBar() {
  Clear();
  if (!repeater_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    ends_ = true;
  }
  changed_.Signal();
  repeater_.join();
}

std::string ProgressBar::Line(absl::string_view stage, double fraction, double eta_seconds,
                              absl::string_view detail, size_t width) {
  fraction = std::clamp(fraction, 0.0, 1.0);
  const auto filled = static_cast<size_t>(fraction * kBarColumns);
  std::string line =
      absl::StrFormat("%-12s [%s%s] %3d %%", std::string(stage), std::string(filled, '#'),
                      std::string(kBarColumns - filled, '.'), static_cast<int>(fraction * 100));
  if (eta_seconds >= 0) absl::StrAppend(&line, "  ", FormatSeconds(eta_seconds), " left");
  if (!detail.empty()) absl::StrAppend(&line, "  ", PrintableLine(detail));
  return line.substr(0, width);
}

std::string ProgressBar::PlainLine(absl::string_view stage, double fraction, double eta_seconds,
                                   absl::string_view detail) {
  std::string line =
      absl::StrFormat("%3d %%  %s", static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100), stage);
  if (eta_seconds >= 0) absl::StrAppend(&line, "  ", FormatSeconds(eta_seconds), " left");
  if (!detail.empty()) absl::StrAppend(&line, "  ", detail);
  return line;
}

void ProgressLines::Begin(absl::string_view stage, absl::Time now) {
  stage_ = std::string(stage);
  twentieth_ = 0;
  shown_ = now;
}

bool ProgressLines::IsDue(absl::string_view stage, double fraction, absl::Time now) {
  const auto twentieth = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 20);
  const absl::Duration silence = now - shown_;
  const bool due = stage != stage_ || silence >= kMaxSilence ||
                   (twentieth > twentieth_ && silence >= kMinSilence);
  if (!due) return false;
  stage_ = std::string(stage);
  twentieth_ = twentieth;
  shown_ = now;
  return true;
}

void ProgressBar::Update(absl::string_view stage, double fraction, double eta_seconds,
                         absl::string_view detail, std::optional<double> stage_fraction) {
  if (mode_ == Mode::kBar) {
    const std::string line = Line(stage, fraction, eta_seconds, detail, TerminalWidth() - 1);
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    drawn_ = true;
  } else if (mode_ == Mode::kLines) {
    absl::MutexLock lock(&mutex_);
    last_ = PlainLine(stage, fraction, eta_seconds, detail);
    if (lines_.IsDue(stage, stage_fraction.value_or(fraction), absl::Now())) {
      std::fprintf(stderr, "%s\n", last_.c_str());
    }
    if (!repeater_.joinable()) repeater_ = std::thread([this] { Repeat(); });
  }
}

void ProgressBar::Await(absl::string_view stage) {
  if (mode_ != Mode::kLines) return;
  absl::MutexLock lock(&mutex_);
  last_ = absl::StrCat(stage, " goes on");
  lines_.Begin(stage, absl::Now());
  if (!repeater_.joinable()) repeater_ = std::thread([this] { Repeat(); });
}

void ProgressBar::Repeat() {
  absl::MutexLock lock(&mutex_);
  while (!ends_) {
    const absl::Time due = last_.empty() ? absl::InfiniteFuture() : lines_.RepeatTime();
    if (absl::Now() < due) {
      // What is shown meanwhile only puts the time off, so that nobody need wake this thread.
      changed_.WaitWithDeadline(&mutex_, std::min(due, absl::Now() + ProgressLines::kMaxSilence));
      continue;
    }
    std::fprintf(stderr, "%s\n", last_.c_str());
    lines_.Repeated(absl::Now());
  }
}

void ProgressBar::Note(absl::string_view text) {
  if (mode_ == Mode::kSilent) return;
  Clear();
  std::fprintf(stderr, "%s\n", Printable(text).c_str());
}

void ProgressBar::Clear() {
  {
    absl::MutexLock lock(&mutex_);
    last_.clear();
  }
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

std::string FormatSeconds(double seconds) {
  if (seconds < 9.95) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

std::string FormatNumber(double value) { return absl::StrFormat("%.3g", value); }

std::string FormatPercent(double share) { return absl::StrFormat("%.2f %%", share * 100); }

}  // namespace halftone
