#include "base/thread_limit.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"

namespace halftone {

int MostThreads() {
  static const int machine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return 2 * machine;
}

absl::Status CheckThreads(int threads) {
  if (threads <= MostThreads()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(threads, " threads are more than ", MostThreads(),
                                                 ", twice what this machine runs at once"));
}

}  // namespace halftone
