#ifndef HALFTONE_TESTS_FUZZ_EXERCISE_H_
#define HALFTONE_TESTS_FUZZ_EXERCISE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What clients send as bytes, read as the service reads it. Any bytes must be read or refused: an
// error tells that what was read is not what it is written as, and that is a fault of ours. They
// neither crash nor take much memory or time, whatever the bytes.
namespace halftone {

absl::Status ExerciseProblem(absl::string_view bytes);  // JSON of SolveProblem
absl::Status ExerciseTargetFile(
    absl::string_view bytes);  // a cost table (JSON, CSV), an accelerator
absl::Status ExerciseCreateJob(absl::string_view bytes);  // v1::CreateJobRequest

}  // namespace halftone

#endif  // HALFTONE_TESTS_FUZZ_EXERCISE_H_
