#ifndef HALFTONE_SERVER_JOBS_SPACE_RESERVE_H_
#define HALFTONE_SERVER_JOBS_SPACE_RESERVE_H_

#include <cstdint>
#include <string>
#include <utility>

namespace halftone {

// A file that does nothing but take up room, for who is to have some when the disk is full. The
// file is the only state: several processes may share it.
class SpaceReserve {
 public:
  static constexpr int64_t kBytes = int64_t{1} << 20;

  explicit SpaceReserve(std::string path) : path_(std::move(path)) {}

  // Takes the room unless that is done, or there is none: then nothing is held.
  void Take() const;
  // Gives back what is held.
  void Release() const;

 private:
  const std::string path_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SPACE_RESERVE_H_
