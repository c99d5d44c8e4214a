#ifndef HALFTONE_CLIENT_TERMINAL_H_
#define HALFTONE_CLIENT_TERMINAL_H_

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace halftone {

// Rows of text under a header, in aligned columns: a column of numbers to the right, others to the
// left.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // As many cells as the header has. Control characters in them are written as `\x1b` and `\n`.
  void Add(std::vector<std::string> row);
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
  static constexpr absl::Duration kMaxSilence = absl::Seconds(30);

  // Whether one is due now, which then counts as shown. `fraction` is of the stage.
  bool IsDue(absl::string_view stage, double fraction, absl::Time now);
  // When the last line, which nothing has followed, is due again; and that it was shown again.
  absl::Time RepeatTime() const { return shown_ + kMaxSilence; }
  void Repeated(absl::Time now) { shown_ = now; }
  // What began now is shown when it has lasted.
  void Begin(absl::string_view stage, absl::Time now);

 private:
  std::optional<std::string> stage_;
  int twentieth_ = 0;
  absl::Time shown_;
};

// Shows how far something is, on stderr: a bar in place where that is a terminal, else lines as
// ProgressLines has them, the last of them again and again while nothing new is heard. Control
// characters in its texts are escaped. Its methods are for one thread.
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
  // Where lines are shown: `stage` has begun, of which nothing will be heard until its end.
  void Await(absl::string_view stage);
  // Leaves a line of text above the bar.
  void Note(absl::string_view text);
  void Clear();

  // One line of at most `width` columns.
  static std::string Line(absl::string_view stage, double fraction, double eta_seconds,
                          absl::string_view detail, size_t width);
  // The same where no bar is drawn: " 12 %  profile  12 s left  layer 3 of 14".
  static std::string PlainLine(absl::string_view stage, double fraction, double eta_seconds,
                               absl::string_view detail);

 private:
  // Of the thread that says the last line again.
  void Repeat();

  Mode mode_;
  bool drawn_ = false;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  ProgressLines lines_ ABSL_GUARDED_BY(mutex_);
  std::string last_ ABSL_GUARDED_BY(mutex_);  // empty: nothing is under way
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread repeater_;
};

// "1.2 s", "3 min 5 s", "2 h 10 min".
std::string FormatSeconds(double seconds);
// Three significant digits.
std::string FormatNumber(double value);
// "93.2 %".
std::string FormatPercent(double share);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_TERMINAL_H_
