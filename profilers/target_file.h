#ifndef HALFTONE_PROFILERS_TARGET_FILE_H_
#define HALFTONE_PROFILERS_TARGET_FILE_H_

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"

namespace halftone {

// A file that describes a target: a cost table or an accelerator.
struct TargetFile {
  std::string name;  // without its folders
  std::string text;
  absl::Time time;  // it was written, or came here
};

// Whether it is JSON, as against CSV: by the ending of its name, or else by its first character.
inline bool IsJson(const TargetFile& file) {
  if (absl::EndsWith(file.name, ".json")) return true;
  if (absl::EndsWith(file.name, ".csv")) return false;
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(file.text), "{");
}

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_TARGET_FILE_H_
