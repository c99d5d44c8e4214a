#ifndef HALFTONE_BASE_DEPARTURES_H_
#define HALFTONE_BASE_DEPARTURES_H_

#include <algorithm>

namespace halftone {

// How many entries of `map` are not in `other`, for its key is not there or has another value. What
// only `other` has does not count. Of std::map and its like, and of the maps of messages.
template <typename Map>
int CountDepartures(const Map& map, const Map& other) {
  const auto departs = [&other](const auto& entry) {
    const auto found = other.find(entry.first);
    return found == other.end() || found->second != entry.second;
  };
  return static_cast<int>(std::count_if(map.begin(), map.end(), departs));
}

}  // namespace halftone

#endif  // HALFTONE_BASE_DEPARTURES_H_
