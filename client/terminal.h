#ifndef HALFTONE_CLIENT_TERMINAL_H_
#define HALFTONE_CLIENT_TERMINAL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace halftone {

// Rows of text under a header, in aligned columns: a column of numbers to the right, others to the
// left.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // As many cells as the header has.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Lines that end with '\n', without trailing blanks.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// When a line of progress is due where no bar can be drawn: as a stage begins, and then at every
// twentieth of it, but at most every ten seconds, and at least every thirty while it is asked. Not
// thread-safe.
class ProgressLines {
 public:
  // Whether one is due now, which then counts as shown. `fraction` is of the stage.
  bool IsDue(absl::string_view stage, double fraction, absl::Time now);

 private:
  std::optional<std::string> stage_;
  int twentieth_ = 0;
  absl::Time shown_;
};

// Shows how far something is, on stderr: a bar in place where that is a terminal, else lines as
// ProgressLines has them. Not thread-safe.
class ProgressBar {
 public:
  enum class Mode { kBar, kLines, kSilent };
  explicit ProgressBar(Mode mode) : mode_(mode) {}
  // Clears the bar.
  ~ProgressBar();
  // A bar where stderr is a terminal.
  static Mode ModeForStderr();

  // `eta_seconds` is negative while it is not known; `stage_fraction` where `fraction` is of more
  // than the stage.
  void Update(absl::string_view stage, double fraction, double eta_seconds,
              absl::string_view detail, std::optional<double> stage_fraction = std::nullopt);
  // Leaves a line of text above the bar.
  void Note(absl::string_view text);
  void Clear();

  // One line of at most `width` columns.
  static std::string Line(absl::string_view stage, double fraction, double eta_seconds,
                          absl::string_view detail, size_t width);

 private:
  Mode mode_;
  bool drawn_ = false;
  ProgressLines lines_;
};

// "1.2 s", "3 min 5 s", "2 h 10 min".
std::string FormatSeconds(double seconds);
// Three significant digits.
std::string FormatNumber(double value);
// "93.2 %".
std::string FormatPercent(double share);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_TERMINAL_H_
