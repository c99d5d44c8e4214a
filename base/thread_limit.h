#ifndef HALFTONE_BASE_THREAD_LIMIT_H_
#define HALFTONE_BASE_THREAD_LIMIT_H_

#include "absl/status/status.h"

namespace halftone {

// So many threads at most compute something in this process: twice as many as the machine runs at
// once. OpenMP keeps the threads that it has started until the process ends.
int MostThreads();

// OK for up to so many, INVALID_ARGUMENT that tells the limit for more. 0 is all of the machine.
absl::Status CheckThreads(int threads);

}  // namespace halftone

#endif  // HALFTONE_BASE_THREAD_LIMIT_H_
