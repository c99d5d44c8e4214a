#include "server/jobs/retention.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/units.h"

namespace halftone {
namespace {

constexpr int64_t kAnyBytes = std::numeric_limits<int64_t>::max();

std::optional<absl::Duration> ParseAge(absl::string_view text) {
  absl::Duration age;
  double days = 0;
  if (absl::EndsWith(text, "d") && absl::SimpleAtod(text.substr(0, text.size() - 1), &days)) {
    age = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &age)) {
    return std::nullopt;
  }
  if (age < absl::ZeroDuration() || age == absl::InfiniteDuration()) return std::nullopt;
  return age;
}

// A number alone would be one of seconds or of bytes.
bool HasUnit(absl::string_view text) { return !text.empty() && !absl::ascii_isdigit(text.back()); }

}  // namespace

absl::StatusOr<Keep> ParseKeep(absl::string_view text) {
  Keep keep;
  if (text == "forever") return keep;
  bool has_age = false, has_bytes = false;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::optional<absl::Duration> age = ParseAge(part);
    const absl::StatusOr<double> bytes = ParseQuantity(Quantity::kSize, part);
    const bool is_size = bytes.ok() && *bytes < static_cast<double>(kAnyBytes);
    if (HasUnit(part) && age.has_value() && !has_age) {
      keep.age = *age;
      has_age = true;
    } else if (HasUnit(part) && is_size && !has_bytes) {
      keep.bytes = static_cast<int64_t>(*bytes);
      has_bytes = true;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(Quoted(text),
                       " is neither an age, like 30d or 12h, nor a size, like 50GiB, "
                       "nor an age and a size with a comma between, nor 'forever'"));
    }
  }
  return keep;
}

std::string KeepText(const Keep& keep) {
  std::string text;
  if (keep.age != absl::InfiniteDuration()) {
    text = keep.age % absl::Hours(24) == absl::ZeroDuration()
               ? absl::StrCat(keep.age / absl::Hours(24), "d")
           : keep.age % absl::Hours(1) == absl::ZeroDuration()
               ? absl::StrCat(keep.age / absl::Hours(1), "h")
               : absl::FormatDuration(keep.age);
  }
  if (keep.bytes != kAnyBytes) {
    absl::StrAppend(&text, text.empty() ? "" : ",");
    const bool round = keep.bytes % Retention::kGib == 0;
    absl::StrAppend(&text, round ? keep.bytes / Retention::kGib : keep.bytes, round ? "GiB" : "B");
  }
  return text.empty() ? "forever" : text;
}

}  // namespace halftone
