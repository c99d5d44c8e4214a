#ifndef HALFTONE_BASE_WAITING_H_
#define HALFTONE_BASE_WAITING_H_

#include <functional>

namespace halftone {

// Told of a wait, on the thread that waits. Each may be empty.
struct WaitingObserver {
  std::function<void()> began;  // that thread computes nothing from here
  std::function<void()> ended;  // to here
};

// `call`'s result, in which this thread only waits.
template <typename Call>
auto Awaited(const WaitingObserver& observer, const Call& call) {
  if (observer.began) observer.began();
  auto result = call();
  if (observer.ended) observer.ended();
  return result;
}

}  // namespace halftone

#endif  // HALFTONE_BASE_WAITING_H_
