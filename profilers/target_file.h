#ifndef HALFTONE_PROFILERS_TARGET_FILE_H_
#define HALFTONE_PROFILERS_TARGET_FILE_H_

#include <string>

#include "absl/time/time.h"

namespace halftone {

// A file that describes a target: a cost table or an accelerator.
struct TargetFile {
  std::string name;  // without its folders; its ending tells the format: ".json" or ".csv"
  std::string text;
  absl::Time time;  // it was written, or came here
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_TARGET_FILE_H_
